//! CIM-XML (DSP0201): class definitions as `Get-CimClass` gets them.
//!
//! Elements are matched by their local names: servers put them into no namespace or into one of
//! their own.

mod decode;
mod encode;

pub use decode::{ClassLimits, decode_class};
pub use encode::ClassEncoder;
