//! Classes and instances as object references that travel themselves ([MS-WMI] 2.2.4).

use std::sync::Arc;

use windlass_cim::{CimClass, CimInstance};
use windlass_dcom::{ObjRef, ObjRefKind};

use crate::error::Error;
use crate::ids;
use crate::wmio::{self, WmiObject};

/// An object as an IWbemClassObject.
///
/// # Errors
/// The object cannot be encoded, see [`wmio::encode()`].
pub fn marshal(object: &WmiObject) -> Result<ObjRef, Error> {
    Ok(marshal_unit(wmio::encode(object)?))
}

/// A class as an IWbemClassObject.
///
/// # Errors
/// It cannot be encoded.
pub fn marshal_class(class: &CimClass) -> Result<ObjRef, Error> {
    marshal(&WmiObject::Class(class.clone()))
}

/// An instance as an IWbemClassObject.
///
/// # Errors
/// It cannot be encoded.
pub fn marshal_instance(instance: &CimInstance) -> Result<ObjRef, Error> {
    marshal(&WmiObject::Instance(instance.clone()))
}

/// An encoding unit as an IWbemClassObject.
pub fn marshal_unit(unit: Vec<u8>) -> ObjRef {
    ObjRef::custom(ids::CLASS_OBJECT, ids::CLSID_CLASS_OBJECT, unit)
}

/// Takes the object out of an IWbemClassObject.
///
/// # Errors
/// Another kind of reference, an object that is not in the encoding of WMI.
pub fn unmarshal(reference: &ObjRef) -> Result<WmiObject, Error> {
    match &reference.kind {
        ObjRefKind::Custom { clsid, data, .. } if *clsid == ids::CLSID_CLASS_OBJECT => {
            Ok(wmio::decode(data)?)
        }
        _ => Err(Error::Expected("an IWbemClassObject")),
    }
}

/// Takes a class out of an IWbemClassObject.
///
/// # Errors
/// See [`unmarshal`]; an instance.
pub fn unmarshal_class(reference: &ObjRef) -> Result<CimClass, Error> {
    match unmarshal(reference)? {
        WmiObject::Class(class) => Ok(class),
        WmiObject::Instance(_) => Err(Error::Expected("a class")),
    }
}

/// Takes an instance out of an IWbemClassObject.
///
/// # Errors
/// See [`unmarshal`]; a class.
pub fn unmarshal_instance(reference: &ObjRef) -> Result<CimInstance, Error> {
    match unmarshal(reference)? {
        WmiObject::Instance(instance) => Ok(instance),
        WmiObject::Class(_) => Err(Error::Expected("an instance")),
    }
}

/// The class of just the properties that an instance has: what a query for some of them gives. The
/// instance's own class where it has them all, or no class at all.
pub fn projected_class(instance: &CimInstance) -> Option<Arc<CimClass>> {
    let class = instance.class.as_ref()?;
    if class.properties.iter().all(|declared| instance.property(&declared.name).is_some()) {
        return Some(Arc::clone(class));
    }
    let mut projected = CimClass::new(class.name.clone());
    projected.namespace.clone_from(&class.namespace);
    projected.server_name.clone_from(&class.server_name);
    projected.derivation.clone_from(&class.derivation);
    projected.qualifiers = class.qualifiers.clone();
    projected.properties = class
        .properties
        .iter()
        .filter(|declared| instance.property(&declared.name).is_some())
        .cloned()
        .collect();
    Some(Arc::new(projected))
}
