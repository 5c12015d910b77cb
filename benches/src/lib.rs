//! Corpora and set-ups shared by the benchmarks.

pub mod clixml;
pub mod kerberos;
pub mod ntlm;
pub mod receive;
