//! The heap behind the tables, and the strings in it.

use std::borrow::Cow;

use windlass_core::cursor::ReadCursor;

use super::error::{Error, ErrorKind};

/// Strings that are so common that they have a number instead of a place in the heap
/// ([MS-WMIO] 2.2.80).
pub(crate) const DICTIONARY: [&str; 11] =
    ["\"", "key", "", "read", "write", "volatile", "provider", "dynamic", "cimwin32", "DWORD", "CIMTYPE"];

const DICTIONARY_BIT: u32 = 0x8000_0000;
const NONE: u32 = u32::MAX;

/// A reference to an item ([MS-WMIO] 2.2.69).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeapRef(pub(crate) u32);

impl HeapRef {
    /// A reference to nothing.
    pub(crate) const NONE: Self = Self(NONE);

    pub(crate) fn is_none(self) -> bool {
        self.0 == NONE
    }

    /// The reference to a string of the dictionary.
    pub(crate) fn dictionary(text: &str) -> Option<Self> {
        let index = DICTIONARY.iter().position(|known| *known == text)?;
        Some(Self(DICTIONARY_BIT | u32::try_from(index).ok()?))
    }
}

/// The bytes that references point into ([MS-WMIO] 2.2.66).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heap<'a>(&'a [u8]);

impl<'a> Heap<'a> {
    /// Takes a heap with its length in front.
    pub(crate) fn decode(cursor: &mut ReadCursor<'a>) -> Result<Self, Error> {
        let offset = cursor.position();
        let length = cursor.u32_le("HeapLength")?;
        if length & DICTIONARY_BIT == 0 {
            return Err(Error::value("HeapLength", offset, length));
        }
        Ok(Self(cursor.take(size(length & !DICTIONARY_BIT), "Heap")?))
    }

    /// The bytes from an item on.
    pub(crate) fn item(self, at: HeapRef, field: &'static str) -> Result<ReadCursor<'a>, Error> {
        let rest = self.0.get(size(at.0)..).filter(|rest| !rest.is_empty());
        rest.map(ReadCursor::new).ok_or_else(|| Error::value(field, 0, at.0))
    }

    /// A string; the reference may be into the dictionary.
    pub(crate) fn string(self, at: HeapRef, field: &'static str) -> Result<Cow<'a, str>, Error> {
        if at.0 & DICTIONARY_BIT != 0 {
            let known = DICTIONARY.get(size(at.0 & !DICTIONARY_BIT));
            return known.map(|text| Cow::Borrowed(*text)).ok_or_else(|| Error::value(field, 0, at.0));
        }
        string(&mut self.item(at, field)?, field)
    }
}

/// An Encoded-String ([MS-WMIO] 2.2.78): Latin-1 or UTF-16, with a terminator.
pub(crate) fn string<'a>(cursor: &mut ReadCursor<'a>, field: &'static str) -> Result<Cow<'a, str>, Error> {
    let offset = cursor.position();
    let text_error = || Error::new(field, offset, ErrorKind::Text);
    match cursor.u8(field)? {
        0 => {
            let length = cursor.peek().iter().position(|byte| *byte == 0).ok_or_else(text_error)?;
            let bytes = cursor.take(length, field)?;
            cursor.u8(field)?;
            Ok(match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => Cow::Borrowed(text),
                _ => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
            })
        }
        1 => {
            let (units, _) = cursor.peek().as_chunks::<2>();
            let length = units.iter().position(|unit| *unit == [0, 0]).ok_or_else(text_error)?;
            let text = units.iter().take(length).map(|unit| u16::from_le_bytes(*unit));
            let text = char::decode_utf16(text).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
            let text = text.collect();
            cursor.take(length * 2 + 2, field)?;
            Ok(Cow::Owned(text))
        }
        other => Err(Error::value(field, offset, u32::from(other))),
    }
}

/// A length that stands in 32 bits, as the platform counts.
pub(crate) fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
