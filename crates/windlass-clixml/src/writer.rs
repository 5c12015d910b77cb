//! The XML of CLIXML: tags, labels and texts, compact or indented.

use crate::escape::{Place, push_escaped, push_verbatim};
use crate::string::PsString;

/// What an element is labelled with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Label<'v> {
    None,
    /// The attribute `N`, escaped.
    Name(&'v PsString),
    /// The attribute `N`, which needs no escape.
    Constant(&'static str),
    /// The attribute `S`, with the escapes of XML alone.
    Stream(&'v PsString),
}

/// An element name in the forms that are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    open: &'static str,
    open_named: &'static str,
    close: &'static str,
}

/// The forms of an element name.
macro_rules! tag {
    ($name:literal) => {
        const {
            &$crate::writer::Tag::new(
                concat!("<", $name),
                concat!("<", $name, " N=\""),
                concat!("</", $name, ">"),
            )
        }
    };
}
pub(crate) use tag;

impl Tag {
    pub(crate) const fn new(open: &'static str, open_named: &'static str, close: &'static str) -> Self {
        Self { open, open_named, close }
    }
}

/// What comes after the label of an element.
#[derive(Debug, Clone, Copy)]
enum After {
    /// Attributes or the bracket, which are written later.
    Attributes,
    Content,
    /// Nothing: the element is empty.
    Nothing,
}

/// Appends elements to a string. An element in which nothing is written becomes `<a />`.
pub(crate) struct Writer<'o> {
    out: &'o mut String,
    /// The last start tag still lacks its closing bracket.
    tag_open: bool,
    /// How many elements are open around the next one, where lines are indented.
    level: Option<usize>,
}

impl<'o> Writer<'o> {
    pub(crate) fn compact(out: &'o mut String) -> Self {
        Self { out, tag_open: false, level: None }
    }

    pub(crate) fn indented(out: &'o mut String) -> Self {
        Self { out, tag_open: false, level: Some(0) }
    }

    /// Starts an element that will hold elements.
    pub(crate) fn start(&mut self, tag: &Tag, label: Label<'_>) {
        self.open(tag, label, After::Attributes);
        self.tag_open = true;
        if let Some(level) = &mut self.level {
            *level += 1;
        }
    }

    /// Adds a reference id to the element that was just started.
    pub(crate) fn ref_id(&mut self, id: usize) {
        self.out.push_str(" RefId=\"");
        self.out.push_str(itoa::Buffer::new().format(id));
        self.out.push('"');
    }

    /// Adds an attribute that needs no escape to the element that was just started.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) {
        for part in [" ", name, "=\"", value, "\""] {
            self.out.push_str(part);
        }
    }

    /// Ends the element that was started last.
    pub(crate) fn end(&mut self, tag: &Tag) {
        if let Some(level) = &mut self.level {
            *level = level.saturating_sub(1);
        }
        if std::mem::take(&mut self.tag_open) {
            self.out.push_str(" />");
        } else {
            self.next_line();
            self.out.push_str(tag.close);
        }
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, tag: &Tag, label: Label<'_>) {
        self.open(tag, label, After::Nothing);
    }

    /// A reference to an object that has an id.
    pub(crate) fn reference(&mut self, tag: &Tag, label: Label<'_>, id: usize) {
        self.open(tag, label, After::Attributes);
        self.ref_id(id);
        self.out.push_str(" />");
    }

    /// An element with a text that needs no escape.
    pub(crate) fn plain(&mut self, tag: &Tag, label: Label<'_>, text: &str) {
        self.raw(tag, label, |out| out.push_str(text));
    }

    /// An element whose text `push` appends as it stands.
    #[inline]
    pub(crate) fn raw(&mut self, tag: &Tag, label: Label<'_>, push: impl FnOnce(&mut String)) {
        self.open(tag, label, After::Content);
        push(self.out);
        self.out.push_str(tag.close);
    }

    /// An element whose text is escaped.
    pub(crate) fn text(&mut self, tag: &Tag, label: Label<'_>, text: &PsString) {
        self.raw(tag, label, |out| push_escaped(out, text, Place::Text));
    }

    /// A start tag with its label. Each element has one, so that a call would cost as much as what it does.
    #[inline(always)]
    fn open(&mut self, tag: &Tag, label: Label<'_>, after: After) {
        self.next_line();
        match label {
            Label::None => {
                self.out.push_str(tag.open);
                return match after {
                    After::Attributes => {}
                    After::Content => self.out.push('>'),
                    After::Nothing => self.out.push_str(" />"),
                };
            }
            Label::Name(name) => {
                self.out.push_str(tag.open_named);
                push_escaped(self.out, name, Place::Attribute);
            }
            Label::Constant(name) => {
                self.out.push_str(tag.open_named);
                self.out.push_str(name);
            }
            Label::Stream(name) => {
                self.out.push_str(tag.open);
                self.out.push_str(" S=\"");
                push_verbatim(self.out, name);
            }
        }
        match after {
            After::Attributes => self.out.push('"'),
            After::Content => self.out.push_str("\">"),
            After::Nothing => self.out.push_str("\" />"),
        }
    }

    /// Closes the start tag before this place and starts a line.
    #[inline]
    fn next_line(&mut self) {
        if std::mem::take(&mut self.tag_open) {
            self.out.push('>');
        }
        if let Some(level) = self.level {
            self.indent(level);
        }
    }

    fn indent(&mut self, level: usize) {
        if !self.out.is_empty() {
            self.out.push('\n');
            (0..level).for_each(|_| self.out.push_str("  "));
        }
    }
}
