//! Tags as writers write them, compared rather than taken apart: the short way to the next tag.

use super::{MAX_OPEN, Next, Open, Outer, Scanner, Tag};
use crate::tag::Kind;
use crate::text::{self, Written};

impl<'a> Scanner<'a> {
    /// The end tag of the innermost element, where it comes next as writers write it.
    pub(super) fn plain_end(&mut self) -> Option<Next<'a>> {
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
    pub(super) fn plain_start(&mut self) -> Option<Next<'a>> {
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
    pub(super) fn plain_name(&self, rest: &[u8]) -> Option<&'a str> {
        let [b'<', name @ ..] = rest else { return None };
        let length = name.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
        self.text.get(self.at + 1..self.at + 1 + length)
    }

    /// The value of an attribute, where it stands at a place in the rest of the text, and the place
    /// after it. Nothing where something in it would have to be replaced.
    pub(super) fn plain_attribute(
        &self,
        rest: &[u8],
        at: usize,
        start: &[u8],
    ) -> Option<(Option<&'a str>, usize)> {
        let Some(value) = rest.get(at..)?.strip_prefix(start) else { return Some((None, at)) };
        let length = text::plain_run(value);
        if value.get(length) != Some(&b'"') {
            return None;
        }
        let from = at + start.len();
        let text = self.text.get(self.at + from..self.at + from + length)?;
        Some((Some(text), from + length + 1))
    }
}
