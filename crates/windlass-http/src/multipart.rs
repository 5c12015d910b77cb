//! `multipart/encrypted` bodies ([MS-WSMV] 2.2.9.1): sealed messages in MIME clothes.
//!
//! ```text
//! body = 1*pair "--Encrypted Boundary--" CRLF
//! pair = "--Encrypted Boundary" CRLF
//!        HT "Content-Type: " protocol CRLF
//!        HT "OriginalContent: type=" content-type ";Length=" 1*DIGIT CRLF
//!        "--Encrypted Boundary" CRLF
//!        HT "Content-Type: application/octet-stream" CRLF
//!        u32 header-length, header, ciphertext
//! ```
//!
//! What is binary is found by lengths alone; nothing is ever searched in ciphertext. Read are also the
//! forms that other implementations write: no tab, a space after the dashes, no or two line ends after
//! the last boundary, other letter case.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use windlass_auth::{SealingProtocol, SecurityContext};

use crate::HttpError;

const BOUNDARY: &[u8] = b"Encrypted Boundary";
const END: &[u8] = b"--Encrypted Boundary--\r\n";
/// A line of a part's header longer than this is refused.
const MAX_LINE: usize = 1024;
/// A part with more header lines than this is refused.
const MAX_LINES: usize = 8;
/// A signature or token header longer than this is refused.
const MAX_HEADER: usize = 1024;
/// A body of more pairs than this is refused.
const MAX_PAIRS: usize = 8192;
/// CredSSP seals at most one TLS record of plaintext a pair.
const CREDSSP_CHUNK: usize = 16 * 1024;

/// One sealed message and its place in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The content type of the plaintext.
    pub content_type: String,
    /// The length of the plaintext.
    pub length: usize,
    /// Where the signature or token header is.
    pub header: Range<usize>,
    /// Where the ciphertext is.
    pub data: Range<usize>,
}

/// A body ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBody {
    /// The content type for the HTTP header.
    pub content_type: String,
    /// The bytes, in pieces.
    pub pieces: Vec<Bytes>,
}

impl SealedBody {
    /// The length of the whole.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The label of sealed messages.
pub fn mime_type(protocol: SealingProtocol) -> &'static str {
    match protocol {
        SealingProtocol::Spnego => "application/HTTP-SPNEGO-session-encrypted",
        SealingProtocol::Kerberos => "application/HTTP-Kerberos-session-encrypted",
        SealingProtocol::CredSsp => "application/HTTP-CredSSP-session-encrypted",
    }
}

/// Whether a body of this HTTP content type is sealed.
pub fn is_sealed(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("multipart/encrypted")
        || media.eq_ignore_ascii_case("multipart/x-multi-encrypted")
}

/// The label in an HTTP content type.
pub fn protocol_of(content_type: &str) -> Option<SealingProtocol> {
    let value = content_type.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("protocol").then(|| value.trim().trim_matches('"'))
    })?;
    [SealingProtocol::Spnego, SealingProtocol::Kerberos, SealingProtocol::CredSsp]
        .into_iter()
        .find(|protocol| mime_type(*protocol).eq_ignore_ascii_case(value))
}

/// Seals a message under this label.
///
/// # Errors
/// The context cannot seal.
pub fn seal(
    context: &mut dyn SecurityContext,
    protocol: SealingProtocol,
    content_type: &str,
    message: &[u8],
) -> Result<SealedBody, HttpError> {
    let chunk = if protocol == SealingProtocol::CredSsp { CREDSSP_CHUNK } else { usize::MAX };
    let media = if message.len() > chunk { "multipart/x-multi-encrypted" } else { "multipart/encrypted" };
    let mime = mime_type(protocol);
    let mut pieces = Vec::new();
    let mut header = Vec::new();
    let mut rest = message;
    loop {
        let (plain, after) = rest.split_at(rest.len().min(chunk));
        let mut data = plain.to_vec();
        context
            .seal(&mut header, &mut data)
            .map_err(|source| HttpError::Auth { mechanism: context.mechanism(), source })?;
        let header_length = u32::try_from(header.len()).unwrap_or(u32::MAX);
        let mut frame = format!(
            "--Encrypted Boundary\r\n\tContent-Type: {mime}\r\n\
             \tOriginalContent: type={content_type};Length={}\r\n\
             --Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n",
            plain.len()
        )
        .into_bytes();
        frame.extend_from_slice(&header_length.to_le_bytes());
        frame.extend_from_slice(&header);
        pieces.push(Bytes::from(frame));
        pieces.push(Bytes::from(data));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    pieces.push(Bytes::from_static(END));
    Ok(SealedBody {
        content_type: format!("{media};protocol=\"{mime}\";boundary=\"Encrypted Boundary\""),
        pieces,
    })
}

/// Unseals a body in place. Gives the content type of the plaintext and the plaintext itself.
///
/// # Errors
/// The framing is malformed, or a seal is wrong: then the connection is of no further use.
pub fn unseal(context: &mut dyn SecurityContext, mut body: BytesMut) -> Result<(String, Bytes), HttpError> {
    let pairs = parse(&body, context.sealing_protocol())?;
    let mut content_type = String::new();
    let mut plain: Option<Range<usize>> = None;
    for pair in pairs {
        let header = body.get(pair.header.clone()).unwrap_or_default().to_vec();
        let data = body.get_mut(pair.data.clone()).unwrap_or_default();
        let length = context
            .unseal(&header, data)
            .map_err(|source| HttpError::Auth { mechanism: context.mechanism(), source })?;
        if length != pair.length {
            return Err(HttpError::Multipart {
                offset: pair.data.start,
                reason: "the plaintext is not as long as OriginalContent says",
            });
        }
        let piece = pair.data.start..pair.data.start + length;
        plain = Some(match plain {
            None => piece,
            // The plaintext of further pairs moves up to that of the first; it can only move forward.
            Some(earlier) => {
                let end = earlier.end + length;
                body.copy_within(piece, earlier.end);
                earlier.start..end
            }
        });
        content_type = pair.content_type;
    }
    Ok((content_type, body.freeze().slice(plain.unwrap_or(0..0))))
}

/// Takes a body apart.
///
/// # Errors
/// The framing is malformed.
pub fn parse(body: &[u8], protocol: SealingProtocol) -> Result<Vec<Pair>, HttpError> {
    let mut parser = Parser { body, position: 0 };
    let mut pairs = Vec::new();
    match parser.boundary() {
        Some(Boundary::Next) => {}
        Some(Boundary::End) => return Err(parser.fault("a body without a message")),
        None => return Err(parser.fault("expected a boundary")),
    }
    loop {
        if pairs.len() == MAX_PAIRS {
            return Err(parser.fault("too many messages"));
        }
        let (pair, boundary) = parser.pair(protocol, pairs.is_empty())?;
        pairs.push(pair);
        if boundary == Boundary::End {
            return Ok(pairs);
        }
    }
}

/// Where the ciphertext of the first message is in a body that may lack its end, if its length is that of the
/// plaintext, as with NTLM.
pub(crate) fn first_ciphertext(body: &[u8]) -> Option<Range<usize>> {
    let mut parser = Parser { body, position: 0 };
    parser.boundary().filter(|boundary| *boundary == Boundary::Next)?;
    let opening = parser.opening().ok()?;
    Some(opening.header.end..opening.header.end.checked_add(opening.length)?)
}

/// What stands before the ciphertext of a message.
struct Opening {
    content_type: String,
    /// The length of the plaintext.
    length: usize,
    /// Where the signature or token header is.
    header: Range<usize>,
}

struct Parser<'a> {
    body: &'a [u8],
    position: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boundary {
    Next,
    End,
}

impl<'a> Parser<'a> {
    /// A pair, whose first boundary is already read, and the boundary after it.
    fn pair(&mut self, protocol: SealingProtocol, first: bool) -> Result<(Pair, Boundary), HttpError> {
        let Opening { content_type, length, header } = self.opening()?;
        if length > self.body.len() {
            return Err(self.fault("OriginalContent is longer than the body"));
        }
        let (end, boundary) = self.ciphertext(protocol, &header, length, first)?;
        Ok((Pair { content_type, length, header: header.clone(), data: header.end..end }, boundary))
    }

    /// What stands before the ciphertext, which is where the parser is then.
    fn opening(&mut self) -> Result<Opening, HttpError> {
        let original =
            self.fields("OriginalContent")?.ok_or_else(|| self.fault("expected OriginalContent"))?;
        let (content_type, length) = original_content(original)
            .ok_or_else(|| self.fault("OriginalContent without type and Length"))?;
        let content_type = content_type.to_owned();
        let line = self.line().ok_or_else(|| self.fault("expected the header of the octet-stream"))?;
        match field(line) {
            Some((name, value))
                if name.eq_ignore_ascii_case("Content-Type")
                    && value.eq_ignore_ascii_case("application/octet-stream") => {}
            _ => return Err(self.fault("expected Content-Type: application/octet-stream")),
        }

        let Some((size, _)) = self.rest().split_first_chunk::<4>() else {
            return Err(self.fault("expected the length of the security header"));
        };
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        self.position += 4;
        if size > MAX_HEADER || size > self.rest().len() {
            return Err(self.fault("the security header is too long"));
        }
        let header = self.position..self.position + size;
        Ok(Opening { content_type, length, header })
    }

    /// Finds the end of the ciphertext, moves behind the boundary that follows and says which it is.
    fn ciphertext(
        &mut self,
        protocol: SealingProtocol,
        header: &Range<usize>,
        length: usize,
        first: bool,
    ) -> Result<(usize, Boundary), HttpError> {
        let end = match protocol {
            SealingProtocol::CredSsp => self.tls_records(header.start).filter(|end| *end >= header.end),
            SealingProtocol::Spnego | SealingProtocol::Kerberos => header.end.checked_add(length),
        };
        if let Some(end) = end.filter(|end| *end <= self.body.len()) {
            self.position = end;
            if let Some(boundary) = self.boundary() {
                return Ok((end, boundary));
            }
        }
        // Some peers put the split between header and data elsewhere. As long as there is but one message,
        // the end of the body tells where it ends.
        let end = self.end_before_trailer().filter(|end| first && *end >= header.end);
        let end = end.ok_or_else(|| self.fault("expected a boundary after the ciphertext"))?;
        self.position = self.body.len();
        Ok((end, Boundary::End))
    }

    /// The end of the TLS records that start here ([RFC 8446] 5.1): where a boundary follows.
    fn tls_records(&self, start: usize) -> Option<usize> {
        const TLS_TYPES: std::ops::RangeInclusive<u8> = 20..=23;
        let mut end = start;
        loop {
            match self.body.get(end..)? {
                [kind, _, _, high, low, ..] if TLS_TYPES.contains(kind) => {
                    end += 5 + usize::from(u16::from_be_bytes([*high, *low]));
                }
                _ if end > start => return Some(end),
                _ => return None,
            }
        }
    }

    /// Where the last boundary starts, counted from the end of the body.
    fn end_before_trailer(&self) -> Option<usize> {
        let mut tail = self.body;
        for _ in 0..2 {
            tail = tail.strip_suffix(b"\r\n").unwrap_or(tail);
        }
        let tail = tail.strip_suffix(b"--")?;
        let start = tail.len().checked_sub(BOUNDARY.len())?;
        let (before, boundary) = tail.split_at_checked(start)?;
        if !boundary.eq_ignore_ascii_case(BOUNDARY) {
            return None;
        }
        let before = before.strip_suffix(b" ").unwrap_or(before);
        before.strip_suffix(b"--").map(<[u8]>::len)
    }

    /// Header lines up to and including the next boundary; gives the value of one of them.
    fn fields(&mut self, wanted: &str) -> Result<Option<&'a str>, HttpError> {
        let mut found = None;
        for _ in 0..MAX_LINES {
            match self.boundary() {
                Some(Boundary::Next) => return Ok(found),
                Some(Boundary::End) => return Err(self.fault("a part without content")),
                None => {}
            }
            let line = self.line().ok_or_else(|| self.fault("expected a header line"))?;
            match field(line) {
                Some((name, value)) if name.eq_ignore_ascii_case(wanted) => found = Some(value),
                Some(_) => {}
                None if line.trim_ascii().is_empty() => {}
                None => return Err(self.fault("expected a header line")),
            }
        }
        Err(self.fault("too many header lines"))
    }

    /// Moves behind a boundary if there is one here.
    fn boundary(&mut self) -> Option<Boundary> {
        let rest = self.rest().strip_prefix(b"--")?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let (name, rest) = rest.split_at_checked(BOUNDARY.len())?;
        if !name.eq_ignore_ascii_case(BOUNDARY) {
            return None;
        }
        if let Some(rest) = rest.strip_prefix(b"\r\n") {
            self.position = self.body.len() - rest.len();
            return Some(Boundary::Next);
        }
        if matches!(rest.strip_prefix(b"--")?, b"" | b"\r\n" | b"\r\n\r\n") {
            self.position = self.body.len();
            return Some(Boundary::End);
        }
        None
    }

    /// A line without its end; moves behind it.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let window = rest.get(..rest.len().min(MAX_LINE))?;
        let end = memchr::memmem::find(window, b"\r\n")?;
        self.position += end + 2;
        rest.get(..end)
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.position..).unwrap_or_default()
    }

    fn fault(&self, reason: &'static str) -> HttpError {
        HttpError::Multipart { offset: self.position, reason }
    }
}

fn field(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    Some((name.trim(), value.trim()))
}

/// `type=application/soap+xml;charset=UTF-8;Length=1234`.
fn original_content(value: &str) -> Option<(&str, usize)> {
    let (content_type, length) = value.rsplit_once(';')?;
    let (name, length) = length.split_once('=')?;
    let length = length.trim();
    if !name.trim().eq_ignore_ascii_case("length")
        || length.is_empty()
        || !length.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (name, content_type) = content_type.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("type") {
        return None;
    }
    Some((content_type.trim(), length.parse().ok()?))
}
