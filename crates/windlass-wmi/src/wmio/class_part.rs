//! Class parts: the tables that classes and their instances share ([MS-WMIO] 2.2.15).

use std::borrow::Cow;

use windlass_cim::{CimType, CimValue, DataType, NamedList, Qualifier};
use windlass_core::cursor::ReadCursor;

use super::error::{Error, ErrorKind};
use super::heap::{Heap, HeapRef, size, string};
use super::qualifiers::QualifierSet;
use super::types::WireType;
use super::value::{Budget, decode_value};

/// A class without its methods: name, ancestors, properties, default values.
#[derive(Debug, Clone)]
pub struct ClassPart<'a> {
    /// The class; `None` for the nameless parent of a root class.
    pub name: Option<Cow<'a, str>>,
    /// The ancestors, nearest first.
    pub derivation: Vec<Cow<'a, str>>,
    /// The properties in the order of the lookup table, which is sorted by name.
    pub properties: Vec<PropertyInfo<'a>>,
    pub(crate) qualifiers: QualifierSet<'a>,
    pub(crate) nd_table: NdTable<'a>,
    pub(crate) values: &'a [u8],
    pub(crate) heap: Heap<'a>,
    /// The whole part behind its length.
    bytes: &'a [u8],
}

/// What a class says of one property ([MS-WMIO] 2.2.30).
#[derive(Debug, Clone)]
pub struct PropertyInfo<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    pub(crate) wire_type: WireType,
    /// Place among the properties of the class, inherited ones first.
    pub declaration_order: usize,
    pub(crate) value_offset: usize,
    /// Which ancestor declared it, counted from the topmost one.
    pub class_of_origin: usize,
    pub(crate) qualifiers: QualifierSet<'a>,
}

/// Two bits for each property, in the order of declaration ([MS-WMIO] 2.2.26).
#[derive(Debug, Clone, Copy)]
pub(crate) struct NdTable<'a>(&'a [u8]);

impl NdTable<'_> {
    /// Whether the value is null, or for an instance: whether its slot means nothing.
    pub(crate) fn is_null(self, order: usize) -> bool {
        self.bit(order * 2)
    }

    /// Whether the value is the default of the class.
    pub(crate) fn is_default(self, order: usize) -> bool {
        self.bit(order * 2 + 1)
    }

    fn bit(self, at: usize) -> bool {
        self.0.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 != 0)
    }
}

/// Splits an NdTable off the front of a table of values.
pub(crate) fn nd_table<'a>(cursor: &mut ReadCursor<'a>, properties: usize) -> Result<NdTable<'a>, Error> {
    Ok(NdTable(cursor.take(properties.div_ceil(4), "NdTable")?))
}

impl<'a> ClassPart<'a> {
    pub(crate) fn decode(cursor: &mut ReadCursor<'a>, budget: &mut Budget) -> Result<Self, Error> {
        let offset = cursor.position();
        let length = cursor.u32_le("EncodingLength")?;
        let rest =
            size(length).checked_sub(4).ok_or_else(|| Error::value("EncodingLength", offset, length))?;
        let mut part = cursor.sub(rest, "ClassPart")?;
        let bytes = part.peek();
        part.u8("ReservedOctet")?;
        let name = HeapRef(part.u32_le("ClassNameRef")?);
        let table_length = size(part.u32_le("NdTableValueTableLength")?);
        let derivation = derivation(&mut part, budget)?;
        let qualifiers = QualifierSet::decode(&mut part)?;
        let offset = part.position();
        let count = part.u32_le("PropertyCount")?;
        let lookup_length = size(count).checked_mul(8).filter(|length| *length <= part.remaining());
        let lookup_length = lookup_length.ok_or_else(|| Error::value("PropertyCount", offset, count))?;
        let mut lookup = part.sub(lookup_length, "PropertyLookupTable")?;
        let mut tables = part.sub(table_length, "NdTable and ValueTable")?;
        let count = size(count);
        let nd_table = nd_table(&mut tables, count)?;
        let values = tables.rest();
        let heap = Heap::decode(&mut part)?;
        budget.spend(count)?;
        let mut properties = Vec::with_capacity(count);
        while !lookup.is_empty() {
            properties.push(PropertyInfo::decode(&mut lookup, heap, count, values.len())?);
        }
        unique_orders(&properties)?;
        let name = if name.is_none() { None } else { Some(heap.string(name, "ClassName")?) };
        Ok(Self { name, derivation, properties, qualifiers, nd_table, values, heap, bytes })
    }

    /// Whether both were read from the same bytes, the class's own length aside.
    pub(crate) fn same_bytes(&self, other: &ClassPart<'_>) -> bool {
        self.bytes == other.bytes
    }

    /// The property of that name and its place in the lookup table.
    pub fn find(&self, name: &str) -> Option<(usize, &PropertyInfo<'a>)> {
        self.properties.iter().enumerate().find(|(_, property)| property.name.eq_ignore_ascii_case(name))
    }

    /// The value that the class gives a property by default.
    pub(crate) fn default_value(
        &self,
        property: &PropertyInfo<'_>,
        budget: &mut Budget,
    ) -> Result<CimValue, Error> {
        if self.nd_table.is_null(property.declaration_order) {
            return Ok(CimValue::Null);
        }
        decode_value(property.wire_type, property.slot(self.values)?, self.heap, budget)
    }
}

impl<'a> PropertyInfo<'a> {
    fn decode(
        lookup: &mut ReadCursor<'a>,
        heap: Heap<'a>,
        count: usize,
        table: usize,
    ) -> Result<Self, Error> {
        let name = heap.string(HeapRef(lookup.u32_le("PropertyNameRef")?), "PropertyName")?;
        let mut info = heap.item(HeapRef(lookup.u32_le("PropertyInfoRef")?), "PropertyInfo")?;
        let offset = info.position();
        let wire_type = WireType::decode(info.u32_le("PropertyType")?, "PropertyType", offset)?;
        let order = info.u16_le("DeclarationOrder")?;
        let value_offset = info.u32_le("ValueTableOffset")?;
        let origin = info.u32_le("ClassOfOrigin")?;
        if usize::from(order) >= count {
            return Err(Error::value("DeclarationOrder", offset, u32::from(order)));
        }
        if size(value_offset).saturating_add(wire_type.slot()) > table {
            return Err(Error::value("ValueTableOffset", offset, value_offset));
        }
        Ok(Self {
            name,
            wire_type,
            declaration_order: usize::from(order),
            value_offset: size(value_offset),
            class_of_origin: size(origin),
            qualifiers: QualifierSet::decode(&mut info)?,
        })
    }

    /// Whether an ancestor declared it.
    pub fn is_inherited(&self) -> bool {
        self.wire_type.is_inherited
    }

    /// The property's bytes in a value table.
    pub(crate) fn slot<'v>(&self, values: &'v [u8]) -> Result<ReadCursor<'v>, Error> {
        let mut cursor = ReadCursor::new(values);
        cursor.take(self.value_offset, "ValueTable")?;
        Ok(cursor.sub(self.wire_type.slot(), "ValueTable")?)
    }

    /// Type and qualifiers; the CIMTYPE qualifier is part of the type.
    pub(crate) fn declaration(
        &self,
        heap: Heap<'a>,
        budget: &mut Budget,
    ) -> Result<(DataType, NamedList<Qualifier>), Error> {
        let (qualifiers, cim_type) = self.qualifiers.read(heap, budget)?;
        let class =
            cim_type.as_deref().and_then(|text| text.split_once(':')).map(|(_, class)| class.to_owned());
        let element = match (self.wire_type.element, &class) {
            (CimType::Object, Some(_)) => CimType::Instance,
            (element, _) => element,
        };
        let data_type = DataType {
            element,
            is_array: self.wire_type.is_array,
            array_size: qualifiers.number("MAX").and_then(|max| u32::try_from(max).ok()),
            class: class.map(Into::into),
        };
        Ok((data_type, qualifiers))
    }
}

fn derivation<'a>(part: &mut ReadCursor<'a>, budget: &mut Budget) -> Result<Vec<Cow<'a, str>>, Error> {
    let offset = part.position();
    let length = part.u32_le("DerivationList")?;
    let rest = size(length).checked_sub(4).ok_or_else(|| Error::value("DerivationList", offset, length))?;
    let mut list = part.sub(rest, "DerivationList")?;
    let mut ancestors = Vec::new();
    while !list.is_empty() {
        budget.spend(1)?;
        ancestors.push(string(&mut list, "DerivationClassName")?);
        list.u32_le("ClassNameLength")?;
    }
    Ok(ancestors)
}

fn unique_orders(properties: &[PropertyInfo<'_>]) -> Result<(), Error> {
    let mut seen = vec![false; properties.len()];
    for property in properties {
        let order = property.declaration_order;
        if seen.get_mut(order).is_none_or(|seen| std::mem::replace(seen, true)) {
            return Err(Error::new("DeclarationOrder", order, ErrorKind::Form("number of its own")));
        }
    }
    Ok(())
}
