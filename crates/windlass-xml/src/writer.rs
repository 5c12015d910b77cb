//! The writer: one string, filled from front to back.

use std::borrow::Cow;

/// Writes a document into one string. Qualified names are written as given: the caller declares the
/// prefixes it uses with [`Writer::attr`].
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    /// For each open element, where its name stands in `out`.
    open: Vec<(usize, usize)>,
    /// The start tag of the innermost element still lacks its bracket.
    tag_open: bool,
}

impl Writer {
    /// Starts an empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an empty document with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), ..Self::default() }
    }

    /// Opens an element.
    pub fn start(&mut self, qname: &str) -> &mut Self {
        self.close_tag();
        self.out.push('<');
        let from = self.out.len();
        self.out.push_str(qname);
        self.open.push((from, self.out.len()));
        self.tag_open = true;
        self
    }

    /// Adds an attribute to the element that was opened last. Ignored once content was written, so
    /// that a mistake cannot produce a malformed document.
    pub fn attr(&mut self, qname: &str, value: &str) -> &mut Self {
        debug_assert!(self.tag_open, "attribute {qname} after content");
        if self.tag_open {
            self.out.push(' ');
            self.out.push_str(qname);
            self.out.push_str("=\"");
            self.out.push_str(&escape_attribute(value));
            self.out.push('"');
        }
        self
    }

    /// Writes text, escaped.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        self.out.push_str(&escape_text(text));
        self
    }

    /// Writes what is XML already.
    pub fn raw(&mut self, xml: &str) -> &mut Self {
        self.close_tag();
        self.out.push_str(xml);
        self
    }

    /// The string itself, for content that needs no escaping and is better written in place, such as
    /// base64. The start tag is closed first.
    pub fn content(&mut self) -> &mut String {
        self.close_tag();
        &mut self.out
    }

    /// Closes the innermost element; one without content becomes an empty-element tag.
    pub fn end(&mut self) -> &mut Self {
        debug_assert!(!self.open.is_empty(), "end without start");
        if let Some((from, to)) = self.open.pop() {
            if self.tag_open {
                self.out.push_str("/>");
                self.tag_open = false;
            } else {
                self.out.push_str("</");
                self.out.extend_from_within(from..to);
                self.out.push('>');
            }
        }
        self
    }

    /// Writes an element that holds only text.
    pub fn leaf(&mut self, qname: &str, text: &str) -> &mut Self {
        self.start(qname).text(text).end()
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// How many bytes were written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The document. Elements still open are closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    fn close_tag(&mut self) {
        if self.tag_open {
            self.out.push('>');
            self.tag_open = false;
        }
    }
}

/// Text with `&`, `<`, `>` and carriage returns as references; a bare carriage return would be read
/// back as a line feed.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    })
}

/// An attribute value for double quotes. White space other than blanks is written as references,
/// because readers turn it into blanks.
pub fn escape_attribute(value: &str) -> Cow<'_, str> {
    escape(value, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\r' => Some("&#xD;"),
        b'\n' => Some("&#xA;"),
        b'\t' => Some("&#x9;"),
        _ => None,
    })
}

fn escape(text: &str, replacement: impl Fn(u8) -> Option<&'static str>) -> Cow<'_, str> {
    // Nearly all texts stay as they are: they are looked through without a branch, many bytes at a time.
    if text.bytes().fold(true, |stays, byte| stays & replacement(byte).is_none()) {
        return Cow::Borrowed(text);
    }
    let first = text.bytes().position(|byte| replacement(byte).is_some()).unwrap_or(text.len());
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 8);
    let (clean, rest) = text.split_at(first);
    out.push_str(clean);
    for character in rest.chars() {
        match u8::try_from(character).ok().and_then(&replacement) {
            Some(reference) => out.push_str(reference),
            None => out.push(character),
        }
    }
    Cow::Owned(out)
}
