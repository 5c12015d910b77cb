//! Names of elements as numbers.
//!
//! No name in CLIXML is longer than eight letters, so that eight bytes of the text are read as one number
//! and the name in it is known by one comparison, whatever its length.

/// A name of at most eight bytes, the first one lowest, zero after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    /// The word of names that are too long; no text of UTF-8 reads so.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// The word of a name.
    pub(crate) const fn of(name: &[u8]) -> Self {
        let mut word = 0;
        let mut rest = name;
        while let Some((last, before)) = rest.split_last() {
            if rest.len() > 8 {
                return Self::NONE;
            }
            word = (word << 8) | widened(*last);
            rest = before;
        }
        Self(word)
    }

    /// Reads a name up to a blank or a closing bracket, of which the first eight bytes count. Gives its
    /// length too; what comes after it is for the caller to look at. A zero byte ends the name, since a word
    /// with it would be that of the name without it.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> (Self, usize) {
        let word = match bytes.first_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => Self::of(bytes).0,
        };
        let ends = zeros(word) | zeros(word ^ repeated(b'>')) | zeros(word ^ repeated(b' '));
        // Ones below the first end; all are ones where there is none.
        let within = ((ends & ends.wrapping_neg()) >> 7).wrapping_sub(1);
        let length = usize::try_from(within.count_ones() / 8).unwrap_or_default();
        (Self(word & within), length)
    }

    /// The bytes of the end tag with a name of this length, and which of them count. None do where there
    /// are more than eight.
    #[inline]
    pub(crate) fn end_tag(self, length: usize) -> (u64, u64) {
        const START: u64 = u64::from_le_bytes(*b"</\0\0\0\0\0\0");
        let Some(bits) = u32::try_from(8 * length).ok().filter(|bits| *bits <= 40) else { return (0, 0) };
        let bytes = START | (self.0 << 16) | (widened(b'>') << (16 + bits));
        (bytes, u64::MAX >> (40 - bits))
    }

    /// Which of 128 places is that of the word, by its hash with this factor.
    pub(crate) const fn place(self, factor: u64) -> u64 {
        self.0.wrapping_mul(factor) >> 57
    }
}

const fn widened(byte: u8) -> u64 {
    u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 0])
}

const fn repeated(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte that is zero, exact up to the lowest such byte.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeated(1)) & !word & repeated(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_up_to_their_end() {
        for (text, name) in [
            ("S>long text", "S"),
            ("Obj RefId=\"0\">", "Obj"),
            ("Obj>", "Obj"),
            ("ToString>", "ToString"),
            ("ToStrings>", "ToString"),
            ("Nil/><S>a</S>", "Nil/"),
            ("> and more", ""),
            ("S\0>long text", "S"),
            ("S\0", "S"),
            ("\u{e9}\u{e9} >abcdef", "\u{e9}\u{e9}"),
        ] {
            assert_eq!(Word::read(text.as_bytes()), (Word::of(name.as_bytes()), name.len()), "{text}");
        }
        assert_eq!(Word::of(b"NineBytes"), Word::NONE);
    }
}
