//! DCE/RPC over connections, without I/O: what client and server put on the wire and what they remember.
//!
//! [`ClientAssociation`] and [`ServerAssociation`] are the two ends of a connection: they bind interfaces,
//! log on, protect, cut and put together calls. [`pdu`] is what they exchange, [`ndr`] reads and writes the
//! parameters of calls, and [`SyntaxId`] names interfaces and encodings. [`epm`] is the endpoint mapper.
//!
//! Specifications: C706 (DCE 1.1: Remote Procedure Call), [MS-RPCE].
#![forbid(unsafe_code)]

mod client;
pub mod epm;
mod error;
mod fragments;
mod frames;
pub mod ndr;
pub mod pdu;
mod protect;
mod server;
mod syntax;

pub use client::{
    BoundInterface, CallRequest, ClientAssociation, ClientEvent, ClientOptions, ClientSecurity,
};
pub use error::RpcError;
pub use server::{Caller, Endpoint, IncomingCall, ServerAssociation, ServerEvent, ServerOptions};
pub use syntax::SyntaxId;
