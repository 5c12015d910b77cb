//! Attributes in any order, and the namespaces that they declare.

use super::{MAX_ATTRIBUTES, MAX_BINDINGS, NAMESPACE, Namespace, Scanner, Tag, starts_name};
use crate::error::Error;
use crate::text::{self, Raw, Written, attribute_characters};

impl<'a> Scanner<'a> {
    pub(super) fn attributes(&mut self, tag: &mut Tag<'a>) -> Result<(), Error> {
        let mut others: Vec<&'a str> = Vec::new();
        let mut count = 0_usize;
        loop {
            let before = self.at;
            self.skip_white();
            if matches!(self.peek(), Some(b'>' | b'/')) {
                break;
            }
            if self.at == before {
                return Err(Error::syntax("white space expected between attributes", self.at));
            }
            count += 1;
            if count > MAX_ATTRIBUTES {
                return Err(Error::Limit { what: "attributes", limit: MAX_ATTRIBUTES, offset: before });
            }
            let offset = self.at;
            let name = self.name()?;
            self.skip_white();
            if !self.eat(b"=") {
                return Err(Error::syntax("an attribute without a value", self.at));
            }
            self.skip_white();
            let value = self.quoted()?;
            let repeated = match name {
                "N" => tag.name.replace(value).is_some(),
                "RefId" => tag.ref_id.replace(value).is_some(),
                "S" => self.outer.stream.replace(value).is_some(),
                "Version" => self.outer.version.replace(value).is_some(),
                _ if others.contains(&name) => true,
                _ => {
                    others.push(name);
                    self.declare(name, value, offset)?;
                    false
                }
            };
            if repeated {
                return Err(Error::syntax("an attribute that comes twice", offset));
            }
        }
        // Prefixes can be declared after their use in the same tag.
        for name in others.iter().filter(|name| name.contains(':') && !name.starts_with("xmlns:")) {
            self.resolve(name, tag.offset)?;
        }
        Ok(())
    }

    /// Takes a namespace declaration into scope; other attributes mean nothing here.
    pub(super) fn declare(&mut self, name: &'a str, value: Raw<'a>, offset: usize) -> Result<(), Error> {
        let uri = attribute_characters(value, offset)?;
        let namespace = match uri.as_str() {
            "" => Namespace::None,
            NAMESPACE => Namespace::PowerShell,
            _ => Namespace::Other,
        };
        if name == "xmlns" {
            self.default = namespace;
        } else if let Some(prefix) = name.strip_prefix("xmlns:") {
            if namespace == Namespace::None || matches!(prefix, "xml" | "xmlns") {
                return Err(Error::syntax("a namespace prefix that cannot be bound so", offset));
            }
            if self.bindings.len() >= MAX_BINDINGS {
                return Err(Error::Limit {
                    what: "namespace declarations in scope",
                    limit: MAX_BINDINGS,
                    offset,
                });
            }
            self.bindings.push((prefix, namespace));
        }
        Ok(())
    }

    pub(super) fn resolve(&self, name: &'a str, offset: usize) -> Result<(Namespace, &'a str), Error> {
        let Some((prefix, local)) = name.split_once(':') else { return Ok((self.default, name)) };
        if local.contains(':') || !starts_name(prefix) || !starts_name(local) {
            return Err(Error::syntax("a name that is not an XML name", offset));
        }
        match self.bindings.iter().rev().find(|(bound, _)| *bound == prefix) {
            Some((_, namespace)) => Ok((*namespace, local)),
            None if prefix == "xml" => Ok((Namespace::Other, local)),
            None => Err(Error::syntax("a namespace prefix that is not declared", offset)),
        }
    }

    pub(super) fn quoted(&mut self) -> Result<Raw<'a>, Error> {
        let offset = self.at;
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => quote,
            _ => return Err(Error::syntax("an attribute value without quotes", offset)),
        };
        self.at += 1;
        let mut written = Written::Plain;
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut length = 0;
        loop {
            length += text::attribute_run(bytes.get(length..).unwrap_or_default());
            let Some(byte) = bytes.get(length) else {
                return Err(Error::syntax("an attribute value is not closed", offset));
            };
            match text::class(*byte) {
                text::QUOTE if *byte == quote => break,
                text::QUOTE | text::BRACKET => {}
                text::UNDERSCORE if written == Written::Plain => written = Written::Underscore,
                text::UNDERSCORE => {}
                text::LESS => return Err(Error::syntax("'<' in an attribute value", offset)),
                text::FORBIDDEN => return Err(Error::syntax("a character that XML does not allow", offset)),
                _ => written = Written::References,
            }
            length += 1;
        }
        let text = rest.get(..length).unwrap_or_default();
        self.at += text.len() + 1;
        Ok(Raw { text, written })
    }
}
