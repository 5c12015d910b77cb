//! What went wrong below the protocol, where, and with which peer.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;
use windlass_auth::MissingTicket;
use windlass_http::HttpError;
use windlass_rpc::pdu::FaultStatus;
use windlass_rpc::{RpcError, SyntaxId};

/// A stage of a request with a time limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Resolving the host's name.
    Resolve,
    /// Connecting.
    Connect,
    /// Getting through the proxy.
    Proxy,
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
            Self::Proxy => "getting through the proxy to",
            Self::Tls => "the TLS handshake with",
            Self::Authenticate => "authentication with",
            Self::Operation => "waiting for an answer of",
        })
    }
}

/// What to do about a server that asks for the certificate too late.
const CERTIFICATE_NOT_ASKED: &str = "the server asks for no client certificate in the handshake; it would \
    need renegotiation, which is not supported; on Windows, bind the port with netsh http add sslcert ... \
    clientcertnegotiation=enable";

/// A connection that could not be made or used. `peer` is `host:port` as dialled, with the address that the user
/// gave for them.
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
    /// The proxy options name no proxy.
    #[error("the proxy cannot be used: {reason}")]
    ProxyOptions {
        /// What is wrong with them.
        reason: String,
    },
    /// The proxy does not let the connection through.
    #[error("the proxy {proxy} refused: {reason}")]
    Proxy {
        /// Its address.
        proxy: String,
        /// Why.
        reason: ProxyRefusal,
    },
    /// The server redirects where it may not, or too often.
    #[error("{peer} redirects to {location}: {reason}")]
    Redirect {
        /// Who redirects.
        peer: String,
        /// Where to.
        location: String,
        /// Why that is not followed.
        reason: &'static str,
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
    /// The server asks for no certificate of the client when hands are shaken. Servers that ask for it
    /// later need renegotiation or authentication after the handshake, which this TLS does not offer.
    #[error("TLS handshake with {peer}: {CERTIFICATE_NOT_ASKED}")]
    CertificateNotAsked {
        /// Whom it concerns.
        peer: String,
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
    /// The first that the peer says is another protocol: another service has the port.
    #[error("{peer} does not speak {wanted}: another service answers at this port")]
    OtherProtocol {
        /// Whom it concerns.
        peer: String,
        /// What it was to speak.
        wanted: &'static str,
    },
    /// The peer refused to let the client in.
    #[error("authentication with {peer} failed: {source}")]
    Refused {
        /// Whom it concerns.
        peer: String,
        /// What the HTTP layer found.
        source: HttpError,
    },
    /// The peer's bytes are not the RPC that is due.
    #[error("RPC exchange with {peer} failed: {source}")]
    Rpc {
        /// Whom it concerns.
        peer: String,
        /// What the RPC layer found.
        source: RpcError,
    },
    /// The peer refused to let the client in over RPC.
    #[error("authentication with {peer} failed: {source}")]
    RpcRefused {
        /// Whom it concerns.
        peer: String,
        /// What the RPC layer found.
        source: RpcError,
    },
    /// The peer does not serve an interface.
    #[error("{peer} does not serve the interface {interface}: {reason}")]
    NoInterface {
        /// Whom it concerns.
        peer: String,
        /// The interface.
        interface: SyntaxId,
        /// Why.
        reason: String,
    },
    /// The peer answered a call with a fault.
    #[error("{peer} answered with a fault: {status}")]
    Fault {
        /// Whom it concerns.
        peer: String,
        /// Why.
        status: FaultStatus,
        /// The peer says that it did not begin to execute the call.
        did_not_execute: bool,
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
    #[error("{stage} {peer} {}", overdue(*.limit, *.together))]
    TimedOut {
        /// What took too long.
        stage: Stage,
        /// Whom it concerns.
        peer: String,
        /// The limit.
        limit: Duration,
        /// Whether it is a limit of several stages together, in the last of which it was reached.
        together: bool,
    },
}

fn overdue(limit: Duration, together: bool) -> String {
    if together {
        format!("was under way when {limit:?}, the time for all stages, were over")
    } else {
        format!("took longer than {limit:?}")
    }
}

/// Why a proxy does not let a connection through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyRefusal {
    /// It does not take the credential.
    Credential,
    /// Something else, in words.
    Failed(String),
}

impl fmt::Display for ProxyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential => f.write_str("it does not take the credential"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl Error {
    /// Whom the error concerns: `host:port`, a host, or nobody.
    pub fn peer(&self) -> Option<&str> {
        match self {
            Self::Connect { peer, .. }
            | Self::Tls { peer, .. }
            | Self::CertificateNotAsked { peer }
            | Self::Http { peer, .. }
            | Self::PeerSpeaksTls { peer }
            | Self::OtherProtocol { peer, .. }
            | Self::Refused { peer, .. }
            | Self::Rpc { peer, .. }
            | Self::RpcRefused { peer, .. }
            | Self::NoInterface { peer, .. }
            | Self::Fault { peer, .. }
            | Self::Lost { peer, .. }
            | Self::TimedOut { peer, .. } => Some(peer),
            Self::Resolve { host, .. } => Some(host),
            Self::Kdc { realm, .. } => Some(realm),
            Self::Proxy { proxy, .. } => Some(proxy),
            Self::Redirect { peer, .. } => Some(peer),
            Self::TlsOptions { .. } | Self::ProxyOptions { .. } => None,
        }
    }

    /// Why, without the peer.
    pub fn reason(&self) -> String {
        match self {
            Self::Resolve { source, .. } => format!("the name cannot be resolved: {source}"),
            Self::Connect { source, .. } => source.to_string(),
            Self::TlsOptions { reason } | Self::ProxyOptions { reason } | Self::Tls { reason, .. } => {
                reason.clone()
            }
            Self::Proxy { reason, .. } => format!("the proxy refused: {reason}"),
            Self::Redirect { location, reason, .. } => format!("it redirects to {location}: {reason}"),
            Self::Http { source, .. } | Self::Refused { source, .. } => source.to_string(),
            Self::CertificateNotAsked { .. } => CERTIFICATE_NOT_ASKED.to_owned(),
            Self::Rpc { source, .. } | Self::RpcRefused { source, .. } => source.to_string(),
            Self::NoInterface { interface, reason, .. } => {
                format!("the interface {interface} cannot be called: {reason}")
            }
            Self::Fault { status, .. } => format!("the call failed: {status}"),
            Self::OtherProtocol { wanted, .. } => {
                format!("the peer does not speak {wanted}: another service answers at this port")
            }
            Self::PeerSpeaksTls { .. } => "the peer speaks TLS; is this the HTTPS port?".to_owned(),
            Self::Kdc { source, .. } => format!("the KDC cannot be asked: {source}"),
            Self::Lost { reason, executed: false, .. } => format!("the connection was lost: {reason}"),
            Self::Lost { reason, executed: true, .. } => {
                format!("the connection was lost: {reason}; the request may have been carried out")
            }
            Self::TimedOut { stage, limit, together, .. } => {
                format!("{stage} the host {}", overdue(*limit, *together))
            }
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
                | Self::OtherProtocol { .. }
                | Self::Proxy { .. }
                | Self::TimedOut { stage: Stage::Resolve | Stage::Connect | Stage::Proxy | Stage::Tls, .. }
        )
    }

    /// Whether the network failed, so that the same request may succeed later on a new connection.
    pub fn is_network_failure(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. } | Self::Connect { .. } | Self::Lost { .. } | Self::TimedOut { .. }
        )
    }

    /// Whether a logon failed for another reason than the credential: a token of the peer cannot be used.
    pub fn is_failed_logon(&self) -> bool {
        matches!(self, Self::Http { source: HttpError::Auth { .. }, .. })
    }

    /// What kept a ticket for the peer's service from the user, if that is why there was no logon.
    pub fn missing_ticket(&self) -> Option<MissingTicket> {
        match self {
            Self::Kdc { .. } => Some(MissingTicket::NotGiven),
            Self::Http { source: HttpError::Auth { source, .. }, .. }
            | Self::Refused { source: HttpError::Auth { source, .. }, .. } => source.missing_ticket(),
            _ => None,
        }
    }

    /// Whether the peer said that it is too busy for a logon (503).
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Http { source: HttpError::HandshakeIncomplete { status: 503, .. }, .. })
    }

    /// Whether the peer may have carried out the request that failed.
    pub fn may_have_executed(&self) -> bool {
        match self {
            Self::Lost { executed, .. } => *executed,
            _ if self.is_busy() => false,
            Self::TimedOut { stage, .. } => *stage == Stage::Operation,
            Self::Rpc { .. } => true,
            Self::Fault { did_not_execute, .. } => !did_not_execute,
            // Answers that cannot be read are answers; a logon that failed carried nothing out.
            Self::Http { source, .. } => {
                !matches!(source, HttpError::Config { .. } | HttpError::Unencrypted(_))
            }
            _ => false,
        }
    }
}
