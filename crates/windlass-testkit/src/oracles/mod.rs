//! One function a decoder: decode, and where that succeeds check what must hold.
//!
//! An oracle panics when an invariant breaks; refusing the input is never a failure.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a panic is how an oracle reports")]

mod xml;

/// An oracle: takes arbitrary bytes, panics when an invariant is broken.
pub type Oracle = fn(&[u8]);

/// Every oracle by the name of its fuzz target.
pub const ORACLES: &[(&str, Oracle)] = &[("xml", xml::xml)];

/// The oracle of that name.
pub fn oracle(name: &str) -> Option<Oracle> {
    ORACLES.iter().find(|(known, _)| *known == name).map(|(_, oracle)| *oracle)
}
