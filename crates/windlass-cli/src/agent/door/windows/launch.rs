//! Starts an agent that lives on.

use std::io;
use std::os::windows::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::{Context, Result};
use winsafe::co::{CREATE, WAIT};
use winsafe::guard::CloseHandlePiGuard;
use winsafe::{CreateProcess, STARTUPINFO};

/// An agent that was started.
pub(in crate::agent) struct Launched(CloseHandlePiGuard);

/// Starts it without a console, whose Ctrl-C is not for it, and without any handle of this process: who reads this
/// command's output would wait for an agent that holds the other end of it.
pub(in crate::agent) fn launch(place: &Path) -> Result<Launched> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let program = program.to_str().context("this program's path is no Unicode text")?;
    let place = place.to_str().context("the agent's folder is no Unicode text")?;
    let process = CreateProcess(
        Some(program),
        Some(&format!("\"{program}\" agent serve")),
        None,
        None,
        false,
        CREATE::DETACHED_PROCESS | CREATE::NEW_PROCESS_GROUP,
        // As it is here: the crate frees a list of variables before the system has read it.
        &[],
        Some(place),
        &mut STARTUPINFO::default(),
    )?;
    Ok(Launched(process))
}

impl Launched {
    /// How it ended, if it has.
    pub(in crate::agent) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let process = &self.0.hProcess;
        let ended = |error: winsafe::co::ERROR| io::Error::other(error);
        if process.WaitForSingleObject(Some(0)).map_err(ended)? == WAIT::TIMEOUT {
            return Ok(None);
        }
        Ok(Some(ExitStatus::from_raw(process.GetExitCodeProcess().map_err(ended)?)))
    }
}
