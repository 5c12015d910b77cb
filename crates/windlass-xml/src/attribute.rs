//! Names and attributes as a tag writes them.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::name::QName;

use crate::error::{Error, ErrorKind};

/// A name with its prefix, which is empty where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) whole: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) local: &'a str,
}

impl<'a> Name<'a> {
    /// Takes the name at the start of `text`, and gives what follows it.
    ///
    /// # Errors
    /// There is none, or it is longer than `limit`.
    pub(crate) fn split_off(text: &'a str, limit: usize, offset: usize) -> Result<(Self, &'a str), Error> {
        let mut colon = None;
        // Nothing of the prefix or the local name has been read yet.
        let mut is_start = true;
        let mut end = text.len();
        let mut is_whole = true;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => is_start = false,
                b'0'..=b'9' | b'-' | b'.' if !is_start => {}
                b':' if !is_start && colon.is_none() => {
                    colon = Some(at);
                    is_start = true;
                }
                _ => {
                    end = at;
                    is_whole = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'=');
                    break;
                }
            }
        }
        if is_start || !is_whole {
            return Err(Error::syntax("a name that is not an XML name", offset));
        }
        if end > limit {
            return Err(Error::new(ErrorKind::Limit("name length", limit), offset));
        }
        let (whole, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let (prefix, local) = match colon.and_then(|at| Some((whole.get(..at)?, whole.get(at + 1..)?))) {
            Some(parts) => parts,
            None => ("", whole),
        };
        Ok((Self { whole, prefix, local }, rest))
    }

    /// Whether this is the name of a namespace declaration.
    pub(crate) fn is_declaration(&self) -> bool {
        self.prefix == "xmlns" || self.whole == "xmlns"
    }
}

/// Reads the attributes of a tag in order, namespace declarations among them.
#[derive(Debug, Clone)]
pub(crate) struct RawAttributes<'a> {
    rest: &'a str,
    limit: usize,
    offset: usize,
}

impl<'a> RawAttributes<'a> {
    /// Reads what stands in a tag behind its name; `limit` is for the length of names, `offset` where
    /// the tag is.
    pub(crate) fn new(text: &'a str, limit: usize, offset: usize) -> Self {
        Self { rest: text, limit, offset }
    }

    fn read(&mut self, text: &'a str) -> Result<(Name<'a>, &'a str), Error> {
        let error = |what| Err(Error::syntax(format_args!("attribute: {what}"), self.offset));
        if text.len() == self.rest.len() {
            return error("no white space before it");
        }
        let (name, rest) = Name::split_off(text, self.limit, self.offset)?;
        let Some(rest) = skip_space(rest).strip_prefix('=') else { return error("no '=' behind its name") };
        let rest = skip_space(rest);
        let quote = match rest.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => *quote,
            _ => return error("its value is not between quotes"),
        };
        let rest = rest.get(1..).unwrap_or_default();
        let Some(end) = memchr::memchr(quote, rest.as_bytes()) else {
            return error("its value does not end");
        };
        self.rest = rest.get(end + 1..).unwrap_or_default();
        Ok((name, rest.get(..end).unwrap_or_default()))
    }
}

impl<'a> Iterator for RawAttributes<'a> {
    type Item = Result<(Name<'a>, &'a str), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = skip_space(self.rest);
        if text.is_empty() {
            return None;
        }
        let read = self.read(text);
        if read.is_err() {
            self.rest = "";
        }
        Some(read)
    }
}

/// Replaces references and normalises white space (XML 1.0, 3.3.3).
pub(crate) fn unescape(raw: &str, offset: usize) -> Result<Cow<'_, str>, Error> {
    let changes = |byte: &u8| matches!(byte, b'&' | b'<' | b'\n' | b'\r' | b'\t');
    if !raw.as_bytes().iter().any(changes) {
        return Ok(Cow::Borrowed(raw));
    }
    if raw.contains('<') {
        return Err(Error::syntax("'<' in an attribute value", offset));
    }
    let attribute = Attribute { key: QName(""), value: Cow::Borrowed(raw) };
    match attribute.normalized_value(XmlVersion::Implicit1_0) {
        Ok(value) => Ok(Cow::Owned(value.into_owned())),
        Err(quick_xml::Error::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(..))) => {
            Err(Error::new(ErrorKind::Forbidden("entity"), offset))
        }
        Err(error) => Err(Error::syntax(format_args!("attribute value: {error}"), offset)),
    }
}

/// `text` from its first character that is no white space.
pub(crate) fn skip_space(text: &str) -> &str {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let spaces = text.as_bytes().iter().take_while(|byte| is_space(byte)).count();
    text.get(spaces..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_where_they_end() {
        let split = |text| Name::split_off(text, 8, 0).map(|(name, rest)| (name.prefix, name.local, rest));
        assert_eq!(split("a").unwrap(), ("", "a", ""));
        assert_eq!(split("a:b-1 c").unwrap(), ("a", "b-1", " c"));
        assert_eq!(split("é.ü='x'").unwrap(), ("", "é.ü", "='x'"));
        for text in ["", "1a", ":a", "a:", "a:1", "-a", " a", "a: b", "a:b:c", "a<b"] {
            assert!(split(text).is_err(), "{text}");
        }
        assert_eq!(split("abcdefgh").unwrap(), ("", "abcdefgh", ""));
        let error = split("abcdefghi").unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Limit("name length", 8));
    }

    #[test]
    fn attributes_stand_apart_and_have_quoted_values() {
        let read = |text| RawAttributes::new(text, 99, 0).collect::<Result<Vec<_>, _>>();
        let found = read(" a='1'\tb:c = '\"2'\r\n d=\"\" ").unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.whole, *value)).collect();
        assert_eq!(found, [("a", "1"), ("b:c", "\"2"), ("d", "")]);
        for text in [" a", " a=", " a=1", " a='1", " a='1'b='2'", "a='1'", " a '1'", " ='1'", " a!='1'"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
