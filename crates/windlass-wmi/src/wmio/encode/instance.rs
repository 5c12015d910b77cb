//! Instance parts, written.

use windlass_cim::{CimClass, CimInstance, CimProperty, DataType, PropertyDecl, Qualifier};

use super::class_part::{ClassTables, NdBuilder};
use super::heap::{HeapBuilder, u32_len};
use super::value::{qualifier_set, slot};
use crate::wmio::error::{Error, ErrorKind};
use crate::wmio::types::WireType;

/// The property sets have no qualifiers of their own.
const NO_PROPERTY_QUALIFIERS: u8 = 1;

/// Writes the values of an instance of the class whose tables these are.
pub(super) fn write(
    instance: &CimInstance,
    tables: &ClassTables<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut heap = HeapBuilder::default();
    let name = heap.own_string(tables.name.as_str())?;
    let mut nd = NdBuilder::new(tables.properties.len());
    let mut values = Vec::new();
    let mut in_order = instance.properties.iter();
    let mut written = 0;
    for (order, declared) in tables.properties.iter().enumerate() {
        let wire_type = WireType::of(&declared.data_type, false);
        // Most instances have their properties in the order of their class.
        let in_place = in_order.next().filter(|own| own.name == declared.name);
        match in_place.or_else(|| instance.property(&declared.name)) {
            Some(CimProperty { value, .. }) => {
                nd.set(order, value.is_null(), false);
                slot(wire_type, value, &mut heap, &mut values)?;
                written += 1;
            }
            None => {
                nd.set(order, true, !declared.default.is_null());
                slot(wire_type, &windlass_cim::CimValue::Null, &mut heap, &mut values)?;
            }
        }
    }
    if written < instance.properties.len() {
        let kind = ErrorKind::Unencodable("a property that the class does not have");
        return Err(Error::new("InstanceData", 0, kind));
    }
    let mut part = vec![0];
    part.extend(name.0.to_le_bytes());
    part.extend(nd.bytes());
    part.append(&mut values);
    qualifier_set(None, false, &instance.qualifiers, &mut heap, &mut part)?;
    part.push(NO_PROPERTY_QUALIFIERS);
    heap.write(&mut part)?;
    out.extend(u32_len(part.len() + 4, "EncodingLength")?.to_le_bytes());
    out.append(&mut part);
    Ok(())
}

/// A class with just the properties that the instance has.
pub(super) fn class_of(instance: &CimInstance) -> CimClass {
    let mut class = CimClass::new(instance.class_name.clone());
    for property in &instance.properties {
        let mut declared = PropertyDecl::new(
            property.name.clone(),
            DataType { is_array: property.is_array, ..DataType::scalar(property.cim_type) },
        );
        if property.is_key {
            declared = declared.with_qualifier(Qualifier::flag("key"));
        }
        class.properties.insert(declared);
    }
    class
}
