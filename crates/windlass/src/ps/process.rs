//! A runspace pool in a child process that speaks PowerShell's out-of-process framing: `pwsh -s`, or a
//! program that carries it elsewhere, such as `ssh host -s powershell`.

use std::collections::HashMap;
use std::fmt;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;
use windlass_psrp::outofproc::{ERROR_PREFIX, LineBuffer, Packet};
use windlass_psrp::{ClientPool, Outgoing, Stream};

use super::link::Incoming;
use crate::error::{Error, Layer, Result};
use crate::statistics::Statistics;
use crate::tasks::Tasks;

/// Pieces of data that may wait for one pipeline. A full queue holds the process back.
const QUEUE: usize = 64;
/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// How long a process may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// How long its standard error may stay open after it has ended: what it started may hold it.
const ECHO: Duration = Duration::from_millis(500);
/// How long a process that does not listen any more may take to say why: longer than its last words may.
const EXPLAINING: Duration = Duration::from_secs(1);
/// How much of what a process last wrote to its standard error goes into errors.
const LAST_WORDS: usize = 1024;

/// A program that speaks the framing, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessCommand {
    program: String,
    arguments: Vec<String>,
    /// The computer that it leads to.
    computer: Option<String>,
}

impl ProcessCommand {
    /// A program.
    pub fn new(program: &str) -> Self {
        Self { program: program.to_owned(), arguments: Vec::new(), computer: None }
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn arguments<T: AsRef<str>>(self, arguments: impl IntoIterator<Item = T>) -> Self {
        arguments.into_iter().fold(self, |command, argument| command.argument(argument.as_ref()))
    }

    /// A name for the computer that it leads to: sessions are called by it, and errors name it, in place of the
    /// program.
    #[must_use]
    pub fn named(mut self, computer: &str) -> Self {
        self.computer = Some(computer.to_owned());
        self
    }

    /// The computer that it leads to, or the program.
    pub fn computer_name(&self) -> &str {
        self.computer.as_deref().unwrap_or(&self.program)
    }

    /// The PowerShell on this computer.
    pub fn pwsh() -> Self {
        Self::new("pwsh").argument("-s").argument("-NoLogo").argument("-NoProfile")
    }
}

impl fmt::Display for ProcessCommand {
    /// The command line, for people: words that hold blanks stand in quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for word in &self.arguments {
            match word.contains(char::is_whitespace) {
                true => write!(f, " '{word}'")?,
                false => write!(f, " {word}")?,
            }
        }
        Ok(())
    }
}

/// The running process.
pub(super) struct ProcessLink {
    name: String,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    queues: Mutex<Queues>,
    /// Something was acknowledged.
    acknowledged: Notify,
    /// The process has nothing more to say, and why.
    ended: watch::Sender<Option<String>>,
    /// The process has been told to end.
    closing: watch::Sender<bool>,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// What comes in for the pool and its pipelines, and what the process knows of them.
#[derive(Default)]
struct Queues {
    data: HashMap<Option<Uuid>, mpsc::Sender<Vec<u8>>>,
    /// Acknowledgements that are awaited.
    awaited: HashMap<(Option<Uuid>, Awaited), u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Awaited {
    Data,
    Command,
    Close,
}

/// Where the data of one pipeline, or of the pool, come in.
pub(super) struct ProcessInlet {
    data: mpsc::Receiver<Vec<u8>>,
    ended: watch::Receiver<Option<String>>,
}

impl ProcessLink {
    /// Starts the process. It is killed when nobody uses it any more.
    pub(super) fn spawn(command: &ProcessCommand, tasks: &Tasks) -> Result<Arc<Self>> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let reason = format!("{} cannot be started: {error}", command.program);
                Error::no_way(command.computer_name(), reason)
            })?;
        let missing = || Error::no_way(command.computer_name(), "its standard streams are not there");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let link = Arc::new(Self {
            name: command.computer_name().to_owned(),
            stdin: tokio::sync::Mutex::new(Some(stdin)),
            queues: Mutex::default(),
            acknowledged: Notify::new(),
            ended: watch::Sender::new(None),
            closing: watch::Sender::new(false),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
        });
        let reading = Arc::clone(&link);
        tasks.detach(async move {
            let (reason, last_words) =
                tokio::join!(reading.listen(stdout), last_words(stderr, &reading.closing));
            let reason = match last_words.as_str() {
                "" => reason,
                words => format!("{reason}: {words}"),
            };
            reading.finish(reason, child).await;
        });
        Ok(link)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn capacity(&self) -> usize {
        ClientPool::FRAGMENT_LENGTH
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            connections: 1,
            ..Statistics::default()
        }
    }

    pub(super) fn inlet(&self, pipeline: Option<Uuid>) -> ProcessInlet {
        let (sender, data) = mpsc::channel(QUEUE);
        self.queues().data.insert(pipeline, sender);
        ProcessInlet { data, ended: self.ended.subscribe() }
    }

    pub(super) async fn receive(&self, inlet: &mut ProcessInlet) -> Result<Incoming> {
        let first = tokio::select! {
            biased;
            first = inlet.data.recv() => first,
            ended = inlet.ended.wait_for(Option::is_some) => {
                return Err(self.gone(ended.ok().and_then(|reason| reason.clone()).unwrap_or_default()));
            }
        };
        let Some(first) = first else {
            return Err(Error::closed(&self.name, "the pipeline was closed"));
        };
        let mut pieces = vec![first];
        while let Ok(piece) = inlet.data.try_recv() {
            pieces.push(piece);
        }
        Ok(Incoming { pieces, is_last: false })
    }

    pub(super) async fn start(&self, pipeline: Uuid, first: &[u8]) -> Result<()> {
        let id = Some(pipeline);
        self.exchange(&Packet::Command(id), id, Awaited::Command).await?;
        let data = Packet::Data { id, stream: Stream::Default, data: first.to_vec() };
        self.exchange(&data, id, Awaited::Data).await
    }

    pub(super) async fn send(&self, outgoing: &Outgoing) -> Result<()> {
        let Outgoing { pipeline: id, stream, data } = outgoing;
        let packet = Packet::Data { id: *id, stream: *stream, data: data.clone() };
        self.exchange(&packet, *id, Awaited::Data).await
    }

    pub(super) async fn stop(&self, pipeline: Uuid) -> Result<()> {
        self.write(&Packet::Signal(Some(pipeline))).await
    }

    pub(super) async fn release(&self, pipeline: Uuid) -> Result<()> {
        let id = Some(pipeline);
        let released = self.exchange(&Packet::Close(id), id, Awaited::Close).await;
        self.queues().data.remove(&id);
        released
    }

    pub(super) async fn close(&self, limit: Duration) -> Result<()> {
        let closing = self.exchange(&Packet::Close(None), None, Awaited::Close);
        let closed = tokio::time::timeout(limit, closing).await;
        // The end of its input ends the process, whatever it answered.
        self.stdin.lock().await.take();
        self.closing.send_replace(true);
        closed
            .unwrap_or_else(|_| Err(Error::timed_out(Layer::Psrp, &self.name, "closing the process", limit)))
    }

    /// Writes a packet and waits until it is acknowledged.
    async fn exchange(&self, packet: &Packet, id: Option<Uuid>, kind: Awaited) -> Result<()> {
        *self.queues().awaited.entry((id, kind)).or_default() += 1;
        self.write(packet).await?;
        let mut ended = self.ended.subscribe();
        loop {
            let changed = self.acknowledged.notified();
            if !self.queues().awaited.contains_key(&(id, kind)) {
                return Ok(());
            }
            let reason = ended.borrow_and_update().clone();
            if let Some(reason) = reason {
                return Err(self.gone(reason));
            }
            tokio::select! {
                () = changed => {}
                _ = ended.changed() => {}
            }
        }
    }

    async fn write(&self, packet: &Packet) -> Result<()> {
        let mut line = String::new();
        packet.encode_into(&mut line);
        line.push('\n');
        let mut stdin = self.stdin.lock().await;
        let Some(pipe) = stdin.as_mut() else {
            return Err(Error::closed(&self.name, "the process was closed"));
        };
        let written = async {
            pipe.write_all(line.as_bytes()).await?;
            pipe.flush().await
        };
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
        let Err(error) = written.await else { return Ok(()) };
        // It has ended, as a rule, and its output or its last words say why.
        let mut ended = self.ended.subscribe();
        match tokio::time::timeout(EXPLAINING, ended.wait_for(Option::is_some)).await {
            Ok(Ok(reason)) => Err(self.gone(reason.clone().unwrap_or_default())),
            _ => Err(self.gone(format!("the process does not listen any more: {error}"))),
        }
    }

    /// The error of a process that is not there any more. One that never said anything did not get to the other
    /// computer.
    fn gone(&self, reason: String) -> Error {
        match self.bytes_received.load(Ordering::Relaxed) {
            0 => Error::no_way(&self.name, reason),
            _ => Error::protocol(Layer::Psrp, &self.name, reason),
        }
    }

    /// Sorts what the process says, until it ends or has had its time after it was told to. Gives the reason.
    async fn listen(&self, stdout: ChildStdout) -> String {
        tokio::select! {
            outcome = self.read(stdout) => {
                // What it writes to its standard error does not keep anybody waiting.
                self.closing.send_replace(true);
                outcome.unwrap_or_else(|reason| reason)
            }
            () = overdue(&self.closing, GRACE) => "the process did not end when it was told to".to_owned(),
        }
    }

    /// The error is the reason, too.
    async fn read(&self, mut stdout: ChildStdout) -> Result<String, String> {
        let mut lines = LineBuffer::new();
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let read = stdout.read(&mut buffer).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Ok("the process has ended".to_owned());
            }
            self.bytes_received.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
            lines.push(buffer.get(..read).unwrap_or_default());
            loop {
                let packets = match lines.next_line() {
                    Ok(None) => break,
                    Ok(Some(line)) => match line.strip_prefix(ERROR_PREFIX) {
                        Some(reason) => {
                            let reason = windlass_psrp::host::strip_controls(reason);
                            return Err(format!("the process reports: {reason}"));
                        }
                        None => Packet::decode_line(line)
                            .map_err(|reason| format!("line {}: {reason}", lines.line_number()))?,
                    },
                    Err(error) => return Err(error.to_string()),
                };
                for packet in packets {
                    self.take(packet).await?;
                }
            }
        }
    }

    async fn take(&self, packet: Packet) -> Result<(), String> {
        let (id, kind) = match packet {
            Packet::Data { id, data, .. } => {
                let queue = self.queues().data.get(&id).cloned();
                // Data for a pipeline that was closed in the meantime have no reader.
                if let Some(queue) = queue {
                    queue.send(data).await.ok();
                }
                return Ok(());
            }
            Packet::SignalAck(_) => return Ok(()),
            Packet::DataAck(id) => (id, Awaited::Data),
            Packet::CommandAck(id) => (id, Awaited::Command),
            Packet::CloseAck(id) => (id, Awaited::Close),
            Packet::Command(_) | Packet::Signal(_) | Packet::Close(_) => {
                return Err("the process sent what only a client sends".to_owned());
            }
        };
        {
            let mut queues = self.queues();
            match queues.awaited.get_mut(&(id, kind)) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    queues.awaited.remove(&(id, kind));
                }
            }
        }
        self.acknowledged.notify_waiters();
        Ok(())
    }

    async fn finish(&self, reason: String, mut child: Child) {
        self.ended.send_replace(Some(reason));
        self.stdin.lock().await.take();
        if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
            child.kill().await.ok();
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a process that was told to end has had this much time.
async fn overdue(closing: &watch::Sender<bool>, grace: Duration) {
    if closing.subscribe().wait_for(|closing| *closing).await.is_ok() {
        tokio::time::sleep(grace).await;
    }
}

/// Reads the standard error of a process to its end, and gives the last of it, on one line.
async fn last_words(mut stderr: ChildStderr, closing: &watch::Sender<bool>) -> String {
    let mut kept = Vec::new();
    let mut buffer = vec![0; 4 << 10];
    let reading = async {
        while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
            kept.extend_from_slice(buffer.get(..read).unwrap_or_default());
            kept.drain(..kept.len().saturating_sub(LAST_WORDS));
        }
    };
    tokio::select! {
        () = reading => {}
        () = overdue(closing, ECHO) => {}
    }
    let text = String::from_utf8_lossy(&kept);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    windlass_psrp::host::strip_controls(&lines.join("; "))
}
