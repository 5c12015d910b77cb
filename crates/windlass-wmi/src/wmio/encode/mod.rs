//! Writing objects: encoding units and object blocks.

mod class_part;
mod heap;
mod instance;
mod methods;
mod value;

use windlass_cim::{CimClass, CimInstance};

use self::class_part::ClassTables;
use self::heap::{string, u32_len};
use super::block::{SIGNATURE, WmiObject};
use super::error::Error;

const CLASS: u8 = 0x01;
const INSTANCE: u8 = 0x02;
const DECORATED: u8 = 0x04;

/// Encodes an object as an encoding unit: signature, length, object block.
///
/// An instance is encoded with the tables of its class, so the class must be attached to it; without
/// one, a class of the instance's own properties is made up, as a query with a projection does.
///
/// # Errors
/// Values that are not of their property's type, and objects too large for 32 bits.
pub fn encode(object: &WmiObject) -> Result<Vec<u8>, Error> {
    let mut block = Vec::new();
    match object {
        WmiObject::Class(class) => class_block(class, &mut block)?,
        WmiObject::Instance(instance) => instance_block(instance, &mut block)?,
    }
    let mut unit = Vec::with_capacity(block.len() + 8);
    unit.extend(SIGNATURE.to_le_bytes());
    unit.extend(u32_len(block.len(), "ObjectEncodingLength")?.to_le_bytes());
    unit.append(&mut block);
    Ok(unit)
}

/// An object block with a class: the parent's tables, then its own.
pub(crate) fn class_block(class: &CimClass, out: &mut Vec<u8>) -> Result<(), Error> {
    decoration(CLASS, class.server_name.as_deref(), class.namespace.as_ref().map(|name| name.to_wmi()), out);
    match parent(class) {
        Some(parent) => {
            ClassTables::build(&parent)?.write(out)?;
            methods::write(&parent, out)?;
        }
        None => {
            out.extend(class_part::NAMELESS);
            out.extend(methods::NONE);
        }
    }
    ClassTables::build(class)?.write(out)?;
    methods::write(class, out)
}

/// An object block with an instance: the tables of its class, then its values.
pub(super) fn instance_block(instance: &CimInstance, out: &mut Vec<u8>) -> Result<(), Error> {
    match &instance.class {
        Some(class) => InstanceEncoder::new(class)?.block(instance, out),
        None => InstanceEncoder::new(&instance::class_of(instance))?.block(instance, out),
    }
}

/// Writes instances of one class, whose tables are made once.
pub struct InstanceEncoder<'c> {
    tables: ClassTables<'c>,
}

impl<'c> InstanceEncoder<'c> {
    /// Makes the tables.
    ///
    /// # Errors
    /// A class that cannot be written.
    pub fn new(class: &'c CimClass) -> Result<Self, Error> {
        Ok(Self { tables: ClassTables::build(class)? })
    }

    /// Appends an object block: the tables of the class, then the values.
    ///
    /// # Errors
    /// Values that are not of their property's type, properties that the class does not have.
    pub fn block(&self, instance: &CimInstance, out: &mut Vec<u8>) -> Result<(), Error> {
        decorate_instance(instance, out);
        self.tables.write(out)?;
        instance::write(instance, &self.tables, out)
    }

    /// Appends the same without the tables, for readers who have them.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    pub fn without_class(&self, instance: &CimInstance, out: &mut Vec<u8>) -> Result<(), Error> {
        decorate_instance(instance, out);
        instance::write(instance, &self.tables, out)
    }
}

fn decorate_instance(instance: &CimInstance, out: &mut Vec<u8>) {
    let namespace = instance.namespace.as_ref().map(|name| name.to_wmi());
    decoration(INSTANCE, instance.server_name.as_deref(), namespace, out);
}

fn decoration(kind: u8, server: Option<&str>, namespace: Option<String>, out: &mut Vec<u8>) {
    match (server, namespace) {
        (Some(server), Some(namespace)) => {
            out.push(kind | DECORATED);
            string(server, out);
            string(&namespace, out);
        }
        _ => out.push(kind),
    }
}

/// The nearest ancestor, as far as the class shows it: what it inherited.
fn parent(class: &CimClass) -> Option<CimClass> {
    let (name, ancestors) = class.derivation.split_first()?;
    let mut parent = CimClass::new(name.clone());
    parent.derivation = ancestors.to_vec();
    for property in class.properties.iter().filter(|property| property.is_propagated) {
        let mut property = property.clone();
        property.is_propagated = property.origin.as_ref().is_some_and(|origin| !origin.is(name.as_str()));
        parent.properties.insert(property);
    }
    for method in class.methods.iter().filter(|method| method.is_propagated) {
        let mut method = method.clone();
        method.is_propagated = method.origin.as_ref().is_some_and(|origin| !origin.is(name.as_str()));
        parent.methods.insert(method);
    }
    Some(parent)
}
