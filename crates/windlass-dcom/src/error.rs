//! Why something of DCOM was refused.

use thiserror::Error as ThisError;
use windlass_core::cursor::ReadError;
use windlass_rpc::ndr::NdrError;

/// A structure of DCOM was refused, or cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A structure outside of NDR ended before one of its fields did.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stub is not the NDR of its call.
    #[error(transparent)]
    Ndr(#[from] NdrError),
    /// A field has a value that the specification does not allow.
    #[error("{field} is {found:#x}, expected {expected}")]
    Value {
        /// The field, as [MS-DCOM] names it.
        field: &'static str,
        /// What it holds.
        found: u64,
        /// What may stand there.
        expected: &'static str,
    },
    /// A text is not UTF-16, or has no end.
    #[error("{0} is not a terminated UTF-16 text")]
    Text(&'static str),
    /// Something that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// More than this side takes, or than the wire can hold.
    #[error("{what}: more than {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The most that is allowed.
        limit: usize,
    },
}

impl Error {
    pub(crate) fn value(field: &'static str, found: impl Into<u64>, expected: &'static str) -> Self {
        Self::Value { field, found: found.into(), expected }
    }
}
