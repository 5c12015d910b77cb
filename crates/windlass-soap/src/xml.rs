//! One element passed through unread: instances, provider details, shell payloads.

use std::borrow::Cow;

use windlass_xml::{Event, Fragment, Limits, Reader, Writer};

/// The source of one element with the namespaces it stands in.
///
/// Two are equal when they hold the same elements, attributes and texts, whatever their prefixes.
#[derive(Debug, Clone)]
pub struct Xml<'a>(Source<'a>);

#[derive(Debug, Clone)]
enum Source<'a> {
    Fragment(Fragment<'a>),
    Owned(String),
}

impl<'a> Xml<'a> {
    /// An element that declares every prefix it uses.
    pub fn new(source: &'a str) -> Self {
        Self(Source::Fragment(Fragment::standalone(source)))
    }

    /// The element as it stands in its document. Prefixes may be declared outside of it: parse it
    /// with [`Xml::reader`], or take [`Xml::to_standalone`].
    pub fn source(&self) -> &str {
        match &self.0 {
            Source::Fragment(fragment) => fragment.source(),
            Source::Owned(source) => source,
        }
    }

    /// A reader that stands before the element, with its namespaces in scope.
    pub fn reader(&self, limits: Limits) -> Reader<'_> {
        match &self.0 {
            Source::Fragment(fragment) => fragment.reader(limits),
            Source::Owned(source) => Reader::new(source, limits),
        }
    }

    /// The element with all declarations it needs on its own start tag.
    pub fn to_standalone(&self) -> Cow<'_, str> {
        match &self.0 {
            Source::Fragment(fragment) => with_declarations(fragment),
            Source::Owned(source) => Cow::Borrowed(source),
        }
    }

    /// The same element, independent of the document it was found in.
    pub fn into_owned(self) -> Xml<'static> {
        Xml(Source::Owned(self.to_standalone().into_owned()))
    }

    /// Writes the element into a document that may bind prefixes differently.
    pub fn write(&self, writer: &mut Writer) {
        writer.raw(&self.to_standalone());
    }
}

impl<'a> From<Fragment<'a>> for Xml<'a> {
    fn from(fragment: Fragment<'a>) -> Self {
        Self(Source::Fragment(fragment))
    }
}

impl From<String> for Xml<'_> {
    fn from(source: String) -> Self {
        Self(Source::Owned(source))
    }
}

impl PartialEq for Xml<'_> {
    fn eq(&self, other: &Self) -> bool {
        let limits = Limits::default();
        same_events(self.reader(limits), other.reader(limits))
            .unwrap_or_else(|_| self.source() == other.source())
    }
}

impl Eq for Xml<'_> {}

/// Whether both hold the same events, names compared by namespace.
fn same_events(mut left: Reader<'_>, mut right: Reader<'_>) -> Result<bool, windlass_xml::Error> {
    loop {
        let same = match (left.next()?, right.next()?) {
            (Event::Start(a), Event::Start(b)) => {
                let mut ours = a.attributes().collect::<Result<Vec<_>, _>>()?;
                let mut theirs = b.attributes().collect::<Result<Vec<_>, _>>()?;
                ours.sort();
                theirs.sort();
                a.ns() == b.ns() && a.local() == b.local() && ours == theirs
            }
            (Event::Text(a), Event::Text(b)) => a == b,
            (Event::End, Event::End) => true,
            (Event::Eof, Event::Eof) => return Ok(true),
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
}

/// Puts the outer declarations that the element may need on its start tag.
fn with_declarations<'f>(fragment: &Fragment<'f>) -> Cow<'f, str> {
    let source = fragment.source();
    let Some(after_name) = source.find([' ', '\t', '\r', '\n', '/', '>']) else {
        return Cow::Borrowed(source);
    };
    let (name, rest) = source.split_at(after_name);
    let own = own_declarations(rest);
    let mut out = String::new();
    for (prefix, uri) in fragment.bindings() {
        if own.contains(&prefix) || (prefix.is_empty() && uri.is_empty()) || !mentions(source, prefix) {
            continue;
        }
        let colon = if prefix.is_empty() { "" } else { ":" };
        let uri = windlass_xml::escape_attribute(uri);
        out.push_str(&format!(" xmlns{colon}{prefix}=\"{uri}\""));
    }
    if out.is_empty() {
        return Cow::Borrowed(source);
    }
    Cow::Owned([name, &out, rest].concat())
}

/// Whether the source may use the prefix, in names or in text.
fn mentions(source: &str, prefix: &str) -> bool {
    if prefix.is_empty() {
        return true;
    }
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut before = '<';
    let mut rest = source;
    while let Some((head, tail)) = rest.split_once(prefix) {
        before = head.chars().next_back().unwrap_or(before);
        if tail.starts_with(':') && !is_name(before) {
            return true;
        }
        before = prefix.chars().next_back().unwrap_or(before);
        rest = tail;
    }
    false
}

/// The prefixes that a start tag declares, given what follows its name.
fn own_declarations(tag: &str) -> Vec<&str> {
    let mut own = Vec::new();
    let mut rest = tag;
    while let Some((name, value)) = rest.split_once('=') {
        let name = name.trim();
        if name.contains(['>', '<']) {
            break;
        }
        if name == "xmlns" {
            own.push("");
        } else if let Some(prefix) = name.strip_prefix("xmlns:") {
            own.push(prefix);
        }
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((_, after)) = value.strip_prefix(quote).and_then(|inner| inner.split_once(quote)) else {
            break;
        };
        rest = after;
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_child(document: &str) -> Xml<'_> {
        let mut reader = Reader::new(document, Limits::default());
        reader.next_element().unwrap().unwrap();
        let child = reader.next_element().unwrap().unwrap();
        Xml::from(reader.capture(&child).unwrap())
    }

    #[test]
    fn outer_declarations_move_onto_the_element() {
        let document = "<r xmlns:p='urn:p' xmlns:q='urn:q' xmlns:z='urn:z' xmlns='urn:d'><p:a xmlns:q=\"urn:own\" k='x=\"1\"'><b>q:t</b></p:a></r>";
        let xml = first_child(document);
        let standalone = xml.to_standalone();
        assert_eq!(
            standalone,
            "<p:a xmlns=\"urn:d\" xmlns:p=\"urn:p\" xmlns:q=\"urn:own\" k='x=\"1\"'><b>q:t</b></p:a>"
        );
        assert_eq!(xml, Xml::new(&standalone));
    }

    #[test]
    fn equal_whatever_the_prefixes() {
        let left = Xml::new("<a:x xmlns:a='urn:1' b='2' c='3'><a:y/></a:x>");
        assert_eq!(left, Xml::new("<x xmlns='urn:1' c='3' b='2'><y></y></x>"));
        assert_ne!(left, Xml::new("<x xmlns='urn:2' c='3' b='2'><y></y></x>"));
        assert_ne!(left, Xml::new("<x xmlns='urn:1' c='3' b='2'><y>1</y></x>"));
    }
}
