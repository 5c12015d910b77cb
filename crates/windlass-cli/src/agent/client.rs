//! A command that lets the agent do its work.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::conversation::converse;
use super::door::{Place, Stream};
use super::is_on;
use super::wire::{LONGEST, Run};
use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::printed;
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
    let request = run.to_line(options);
    if request.len() > LONGEST {
        bail!(
            "standard input is too long for a command that the agent runs: at most {} MiB, or any length with \
             -ComputerName",
            LONGEST >> 20
        );
    }
    ask(&Place::new()?, how, &request, Some(workers))
}

/// `windlass agent status`.
pub(super) fn status() -> Result<Exit> {
    match ask(&Place::new()?, Forwarding::IfRunning, "{\"ask\":\"status\"}\n", None)? {
        Some(exit) => Ok(exit),
        None => {
            printed(writeln!(
                std::io::stdout(),
                "the agent does not run: it starts when a session is to be kept"
            ))?;
            Ok(Exit::DONE)
        }
    }
}

/// `windlass agent stop`.
pub(super) fn stop() -> Result<Exit> {
    match ask(&Place::new()?, Forwarding::IfRunning, "{\"ask\":\"stop\"}\n", None)? {
        Some(exit) => Ok(exit),
        None => {
            printed(writeln!(std::io::stdout(), "the agent does not run"))?;
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
fn find(place: &Place) -> Result<Option<Stream>> {
    let found = place.connect()?;
    if found.is_none() && place.clear()? {
        writeln!(
            std::io::stderr(),
            "windlass: the agent was killed: what it kept is gone from here. Its sessions stay on their hosts until \
             they have been idle for too long; Get-PSSession -ComputerName NAME finds them, Connect-PSSession takes \
             them up"
        )?;
    }
    Ok(found)
}

/// Starts an agent that lives on when this command has ended. One that finds another still closing its sessions ends
/// at once, and is started again.
fn start(place: &Place) -> Result<Stream> {
    let mut agent = place.launch()?;
    let deadline = Instant::now() + STARTING;
    loop {
        if let Some(stream) = place.connect()? {
            return Ok(stream);
        }
        match agent.try_wait().context("cannot look after the agent")? {
            Some(status) if status.success() => agent = place.launch()?,
            Some(status) => bail!("the agent ended at once with {status}: `windlass agent serve` says why"),
            None => {}
        }
        if Instant::now() > deadline {
            bail!("the agent was started and does not answer; WINDLASS_AGENT=off goes on without it");
        }
        std::thread::sleep(TRY_AGAIN);
    }
}
