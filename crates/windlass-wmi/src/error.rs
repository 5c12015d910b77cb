//! Why something of WMI was refused.

use thiserror::Error as ThisError;
use windlass_core::cursor::ReadError;

/// Something of WMI was refused, or cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// An object is not in the encoding of WMI.
    #[error(transparent)]
    Object(#[from] crate::wmio::Error),
    /// A packet ended before one of its fields did.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stub or reference of DCOM.
    #[error(transparent)]
    Dcom(#[from] windlass_dcom::Error),
    /// A field of a packet has a value that the specification does not allow.
    #[error("{field} at offset {offset} is {found:#x}, expected {expected}")]
    Value {
        /// The field, as [MS-WMI] names it.
        field: &'static str,
        /// Where it stands, in bytes.
        offset: usize,
        /// What it holds.
        found: u64,
        /// What may stand there.
        expected: &'static str,
    },
    /// An instance refers to a class that the peer has not sent.
    #[error("an instance refers to class {0}, which was not sent before")]
    UnknownClass(uuid::Uuid),
    /// More than this side takes.
    #[error("{what}: more than {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The most that is allowed.
        limit: usize,
    },
    /// A reference is not what the interface promises.
    #[error("{0} is expected")]
    Expected(&'static str),
}
