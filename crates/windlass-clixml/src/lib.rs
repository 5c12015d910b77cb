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
mod names;
mod number;
mod object;
mod progress;
mod string;
mod value;
mod version;

pub use back::BackReference;
pub use datetime::{Civil, DateTimeKind, PsDateTime, TICKS_PER_SECOND};
pub use decimal::Decimal;
pub use names::TypeNames;
pub use object::{Base, Properties, Property, PsObject, ps_enum};
pub use progress::{ProgressKind, ProgressRecord};
pub use string::PsString;
pub use value::PsValue;
pub use version::Version;
