//! Plain values in a row: the properties of an object, the items of a list. They are nearly all of a
//! message, so they have a way of their own. What is written in any other way than writers do is left
//! for the longer way in [`Reader`], which also says what is wrong with it.

use crate::build::Part;
use crate::error::Error;
use crate::escape::unescape;
use crate::primitive;
use crate::read::Reader;
use crate::run::PLAIN;
use crate::string::PsString;
use crate::tag::{Kind, Primitive};
use crate::text;
use crate::value::PsValue;

/// What the start tag of a value says.
#[derive(Debug)]
pub(crate) struct LeafTag {
    /// The simple type; null has none.
    kind: Option<Primitive>,
    /// The attribute `N`; empty where there is none.
    pub(crate) name: PsString,
    end: EndTag,
    /// Which run of properties that starts here was found to have names that all differ.
    pub(crate) distinct: Option<Run>,
}

/// Properties that came one after the other, each as it was expected after the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where the tag of the first is kept.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// How many surprises there had been before the first.
    pub(crate) surprises: usize,
}

/// An end tag, as it is compared.
#[derive(Debug, Clone, Copy, Default)]
struct EndTag {
    bytes: u64,
    mask: u64,
    length: usize,
}

impl Reader<'_, '_> {
    /// Reads the plain values that come next, where values may come.
    pub(crate) fn leaves(&mut self) -> Result<(), Error> {
        let part = self.builder.part();
        let named = matches!(part, Part::Adapted | Part::Members);
        if !named && !matches!(part, Part::Items | Part::Object | Part::Root)
            || self.depth >= self.limits.depth
            || self.scanner.default_namespace() != self.own_namespace()
        {
            return Ok(());
        }
        loop {
            let rest = self.scanner.rest();
            let Some((tag, start)) = self.builder.leaf_tag(rest) else { return Ok(()) };
            if named && tag.name.is_empty() {
                return Ok(());
            }
            let (value, length) = match tag.kind {
                None if part == Part::Object => return Ok(()),
                None => (PsValue::Null, start),
                Some(kind) => {
                    let end = tag.end;
                    let content = rest.get(start..).unwrap_or_default();
                    let Some((value, length)) = primitive::read(kind, content, self.form) else {
                        return Ok(());
                    };
                    if !content.as_bytes().get(length..).is_some_and(|next| end.comes(next)) {
                        return Ok(());
                    }
                    (value, start + length + end.length)
                }
            };
            self.count(self.scanner.offset())?;
            self.scanner.pass(length);
            match part {
                _ if named => self.builder.leaf_property(value),
                Part::Items => self.builder.item(value),
                // There is room for one.
                _ => {
                    self.builder.put(PsString::default(), value);
                    return Ok(());
                }
            }
        }
    }
}

impl EndTag {
    /// The end tag of an element; none where its name is too long.
    fn of(name: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let mut mask = [0; 8];
        let written = b"</".iter().chain(name.as_bytes()).chain(b">");
        let length = name.len() + 3;
        if length > bytes.len() {
            return None;
        }
        for ((to, mask), from) in bytes.iter_mut().zip(&mut mask).zip(written) {
            (*to, *mask) = (*from, 0xff);
        }
        Some(Self { bytes: u64::from_le_bytes(bytes), mask: u64::from_le_bytes(mask), length })
    }

    fn comes(self, next: &[u8]) -> bool {
        match next.first_chunk() {
            Some(next) => (u64::from_le_bytes(*next) ^ self.bytes) & self.mask == 0,
            None => self.comes_last(next),
        }
    }

    /// The same at the end of a text.
    fn comes_last(self, next: &[u8]) -> bool {
        next == self.bytes.to_le_bytes().get(..self.length).unwrap_or_default()
    }
}

impl LeafTag {
    /// Reads a start tag, from bracket to bracket: one without attributes but `N`, in which nothing has
    /// to be replaced in XML. That of null is empty.
    pub(crate) fn read(written: &str, local: &str, kind: Kind) -> Option<Self> {
        let after = written.strip_prefix('<')?.strip_prefix(local)?;
        let (attribute, kind, end) = match kind {
            Kind::Primitive(kind) => (after.strip_suffix('>')?, Some(kind), EndTag::of(local)?),
            _ => (after.strip_suffix(" />")?, None, EndTag::default()),
        };
        let name = match attribute {
            "" => "",
            _ => attribute.strip_prefix(" N=\"")?.strip_suffix('"')?,
        };
        let plain = |byte| matches!(text::class(byte), PLAIN | text::UNDERSCORE);
        name.bytes().all(plain).then(|| Self { kind, name: unescape(name), end, distinct: None })
    }
}
