//! The agent: sessions and jobs that outlive a command.
//!
//! One process for each user, started when something is to be kept and gone when there is nothing left to
//! keep. Commands reach it through a Unix socket that only its user may open: the folder has mode 0700, the
//! socket 0600, and both sides look at the user of the other. Passwords pass through the socket into the
//! agent's memory; nothing is written to disk.

mod client;
mod conversation;
mod server;
mod wire;
mod work;

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

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
            What::Serve => runtime.block_on(server::serve(runtime.handle().clone())),
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

/// Where the agent's files are.
struct Place {
    folder: PathBuf,
}

impl Place {
    /// The folder, made if it is not there; one that others may enter is refused.
    fn new() -> Result<Self> {
        let folder = match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder).join("windlass"),
            None => {
                let user = std::env::var("USER").unwrap_or_else(|_| "user".to_owned());
                std::env::temp_dir().join(format!("windlass-{user}"))
            }
        };
        let shown = folder.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("the agent's folder {shown} cannot be made"))?;
        // Whoever made the folder would get what is sent to the agent, so a link is not followed either.
        let found = std::fs::symlink_metadata(&folder).with_context(|| format!("cannot look at {shown}"))?;
        if !found.is_dir() || found.uid() != this_user() {
            bail!("{shown} is not this user's own folder: set XDG_RUNTIME_DIR to one that is");
        }
        if found.permissions().mode() & 0o077 != 0 {
            bail!("others may enter {shown}: run `chmod 700 {shown}`");
        }
        Ok(Self { folder })
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("agent.sock")
    }

    /// The file that a running agent holds locked.
    fn lock_file(&self) -> Result<File> {
        let path = self.folder.join("agent.lock");
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))
    }
}

/// The number of the user whom this process acts for.
fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
