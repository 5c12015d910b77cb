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
    pub(crate) fn start(&mut self, tag: &str, label: Label<'_>) {
        self.next_line();
        self.tag(tag, label);
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
    pub(crate) fn end(&mut self, tag: &str) {
        if let Some(level) = &mut self.level {
            *level = level.saturating_sub(1);
        }
        if std::mem::take(&mut self.tag_open) {
            self.out.push_str(" />");
        } else {
            self.next_line();
            self.close(tag);
        }
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, tag: &str, label: Label<'_>) {
        self.next_line();
        self.tag(tag, label);
        self.out.push_str(" />");
    }

    /// A reference to an object that has an id.
    pub(crate) fn reference(&mut self, tag: &str, label: Label<'_>, id: usize) {
        self.next_line();
        self.tag(tag, label);
        self.ref_id(id);
        self.out.push_str(" />");
    }

    /// An element whose text `push` appends as it stands.
    pub(crate) fn raw(&mut self, tag: &str, label: Label<'_>, push: impl FnOnce(&mut String)) {
        self.next_line();
        self.tag(tag, label);
        self.out.push('>');
        push(self.out);
        self.close(tag);
    }

    /// An element whose text is escaped.
    pub(crate) fn text(&mut self, tag: &str, label: Label<'_>, text: &PsString) {
        self.raw(tag, label, |out| push_escaped(out, text, Place::Text));
    }

    fn tag(&mut self, tag: &str, label: Label<'_>) {
        self.out.push('<');
        self.out.push_str(tag);
        match label {
            Label::None => return,
            Label::Name(name) => {
                self.out.push_str(" N=\"");
                push_escaped(self.out, name, Place::Attribute);
            }
            Label::Constant(name) => {
                self.out.push_str(" N=\"");
                self.out.push_str(name);
            }
            Label::Stream(name) => {
                self.out.push_str(" S=\"");
                push_verbatim(self.out, name);
            }
        }
        self.out.push('"');
    }

    fn close(&mut self, tag: &str) {
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }

    /// Closes the start tag before this place and starts a line.
    fn next_line(&mut self) {
        if std::mem::take(&mut self.tag_open) {
            self.out.push('>');
        }
        if let Some(level) = self.level
            && !self.out.is_empty()
        {
            self.out.push('\n');
            (0..level).for_each(|_| self.out.push_str("  "));
        }
    }
}
