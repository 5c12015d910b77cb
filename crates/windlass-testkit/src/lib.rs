//! Generators, oracles and fixtures for the tests of Windlass.
//!
//! - [`oracles`]: one function a decoder, called by the fuzz targets and by the regression tests, so
//!   that a crash found by one is replayed by the other.
//! - [`agree`]: comparison with recordings of real PowerShell and of Microsoft's CIM client and
//!   server, behind `cargo xtask agree`.
//! - [`pcap`]: TCP conversations in captures.
#![forbid(unsafe_code)]
#![allow(clippy::indexing_slicing, reason = "a missing key of a recording reads as null")]

#[cfg(feature = "agree")]
pub mod agree;
pub mod oracles;
pub mod pcap;
