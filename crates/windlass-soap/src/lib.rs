//! SOAP 1.2 envelopes as WS-Management uses them: addressing headers, selectors, options, faults.
//!
//! One model for both roles: a client writes a [`Header`] and reads faults, a host reads a
//! [`Header`] and writes faults. The body is left to the caller: [`Envelope::open`] stops inside
//! `s:Body`, [`write_envelope`] asks for its content. Names are matched by namespace, never by
//! prefix.
//!
//! - [`Header`]: addressing, resource, [`SelectorSet`], [`OptionSet`], time-outs, locale.
//! - [`EndpointReference`]: references to resources.
//! - [`Fault`]: codes, texts and details, with a table of the codes ([`FaultCode`]).
//! - [`Xml`]: one element passed through unread, with the namespaces it stands in.
//!
//! Specifications: SOAP 1.2 Part 1, WS-Addressing (August 2004), DSP0226 (WS-Management 1.2),
//! [MS-WSMV] 2.2.4.
#![forbid(unsafe_code)]

pub mod duration;
mod envelope;
mod epr;
mod error;
mod fault;
mod header;
mod limits;
pub mod ns;
mod options;
mod selectors;
mod xml;

pub use envelope::{Envelope, write_envelope};
pub use epr::EndpointReference;
pub use error::Error;
pub use fault::{Fault, FaultCode, FaultSide, InnerFault, ProviderFault, Subcode, Text, WsmanFault};
pub use header::{FragmentTransfer, Header, HeaderName};
pub use limits::Limits;
pub use options::{OptionSet, WsmanOption};
pub use selectors::{Selector, SelectorSet, SelectorValue};
pub use xml::Xml;
