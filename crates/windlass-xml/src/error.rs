//! Why a document was refused, and where.

use std::fmt;

/// A document was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
}

/// What was wrong with the document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are neither UTF-8 nor UTF-16 with a byte order mark.
    Encoding,
    /// The document breaks a rule of XML; the text says which.
    Syntax(String),
    /// A document type definition, a processing instruction or an unknown entity.
    Forbidden(&'static str),
    /// A limit was passed; the text names it and the number is the limit.
    Limit(&'static str, usize),
    /// A prefix that no namespace declaration in scope binds.
    UnboundPrefix(String),
    /// A child element stands where only text may.
    ElementInText(String),
    /// The document ended inside an element.
    UnexpectedEnd,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    pub(crate) fn syntax(text: impl fmt::Display, offset: usize) -> Self {
        Self::new(ErrorKind::Syntax(text.to_string()), offset)
    }

    /// What was wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where, in bytes from the start of the text.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::Encoding => f.write_str("text is neither UTF-8 nor UTF-16 with a byte order mark")?,
            ErrorKind::Syntax(text) => write!(f, "malformed XML: {text}")?,
            ErrorKind::Forbidden(what) => write!(f, "XML feature that is not accepted: {what}")?,
            ErrorKind::Limit(what, limit) => write!(f, "XML passes the limit of {limit} for {what}")?,
            ErrorKind::UnboundPrefix(prefix) => write!(f, "namespace prefix '{prefix}' is not declared")?,
            ErrorKind::ElementInText(name) => write!(f, "element '{name}' where only text is expected")?,
            ErrorKind::UnexpectedEnd => f.write_str("the XML ends inside an element")?,
        }
        write!(f, " at offset {}", self.offset)
    }
}

impl std::error::Error for Error {}
