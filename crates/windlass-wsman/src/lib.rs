//! WS-Management: requests and responses of every operation, both roles.
//!
//! One type an operation, written and read by the same code whoever speaks: a client encodes a
//! [`Request`] and decodes a [`Response`], a host does the reverse. Instances and other content that
//! this crate does not know passes through as [`Xml`]; base64 of shell streams stays in the text it
//! was found in until [`Payload::decode_into`] writes it into the caller's buffer.
//!
//! - [`decode_request`], [`Request::encode`], [`Operation`]: the requests.
//! - [`decode_response`], [`Response::encode`], [`Reply`], [`Expectation`]: the responses, checked
//!   against the request they answer.
//! - [`client`]: headers and requests as a client makes them. [`uri`]: resource URIs.
//! - [`xpress`]: the compression of shell streams.
//!
//! Pure functions: no sockets, no clock.
//!
//! ```
//! use uuid::Uuid;
//! use windlass_wsman::client::Session;
//! use windlass_wsman::{Limits, Operation, OptionSet, RequestError, Shell, decode_request, uri};
//!
//! let session = Session::new("http://srv1:5985/wsman");
//! let request = session.create_shell(uri::CMD_SHELL, Shell::cmd(), OptionSet::new(), None, Uuid::from_u128(1));
//! let envelope = request.encode();
//!
//! let read = decode_request(&envelope, &Limits::default())?;
//! assert!(matches!(read.operation, Operation::Create(_)));
//! assert_eq!(read.header.resource_uri.as_deref(), Some(uri::CMD_SHELL));
//! # Ok::<(), RequestError>(())
//! ```
//!
//! Specifications: DSP0226 (WS-Management 1.2), DSP0227 (CIM binding), WS-Transfer, WS-Enumeration,
//! WS-Eventing, [MS-WSMV] (shells and extensions), [MS-XCA] 2.1 and 2.2.
#![forbid(unsafe_code)]

mod bookmark;
pub mod client;
mod create;
mod enumerate;
mod error;
mod eventing;
mod filter;
mod fragment;
mod identify;
mod payload;
mod read;
mod request;
mod response;
mod shell;
pub mod uri;
pub mod xpress;

pub use bookmark::Bookmark;
pub use create::{Create, CreateResponse};
pub use enumerate::{
    Enumerate, EnumerationMode, Expiration, Item, Page, PolymorphismMode, Pull, ReadObject, Release,
};
pub use error::{Error, RequestError};
pub use eventing::{
    ConnectionRetry, Delivery, Renew, RenewResponse, Subscribe, SubscribeResponse, delivery_mode,
};
pub use filter::{AssociationFilter, AssociationKind, Filter, dialect};
pub use fragment::{FragmentPath, FragmentStep};
pub use identify::IdentifyResponse;
pub use payload::Payload;
pub use request::{Operation, Request, decode_request};
pub use response::{Expectation, Reply, Response, decode_response, decode_response_with};
pub use shell::{
    BufferMode, CommandInfo, CommandLine, CommandResponse, CommandState, Connect, ConnectResponse,
    Disconnect, ReceiveOutput, ReceiveResponse, Reconnect, RunState, SendInput, Shell, ShellInfo, Signal,
    SignalCode, Stream,
};
pub use windlass_soap as soap;
pub use windlass_soap::{
    EndpointReference, Fault, FaultCode, Header, Limits, OptionSet, Selector, SelectorSet, SelectorValue, Xml,
};
