//! The benchmarks: of code, of whole sessions, of many hosts at once, of large files, and of the command.

mod copy;
mod fleet;
mod program;
mod sessions;

use anyhow::Result;

use crate::command::cargo;

pub(crate) use copy::run as copy;
pub(crate) use fleet::run as fleet;
pub(crate) use program::run as program;
pub(crate) use sessions::run as sessions;

/// Runs the criterion benchmarks of the workspace.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    cargo(["bench", "--package", "windlass-benches"].into_iter().chain(filter.map(|_| "--")).chain(filter))
}

/// Measures other libraries beside ours and prints the ratios.
pub(crate) fn peers() -> Result<()> {
    cargo(["run", "--release", "--manifest-path", "benches/peers/Cargo.toml", "--ignore-rust-version"])
}
