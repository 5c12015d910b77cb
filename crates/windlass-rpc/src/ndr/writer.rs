//! Writing a stub.

use uuid::Uuid;

use super::pointer::{FullPointer, Referent};

/// The first referent; each further one is four higher, as Windows counts.
const FIRST_REFERENT: u32 = 0x0002_0000;

/// Writes a stub field by field. Nothing here fails: a count that 32 bits cannot hold is written as the
/// greatest they can, and a stub of that many elements is larger than any call may be.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    /// Where alignment counts from.
    origin: usize,
    referents: u32,
    /// Identities of full pointers with their referents.
    full: Vec<(u64, Referent)>,
}

/// A 32-bit field that is filled in later.
#[derive(Debug)]
#[must_use]
pub struct Slot(usize);

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        pub fn $name(&mut self, value: $type) {
            self.align(size_of::<$type>());
            self.bytes.extend_from_slice(&value.to_le_bytes());
        })*
    };
}

impl Writer {
    /// Starts an empty stub.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on behind bytes that are there; alignment counts from their end.
    pub fn after(bytes: Vec<u8>) -> Self {
        Self { origin: bytes.len(), bytes, ..Self::default() }
    }

    /// What was written, and what [`after`](Self::after) was given before it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes written so far, those before the origin aside.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.origin
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// A number of bytes or elements, as `unsigned long`.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// A GUID: a structure, aligned to 4.
    pub fn uuid(&mut self, uuid: &Uuid) {
        self.align(4);
        self.bytes(&uuid.to_bytes_le());
    }

    /// Bytes as they are, without a count and without alignment.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Zeros up to the next multiple of `unit` bytes; before structures, the size of their widest member.
    pub fn align(&mut self, unit: usize) {
        let missing = self.len().checked_next_multiple_of(unit).map_or(0, |end| end - self.len());
        self.bytes.resize(self.bytes.len() + missing, 0);
    }

    /// A 32-bit field that [`fill`](Self::fill) gives its value.
    pub fn reserve_u32(&mut self) -> Slot {
        self.align(4);
        let slot = Slot(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
        slot
    }

    /// Gives a reserved field its value.
    pub fn fill(&mut self, slot: &Slot, value: u32) {
        let at = slot.0;
        if let Some(field) = self.bytes.get_mut(at..).and_then(|tail| tail.first_chunk_mut::<4>()) {
            *field = value.to_le_bytes();
        }
    }

    /// A `[unique]` pointer. If `present`, its target has to follow where targets follow.
    pub fn unique_ptr(&mut self, present: bool) -> Option<Referent> {
        let referent = present.then(|| self.next_referent());
        self.u32(referent.map_or(0, Referent::id));
        referent
    }

    /// A `[ref]` pointer within a structure or array, whose target has to follow. At the top level such a
    /// pointer is not written at all.
    pub fn ref_ptr(&mut self) -> Referent {
        let referent = self.next_referent();
        self.u32(referent.id());
        referent
    }

    /// A `[ptr]` (full) pointer to what the caller knows as `identity`. Only after
    /// [`FullPointer::First`] the target has to follow.
    pub fn full_ptr(&mut self, identity: Option<u64>) -> FullPointer {
        let Some(identity) = identity else {
            self.u32(0);
            return FullPointer::Null;
        };
        if let Some((_, referent)) = self.full.iter().find(|(known, _)| *known == identity) {
            let referent = *referent;
            self.u32(referent.id());
            return FullPointer::Again(referent);
        }
        let referent = self.ref_ptr();
        self.full.push((identity, referent));
        FullPointer::First(referent)
    }

    /// The maximum count before a conformant array, or before a structure that ends in one.
    pub fn conformant_count(&mut self, count: usize) {
        self.count(count);
    }

    /// The offset (0) and the actual count before a varying array.
    pub fn varying_count(&mut self, count: usize) {
        self.u32(0);
        self.count(count);
    }

    /// A conformant array of bytes: its count and the bytes.
    pub fn conformant_bytes(&mut self, bytes: &[u8]) {
        self.conformant_count(bytes.len());
        self.bytes(bytes);
    }

    /// A conformant varying `[string]` of `wchar_t`, with the zero at its end.
    pub fn wide_string(&mut self, text: &str) {
        let units = text.encode_utf16().count() + 1;
        self.conformant_count(units);
        self.varying_count(units);
        for unit in text.encode_utf16().chain([0]) {
            self.bytes.extend_from_slice(&unit.to_le_bytes());
        }
    }

    /// A conformant varying `[string]` of `char`, with the zero at its end.
    pub fn string(&mut self, text: &[u8]) {
        self.conformant_count(text.len() + 1);
        self.varying_count(text.len() + 1);
        self.bytes(text);
        self.u8(0);
    }

    /// The 32-bit discriminant of a union whose widest arm is aligned to `arm` bytes.
    pub fn union_u32(&mut self, tag: u32, arm: usize) {
        self.u32(tag);
        self.align(arm);
    }

    /// The 16-bit discriminant of a union whose widest arm is aligned to `arm` bytes.
    pub fn union_u16(&mut self, tag: u16, arm: usize) {
        self.u16(tag);
        self.align(arm);
    }

    fn next_referent(&mut self) -> Referent {
        let referent = FIRST_REFERENT.wrapping_add(self.referents.wrapping_mul(4));
        self.referents = self.referents.wrapping_add(1);
        Referent(if referent == 0 { FIRST_REFERENT } else { referent })
    }
}
