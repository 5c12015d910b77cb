//! Why a connection failed.

use thiserror::Error;
use windlass_auth::AuthError;

/// An HTTP exchange that failed. Never holds a token, a password or the content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// What the caller configured cannot be used.
    #[error("invalid configuration, {field}: {reason}")]
    Config {
        /// The field at fault.
        field: &'static str,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// A password would travel readable, or messages would.
    #[error("{0} without TLS needs the explicit permission to send unencrypted messages")]
    Unencrypted(&'static str),
    /// The peer does not speak HTTP/1.1.
    #[error("malformed http {what}: {reason}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The first bytes are those of TLS, or of something else that is not HTTP.
    #[error("the peer does not speak http: {0}")]
    NotHttp(&'static str),
    /// Something is larger than the limit for it.
    #[error("{what} exceeds the limit of {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How many bytes are allowed.
        limit: usize,
    },
    /// An encrypted body is not framed as [MS-WSMV] 2.2.9.1 says.
    #[error("malformed multipart/encrypted body at offset {offset}: {reason}")]
    Multipart {
        /// Where, in bytes from the start of the body.
        offset: usize,
        /// What was expected.
        reason: &'static str,
    },
    /// The security context failed.
    #[error("{mechanism} authentication: {source}")]
    Auth {
        /// The scheme in use.
        mechanism: &'static str,
        /// Why.
        source: AuthError,
    },
    /// The server refused the credential.
    #[error("the server refused the credential ({scheme})")]
    AccessDenied {
        /// The scheme that was tried.
        scheme: &'static str,
    },
    /// The server does not offer the scheme that was asked for.
    #[error("the server does not accept {wanted}; it {}", offers(.offered))]
    SchemeNotOffered {
        /// What was asked for.
        wanted: &'static str,
        /// What the server offers. Nothing, if its refusal names no way to log on.
        offered: Vec<String>,
    },
    /// The context was to seal messages but has no keys for it.
    #[error("the server agreed to no encryption, and unencrypted messages are not allowed")]
    CannotSeal,
    /// An answer came in plaintext although messages are sealed.
    #[error("the server answered a sealed request with an unsealed http {status}")]
    UnsealedAnswer {
        /// The status of the answer.
        status: u16,
    },
    /// The server ended the handshake without completing it.
    #[error("the server ended the {mechanism} handshake early, with http {status}{}", no_service(*.status))]
    HandshakeIncomplete {
        /// The scheme in use.
        mechanism: &'static str,
        /// The status of the answer.
        status: u16,
    },
    /// The server sends the client elsewhere. Never followed here.
    #[error("the server redirects (http {status}) to {location}")]
    Redirect {
        /// The status.
        status: u16,
        /// The Location header, or an empty text.
        location: String,
    },
    /// A proxy wants a logon of its own.
    #[error("the proxy demands authentication (http 407)")]
    ProxyAuthentication,
    /// A proxy that hands requests on does not take the logon.
    #[error("the proxy refused the request: {reason}")]
    ProxyRefused {
        /// Why.
        reason: String,
    },
    /// A plain error status where the protocol has no place for one.
    #[error("the server answered http {status} ({reason})")]
    Status {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The connection is closed; nothing was sent.
    #[error("the connection is closed")]
    Closed,
    /// The peer closed the connection in the middle of a message.
    #[error("the peer closed the connection in the middle of a message")]
    Truncated,
    /// The previous request is not answered yet.
    #[error("a request is already under way on this connection")]
    Busy,
    /// The caller called out of order.
    #[error("out of order: {0}")]
    OutOfOrder(&'static str),
}

fn offers(offered: &[String]) -> String {
    if offered.is_empty() {
        "offered no way to log on".to_owned()
    } else {
        format!("offers {}", offered.join(", "))
    }
}

/// What statuses mean that a web server without WinRM has for a request of WinRM.
fn no_service(status: u16) -> &'static str {
    match status {
        200..=299 | 404 | 405 | 500..=502 => "; no WinRM service seems to be at this port and path",
        _ => "",
    }
}

impl HttpError {
    /// Whether the credential was refused, as opposed to the conversation failing.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::AccessDenied { .. } | Self::SchemeNotOffered { .. } => true,
            Self::Auth { source, .. } => source.is_logon_failure(),
            _ => false,
        }
    }
}
