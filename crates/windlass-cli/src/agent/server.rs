//! The agent itself.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::wire::{Answer, LONGEST, Request};
use super::{Place, this_user, work};
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
    user: u32,
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
    let socket = place.socket();
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove the old {}", socket.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("cannot listen at {}", socket.display()))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let shared = Arc::new(Shared {
        local: Local::new(handle, Defaults::default(), Arc::new(Nobody)),
        user: this_user(),
        busy: AtomicUsize::new(0),
        stop: Notify::new(),
    });
    loop {
        let keeps = shared.keeps();
        let patience = if keeps { FORGOTTEN } else { IDLE };
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move {
                        if let Err(error) = attend(&shared, stream).await {
                            tracing::debug!(%error, "a command went away");
                        }
                    });
                }
            }
            () = shared.stop.notified() => break,
            () = tokio::time::sleep(patience), if shared.busy.load(Ordering::Relaxed) == 0 => break,
        }
    }
    // Nobody may come while it closes: the next command starts another agent.
    std::fs::remove_file(&socket).ok();
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

async fn attend(shared: &Arc<Shared>, stream: UnixStream) -> Result<()> {
    let peer = stream.peer_cred().context("who is it?")?;
    anyhow::ensure!(peer.uid() == shared.user, "another user");
    let (reading, writing) = stream.into_split();
    let mut reader = BufReader::new(reading);
    let mut line = String::new();
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    (&mut reader).take(limit).read_line(&mut line).await?;
    let request = Request::read(&line);
    drop(line);
    let stream = writing.reunite(reader.into_inner())?.into_std()?;
    stream.set_nonblocking(false)?;
    shared.busy.fetch_add(1, Ordering::Relaxed);
    let worker = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || answer(&worker, request, stream)).await;
    shared.busy.fetch_sub(1, Ordering::Relaxed);
    done.context("a command was cut off")?
}

fn answer(
    shared: &Arc<Shared>,
    request: Option<Request>,
    mut stream: std::os::unix::net::UnixStream,
) -> Result<()> {
    stream.write_all(Answer::Taken.to_line().as_bytes())?;
    match request {
        Some(Request::Run(run)) => work::execute(&shared.local, *run, stream),
        Some(Request::Status) => {
            stream.write_all(Answer::Output(status(&shared.local)).to_line().as_bytes())?;
            stream.write_all(Answer::Exit(0).to_line().as_bytes())?;
            Ok(())
        }
        Some(Request::Stop) => {
            stream.write_all(Answer::Output("the agent stops\n".to_owned()).to_line().as_bytes())?;
            stream.write_all(Answer::Exit(0).to_line().as_bytes())?;
            shared.stop.notify_one();
            Ok(())
        }
        None => {
            let text = "windlass: the agent does not understand the command: is it of another version?\n";
            stream.write_all(Answer::Error(text.to_owned()).to_line().as_bytes())?;
            stream.write_all(Answer::Exit(2).to_line().as_bytes())?;
            Ok(())
        }
    }
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
