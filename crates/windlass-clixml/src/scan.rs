//! A scanner for the XML that CLIXML is made of.
//!
//! CLIXML readers of .NET accept character references to any code unit, lone surrogates and NUL
//! included, and look at namespaces only here and there; and a value is read between two of its tags
//! without anything being copied. So this crate has a scanner of its own, which knows exactly the XML
//! that such a reader takes: one root, comments, processing instructions and CDATA sections, no
//! document type.

mod asides;
mod attributes;
mod plain;

use crate::error::Error;
use crate::tag::Kind;
use crate::text::{self, Characters, Raw, read_text};
use crate::word::Word;

pub(crate) use plain::{EndTag, Head, number};

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

/// A start tag with the attributes that mean something in CLIXML.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'a> {
    pub(crate) local: &'a str,
    /// The attribute `N`.
    pub(crate) name: Option<Raw<'a>>,
    /// The attribute `RefId`.
    pub(crate) ref_id: Option<Raw<'a>>,
    pub(crate) offset: usize,
    pub(crate) kind: Kind,
    pub(crate) namespace: Namespace,
    /// The tag is `<a/>`; no end tag follows.
    pub(crate) empty: bool,
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
    /// Its end tag as writers write it.
    end: EndTag,
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
    /// list of open elements is empty, and comes from [`Scanner::take_open`] or from nowhere.
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
    pub(crate) fn take_open(&mut self) -> Vec<Open> {
        self.open.clear();
        std::mem::take(&mut self.open)
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
        if self.plain_end() {
            return Ok(Next::End);
        }
        if let Some(head) = self.head() {
            return self.enter(&head).map(Next::Start);
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
        let (characters, length) = match text::plain(self.rest()) {
            Some(plain) => (Characters::Plain(plain), plain.len()),
            None => read_text(self.rest(), self.at)?,
        };
        self.at += length;
        if self.plain_end() {
            return Ok(characters);
        }
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

    /// Whether the innermost element is an entry of a dictionary that is written `<En>`, so that after its end
    /// and the start of the next everything is as before.
    pub(crate) fn is_in_entry(&self) -> bool {
        const END: EndTag = EndTag::new(Word::of(b"En"), 2);
        let outside = |open: &Open| (open.bindings, open.default) == (self.bindings.len(), self.default);
        self.open.last().is_some_and(|open| open.end == END && outside(open))
    }

    fn name_of(&self, open: Open) -> &'a str {
        self.text.get(open.name..open.name + open.end.name_length()).unwrap_or_default()
    }

    /// The namespace of an element without a prefix and a declaration of its own.
    pub(crate) fn default_namespace(&self) -> Namespace {
        self.default
    }

    fn start_tag(&mut self, offset: usize) -> Result<Tag<'a>, Error> {
        let at = self.at;
        let name = self.name()?;
        let (bindings, default) = (self.bindings.len(), self.default);
        let word = Word::of(name.as_bytes());
        let outside = Open { name: at, end: EndTag::new(word, name.len()), bindings, default };
        let mut tag = Tag {
            local: name,
            name: None,
            ref_id: None,
            offset,
            kind: Kind::of(word),
            namespace: self.default,
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
            tag.kind = Kind::of(Word::of(tag.local.as_bytes()));
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

fn is_name_text(text: &str) -> bool {
    text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || byte >= 0x80
}

fn starts_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80)
}
