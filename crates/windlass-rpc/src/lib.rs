//! DCE/RPC over connections, without I/O: what client and server put on the wire and what they remember.
//!
//! [`pdu`] is the wire format of associations, [`ndr`] reads and writes the parameters of calls, and
//! [`SyntaxId`] names interfaces and encodings.
//!
//! Specifications: [C706] (DCE 1.1: Remote Procedure Call), [MS-RPCE].
#![forbid(unsafe_code)]

mod error;
pub mod ndr;
pub mod pdu;
mod syntax;

pub use error::RpcError;
pub use syntax::SyntaxId;
