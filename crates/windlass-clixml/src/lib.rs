//! The PowerShell object model and its XML.
//!
//! A [`PsValue`] is owned, cheap to build and to clone. An object, [`PsObject`], keeps its four parts
//! apart: the value or container that it is, its adapted and extended properties, its `ToString` and
//! its type names. Objects that stand in several places are shared; an object that names one around it
//! holds a [`BackReference`].
//!
//! CLIXML has two forms: a message of a session is one element ([`decode`], [`encode()`]); a file or
//! stream is a document ([`decode_document`], [`encode_document`], [`decode_stream`]). A [`Decoder`]
//! reads many of them one after the other, as a session does. What is written is what PowerShell
//! writes, byte for byte; what is read and what is refused follows what PowerShell does, recorded in
//! `fixtures/recorded/clixml`.
//!
//! ```
//! use windlass_clixml::{Limits, PsObject, PsValue, decode, encode};
//!
//! let value = PsValue::from(PsObject::custom().with("Name", "svchost").with("Id", 4));
//! let again = decode(&encode(&value), &Limits::default())?;
//! assert_eq!(again.get("name").and_then(PsValue::as_str), Some("svchost"));
//! # Ok::<(), windlass_clixml::Error>(())
//! ```
//!
//! Nothing here goes deeper into the stack for deeper input: reading, building, comparing, cloning,
//! writing and dropping are loops. [`Limits`] bound what input may cost; [`trim()`] cuts a value to what
//! a PowerShell will read.
//!
//! Besides: [`to_json`] for people, [`describe()`] for those who look at what travelled, [`to_text()`] for
//! what `ToString` would say, and [`KnownType`] for objects that PowerShell brings back to life.
//!
//! Specifications: [MS-PSRP] 2.2.5 (serialization) and 2.2.3 (types).
#![forbid(unsafe_code)]

mod back;
mod build;
mod compare;
mod datetime;
mod decimal;
mod decoder;
mod describe;
mod document;
mod duration;
mod encode;
mod error;
mod escape;
mod float;
mod json;
mod known;
mod leaves;
mod limits;
mod names;
mod number;
mod object;
mod primitive;
mod progress;
mod read;
mod refs;
mod run;
mod scan;
mod seen;
mod string;
mod tag;
mod text;
mod to_text;
mod trim;
mod unique;
mod uri;
mod value;
mod version;
mod word;
mod writer;
mod xmldoc;

pub use back::BackReference;
pub use datetime::{Civil, DateTimeKind, PsDateTime, TICKS_PER_SECOND};
pub use decimal::Decimal;
pub use decoder::Decoder;
pub use describe::describe;
pub use error::Error;
pub use escape::escape_text;
pub use json::{JsonLimits, to_json};
pub use known::KnownType;
pub use limits::Limits;
pub use names::TypeNames;
pub use object::{Base, Properties, Property, PsObject, ps_enum};
pub use progress::{ProgressKind, ProgressRecord};
pub use string::PsString;
pub use to_text::to_text;
pub use trim::{READABLE_LEVELS, Trimmed, trim};
pub use value::PsValue;
pub use version::Version;

pub use document::{
    StreamValue, decode, decode_bytes, decode_document, decode_stream, encode, encode_document,
    encode_document_indented, encode_into,
};
