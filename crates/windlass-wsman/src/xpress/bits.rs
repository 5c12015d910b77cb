//! The stream of bits: words of 16 bits, little-endian, the highest bit first, with whole bytes in
//! between ([MS-XCA] 2.1.4.3, 2.2.4).
//!
//! A reader is always two words ahead of the bits it needs; a writer therefore keeps the places of the
//! two words that it will fill next, and bytes that it writes meanwhile come after them.

use windlass_core::cursor::ReadCursor;

use crate::error::Error;

pub(super) struct BitReader<'a> {
    source: ReadCursor<'a>,
    /// The next bits, from the highest down.
    next: u32,
    /// How many bits of `next` are beyond the 16 that must always be there.
    extra: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(source: ReadCursor<'a>) -> Self {
        let mut reader = Self { source, next: 0, extra: 0 };
        let first = reader.word();
        let second = reader.word();
        reader.next = u32::from(first) << 16 | u32::from(second);
        reader.extra = 16;
        reader
    }

    /// The next bits without taking them; at most 16.
    pub(super) fn peek(&self, count: u32) -> u32 {
        match count {
            0 => 0,
            _ => self.next >> (32 - count),
        }
    }

    /// Takes at most 16 bits.
    pub(super) fn skip(&mut self, count: u32) {
        self.next <<= count;
        match self.extra.checked_sub(count) {
            Some(extra) => self.extra = extra,
            None => {
                let short = count - self.extra;
                let word = self.word();
                self.next |= u32::from(word) << short;
                self.extra = 16 - short;
            }
        }
    }

    /// The next whole byte, which follows the words taken so far.
    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let offset = self.source.position();
        self.source.u8("match length").map_err(|_| cut_short(offset))
    }

    /// The next two whole bytes.
    pub(super) fn double(&mut self) -> Result<u16, Error> {
        let offset = self.source.position();
        self.source.u16_le("match length").map_err(|_| cut_short(offset))
    }

    /// Where the reader stands, for messages.
    pub(super) fn position(&self) -> usize {
        self.source.position()
    }

    /// Whether more words were taken than there are.
    pub(super) fn word_missing(&self) -> bool {
        self.source.is_empty()
    }

    /// The next word; past the end there are zeroes, because the reader runs ahead of what it needs.
    fn word(&mut self) -> u16 {
        self.source.u16_le("bits").unwrap_or_default()
    }
}

pub(super) fn cut_short(offset: usize) -> Error {
    Error::Xpress { problem: "the stream is cut short", offset }
}

pub(super) struct BitWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Where the next two words go.
    slots: (usize, usize),
    /// Bits that wait for their word, from the lowest up.
    waiting: u32,
    /// How many more bits the word takes.
    free: u32,
}

impl<'o> BitWriter<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        let at = out.len();
        out.extend([0; 4]);
        Self { out, slots: (at, at + 2), waiting: 0, free: 16 }
    }

    /// Writes the low `count` bits of `value`; at most 16, the others must be zero.
    pub(super) fn bits(&mut self, value: u32, count: u32) {
        match self.free.checked_sub(count) {
            Some(free) => {
                self.free = free;
                self.waiting = self.waiting << count | value;
            }
            None => {
                let left = count - self.free;
                self.place(self.waiting << self.free | value >> left);
                self.slots = (self.slots.1, self.out.len());
                self.out.extend([0; 2]);
                self.waiting = value & ((1 << left) - 1);
                self.free = 16 - left;
            }
        }
    }

    /// Writes whole bytes after the words that the reader will have taken by now.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Writes what waits.
    pub(super) fn finish(mut self) {
        self.place(self.waiting << self.free);
    }

    fn place(&mut self, word: u32) {
        let [low, high, ..] = word.to_le_bytes();
        let at = self.slots.0;
        if let Some(slot) = self.out.get_mut(at..at + 2) {
            slot.copy_from_slice(&[low, high]);
        }
    }
}
