//! DCOM without I/O: references to objects, ORPC, activation, the resolver of object exporters, and the
//! counting of remote references, for clients and for servers.
//!
//! Every call has two types, one for each direction, that implement [`Stub`]; [`encode_request`],
//! [`decode_response`] and their like put ORPC's own headers before them. Both roles use the same ones.
//!
//! Specifications: [MS-DCOM].
#![forbid(unsafe_code)]

pub mod activation;
mod bindings;
mod error;
pub mod exporter;
pub mod ids;
pub mod objects;
mod objref;
pub mod references;
pub mod remunknown;
pub mod server;
mod stub;

pub use bindings::{DualStringArray, SecurityBinding, StringBinding, TOWER_PIPE, TOWER_TCP};
pub use error::Error;
pub use objref::{DataElement, ObjRef, ObjRefKind, SORF_NOPING, StdObjRef};
pub use stub::{
    ComVersion, Extension, Nothing, OrpcThat, OrpcThis, ResultOnly, Stub, decode, decode_request,
    decode_response, encode, encode_request, encode_response, read_hresult, read_interface,
    read_interface_target, read_interfaces, write_interface, write_interface_target, write_interfaces,
};
