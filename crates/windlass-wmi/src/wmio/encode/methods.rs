//! Methods parts, written.

use windlass_cim::{CimClass, DataType, Flavor, MethodDecl, ParameterDecl, PropertyDecl, Qualifier};

use super::class_block;
use super::class_part::origin;
use super::heap::{HeapBuilder, u32_len};
use super::value::{object, qualifier_set, qualifier_set_size};
use crate::wmio::error::{Error, ErrorKind};
use crate::wmio::heap::HeapRef;

/// The methods part of a class without methods.
pub(super) const NONE: [u8; 12] = [12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];

const PROPAGATED: u8 = 0x20;
const PARAMETERS: &str = "__PARAMETERS";
const RETURN_VALUE: &str = "ReturnValue";

/// Writes the methods of a class with their signatures.
pub(super) fn write(class: &CimClass, out: &mut Vec<u8>) -> Result<(), Error> {
    if class.methods.is_empty() {
        out.extend(NONE);
        return Ok(());
    }
    let mut heap = HeapBuilder::default();
    let mut descriptions = Vec::with_capacity(class.methods.len() * 24);
    for method in &class.methods {
        let name = heap.own_string(method.name.as_str())?;
        let qualifiers = qualifiers(method, &mut heap)?;
        let input = signature(class, inputs(method), &mut heap)?;
        let output = signature(class, outputs(method), &mut heap)?;
        descriptions.extend(name.0.to_le_bytes());
        descriptions.extend([if method.is_propagated { PROPAGATED } else { 0 }, 0, 0, 0]);
        descriptions.extend(u32_len(origin(class, method.origin.as_ref()), "MethodOrigin")?.to_le_bytes());
        for at in [qualifiers, input, output] {
            descriptions.extend(at.0.to_le_bytes());
        }
    }
    let count = u16::try_from(class.methods.len());
    let count =
        count.map_err(|_| Error::new("MethodCount", 0, ErrorKind::Unencodable("that many methods")))?;
    let mut part = count.to_le_bytes().to_vec();
    part.extend([0, 0]);
    part.append(&mut descriptions);
    heap.write(&mut part)?;
    out.extend(u32_len(part.len() + 4, "MethodsPart")?.to_le_bytes());
    out.append(&mut part);
    Ok(())
}

fn qualifiers(method: &MethodDecl, heap: &mut HeapBuilder) -> Result<HeapRef, Error> {
    let at = heap.bytes(&vec![0; qualifier_set_size(None, &method.qualifiers)])?;
    let mut set = Vec::new();
    qualifier_set(None, false, &method.qualifiers, heap, &mut set)?;
    heap.patch(at, &set);
    Ok(at)
}

/// A signature without parameters is an item of length zero.
fn signature(
    class: &CimClass,
    parameters: Vec<PropertyDecl>,
    heap: &mut HeapBuilder,
) -> Result<HeapRef, Error> {
    let mut block = Vec::new();
    if !parameters.is_empty() {
        let mut signature = CimClass::new(PARAMETERS);
        signature.server_name.clone_from(&class.server_name);
        signature.namespace.clone_from(&class.namespace);
        signature.qualifiers.insert(Qualifier::flag("abstract"));
        signature.properties = parameters.into_iter().collect();
        class_block(&signature, &mut block)?;
    }
    object(&block, heap)
}

fn inputs(method: &MethodDecl) -> Vec<PropertyDecl> {
    let numbered = method.parameters.iter().enumerate().filter(|(_, parameter)| parameter.is_in());
    numbered.map(|(id, parameter)| declaration(parameter, "in", id)).collect()
}

fn outputs(method: &MethodDecl) -> Vec<PropertyDecl> {
    let numbered = method.parameters.iter().enumerate().filter(|(_, parameter)| parameter.is_out());
    let mut outputs: Vec<_> = numbered.map(|(id, parameter)| declaration(parameter, "out", id)).collect();
    if let Some(data_type) = &method.return_type {
        outputs.push(return_value(data_type));
    }
    outputs
}

fn return_value(data_type: &DataType) -> PropertyDecl {
    PropertyDecl::new(RETURN_VALUE, data_type.clone()).with_qualifier(Qualifier::flag("out"))
}

/// A parameter as a property: each signature names its own direction, and the place in the call.
fn declaration(parameter: &ParameterDecl, direction: &'static str, id: usize) -> PropertyDecl {
    let mut declared = PropertyDecl::new(parameter.name.clone(), parameter.data_type.clone());
    declared.default = parameter.default.clone();
    for qualifier in &parameter.qualifiers {
        let name = qualifier.name.as_str();
        if !["in", "out", "id"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            declared.qualifiers.insert(qualifier.clone());
        }
    }
    declared.qualifiers.insert(Qualifier::flag(direction));
    let mut number = Qualifier::new("ID", i32::try_from(id).unwrap_or(i32::MAX));
    number.flavor = Flavor { overridable: false, to_subclass: false, to_instance: true, translatable: false };
    declared.qualifiers.insert(number);
    declared
}
