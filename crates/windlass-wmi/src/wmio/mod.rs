//! The WMIO object encoding ([MS-WMIO]).
//!
//! - [`decode`] reads an encoding unit (`78 56 34 12`, length, object block) into a [`WmiObject`].
//! - [`ObjectBlock`] is the same without copying: a class part is parsed once, and the values of its
//!   instances are read out of the peer's bytes only where asked for.
//! - [`encode()`] writes an object as an encoding unit; [`InstanceEncoder`] writes many instances of a class.
//!
//! An object block holds no alignment and no padding. Names, qualifiers and variable-length values
//! live in a heap that follows their tables; references into it are checked at each use.

mod block;
mod class;
mod class_part;
mod encode;
mod error;
mod heap;
mod instance;
mod methods;
mod qualifiers;
mod types;
mod value;

pub use block::{Decoration, ObjectBlock, WmiObject, decode};
pub use class_part::{ClassPart, PropertyInfo};
pub(crate) use encode::class_block;
pub use encode::{InstanceEncoder, encode};
pub use error::{Error, ErrorKind};
pub use instance::InstancePart;
pub(crate) use instance::Shape;
pub(crate) use value::Budget;
