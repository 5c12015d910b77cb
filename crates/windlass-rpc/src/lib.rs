//! DCE/RPC over connections, without I/O: what client and server put on the wire and what they remember.
//!
//! [`ndr`] reads and writes the parameters of calls; [`SyntaxId`] names interfaces and encodings.
//!
//! Specifications: [C706] (DCE 1.1: Remote Procedure Call), [MS-RPCE].
#![forbid(unsafe_code)]

pub mod ndr;
mod syntax;

pub use syntax::SyntaxId;
