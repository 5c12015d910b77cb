//! The benchmarks.

use anyhow::Result;

use crate::command::cargo;

/// Runs the criterion benchmarks of the workspace.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    cargo(["bench", "--package", "windlass-benches"].into_iter().chain(filter.map(|_| "--")).chain(filter))
}

/// Measures other libraries beside ours and prints the ratios.
pub(crate) fn peers() -> Result<()> {
    cargo(["run", "--release", "--manifest-path", "benches/peers/Cargo.toml", "--ignore-rust-version"])
}
