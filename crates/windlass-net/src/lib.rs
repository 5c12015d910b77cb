//! TCP, TLS, HTTP and RPC connections that carry a security context.
//!
//! This crate moves bytes: it resolves names, dials, shakes hands over TLS, drives the sans-io HTTP
//! client of `windlass-http` and the associations of `windlass-rpc`, keeps time, and knows no protocol above
//! HTTP and RPC.
//!
//! - [`Endpoint`] says where a service is; [`NameMap`] overrides how its name resolves.
//! - [`Connector`] opens [`Connection`]s: one HTTP/1.1 connection, one security context, one request at
//!   a time. It dials TCP or asks a [`Dial`] for any other byte stream, for example one in memory.
//! - [`Pool`] keeps idle connections for the requests of a session and applies the rule that a request
//!   which the peer may have executed is never sent twice. A [`Gate`] lets a request be made ready and sent
//!   but for its end before it is its turn.
//! - [`RpcConnection`] is a DCE/RPC association: several calls at once, each with a time limit.
//! - [`Error`] names the layer, the peer and the reason; [`Stage`] names what ran out of time.
//!
//! Specifications: [RFC 8305] (Happy Eyeballs), [RFC 9112] (HTTP/1.1 connections), [RFC 8446] and
//! [RFC 5246] (TLS), [RFC 9525] (names in certificates), [RFC 5929] (channel bindings for TLS), [RFC 1928]
//! and [RFC 1929] (SOCKS 5), [RFC 6874] (zones of IPv6 addresses), [RFC 2782] (services in the DNS),
//! [RFC 7292] (PKCS #12).
#![forbid(unsafe_code)]

mod connection;
mod connector;
mod counters;
mod dial;
mod endpoint;
mod error;
mod gate;
mod greeting;
#[cfg(feature = "gssapi")]
mod gssapi;
mod identity;
mod inner_tls;
mod kdc;
mod kerberos;
mod key_log;
mod names;
mod pool;
mod proxy;
mod rpc;
mod srv;
mod stream;
mod timeouts;
mod tls;
mod tls_failure;
mod verify;

pub use connection::Connection;
pub use connector::{Connector, ConnectorOptions, RedirectNotice};
pub use counters::{Counters, Counts};
pub use endpoint::Endpoint;
pub use error::{Error, ProxyRefusal, Stage};
pub use gate::Gate;
pub use greeting::{Greeting, Sight, TlsSight};
pub use identity::ClientIdentity;
pub use kdc::KdcMap;
pub use kerberos::Kerberos;
pub use names::{NameMap, NameMapError};
pub use pool::{Lane, Pool, PoolOptions, Repetition, Request};
pub use proxy::{Proxy, ProxyAccess, ProxyAuthentication, ProxyKind};
pub use rpc::{RpcAnswer, RpcBinding, RpcConnection, RpcHandler, RpcListener, RpcOptions, RpcSecurity};
pub use stream::{BoxStream, Dial, Dialing, Stream};
pub use timeouts::{Timeouts, in_time, together_within, within};
pub use tls::TlsOptions;
pub use windlass_http::{AuthMethod, Response};
