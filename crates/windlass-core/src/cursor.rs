//! Reading binary structures that a peer wrote, without ever reading past their end.

use thiserror::Error;

/// A structure ended before one of its fields did.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} at offset {offset} needs {needed} bytes, {available} are left")]
pub struct ReadError {
    /// Name of the field, as the specification has it.
    pub field: &'static str,
    /// Where the field starts, in bytes from the start of the outermost structure.
    pub offset: usize,
    /// How many bytes the field takes.
    pub needed: usize,
    /// How many bytes were left.
    pub available: usize,
}

/// A position in a byte string. Every read names the field it reads, so that an error can.
#[derive(Debug, Clone)]
pub struct ReadCursor<'a> {
    rest: &'a [u8],
    position: usize,
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $from:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(&mut self, field: &'static str) -> Result<$type, ReadError> {
            Ok(<$type>::$from(self.array(field)?))
        })*
    };
}

impl<'a> ReadCursor<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, position: 0 }
    }

    /// Offset of the next byte from the start of the outermost structure.
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, without taking it.
    pub fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.position += rest.len();
        self.rest = &[];
        rest
    }

    /// Takes `count` bytes.
    pub fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], ReadError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                self.position += count;
                Ok(taken)
            }
            None => Err(self.short(count, field)),
        }
    }

    /// Takes `count` bytes as a structure of its own: its reads cannot leave it, and its errors
    /// still give offsets from the start of the outermost structure.
    pub fn sub(&mut self, count: usize, field: &'static str) -> Result<ReadCursor<'a>, ReadError> {
        let position = self.position;
        Ok(ReadCursor { rest: self.take(count, field)?, position })
    }

    /// Takes as many bytes as the array holds.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], ReadError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                self.position += N;
                Ok(*taken)
            }
            None => Err(self.short(N, field)),
        }
    }

    integers! {
        /// Takes one byte.
        u8: u8 = from_le_bytes;
        /// Takes a little-endian 16-bit number.
        u16_le: u16 = from_le_bytes;
        /// Takes a little-endian 32-bit number.
        u32_le: u32 = from_le_bytes;
        /// Takes a little-endian 64-bit number.
        u64_le: u64 = from_le_bytes;
        /// Takes a little-endian signed 32-bit number.
        i32_le: i32 = from_le_bytes;
        /// Takes a big-endian 16-bit number.
        u16_be: u16 = from_be_bytes;
        /// Takes a big-endian 32-bit number.
        u32_be: u32 = from_be_bytes;
        /// Takes a big-endian 64-bit number.
        u64_be: u64 = from_be_bytes;
    }

    fn short(&self, needed: usize, field: &'static str) -> ReadError {
        ReadError { field, offset: self.position, needed, available: self.rest.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_both_orders() {
        let mut cursor = ReadCursor::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(cursor.u16_le("a").unwrap(), 0x0201);
        assert_eq!(cursor.u16_be("b").unwrap(), 0x0304);
        assert_eq!(cursor.u8("c").unwrap(), 5);
        assert_eq!(cursor.rest(), [6, 7]);
        assert!(cursor.is_empty());
    }

    #[test]
    fn a_short_read_says_where_and_takes_nothing() {
        let mut cursor = ReadCursor::new(&[1, 2, 3]);
        cursor.u8("first").unwrap();
        let error = cursor.u32_le("second").unwrap_err();
        assert_eq!(error.to_string(), "second at offset 1 needs 4 bytes, 2 are left");
        assert_eq!(cursor.remaining(), 2);
    }

    #[test]
    fn a_nested_structure_keeps_outer_offsets() {
        let mut cursor = ReadCursor::new(&[0, 0, 1, 2, 3]);
        cursor.take(2, "header").unwrap();
        let mut inner = cursor.sub(2, "body").unwrap();
        inner.u8("x").unwrap();
        assert_eq!(inner.u16_le("y").unwrap_err().offset, 3);
        assert_eq!(cursor.u8("tail").unwrap(), 3);
    }
}
