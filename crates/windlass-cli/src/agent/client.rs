//! A command that lets the agent do its work.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::conversation::converse;
use super::wire::Run;
use super::{Place, is_on, this_user};
use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::workers::Workers;

/// How long a new agent may take until it answers.
const STARTING: Duration = Duration::from_secs(10);
/// How often it is tried in the meantime.
const TRY_AGAIN: Duration = Duration::from_millis(15);

/// Whether a command concerns what the agent keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// It does not.
    Never,
    /// It does, if there is an agent.
    IfRunning,
    /// It makes something that is to be kept.
    Always,
}

/// Lets the agent run a command. `None` where there is none that should.
pub(crate) fn forward(
    how: Forwarding,
    run: &Run,
    options: &DefaultOptions,
    workers: &Workers,
) -> Result<Option<Exit>> {
    if how == Forwarding::Never || !is_on() {
        return Ok(None);
    }
    ask(&Place::new()?, how, &run.to_line(options), Some(workers))
}

/// `windlass agent status`.
pub(super) fn status() -> Result<Exit> {
    match ask(&Place::new()?, Forwarding::IfRunning, "{\"ask\":\"status\"}\n", None)? {
        Some(exit) => Ok(exit),
        None => {
            writeln!(std::io::stdout(), "the agent does not run: it starts when a session is to be kept")?;
            Ok(Exit::DONE)
        }
    }
}

/// `windlass agent stop`.
pub(super) fn stop() -> Result<Exit> {
    match ask(&Place::new()?, Forwarding::IfRunning, "{\"ask\":\"stop\"}\n", None)? {
        Some(exit) => Ok(exit),
        None => {
            writeln!(std::io::stdout(), "the agent does not run")?;
            Ok(Exit::DONE)
        }
    }
}

/// Lets the agent answer a request. `None` where none runs and none is to be started. One that ends just now may
/// still be reached and not take the request any more: then the next one is asked.
fn ask(place: &Place, how: Forwarding, request: &str, workers: Option<&Workers>) -> Result<Option<Exit>> {
    let deadline = Instant::now() + STARTING;
    loop {
        let stream = match find(place)? {
            Some(stream) => stream,
            None if how == Forwarding::Always => start(place)?,
            None => return Ok(None),
        };
        if let Some(exit) = converse(stream, request, workers)? {
            return Ok(Some(exit));
        }
        if Instant::now() > deadline {
            bail!("the agent takes no command; WINDLASS_AGENT=off goes on without it");
        }
        std::thread::sleep(TRY_AGAIN);
    }
}

/// The agent that runs. What one that was killed has left is cleared away, once, and the user is told.
fn find(place: &Place) -> Result<Option<UnixStream>> {
    let found = connect(place)?;
    // An agent at work holds the lock from before it listens until after it has ended.
    if found.is_none() && place.socket().exists() && place.lock_file()?.try_lock().is_ok() {
        std::fs::remove_file(place.socket()).ok();
        writeln!(
            std::io::stderr(),
            "windlass: the agent was killed: what it kept is gone from here. Its sessions stay on their hosts until \
             they have been idle for too long; Get-PSSession -ComputerName NAME finds them, Connect-PSSession takes \
             them up"
        )?;
    }
    Ok(found)
}

/// The agent that answers; a socket that another user made is refused.
fn connect(place: &Place) -> Result<Option<UnixStream>> {
    let socket = place.socket();
    let Ok(metadata) = std::fs::symlink_metadata(&socket) else { return Ok(None) };
    if metadata.uid() != this_user() {
        bail!("{} belongs to another user", socket.display());
    }
    // An agent that was killed leaves its socket behind: nobody answers there.
    Ok(UnixStream::connect(&socket).ok())
}

/// Starts an agent that lives on when this command has ended. One that finds another still closing its sessions ends
/// at once, and is started again.
fn start(place: &Place) -> Result<UnixStream> {
    let mut child = spawn()?;
    let deadline = Instant::now() + STARTING;
    loop {
        if let Some(stream) = connect(place)? {
            return Ok(stream);
        }
        match child.try_wait().context("cannot look after the agent")? {
            Some(status) if status.success() => child = spawn()?,
            Some(status) => bail!("the agent ended at once with {status}: `windlass agent serve` says why"),
            None => {}
        }
        if Instant::now() > deadline {
            bail!("the agent was started and does not answer; WINDLASS_AGENT=off goes on without it");
        }
        std::thread::sleep(TRY_AGAIN);
    }
}

fn spawn() -> Result<Child> {
    let program = std::env::current_exe().context("cannot find this program to start the agent")?;
    Command::new(program)
        .args(["agent", "serve"])
        .current_dir("/")
        .env_remove("WINDLASS_PASSWORD")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal is not for the agent.
        .process_group(0)
        .spawn()
        .context("the agent does not start")
}
