//! Binary content in base64: shell streams and the fragments that open a PowerShell session.

use std::borrow::Cow;

use base64_simd::STANDARD;
use windlass_xml::Writer;

use crate::error::Error;

/// Binary content: base64 as it stands in a message, or bytes that are to be written.
///
/// Two are equal when they hold the same bytes.
#[derive(Debug, Clone)]
pub enum Payload<'a> {
    /// Base64, white space allowed.
    Base64(Cow<'a, str>),
    /// The bytes themselves.
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Payload<'a> {
    /// Bytes to be written.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    /// Appends the bytes to a buffer of the caller's; returns how many there were.
    ///
    /// # Errors
    /// Content that is no base64; the buffer is then as it was before.
    pub fn decode_into(&self, out: &mut Vec<u8>) -> Result<usize, Error> {
        let before = out.len();
        match self {
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Base64(text) => decode(text, out).inspect_err(|_| out.truncate(before))?,
        }
        Ok(out.len() - before)
    }

    /// The bytes in a buffer of their own.
    ///
    /// # Errors
    /// Content that is no base64.
    pub fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.decode_into(&mut out)?;
        Ok(out)
    }

    /// About how many bytes there are, never fewer than there are.
    pub fn size_hint(&self) -> usize {
        match self {
            Self::Base64(text) => (text.len() / 4 + 1) * 3,
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Base64(text) => text.trim().is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// How many bytes [`Payload::write`] writes.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::Base64(text) => text.len(),
            Self::Bytes(bytes) => bytes.len().div_ceil(3) * 4,
        }
    }

    /// Writes base64 into an open element, without a string in between.
    pub(crate) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Base64(text) => {
                writer.text(text);
            }
            Self::Bytes(bytes) => STANDARD.encode_append(bytes, writer.content()),
        }
    }
}

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(ours), Self::Bytes(theirs)) => ours == theirs,
            _ => match (self.to_vec(), other.to_vec()) {
                (Ok(ours), Ok(theirs)) => ours == theirs,
                _ => false,
            },
        }
    }
}

fn decode(text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    if STANDARD.decode_append(text, out).is_ok() {
        return Ok(());
    }
    // White space is rare: only pretty-printed envelopes and a few services have it.
    let dense: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if dense.len() == text.len() {
        return Err(Error::Base64("a stream"));
    }
    STANDARD.decode_append(&dense, out).map_err(|_| Error::Base64("a stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_and_leaves_the_buffer_alone_on_error() {
        let mut out = b"x".to_vec();
        let hello = Payload::Base64(Cow::Borrowed("aGVs\r\n bG8="));
        assert_eq!(hello.decode_into(&mut out), Ok(5));
        assert_eq!(out, b"xhello");
        for bad in ["aGVsbG8", "aGVsbG8=x", "!!!!", "aGVs bG8"] {
            let bad = Payload::Base64(Cow::Borrowed(bad));
            assert!(bad.decode_into(&mut out).is_err());
            assert_eq!(out, b"xhello");
        }
        assert_eq!(hello, Payload::bytes(b"hello"));
        assert_eq!(Payload::Base64(Cow::Borrowed(" \n")).decode_into(&mut out), Ok(0));
    }
}
