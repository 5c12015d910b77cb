//! The numbers that stand for types ([MS-WMIO] 2.2.82).

use windlass_cim::{CimType, DataType};

use super::error::Error;

const ARRAY: u32 = 0x2000;
const INHERITED: u32 = 0x4000;

/// Every intrinsic type with its number and the bytes that its slot in a value table takes.
const TYPES: [(CimType, u32, usize); 16] = [
    (CimType::SInt8, 16, 1),
    (CimType::UInt8, 17, 1),
    (CimType::SInt16, 2, 2),
    (CimType::UInt16, 18, 2),
    (CimType::SInt32, 3, 4),
    (CimType::UInt32, 19, 4),
    (CimType::SInt64, 20, 8),
    (CimType::UInt64, 21, 8),
    (CimType::Real32, 4, 4),
    (CimType::Real64, 5, 8),
    (CimType::Boolean, 11, 2),
    (CimType::String, 8, 4),
    (CimType::DateTime, 101, 4),
    (CimType::Reference, 102, 4),
    (CimType::Char16, 103, 2),
    (CimType::Object, 13, 4),
];

/// A type as it stands in a property or qualifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WireType {
    pub(crate) element: CimType,
    pub(crate) is_array: bool,
    pub(crate) is_inherited: bool,
}

impl WireType {
    pub(crate) fn decode(number: u32, field: &'static str, offset: usize) -> Result<Self, Error> {
        let base = number & !(ARRAY | INHERITED);
        let found = TYPES.iter().find(|(_, known, _)| *known == base);
        let (element, _, _) = found.ok_or_else(|| Error::value(field, offset, number))?;
        Ok(Self { element: *element, is_array: number & ARRAY != 0, is_inherited: number & INHERITED != 0 })
    }

    pub(crate) fn of(data_type: &DataType, is_inherited: bool) -> Self {
        let element =
            if data_type.element == CimType::Instance { CimType::Object } else { data_type.element };
        Self { element, is_array: data_type.is_array, is_inherited }
    }

    pub(crate) fn encode(self) -> u32 {
        let base =
            TYPES.iter().find(|(known, _, _)| *known == self.element).map_or(0, |(_, number, _)| *number);
        base | if self.is_array { ARRAY } else { 0 } | if self.is_inherited { INHERITED } else { 0 }
    }

    /// Bytes of the slot in a value table; arrays are references into the heap.
    pub(crate) fn slot(self) -> usize {
        if self.is_array { 4 } else { element_size(self.element) }
    }
}

/// Bytes of one element of an array.
pub(crate) fn element_size(element: CimType) -> usize {
    TYPES.iter().find(|(known, _, _)| *known == element).map_or(4, |(_, _, size)| *size)
}
