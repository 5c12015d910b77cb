//! The process behind a shell: lines in, lines out, and its end.

#[cfg(unix)]
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use uuid::Uuid;
use windlass_psrp::outofproc::{LineBuffer, Packet};

use super::channel::Answer;
use super::{Account, ProgramShell, WAITING_LINES};
use crate::config::Endpoint;
use crate::environment;

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// Starts the program of a shell and gives the way to its input.
pub(super) fn start(shell: &Arc<ProgramShell>) -> std::io::Result<mpsc::Sender<String>> {
    let mut child = command(&shell.endpoint)?.spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("its standard streams are not there"));
    };
    let (lines, waiting) = mpsc::channel(WAITING_LINES);
    tokio::spawn(write(input, waiting));
    tokio::spawn(read(Arc::clone(shell), output));
    tokio::spawn(watch(Arc::clone(shell), child));
    Ok(lines)
}

fn command(endpoint: &Endpoint) -> std::io::Result<Command> {
    let mut command = Command::new(&endpoint.program);
    command.args(&endpoint.arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    #[cfg(unix)]
    command.process_group(0);
    match &endpoint.run_as {
        Some(account) => {
            environment::hide_all_but_everybodys(command.as_std_mut());
            run_as(&mut command, account)?;
        }
        None => environment::hide_hosts_own(command.as_std_mut()),
    }
    Ok(command)
}

/// What login(1) gives an account: its ids, its home directory and who it is.
#[cfg(unix)]
fn run_as(command: &mut Command, account: &Account) -> std::io::Result<()> {
    command.uid(account.user).gid(account.group);
    let home = account.home.as_deref().filter(|home| home.is_dir()).unwrap_or(Path::new("/"));
    command.current_dir(home).env("HOME", home);
    if let Some(name) = &account.name {
        command.env("USER", name).env("LOGNAME", name);
    }
    if let Some(shell) = &account.shell {
        command.env("SHELL", shell);
    }
    Ok(())
}

#[cfg(not(unix))]
fn run_as(_command: &mut Command, _account: &Account) -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "programs run as other users on Unix alone"))
}

/// Writes lines until there are no more, or the program does not read.
async fn write(mut input: impl AsyncWrite + Unpin, mut waiting: mpsc::Receiver<String>) {
    while let Some(mut line) = waiting.recv().await {
        line.push('\n');
        if input.write_all(line.as_bytes()).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
}

/// Reads lines until the program ends or writes what is no line of the framing.
async fn read(shell: Arc<ProgramShell>, mut output: impl AsyncRead + Unpin) {
    let mut lines = LineBuffer::new();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(count) = output.read(&mut chunk).await {
        if count == 0 {
            break;
        }
        lines.push(chunk.get(..count).unwrap_or_default());
        if !take_lines(&shell, &mut lines).await {
            break;
        }
    }
    let mut state = shell.lock();
    state.ended = true;
    state.lines = None;
    state.pool.ready.notify_waiters();
    state.pipelines.values().for_each(|channel| channel.ready.notify_waiters());
}

/// Takes whole lines; false where one cannot be read.
async fn take_lines(shell: &ProgramShell, lines: &mut LineBuffer) -> bool {
    loop {
        let packets = match lines.next_line() {
            Ok(None) => return true,
            Ok(Some(line)) => Packet::decode_line(line),
            Err(error) => Err(error.to_string()),
        };
        match packets {
            Ok(packets) => {
                for packet in packets {
                    take(shell, packet).await;
                }
            }
            Err(reason) => {
                tracing::warn!(%reason, endpoint = %shell.endpoint.name, "a program wrote what cannot be read");
                return false;
            }
        }
    }
}

async fn take(shell: &ProgramShell, packet: Packet) {
    let (id, answer) = match packet {
        Packet::Data { id, data, .. } => return keep(shell, id, data).await,
        Packet::DataAck(id) => (id, Answer::Data),
        Packet::CommandAck(id) => (id, Answer::Command),
        Packet::SignalAck(id) => (id, Answer::Signal),
        Packet::CloseAck(id) => (id, Answer::Close),
        // Programs do not ask.
        Packet::Command(_) | Packet::Signal(_) | Packet::Close(_) => return,
    };
    if let Some(channel) = shell.lock().channel_mut(id) {
        channel.answered(answer);
    }
}

/// Keeps output when there is room for it. While it waits, the program waits.
async fn keep(shell: &ProgramShell, id: Option<Uuid>, data: Vec<u8>) {
    loop {
        let mut fetched = std::pin::pin!(shell.fetched.notified());
        fetched.as_mut().enable();
        {
            let mut state = shell.lock();
            if id.is_none() {
                state.takeover.program_sent(&data);
            }
            let Some(channel) = state.channel_mut(id) else { return };
            if shell.presence.drops_output() {
                channel.drop_oldest(shell.buffered_output / 2);
            }
            if channel.bytes() < shell.buffered_output || shell.presence.drops_output() {
                channel.keep(data);
                return;
            }
        }
        tokio::select! {
            () = fetched => {}
            () = shell.closed.stopped() => return,
        }
    }
}

/// Waits for the program's end; kills one that does not end when it is told to.
async fn watch(shell: Arc<ProgramShell>, mut child: Child) {
    let group = child.id();
    tokio::select! {
        status = child.wait() => tracing::debug!(?status, "the program of an endpoint has ended"),
        () = shell.closed.stopped() => {
            if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                kill(group);
                let _ = child.wait().await;
            }
        }
    }
    // What it started goes with it.
    kill(group);
}

#[cfg(unix)]
fn kill(group: Option<u32>) {
    if let Some(group) = group.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
        // It may have ended meanwhile.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_group: Option<u32>) {}
