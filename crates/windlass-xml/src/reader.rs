//! The pull reader.

use std::borrow::Cow;

use crate::attribute::{Name, RawAttributes, skip_space, unescape};
use crate::element::{Element, Prefixes, split_name};
use crate::error::{Error, ErrorKind};
use crate::fragment::Fragment;
use crate::reference::character;
use crate::scope::Scope;
use crate::token::{Piece, Tag, Tokens};

/// What a document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Open elements at once.
    pub depth: usize,
    /// Attributes of one element, and namespace declarations in scope at once.
    pub attributes: usize,
    /// Bytes of one element or attribute name.
    pub name: usize,
    /// Bytes of one text or attribute value.
    pub text: usize,
    /// Bytes of the whole document.
    pub total: usize,
    /// Whether control characters that XML 1.0 does not allow are refused. CLIXML readers of
    /// PowerShell do not refuse them.
    pub check_characters: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            attributes: 256,
            name: 1024,
            text: 64 << 20,
            total: 128 << 20,
            check_characters: true,
        }
    }
}

impl Limits {
    /// The same limits with another depth.
    pub fn with_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// The same limits with another document length.
    pub fn with_total(self, total: usize) -> Self {
        Self { total, ..self }
    }

    /// The same limits, control characters accepted.
    pub fn without_character_checks(self) -> Self {
        Self { check_characters: false, ..self }
    }
}

/// What the reader met.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A start tag. An empty-element tag gives a `Start` and an `End`.
    Start(Element<'a>),
    /// The end of the innermost open element.
    End,
    /// Character data up to the next tag, references replaced, line ends normalised.
    Text(Cow<'a, str>),
    /// The end of the document.
    Eof,
}

/// Reads a document from its start to its end, once.
#[derive(Debug)]
pub struct Reader<'a> {
    tokens: Tokens<'a>,
    scope: Scope<'a>,
    limits: Limits,
    /// An empty-element tag was given out as a start; its end is due.
    end_due: bool,
    root_seen: bool,
    /// Where the last event started.
    start: usize,
}

impl<'a> Reader<'a> {
    /// Stands before the first element of a document.
    pub fn new(text: &'a str, limits: Limits) -> Self {
        Self::with_scope(text, limits, Scope::default())
    }

    pub(crate) fn with_scope(text: &'a str, limits: Limits, scope: Scope<'a>) -> Self {
        Self { tokens: Tokens::new(text), scope, limits, end_due: false, root_seen: false, start: 0 }
    }

    /// The next event. Comments and the XML declaration are passed over.
    ///
    /// # Errors
    /// Anything that is not well-formed, is forbidden or passes a limit. The reader must not be used
    /// after an error.
    #[expect(clippy::should_implement_trait, reason = "a reader that can fail is no iterator")]
    pub fn next(&mut self) -> Result<Event<'a>, Error> {
        if self.end_due {
            self.end_due = false;
            self.scope.close();
            return Ok(Event::End);
        }
        let total = self.limits.total;
        if self.tokens.source().len() > total {
            return Err(Error::new(ErrorKind::Limit("document length", total), total));
        }
        if let Some(text) = self.text()? {
            return Ok(Event::Text(text));
        }
        let tag = self.tokens.tag(self.limits.name)?;
        self.start = self.tokens.start;
        match tag {
            Some(Tag::Start { name, attributes, is_empty }) => {
                self.end_due = is_empty;
                self.open(name, attributes).map(Event::Start)
            }
            Some(Tag::End(name)) => self.close(name),
            None if self.scope.depth() > 0 => Err(self.error(ErrorKind::UnexpectedEnd)),
            None => Ok(Event::Eof),
        }
    }

    /// The next child of the current element, or `None` when its end tag has been read. Text between
    /// children is passed over. Before the first element and after the last, the document counts as
    /// the parent.
    pub fn next_element(&mut self) -> Result<Option<Element<'a>>, Error> {
        loop {
            match self.next()? {
                Event::Start(element) => return Ok(Some(element)),
                Event::End | Event::Eof => return Ok(None),
                Event::Text(_) => {}
            }
        }
    }

    /// The text of the current element, whose end tag is read.
    ///
    /// # Errors
    /// A child element is one.
    pub fn read_text(&mut self) -> Result<Cow<'a, str>, Error> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.next()? {
                Event::Text(piece) if text.is_empty() => text = piece,
                Event::Text(piece) => text.to_mut().push_str(&piece),
                Event::End => return Ok(text),
                Event::Start(element) => {
                    let name = element.local.chars().take(64).collect();
                    return Err(self.error(ErrorKind::ElementInText(name)));
                }
                Event::Eof => return Err(self.error(ErrorKind::UnexpectedEnd)),
            }
        }
    }

    /// Passes over what is left of the current element, its end tag included.
    pub fn skip(&mut self) -> Result<(), Error> {
        let parent = self.depth().saturating_sub(1);
        while self.depth() > parent {
            if let Event::Eof = self.next()? {
                return Err(self.error(ErrorKind::UnexpectedEnd));
            }
        }
        Ok(())
    }

    /// The source of `element`, whose start tag was the last event; its end tag is read.
    pub fn capture(&mut self, element: &Element<'a>) -> Result<Fragment<'a>, Error> {
        let bindings = self.scope.effective();
        self.skip()?;
        let source = self.tokens.source().get(element.offset..self.tokens.end).unwrap_or_default();
        Ok(Fragment { source, bindings })
    }

    /// Namespace and local name of a qualified name in text, such as a fault subcode or `xsi:type`.
    /// A name without a prefix is in the default namespace.
    pub fn resolve<'t>(&self, qname: &'t str) -> Result<(Cow<'a, str>, &'t str), Error> {
        let (prefix, local) = split_name(qname.trim());
        Ok((self.scope.resolve(prefix, self.start)?, local))
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.scope.depth()
    }

    /// Where the last event started, in bytes from the start of the text.
    pub fn position(&self) -> usize {
        self.start
    }

    fn open(&mut self, name: Name<'a>, attributes: &'a str) -> Result<Element<'a>, Error> {
        if self.scope.depth() >= self.limits.depth {
            return Err(self.error(ErrorKind::Limit("nested elements", self.limits.depth)));
        }
        if self.scope.depth() == 0 && std::mem::replace(&mut self.root_seen, true) {
            return Err(self.syntax("a second root element"));
        }
        let attributes = if skip_space(attributes).is_empty() { "" } else { attributes };
        self.scope.open(name.whole);
        let prefixes = if attributes.is_empty() { Prefixes::None } else { self.declare(attributes)? };
        let ns = self.scope.resolve(name.prefix, self.start)?;
        Ok(Element { ns, prefix: name.prefix, local: name.local, attributes, prefixes, offset: self.start })
    }

    /// Takes an end tag, which must be that of the innermost open element.
    fn close(&mut self, name: &str) -> Result<Event<'a>, Error> {
        match self.scope.close() {
            Some(open) if name.strip_prefix(open).is_some_and(|rest| skip_space(rest).is_empty()) => {
                Ok(Event::End)
            }
            Some(_) => Err(self.syntax("an end tag that is not that of the innermost element")),
            None => Err(self.syntax("an end tag without a start tag")),
        }
    }

    /// Takes the namespace declarations of a tag into scope and checks its attributes; says which
    /// namespaces the prefixes of the others stand for.
    fn declare(&mut self, attributes: &'a str) -> Result<Prefixes<'a>, Error> {
        let mut prefix = "";
        let mut has_more = false;
        let mut first = "";
        let mut others = Vec::new();
        for (count, attribute) in RawAttributes::new(attributes, self.limits.name, self.start).enumerate() {
            let (name, value) = attribute?;
            if count >= self.limits.attributes {
                return Err(self.error(ErrorKind::Limit("attributes", self.limits.attributes)));
            }
            if value.len() > self.limits.text {
                return Err(self.error(ErrorKind::Limit("attribute length", self.limits.text)));
            }
            if name.whole == first || others.contains(&name.whole) {
                return Err(self.syntax("attribute: given twice"));
            }
            if count == 0 {
                first = name.whole;
            } else {
                others.push(name.whole);
            }
            // Read here, so that captured source is well-formed whether or not the attribute is asked for.
            let value = unescape(value, self.start)?;
            if name.is_declaration() {
                let prefix = if name.prefix.is_empty() { "" } else { name.local };
                self.scope.bind(prefix, value, self.limits.attributes, self.start)?;
            } else if prefix.is_empty() {
                prefix = name.prefix;
            } else if !name.prefix.is_empty() {
                has_more |= name.prefix != prefix;
            }
        }
        if prefix.is_empty() {
            return Ok(Prefixes::None);
        }
        if has_more {
            return Ok(Prefixes::Many(Scope::with_bindings(self.scope.effective())));
        }
        // A prefix that stands for nothing is an error where somebody asks for the attribute.
        Ok(match self.scope.resolve(prefix, self.start) {
            Ok(ns) => Prefixes::One(prefix, ns),
            Err(_) => Prefixes::None,
        })
    }

    /// The text up to the next tag, if there is any: character data, CDATA sections and references.
    #[inline]
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(first) = self.tokens.piece()? else { return Ok(None) };
        self.start = self.tokens.start;
        let mut text = Cow::Borrowed("");
        let mut next = Some(first);
        while let Some(piece) = next {
            match piece {
                Piece::Plain(plain) => {
                    let plain = self.plain(plain)?;
                    if text.is_empty() {
                        text = plain;
                    } else {
                        text.to_mut().push_str(&plain);
                    }
                }
                Piece::Reference(name) => text.to_mut().push(self.reference(name)?),
            }
            if text.len() > self.limits.text {
                return Err(self.error(ErrorKind::Limit("text length", self.limits.text)));
            }
            next = self.tokens.piece()?;
        }
        if self.scope.depth() == 0 && !skip_space(&text).is_empty() {
            return Err(self.syntax("text outside the root element"));
        }
        Ok(Some(text))
    }

    /// Characters as the source has them, with line ends normalised (XML 1.0, 2.11).
    #[inline]
    fn plain(&self, text: &'a str) -> Result<Cow<'a, str>, Error> {
        if !has_control(text.as_bytes()) {
            return Ok(Cow::Borrowed(text));
        }
        if self.limits.check_characters && text.bytes().any(is_forbidden) {
            return Err(self.forbidden_character());
        }
        if !text.contains('\r') {
            return Ok(Cow::Borrowed(text));
        }
        Ok(Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")))
    }

    fn reference(&self, name: &str) -> Result<char, Error> {
        let character = character(name, self.start)?;
        if self.limits.check_characters && u8::try_from(character).is_ok_and(is_forbidden) {
            return Err(self.forbidden_character());
        }
        Ok(character)
    }

    fn forbidden_character(&self) -> Error {
        self.syntax("a control character that XML does not allow")
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.start)
    }

    fn syntax(&self, text: &str) -> Error {
        Error::syntax(text, self.start)
    }
}

/// Whether there may be anything but plain characters, blanks, tabs and line feeds. Chunks without an
/// early exit are what a compiler turns into vector instructions.
fn has_control(bytes: &[u8]) -> bool {
    let is_control = |byte: u8| byte < 0x20 && byte != b'\t' && byte != b'\n';
    bytes.chunks(256).any(|chunk| chunk.iter().fold(false, |found, byte| found | is_control(*byte)))
}

fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}
