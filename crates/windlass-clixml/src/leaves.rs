//! Plain values: the properties of an object, the items of a list, the keys and values of a dictionary.
//!
//! They are nearly all of a message, so they have a way of their own: from the bracket of the start tag to
//! that of the end tag in one step, without an element that is opened and closed. And objects of one type
//! have the same properties in the same order, so that the tag that came next the last time is tried
//! first: where it is there again, it is known by its bytes and its name needs not be read and copied.
//!
//! What is written in any other way than writers do is left for the longer way in [`Reader`], which also
//! says what is wrong with it.

use crate::build::Part;
use crate::error::Error;
use crate::primitive::{self, Form};
use crate::read::Reader;
use crate::scan::{EndTag, Head};
use crate::string::PsString;
use crate::tag::{Kind, Primitive};
use crate::value::PsValue;

/// What the start tag of a property says.
#[derive(Debug)]
pub(crate) struct PropertyTag {
    /// The attribute `N`, which is not empty.
    pub(crate) name: PsString,
    /// The plain value that it begins; else it is that of an object, up to the number in `RefId`.
    pub(crate) leaf: Option<Leaf>,
}

/// The element of a plain value: null or of a simple type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf {
    Null,
    Simple(Primitive, EndTag),
}

impl Leaf {
    /// The element that a start tag begins.
    #[inline]
    fn of(head: &Head<'_>) -> Option<Self> {
        match head.kind {
            Kind::Primitive(kind) if !head.empty => Some(Self::Simple(kind, head.end())),
            Kind::Null if head.empty => Some(Self::Null),
            _ => None,
        }
    }

    /// Reads the value after the start tag, and the end tag; gives the length of both.
    pub(crate) fn read(&self, content: &str, form: Form) -> Option<(PsValue, usize)> {
        let Self::Simple(kind, end) = self else { return Some((PsValue::Null, 0)) };
        let (value, length) = primitive::read(*kind, content, form)?;
        match end.comes(content.as_bytes().get(length..)?) {
            true => Some((value, length + end.length())),
            false => None,
        }
    }
}

/// A start tag that may come again, as those of the items of a list and of the keys of a dictionary do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again<'a> {
    written: &'a str,
    leaf: Leaf,
}

impl Again<'_> {
    /// Reads the value that comes next and is written with the same tag; gives the length of its element.
    #[inline]
    pub(crate) fn read(&self, next: &str, form: Form) -> Option<(PsValue, usize)> {
        let (value, length) = self.leaf.read(next.strip_prefix(self.written)?, form)?;
        Some((value, self.written.len() + length))
    }
}

/// The end of an entry of a dictionary and the start of the next.
const NEXT_ENTRY: &str = "</En><En>";

/// Reads a message that is one plain value and nothing else.
pub(crate) fn lone(xml: &str) -> Option<PsValue> {
    let head = Head::read(xml)?;
    let leaf = Leaf::of(&head).filter(|_| !head.empty)?;
    let (value, length) = leaf.read(xml.get(head.length..)?, Form::Message)?;
    (head.length + length == xml.len()).then_some(value)
}

impl<'a> Reader<'a, '_> {
    /// Reads properties as long as each comes that is expected, up to one that is an object, which is then
    /// open.
    #[inline]
    pub(crate) fn expected_properties(&mut self) -> Result<(), Error> {
        if !self.builder.part().is_named() || !self.may_hold_leaves() {
            return Ok(());
        }
        loop {
            let rest = self.scanner.rest();
            let Some((tag, start)) = self.builder.expected_tag(rest) else { return Ok(()) };
            let Some(leaf) = &tag.leaf else { return self.expected_object(start) };
            let content = rest.get(start..).unwrap_or_default();
            let Some((value, length)) = leaf.read(content, self.form) else { return Ok(()) };
            self.builder.expected_property(value);
            self.count(self.scanner.offset())?;
            self.scanner.pass(start + length);
        }
    }

    /// Reads the value that this start tag begins, where it is a plain one and may stand here, or goes into the
    /// object that it begins; says whether it did.
    #[inline]
    pub(crate) fn leaf(&mut self, head: &Head<'a>) -> Result<bool, Error> {
        let Some(leaf) = Leaf::of(head) else {
            return if head.kind == Kind::Object { self.plain_object(head) } else { Ok(false) };
        };
        let offset = self.scanner.offset();
        let part = self.builder.part();
        let is_value = head.kind != Kind::Null;
        let is_named = |wanted: &str| head.name.is_some_and(|name| name.text == wanted);
        let may_stand = match part {
            Part::Adapted | Part::Members => head.name.is_some(),
            Part::Items | Part::Root => true,
            Part::Object => is_value,
            Part::Key => is_value && is_named("Key"),
            Part::Value => is_named("Value"),
            Part::Entries | Part::EntryEnd => false,
        };
        if !may_stand || !self.may_hold_leaves() {
            return Ok(false);
        }
        let rest = self.scanner.rest();
        let content = rest.get(head.length..).unwrap_or_default();
        let Some((value, length)) = leaf.read(content, self.form) else { return Ok(false) };
        let written = rest.get(..head.length).unwrap_or_default();
        let again = Again { written, leaf };
        match part {
            Part::Adapted | Part::Members => {
                if !self.knows_tag(head, written, Some(leaf))? {
                    return Ok(false);
                }
                self.builder.expected_property(value);
            }
            Part::Key => {
                self.plain_key(value, offset)?;
                self.key_tag = Some(again);
            }
            Part::Value => {
                self.plain_value(value);
                self.value_tag = Some(again);
            }
            Part::Items => self.builder.item(value),
            Part::Object => {
                self.builder.put(PsString::default(), value);
                self.value_of_object = Some(again);
            }
            _ => self.builder.put(PsString::default(), value),
        }
        self.count(offset)?;
        self.scanner.pass(head.length + length);
        match part {
            Part::Adapted | Part::Members => self.expected_properties()?,
            Part::Items => self.more_items(again)?,
            Part::Value => self.more_entries()?,
            _ => {}
        }
        Ok(true)
    }

    /// Goes to the start tag of a property among those that are kept, or keeps it; says whether it is kept.
    pub(crate) fn knows_tag(
        &mut self,
        head: &Head<'a>,
        written: &str,
        leaf: Option<Leaf>,
    ) -> Result<bool, Error> {
        if self.builder.has_tag(written) {
            return Ok(true);
        }
        let name = Self::attribute(head.name, self.scanner.offset())?;
        let is_named = !name.is_empty();
        Ok(is_named && self.builder.keep_tag(written, PropertyTag { name, leaf }))
    }

    /// Reads items as long as each is written as the one before: most lists hold values of one type.
    fn more_items(&mut self, tag: Again<'a>) -> Result<(), Error> {
        while let Some((value, length)) = tag.read(self.scanner.rest(), self.form) {
            self.builder.item(value);
            self.count(self.scanner.offset())?;
            self.scanner.pass(length);
        }
        Ok(())
    }

    /// Goes on from the end of an entry to the next ones, as long as their keys are written as the last one
    /// was, and reads the plain values in them.
    pub(crate) fn more_entries(&mut self) -> Result<(), Error> {
        let Some(key_tag) = self.key_tag.filter(|_| self.may_hold_leaves() && self.scanner.is_in_entry())
        else {
            return Ok(());
        };
        loop {
            let Some(entry) = self.scanner.rest().strip_prefix(NEXT_ENTRY) else { return Ok(()) };
            let Some((key, length)) = key_tag.read(entry, self.form) else { return Ok(()) };
            let offset = self.scanner.offset() + NEXT_ENTRY.len();
            self.plain_key(key, offset)?;
            self.count(offset)?;
            self.scanner.pass(NEXT_ENTRY.len() + length);
            let value = self.value_tag.and_then(|tag| tag.read(self.scanner.rest(), self.form));
            let Some((value, length)) = value else { return Ok(()) };
            self.plain_value(value);
            self.count(self.scanner.offset())?;
            self.scanner.pass(length);
        }
    }

    fn plain_key(&mut self, key: PsValue, offset: usize) -> Result<(), Error> {
        self.builder.item(key);
        self.builder.set_part(Part::Value);
        self.new_key(self.builder.depth().saturating_sub(1), None, offset)
    }

    fn plain_value(&mut self, value: PsValue) {
        self.builder.item(value);
        self.builder.set_part(Part::EntryEnd);
    }

    /// Whether values are not too deep here and have the right namespace unless they say otherwise.
    pub(crate) fn may_hold_leaves(&self) -> bool {
        self.depth < self.limits.depth && self.is_usual_namespace()
    }

    /// Whether elements without a prefix are of CLIXML, and of the form that is read.
    pub(crate) fn is_usual_namespace(&self) -> bool {
        self.scanner.default_namespace() == self.own_namespace()
    }
}
