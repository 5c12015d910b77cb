//! Lines out of bytes as they come.

use crate::error::PsrpError;

/// Longest line that is taken: a fragment of 32 KiB makes 44 KB; transports may join several.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Collects bytes and gives whole lines.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Up to where there is no end of line.
    searched: usize,
    /// From where the bytes have not been given.
    start: usize,
    number: u64,
}

impl LineBuffer {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes that came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    ///
    /// # Errors
    /// When a line is too long or not UTF-8.
    pub fn next_line(&mut self) -> Result<Option<&str>, PsrpError> {
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.bytes.len();
            if self.bytes.len() - self.start > LONGEST_LINE {
                return Err(self.error("it is longer than 16 MiB"));
            }
            return Ok(None);
        };
        let (start, end) = (self.start, self.searched + found);
        self.number += 1;
        self.start = end + 1;
        self.searched = end + 1;
        let line = self.bytes.get(start..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(PsrpError::Line { line: self.number, reason: "it is not UTF-8".to_owned() }),
        }
    }

    /// The number of the line that was given last, from 1.
    pub fn line_number(&self) -> u64 {
        self.number
    }

    /// Whether bytes are left that make no whole line.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> PsrpError {
        PsrpError::Line { line: self.number, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_bytes_come() {
        let text = b"one\r\ntwo\n\nfour\nrest";
        for step in 1..text.len() {
            let mut buffer = LineBuffer::new();
            let mut lines = Vec::new();
            for piece in text.chunks(step) {
                buffer.push(piece);
                while let Some(line) = buffer.next_line().unwrap() {
                    lines.push(line.to_owned());
                }
            }
            assert_eq!(lines, ["one", "two", "", "four"]);
            assert!(!buffer.is_empty() && buffer.line_number() == 4);
        }
    }

    #[test]
    fn bad_text_is_named_by_its_line() {
        let mut buffer = LineBuffer::new();
        buffer.push(b"good\n\xFF\n");
        buffer.next_line().unwrap();
        assert_eq!(buffer.next_line().unwrap_err().to_string(), "line 2: it is not UTF-8");
    }
}
