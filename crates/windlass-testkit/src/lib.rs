//! Generators, oracles and fixtures for the tests of Windlass.
//!
//! The fuzz targets and the regression tests call the same oracles, so a crash found by one is
//! replayed by the other.
#![forbid(unsafe_code)]

pub mod oracles;
