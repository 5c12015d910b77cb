//! Request and response heads ([RFC 9112] sections 2 to 6).

use bytes::BytesMut;

use crate::HttpError;

/// More header lines than this are refused.
const MAX_HEADERS: usize = 100;

/// Header fields in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of the first field of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The values of all fields of this name, in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a comma-separated field lists this token, in any case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    }

    fn from_parsed(parsed: &[httparse::Header<'_>]) -> Self {
        let text = |value: &[u8]| match std::str::from_utf8(value) {
            Ok(text) => text.to_owned(),
            Err(_) => value.iter().copied().map(char::from).collect(),
        };
        Self(parsed.iter().map(|header| (header.name.to_owned(), text(header.value))).collect())
    }
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, such as `POST`.
    pub method: String,
    /// The target as sent, query included.
    pub target: String,
    /// Whether the client speaks HTTP/1.1 as opposed to 1.0.
    pub http_1_1: bool,
    /// The fields.
    pub headers: Headers,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Whether the server speaks HTTP/1.1 as opposed to 1.0.
    pub http_1_1: bool,
    /// The fields.
    pub headers: Headers,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(usize),
    /// Chunks.
    Chunked,
    /// Up to the end of the connection.
    UntilClose,
}

impl RequestHead {
    /// Reads the head of a request, up to and including the empty line.
    ///
    /// # Errors
    /// The bytes are no complete head of an HTTP/1 request.
    pub fn decode(bytes: &[u8]) -> Result<Self, HttpError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut fields);
        complete("request", parsed.parse(bytes))?;
        let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(malformed("request", "incomplete request line"));
        };
        Ok(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            http_1_1: version == 1,
            headers: Headers::from_parsed(parsed.headers),
        })
    }

    /// The target without its query; also without scheme and authority, if a client sent them.
    pub fn path(&self) -> &str {
        let path = match self.target.split_once("://") {
            Some((_, rest)) if !self.target.starts_with('/') => {
                rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/")
            }
            _ => &self.target,
        };
        path.split_once('?').map_or(path, |(path, _)| path)
    }

    /// The query, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        keeps_alive(self.http_1_1, &self.headers)
    }

    /// A request without framing has no body.
    pub(crate) fn framing(&self) -> Result<Framing, HttpError> {
        Ok(framing("request", &self.headers)?.unwrap_or(Framing::Length(0)))
    }
}

impl ResponseHead {
    /// Reads the head of a response, up to and including the empty line.
    ///
    /// # Errors
    /// The bytes are no complete head of an HTTP/1 response.
    pub fn decode(bytes: &[u8]) -> Result<Self, HttpError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut fields);
        complete("response", parsed.parse(bytes))?;
        let (Some(status), Some(version)) = (parsed.code, parsed.version) else {
            return Err(malformed("response", "incomplete status line"));
        };
        Ok(Self {
            status,
            reason: parsed.reason.unwrap_or_default().to_owned(),
            http_1_1: version == 1,
            headers: Headers::from_parsed(parsed.headers),
        })
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        keeps_alive(self.http_1_1, &self.headers)
    }

    /// A response without framing ends with the connection, unless its status allows no body.
    pub(crate) fn framing(&self) -> Result<Framing, HttpError> {
        if matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        Ok(framing("response", &self.headers)?.unwrap_or(Framing::UntilClose))
    }
}

/// Takes a complete head out of the buffer. `scanned` remembers how far there is certainly no end, so
/// that a peer that sends byte by byte costs linear time.
pub(crate) fn split_head(
    buffer: &mut BytesMut,
    scanned: &mut usize,
    limit: usize,
) -> Result<Option<BytesMut>, HttpError> {
    let from = scanned.saturating_sub(3).min(buffer.len());
    let found = memchr::memmem::find(buffer.get(from..).unwrap_or_default(), b"\r\n\r\n");
    match found.map(|position| from + position + 4) {
        Some(end) if end <= limit => {
            *scanned = 0;
            Ok(Some(buffer.split_to(end)))
        }
        None if buffer.len() <= limit => {
            *scanned = buffer.len();
            Ok(None)
        }
        _ => Err(HttpError::TooLarge { what: "http head", limit }),
    }
}

fn complete(
    what: &'static str,
    parsed: Result<httparse::Status<usize>, httparse::Error>,
) -> Result<(), HttpError> {
    match parsed {
        Ok(httparse::Status::Complete(_)) => Ok(()),
        Ok(httparse::Status::Partial) => Err(malformed(what, "no empty line after the headers")),
        Err(error) => Err(malformed(what, &error.to_string())),
    }
}

/// [RFC 9112] section 6.3. What could be read in two ways is refused, as request smuggling lives on it.
fn framing(what: &'static str, headers: &Headers) -> Result<Option<Framing>, HttpError> {
    let mut length: Option<usize> = None;
    for value in headers.all("Content-Length") {
        let value = value.trim();
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed(what, "content-length is not a number"));
        }
        let value = value.parse().map_err(|_| malformed(what, "content-length is out of range"))?;
        if length.replace(value).is_some_and(|earlier| earlier != value) {
            return Err(malformed(what, "two different content-lengths"));
        }
    }
    let mut codings = headers.all("Transfer-Encoding");
    match (codings.next(), codings.next(), length) {
        (None, _, length) => Ok(length.map(Framing::Length)),
        (Some(_), _, Some(_)) => Err(malformed(what, "both content-length and transfer-encoding")),
        (Some(coding), None, None) if coding.trim().eq_ignore_ascii_case("chunked") => {
            Ok(Some(Framing::Chunked))
        }
        _ => Err(malformed(what, "transfer-encoding other than chunked")),
    }
}

fn keeps_alive(http_1_1: bool, headers: &Headers) -> bool {
    if http_1_1 { !headers.lists("Connection", "close") } else { headers.lists("Connection", "keep-alive") }
}

fn malformed(what: &'static str, reason: &str) -> HttpError {
    HttpError::Malformed { what, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &str) -> RequestHead {
        RequestHead::decode(
            format!("POST /wsman?PSVersion=7.6 HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes(),
        )
        .unwrap()
    }

    #[test]
    fn the_path_has_no_query() {
        let head = request("");
        assert_eq!((head.path(), head.query()), ("/wsman", Some("PSVersion=7.6")));
        let absolute = RequestHead::decode(b"POST http://h:5985/wsman?x HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(absolute.path(), "/wsman");
    }

    #[test]
    fn framing_that_can_be_read_in_two_ways_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert!(request(fields).framing().is_err(), "{fields}");
        }
        assert_eq!(request("Content-Length: 7\r\ncontent-length: 7\r\n").framing(), Ok(Framing::Length(7)));
        assert_eq!(request("Transfer-Encoding: Chunked\r\n").framing(), Ok(Framing::Chunked));
        assert_eq!(request("").framing(), Ok(Framing::Length(0)));
    }

    #[test]
    fn connections_are_kept_unless_told_otherwise() {
        assert!(request("").keeps_alive());
        assert!(!request("Connection: Close\r\n").keeps_alive());
        assert!(!request("Connection: foo, close\r\n").keeps_alive());
        let old = RequestHead::decode(b"POST / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").unwrap();
        assert!(old.keeps_alive());
    }

    #[test]
    fn heads_are_limited_and_found_byte_by_byte() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let (mut buffer, mut scanned) = (BytesMut::new(), 0);
        for (index, byte) in head.iter().enumerate() {
            buffer.extend_from_slice(&[*byte]);
            let found = split_head(&mut buffer, &mut scanned, 64).unwrap();
            assert_eq!(found.is_some(), index == head.len() - 1);
        }
        let mut endless = BytesMut::from(&[b'a'; 65][..]);
        assert!(split_head(&mut endless, &mut 0, 64).is_err());
    }
}
