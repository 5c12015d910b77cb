//! The criterion benchmarks.

use anyhow::Result;

use crate::command::cargo;

/// Runs the benchmarks of the workspace.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    cargo(["bench", "--package", "windlass-benches"].into_iter().chain(filter.map(|_| "--")).chain(filter))
}
