//! From bytes to text.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::reader::Limits;

/// Decodes UTF-8 (with or without a byte order mark) or UTF-16 with a byte order mark.
///
/// # Errors
/// Text longer than [`Limits::total`] and bytes that are not valid in their encoding.
pub fn decode_utf<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, str>, Error> {
    if bytes.len() > limits.total {
        return Err(Error::new(ErrorKind::Limit("document length", limits.total), limits.total));
    }
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => Err(Error::new(ErrorKind::Encoding, error.valid_up_to())),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::new(ErrorKind::Encoding, bytes.len()));
    }
    let mut text = String::with_capacity(pairs.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        text.push(decoded.map_err(|_| Error::new(ErrorKind::Encoding, text.len()))?);
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_encoding() {
        let limits = Limits::default();
        for bytes in [
            b"<a>\xC3\xA4</a>".to_vec(),
            b"\xEF\xBB\xBF<a>\xC3\xA4</a>".to_vec(),
            [vec![0xFF, 0xFE], "<a>ä</a>".encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
            [vec![0xFE, 0xFF], "<a>ä</a>".encode_utf16().flat_map(u16::to_be_bytes).collect()].concat(),
        ] {
            assert_eq!(decode_utf(&bytes, &limits).unwrap(), "<a>ä</a>");
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let limits = Limits::default();
        for bytes in [&b"<a>\xFF</a>"[..], b"\xFF\xFEa", b"\xFF\xFE\x00\xD8a\x00"] {
            assert_eq!(decode_utf(bytes, &limits).unwrap_err().kind(), &ErrorKind::Encoding);
        }
    }

    #[test]
    fn length_is_limited() {
        let limits = Limits { total: 3, ..Limits::default() };
        assert_eq!(decode_utf(b"<a/>", &limits).unwrap_err().kind(), &ErrorKind::Limit("document length", 3));
    }
}
