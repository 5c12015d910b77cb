//! The agent itself.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::door::{Caller, Place, Stream, finish};
use super::wire::{Answer, Request};
use super::work;
use crate::exit::Exit;
use crate::runspace::{Defaults, Local};
use crate::terminal::Nobody;

/// How long an agent without sessions and jobs waits for work.
const IDLE: Duration = Duration::from_secs(300);
/// How long one with sessions does.
const FORGOTTEN: Duration = Duration::from_secs(4 * 3600);

/// What the connections share.
struct Shared {
    local: Arc<Local>,
    /// Commands that run.
    busy: AtomicUsize,
    stop: Notify,
}

/// Serves until there is nothing to keep. An agent that finds another one at work ends at once.
pub(super) async fn serve(handle: Handle) -> Result<Exit> {
    let place = Place::new()?;
    let held = place.lock_file()?;
    if held.try_lock().is_err() {
        return Ok(Exit::DONE);
    }
    let mut door = place.open()?;
    let shared = Arc::new(Shared {
        local: Local::new(handle, Defaults::default(), Arc::new(Nobody)),
        busy: AtomicUsize::new(0),
        stop: Notify::new(),
    });
    loop {
        let keeps = shared.keeps();
        let patience = if keeps { FORGOTTEN } else { IDLE };
        tokio::select! {
            caller = door.accept() => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Err(error) = attend(&shared, caller).await {
                        tracing::debug!(%error, "a command went away");
                    }
                });
            }
            () = shared.stop.notified() => break,
            () = tokio::time::sleep(patience), if shared.busy.load(Ordering::Relaxed) == 0 => break,
        }
    }
    // Nobody may come while it closes: the next command starts another agent.
    place.hide();
    shared.local.close().await;
    drop(held);
    Ok(Exit::DONE)
}

impl Shared {
    /// Whether there is something to keep.
    fn keeps(&self) -> bool {
        let local = &self.local;
        !local.sessions.all().is_empty() || !local.cim.all().is_empty() || !local.jobs.all().is_empty()
    }
}

async fn attend(shared: &Arc<Shared>, caller: Caller) -> Result<()> {
    let (line, stream) = caller.request().await?;
    let request = Request::read(&line);
    drop(line);
    shared.busy.fetch_add(1, Ordering::Relaxed);
    let worker = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || answer(&worker, request, stream)).await;
    shared.busy.fetch_sub(1, Ordering::Relaxed);
    done.context("a command was cut off")?
}

fn answer(shared: &Arc<Shared>, request: Option<Request>, mut stream: Stream) -> Result<()> {
    stream.write_all(Answer::Taken.to_line().as_bytes())?;
    let (answer, exit, ends) = match request {
        Some(Request::Run(run)) => return work::execute(&shared.local, *run, stream),
        Some(Request::Status) => (Answer::Output(status(&shared.local)), 0, false),
        Some(Request::Stop) => (Answer::Output("the agent stops\n".to_owned()), 0, true),
        None => {
            let text = "windlass: the agent does not understand the command: is it of another version?\n";
            (Answer::Error(text.to_owned()), 2, false)
        }
    };
    stream.write_all(answer.to_line().as_bytes())?;
    stream.write_all(Answer::Exit(exit).to_line().as_bytes())?;
    if ends {
        shared.stop.notify_one();
    }
    Ok(finish(&stream)?)
}

fn status(local: &Local) -> String {
    let process = std::process::id();
    let mut text = format!("the agent runs as process {process} and keeps\n");
    for entry in local.sessions.all() {
        let session = &entry.session;
        text.push_str(&format!(
            "  PSSession {} {} on {}: {:?}\n",
            session.id(),
            session.name(),
            session.computer_name(),
            session.state()
        ));
    }
    for entry in local.cim.all() {
        let session = &entry.session;
        text.push_str(&format!(
            "  CimSession {} {} with {}\n",
            entry.id,
            entry.name,
            session.computer_name()
        ));
    }
    for job in local.jobs.all() {
        text.push_str(&format!("  Job {} {}: {:?}\n", job.id(), job.name(), job.state()));
    }
    if text.lines().count() == 1 {
        text.push_str("  nothing\n");
    }
    text
}
