//! Messages cut into fragments and put together again ([MS-PSRP] 2.2.4).
//!
//! A fragment is a header of 21 bytes, big-endian, and a piece of one message:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | ObjectId: which message, from 1, growing |
//! | 8 | 8 | FragmentId: which piece of it, from 0 |
//! | 16 | 1 | bit 0: first piece, bit 1: last piece |
//! | 17 | 4 | length of the piece |

mod defragmenter;
mod fragmenter;

pub use defragmenter::{Defragmenter, FragmentLimits, Object, Objects};
pub(crate) use fragmenter::Cut;
pub use fragmenter::Fragmenter;

use windlass_core::cursor::ReadCursor;

use crate::error::PsrpError;

/// Length of a fragment header in bytes.
pub const HEADER_LENGTH: usize = 21;

/// Length of the largest fragment that PowerShell writes, header included, in bytes.
pub const DEFAULT_FRAGMENT_LENGTH: usize = 32 * 1024;

/// The header of one fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentHeader {
    /// Which message the piece belongs to; at least 1.
    pub object_id: u64,
    /// Which piece of the message it is, from 0.
    pub fragment_id: u64,
    /// Whether it is the first piece.
    pub start: bool,
    /// Whether it is the last piece.
    pub end: bool,
    /// Length of the piece in bytes.
    pub length: u32,
}

impl FragmentHeader {
    const START: u8 = 1;
    const END: u8 = 2;

    /// Reads a header. Bits of the flag byte without a meaning are ignored, as PowerShell ignores them.
    ///
    /// # Errors
    /// When fewer than [`HEADER_LENGTH`] bytes are left.
    pub fn decode(cursor: &mut ReadCursor<'_>) -> Result<Self, PsrpError> {
        Ok(Self::from_array(&cursor.array("fragment header")?))
    }

    fn from_array(bytes: &[u8; HEADER_LENGTH]) -> Self {
        let &[o0, o1, o2, o3, o4, o5, o6, o7, f0, f1, f2, f3, f4, f5, f6, f7, flags, l0, l1, l2, l3] = bytes;
        Self {
            object_id: u64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]),
            fragment_id: u64::from_be_bytes([f0, f1, f2, f3, f4, f5, f6, f7]),
            start: flags & Self::START != 0,
            end: flags & Self::END != 0,
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        }
    }

    /// Writes the header.
    pub fn encode(&self) -> [u8; HEADER_LENGTH] {
        let flags = if self.start { Self::START } else { 0 } | if self.end { Self::END } else { 0 };
        let mut bytes = [0; HEADER_LENGTH];
        let fields = self.object_id.to_be_bytes().into_iter();
        let fields = fields.chain(self.fragment_id.to_be_bytes()).chain([flags]);
        let fields = fields.chain(self.length.to_be_bytes());
        for (slot, byte) in bytes.iter_mut().zip(fields) {
            *slot = byte;
        }
        bytes
    }
}

/// Splits a byte string that consists of whole fragments into headers and pieces, without looking
/// at what they say: for tools that show traffic.
///
/// # Errors
/// When the last fragment is not complete.
pub fn split(data: &[u8]) -> Result<Vec<(FragmentHeader, &[u8])>, PsrpError> {
    let mut cursor = ReadCursor::new(data);
    let mut fragments = Vec::new();
    while !cursor.is_empty() {
        let header = FragmentHeader::decode(&mut cursor)?;
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        fragments.push((header, cursor.take(length, "Blob")?));
    }
    Ok(fragments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_big_endian() {
        let header =
            FragmentHeader { object_id: 1, fragment_id: 0x0203, start: true, end: false, length: 0x40 };
        let bytes = header.encode();
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 3, 1, 0, 0, 0, 0x40]);
        assert_eq!(FragmentHeader::decode(&mut ReadCursor::new(&bytes)).unwrap(), header);
    }

    #[test]
    fn splitting_names_the_field_that_is_cut() {
        let header = FragmentHeader { object_id: 1, fragment_id: 0, start: true, end: true, length: 3 };
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(b"ab");
        let error = split(&bytes).unwrap_err().to_string();
        assert_eq!(error, "fragment is cut short: Blob at offset 21 needs 3 bytes, 2 are left");
        bytes.push(b'c');
        assert_eq!(split(&bytes).unwrap(), [(header, &b"abc"[..])]);
    }
}
