//! The threads that do what the network asks for.

use std::cell::OnceCell;

use anyhow::{Context as _, Result};
use tokio::runtime::{Handle, Runtime};

/// The process's runtime, from the time on when something needs it: a command that the agent runs needs none, and
/// would wait at its start and at its end for threads with nothing to do.
#[derive(Default)]
pub(crate) struct Workers(OnceCell<Runtime>);

impl Workers {
    /// The runtime.
    pub(crate) fn runtime(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.0.get() {
            return Ok(runtime);
        }
        let runtime = Runtime::new().context("no threads to work with")?;
        Ok(self.0.get_or_init(|| runtime))
    }

    /// A handle to it.
    pub(crate) fn handle(&self) -> Result<&Handle> {
        Ok(self.runtime()?.handle())
    }

    /// The runtime, where there is one.
    pub(crate) fn into_runtime(self) -> Option<Runtime> {
        self.0.into_inner()
    }
}
