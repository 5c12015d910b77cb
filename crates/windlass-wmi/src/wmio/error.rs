//! Why an encoded object was refused.

use thiserror::Error as ThisError;
use windlass_core::cursor::ReadError;

/// An encoded object was refused, or an object cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("WMI object, {field} at offset {offset}: {kind}")]
pub struct Error {
    /// The field, as [MS-WMIO] names it.
    pub field: &'static str,
    /// Offset within the table or heap that holds the field, in bytes.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes end before the field does.
    #[error("{needed} bytes are needed, {available} are left")]
    Short {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes that were left.
        available: usize,
    },
    /// The value is not one of those that the specification allows.
    #[error("{0:#x} is not allowed here")]
    Value(u32),
    /// A string has no end or is not UTF-16.
    #[error("a string without an end, or not text")]
    Text,
    /// A text is no datetime, object path or name.
    #[error("the text is no {0}")]
    Form(&'static str),
    /// A limit was passed.
    #[error("the limit of {1} for {0} is passed")]
    Limit(&'static str, usize),
    /// The object holds what this encoding cannot express.
    #[error("cannot be encoded: {0}")]
    Unencodable(&'static str),
}

impl Error {
    pub(crate) fn new(field: &'static str, offset: usize, kind: ErrorKind) -> Self {
        Self { field, offset, kind }
    }

    pub(crate) fn value(field: &'static str, offset: usize, value: u32) -> Self {
        Self::new(field, offset, ErrorKind::Value(value))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        let kind = ErrorKind::Short { needed: error.needed, available: error.available };
        Self::new(error.field, error.offset, kind)
    }
}
