//! Why a security context refused to go on.

use thiserror::Error;
use windlass_core::cursor::ReadError;
use windlass_core::status::NtStatus;

/// The error of a KDC that does not know the service ([RFC 4120] section 7.5.9, KDC_ERR_S_PRINCIPAL_UNKNOWN).
const SERVICE_UNKNOWN: i32 = 7;

/// What kept a ticket for a service from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingTicket {
    /// No KDC is reached, or it gives the user no ticket, or what the user has to show is not enough for one.
    NotGiven,
    /// The KDC knows no service of this name.
    ServiceUnknown,
}

/// An authentication, signature or seal that failed. Never holds a secret or the content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// A token ended before one of its fields did.
    #[error("truncated {token}: {source}")]
    Truncated {
        /// What was being read.
        token: &'static str,
        /// The field and where it is.
        source: ReadError,
    },
    /// A token does not have the form that its specification gives it.
    #[error("malformed {token}, {field}: {reason}")]
    Malformed {
        /// What was being read.
        token: &'static str,
        /// The field at fault.
        field: &'static str,
        /// What was expected.
        reason: &'static str,
    },
    /// A token or a part of it is larger than the limit for it.
    #[error("{what} of {actual} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How many bytes it has.
        actual: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The peer does something that is refused on purpose, for example because it is too weak.
    #[error("{mechanism} refused: {reason}")]
    Policy {
        /// The mechanism that refuses.
        mechanism: &'static str,
        /// What is refused and why.
        reason: &'static str,
    },
    /// The logon was refused. Deliberately says no more: not whether the account exists.
    #[error("logon refused: unknown account or wrong password")]
    LogonDenied,
    /// The peer refused the logon.
    #[error("the peer refused the {mechanism} logon")]
    Rejected {
        /// The mechanism that was refused.
        mechanism: &'static str,
    },
    /// The peer refused the logon and said why.
    #[error("the peer refused the {mechanism} logon: {status}{}", .status.message().map(|text| format!(", {text}")).unwrap_or_default())]
    PeerStatus {
        /// The mechanism that was refused.
        mechanism: &'static str,
        /// What the peer gave as its reason.
        status: NtStatus,
    },
    /// The message integrity code over the handshake is absent or wrong: it was tampered with.
    #[error("the integrity code of the {token} is {fault}")]
    HandshakeIntegrity {
        /// The token whose code is at fault.
        token: &'static str,
        /// `missing` or `wrong`.
        fault: &'static str,
    },
    /// The peer is bound to another TLS channel than this one, or to none where one is demanded.
    #[error("channel binding mismatch: {0}")]
    ChannelBinding(&'static str),
    /// The peer meant to log on to another service.
    #[error("the logon was meant for another service")]
    WrongTarget,
    /// A signature or seal is wrong: the message was altered, replayed or reordered.
    #[error("message {sequence} of the {mechanism} context failed its integrity check")]
    MessageIntegrity {
        /// The mechanism that checked.
        mechanism: &'static str,
        /// The sequence number that was due.
        sequence: u32,
    },
    /// No security mechanism is offered by both sides.
    #[error("no common security mechanism: {0}")]
    NoCommonMechanism(&'static str),
    /// The context cannot do this now, or not at all.
    #[error("the {mechanism} context {reason}")]
    State {
        /// The mechanism.
        mechanism: &'static str,
        /// What is out of order.
        reason: &'static str,
    },
    /// The credential does not fit the mechanism.
    #[error("this credential cannot be used with {mechanism}: {reason}")]
    Credential {
        /// The mechanism.
        mechanism: &'static str,
        /// Why it does not fit.
        reason: &'static str,
    },
    /// A KDC gives no ticket.
    #[error("the KDC of {realm} refused (error {code}): {reason}")]
    KdcRefused {
        /// The realm.
        realm: String,
        /// The number of the error ([RFC 4120] section 7.5.9).
        code: i32,
        /// What it means here.
        reason: String,
    },
    /// No KDC of a realm can be reached.
    #[error("{0}")]
    KdcUnreachable(String),
    /// A ticket cannot be had.
    #[error("Kerberos: {0}")]
    Kerberos(String),
    /// What the service is called is nothing that there are tickets for.
    #[error("Kerberos: {0}")]
    NoServiceName(&'static str),
    /// The service does not take the ticket.
    #[error("Kerberos: the service refused the ticket: {0}")]
    TicketRefused(String),
    /// An acceptor refuses a ticket.
    #[error("the ticket is refused: {0}")]
    Ticket(&'static str),
    /// The algorithm is unknown, so the channel binding cannot be computed.
    #[error("the certificate is signed with an algorithm that has no channel binding hash")]
    UnknownSignatureAlgorithm,
    /// The TLS that carries CredSSP failed.
    #[error("the TLS inside CredSSP failed: {0}")]
    InnerTls(String),
    /// The operating system gave no random bytes.
    #[error("no random bytes are available")]
    Random,
}

impl AuthError {
    /// Turns a short read into an error about `token`.
    pub(crate) fn truncated(token: &'static str) -> impl Fn(ReadError) -> AuthError {
        move |source| AuthError::Truncated { token, source }
    }

    /// Whether it says no more than that one mechanism is not available, so that another may do. What is
    /// wrong with an account or its password is wrong with it everywhere, and trying again may lock it.
    pub(crate) fn leaves_other_mechanisms(&self) -> bool {
        match self {
            Self::KdcUnreachable(_) | Self::Kerberos(_) | Self::NoServiceName(_) | Self::TicketRefused(_) => {
                true
            }
            Self::KdcRefused { code, .. } => !matches!(code, 1 | 12 | 18 | 23 | 24 | 31),
            _ => false,
        }
    }

    /// What kept a ticket for the service from the user, if that is what is wrong.
    pub fn missing_ticket(&self) -> Option<MissingTicket> {
        match self {
            Self::KdcRefused { code: SERVICE_UNKNOWN, .. } | Self::NoServiceName(_) => {
                Some(MissingTicket::ServiceUnknown)
            }
            Self::KdcRefused { .. } | Self::KdcUnreachable(_) | Self::Kerberos(_) => {
                Some(MissingTicket::NotGiven)
            }
            _ => None,
        }
    }

    /// Whether the peer's or the user's credential is at fault, as opposed to the conversation.
    pub fn is_logon_failure(&self) -> bool {
        matches!(
            self,
            Self::LogonDenied
                | Self::Rejected { .. }
                | Self::PeerStatus { .. }
                | Self::ChannelBinding(_)
                | Self::WrongTarget
                | Self::Policy { .. }
                | Self::KdcRefused { .. }
                | Self::Kerberos(_)
                | Self::NoServiceName(_)
                | Self::TicketRefused(_)
                | Self::Ticket(_)
        )
    }
}
