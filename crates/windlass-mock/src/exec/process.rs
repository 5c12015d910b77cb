//! One running program: input, output kept for the client, signals, exit code.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use tokio::time::Instant;
use windlass_wsman::{Fault, RunState};

use super::line;
use crate::environment;
use crate::shell::{Piece, Presence, Received};
use crate::wsman::aborted;

/// What is to be started.
pub(super) struct Launch<'a> {
    pub(super) line: String,
    pub(super) through_shell: bool,
    pub(super) environment: &'a [(String, String)],
    pub(super) working_directory: Option<&'a str>,
    pub(super) buffered_output: usize,
    pub(super) presence: Arc<Presence>,
}

/// What a program is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Interrupt,
    Break,
    Kill,
}

/// A program.
pub(super) struct Process {
    line: String,
    /// The id of its process group.
    #[cfg(unix)]
    id: Option<u32>,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    output: Mutex<Output>,
    /// Told when there is something to fetch.
    ready: Notify,
    /// Told when something was fetched.
    fetched: Notify,
    buffered_output: usize,
    presence: Arc<Presence>,
}

#[derive(Default)]
struct Output {
    streams: [Buffer; 2],
    exit: Option<i32>,
    killed: bool,
}

#[derive(Default)]
struct Buffer {
    data: Vec<u8>,
    closed: bool,
    end_told: bool,
}

const NAMES: [&str; 2] = ["stdout", "stderr"];

impl Process {
    /// Starts a program.
    pub(super) fn start(launch: Launch<'_>) -> std::io::Result<Arc<Self>> {
        let mut command = command(&launch)?;
        environment::hide_all_but_common(command.as_std_mut());
        for (name, value) in launch.environment {
            command.env(name, value);
        }
        if let Some(directory) = launch.working_directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let process = Arc::new(Self {
            line: launch.line,
            #[cfg(unix)]
            id: child.id(),
            stdin: tokio::sync::Mutex::new(child.stdin.take()),
            output: Mutex::default(),
            ready: Notify::new(),
            fetched: Notify::new(),
            buffered_output: launch.buffered_output,
            presence: launch.presence,
        });
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        tokio::spawn(Arc::clone(&process).watch(child, stdout, stderr));
        Ok(process)
    }

    /// The line that it was started with.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().exit.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn watch(
        self: Arc<Self>,
        mut child: Child,
        stdout: Option<impl AsyncRead + Unpin>,
        stderr: Option<impl AsyncRead + Unpin>,
    ) {
        let (_, _, status) = tokio::join!(self.pump(0, stdout), self.pump(1, stderr), child.wait());
        let code = status.map_or(-1, exit_code);
        self.lock().exit = Some(code);
        self.ready.notify_waiters();
    }

    /// Keeps what comes on one stream, as long as there is room.
    async fn pump(&self, place: usize, source: Option<impl AsyncRead + Unpin>) {
        let mut chunk = vec![0; 32 * 1024];
        if let Some(mut source) = source {
            while let Ok(count) = source.read(&mut chunk).await {
                if count == 0 || !self.keep(place, chunk.get(..count).unwrap_or_default()).await {
                    break;
                }
            }
        }
        if let Some(buffer) = self.lock().streams.get_mut(place) {
            buffer.closed = true;
        }
        self.ready.notify_waiters();
    }

    /// Keeps a chunk when there is room for it; false if nobody will fetch it any more.
    async fn keep(&self, place: usize, chunk: &[u8]) -> bool {
        loop {
            let mut fetched = std::pin::pin!(self.fetched.notified());
            fetched.as_mut().enable();
            {
                let mut output = self.lock();
                if output.killed {
                    return false;
                }
                let Some(buffer) = output.streams.get_mut(place) else { return false };
                if self.presence.drops_output() {
                    let excess = (buffer.data.len() + chunk.len()).saturating_sub(self.buffered_output);
                    buffer.data.drain(..excess.min(buffer.data.len()));
                }
                if buffer.data.len() < self.buffered_output {
                    buffer.data.extend_from_slice(chunk);
                    self.ready.notify_waiters();
                    return true;
                }
            }
            fetched.await;
        }
    }

    /// Wakes output that waits for room.
    pub(super) fn wake(&self) {
        self.fetched.notify_waiters();
    }

    /// Writes to the program's input. A program that does not read any more is no error.
    pub(super) async fn write(&self, data: &[u8], end: bool) {
        let mut stdin = self.stdin.lock().await;
        if let Some(pipe) = stdin.as_mut()
            && (pipe.write_all(data).await.is_err() || pipe.flush().await.is_err())
        {
            *stdin = None;
        }
        if end {
            *stdin = None;
        }
    }

    /// Waits for output, or for the end.
    pub(super) async fn read(&self, budget: usize, deadline: Instant) -> Result<Received, Box<Fault>> {
        loop {
            let mut ready = std::pin::pin!(self.ready.notified());
            ready.as_mut().enable();
            if let Some(received) = self.fetch(budget)? {
                return Ok(received);
            }
            tokio::select! {
                () = ready => {}
                () = tokio::time::sleep_until(deadline) => return Err(Box::new(Fault::timed_out())),
            }
        }
    }

    fn fetch(&self, mut budget: usize) -> Result<Option<Received>, Box<Fault>> {
        let mut output = self.lock();
        if output.killed {
            return Err(aborted());
        }
        let mut pieces = Vec::new();
        for (buffer, stream) in output.streams.iter_mut().zip(NAMES) {
            let count = buffer.data.len().min(budget);
            let data: Vec<u8> = buffer.data.drain(..count).collect();
            budget -= count;
            let end = buffer.closed && buffer.data.is_empty() && !buffer.end_told;
            buffer.end_told |= end;
            if !data.is_empty() {
                pieces.push(Piece { stream, data, end: false });
            }
            // Apart from the data, as some clients pass over what is marked as the end.
            if end {
                pieces.push(Piece { stream, data: Vec::new(), end });
            }
        }
        let drained = output.streams.iter().all(|buffer| buffer.end_told);
        let exit_code = output.exit.filter(|_| drained);
        drop(output);
        self.fetched.notify_waiters();
        let has_data = pieces.iter().any(|piece| !piece.data.is_empty());
        match exit_code {
            Some(_) => Ok(Some(Received { pieces, state: RunState::Done, exit_code })),
            None if has_data => Ok(Some(Received { pieces, state: RunState::Running, exit_code: None })),
            // The ends of both streams without the exit code are worth no answer: it is about to come.
            None => {
                let mut output = self.lock();
                for piece in pieces.iter().filter(|piece| piece.end) {
                    let place = usize::from(piece.stream == NAMES[1]);
                    if let Some(buffer) = output.streams.get_mut(place) {
                        buffer.end_told = false;
                    }
                }
                Ok(None)
            }
        }
    }

    /// Signals the program and those that it started.
    pub(super) fn signal(&self, signal: Signal) {
        if signal == Signal::Kill {
            self.lock().killed = true;
            self.ready.notify_waiters();
            self.fetched.notify_waiters();
        }
        #[cfg(unix)]
        if let Some(group) = self.id.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            let signal = match signal {
                Signal::Interrupt => rustix::process::Signal::INT,
                Signal::Break => rustix::process::Signal::QUIT,
                Signal::Kill => rustix::process::Signal::KILL,
            };
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

fn command(launch: &Launch<'_>) -> std::io::Result<Command> {
    if launch.through_shell {
        let (shell, option) = if cfg!(windows) { ("cmd.exe", "/c") } else { ("/bin/sh", "-c") };
        let mut command = Command::new(shell);
        command.arg(option).arg(&launch.line);
        return Ok(command);
    }
    let mut words = line::split(&launch.line).into_iter();
    let program = words.next().ok_or(std::io::ErrorKind::NotFound)?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

/// The exit code; for a program that a signal ended, what Windows gives for Ctrl-C, else 128 and the
/// signal's number.
fn exit_code(status: ExitStatus) -> i32 {
    /// STATUS_CONTROL_C_EXIT
    #[cfg(unix)]
    const CONTROL_C_EXIT: i32 = -1_073_741_510;
    if let Some(code) = status.code() {
        return code;
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        match status.signal() {
            Some(2 | 3) => CONTROL_C_EXIT,
            Some(signal) => 128 + signal,
            None => -1,
        }
    }
    #[cfg(not(unix))]
    -1
}
