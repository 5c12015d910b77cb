//! Why a PDU, a call or an association was refused.

use thiserror::Error;
use windlass_auth::AuthError;

use crate::ndr::NdrError;
use crate::pdu::{BindNakReason, FaultStatus};

/// What went wrong with a PDU or an association. Never holds a secret or the content of a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RpcError {
    /// A PDU does not have the form that its type has.
    #[error("malformed {pdu}, {field} at offset {offset}: {reason}")]
    Malformed {
        /// The type of the PDU.
        pdu: &'static str,
        /// The field, as C706 or [MS-RPCE] names it.
        field: &'static str,
        /// Where it starts, in bytes from the start of the PDU.
        offset: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something exceeds a limit of this side.
    #[error("{actual} {what} exceed the limit of {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// A PDU came that is not due.
    #[error("unexpected {pdu}: {reason}")]
    Unexpected {
        /// The type of the PDU.
        pdu: &'static str,
        /// Why it is not due.
        reason: &'static str,
    },
    /// The server does not take the association.
    #[error("the server refused the association: {0}")]
    BindRefused(BindNakReason),
    /// The server does not take more contexts on an association that it took before.
    #[error("the server refused the context: {0}")]
    AlterRefused(FaultStatus),
    /// The logon failed, or a signature is wrong.
    #[error("{0}")]
    Auth(#[from] AuthError),
    /// A PDU is less protected than was agreed, or names another security context.
    #[error("protection of a {pdu} refused: {reason}")]
    Protection {
        /// The type of the PDU.
        pdu: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// Parameters of a call that this crate reads itself.
    #[error("{interface}: {source}")]
    Stub {
        /// The interface.
        interface: &'static str,
        /// The field and what is wrong with it.
        source: NdrError,
    },
    /// The caller asked for something that the association cannot do.
    #[error("cannot {what}: {reason}")]
    Usage {
        /// What was asked for.
        what: &'static str,
        /// Why it cannot be done.
        reason: &'static str,
    },
    /// The association has failed before; the first error says why.
    #[error("the association has failed before")]
    Failed,
}
