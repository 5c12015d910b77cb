//! The pull reader.

use std::borrow::Cow;
use std::io::BufRead;

use quick_xml::Reader as RawReader;
use quick_xml::events::Event as RawEvent;

use crate::attribute::{Name, RawAttributes, skip_space, unescape};
use crate::characters::{has_control, is_forbidden, normalise_line_ends};
use crate::element::{Element, Prefixes, split_name};
use crate::error::{Error, ErrorKind};
use crate::fragment::Fragment;
use crate::scope::Scope;

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

/// What stands in an element up to its first child, or all of it where there is none.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// Text alone; the end tag has been read.
    Text(Cow<'a, str>),
    /// A child, and the text before it.
    Child(Cow<'a, str>, Element<'a>),
}

/// Reads a document from its start to its end, once.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    raw: RawReader<&'a [u8]>,
    scope: Scope<'a>,
    limits: Limits,
    pending: Option<(Raw<'a>, usize)>,
    /// An empty-element tag was given out as a start; its end is due.
    end_due: bool,
    /// The next start tag, which is read already and in scope: its element took the place of one like it.
    turned: Option<Element<'a>>,
    root_seen: bool,
    checked: Checked<'a>,
    held: Held,
    /// Where the last event started and where it ended.
    start: usize,
    end: usize,
}

/// What stood in the last tag with attributes: the next one often has the same.
#[derive(Debug, Default)]
struct Checked<'a> {
    attributes: &'a str,
    /// The namespaces that it declared, by their prefixes.
    declared: Vec<(&'a str, Cow<'a, str>)>,
    /// The first prefix of another attribute.
    prefix: &'a str,
    /// Whether there is yet another one.
    has_more: bool,
}

/// Where the text stands that was read last as that of an element.
#[derive(Debug)]
enum Held {
    /// The tag was an empty one.
    Nothing,
    /// From one offset to another, in one piece.
    Text(usize, usize),
    /// In several pieces.
    Pieces,
}

/// One token of quick-xml with its text taken from the input itself.
#[derive(Debug)]
enum Raw<'a> {
    Start { content: &'a str, empty: bool },
    End,
    Text(&'a str),
    CData(&'a str),
    Reference(&'a str),
    Eof,
}

impl<'a> Reader<'a> {
    /// Stands before the first element of a document.
    pub fn new(text: &'a str, limits: Limits) -> Self {
        Self::with_scope(text, limits, Scope::default())
    }

    pub(crate) fn with_scope(text: &'a str, limits: Limits, scope: Scope<'a>) -> Self {
        let mut raw = RawReader::from_str(text);
        raw.config_mut().check_comments = true;
        Self {
            text,
            raw,
            scope,
            limits,
            pending: None,
            end_due: false,
            turned: None,
            root_seen: false,
            checked: Checked::default(),
            held: Held::Nothing,
            start: 0,
            end: 0,
        }
    }

    /// The next event. Comments and the XML declaration are passed over.
    ///
    /// # Errors
    /// Anything that is not well-formed, is forbidden or passes a limit. The reader must not be used
    /// after an error.
    #[expect(clippy::should_implement_trait, reason = "a reader that can fail is no iterator")]
    pub fn next(&mut self) -> Result<Event<'a>, Error> {
        if let Some(element) = self.turned.take() {
            return Ok(Event::Start(element));
        }
        if self.end_due {
            self.end_due = false;
            self.scope.close();
            return Ok(Event::End);
        }
        let (raw, start) = self.take_raw()?;
        self.start = start;
        match raw {
            Raw::Start { content, empty } => self.open(content, empty).map(Event::Start),
            Raw::End => {
                self.scope.close();
                Ok(Event::End)
            }
            Raw::Eof if self.scope.depth() > 0 => Err(self.error(ErrorKind::UnexpectedEnd)),
            Raw::Eof => Ok(Event::Eof),
            piece => self.text_from(&piece),
        }
    }

    /// The next child of the current element, or `None` when its end tag has been read. Text between
    /// children is passed over. Before the first element and after the last, the document counts as
    /// the parent.
    pub fn next_element(&mut self) -> Result<Option<Element<'a>>, Error> {
        if self.turned.is_some() {
            return Ok(self.turned.take());
        }
        loop {
            if std::mem::take(&mut self.end_due) {
                self.scope.close();
                return Ok(None);
            }
            let (raw, start) = self.take_raw()?;
            self.start = start;
            match raw {
                Raw::Start { content, empty } => return self.open(content, empty).map(Some),
                Raw::End => {
                    self.scope.close();
                    return Ok(None);
                }
                Raw::Eof if self.scope.depth() > 0 => return Err(self.error(ErrorKind::UnexpectedEnd)),
                Raw::Eof => return Ok(None),
                piece => {
                    let text = self.piece(&piece)?;
                    self.check_place(&text)?;
                }
            }
        }
    }

    /// The text of the current element up to its first child or to its end tag, whichever comes first.
    pub fn read_content(&mut self) -> Result<Content<'a>, Error> {
        if let Some(element) = self.turned.take() {
            return Ok(Content::Child(Cow::Borrowed(""), element));
        }
        if std::mem::take(&mut self.end_due) {
            self.scope.close();
            self.held = Held::Nothing;
            return Ok(Content::Text(Cow::Borrowed("")));
        }
        let mut text = Cow::Borrowed("");
        let nothing = self.end;
        self.held = if self.pending.is_none() { Held::Text(nothing, nothing) } else { Held::Pieces };
        loop {
            let (raw, start) = self.take_raw()?;
            self.start = start;
            match raw {
                Raw::End => {
                    self.scope.close();
                    return Ok(Content::Text(text));
                }
                Raw::Start { content, empty } => {
                    self.check_place(&text)?;
                    return Ok(Content::Child(text, self.open(content, empty)?));
                }
                Raw::Eof => return Err(self.error(ErrorKind::UnexpectedEnd)),
                piece => {
                    self.held = match (&piece, &self.held) {
                        (Raw::Text(_), Held::Text(_, end)) if *end == nothing => Held::Text(start, self.end),
                        _ => Held::Pieces,
                    };
                    self.join(&mut text, &piece)?;
                }
            }
        }
    }

    /// The text of the current element, whose end tag is read.
    ///
    /// # Errors
    /// A child element is one.
    pub fn read_text(&mut self) -> Result<Cow<'a, str>, Error> {
        match self.read_content()? {
            Content::Text(text) => Ok(text),
            Content::Child(_, element) => {
                let name = element.local.chars().take(64).collect();
                Err(self.error(ErrorKind::ElementInText(name)))
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
        let source = self.text.get(element.offset..self.end).unwrap_or_default();
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
        self.scope.depth().saturating_sub(usize::from(self.turned.is_some()))
    }

    /// Where the last event started, in bytes from the start of the text.
    pub fn position(&self) -> usize {
        // An end tag stands before what took its element's place.
        self.turned.as_ref().map_or(self.start, |next| next.offset.saturating_sub(next.name.len() + 3))
    }

    /// Where the next event starts, in bytes from the start of the text; text and comments that are passed over
    /// stand ahead of it.
    pub fn next_position(&self) -> usize {
        self.turned.as_ref().map_or(self.end, |next| next.offset)
    }

    pub(crate) fn scope(&self) -> &Scope<'a> {
        &self.scope
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What was read since an offset: all up to the text that was read last as that of an element, what stands
    /// behind it where there may be one, and how long the last event was. `None` where it cannot be told apart.
    pub(crate) fn written_since(&self, from: usize) -> Option<(&'a str, Option<&'a str>, usize)> {
        if self.end_due || self.pending.is_some() {
            return None;
        }
        let last = self.end.checked_sub(self.start)?;
        match self.held {
            Held::Nothing => Some((self.text.get(from..self.end)?, None, last)),
            Held::Text(start, end) => {
                Some((self.text.get(from..start)?, Some(self.text.get(end..self.end)?), last))
            }
            Held::Pieces => None,
        }
    }

    /// All behind the last event; `None` where something has been read ahead.
    pub(crate) fn rest(&self) -> Option<&'a str> {
        let rest = self.text.get(self.end..)?;
        let is_ahead = self.end_due || self.turned.is_some() || self.pending.is_some();
        (!is_ahead && rest.len() == self.raw.get_ref().len()).then_some(rest)
    }

    /// Where what is left of the text begins.
    pub(crate) fn offset_of(&self, rest: &str) -> usize {
        self.text.len().saturating_sub(rest.len())
    }

    /// Passes over what stands before `rest`, of which the last event is `last` bytes long. Where that was a start
    /// tag like the one of the innermost element, which has ended before it, `turned` is the element.
    pub(crate) fn pass_to(&mut self, rest: &str, last: usize, turned: Option<Element<'a>>) {
        let length = self.raw.get_ref().len().saturating_sub(rest.len());
        self.raw.stream().consume(length);
        self.end += length;
        self.start = self.end.saturating_sub(last);
        self.turned = turned;
    }

    fn open(&mut self, content: &'a str, empty: bool) -> Result<Element<'a>, Error> {
        if self.scope.depth() >= self.limits.depth {
            return Err(self.error(ErrorKind::Limit("nested elements", self.limits.depth)));
        }
        if self.scope.depth() == 0 && std::mem::replace(&mut self.root_seen, true) {
            return Err(self.syntax("a second root element"));
        }
        let (name, rest) = Name::split_off(content, self.limits.name, self.start)?;
        let attributes = if skip_space(rest).is_empty() { "" } else { rest };
        self.scope.open();
        let prefixes = if attributes.is_empty() { Prefixes::None } else { self.declare(attributes)? };
        let element = Element {
            ns: self.scope.resolve(name.prefix, self.start)?,
            content,
            name: name.whole,
            prefix: name.prefix,
            local: name.local,
            attributes,
            prefixes,
            offset: self.start,
        };
        self.end_due = empty;
        Ok(element)
    }

    /// Takes the namespace declarations of a tag into scope and checks its attributes; says which
    /// namespaces the prefixes of the others stand for.
    fn declare(&mut self, attributes: &'a str) -> Result<Prefixes<'a>, Error> {
        if attributes != self.checked.attributes {
            self.checked = self.check(attributes)?;
        } else {
            for (prefix, uri) in &self.checked.declared {
                self.scope.bind(prefix, uri.clone(), self.limits.attributes, self.start)?;
            }
        }
        let Checked { prefix, has_more, .. } = self.checked;
        if prefix.is_empty() {
            return Ok(Prefixes::None);
        }
        if has_more {
            return Ok(Prefixes::Many(Box::new(Scope::with_bindings(self.scope.effective()))));
        }
        // A prefix that stands for nothing is an error where somebody asks for the attribute.
        Ok(match self.scope.resolve(prefix, self.start) {
            Ok(ns) => Prefixes::One(prefix, ns),
            Err(_) => Prefixes::None,
        })
    }

    /// Takes the namespace declarations of a tag into scope and checks its attributes.
    fn check(&mut self, attributes: &'a str) -> Result<Checked<'a>, Error> {
        let mut checked = Checked { attributes, ..Checked::default() };
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
                checked.declared.push((prefix, value.clone()));
                self.scope.bind(prefix, value, self.limits.attributes, self.start)?;
            } else if checked.prefix.is_empty() {
                checked.prefix = name.prefix;
            } else if !name.prefix.is_empty() {
                checked.has_more |= name.prefix != checked.prefix;
            }
        }
        Ok(checked)
    }

    /// Joins character data, CDATA sections and references up to the next tag.
    fn text_from(&mut self, first: &Raw<'a>) -> Result<Event<'a>, Error> {
        let start = self.start;
        let mut text = self.piece(first)?;
        loop {
            let (raw, at) = self.take_raw()?;
            match raw {
                Raw::Text(_) | Raw::CData(_) | Raw::Reference(_) => {
                    self.join(&mut text, &raw)?;
                }
                tag => {
                    self.pending = Some((tag, at));
                    break;
                }
            }
        }
        self.start = start;
        self.check_place(&text)?;
        Ok(Event::Text(text))
    }

    /// Refuses text outside the root element, unless it is white space.
    fn check_place(&self, text: &str) -> Result<(), Error> {
        if self.scope.depth() == 0 && !skip_space(text).is_empty() {
            return Err(self.syntax("text outside the root element"));
        }
        Ok(())
    }

    /// Adds a piece to the text before it.
    fn join(&self, text: &mut Cow<'a, str>, raw: &Raw<'a>) -> Result<(), Error> {
        let piece = self.piece(raw)?;
        if text.is_empty() {
            *text = piece;
            return Ok(());
        }
        if text.len() + piece.len() > self.limits.text {
            return Err(self.error(ErrorKind::Limit("text length", self.limits.text)));
        }
        text.to_mut().push_str(&piece);
        Ok(())
    }

    fn piece(&self, raw: &Raw<'a>) -> Result<Cow<'a, str>, Error> {
        let text = match raw {
            Raw::Text(text) | Raw::CData(text) if has_control(text.as_bytes()) => {
                self.check_characters(text)?;
                normalise_line_ends(text)
            }
            Raw::Text(text) | Raw::CData(text) => Cow::Borrowed(*text),
            Raw::Reference(name) => {
                let text = self.reference(name)?;
                self.check_characters(&text)?;
                text
            }
            Raw::Start { .. } | Raw::End | Raw::Eof => Cow::Borrowed(""),
        };
        if text.len() > self.limits.text {
            return Err(self.error(ErrorKind::Limit("text length", self.limits.text)));
        }
        Ok(text)
    }

    fn check_characters(&self, text: &str) -> Result<(), Error> {
        if self.limits.check_characters && text.bytes().any(is_forbidden) {
            return Err(self.syntax("a control character that XML does not allow"));
        }
        Ok(())
    }

    fn reference(&self, name: &'a str) -> Result<Cow<'a, str>, Error> {
        if let Some(known) = quick_xml::escape::resolve_xml_entity(name) {
            return Ok(Cow::Borrowed(known));
        }
        let number = match name.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix('x') {
                Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    u32::from_str_radix(hex, 16).ok()
                }
                None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
                _ => None,
            },
            None => return Err(self.error(ErrorKind::Forbidden("entity"))),
        };
        match number.and_then(char::from_u32) {
            Some(character) => Ok(Cow::Owned(character.to_string())),
            None => Err(self.syntax("a character reference to no character")),
        }
    }

    /// The next token and where it starts.
    #[inline]
    fn take_raw(&mut self) -> Result<(Raw<'a>, usize), Error> {
        if let Some(pending) = self.pending.take() {
            return Ok(pending);
        }
        if self.text.len() > self.limits.total {
            return Err(Error::new(
                ErrorKind::Limit("document length", self.limits.total),
                self.limits.total,
            ));
        }
        loop {
            let start = self.end;
            let event = self.raw.read_event().map_err(|error| Error::syntax(error, start))?;
            self.end = usize::try_from(self.raw.buffer_position()).unwrap_or(usize::MAX);
            let inner = |before: usize, after: usize| {
                self.text.get(start + before..self.end.saturating_sub(after)).unwrap_or_default()
            };
            let raw = match event {
                RawEvent::Start(_) => Raw::Start { content: inner(1, 1), empty: false },
                RawEvent::Empty(_) => Raw::Start { content: inner(1, 2), empty: true },
                RawEvent::End(_) => Raw::End,
                RawEvent::Text(_) => Raw::Text(inner(0, 0)),
                RawEvent::CData(_) => Raw::CData(inner(9, 3)),
                RawEvent::GeneralRef(_) => Raw::Reference(inner(1, 1)),
                RawEvent::Eof => Raw::Eof,
                RawEvent::Comment(_) => continue,
                RawEvent::Decl(_) if start == 0 => continue,
                RawEvent::Decl(_) | RawEvent::PI(_) => {
                    return Err(Error::new(ErrorKind::Forbidden("processing instruction"), start));
                }
                RawEvent::DocType(_) => {
                    return Err(Error::new(ErrorKind::Forbidden("document type definition"), start));
                }
            };
            return Ok((raw, start));
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.start)
    }

    fn syntax(&self, text: &str) -> Error {
        Error::syntax(text, self.start)
    }
}
