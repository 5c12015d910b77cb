//! Why CLIXML was refused, and where.

/// CLIXML was refused. Offsets are in bytes from the start of the text; no text of the peer is
/// quoted but names of elements and reference ids, cut to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not well-formed XML.
    #[error("malformed XML at offset {offset}: {what}")]
    Syntax {
        /// The rule that is broken.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// It uses a part of XML that is not accepted, such as a document type definition.
    #[error("{what} is not accepted in CLIXML, at offset {offset}")]
    Forbidden {
        /// The part of XML.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// An element stands where it has no meaning.
    #[error("element '{element}' is not known here, at offset {offset}")]
    UnknownElement {
        /// The local name of the element.
        element: String,
        /// Where.
        offset: usize,
    },
    /// The structure of an element is not that of CLIXML.
    #[error("{expected} expected at offset {offset}")]
    Expected {
        /// What should stand there.
        expected: &'static str,
        /// Where.
        offset: usize,
    },
    /// The text of an element is no value of its type.
    #[error("element '{element}' holds no valid value, at offset {offset}")]
    Value {
        /// The local name of the element.
        element: String,
        /// Where.
        offset: usize,
    },
    /// A `Ref` or `TNRef` names an id that was not given out before.
    #[error("nothing has the reference id '{id}', at offset {offset}")]
    UnknownReference {
        /// The id.
        id: String,
        /// Where.
        offset: usize,
    },
    /// The document states a version that cannot be read.
    #[error("version of the document is not 1.x, at offset {offset}")]
    Version {
        /// Where.
        offset: usize,
    },
    /// A limit was passed.
    #[error("more than {limit} {what}, at offset {offset}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// Where.
        offset: usize,
    },
}

impl Error {
    pub(crate) fn syntax(what: &'static str, offset: usize) -> Self {
        Self::Syntax { what, offset }
    }

    pub(crate) fn expected(expected: &'static str, offset: usize) -> Self {
        Self::Expected { expected, offset }
    }

    pub(crate) fn unknown(element: &str, offset: usize) -> Self {
        Self::UnknownElement { element: cut(element), offset }
    }

    pub(crate) fn value(element: &str, offset: usize) -> Self {
        Self::Value { element: cut(element), offset }
    }

    pub(crate) fn reference(id: &str, offset: usize) -> Self {
        Self::UnknownReference { id: cut(id), offset }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
