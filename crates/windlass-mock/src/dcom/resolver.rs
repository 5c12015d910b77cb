//! The resolver and activation ([MS-DCOM] 3.1.2.5).

use std::sync::Arc;

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::activation::{
    ACTIVATION_FLAGS, PropsOut, RemoteActivated, RemoteActivation, RemoteCreateInstance,
    RemoteCreatedInstance, RemoteReply, opnum as activation_opnum,
};
use windlass_dcom::server::{self, About};
use windlass_dcom::{
    ComVersion, ObjRef, OrpcThat, OrpcThis, Stub, TOWER_TCP, decode_request, encode_response, ids as dcom_ids,
};
use windlass_rpc::pdu::FaultStatus;
use windlass_wmi::ids;

use super::{Call, HostObject, Outcome, REFERENCES, RawCall, exporter_bindings, resolver_bindings};
use crate::host::Host;

/// What clients are told about the least level of authentication: integrity.
const AUTHENTICATION_HINT: u32 = 5;
/// The protocol that is asked for is not served ([MS-ERREF], RPC_S_PROTSEQ_NOT_SUPPORTED).
const PROTOCOL_NOT_SUPPORTED: Hresult = Hresult(0x8007_06A7);

/// IObjectExporter.
pub(super) fn exporter(host: &Arc<Host>, owner: &str, raw: &RawCall<'_>) -> Outcome {
    server::resolver(&mut host.dcom.table(), &about(host, raw), &raw.to_exporter(owner))
}

/// What clients are told of this exporter.
pub(super) fn about(host: &Host, raw: &RawCall<'_>) -> About {
    About {
        resolver: resolver_bindings(host, raw),
        exporter: exporter_bindings(host, raw),
        authentication_hint: AUTHENTICATION_HINT,
        references: REFERENCES,
    }
}

/// Makes an object, by either way of asking for one.
pub(super) fn activation(call: &Call<'_>) -> Outcome {
    match (call.raw.interface, call.raw.opnum) {
        (dcom_ids::ACTIVATION, activation_opnum::REMOTE_ACTIVATION) => remote_activation(call),
        (dcom_ids::REMOTE_SCM_ACTIVATOR, activation_opnum::REMOTE_CREATE_INSTANCE) => create_instance(call),
        // There are no class objects to be had, only objects.
        (dcom_ids::REMOTE_SCM_ACTIVATOR, activation_opnum::REMOTE_GET_CLASS_OBJECT) => {
            activated::<RemoteCreateInstance>(call)?;
            respond(&RemoteCreatedInstance::failed(Hresult::REGDB_E_CLASSNOTREG))
        }
        _ => Err(FaultStatus::OP_RANGE),
    }
}

fn create_instance(call: &Call<'_>) -> Outcome {
    let request = activated::<RemoteCreateInstance>(call)?;
    let Ok((instantiation, remote)) = request.wanted() else {
        return Err(FaultStatus::BAD_STUB_DATA);
    };
    let granted = match make(call, instantiation.clsid, &instantiation.iids, &remote.protocols) {
        Ok(granted) => granted,
        Err(result) => return respond(&RemoteCreatedInstance::failed(result)),
    };
    let (oxid, remote_unknown) = exporter_ids(call);
    let interfaces = instantiation.iids.iter().copied().zip(granted);
    let out = PropsOut {
        interfaces: interfaces.map(|(iid, (result, reference))| (iid, result, reference)).collect(),
    };
    let reply = RemoteReply {
        oxid,
        bindings: Some(exporter_bindings(call.host, call.raw)),
        remote_unknown,
        authentication_hint: AUTHENTICATION_HINT,
        version: ComVersion::CURRENT,
    };
    respond(&RemoteCreatedInstance::new(out, reply))
}

fn remote_activation(call: &Call<'_>) -> Outcome {
    let request = activated::<RemoteActivation>(call)?;
    let granted = match make(call, request.clsid, &request.iids, &request.protocols) {
        Ok(granted) => granted,
        Err(result) => return respond(&RemoteActivated::failed(result, request.iids.len())),
    };
    let (oxid, remote_unknown) = exporter_ids(call);
    respond(&RemoteActivated {
        oxid,
        bindings: Some(exporter_bindings(call.host, call.raw)),
        remote_unknown,
        authentication_hint: AUTHENTICATION_HINT,
        version: ComVersion::CURRENT,
        result: Hresult::S_OK,
        interfaces: granted,
        status: 0,
    })
}

fn exporter_ids(call: &Call<'_>) -> (u64, Uuid) {
    let table = call.host.dcom.table();
    (table.oxid(), table.remote_unknown())
}

/// A new object and references to its interfaces; at least one of them has to be there.
fn make(
    call: &Call<'_>,
    clsid: Uuid,
    iids: &[Uuid],
    protocols: &[u16],
) -> Result<Vec<(Hresult, Option<ObjRef>)>, Hresult> {
    const MOST_INTERFACES: usize = 64;
    if clsid != ids::CLSID_LEVEL1_LOGIN {
        return Err(Hresult::REGDB_E_CLASSNOTREG);
    }
    if !protocols.contains(&TOWER_TCP) {
        return Err(PROTOCOL_NOT_SUPPORTED);
    }
    if iids.len() > MOST_INTERFACES {
        return Err(Hresult::E_INVALIDARG);
    }
    let Some(first) = iids.iter().find(|iid| HostObject::Login.has(**iid)) else {
        return Err(Hresult::E_NOINTERFACE);
    };
    let exported = call.export(HostObject::Login, *first)?;
    let ipid = exported.remote().map(|reference| reference.ipid).unwrap_or_default();
    let mut granted = Vec::with_capacity(iids.len());
    let mut is_first = true;
    for iid in iids {
        granted.push(match HostObject::Login.has(*iid) {
            false => (Hresult::E_NOINTERFACE, None),
            true if iid == first && is_first => {
                is_first = false;
                (Hresult::S_OK, Some(exported.clone()))
            }
            true => match super::unknown::query(call, ipid, *iid) {
                Ok(reference) => (Hresult::S_OK, Some(reference)),
                Err(result) => (result, None),
            },
        });
    }
    Ok(granted)
}

/// The parameters of an activation; the flags before them may be anything.
fn activated<T: Stub>(call: &Call<'_>) -> Result<T, FaultStatus> {
    let (this, request): (OrpcThis, T) = decode_request(call.raw.stub).map_err(|error| {
        tracing::debug!(%error, "an activation cannot be read");
        FaultStatus::BAD_STUB_DATA
    })?;
    match this.version.is_compatible() {
        true => Ok(request),
        false => Err(FaultStatus(Hresult::RPC_E_VERSION_MISMATCH.0)),
    }
}

fn respond<T: Stub>(stub: &T) -> Outcome {
    let that = OrpcThat { flags: ACTIVATION_FLAGS, extensions: None };
    encode_response(&that, stub).map_err(|_| FaultStatus::OUT_ARGS_TOO_BIG)
}
