//! The door of the agent: where it is found, and who may come in.
//!
//! What differs between systems is in [`system`]: the folder, the way that leads from its mark to the agent, the look
//! at who is on the other side, and how an agent is started.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod system;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub(super) use system::{Caller, Door, Launched, Stream, finish, has_gone};

/// Where the agent's files are.
pub(super) struct Place {
    folder: PathBuf,
}

impl Place {
    /// The user's own folder, made if it is not there.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { folder: system::folder()? })
    }

    /// The agent that answers; one that another user made is refused.
    pub(super) fn connect(&self) -> Result<Option<Stream>> {
        system::connect(&self.mark())
    }

    /// Starts an agent that lives on when this command has ended.
    pub(super) fn launch(&self) -> Result<Launched> {
        system::launch(&self.folder).context("the agent does not start")
    }

    /// Clears away what an agent has left that was killed; whether there was one.
    pub(super) fn clear(&self) -> Result<bool> {
        // An agent at work holds the lock from before it listens until after it has ended.
        let was_killed = self.mark().exists() && self.lock_file()?.try_lock().is_ok();
        if was_killed {
            std::fs::remove_file(self.mark()).ok();
        }
        Ok(was_killed)
    }

    /// The file that a running agent holds locked.
    pub(super) fn lock_file(&self) -> Result<File> {
        let path = self.folder.join("agent.lock");
        system::own_file(&path).with_context(|| format!("cannot open {}", path.display()))
    }

    /// Opens the agent's door, under the lock.
    pub(super) fn open(&self) -> Result<Door> {
        let mark = self.mark();
        remove_if_there(&mark).with_context(|| format!("cannot remove the old {}", mark.display()))?;
        Door::open(&mark).with_context(|| format!("cannot listen at {}", mark.display()))
    }

    /// From now on nobody finds the agent.
    pub(super) fn hide(&self) {
        std::fs::remove_file(self.mark()).ok();
    }

    /// The file by which commands find the agent.
    fn mark(&self) -> PathBuf {
        self.folder.join(system::MARK)
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
