//! Tags as writers write them: the short way to the next tag.
//!
//! Nearly all of CLIXML is written by writers that put the same blanks at the same places and the same
//! attributes in the same order. Such a tag is compared rather than taken apart: the name as one word,
//! the attributes with what they start with. Anything else is left to the longer way in [`Scanner::next`],
//! which also says what is wrong with it.

use super::{MAX_OPEN, Open, Outer, Scanner, Tag};
use crate::error::Error;
use crate::tag::Kind;
use crate::text::{Raw, Written};
use crate::word::{self, Word};

/// A start tag of CLIXML with no attributes but `N` and `RefId`, in this order, in which nothing has to be
/// replaced. The scanner still stands before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) kind: Kind,
    word: Word,
    name_length: usize,
    /// The attribute `N`.
    pub(crate) name: Option<Raw<'a>>,
    pub(crate) ref_id: Option<Raw<'a>>,
    pub(crate) empty: bool,
    /// From bracket to bracket.
    pub(crate) length: usize,
}

/// The end tag of an element. Where the whole of it has eight bytes, it is compared as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndTag {
    bytes: u64,
    mask: u64,
    word: Word,
    name_length: usize,
}

impl<'a> Head<'a> {
    /// The start tag that stands at the start of a text, where it is written so.
    #[inline]
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let name = bytes.strip_prefix(b"<")?;
        let (word, name_length) = Word::read(name);
        let kind = Kind::of(word);
        if kind == Kind::Other {
            return None;
        }
        let at = 1 + name_length;
        let mut head = Self { kind, word, name_length, name: None, ref_id: None, empty: false, length: at };
        if bytes.get(at) != Some(&b'>') {
            (head.name, head.length) = plain_name(text, at)?;
            (head.ref_id, head.length) = counted(text, head.length)?;
            let rest = bytes.get(head.length..)?;
            head.empty = rest.starts_with(b" />");
            if !head.empty && rest.first() != Some(&b'>') {
                return None;
            }
        }
        head.length += if head.empty { 3 } else { 1 };
        Some(head)
    }

    /// The end tag of the element.
    #[inline]
    pub(crate) fn end(&self) -> EndTag {
        EndTag::new(self.word, self.name_length)
    }
}

impl EndTag {
    /// The end tag with a name of this length.
    #[inline]
    pub(crate) const fn new(word: Word, name_length: usize) -> Self {
        let (bytes, mask) = word.end_tag(name_length);
        Self { bytes, mask, word, name_length }
    }

    pub(crate) fn length(&self) -> usize {
        self.name_length + 3
    }

    pub(super) fn name_length(&self) -> usize {
        self.name_length
    }

    /// Whether this tag comes next.
    #[inline]
    pub(crate) fn comes(&self, next: &[u8]) -> bool {
        if self.mask == 0 {
            return self.long_comes(next);
        }
        match next.first_chunk() {
            Some(next) => (u64::from_le_bytes(*next) ^ self.bytes) & self.mask == 0,
            // The last tag of a text.
            None => self.bytes.to_le_bytes().get(..self.length()) == next.get(..self.length()),
        }
    }

    fn long_comes(&self, next: &[u8]) -> bool {
        let Some(name) = next.strip_prefix(b"</") else { return false };
        Word::read(name) == (self.word, self.name_length) && name.get(self.name_length) == Some(&b'>')
    }
}

impl<'a> Scanner<'a> {
    /// The start tag that comes next, where it is written so.
    #[inline]
    pub(crate) fn head(&self) -> Option<Head<'a>> {
        Head::read(self.rest())
    }

    /// Passes over the start tag that comes next. Its element is open then, unless it is empty.
    #[inline]
    pub(crate) fn enter(&mut self, head: &Head<'a>) -> Result<Tag<'a>, Error> {
        let offset = self.at;
        if !head.empty {
            self.go_into(head.end())?;
        }
        self.at += head.length;
        self.outer = Outer::default();
        let local = self.text.get(offset + 1..offset + 1 + head.name_length).unwrap_or_default();
        let Head { kind, name, ref_id, empty, .. } = *head;
        Ok(Tag { local, name, ref_id, offset, kind, namespace: self.default, empty })
    }

    /// Passes over a start tag of this length that comes next; its element ends with this tag.
    pub(crate) fn enter_known(&mut self, end: EndTag, length: usize) -> Result<(), Error> {
        self.go_into(end)?;
        self.at += length;
        Ok(())
    }

    /// Opens the element whose start tag comes next.
    #[inline]
    fn go_into(&mut self, end: EndTag) -> Result<(), Error> {
        if self.open.len() >= MAX_OPEN {
            return Err(Error::Limit { what: "nested elements", limit: MAX_OPEN, offset: self.at });
        }
        let (bindings, default) = (self.bindings.len(), self.default);
        self.open.push(Open { name: self.at + 1, end, bindings, default });
        Ok(())
    }

    /// Passes over the end tag of the innermost element, where it comes next as writers write it.
    #[inline]
    pub(crate) fn plain_end(&mut self) -> bool {
        let Some(open) = self.open.last().copied() else { return false };
        if !open.end.comes(self.text.as_bytes().get(self.at..).unwrap_or_default()) {
            return false;
        }
        self.at += open.end.length();
        self.open.pop();
        self.leave(open);
        true
    }
}

/// The attribute `N`, where it stands at a place in a text, and the place after it. Nothing where something
/// in it would have to be replaced, but escapes of CLIXML.
#[inline]
fn plain_name(text: &str, at: usize) -> Option<(Option<Raw<'_>>, usize)> {
    const START: &[u8] = b" N=\"";
    let Some(value) = text.as_bytes().get(at..)?.strip_prefix(START) else { return Some((None, at)) };
    let (length, has_underscore) = word::quoted(value)?;
    let written = if has_underscore { Written::Underscore } else { Written::Plain };
    let from = at + START.len();
    let text = text.get(from..from + length)?;
    Some((Some(Raw { text, written }), from + length + 1))
}

/// The attribute `RefId`, where it stands at a place in a text, and the place after it. Nothing where it is
/// no number that counts objects.
#[inline]
fn counted(text: &str, at: usize) -> Option<(Option<Raw<'_>>, usize)> {
    const START: &str = " RefId=\"";
    let Some(value) = text.get(at..)?.strip_prefix(START) else { return Some((None, at)) };
    let (text, length) = number(value, "\"")?;
    Some((Some(Raw { text, written: Written::Plain }), at + START.len() + length))
}

/// The number at the start of a text, where it is followed by an ending, and the length of both.
#[inline]
pub(crate) fn number<'a>(text: &'a str, ending: &str) -> Option<(&'a str, usize)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(length)?;
    (length > 0 && rest.starts_with(ending)).then_some((number, length + ending.len()))
}
