//! Corpora shared by the benchmarks.

pub mod clixml;
