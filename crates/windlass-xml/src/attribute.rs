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
        let bytes = text.as_bytes();
        let first = name_run(bytes);
        let (colon, end) = match bytes.get(first..).and_then(<[u8]>::split_first) {
            Some((b':', local)) => (Some(first), first + 1 + name_run(local)),
            _ => (None, first),
        };
        let (whole, rest) = text.split_at_checked(end).unwrap_or(("", text));
        let (prefix, local) =
            match colon.and_then(|colon| Some((whole.get(..colon)?, whole.get(colon + 1..)?))) {
                Some((prefix, local)) if is_first(prefix) => (prefix, local),
                Some(_) => ("", ""),
                None => ("", whole),
            };
        let is_whole = matches!(bytes.get(end), None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'='));
        if !is_whole || !is_first(local) {
            return Err(Error::syntax("a name that is not an XML name", offset));
        }
        if end > limit {
            return Err(Error::new(ErrorKind::Limit("name length", limit), offset));
        }
        Ok((Self { whole, prefix, local }, rest))
    }

    /// Whether this is the name of a namespace declaration.
    pub(crate) fn is_declaration(&self) -> bool {
        self.prefix == "xmlns" || self.whole == "xmlns"
    }
}

/// A byte of a name, or of a part of one beside its colon.
const IN_NAME: u8 = 1;
/// Such a byte that can stand first.
const FIRST: u8 = 2;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let Some((class, after)) = rest.split_first_mut() {
        *class = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => IN_NAME | FIRST,
            b'0'..=b'9' | b'-' | b'.' => IN_NAME,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    classes
};

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// How many bytes of a name stand at the start, up to a colon. Four are looked at without a branch: where
/// a name ends cannot be foreseen.
#[inline]
fn name_run(bytes: &[u8]) -> usize {
    let (fours, _) = bytes.as_chunks::<4>();
    let all = |four: &[u8; 4]| four.iter().fold(IN_NAME, |all, byte| all & class(*byte)) == IN_NAME;
    let length = 4 * fours.iter().take_while(|four| all(four)).count();
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().take_while(|byte| class(**byte) & IN_NAME != 0).count()
}

/// What may be a prefix in any written XML: each run of characters of a name ahead of a colon.
pub(crate) fn possible_prefixes(written: &str) -> impl Iterator<Item = &str> {
    memchr::memchr_iter(b':', written.as_bytes()).filter_map(|colon| {
        let ahead = written.get(..colon)?;
        let length = ahead.bytes().rev().take_while(|byte| class(*byte) != 0).count();
        ahead.get(colon - length..)
    })
}

/// Whether a part of a name begins as one.
fn is_first(part: &str) -> bool {
    part.as_bytes().first().is_some_and(|byte| class(*byte) & FIRST != 0)
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
    fn prefixes_may_stand_before_any_colon() {
        let found: Vec<_> = possible_prefixes("<a:b c:d='ü-1:e f' g='::'>").collect();
        assert_eq!(found, ["a", "c", "ü-1", "", ""]);
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
