//! Class parts, written.

use windlass_cim::{CimClass, CimName, PropertyDecl};

use super::heap::{HeapBuilder, string, u32_len};
use super::value::{qualifier_set, qualifier_set_size, slot};
use crate::wmio::error::{Error, ErrorKind};
use crate::wmio::heap::HeapRef;
use crate::wmio::types::WireType;

/// The class part that stands for no parent.
pub(super) const NAMELESS: [u8; 29] =
    [29, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];

/// The tables of a class, ready to be written, with what its instances need of them.
pub(super) struct ClassTables<'c> {
    pub(super) name: &'c CimName,
    /// The properties in the order of their declaration, inherited ones first.
    pub(super) properties: Vec<&'c PropertyDecl>,
    tail: Vec<u8>,
}

impl<'c> ClassTables<'c> {
    pub(super) fn build(class: &'c CimClass) -> Result<Self, Error> {
        let (inherited, local): (Vec<_>, Vec<_>) =
            class.properties.iter().partition(|property| property.is_propagated);
        let properties: Vec<&PropertyDecl> = inherited.into_iter().chain(local).collect();
        let mut heap = HeapBuilder::default();
        let name = if class.name.is_empty() { HeapRef::NONE } else { heap.own_string(class.name.as_str())? };
        let mut class_qualifiers = Vec::new();
        qualifier_set(None, false, &class.qualifiers, &mut heap, &mut class_qualifiers)?;

        let mut sorted: Vec<usize> = (0..properties.len()).collect();
        let lower =
            |index: &usize| properties.get(*index).map(|property| property.name.as_str().to_lowercase());
        sorted.sort_by_key(lower);
        let offsets = offsets(&properties);
        let mut lookup = Vec::with_capacity(properties.len() * 8);
        for index in sorted {
            let (Some(property), Some(offset)) = (properties.get(index), offsets.get(index)) else {
                continue;
            };
            lookup.extend(heap.own_string(property.name.as_str())?.0.to_le_bytes());
            lookup.extend(property_info(class, property, index, *offset, &mut heap)?.0.to_le_bytes());
        }

        let mut nd = NdBuilder::new(properties.len());
        let mut values = Vec::new();
        for (index, property) in properties.iter().enumerate() {
            let is_null = property.default.is_null();
            nd.set(index, is_null, property.is_propagated);
            slot(WireType::of(&property.data_type, false), &property.default, &mut heap, &mut values)?;
        }
        let mut tail = Vec::new();
        tail.push(0);
        tail.extend(name.0.to_le_bytes());
        tail.extend(u32_len(nd.bytes().len() + values.len(), "NdTableValueTableLength")?.to_le_bytes());
        derivation(class, &mut tail)?;
        tail.append(&mut class_qualifiers);
        tail.extend(u32_len(properties.len(), "PropertyCount")?.to_le_bytes());
        tail.append(&mut lookup);
        tail.extend(nd.bytes());
        tail.append(&mut values);
        heap.write(&mut tail)?;
        Ok(Self { name: &class.name, properties, tail })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend(u32_len(self.tail.len() + 4, "EncodingLength")?.to_le_bytes());
        out.extend(&self.tail);
        Ok(())
    }
}

/// Two bits for each property, low bits first.
pub(super) struct NdBuilder(Vec<u8>);

impl NdBuilder {
    pub(super) fn new(properties: usize) -> Self {
        Self(vec![0; properties.div_ceil(4)])
    }

    pub(super) fn set(&mut self, order: usize, is_null: bool, is_default: bool) {
        let bits = u8::from(is_null) | u8::from(is_default) << 1;
        if let Some(byte) = self.0.get_mut(order / 4) {
            *byte |= bits << (order % 4 * 2);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn offsets(properties: &[&PropertyDecl]) -> Vec<usize> {
    let mut offset = 0;
    let mut next = |property: &&PropertyDecl| {
        let at = offset;
        offset += WireType::of(&property.data_type, false).slot();
        at
    };
    properties.iter().map(&mut next).collect()
}

/// Adds a PropertyInfo; the strings of its qualifiers follow it in the heap.
fn property_info(
    class: &CimClass,
    property: &PropertyDecl,
    order: usize,
    offset: usize,
    heap: &mut HeapBuilder,
) -> Result<HeapRef, Error> {
    let size = 14 + qualifier_set_size(Some(&property.data_type), &property.qualifiers);
    let at = heap.bytes(&vec![0; size])?;
    let mut info = Vec::with_capacity(size);
    info.extend(WireType::of(&property.data_type, property.is_propagated).encode().to_le_bytes());
    let order = u16::try_from(order);
    let order = order
        .map_err(|_| Error::new("DeclarationOrder", 0, ErrorKind::Unencodable("that many properties")))?;
    info.extend(order.to_le_bytes());
    info.extend(u32_len(offset, "ValueTableOffset")?.to_le_bytes());
    info.extend(u32_len(origin(class, property.origin.as_ref()), "ClassOfOrigin")?.to_le_bytes());
    qualifier_set(Some(&property.data_type), property.is_propagated, &property.qualifiers, heap, &mut info)?;
    heap.patch(at, &info);
    Ok(at)
}

/// Ancestors are counted from the topmost one; the class itself comes after all of them.
pub(super) fn origin(class: &CimClass, origin: Option<&CimName>) -> usize {
    let ancestors = class.derivation.len();
    let from_top =
        origin.and_then(|origin| class.derivation.iter().rev().position(|name| name.is(origin.as_str())));
    from_top.unwrap_or(ancestors)
}

fn derivation(class: &CimClass, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut list = Vec::new();
    for ancestor in &class.derivation {
        let before = list.len();
        string(ancestor.as_str(), &mut list);
        let length = u32_len(list.len() - before, "ClassNameLength")?;
        list.extend(length.to_le_bytes());
    }
    out.extend(u32_len(list.len() + 4, "DerivationList")?.to_le_bytes());
    out.append(&mut list);
    Ok(())
}
