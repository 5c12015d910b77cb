//! Where there are no Unix sockets, there is no agent: sessions live as long as a console.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::report_local;
use crate::output::View;
use crate::runspace::Defaults;
use crate::workers::Workers;

/// Tell about the agent that keeps sessions, or stop it
#[derive(Debug, Args)]
pub(crate) struct Agent {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tell whether it runs and what it keeps
    Status,
    /// Stop it: its sessions are closed
    Stop,
}

impl Agent {
    pub(crate) fn run(self, _runtime: &tokio::runtime::Runtime) -> Exit {
        let Self { what: What::Status | What::Stop } = self;
        report_local(&anyhow::anyhow!("{MISSING}"))
    }
}

const MISSING: &str =
    "sessions outlive a command by an agent, which needs Unix sockets: `windlass console` keeps them here";

/// Whether a command concerns what an agent would keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// It does not.
    Never,
    /// It does, if there is an agent.
    IfRunning,
    /// It makes something that is to be kept.
    Always,
}

/// A cmdlet that an agent would run.
#[derive(Debug)]
#[expect(dead_code, reason = "nobody runs it here")]
pub(crate) struct Run {
    pub(crate) words: Vec<String>,
    pub(crate) defaults: Defaults,
    pub(crate) view: View,
    pub(crate) rows: Option<u16>,
    pub(crate) is_typed: bool,
}

/// Refuses what only an agent could keep; everything else runs in this process.
pub(crate) fn forward(
    how: Forwarding,
    _run: &Run,
    _options: &DefaultOptions,
    _workers: &Workers,
) -> Result<Option<Exit>> {
    match how {
        Forwarding::Always => bail!("{MISSING}"),
        Forwarding::Never | Forwarding::IfRunning => Ok(None),
    }
}
