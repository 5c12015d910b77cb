//! The benchmarks: of code, of whole sessions, of many hosts at once, of large files, of the command, and of CIM
//! over both protocols.

mod cim;
mod copy;
mod dcom;
mod fleet;
mod host;
mod program;
mod sessions;

use anyhow::{Context, Result};

use crate::command::cargo;

pub(crate) use cim::run as cim;
pub(crate) use copy::run as copy;
pub(crate) use dcom::run as dcom;
pub(crate) use fleet::run as fleet;
pub(crate) use program::run as program;
pub(crate) use sessions::run as sessions;

/// Runs the criterion benchmarks of the workspace.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    cargo(["bench", "--workspace", "--bench", "*"].into_iter().chain(filter.map(|_| "--")).chain(filter))
}

/// Measures other libraries beside ours and prints the ratios.
pub(crate) fn peers() -> Result<()> {
    run_peers(&[])
}

/// Builds the workspace that other libraries have to themselves, and runs a program of it.
fn run_peers(arguments: &[&str]) -> Result<()> {
    let run = ["run", "--release", "--manifest-path", "benches/peers/Cargo.toml", "--ignore-rust-version"];
    cargo(run.iter().chain(arguments))
}

/// The numbers that a measuring program prints.
fn numbers<const N: usize>(told: &str) -> Result<[f64; N]> {
    let read: Vec<f64> = told.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    read.try_into().ok().with_context(|| format!("expected {N} numbers: {told}"))
}
