//! Collecting one message body ([RFC 9112] sections 6 and 7).

use bytes::BytesMut;

use crate::HttpError;
use crate::head::Framing;

/// No more room is made before bytes have come that need it.
const MOST_RESERVED: usize = 1024 * 1024;
/// A chunk-size line longer than this is refused.
const MAX_CHUNK_LINE: usize = 1024;
/// Trailer fields longer than this altogether are refused.
const MAX_TRAILERS: usize = 8 * 1024;

/// Collects the body of one message out of the bytes of the connection.
#[derive(Debug)]
pub(crate) struct BodyReader {
    state: State,
    limit: usize,
    /// What has been put together out of chunks.
    collected: BytesMut,
}

#[derive(Debug)]
enum State {
    Length(usize),
    UntilClose,
    ChunkSize,
    ChunkData(usize),
    ChunkEnd,
    Trailers(usize),
}

impl BodyReader {
    /// A reader for a body of this framing.
    ///
    /// # Errors
    /// The announced length exceeds the limit.
    pub(crate) fn new(framing: Framing, limit: usize) -> Result<Self, HttpError> {
        let state = match framing {
            Framing::Length(length) if length > limit => return Err(too_large(limit)),
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Ok(Self { state, limit, collected: BytesMut::new() })
    }

    /// The length of the body, where it was announced.
    pub(crate) fn announced(&self) -> Option<usize> {
        match self.state {
            State::Length(length) => Some(length),
            _ => None,
        }
    }

    /// Takes what belongs to the body out of `buffer`; gives the body when it is whole.
    pub(crate) fn advance(&mut self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, HttpError> {
        loop {
            match self.state {
                State::Length(length) => {
                    return Ok((buffer.len() >= length).then(|| buffer.split_to(length)));
                }
                State::UntilClose => {
                    return if buffer.len() > self.limit { Err(too_large(self.limit)) } else { Ok(None) };
                }
                State::ChunkSize => {
                    let Some(line) = take_line(buffer, MAX_CHUNK_LINE)? else { return Ok(None) };
                    let size = chunk_size(&line)?;
                    if size > self.limit - self.collected.len() {
                        return Err(too_large(self.limit));
                    }
                    self.state =
                        if size == 0 { State::Trailers(MAX_TRAILERS) } else { State::ChunkData(size) };
                }
                State::ChunkData(left) => {
                    if buffer.is_empty() {
                        return Ok(None);
                    }
                    let part = buffer.split_to(left.min(buffer.len()));
                    self.collected.extend_from_slice(&part);
                    let left = left - part.len();
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData(left) };
                }
                State::ChunkEnd => {
                    let Some(line) = take_line(buffer, 0)? else { return Ok(None) };
                    debug_assert!(line.is_empty(), "a line of at most no bytes is empty");
                    self.state = State::ChunkSize;
                }
                State::Trailers(left) => {
                    let Some(line) = take_line(buffer, left)? else { return Ok(None) };
                    if line.is_empty() {
                        return Ok(Some(std::mem::take(&mut self.collected)));
                    }
                    self.state = State::Trailers(left - line.len());
                }
            }
        }
    }

    /// The body, if the end of the connection is its end.
    pub(crate) fn finish(&self, buffer: &mut BytesMut) -> Result<BytesMut, HttpError> {
        match self.state {
            State::UntilClose => Ok(buffer.split()),
            _ => Err(HttpError::Truncated),
        }
    }
}

/// Makes room for the rest of a body at once, as far as it is not left to the sender how much memory that takes.
pub(crate) fn reserve(buffer: &mut BytesMut, reader: &BodyReader) {
    let wanted = reader.announced().unwrap_or_default().min(MOST_RESERVED);
    buffer.reserve(wanted.saturating_sub(buffer.len()));
}

/// Takes a line of at most `limit` bytes without its end.
fn take_line(buffer: &mut BytesMut, limit: usize) -> Result<Option<BytesMut>, HttpError> {
    let window = buffer.get(..buffer.len().min(limit + 2)).unwrap_or_default();
    match memchr::memmem::find(window, b"\r\n") {
        Some(end) => {
            let line = buffer.split_to(end);
            let _end = buffer.split_to(2);
            Ok(Some(line))
        }
        None if window.len() < limit + 2 => Ok(None),
        None => Err(malformed("line too long or without end")),
    }
}

fn chunk_size(line: &[u8]) -> Result<usize, HttpError> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(malformed("chunk size is not a number of at most eight digits"));
    }
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .ok_or_else(|| malformed("chunk size is out of range"))
}

fn too_large(limit: usize) -> HttpError {
    HttpError::TooLarge { what: "http body", limit }
}

fn malformed(reason: &str) -> HttpError {
    HttpError::Malformed { what: "chunked body", reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(input: &[u8], step: usize, limit: usize) -> Result<Option<Vec<u8>>, HttpError> {
        let mut reader = BodyReader::new(Framing::Chunked, limit)?;
        let mut buffer = BytesMut::new();
        for part in input.chunks(step) {
            buffer.extend_from_slice(part);
            if let Some(body) = reader.advance(&mut buffer)? {
                return Ok(Some(body.to_vec()));
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_are_put_together_however_they_arrive() {
        let input = b"4\r\nWiki\r\n5;name=value\r\npedia\r\n0\r\nTrailer: x\r\n\r\n";
        for step in 1..=input.len() {
            assert_eq!(chunked(input, step, 9), Ok(Some(b"Wikipedia".to_vec())), "step {step}");
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        for input in
            [&b"x\r\n"[..], b"\r\n", b"4\r\nWikiX\r\n", b"ffffffff0\r\n", b"-1\r\n", b"+4\r\nWiki\r\n"]
        {
            assert!(chunked(input, 1, 100).is_err(), "{}", input.escape_ascii());
        }
        assert_eq!(chunked(b"a\r\n0123456789\r\n", 3, 9), Err(too_large(9)));
        assert!(chunked(&[b'1'; MAX_CHUNK_LINE + 3], 7, 100).is_err());
    }

    #[test]
    fn an_announced_length_is_checked_before_anything_is_kept() {
        assert!(BodyReader::new(Framing::Length(11), 10).is_err());
    }
}
