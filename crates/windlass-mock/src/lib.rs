//! An embedded WinRM host: tests, demo and the local computer.
#![forbid(unsafe_code)]

pub mod facts;
pub mod powershell;
