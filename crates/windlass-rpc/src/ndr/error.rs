//! Why a stub was refused.

use thiserror::Error;
use windlass_core::cursor::ReadError;

/// A stub was refused. Never holds what the stub says beyond counts and codes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} at offset {offset}: {kind}")]
pub struct NdrError {
    /// The field, as the interface names it.
    pub field: &'static str,
    /// Where the field starts, in bytes from the start of the stub.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: NdrErrorKind,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NdrErrorKind {
    /// The stub ends before the field does.
    #[error("{needed} bytes are needed, {available} are left")]
    Short {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes that were left.
        available: usize,
    },
    /// An array claims more elements than the rest of the stub can hold.
    #[error("{count} elements of at least {size} bytes do not fit into {available} bytes")]
    Count {
        /// Elements that are claimed.
        count: u32,
        /// The least that an element takes, in bytes.
        size: usize,
        /// Bytes that were left.
        available: usize,
    },
    /// A limit of this side was passed.
    #[error("{actual} {what} exceed the limit of {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much the stub has or claims.
        actual: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// A number is not one of those that the interface allows.
    #[error("{actual:#x} where {expected} is expected")]
    Value {
        /// The number in the stub.
        actual: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// A pointer that must point somewhere is null.
    #[error("a null pointer where none is allowed")]
    Null,
    /// A varying array does not start with its first element, or says that it ends after its end.
    #[error("elements {offset}..+{actual} of an array of {max}, where all from 0 on are expected")]
    Varying {
        /// Elements that were allocated.
        max: u32,
        /// The first element that is sent.
        offset: u32,
        /// How many are sent.
        actual: u32,
    },
    /// A string is no text, or lacks the zero at its end.
    #[error("a string {0}")]
    Text(&'static str),
    /// Bytes are left where the stub should have ended.
    #[error("{0} bytes are left over")]
    Trailing(usize),
}

impl NdrError {
    /// An error about a field; for the checks that only a stub can make.
    pub fn new(field: &'static str, offset: usize, kind: NdrErrorKind) -> Self {
        Self { field, offset, kind }
    }
}

impl From<ReadError> for NdrError {
    fn from(error: ReadError) -> Self {
        let kind = NdrErrorKind::Short { needed: error.needed, available: error.available };
        Self::new(error.field, error.offset, kind)
    }
}
