//! Text out of bytes that come in pieces.

/// Makes text of the bytes of a stream, whose pieces may end within a character.
///
/// ```
/// let mut decoder = windlass::TextDecoder::new();
/// assert_eq!(decoder.push(b"Stra\xC3"), "Stra");
/// assert_eq!(decoder.push(b"\x9Fe"), "ße");
/// assert_eq!(decoder.finish(), "");
/// ```
#[derive(Debug, Clone, Default)]
pub struct TextDecoder {
    /// The beginning of a character whose rest has not come.
    begun: Vec<u8>,
}

impl TextDecoder {
    /// A decoder of UTF-8 (code page 65001, which is asked for by default).
    pub fn new() -> Self {
        Self::default()
    }

    /// The text of the next piece, as far as it is complete. Bytes that are no UTF-8 become U+FFFD.
    pub fn push(&mut self, piece: &[u8]) -> String {
        self.begun.extend_from_slice(piece);
        let mut text = String::with_capacity(self.begun.len());
        let mut rest = Vec::new();
        let count = self.begun.utf8_chunks().count();
        for (place, chunk) in self.begun.utf8_chunks().enumerate() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            // Only what stands at the very end can still become a character.
            if place + 1 == count && may_go_on(invalid) {
                rest = invalid.to_vec();
            } else {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.begun = rest;
        text
    }

    /// The text of what is left when nothing more comes.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned()
    }
}

/// Whether these bytes are the beginning of a character.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_give_the_same_text() {
        let cases: [&[u8]; 4] = [
            "Straße \u{1f511} 日本".as_bytes(),
            b"a\xFFb\xC3",
            b"\xF0\x9F\x94",
            b"\xE2\x28\xA1\xED\xA0\x80.",
        ];
        for bytes in cases {
            for length in 1..=bytes.len() {
                let mut decoder = TextDecoder::new();
                let mut text: String = bytes.chunks(length).map(|piece| decoder.push(piece)).collect();
                text.push_str(&decoder.finish());
                assert_eq!(text, String::from_utf8_lossy(bytes), "{bytes:x?} by {length}");
            }
        }
    }
}
