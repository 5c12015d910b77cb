//! A start tag: its name, its namespace, its attributes.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attributes as RawAttributes;

use crate::error::{Error, ErrorKind};
use crate::scope::Scope;

/// A start tag.
#[derive(Debug, Clone)]
pub struct Element<'a> {
    pub(crate) ns: Cow<'a, str>,
    pub(crate) prefix: &'a str,
    pub(crate) local: &'a str,
    /// What stands between the name and the closing bracket.
    pub(crate) attributes: &'a str,
    /// The namespaces that prefixed attributes resolve in; none is kept where none is needed.
    pub(crate) scope: Option<Box<Scope<'a>>>,
    pub(crate) offset: usize,
}

impl<'a> Element<'a> {
    /// The namespace; empty where there is none.
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// The name without its prefix.
    pub fn local(&self) -> &'a str {
        self.local
    }

    /// The prefix as written, for messages only: names are matched by namespace.
    pub fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// Offset of the opening bracket, in bytes from the start of the text.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether this is the element of that name in that namespace.
    pub fn is(&self, ns: &str, local: &str) -> bool {
        self.local == local && self.ns == ns
    }

    /// The value of an attribute without a namespace.
    pub fn attr(&self, local: &str) -> Result<Option<Cow<'a, str>>, Error> {
        self.find("", local)
    }

    /// The value of an attribute in a namespace.
    pub fn attr_ns(&self, ns: &str, local: &str) -> Result<Option<Cow<'a, str>>, Error> {
        self.find(ns, local)
    }

    /// Whether the tag has any attribute or namespace declaration.
    pub fn has_attributes(&self) -> bool {
        !self.attributes.is_empty()
    }

    /// The attributes in order, namespace declarations left out.
    pub fn attributes(&self) -> Attributes<'a, '_> {
        Attributes { raw: raw_attributes(self.attributes), element: self }
    }

    fn find(&self, ns: &str, local: &str) -> Result<Option<Cow<'a, str>>, Error> {
        for attribute in self.attributes() {
            let (found_ns, found_local, value) = attribute?;
            if found_local == local && found_ns == ns {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// The attributes of an element: namespace, local name and value of each.
#[derive(Debug)]
pub struct Attributes<'a, 'e> {
    raw: RawAttributes<'a>,
    element: &'e Element<'a>,
}

impl<'a> Iterator for Attributes<'a, '_> {
    type Item = Result<(Cow<'a, str>, &'a str, Cow<'a, str>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (key, raw) = match next_raw(&mut self.raw, self.element.offset)? {
                Ok(pair) => pair,
                Err(error) => return Some(Err(error)),
            };
            let (prefix, local) = split_name(key);
            if prefix == "xmlns" || key == "xmlns" {
                continue;
            }
            return Some(
                self.resolve(prefix)
                    .and_then(|ns| Ok((ns, local, unescape_attribute(raw, self.element.offset)?))),
            );
        }
    }
}

impl<'a> Attributes<'a, '_> {
    fn resolve(&self, prefix: &str) -> Result<Cow<'a, str>, Error> {
        match &self.element.scope {
            _ if prefix.is_empty() => Ok(Cow::Borrowed("")),
            Some(scope) => scope.resolve(prefix, self.element.offset),
            None => Scope::default().resolve(prefix, self.element.offset),
        }
    }
}

pub(crate) fn raw_attributes(attributes: &str) -> RawAttributes<'_> {
    RawAttributes::new(attributes, 0)
}

/// The next attribute as written: its name and its value between the quotes.
pub(crate) fn next_raw<'a>(
    raw: &mut RawAttributes<'a>,
    offset: usize,
) -> Option<Result<(&'a str, Cow<'a, str>), Error>> {
    Some(match raw.next()? {
        Ok(attribute) => Ok((attribute.key.into_inner(), attribute.value)),
        Err(error) => Err(Error::syntax(format_args!("attribute: {error}"), offset)),
    })
}

/// Replaces references and normalises white space (XML 1.0, 3.3.3).
pub(crate) fn unescape_attribute(raw: Cow<'_, str>, offset: usize) -> Result<Cow<'_, str>, Error> {
    if memchr::memchr3(b'&', b'<', b'\n', raw.as_bytes()).is_none()
        && memchr::memchr2(b'\r', b'\t', raw.as_bytes()).is_none()
    {
        return Ok(raw);
    }
    if raw.contains('<') {
        return Err(Error::syntax("'<' in an attribute value", offset));
    }
    let attribute = quick_xml::events::attributes::Attribute { key: quick_xml::name::QName(""), value: raw };
    match attribute.normalized_value(XmlVersion::Implicit1_0) {
        Ok(value) => Ok(Cow::Owned(value.into_owned())),
        Err(quick_xml::Error::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(..))) => {
            Err(Error::new(ErrorKind::Forbidden("entity"), offset))
        }
        Err(error) => Err(Error::syntax(format_args!("attribute value: {error}"), offset)),
    }
}

/// Prefix and local name of a qualified name; the prefix is empty where there is none.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}
