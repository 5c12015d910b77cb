//! A scanner for the XML that CLIXML is made of.
//!
//! CLIXML readers of .NET accept character references to any code unit, lone surrogates and NUL
//! included, and look at namespaces only here and there; and a value is read between two of its tags
//! without anything being copied. So this crate has a scanner of its own, which knows exactly the XML
//! that such a reader takes: one root, comments, processing instructions and CDATA sections, no
//! document type.

use crate::error::Error;
use crate::tag::Kind;
use crate::text::{self, Characters, Raw, Written, attribute_characters, read_text};

/// The namespace of CLIXML documents.
pub(crate) const NAMESPACE: &str = "http://schemas.microsoft.com/powershell/2004/04";

/// Elements that may be open at once; values nest less, but skipped content may do so too.
const MAX_OPEN: usize = 1024;
/// Attributes of one element.
const MAX_ATTRIBUTES: usize = 64;
/// Namespace declarations in scope.
const MAX_BINDINGS: usize = 64;

/// What a namespace is to CLIXML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    None,
    PowerShell,
    Other,
}

/// A start tag with the attributes that mean something in CLIXML. It is copied much, so it is small.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'a> {
    pub(crate) local: &'a str,
    name: Option<&'a str>,
    ref_id: Option<&'a str>,
    pub(crate) offset: usize,
    pub(crate) kind: Kind,
    pub(crate) namespace: Namespace,
    name_written: Written,
    ref_id_written: Written,
    /// The tag is `<a/>`; no end tag follows.
    pub(crate) empty: bool,
}

impl<'a> Tag<'a> {
    /// The attribute `N`.
    pub(crate) fn name(&self) -> Option<Raw<'a>> {
        self.name.map(|text| Raw { text, written: self.name_written })
    }

    /// The attribute `RefId`.
    pub(crate) fn ref_id(&self) -> Option<Raw<'a>> {
        self.ref_id.map(|text| Raw { text, written: self.ref_id_written })
    }
}

/// What stands next in content that holds elements only.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    /// A start tag. Its element is open unless the tag is empty.
    Start(Tag<'a>),
    /// The end tag of the innermost element, which is now closed.
    End,
    /// The end of the text.
    Eof,
}

/// An open element: where its name stands, and the namespaces outside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    name: usize,
    name_length: usize,
    bindings: usize,
    default: Namespace,
}

#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    bindings: Vec<(&'a str, Namespace)>,
    default: Namespace,
    /// The attributes of the last tag that only the root and its children have.
    outer: Outer<'a>,
}

/// The attributes `S` and `Version`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outer<'a> {
    pub(crate) stream: Option<Raw<'a>>,
    pub(crate) version: Option<Raw<'a>>,
}

impl<'a> Scanner<'a> {
    /// A scanner before the first tag; a byte order mark and an XML declaration are passed over. The
    /// list of open elements is empty, and comes from [`Scanner::into_open`] or from nowhere.
    pub(crate) fn new(text: &'a str, open: Vec<Open>) -> Result<Self, Error> {
        let mut scanner = Self {
            text,
            at: 0,
            open,
            bindings: Vec::new(),
            default: Namespace::None,
            outer: Outer::default(),
        };
        scanner.eat("\u{feff}".as_bytes());
        if scanner.rest().starts_with("<?xml") && !scanner.rest().get(5..6).is_some_and(is_name_text) {
            scanner.declaration()?;
        }
        Ok(scanner)
    }

    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The list of open elements, to be used again.
    pub(crate) fn into_open(mut self) -> Vec<Open> {
        self.open.clear();
        self.open
    }

    /// What was read since an offset.
    pub(crate) fn since(&self, offset: usize) -> &'a str {
        self.text.get(offset..self.at).unwrap_or_default()
    }

    /// Passes over bytes that were read in [`Scanner::rest`], whole elements or the rest of one.
    pub(crate) fn pass(&mut self, length: usize) {
        self.at += length;
    }

    /// The attributes `S` and `Version` of the tag that was read last.
    pub(crate) fn outer(&self) -> Outer<'a> {
        self.outer
    }

    /// The next tag; only white space, comments and processing instructions may stand before it.
    pub(crate) fn next(&mut self) -> Result<Next<'a>, Error> {
        if let Some(next) = self.plain_end().or_else(|| self.plain_start()) {
            return Ok(next);
        }
        loop {
            self.skip_white();
            let offset = self.at;
            if !self.eat(b"<") {
                if self.at == self.text.len() {
                    return if self.open.is_empty() {
                        Ok(Next::Eof)
                    } else {
                        Err(Error::syntax("unexpected end", offset))
                    };
                }
                return Err(Error::expected("an element", offset));
            }
            match self.peek() {
                Some(b'/') => {
                    self.at += 1;
                    self.end_tag(offset)?;
                    return Ok(Next::End);
                }
                Some(b'!') => {
                    if !self.comment()? {
                        return Err(match self.rest().starts_with("!DOCTYPE") {
                            true => Error::Forbidden { what: "a document type definition", offset },
                            false => Error::expected("an element", offset),
                        });
                    }
                }
                Some(b'?') => self.instruction()?,
                _ => return self.start_tag(offset).map(Next::Start),
            }
        }
    }

    /// The text of an element whose start tag was the last one read; its end tag is read too. A child
    /// element is an error.
    pub(crate) fn text(&mut self, tag: &Tag<'a>) -> Result<Characters<'a>, Error> {
        if tag.empty {
            return Ok(Characters::Plain(""));
        }
        let (characters, length) = read_text(self.rest(), self.at)?;
        self.at += length;
        let offset = self.at;
        if !self.eat(b"</") {
            return Err(Error::expected("the end of the text", offset));
        }
        self.end_tag(offset)?;
        Ok(characters)
    }

    /// Passes over the content of an element whose start tag was the last one read.
    pub(crate) fn skip(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        if tag.empty {
            return Ok(());
        }
        let outside = self.open.len().saturating_sub(1);
        while self.open.len() > outside {
            let (_, length) = read_text(self.rest(), self.at)?;
            self.at += length;
            if let Next::Eof = self.next()? {
                return Err(Error::syntax("unexpected end", self.at));
            }
        }
        Ok(())
    }

    /// The end tag of the innermost element, where it comes next as writers write it.
    fn plain_end(&mut self) -> Option<Next<'a>> {
        let rest = self.text.as_bytes().get(self.at..)?.strip_prefix(b"</")?;
        let open = *self.open.last()?;
        let rest = rest.strip_prefix(self.name_of(open).as_bytes())?;
        if rest.first() != Some(&b'>') {
            return None;
        }
        self.at += 2 + open.name_length + 1;
        self.open.pop();
        self.leave(open);
        Some(Next::End)
    }

    /// A start tag of CLIXML, where it comes next as writers write it: with no attributes but `N` and
    /// `RefId`, in this order, in which nothing has to be replaced.
    fn plain_start(&mut self) -> Option<Next<'a>> {
        let bytes = self.text.as_bytes().get(self.at..)?;
        let local = self.plain_name(bytes)?;
        let kind = Kind::of(local.as_bytes());
        if kind == Kind::Other || self.open.len() >= MAX_OPEN {
            return None;
        }
        let (name, at) = self.plain_attribute(bytes, 1 + local.len(), b" N=\"")?;
        let (ref_id, at) = self.plain_attribute(bytes, at, b" RefId=\"")?;
        let (empty, end): (_, &[u8]) = match bytes.get(at)? {
            b'>' => (false, b">"),
            _ => (true, b" />"),
        };
        if !bytes.get(at..)?.starts_with(end) {
            return None;
        }
        let offset = self.at;
        self.at += at + end.len();
        if !empty {
            let (bindings, default) = (self.bindings.len(), self.default);
            self.open.push(Open { name: offset + 1, name_length: local.len(), bindings, default });
        }
        self.outer = Outer::default();
        Some(Next::Start(Tag {
            local,
            name,
            ref_id,
            offset,
            kind,
            namespace: self.default,
            name_written: Written::Plain,
            ref_id_written: Written::Plain,
            empty,
        }))
    }

    /// The name after the bracket that the rest of the text starts with, where it is of letters and
    /// digits alone.
    fn plain_name(&self, rest: &[u8]) -> Option<&'a str> {
        let [b'<', name @ ..] = rest else { return None };
        let length = name.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
        self.text.get(self.at + 1..self.at + 1 + length)
    }

    /// The value of an attribute, where it stands at a place in the rest of the text, and the place
    /// after it. Nothing where something in it would have to be replaced.
    fn plain_attribute(&self, rest: &[u8], at: usize, start: &[u8]) -> Option<(Option<&'a str>, usize)> {
        let Some(value) = rest.get(at..)?.strip_prefix(start) else { return Some((None, at)) };
        let length = text::plain_run(value);
        if value.get(length) != Some(&b'"') {
            return None;
        }
        let from = at + start.len();
        let text = self.text.get(self.at + from..self.at + from + length)?;
        Some((Some(text), from + length + 1))
    }

    fn name_of(&self, open: Open) -> &'a str {
        self.text.get(open.name..open.name + open.name_length).unwrap_or_default()
    }

    /// The namespace of an element without a prefix and a declaration of its own.
    pub(crate) fn default_namespace(&self) -> Namespace {
        self.default
    }

    fn start_tag(&mut self, offset: usize) -> Result<Tag<'a>, Error> {
        let at = self.at;
        let name = self.name()?;
        let (bindings, default) = (self.bindings.len(), self.default);
        let outside = Open { name: at, name_length: name.len(), bindings, default };
        let mut tag = Tag {
            local: name,
            name: None,
            ref_id: None,
            offset,
            kind: Kind::of(name.as_bytes()),
            namespace: self.default,
            name_written: Written::Plain,
            ref_id_written: Written::Plain,
            empty: false,
        };
        self.outer = Outer::default();
        if self.peek() != Some(b'>') {
            self.attributes(&mut tag)?;
            tag.namespace = self.default;
        }
        // A name with a prefix is the name of no element of CLIXML.
        if tag.kind == Kind::Other {
            (tag.namespace, tag.local) = self.resolve(name, offset)?;
            tag.kind = Kind::of(tag.local.as_bytes());
        }
        tag.empty = self.eat(b"/");
        if !self.eat(b">") {
            return Err(Error::syntax("a tag is not closed", self.at));
        }
        if tag.empty {
            self.leave(outside);
        } else {
            if self.open.len() >= MAX_OPEN {
                return Err(Error::Limit { what: "nested elements", limit: MAX_OPEN, offset });
            }
            self.open.push(outside);
        }
        Ok(tag)
    }

    fn end_tag(&mut self, offset: usize) -> Result<(), Error> {
        let Some(open) = self.open.pop() else {
            return Err(Error::syntax("an end tag without a start tag", offset));
        };
        if !self.eat(self.name_of(open).as_bytes()) {
            return Err(Error::syntax("an end tag that matches no start tag", offset));
        }
        if !self.eat(b">") {
            self.skip_white();
            if !self.eat(b">") {
                return Err(Error::syntax("an end tag that matches no start tag", offset));
            }
        }
        self.leave(open);
        Ok(())
    }

    fn leave(&mut self, outside: Open) {
        self.bindings.truncate(outside.bindings);
        self.default = outside.default;
    }

    fn attributes(&mut self, tag: &mut Tag<'a>) -> Result<(), Error> {
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
                "N" => {
                    tag.name_written = value.written;
                    tag.name.replace(value.text).is_some()
                }
                "RefId" => {
                    tag.ref_id_written = value.written;
                    tag.ref_id.replace(value.text).is_some()
                }
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
    fn declare(&mut self, name: &'a str, value: Raw<'a>, offset: usize) -> Result<(), Error> {
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

    fn resolve(&self, name: &'a str, offset: usize) -> Result<(Namespace, &'a str), Error> {
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

    fn quoted(&mut self) -> Result<Raw<'a>, Error> {
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
            length += text::plain_run(bytes.get(length..).unwrap_or_default());
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

    fn name(&mut self) -> Result<&'a str, Error> {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !is_name_byte(byte)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        if !starts_name(name) {
            return Err(Error::syntax("a name that is not an XML name", self.at));
        }
        self.at += length;
        Ok(name)
    }

    /// Passes over a comment, whose `<` is read already; says whether there was one.
    fn comment(&mut self) -> Result<bool, Error> {
        let offset = self.at;
        if !self.eat(b"!--") {
            return Ok(false);
        }
        let length = self.rest().find("--").ok_or(Error::syntax("a comment is not closed", offset))?;
        self.checked(length)?;
        self.at += length;
        if !self.eat(b"-->") {
            return Err(Error::syntax("'--' in a comment", self.at));
        }
        Ok(true)
    }

    /// Passes over a processing instruction, whose `<` is read already.
    fn instruction(&mut self) -> Result<(), Error> {
        let offset = self.at;
        self.at += 1;
        let target = self.name()?;
        if target.eq_ignore_ascii_case("xml") || target.contains(':') {
            return Err(Error::syntax("a processing instruction with a reserved name", offset));
        }
        let length =
            self.rest().find("?>").ok_or(Error::syntax("a processing instruction is not closed", offset))?;
        if length > 0 && !matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(Error::syntax("a processing instruction without white space after its name", offset));
        }
        self.checked(length)?;
        self.at += length + 2;
        Ok(())
    }

    fn declaration(&mut self) -> Result<(), Error> {
        let malformed = Error::syntax("a malformed XML declaration", self.at);
        let length = self.rest().find("?>").ok_or(malformed.clone())?;
        let inner = self.rest().get(5..length).unwrap_or_default();
        self.at += length + 2;
        let mut parts = inner;
        let mut position = 0;
        while !parts.trim_start().is_empty() {
            let trimmed = parts.trim_start();
            if trimmed.len() == parts.len() {
                return Err(malformed);
            }
            let (key, rest) = trimmed.split_once('=').ok_or(malformed.clone())?;
            let rest = rest.trim_start();
            let quote =
                rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(malformed.clone())?;
            let (value, rest) =
                rest.get(1..).and_then(|rest| rest.split_once(quote)).ok_or(malformed.clone())?;
            position = match (key.trim_end(), value) {
                ("version", "1.0") if position == 0 => 1,
                ("encoding", name) if position == 1 && is_encoding(name) => 2,
                ("standalone", "yes" | "no") if position == 1 || position == 2 => 3,
                _ => return Err(malformed),
            };
            parts = rest;
        }
        if position == 0 { Err(malformed) } else { Ok(()) }
    }

    /// Checks that the next bytes hold no character that XML does not allow.
    fn checked(&self, length: usize) -> Result<(), Error> {
        let part = self.rest().get(..length).unwrap_or_default();
        let bad = |character: char| matches!(character, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
        if part.contains(bad) {
            return Err(Error::syntax("a character that XML does not allow", self.at));
        }
        Ok(())
    }

    /// What comes next.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, bytes: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(bytes));
        if found {
            self.at += bytes.len();
        }
        found
    }

    fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

fn is_encoding(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn is_name_text(text: &str) -> bool {
    text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || byte >= 0x80
}

fn starts_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80)
}
