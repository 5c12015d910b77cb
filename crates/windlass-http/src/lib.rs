//! HTTP as WinRM uses it: the 401 loop, encrypted bodies, keep-alive rules.
//!
//! A [`ClientConnection`] or [`ServerConnection`] is one side of one TCP connection. Both are pure state
//! machines: bytes go in, bytes and events come out. A security context lives and dies with its
//! connection, requests on it are serial, and a connection that seals never takes a plaintext answer.
//!
//! Specifications: [RFC 9110] and [RFC 9112] (HTTP/1.1), [MS-WSMV] 2.2.9.1 (encrypted bodies),
//! [RFC 4559] (Negotiate and Kerberos), [RFC 7617] (Basic), [RFC 7616] (Digest).
#![forbid(unsafe_code)]

mod ahead;
mod auth_loop;
mod body;
mod challenge;
mod client;
mod config;
mod error;
mod head;
mod kerberos;
mod limits;
pub mod multipart;
mod overheard;
mod server;

pub use auth_loop::AuthMethod;
pub use challenge::{Challenge, parse_challenges};
pub use client::{ClientConnection, ClientEvent, ForwardProxy, Response};
pub use config::{ClientConfig, ServerConfig};
pub use error::HttpError;
pub use head::{Headers, RequestHead, ResponseHead};
pub use kerberos::{KerberosClient, KerberosServer, negotiate};
pub use limits::Limits;
pub use overheard::{Exchange, Overheard};
pub use server::{Request, ServerConnection, ServerEvent};

/// Whether TLS is around the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// It is not: messages have to be sealed.
    Http,
    /// It is.
    Https,
}

/// The value of the Authorization header with which a client says that its TLS certificate is its
/// credential (DSP0226, C.3.6).
pub const CERTIFICATE_PROFILE: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
