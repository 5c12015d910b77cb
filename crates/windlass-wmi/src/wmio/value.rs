//! Values in value tables, qualifiers and arrays ([MS-WMIO] 2.2.71).

use windlass_cim::{CimArray, CimDateTime, CimType, CimValue, ObjectPath, PathLimits};
use windlass_core::cursor::ReadCursor;

use super::block::{ObjectBlock, WmiObject};
use super::error::{Error, ErrorKind};
use super::heap::{Heap, HeapRef, size};
use super::types::{WireType, element_size};

/// Objects within objects.
const NESTING: usize = 16;
/// Values, qualifiers and properties of one encoding unit, those of embedded objects included.
const WORK: usize = 4_000_000;

/// What reading one unit may still cost. References may share heap items, so that a small heap can
/// stand for much work.
#[derive(Debug)]
pub(crate) struct Budget {
    work: usize,
    nesting: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { work: WORK, nesting: NESTING }
    }
}

impl Budget {
    /// A budget for many objects together.
    pub(crate) fn of(work: usize) -> Self {
        Self { work, nesting: NESTING }
    }

    pub(crate) fn spend(&mut self, work: usize) -> Result<(), Error> {
        match self.work.checked_sub(work) {
            Some(left) => {
                self.work = left;
                Ok(())
            }
            None => Err(Error::new("object", 0, ErrorKind::Limit("values of one object", WORK))),
        }
    }

    /// Runs `read` one level deeper.
    pub(crate) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let Some(left) = self.nesting.checked_sub(1) else {
            return Err(Error::new("object", 0, ErrorKind::Limit("embedded objects", NESTING)));
        };
        self.nesting = left;
        let outcome = read(self);
        self.nesting += 1;
        outcome
    }
}

/// Reads the value whose slot is `slot`; what does not fit a slot stands in `heap`.
pub(crate) fn decode_value(
    wire_type: WireType,
    mut slot: ReadCursor<'_>,
    heap: Heap<'_>,
    budget: &mut Budget,
) -> Result<CimValue, Error> {
    budget.spend(1)?;
    if !wire_type.is_array {
        return decode_scalar(wire_type.element, &mut slot, heap, budget);
    }
    let at = HeapRef(slot.u32_le("array")?);
    if at.is_none() {
        return Ok(CimValue::Null);
    }
    let mut items = heap.item(at, "array")?;
    let count = size(items.u32_le("array count")?);
    let bytes = count.saturating_mul(element_size(wire_type.element));
    let mut items = items.sub(bytes, "array items")?;
    budget.spend(count)?;
    let mut array = CimArray::new(wire_type.element);
    for _ in 0..count {
        let value = decode_scalar(wire_type.element, &mut items, heap, budget)?;
        if array.push(value).is_err() {
            return Err(Error::new("array items", 0, ErrorKind::Form("element of the array's type")));
        }
    }
    Ok(CimValue::Array(Box::new(array)))
}

fn decode_scalar(
    element: CimType,
    slot: &mut ReadCursor<'_>,
    heap: Heap<'_>,
    budget: &mut Budget,
) -> Result<CimValue, Error> {
    Ok(match element {
        CimType::Boolean => CimValue::Boolean(slot.u16_le("boolean")? != 0),
        CimType::UInt8 => CimValue::UInt8(slot.u8("uint8")?),
        CimType::SInt8 => CimValue::SInt8(i8::from_le_bytes(slot.array("sint8")?)),
        CimType::UInt16 => CimValue::UInt16(slot.u16_le("uint16")?),
        CimType::SInt16 => CimValue::SInt16(i16::from_le_bytes(slot.array("sint16")?)),
        CimType::UInt32 => CimValue::UInt32(slot.u32_le("uint32")?),
        CimType::SInt32 => CimValue::SInt32(slot.i32_le("sint32")?),
        CimType::UInt64 => CimValue::UInt64(slot.u64_le("uint64")?),
        CimType::SInt64 => CimValue::SInt64(i64::from_le_bytes(slot.array("sint64")?)),
        CimType::Real32 => CimValue::Real32(f32::from_le_bytes(slot.array("real32")?)),
        CimType::Real64 => CimValue::Real64(f64::from_le_bytes(slot.array("real64")?)),
        CimType::Char16 => CimValue::Char16(slot.u16_le("char16")?),
        CimType::String | CimType::DateTime | CimType::Reference => {
            let at = HeapRef(slot.u32_le("string")?);
            if at.is_none() {
                return Ok(CimValue::Null);
            }
            let text = heap.string(at, "string")?;
            budget.spend(text.len() / 64)?;
            text_value(element, text.into_owned())?
        }
        CimType::Object | CimType::Instance => {
            let at = HeapRef(slot.u32_le("object")?);
            if at.is_none() {
                return Ok(CimValue::Null);
            }
            let mut item = heap.item(at, "object")?;
            let length = size(item.u32_le("object length")?);
            let mut block = item.sub(length, "object")?;
            match budget.nested(|budget| ObjectBlock::decode(&mut block, budget)?.to_object(budget))? {
                WmiObject::Class(class) => CimValue::Class(Box::new(class)),
                WmiObject::Instance(instance) => CimValue::Instance(Box::new(instance)),
            }
        }
    })
}

fn text_value(element: CimType, text: String) -> Result<CimValue, Error> {
    let form = |what: &'static str| Error::new("string", 0, ErrorKind::Form(what));
    Ok(match element {
        CimType::DateTime => {
            let datetime: CimDateTime = text.parse().map_err(|_| form("datetime"))?;
            CimValue::DateTime(Box::new(datetime))
        }
        CimType::Reference => {
            let path = ObjectPath::parse(&text, &PathLimits::default()).map_err(|_| form("object path"))?;
            CimValue::Reference(Box::new(path))
        }
        _ => CimValue::String(text),
    })
}
