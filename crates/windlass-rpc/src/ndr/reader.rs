//! Reading a stub.

use std::collections::BTreeSet;

use uuid::Uuid;
use windlass_core::cursor::ReadCursor;

use super::pointer::{FullPointer, Referent};
use super::{Limits, NdrError, NdrErrorKind};

/// Reads a stub field by field, borrowing from it. Every method names the field it reads, so that an error
/// can. Clone a reader to look ahead.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    cursor: ReadCursor<'a>,
    /// Where alignment counts from.
    origin: usize,
    limits: Limits,
    depth: usize,
    full: BTreeSet<u32>,
}

/// The counts of a conformant varying array, checked: elements start at 0 and do not pass the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Varying {
    /// Elements that the array has room for.
    pub max: usize,
    /// Elements that follow.
    pub actual: usize,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        pub fn $name(&mut self, field: &'static str) -> Result<$type, NdrError> {
            self.align(size_of::<$type>(), field)?;
            Ok(<$type>::from_le_bytes(self.cursor.array(field)?))
        })*
    };
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a stub.
    pub fn new(stub: &'a [u8], limits: Limits) -> Self {
        Self { cursor: ReadCursor::new(stub), origin: 0, limits, depth: 0, full: BTreeSet::new() }
    }

    /// Offset of the next byte from the start of the outermost stub.
    pub fn position(&self) -> usize {
        self.cursor.position()
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.cursor.remaining()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The limits it was made with.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    numbers! {
        /// `small`, `byte`, `char`, an 8-bit `boolean`.
        u8: u8;
        /// `short`, an enumeration of 16 bits, `wchar_t`; aligned to 2.
        u16: u16;
        /// `long`, a `[v1_enum]`, an HRESULT; aligned to 4.
        u32: u32;
        /// `hyper`; aligned to 8.
        u64: u64;
        /// `short`, signed; aligned to 2.
        i16: i16;
        /// `long`, signed; aligned to 4.
        i32: i32;
        /// `hyper`, signed; aligned to 8.
        i64: i64;
    }

    /// A number of bytes, as `unsigned long`. Not checked against anything: it is for fields that the
    /// caller compares or takes with [`take`](Self::take).
    pub fn size(&mut self, field: &'static str) -> Result<usize, NdrError> {
        Ok(widen(self.u32(field)?))
    }

    /// A GUID: a structure, aligned to 4.
    pub fn uuid(&mut self, field: &'static str) -> Result<Uuid, NdrError> {
        self.align(4, field)?;
        Ok(Uuid::from_bytes_le(self.cursor.array(field)?))
    }

    /// Bytes as they are, without a count and without alignment.
    pub fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], NdrError> {
        Ok(self.cursor.take(count, field)?)
    }

    /// As many bytes as the array holds, without alignment.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], NdrError> {
        Ok(self.cursor.array(field)?)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.cursor.rest()
    }

    /// Passes over bytes.
    pub fn skip(&mut self, count: usize, field: &'static str) -> Result<(), NdrError> {
        self.take(count, field).map(drop)
    }

    /// Passes over the padding before the next multiple of `unit` bytes, whatever it holds; before
    /// structures, the size of their widest member.
    pub fn align(&mut self, unit: usize, field: &'static str) -> Result<(), NdrError> {
        let at = self.cursor.position() - self.origin;
        let missing = at.checked_next_multiple_of(unit).map_or(0, |end| end - at);
        self.skip(missing, field)
    }

    /// Takes `count` bytes as a stub of their own: alignment counts from their start, reads cannot leave
    /// them, and errors still give offsets from the outermost start.
    pub fn sub(&mut self, count: usize, field: &'static str) -> Result<Self, NdrError> {
        let origin = self.position();
        let cursor = self.cursor.sub(count, field)?;
        Ok(Self { cursor, origin, limits: self.limits, depth: self.depth, full: BTreeSet::new() })
    }

    /// Reads a structure within a structure where the peer says how deep they go, within the limit.
    pub fn nested<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, NdrError>,
    ) -> Result<T, NdrError> {
        let limit = self.limits.depth;
        if self.depth >= limit {
            return Err(self.error(field, NdrErrorKind::Limit { what: "levels", actual: limit + 1, limit }));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// A `[unique]` pointer. If there is one, its target follows where targets follow.
    pub fn unique_ptr(&mut self, field: &'static str) -> Result<Option<Referent>, NdrError> {
        Ok(match self.u32(field)? {
            0 => None,
            id => Some(Referent(id)),
        })
    }

    /// A `[ref]` pointer within a structure or array: never null.
    pub fn ref_ptr(&mut self, field: &'static str) -> Result<Referent, NdrError> {
        self.unique_ptr(field)?.ok_or_else(|| self.error(field, NdrErrorKind::Null))
    }

    /// A `[ptr]` (full) pointer. Only after [`FullPointer::First`] the target follows.
    pub fn full_ptr(&mut self, field: &'static str) -> Result<FullPointer, NdrError> {
        let Some(referent) = self.unique_ptr(field)? else { return Ok(FullPointer::Null) };
        if self.full.contains(&referent.id()) {
            return Ok(FullPointer::Again(referent));
        }
        let limit = self.limits.referents;
        if self.full.len() >= limit {
            let kind = NdrErrorKind::Limit { what: "full pointers", actual: limit + 1, limit };
            return Err(self.error(field, kind));
        }
        self.full.insert(referent.id());
        Ok(FullPointer::First(referent))
    }

    /// The maximum count before a conformant array of elements of at least `size` bytes, their deferred
    /// parts included. What it returns may be allocated: that many elements fit into what is left.
    pub fn conformant_count(&mut self, size: usize, field: &'static str) -> Result<usize, NdrError> {
        let count = self.u32(field)?;
        self.fitting(count, size, field)
    }

    /// The offset and the actual count before a varying array of `max` elements. Only arrays that are sent
    /// from their first element on are accepted. What it returns may be allocated.
    pub fn varying_count(&mut self, max: usize, size: usize, field: &'static str) -> Result<usize, NdrError> {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        self.within(max, size, field)
    }

    /// All three counts before a conformant varying array. The maximum may be larger than what follows.
    pub fn conformant_varying(&mut self, size: usize, field: &'static str) -> Result<Varying, NdrError> {
        let max = self.u32(field)?;
        let actual = self.within(max, size, field)?;
        Ok(Varying { max: widen(max), actual })
    }

    /// A conformant array of bytes: its count and the bytes.
    pub fn conformant_bytes(&mut self, field: &'static str) -> Result<&'a [u8], NdrError> {
        let count = self.size(field)?;
        self.take(count, field)
    }

    /// The units of a conformant varying array of `wchar_t`, as little-endian bytes, with the zero at their
    /// end if there is one.
    pub fn wide_units(&mut self, field: &'static str) -> Result<&'a [u8], NdrError> {
        let counts = self.conformant_varying(2, field)?;
        self.string_limit(counts.actual, field)?;
        self.take(counts.actual * 2, field)
    }

    /// A conformant varying `[string]` of `wchar_t`, without the zero at its end, which must be there.
    pub fn wide_string(&mut self, field: &'static str) -> Result<String, NdrError> {
        let units = self.wide_units(field)?;
        let (units, _) = units.as_chunks::<2>();
        let Some(([0, 0], text)) = units.split_last() else {
            return Err(self.error(field, NdrErrorKind::Text("without a zero at its end")));
        };
        char::decode_utf16(text.iter().map(|unit| u16::from_le_bytes(*unit)))
            .collect::<Result<String, _>>()
            .map_err(|_| self.error(field, NdrErrorKind::Text("that is not UTF-16")))
    }

    /// A conformant varying `[string]` of `char`, without the zero at its end, which must be there.
    pub fn string(&mut self, field: &'static str) -> Result<&'a [u8], NdrError> {
        let counts = self.conformant_varying(1, field)?;
        self.string_limit(counts.actual, field)?;
        match self.take(counts.actual, field)?.split_last() {
            Some((0, text)) => Ok(text),
            _ => Err(self.error(field, NdrErrorKind::Text("without a zero at its end"))),
        }
    }

    /// The 32-bit discriminant of a union whose widest arm is aligned to `arm` bytes.
    pub fn union_u32(&mut self, arm: usize, field: &'static str) -> Result<u32, NdrError> {
        let tag = self.u32(field)?;
        self.align(arm, field)?;
        Ok(tag)
    }

    /// The 16-bit discriminant of a union whose widest arm is aligned to `arm` bytes.
    pub fn union_u16(&mut self, arm: usize, field: &'static str) -> Result<u16, NdrError> {
        let tag = self.u16(field)?;
        self.align(arm, field)?;
        Ok(tag)
    }

    /// Checks that nothing is left. For replies: requests of some peers have bytes too many.
    pub fn finish(&self, field: &'static str) -> Result<(), NdrError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.error(field, NdrErrorKind::Trailing(left))),
        }
    }

    /// An error about the place where the reader stands.
    pub fn error(&self, field: &'static str, kind: NdrErrorKind) -> NdrError {
        NdrError::new(field, self.position(), kind)
    }

    /// Offset and actual count, given the maximum.
    fn within(&mut self, max: u32, size: usize, field: &'static str) -> Result<usize, NdrError> {
        let offset = self.u32(field)?;
        let actual = self.u32(field)?;
        if offset != 0 || actual > max {
            return Err(self.error(field, NdrErrorKind::Varying { max, offset, actual }));
        }
        self.fitting(actual, size, field)
    }

    fn fitting(&self, count: u32, size: usize, field: &'static str) -> Result<usize, NdrError> {
        let available = self.remaining();
        let wanted = widen(count);
        if wanted.checked_mul(size.max(1)).is_none_or(|bytes| bytes > available) {
            return Err(self.error(field, NdrErrorKind::Count { count, size, available }));
        }
        let limit = self.limits.elements;
        if wanted > limit {
            return Err(self.error(field, NdrErrorKind::Limit { what: "elements", actual: wanted, limit }));
        }
        Ok(wanted)
    }

    fn string_limit(&self, actual: usize, field: &'static str) -> Result<(), NdrError> {
        let limit = self.limits.string;
        if actual > limit {
            return Err(self.error(field, NdrErrorKind::Limit { what: "units of text", actual, limit }));
        }
        Ok(())
    }
}

/// A 32-bit count as a size. Where sizes have 16 bits, a count beyond them fits nothing anyway.
fn widen(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
