//! The heap while it is being filled.

use crate::wmio::error::{Error, ErrorKind};
use crate::wmio::heap::HeapRef;

const HEAP_BIT: u32 = 0x8000_0000;
/// Positions above this would look like references into the dictionary.
const LARGEST: usize = 0x7FFF_FFFF;

/// The items that tables refer to, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct HeapBuilder(Vec<u8>);

impl HeapBuilder {
    /// Where the next item will stand.
    pub(super) fn next(&self) -> Result<HeapRef, Error> {
        if self.0.len() > LARGEST {
            return Err(Error::new("Heap", self.0.len(), ErrorKind::Limit("bytes of a heap", LARGEST)));
        }
        Ok(HeapRef(u32_len(self.0.len(), "Heap")?))
    }

    /// Adds bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<HeapRef, Error> {
        let at = self.next()?;
        self.0.extend(bytes);
        Ok(at)
    }

    /// Adds a string, or refers to the dictionary where that has it.
    pub(super) fn string(&mut self, text: &str) -> Result<HeapRef, Error> {
        if let Some(known) = HeapRef::dictionary(text) {
            return Ok(known);
        }
        self.own_string(text)
    }

    /// Adds a string also where the dictionary has it; names of classes and properties stand so.
    pub(super) fn own_string(&mut self, text: &str) -> Result<HeapRef, Error> {
        let at = self.next()?;
        string(text, &mut self.0);
        Ok(at)
    }

    /// Overwrites bytes that were added before.
    pub(super) fn patch(&mut self, at: HeapRef, bytes: &[u8]) {
        let start = usize::try_from(at.0).unwrap_or(usize::MAX);
        if let Some(slot) = self.0.get_mut(start..start.saturating_add(bytes.len())) {
            slot.copy_from_slice(bytes);
        }
    }

    /// Writes the heap with its length in front.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend((u32_len(self.0.len(), "HeapLength")? | HEAP_BIT).to_le_bytes());
        out.extend(&self.0);
        Ok(())
    }
}

/// An Encoded-String: Latin-1 where that can hold the text, otherwise UTF-16.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    let latin: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(character).ok().filter(|byte| *byte != 0)).collect();
    match latin {
        Some(bytes) => {
            out.push(0);
            out.extend(bytes);
            out.push(0);
        }
        None => {
            out.push(1);
            out.extend(text.encode_utf16().filter(|unit| *unit != 0).flat_map(u16::to_le_bytes));
            out.extend([0, 0]);
        }
    }
}

/// A length as the wire counts.
pub(super) fn u32_len(length: usize, field: &'static str) -> Result<u32, Error> {
    u32::try_from(length)
        .map_err(|_| Error::new(field, 0, ErrorKind::Unencodable("more than 32 bits of length")))
}
