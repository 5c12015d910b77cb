//! Characters of text, looked at in bulk.

use std::borrow::Cow;

/// `\r\n` and a lone `\r` become `\n` (XML 1.0, 2.11).
pub(crate) fn normalise_line_ends(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Whether there is any character below the blank, looked for in eight bytes at a time.
pub(crate) fn has_control(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let is_found = words.chunks(32).any(|words| {
        let found = words.iter().fold(0, |found, word| {
            let word = u64::from_le_bytes(*word);
            found | (word.wrapping_sub(0x2020_2020_2020_2020) & !word)
        });
        found & 0x8080_8080_8080_8080 != 0
    });
    is_found || rest.iter().any(|byte| *byte < 0x20)
}

pub(crate) fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' && byte != b'\n' && byte != b'\r'
}

/// How many bytes at the start are text as it stands: no tag, no reference, no control character.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The highest bit of each byte that is zero, or below the blank; above the first it may be wrong.
    let zero = |word: u64| word.wrapping_sub(0x0101_0101_0101_0101) & !word;
    let control = |word: u64| word.wrapping_sub(0x2020_2020_2020_2020) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let tag = zero(word ^ 0x3c3c_3c3c_3c3c_3c3c);
        let reference = zero(word ^ 0x2626_2626_2626_2626);
        let found = (tag | reference | control(word)) & HIGH;
        if found != 0 {
            return length + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
        }
        length += 8;
    }
    length + rest.iter().take_while(|byte| !matches!(byte, 0..0x20 | b'<' | b'&')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_markup_or_a_control_character_begins() {
        for end in (0..=0x1f).chain([b'<', b'&']) {
            for length in 0..40 {
                let mut text = "é%=;\u{7f} !~\u{10ffff}".repeat(4).into_bytes();
                text.truncate(length);
                assert_eq!(plain_run(&text), length);
                text.extend([end, end, b'x', end, b'<', b'&', 1, 0, b'y', b'z']);
                assert_eq!(plain_run(&text), length, "{end}");
            }
        }
    }
}
