//! IRemUnknown and IRemUnknown2 ([MS-DCOM] 3.1.1.5.6).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::objects::Refusal;
use windlass_dcom::remunknown::{
    RemAddedRef, RemQueriedInterface, RemQueriedInterface2, RemQueryInterface, RemQueryInterface2,
    RemReferences, opnum,
};
use windlass_dcom::{ObjRef, ResultOnly, StdObjRef, ids as dcom_ids};
use windlass_rpc::pdu::FaultStatus;

use super::{Call, Outcome, REFERENCES, answer, now, resolver_bindings};

/// Interfaces that one call asks for at most.
const MOST_INTERFACES: usize = 64;

pub(super) fn call(call: &Call<'_>) -> Outcome {
    if call.raw.object != Some(call.host.dcom.table().remote_unknown()) {
        return Err(FaultStatus(Hresult::RPC_E_DISCONNECTED.0));
    }
    match call.raw.opnum {
        opnum::REM_QUERY_INTERFACE => query_interface(call),
        opnum::REM_ADD_REF => add_ref(call),
        opnum::REM_RELEASE => {
            let RemReferences(released) = call.parameters()?;
            for reference in &released {
                let gone = call.host.dcom.table().release(&call.owner, reference, now());
                drop(gone);
            }
            answer(&ResultOnly(Hresult::S_OK))
        }
        opnum::REM_QUERY_INTERFACE2 if call.raw.interface == dcom_ids::REM_UNKNOWN2 => query_interface2(call),
        _ => Err(FaultStatus::OP_RANGE),
    }
}

fn query_interface(call: &Call<'_>) -> Outcome {
    let request: RemQueryInterface = call.parameters()?;
    let failed = |result| answer(&RemQueriedInterface { results: None, result });
    if request.iids.is_empty() || request.references == 0 || request.iids.len() > MOST_INTERFACES {
        return failed(Hresult::E_INVALIDARG);
    }
    if let Err(result) = known(call, request.ipid) {
        return failed(result);
    }
    let mut results = Vec::with_capacity(request.iids.len());
    for iid in &request.iids {
        results.push(match reference(call, request.ipid, *iid, request.references) {
            Ok(reference) => (Hresult::S_OK, reference),
            Err(result) => (result, StdObjRef::default()),
        });
    }
    let result = whole(results.iter().map(|(result, _)| *result));
    answer(&RemQueriedInterface { results: Some(results), result })
}

fn query_interface2(call: &Call<'_>) -> Outcome {
    let request: RemQueryInterface2 = call.parameters()?;
    let failed = |result| {
        let results = vec![(result, None); request.iids.len().min(MOST_INTERFACES)];
        answer(&RemQueriedInterface2 { results, result })
    };
    if request.iids.is_empty() || request.iids.len() > MOST_INTERFACES {
        return failed(Hresult::E_INVALIDARG);
    }
    if let Err(result) = known(call, request.ipid) {
        return failed(result);
    }
    let mut results = Vec::with_capacity(request.iids.len());
    for iid in &request.iids {
        results.push(match query(call, request.ipid, *iid) {
            Ok(reference) => (Hresult::S_OK, Some(reference)),
            Err(result) => (result, None),
        });
    }
    let result = whole(results.iter().map(|(result, _)| *result));
    answer(&RemQueriedInterface2 { results, result })
}

fn add_ref(call: &Call<'_>) -> Outcome {
    let RemReferences(added) = call.parameters()?;
    let mut results = Vec::with_capacity(added.len());
    for reference in &added {
        let outcome = call.host.dcom.table().add_references(&call.owner, reference, now());
        results.push(match outcome {
            Ok(()) => Hresult::S_OK,
            Err(Refusal::Unknown) => Hresult::CO_E_OBJNOTREG,
            Err(refusal) => refusal.hresult(),
        });
    }
    let result = whole(results.iter().copied());
    answer(&RemAddedRef { results, result })
}

/// A reference to a further interface of an object.
pub(super) fn query(call: &Call<'_>, ipid: Uuid, iid: Uuid) -> Result<ObjRef, Hresult> {
    let reference = reference(call, ipid, iid, REFERENCES)?;
    Ok(ObjRef::standard(iid, reference, resolver_bindings(call.host, call.raw)))
}

fn reference(call: &Call<'_>, ipid: Uuid, iid: Uuid, references: u32) -> Result<StdObjRef, Hresult> {
    let mut table = call.host.dcom.table();
    let now = now();
    let (object, _) = table.target(&call.owner, ipid, now).map_err(Refusal::hresult)?;
    if !object.has(iid) {
        return Err(Hresult::E_NOINTERFACE);
    }
    table.query(&call.owner, ipid, iid, references, now).map_err(Refusal::hresult)
}

fn known(call: &Call<'_>, ipid: Uuid) -> Result<(), Hresult> {
    match call.host.dcom.table().target(&call.owner, ipid, now()) {
        Ok(_) => Ok(()),
        Err(Refusal::Unknown) => Err(Hresult::RPC_E_INVALID_OBJECT),
        Err(refusal) => Err(refusal.hresult()),
    }
}

/// The result of the whole: that of all, or that some failed.
fn whole(results: impl Iterator<Item = Hresult> + Clone) -> Hresult {
    let failed = results.clone().filter(|result| result.is_failure()).count();
    match failed {
        0 => Hresult::S_OK,
        failed if failed == results.clone().count() => results.into_iter().next().unwrap_or(Hresult::E_FAIL),
        _ => Hresult::S_FALSE,
    }
}
