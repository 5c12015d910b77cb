//! WMI over DCOM: its interfaces, and the encoding of its objects. For clients and for servers.
//!
//! [`stubs`] are the parameters of the calls; [`wmio`] reads and writes classes and instances as they
//! travel in IWbemClassObject, [`array`](mod@array) many of them in one packet. [`object`] puts them into object
//! references and takes them out.
//!
//! Specifications: [MS-WMI], [MS-WMIO].
#![forbid(unsafe_code)]

pub mod array;
pub mod context;
mod error;
pub mod flags;
pub mod ids;
pub mod object;
pub mod status;
pub mod stubs;
pub mod wmio;

pub use error::Error;
