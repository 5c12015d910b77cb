//! The calls that every exporter of objects answers, whatever its objects are: those of IObjectExporter,
//! IRemUnknown and IRemUnknown2 ([MS-DCOM] 3.1.2.5.1, 3.1.1.5.6).

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_rpc::pdu::FaultStatus;

use crate::bindings::DualStringArray;
use crate::exporter::{
    ComplexPing, OR_INVALID_OXID, ResolveOxid, ResolvedOxid, ResolvedOxid2, ServerAlive2, SimplePing, Status,
    opnum as exporter_opnum,
};
use crate::objects::{ObjectTable, Refusal};
use crate::objref::{ObjRef, StdObjRef};
use crate::remunknown::{
    RemAddedRef, RemQueriedInterface, RemQueriedInterface2, RemQueryInterface, RemQueryInterface2,
    RemReferences, opnum as unknown_opnum,
};
use crate::stub::{
    ComVersion, OrpcThat, OrpcThis, ResultOnly, Stub, decode, decode_request, encode, encode_response,
};

/// Interfaces that one call asks for at most.
const MOST_INTERFACES: usize = 64;

/// What an exporter tells its clients of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Where its resolver is.
    pub resolver: DualStringArray,
    /// Where the exporter itself is.
    pub exporter: DualStringArray,
    /// The least level of authentication that it takes.
    pub authentication_hint: u32,
    /// How many references it hands over with an interface.
    pub references: u32,
}

/// A call to an exporter.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// The interface.
    pub interface: Uuid,
    /// The method.
    pub opnum: u16,
    /// The object.
    pub object: Option<Uuid>,
    /// The parameters.
    pub stub: &'c [u8],
    /// To whom the objects belong that the caller may use.
    pub owner: &'c str,
    /// When it came.
    pub now: Instant,
}

/// The response, or why there is none.
pub type Outcome = Result<Vec<u8>, FaultStatus>;

/// Writes the response of an ORPC call.
///
/// # Errors
/// [`FaultStatus::OUT_ARGS_TOO_BIG`] for what the wire cannot say.
pub fn answer<T: Stub>(stub: &T) -> Outcome {
    encode_response(&OrpcThat::default(), stub).map_err(|_| FaultStatus::OUT_ARGS_TOO_BIG)
}

/// Reads the parameters of an ORPC call that is no activation.
///
/// # Errors
/// [`FaultStatus::BAD_STUB_DATA`], or what is wrong with the header before them.
pub fn parameters<T: Stub>(stub: &[u8]) -> Result<T, FaultStatus> {
    let (this, parameters): (OrpcThis, T) = decode_request(stub).map_err(|_| FaultStatus::BAD_STUB_DATA)?;
    this.refusal().map_or(Ok(parameters), |refusal| Err(FaultStatus(refusal.0)))
}

/// Whether a call of IObjectExporter needs no logon: those that tell nothing but that there is a resolver.
pub fn needs_no_logon(opnum: u16) -> bool {
    matches!(opnum, exporter_opnum::SERVER_ALIVE | exporter_opnum::SERVER_ALIVE2)
}

/// Answers a call of IObjectExporter.
///
/// # Errors
/// Parameters that cannot be read, methods that there are not.
pub fn resolver<T>(table: &mut ObjectTable<T>, about: &About, call: &Call<'_>) -> Outcome {
    let &Call { opnum, stub, owner, now, .. } = call;
    match opnum {
        exporter_opnum::SERVER_ALIVE => plain(&Status(0)),
        exporter_opnum::SERVER_ALIVE2 => plain(&ServerAlive2 {
            version: ComVersion::CURRENT,
            bindings: Some(about.resolver.clone()),
            reserved: 0,
            status: 0,
        }),
        exporter_opnum::RESOLVE_OXID => {
            let status = resolve(table, &read(stub)?);
            plain(&ResolvedOxid {
                bindings: (status == 0).then(|| about.exporter.clone()),
                remote_unknown: table.remote_unknown(),
                authentication_hint: about.authentication_hint,
                status,
            })
        }
        exporter_opnum::RESOLVE_OXID2 => {
            let status = resolve(table, &read(stub)?);
            plain(&ResolvedOxid2 {
                bindings: (status == 0).then(|| about.exporter.clone()),
                remote_unknown: table.remote_unknown(),
                authentication_hint: about.authentication_hint,
                version: ComVersion::CURRENT,
                status,
            })
        }
        exporter_opnum::SIMPLE_PING => {
            let SimplePing { set } = read(stub)?;
            plain(&Status(table.simple_ping(owner, set, now)))
        }
        exporter_opnum::COMPLEX_PING => plain(&table.complex_ping(owner, &read::<ComplexPing>(stub)?, now)),
        _ => Err(FaultStatus::OP_RANGE),
    }
}

fn resolve<T>(table: &ObjectTable<T>, wanted: &ResolveOxid) -> u32 {
    if wanted.oxid == table.oxid() { 0 } else { OR_INVALID_OXID }
}

/// Answers a call of IRemUnknown or IRemUnknown2. `has` says which interfaces an object has. What clients gave
/// back for good is returned, to be dropped when the table is free again.
///
/// # Errors
/// Calls that are addressed to another object, parameters that cannot be read, methods that there are not.
pub fn remote_unknown<T>(
    table: &mut ObjectTable<T>,
    about: &About,
    call: &Call<'_>,
    has: impl Fn(&T, Uuid) -> bool,
) -> Result<(Vec<u8>, Vec<Arc<T>>), FaultStatus> {
    if call.object != Some(table.remote_unknown()) {
        return Err(FaultStatus(Hresult::RPC_E_DISCONNECTED.0));
    }
    let has_second = call.interface == crate::ids::REM_UNKNOWN2;
    let mut gone = Vec::new();
    let answered = match call.opnum {
        unknown_opnum::REM_QUERY_INTERFACE => query_interface(table, call, has),
        unknown_opnum::REM_ADD_REF => add_ref(table, call),
        unknown_opnum::REM_RELEASE => {
            let RemReferences(released) = parameters(call.stub)?;
            let released = released.iter();
            gone.extend(released.filter_map(|reference| table.release(call.owner, reference, call.now)));
            answer(&ResultOnly(Hresult::S_OK))
        }
        unknown_opnum::REM_QUERY_INTERFACE2 if has_second => query_interface2(table, about, call, has),
        _ => Err(FaultStatus::OP_RANGE),
    };
    Ok((answered?, gone))
}

fn query_interface<T>(
    table: &mut ObjectTable<T>,
    call: &Call<'_>,
    has: impl Fn(&T, Uuid) -> bool,
) -> Outcome {
    let request: RemQueryInterface = parameters(call.stub)?;
    let failed = |result| answer(&RemQueriedInterface { results: None, result });
    if request.iids.is_empty() || request.references == 0 || request.iids.len() > MOST_INTERFACES {
        return failed(Hresult::E_INVALIDARG);
    }
    if let Err(result) = known(table, call, request.ipid) {
        return failed(result);
    }
    let mut results = Vec::with_capacity(request.iids.len());
    for iid in &request.iids {
        results.push(match query(table, call, request.ipid, *iid, request.references, &has) {
            Ok(reference) => (Hresult::S_OK, reference),
            Err(result) => (result, StdObjRef::default()),
        });
    }
    let result = whole(results.iter().map(|(result, _)| *result));
    answer(&RemQueriedInterface { results: Some(results), result })
}

fn query_interface2<T>(
    table: &mut ObjectTable<T>,
    about: &About,
    call: &Call<'_>,
    has: impl Fn(&T, Uuid) -> bool,
) -> Outcome {
    let request: RemQueryInterface2 = parameters(call.stub)?;
    let failed = |result| {
        let results = vec![(result, None); request.iids.len().min(MOST_INTERFACES)];
        answer(&RemQueriedInterface2 { results, result })
    };
    if request.iids.is_empty() || request.iids.len() > MOST_INTERFACES {
        return failed(Hresult::E_INVALIDARG);
    }
    if let Err(result) = known(table, call, request.ipid) {
        return failed(result);
    }
    let mut results = Vec::with_capacity(request.iids.len());
    for iid in &request.iids {
        results.push(match query(table, call, request.ipid, *iid, about.references, &has) {
            Ok(reference) => (Hresult::S_OK, Some(ObjRef::standard(*iid, reference, about.resolver.clone()))),
            Err(result) => (result, None),
        });
    }
    let result = whole(results.iter().map(|(result, _)| *result));
    answer(&RemQueriedInterface2 { results, result })
}

fn add_ref<T>(table: &mut ObjectTable<T>, call: &Call<'_>) -> Outcome {
    let RemReferences(added) = parameters(call.stub)?;
    let mut results = Vec::with_capacity(added.len());
    for reference in &added {
        results.push(match table.add_references(call.owner, reference, call.now) {
            Ok(()) => Hresult::S_OK,
            Err(Refusal::Unknown) => Hresult::CO_E_OBJNOTREG,
            Err(refusal) => refusal.hresult(),
        });
    }
    let result = whole(results.iter().copied());
    answer(&RemAddedRef { results, result })
}

/// References to a further interface of an object.
///
/// # Errors
/// There is no such object or interface, or not for this caller, or a limit is reached.
pub fn query<T>(
    table: &mut ObjectTable<T>,
    call: &Call<'_>,
    ipid: Uuid,
    iid: Uuid,
    references: u32,
    has: impl Fn(&T, Uuid) -> bool,
) -> Result<StdObjRef, Hresult> {
    let (object, _) = table.target(call.owner, ipid, call.now).map_err(Refusal::hresult)?;
    if !has(&object, iid) {
        return Err(Hresult::E_NOINTERFACE);
    }
    table.query(call.owner, ipid, iid, references, call.now).map_err(Refusal::hresult)
}

fn known<T>(table: &mut ObjectTable<T>, call: &Call<'_>, ipid: Uuid) -> Result<(), Hresult> {
    match table.target(call.owner, ipid, call.now) {
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

fn plain<T: Stub>(stub: &T) -> Outcome {
    encode(stub).map_err(|_| FaultStatus::OUT_ARGS_TOO_BIG)
}

fn read<T: Stub>(stub: &[u8]) -> Result<T, FaultStatus> {
    decode(stub).map_err(|_| FaultStatus::BAD_STUB_DATA)
}
