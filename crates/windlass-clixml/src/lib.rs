//! The PowerShell object model and its XML.
//!
//! A [`PsValue`] is any value that can travel: a primitive, or a [`PsObject`] whose four parts (value
//! or container, adapted and extended properties, `ToString`, type names) are kept apart.
//!
//! Specifications: [MS-PSRP] 2.2.5 (serialization), 2.2.3.1 to 2.2.3.31 (types).
#![forbid(unsafe_code)]

mod back;
mod compare;
mod datetime;
mod decimal;
mod decode;
mod describe;
mod document;
mod duration;
mod encode;
mod error;
mod escape;
mod float;
mod json;
mod known;
mod limits;
mod names;
mod number;
mod object;
mod primitive;
mod progress;
mod refs;
mod scan;
mod string;
mod tag;
mod text;
mod to_text;
mod unique;
mod uri;
mod value;
mod version;
mod writer;
mod xmldoc;

pub use back::BackReference;
pub use datetime::{Civil, DateTimeKind, PsDateTime, TICKS_PER_SECOND};
pub use decimal::Decimal;
pub use decode::StreamValue;
pub use describe::describe;
pub use error::Error;
pub use json::{JsonLimits, to_json};
pub use known::KnownType;
pub use limits::Limits;
pub use names::TypeNames;
pub use object::{Base, Properties, Property, PsObject, ps_enum};
pub use progress::{ProgressKind, ProgressRecord};
pub use string::PsString;
pub use to_text::to_text;
pub use value::PsValue;
pub use version::Version;

pub use document::{
    decode, decode_bytes, decode_document, decode_stream, encode, encode_document, encode_document_indented,
    encode_into,
};
