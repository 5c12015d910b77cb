//! Qualifier sets ([MS-WMIO] 2.2.59).

use windlass_cim::{Flavor, NamedList, Qualifier};
use windlass_core::cursor::ReadCursor;

use super::error::Error;
use super::heap::{Heap, HeapRef, size};
use super::types::WireType;
use super::value::{Budget, decode_value};

const TO_INSTANCE: u8 = 0x01;
const TO_SUBCLASS: u8 = 0x02;
const NOT_OVERRIDABLE: u8 = 0x10;
const PROPAGATED: u8 = 0x20;
const AMENDED: u8 = 0x80;

/// A qualifier set before its values are read.
#[derive(Debug, Clone)]
pub(crate) struct QualifierSet<'a>(ReadCursor<'a>);

impl<'a> QualifierSet<'a> {
    /// Takes a set with its length, which counts itself, in front.
    pub(crate) fn decode(cursor: &mut ReadCursor<'a>) -> Result<Self, Error> {
        let offset = cursor.position();
        let length = cursor.u32_le("QualifierSet")?;
        let rest = size(length).checked_sub(4).ok_or_else(|| Error::value("QualifierSet", offset, length))?;
        Ok(Self(cursor.sub(rest, "QualifierSet")?))
    }

    /// Reads every qualifier but CIMTYPE, which is part of a property's type; that one's text is
    /// given apart.
    pub(crate) fn read(
        &self,
        heap: Heap<'a>,
        budget: &mut Budget,
    ) -> Result<(NamedList<Qualifier>, Option<String>), Error> {
        let mut cursor = self.0.clone();
        let mut qualifiers = NamedList::new();
        let mut cim_type = None;
        while !cursor.is_empty() {
            budget.spend(1)?;
            let name = heap.string(HeapRef(cursor.u32_le("QualifierName")?), "QualifierName")?;
            let flavor = cursor.u8("QualifierFlavor")?;
            let offset = cursor.position();
            let wire_type = WireType::decode(cursor.u32_le("QualifierType")?, "QualifierType", offset)?;
            let slot = cursor.sub(wire_type.slot(), "QualifierValue")?;
            let value = decode_value(wire_type, slot, heap, budget)?;
            if name.eq_ignore_ascii_case("CIMTYPE") {
                cim_type = value.as_str().map(str::to_owned);
                continue;
            }
            qualifiers.insert(Qualifier {
                name: name.into_owned().into(),
                value,
                flavor: Flavor {
                    overridable: flavor & NOT_OVERRIDABLE == 0,
                    to_subclass: flavor & TO_SUBCLASS != 0,
                    to_instance: flavor & TO_INSTANCE != 0,
                    translatable: flavor & AMENDED != 0,
                },
                is_propagated: flavor & PROPAGATED != 0,
            });
        }
        Ok((qualifiers, cim_type))
    }
}

/// The flavor byte of a qualifier.
pub(crate) fn flavor_byte(qualifier: &Qualifier) -> u8 {
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    bit(qualifier.flavor.to_instance, TO_INSTANCE)
        | bit(qualifier.flavor.to_subclass, TO_SUBCLASS)
        | bit(!qualifier.flavor.overridable, NOT_OVERRIDABLE)
        | bit(qualifier.flavor.translatable, AMENDED)
        | bit(qualifier.is_propagated, PROPAGATED)
}
