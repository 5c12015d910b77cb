//! A start tag: its name, its namespace, its attributes.

use std::borrow::Cow;

use crate::attribute::{RawAttributes, unescape};
use crate::error::Error;
use crate::scope::Scope;

/// A start tag.
#[derive(Debug, Clone)]
pub struct Element<'a> {
    pub(crate) ns: Cow<'a, str>,
    /// All between the brackets.
    pub(crate) content: &'a str,
    /// The name with its prefix.
    pub(crate) name: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) local: &'a str,
    /// What stands between the name and the closing bracket; nothing if it is white space.
    pub(crate) attributes: &'a str,
    pub(crate) prefixes: Prefixes<'a>,
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
        Attributes { raw: RawAttributes::new(self.attributes, usize::MAX, self.offset), element: self }
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
            let (name, raw) = match self.raw.next()? {
                Ok(pair) => pair,
                Err(error) => return Some(Err(error)),
            };
            if name.is_declaration() {
                continue;
            }
            let value = unescape(raw, self.element.offset);
            let ns = self.element.prefixes.resolve(name.prefix, self.element.offset);
            return Some(ns.and_then(|ns| Ok((ns, name.local, value?))));
        }
    }
}

/// The namespaces of the prefixes that the attributes of one element have: hardly ever more than one.
#[derive(Debug, Clone)]
pub(crate) enum Prefixes<'a> {
    None,
    One(&'a str, Cow<'a, str>),
    Many(Box<Scope<'a>>),
}

impl<'a> Prefixes<'a> {
    fn resolve(&self, prefix: &str, offset: usize) -> Result<Cow<'a, str>, Error> {
        match self {
            _ if prefix.is_empty() => Ok(Cow::Borrowed("")),
            Self::One(known, ns) if *known == prefix => Ok(ns.clone()),
            Self::Many(scope) => scope.resolve(prefix, offset),
            Self::None | Self::One(..) => Scope::default().resolve(prefix, offset),
        }
    }
}

/// Prefix and local name of a qualified name; the prefix is empty where there is none.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}
