//! Corpora and set-ups shared by the benchmarks.
#![forbid(unsafe_code)]

pub mod clixml;
pub mod kerberos;
pub mod ntlm;
pub mod process;
pub mod receive;
