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
    /// length too; what comes after it is for the caller to look at. A control character ends the name too: a
    /// word with a zero byte would be that of the name without it.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> (Self, usize) {
        let word = match bytes.first_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => Self::of(bytes).0,
        };
        let ends = below(word, b' ' + 1) | below(word ^ repeated(b'>'), 1);
        // Ones below the first end; all are ones where there is none.
        let within = ((ends & ends.wrapping_neg()) >> 7).wrapping_sub(1);
        let length = usize::try_from(ends.trailing_zeros() / 8).unwrap_or_default();
        (Self(word & within), length)
    }

    /// The bytes of the end tag with a name of this length, and which of them count. None do where there
    /// are more than eight.
    #[inline]
    pub(crate) const fn end_tag(self, length: usize) -> (u64, u64) {
        const START: u64 = u64::from_le_bytes(*b"</\0\0\0\0\0\0");
        if length > 5 {
            return (0, 0);
        }
        let bits = 8 * length;
        let bytes = START | (self.0 << 16) | (widened(b'>') << (16 + bits));
        (bytes, u64::MAX >> (40 - bits))
    }

    /// Which of 128 places is that of the word, by its hash with this factor.
    pub(crate) const fn place(self, factor: u64) -> u64 {
        self.0.wrapping_mul(factor) >> 57
    }
}

/// The length of the value of an attribute up to its quotation mark, and whether an underscore is in it, which
/// may start an escape of CLIXML. `None` where anything in it does not stand for itself in XML.
#[inline]
pub(crate) fn quoted(value: &[u8]) -> Option<(usize, bool)> {
    let (mut length, mut underscores) = (0, 0);
    loop {
        let rest = value.get(length..)?;
        let word = match rest.first_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => Word::of(rest).0,
        };
        let is = |byte: u8| below(word ^ repeated(byte), 1);
        let quotes = is(b'"');
        // What may be half of U+FFFE or U+FFFF is not let through either.
        let refused =
            below(word, b' ') | is(b'<') | is(0xef) | below((word | repeated(1)) ^ repeated(b'\''), 1);
        // Ones below the quotation mark; all are ones where there is none.
        let within = ((quotes & quotes.wrapping_neg()) >> 7).wrapping_sub(1);
        if refused & within != 0 {
            return None;
        }
        underscores |= is(b'_') & within;
        length += usize::try_from(quotes.trailing_zeros() / 8).unwrap_or_default();
        if quotes != 0 {
            return Some((length, underscores != 0));
        }
    }
}

const fn widened(byte: u8) -> u64 {
    u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 0])
}

const fn repeated(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte that is less than `limit`, exact up to the lowest such byte.
#[inline]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(repeated(limit)) & !word & repeated(0x80)
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
            ("S\t>long text", "S"),
            ("I32!>8 8", "I32!"),
            ("S\0", "S"),
            ("\u{e9}\u{e9} >abcdef", "\u{e9}\u{e9}"),
        ] {
            assert_eq!(Word::read(text.as_bytes()), (Word::of(name.as_bytes()), name.len()), "{text}");
        }
        assert_eq!(Word::of(b"NineBytes"), Word::NONE);
    }

    #[test]
    fn values_of_attributes_are_read_up_to_their_quotation_mark() {
        for (text, value) in [
            ("Id\">&<", Some((2, false))),
            ("\"", Some((0, false))),
            ("a name of several words, \u{e9} and all\"", Some((35, false))),
            ("_under\"_", Some((6, true))),
            ("before\"_>", Some((6, false))),
            ("much longer than eight_\"", Some((23, true))),
            ("a&amp;b\"", None),
            ("it's\"", None),
            ("a<b\"", None),
            ("a\tb\"", None),
            ("\u{ffff}\"", None),
            ("never ended", None),
            ("eight by", None),
            ("", None),
        ] {
            assert_eq!(quoted(text.as_bytes()), value, "{text}");
        }
    }
}
