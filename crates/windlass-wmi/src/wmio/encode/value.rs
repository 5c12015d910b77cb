//! Values and qualifier sets, written.

use windlass_cim::{CimType, CimValue, DataType, NamedList, Qualifier};

use super::heap::{HeapBuilder, u32_len};
use super::{class_block, instance_block};
use crate::wmio::error::{Error, ErrorKind};
use crate::wmio::heap::HeapRef;
use crate::wmio::qualifiers::flavor_byte;
use crate::wmio::types::{WireType, element_size};

/// Flavors that Windows stores for the two qualifiers that every class has.
const CIMTYPE_FLAVOR: u8 = 0x03;
const KEY_FLAVOR: u8 = 0x13;
const PROPAGATED: u8 = 0x20;

/// Writes a value's slot; what does not fit it goes into the heap.
pub(super) fn slot(
    wire_type: WireType,
    value: &CimValue,
    heap: &mut HeapBuilder,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    match value {
        CimValue::Null => {
            out.extend(std::iter::repeat_n(0xFF, wire_type.slot()));
            Ok(())
        }
        CimValue::Array(array) if wire_type.is_array => {
            let count = u32_len(array.len(), "array count")?;
            let size = array.len().saturating_mul(element_size(wire_type.element)).saturating_add(4);
            let at = heap.bytes(&vec![0; size])?;
            let mut bytes = count.to_le_bytes().to_vec();
            // Elements that refer to the heap stand behind the array in their order: some readers take them
            // from there.
            for item in array.items() {
                scalar(wire_type.element, item, heap, &mut bytes)?;
            }
            heap.patch(at, &bytes);
            out.extend(at.0.to_le_bytes());
            Ok(())
        }
        _ if wire_type.is_array => Err(mismatch()),
        value => scalar(wire_type.element, value, heap, out),
    }
}

fn scalar(
    element: CimType,
    value: &CimValue,
    heap: &mut HeapBuilder,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    match (element, value) {
        (CimType::Boolean, CimValue::Boolean(true)) => out.extend([0xFF, 0xFF]),
        (CimType::Boolean, CimValue::Boolean(false)) => out.extend([0, 0]),
        (CimType::UInt8, CimValue::UInt8(value)) => out.push(*value),
        (CimType::SInt8, CimValue::SInt8(value)) => out.extend(value.to_le_bytes()),
        (CimType::UInt16, CimValue::UInt16(value)) | (CimType::Char16, CimValue::Char16(value)) => {
            out.extend(value.to_le_bytes());
        }
        (CimType::SInt16, CimValue::SInt16(value)) => out.extend(value.to_le_bytes()),
        (CimType::UInt32, CimValue::UInt32(value)) => out.extend(value.to_le_bytes()),
        (CimType::SInt32, CimValue::SInt32(value)) => out.extend(value.to_le_bytes()),
        (CimType::UInt64, CimValue::UInt64(value)) => out.extend(value.to_le_bytes()),
        (CimType::SInt64, CimValue::SInt64(value)) => out.extend(value.to_le_bytes()),
        (CimType::Real32, CimValue::Real32(value)) => out.extend(value.to_le_bytes()),
        (CimType::Real64, CimValue::Real64(value)) => out.extend(value.to_le_bytes()),
        // The dictionary is for names; some readers know it nowhere else.
        (CimType::String, CimValue::String(text)) => out.extend(heap.own_string(text)?.0.to_le_bytes()),
        (CimType::DateTime, CimValue::DateTime(value)) => {
            out.extend(heap.own_string(&value.to_string())?.0.to_le_bytes());
        }
        (CimType::Reference, CimValue::Reference(path)) => {
            out.extend(heap.own_string(&path.to_string())?.0.to_le_bytes());
        }
        (CimType::Object, CimValue::Instance(instance)) => {
            let mut block = Vec::new();
            instance_block(instance, &mut block)?;
            out.extend(object(&block, heap)?.0.to_le_bytes());
        }
        (CimType::Object, CimValue::Class(class)) => {
            let mut block = Vec::new();
            class_block(class, &mut block)?;
            out.extend(object(&block, heap)?.0.to_le_bytes());
        }
        (CimType::String | CimType::DateTime | CimType::Reference | CimType::Object, CimValue::Null) => {
            out.extend(HeapRef::NONE.0.to_le_bytes());
        }
        _ => return Err(mismatch()),
    }
    Ok(())
}

/// An embedded object or a method's signature: length, then the object block.
pub(super) fn object(block: &[u8], heap: &mut HeapBuilder) -> Result<HeapRef, Error> {
    let mut bytes = u32_len(block.len(), "object length")?.to_le_bytes().to_vec();
    bytes.extend(block);
    heap.bytes(&bytes)
}

/// How many bytes a qualifier set takes.
pub(super) fn qualifier_set_size(data_type: Option<&DataType>, qualifiers: &NamedList<Qualifier>) -> usize {
    let one = |qualifier: &Qualifier| 9 + qualifier_type(qualifier).slot();
    4 + data_type.map_or(0, |_| 13) + qualifiers.iter().map(one).sum::<usize>()
}

/// Writes a qualifier set; that of a property begins with its CIMTYPE.
pub(super) fn qualifier_set(
    data_type: Option<&DataType>,
    inherited: bool,
    qualifiers: &NamedList<Qualifier>,
    heap: &mut HeapBuilder,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let propagated = if inherited { PROPAGATED } else { 0 };
    out.extend(u32_len(qualifier_set_size(data_type, qualifiers), "QualifierSet")?.to_le_bytes());
    if let Some(data_type) = data_type {
        let name = heap.string("CIMTYPE")?;
        let string = WireType { element: CimType::String, is_array: false, is_inherited: false };
        out.extend(name.0.to_le_bytes());
        out.push(CIMTYPE_FLAVOR | propagated);
        out.extend(string.encode().to_le_bytes());
        out.extend(heap.string(&cim_type_text(data_type))?.0.to_le_bytes());
    }
    for qualifier in qualifiers {
        let wire_type = qualifier_type(qualifier);
        let name = qualifier.name.as_str();
        let is_key = name.eq_ignore_ascii_case("key");
        let at = if is_key { heap.string("key")? } else { heap.string(name)? };
        out.extend(at.0.to_le_bytes());
        out.push(if is_key { KEY_FLAVOR | propagated } else { flavor_byte(qualifier) });
        out.extend(wire_type.encode().to_le_bytes());
        slot(wire_type, &qualifier.value, heap, out)?;
    }
    Ok(())
}

fn qualifier_type(qualifier: &Qualifier) -> WireType {
    let element = qualifier.value.cim_type().unwrap_or(CimType::String);
    WireType { element, is_array: qualifier.value.is_array(), is_inherited: false }
}

/// `uint32`, `ref:Class`, `object:Class`.
fn cim_type_text(data_type: &DataType) -> String {
    match (data_type.element, &data_type.class) {
        (CimType::Reference, Some(class)) => format!("ref:{}", class.as_str()),
        (CimType::Reference, None) => "ref".to_owned(),
        (CimType::Instance | CimType::Object, Some(class)) => format!("object:{}", class.as_str()),
        (CimType::Instance | CimType::Object, None) => "object".to_owned(),
        (element, _) => element.name().to_owned(),
    }
}

fn mismatch() -> Error {
    Error::new("value", 0, ErrorKind::Unencodable("a value that is not of its property's type"))
}
