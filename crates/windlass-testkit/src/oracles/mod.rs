//! One function a decoder: decode, and where that succeeds check what must hold.
//!
//! An oracle panics when an invariant breaks; refusing the input is never a failure.

/// An oracle: takes arbitrary bytes, panics when an invariant is broken.
pub type Oracle = fn(&[u8]);

/// Every oracle by the name of its fuzz target, sorted by name.
pub const ORACLES: &[(&str, Oracle)] = &[];
