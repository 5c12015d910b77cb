//! IRemUnknown and IRemUnknown2 ([MS-DCOM] 3.1.1.5.6).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::{ObjRef, server};

use super::{Call, HostObject, Outcome, REFERENCES, resolver, resolver_bindings};

pub(super) fn call(call: &Call<'_>) -> Outcome {
    let about = resolver::about(call.host, call.raw);
    let asked = call.raw.to_exporter(&call.owner);
    let served = server::remote_unknown(&mut call.host.dcom.table(), &about, &asked, HostObject::has);
    // The table is free again when what clients gave back is dropped.
    served.map(|(answer, _gone)| answer)
}

/// A reference to a further interface of an object.
pub(super) fn query(call: &Call<'_>, ipid: Uuid, iid: Uuid) -> Result<ObjRef, Hresult> {
    let mut table = call.host.dcom.table();
    let asked = call.raw.to_exporter(&call.owner);
    let reference = server::query(&mut table, &asked, ipid, iid, REFERENCES, HostObject::has)?;
    Ok(ObjRef::standard(iid, reference, resolver_bindings(call.host, call.raw)))
}
