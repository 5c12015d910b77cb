//! Oracles of DCOM.

use std::fmt::Debug;

use windlass_core::cursor::ReadCursor;
use windlass_dcom::activation::{
    RemoteActivated, RemoteActivation, RemoteCreateInstance, RemoteCreatedInstance,
};
use windlass_dcom::exporter::{
    ComplexPing, ComplexPinged, ResolveOxid, ResolvedOxid, ResolvedOxid2, ServerAlive2, SimplePing, Status,
};
use windlass_dcom::remunknown::{
    RemAddedRef, RemQueriedInterface, RemQueriedInterface2, RemQueryInterface, RemQueryInterface2,
    RemReferences,
};
use windlass_dcom::{
    DualStringArray, Nothing, ObjRef, ResultOnly, Stub, decode, decode_request, decode_response, encode,
    encode_request, encode_response,
};

/// What is read, written and read again is the same.
fn plain<T: Stub + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = decode::<T>(data) else { return };
    let Ok(written) = encode(&read) else { return };
    assert_eq!(decode::<T>(&written).unwrap(), read);
}

/// The same with the header of a request before it.
pub(super) fn request<T: Stub + PartialEq + Debug>(data: &[u8]) {
    let Ok((this, read)) = decode_request::<T>(data) else { return };
    let Ok(written) = encode_request(&this, &read) else { return };
    assert_eq!(decode_request::<T>(&written).unwrap(), (this, read));
}

/// The same with the header of a response before it.
pub(super) fn response<T: Stub + PartialEq + Debug>(data: &[u8]) {
    let Ok((that, read)) = decode_response::<T>(data) else { return };
    let Ok(written) = encode_response(&that, &read) else { return };
    assert_eq!(decode_response::<T>(&written).unwrap(), (that, read));
}

/// References and bindings.
pub(super) fn dcom_objref(data: &[u8]) {
    if let Ok(read) = ObjRef::decode(data)
        && let Ok(written) = read.encode()
    {
        assert_eq!(ObjRef::decode(&written).unwrap(), read);
    }
    if let Ok(read) = DualStringArray::decode(&mut ReadCursor::new(data)) {
        let mut written = Vec::new();
        if read.encode(&mut written).is_ok() {
            assert_eq!(DualStringArray::decode(&mut ReadCursor::new(&written)).unwrap(), read);
        }
        let _ports: Vec<u16> = read.tcp_ports().collect();
    }
}

/// Activations, both ways and both directions.
pub(super) fn dcom_activation(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 4 {
        0 => request::<RemoteCreateInstance>(data),
        1 => response::<RemoteCreatedInstance>(data),
        2 => request::<RemoteActivation>(data),
        _ => response::<RemoteActivated>(data),
    }
}

/// The calls of the resolver and of IRemUnknown.
pub(super) fn dcom_calls(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 16 {
        0 => plain::<ResolveOxid>(data),
        1 => plain::<ResolvedOxid>(data),
        2 => plain::<ResolvedOxid2>(data),
        3 => plain::<SimplePing>(data),
        4 => plain::<ComplexPing>(data),
        5 => plain::<ComplexPinged>(data),
        6 => plain::<Status>(data),
        7 => plain::<ServerAlive2>(data),
        8 => request::<RemQueryInterface>(data),
        9 => response::<RemQueriedInterface>(data),
        10 => request::<RemQueryInterface2>(data),
        11 => response::<RemQueriedInterface2>(data),
        12 => request::<RemReferences>(data),
        13 => response::<RemAddedRef>(data),
        14 => request::<Nothing>(data),
        _ => response::<ResultOnly>(data),
    }
}
