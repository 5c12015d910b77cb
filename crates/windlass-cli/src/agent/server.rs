//! The agent itself.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use windlass_mock::powershell::Stop;
use windlass_psrp::host::{HostInfo, HostMethod, HostReturn, Size};

use super::wire::{Answer, LONGEST, Request, Run, typed_of_line};
use super::{Place, this_user};
use crate::command_line::CommandLine;
use crate::console::Session;
use crate::exit::Exit;
use crate::output::{Paper, Pieces};
use crate::runspace::{Defaults, Local, lock};
use crate::terminal::{Echo, Nobody, Terminal, Typed, screen};

/// How long an agent without sessions and jobs waits for work.
const IDLE: Duration = Duration::from_secs(300);
/// How long one with sessions does.
const FORGOTTEN: Duration = Duration::from_secs(4 * 3600);

/// How often a question that waits for its answer is looked at.
const LOOK: Duration = Duration::from_millis(100);

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
    match request {
        Some(Request::Run(run)) => execute(shared, *run, stream),
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

/// Runs a cmdlet; what it says goes to the command that asked. When that goes away, the cmdlet is stopped.
fn execute(shared: &Arc<Shared>, run: Run, stream: std::os::unix::net::UnixStream) -> Result<()> {
    let stop = Stop::default();
    let answers = listen(stream.try_clone()?, stop.clone());
    let pieces = Arc::new(Mutex::new(Frames(stream)));
    let paper = Paper::pieces(Arc::<Mutex<Frames>>::clone(&pieces));
    let terminal: Arc<dyn Terminal> = match run.rows {
        Some(rows) => Arc::new(TheirTerminal {
            pieces: Arc::clone(&pieces),
            answers: Mutex::new(answers),
            columns: run.view.columns,
            rows,
        }),
        None => Arc::new(Nobody),
    };
    let local = shared.local.sharing(run.defaults, terminal);
    let exit = match CommandLine::of(&run.words) {
        Ok(Some(line)) => {
            let mut session = Session::over(local, run.view, paper);
            match line.command_in(&session) {
                Ok(command) => {
                    session.invoke_until(&command, &stop);
                    session.exit()
                }
                Err(error) => {
                    session.complain(&error);
                    Exit::USAGE
                }
            }
        }
        _ => Exit::USAGE,
    };
    let last = Answer::Exit(exit.code()).to_line();
    lock(&pieces).0.write_all(last.as_bytes())?;
    lock(&pieces).0.shutdown(std::net::Shutdown::Both)?;
    Ok(())
}

/// Hears what the command's user types. When the command goes away, what runs for it is stopped.
fn listen(stream: std::os::unix::net::UnixStream, stop: Stop) -> mpsc::Receiver<Typed> {
    let (heard, answers) = mpsc::channel();
    std::thread::spawn(move || {
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let mut reader = std::io::BufReader::new(stream);
        loop {
            let mut line = String::new();
            match std::io::BufRead::read_line(&mut std::io::Read::take(&mut reader, limit), &mut line) {
                Ok(count) if count > 0 && heard.send(typed_of_line(&line)).is_ok() => {}
                _ => break,
            }
        }
        stop.stop();
    });
    answers
}

/// The terminal of the user whose command runs here.
struct TheirTerminal {
    pieces: Arc<Mutex<Frames>>,
    answers: Mutex<mpsc::Receiver<Typed>>,
    columns: usize,
    rows: u16,
}

impl Terminal for TheirTerminal {
    fn info(&self) -> HostInfo {
        let size = Size { width: i32::try_from(self.columns).unwrap_or(i32::MAX), height: self.rows.into() };
        screen(size)
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn line(&self, echo: Echo, go_on: &dyn Fn() -> bool) -> std::io::Result<Typed> {
        lock(&self.pieces).0.write_all(Answer::Ask(echo).to_line().as_bytes())?;
        let answers = lock(&self.answers);
        while go_on() {
            match answers.recv_timeout(LOOK) {
                Ok(typed) => return Ok(typed),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(Typed::Interrupted),
            }
        }
        Ok(Typed::NoLonger)
    }

    fn window(&self, method: &HostMethod, go_on: &dyn Fn() -> bool) -> Result<HostReturn, String> {
        Nobody.window(method, go_on)
    }
}

/// Output as lines of answer.
struct Frames(std::os::unix::net::UnixStream);

impl Pieces for Frames {
    fn output(&mut self, text: String) -> std::io::Result<()> {
        self.0.write_all(Answer::Output(text).to_line().as_bytes())
    }

    fn error(&mut self, text: String) -> std::io::Result<()> {
        self.0.write_all(Answer::Error(text).to_line().as_bytes())
    }
}
