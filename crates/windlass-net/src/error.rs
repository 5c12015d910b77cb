//! What went wrong below the protocol, where, and with which peer.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;
use windlass_http::HttpError;

/// A stage of a request with a time limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Resolving the host's name.
    Resolve,
    /// Connecting.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Proving who the client is.
    Authenticate,
    /// Waiting for the answer to a request.
    Operation,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the name of",
            Self::Connect => "connecting to",
            Self::Tls => "the TLS handshake with",
            Self::Authenticate => "authentication with",
            Self::Operation => "waiting for an answer of",
        })
    }
}

/// A connection that could not be made or used. `peer` is `host:port` as dialled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The host's name has no address.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No address of the host accepts connections.
    #[error("cannot connect to {peer}: {source}")]
    Connect {
        /// Whom it concerns.
        peer: String,
        /// What the system said about the last address.
        source: io::Error,
    },
    /// The TLS options contradict each other or hold something unusable.
    #[error("the TLS options cannot be used: {reason}")]
    TlsOptions {
        /// What is wrong with them.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake with {peer} failed: {reason}")]
    Tls {
        /// Whom it concerns.
        peer: String,
        /// Why, in words.
        reason: String,
    },
    /// The peer's bytes are not the HTTP that is due, or it refused the logon.
    #[error("HTTP exchange with {peer} failed: {source}")]
    Http {
        /// Whom it concerns.
        peer: String,
        /// What the HTTP layer found.
        source: HttpError,
    },
    /// The peer speaks TLS where plain HTTP was meant.
    #[error("HTTP exchange with {peer} failed: the peer speaks TLS; is this the HTTPS port?")]
    PeerSpeaksTls {
        /// Whom it concerns.
        peer: String,
    },
    /// The peer refused to let the client in.
    #[error("authentication with {peer} failed: {source}")]
    Refused {
        /// Whom it concerns.
        peer: String,
        /// What the HTTP layer found.
        source: HttpError,
    },
    /// A KDC could not be asked.
    #[error("cannot ask the KDC of {realm}: {source}")]
    Kdc {
        /// The realm.
        realm: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The connection broke.
    #[error("connection to {peer} lost: {reason}{}", if *.executed { "; the request may have been carried out" } else { "" })]
    Lost {
        /// Whom it concerns.
        peer: String,
        /// How it broke.
        reason: String,
        /// Whether the peer may have carried out the request, so that it must not be sent again.
        executed: bool,
    },
    /// A stage took too long.
    #[error("{stage} {peer} took longer than {limit:?}")]
    TimedOut {
        /// What took too long.
        stage: Stage,
        /// Whom it concerns.
        peer: String,
        /// The limit.
        limit: Duration,
    },
}

impl Error {
    /// Whom the error concerns: `host:port`, a host, or nobody.
    pub fn peer(&self) -> Option<&str> {
        match self {
            Self::Connect { peer, .. }
            | Self::Tls { peer, .. }
            | Self::Http { peer, .. }
            | Self::PeerSpeaksTls { peer }
            | Self::Refused { peer, .. }
            | Self::Lost { peer, .. }
            | Self::TimedOut { peer, .. } => Some(peer),
            Self::Resolve { host, .. } => Some(host),
            Self::Kdc { realm, .. } => Some(realm),
            Self::TlsOptions { .. } => None,
        }
    }

    /// Why, without the peer.
    pub fn reason(&self) -> String {
        match self {
            Self::Resolve { source, .. } => format!("the name cannot be resolved: {source}"),
            Self::Connect { source, .. } => source.to_string(),
            Self::TlsOptions { reason } | Self::Tls { reason, .. } => reason.clone(),
            Self::Http { source, .. } | Self::Refused { source, .. } => source.to_string(),
            Self::PeerSpeaksTls { .. } => "the peer speaks TLS; is this the HTTPS port?".to_owned(),
            Self::Kdc { source, .. } => format!("the KDC cannot be asked: {source}"),
            Self::Lost { reason, executed: false, .. } => format!("the connection was lost: {reason}"),
            Self::Lost { reason, executed: true, .. } => {
                format!("the connection was lost: {reason}; the request may have been carried out")
            }
            Self::TimedOut { stage, limit, .. } => format!("{stage} the host took longer than {limit:?}"),
        }
    }

    /// Whether the peer was never reached: no answer of it was seen.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::Connect { .. }
                | Self::Tls { .. }
                | Self::PeerSpeaksTls { .. }
                | Self::TimedOut { stage: Stage::Resolve | Stage::Connect | Stage::Tls, .. }
        )
    }

    /// Whether the network failed, so that the same request may succeed later on a new connection.
    pub fn is_network_failure(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. } | Self::Connect { .. } | Self::Lost { .. } | Self::TimedOut { .. }
        )
    }

    /// Whether the peer may have carried out the request that failed.
    pub fn may_have_executed(&self) -> bool {
        match self {
            Self::Lost { executed, .. } => *executed,
            Self::TimedOut { stage, .. } => *stage == Stage::Operation,
            // Answers that cannot be read are answers; a logon that failed carried nothing out.
            Self::Http { source, .. } => {
                !matches!(source, HttpError::Config { .. } | HttpError::Unencrypted(_))
            }
            _ => false,
        }
    }
}
