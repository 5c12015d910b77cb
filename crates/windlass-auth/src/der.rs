//! The little of DER ([X.690]) that security tokens and certificates need: definite lengths, bounded by
//! what encloses them, no recursion.

use windlass_core::cursor::ReadCursor;

use crate::AuthError;

/// An INTEGER.
pub const INTEGER: u8 = 0x02;
/// A BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// An OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// An OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// An ENUMERATED.
pub const ENUMERATED: u8 = 0x0A;
/// A GeneralString.
pub const GENERAL_STRING: u8 = 0x1B;
/// A SEQUENCE, constructed.
pub const SEQUENCE: u8 = 0x30;

/// The tag of a constructed, context-specific element.
pub const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// Reads elements one after another out of the content of one that encloses them.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    cursor: ReadCursor<'a>,
    token: &'static str,
}

/// One element.
#[derive(Debug, Clone)]
pub struct Element<'a> {
    /// Its identifier octet.
    pub tag: u8,
    /// Its content.
    pub content: &'a [u8],
    /// The whole of it, identifier and length included.
    pub raw: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts reading; `token` names the whole in errors.
    pub fn new(bytes: &'a [u8], token: &'static str) -> Self {
        Self { cursor: ReadCursor::new(bytes), token }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The identifier octet of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.cursor.peek().first().copied()
    }

    /// The next element, whatever it is.
    pub fn element(&mut self, field: &'static str) -> Result<Element<'a>, AuthError> {
        let short = AuthError::truncated(self.token);
        let start = self.cursor.peek();
        let tag = self.cursor.u8(field).map_err(&short)?;
        if tag & 0x1F == 0x1F {
            return Err(self.malformed(field, "expected a tag number below 31"));
        }
        let first = self.cursor.u8(field).map_err(&short)?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let octets = usize::from(first & 0x7F);
            if octets == 0 || octets > 4 {
                return Err(self.malformed(field, "expected a definite length of at most four octets"));
            }
            let mut length: u32 = 0;
            for octet in self.cursor.take(octets, field).map_err(&short)? {
                length = (length << 8) | u32::from(*octet);
            }
            usize::try_from(length).map_err(|_| self.malformed(field, "length out of range"))?
        };
        let content = self.cursor.take(length, field).map_err(&short)?;
        let raw = start.get(..start.len() - self.cursor.remaining()).unwrap_or_default();
        Ok(Element { tag, content, raw })
    }

    /// The next element, which must have this tag.
    pub fn expect(&mut self, tag: u8, field: &'static str) -> Result<Element<'a>, AuthError> {
        let element = self.element(field)?;
        if element.tag == tag { Ok(element) } else { Err(self.malformed(field, "unexpected tag")) }
    }

    /// The content of the next element, which must have this tag, as elements.
    pub fn enter(&mut self, tag: u8, field: &'static str) -> Result<Reader<'a>, AuthError> {
        let element = self.expect(tag, field)?;
        Ok(Reader::new(element.content, self.token))
    }

    /// As [`enter`](Self::enter), if the next element has this tag; otherwise nothing is read.
    pub fn enter_optional(&mut self, tag: u8, field: &'static str) -> Result<Option<Reader<'a>>, AuthError> {
        if self.peek() == Some(tag) { self.enter(tag, field).map(Some) } else { Ok(None) }
    }

    /// The content of the element with tag `inner` that alone fills the next element, which has the tag
    /// `outer`, if it is there.
    pub fn optional_explicit(
        &mut self,
        outer: u8,
        inner: u8,
        field: &'static str,
    ) -> Result<Option<&'a [u8]>, AuthError> {
        let Some(mut wrapper) = self.enter_optional(outer, field)? else { return Ok(None) };
        let element = wrapper.expect(inner, field)?;
        wrapper.finish(field)?;
        Ok(Some(element.content))
    }

    /// Makes sure that nothing is left.
    pub fn finish(&self, field: &'static str) -> Result<(), AuthError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.malformed(field, "surplus bytes after the last element"))
        }
    }

    /// An error about the token being read.
    pub fn malformed(&self, field: &'static str, reason: &'static str) -> AuthError {
        AuthError::Malformed { token: self.token, field, reason }
    }
}

/// Appends one element with this content.
pub fn write(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    write_length(out, content.len());
    out.extend_from_slice(content);
}

/// One element inside another, both fresh.
pub fn wrapped(outer: u8, inner: u8, content: &[u8]) -> Vec<u8> {
    let mut element = Vec::with_capacity(content.len() + 12);
    write(&mut element, inner, content);
    let mut out = Vec::with_capacity(element.len() + 6);
    write(&mut out, outer, &element);
    out
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let significant = octets.iter().skip_while(|octet| **octet == 0);
            let count = u8::try_from(significant.clone().count()).unwrap_or(8);
            out.push(0x80 | count);
            out.extend(significant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_width_round_trip() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let mut out = Vec::new();
            write(&mut out, OCTET_STRING, &content);
            let mut reader = Reader::new(&out, "test");
            let element = reader.expect(OCTET_STRING, "value").unwrap();
            assert_eq!(element.content, content);
            assert_eq!(element.raw, out);
            reader.finish("value").unwrap();
        }
    }

    #[test]
    fn lies_about_length_are_refused() {
        for bytes in
            [&[0x04, 0x80][..], &[0x04, 0x85, 0, 0, 0, 0, 1, 1], &[0x04, 5, 1], &[0x1F, 0x81, 1, 0], &[0x04]]
        {
            assert!(Reader::new(bytes, "test").element("value").is_err(), "{bytes:02x?}");
        }
    }
}
