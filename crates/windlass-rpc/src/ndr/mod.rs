//! NDR, the encoding of parameters (C706 14): little-endian, every item aligned to its own size.
//!
//! [`Reader`] and [`Writer`] mirror each other. Neither knows types: a stub calls them field by field.
//! Pointers within a structure or array are written where they stand; what they point to follows after the
//! outermost structure or array that holds them, in the same order. The caller keeps that order:
//!
//! ```
//! use windlass_rpc::ndr::{Limits, Reader, Writer};
//!
//! // struct { [unique, string] wchar_t *name; unsigned long id; }
//! let mut writer = Writer::new();
//! writer.unique_ptr(true);
//! writer.u32(7);
//! writer.wide_string("eth0");
//! let stub = writer.into_bytes();
//!
//! let mut reader = Reader::new(&stub, Limits::default());
//! let name = reader.unique_ptr("name")?;
//! let id = reader.u32("id")?;
//! let name = if name.is_some() { Some(reader.wide_string("name")?) } else { None };
//! assert_eq!((name.as_deref(), id), (Some("eth0"), 7));
//! # Ok::<(), windlass_rpc::ndr::NdrError>(())
//! ```
//!
//! Pointers: `ref` parameters have no representation of their own; `ref` pointers within structures have a
//! referent as `unique` ones do, which is never zero ([`Reader::ref_ptr`]). `ptr` (full) pointers may meet a
//! referent again, without its target ([`Reader::full_ptr`]).
//!
//! Alignment counts from the start of the stub. [`serialized`] is NDR outside of calls
//! ([MS-RPCE] 2.2.6), with an origin of its own.

mod error;
mod limits;
mod pointer;
mod reader;
pub mod serialized;
mod writer;

pub use error::{NdrError, NdrErrorKind};
pub use limits::Limits;
pub use pointer::{FullPointer, Referent};
pub use reader::{Reader, Varying};
pub use writer::{Slot, Writer};
