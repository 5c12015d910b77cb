//! The agent: sessions and jobs that outlive a command.
//!
//! One process for each user, started when something is to be kept and gone when there is nothing left to
//! keep. Commands reach it through a [`door`] that only its user may open, a Unix socket or a named pipe of
//! Windows. Passwords pass through it into the agent's memory; nothing is written to disk.

mod client;
mod conversation;
mod door;
mod server;
mod wire;
mod work;

use clap::{Args, Subcommand};

use crate::credential::disregard_inherited_password;
use crate::exit::Exit;
use crate::failure::report_local;

pub(crate) use client::{Forwarding, forward};
pub(crate) use wire::Run;

/// The variable that turns the agent off.
const SWITCH: &str = "WINDLASS_AGENT";

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
    /// Be the agent, until there is nothing to keep
    #[command(hide = true)]
    Serve,
}

impl Agent {
    pub(crate) fn run(self, runtime: &tokio::runtime::Runtime) -> Exit {
        let done = match self.what {
            What::Status => client::status(),
            What::Stop => client::stop(),
            What::Serve => {
                disregard_inherited_password();
                runtime.block_on(server::serve(runtime.handle().clone()))
            }
        };
        match done {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }
}

/// Whether the agent may be used.
fn is_on() -> bool {
    std::env::var(SWITCH)
        .map_or(true, |value| !["off", "0", "no"].contains(&value.to_ascii_lowercase().as_str()))
}
