//! The source of one element, kept for a later reader.

use std::borrow::Cow;

use crate::reader::{Limits, Reader};
use crate::scope::Scope;

/// The source of one element with the namespace declarations that hold where it stands, so that it
/// can be read apart from its document.
#[derive(Debug, Clone)]
pub struct Fragment<'a> {
    pub(crate) source: &'a str,
    pub(crate) bindings: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Fragment<'a> {
    /// A fragment that needs no declaration from outside.
    pub fn standalone(source: &'a str) -> Self {
        Self { source, bindings: Vec::new() }
    }

    /// The element from its opening bracket to the last bracket of its end tag.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The declarations from outside the element: prefix (empty for the default) and namespace.
    pub fn bindings(&self) -> impl Iterator<Item = (&'a str, &str)> {
        self.bindings.iter().map(|(prefix, uri)| (*prefix, uri.as_ref()))
    }

    /// A reader that stands before the element.
    pub fn reader(&self, limits: Limits) -> Reader<'a> {
        Reader::with_scope(self.source, limits, Scope::with_bindings(self.bindings.clone()))
    }

    /// The same, independent of the document it came from.
    pub fn to_owned(&self) -> OwnedFragment {
        let owned = |(prefix, uri): (&str, &str)| (prefix.to_owned(), uri.to_owned());
        OwnedFragment { source: self.source.to_owned(), bindings: self.bindings().map(owned).collect() }
    }
}

/// A [`Fragment`] that owns its text, to be kept after the document is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFragment {
    source: String,
    bindings: Vec<(String, String)>,
}

impl OwnedFragment {
    /// A fragment that needs no declaration from outside.
    pub fn standalone(source: impl Into<String>) -> Self {
        Self { source: source.into(), bindings: Vec::new() }
    }

    /// The element from its opening bracket to the last bracket of its end tag.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The fragment, borrowed.
    pub fn as_fragment(&self) -> Fragment<'_> {
        let bindings =
            self.bindings.iter().map(|(prefix, uri)| (prefix.as_str(), Cow::Borrowed(uri.as_str())));
        Fragment { source: &self.source, bindings: bindings.collect() }
    }

    /// A reader that stands before the element.
    pub fn reader(&self, limits: Limits) -> Reader<'_> {
        self.as_fragment().reader(limits)
    }
}
