//! Oracles of WMI.

use windlass_wmi::array::ClassCache;
use windlass_wmi::context::Context;
use windlass_wmi::stubs::{
    CallStatus, CancelAsyncCall, Changed, ClassOrInstance, Delete, Enumerate, EstablishPosition, ExecMethod,
    FetchNext, FetchedNext, Given, Indicate, LookedUp, Lookup, Next, NextObjects, NtlmLogin,
    PositionEstablished, Query, ResultString, SetClientInfo, SetClientInfoEx, SetStatus, Skip, Timeout,
    ToSink,
};
use windlass_wmi::wmio::{self, WmiObject};

use super::dcom::{request, response};

/// The calls of all interfaces of WMI.
pub(super) fn wmi_calls(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 32 {
        0 => request::<EstablishPosition>(data),
        1 => response::<PositionEstablished>(data),
        2 => request::<NtlmLogin>(data),
        3 => request::<SetClientInfo>(data),
        4 => request::<SetClientInfoEx>(data),
        5 => response::<Given>(data),
        6 => request::<Lookup>(data),
        7 => response::<LookedUp>(data),
        8 => request::<ClassOrInstance>(data),
        9 => request::<Delete>(data),
        10 => response::<Changed>(data),
        11 => request::<Enumerate>(data),
        12 => request::<Query>(data),
        13 => request::<ExecMethod>(data),
        14 => request::<Next>(data),
        15 => response::<NextObjects>(data),
        16 => request::<Skip>(data),
        17 => request::<FetchNext>(data),
        18 => response::<FetchedNext>(data),
        19 => request::<Timeout>(data),
        20 => response::<ResultString>(data),
        21 => response::<CallStatus>(data),
        22 => request::<ToSink<Lookup>>(data),
        23 => request::<ToSink<ClassOrInstance>>(data),
        24 => request::<ToSink<Delete>>(data),
        25 => request::<ToSink<Enumerate>>(data),
        26 => request::<ToSink<Query>>(data),
        27 => request::<ToSink<ExecMethod>>(data),
        28 => request::<CancelAsyncCall>(data),
        29 => request::<Indicate>(data),
        30 => request::<SetStatus>(data),
        _ => {}
    }
}

/// Arrays of objects: what one packet teaches the cache does no harm to the next.
pub(super) fn wmi_array(data: &[u8]) {
    let mut cache = ClassCache::default();
    let first = cache.decode(data);
    let second = cache.decode(data);
    assert_eq!(first.is_ok(), second.is_ok());
}

/// Contexts of calls.
pub(super) fn wmi_context(data: &[u8]) {
    let Ok(read) = Context::decode(data) else { return };
    let written = read.encode();
    assert_eq!(Context::decode(&written).unwrap().encode(), written);
}

/// Classes with their methods, and instances: what can be written again reads as the same values.
pub(super) fn wmio(data: &[u8]) {
    let Ok(object) = wmio::decode(data) else { return };
    let Ok(unit) = wmio::encode(&object) else { return };
    match (object, wmio::decode(&unit).unwrap()) {
        (WmiObject::Class(left), WmiObject::Class(right)) => {
            assert_eq!(left.name, right.name);
            assert_eq!(left.derivation, right.derivation);
            assert_eq!(left.properties.iter().count(), right.properties.iter().count());
            assert_eq!(left.methods.iter().count(), right.methods.iter().count());
            for property in &left.properties {
                let again = right.property(&property.name).unwrap();
                assert_eq!((&property.default, property.is_key()), (&again.default, again.is_key()));
            }
        }
        (WmiObject::Instance(left), WmiObject::Instance(right)) => {
            for property in &left.properties {
                assert_eq!(Some(&property.value), right.get(&property.name));
            }
        }
        _ => panic!("a class became an instance, or the reverse"),
    }
}
