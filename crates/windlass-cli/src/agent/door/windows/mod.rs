//! On Windows a named pipe that only its user may open. Its name is new each time, and stands in a file in the user's
//! own folder, so nobody else can make a pipe that commands would find; and both sides look at the user of the other.

mod identity;
mod launch;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use interprocess::ConnectWaitMode;
use interprocess::os::windows::ToWtf16;
use interprocess::os::windows::named_pipe::pipe_mode::Bytes;
use interprocess::os::windows::named_pipe::{DuplexPipeStream, PipeListener, PipeListenerOptions};
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::agent::wire::LONGEST;
use identity::Identity;
pub(in crate::agent) use launch::Launched;
pub(in crate::agent) use launch::launch;

/// The file by which commands find the agent: it holds what is peculiar to the name of its pipe.
pub(super) const MARK: &str = "agent.pipe";

/// How long a command waits while all instances of the pipe are taken.
const BUSY: Duration = Duration::from_secs(5);
/// Bytes that a pipe takes before its writer waits for its reader.
const BUFFER: u32 = 64 << 10;
/// How long the agent waits when the system refuses it another instance of its pipe.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// The agent's folder, below the one that Windows gives each user. What is elevated has an agent of its own: sessions
/// of an administrator are not for everything that the same person runs.
pub(super) fn folder() -> Result<PathBuf> {
    let base = std::env::var_os("LOCALAPPDATA").filter(|folder| !folder.is_empty());
    let base = PathBuf::from(base.context("LOCALAPPDATA does not name this user's own folder")?);
    let name = if Identity::own()?.is_elevated { "agent-elevated" } else { "agent" };
    let folder = base.join("windlass").join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the agent's folder {} cannot be made", folder.display()))?;
    Ok(folder)
}

/// Opens a file, and makes it if it is not there; the folder says who may read it.
pub(super) fn own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

/// The agent that answers; a pipe that another user made is refused.
pub(super) fn connect(mark: &Path) -> Result<Option<Stream>> {
    let Ok(text) = std::fs::read_to_string(mark) else { return Ok(None) };
    let Ok(peculiar) = Uuid::parse_str(text.trim()) else { return Ok(None) };
    // An agent that was killed leaves its mark behind: nobody answers there.
    let waiting = ConnectWaitMode::Timeout(BUSY);
    let Ok(pipe) = DuplexPipeStream::connect_by_path_with_wait_mode(name(peculiar), waiting) else {
        return Ok(None);
    };
    let server = pipe.server_process_id().context("whose pipe is it?")?;
    Identity::of(server)?.must_be_own().context("the agent's pipe is refused")?;
    Ok(Some(Stream(Arc::new(pipe))))
}

/// Nothing more is said: waits until the other side has heard everything, which would be lost with the pipe.
pub(in crate::agent) fn finish(stream: &Stream) -> io::Result<()> {
    stream.0.flush()
}

/// Whether an error says that the other side is not there any more.
pub(in crate::agent) fn has_gone(error: &io::Error) -> bool {
    /// `ERROR_PIPE_NOT_CONNECTED`
    const NOT_CONNECTED: i32 = 233;
    error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(NOT_CONNECTED)
}

fn name(peculiar: Uuid) -> String {
    format!(r"\\.\pipe\windlass-{peculiar}")
}

/// What a command and the agent hear each other through.
#[derive(Clone)]
pub(in crate::agent) struct Stream(Arc<DuplexPipeStream<Bytes>>);

impl Stream {
    /// Another hold on the same pipe, for another thread.
    pub(in crate::agent) fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    /// Nothing is held back here. The pipe itself would wait until the other side has read everything.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pipe at which the agent listens, on a thread of its own.
pub(in crate::agent) struct Door(mpsc::UnboundedReceiver<Caller>);

impl Door {
    pub(super) fn open(mark: &Path) -> Result<Self> {
        let peculiar = Uuid::new_v4();
        // Its user may do everything with it, and nobody else anything.
        let rights = format!("D:P(A;;GA;;;{})", Identity::own()?.user).to_wtf_16()?;
        let listener = PipeListenerOptions::new()
            .path(name(peculiar))
            .input_buffer_size_hint(BUFFER)
            .output_buffer_size_hint(BUFFER)
            .security_descriptor(Some(SecurityDescriptor::deserialize(&rights)?))
            .create_duplex::<Bytes>()?;
        std::fs::write(mark, peculiar.to_string())?;
        let (come, callers) = mpsc::unbounded_channel();
        std::thread::spawn(move || listen(&listener, &come));
        Ok(Self(callers))
    }

    /// The next who comes.
    pub(in crate::agent) async fn accept(&mut self) -> Caller {
        match self.0.recv().await {
            Some(caller) => caller,
            // The thread listens for as long as this does.
            None => std::future::pending().await,
        }
    }
}

fn listen(listener: &PipeListener<Bytes, Bytes>, come: &mpsc::UnboundedSender<Caller>) {
    while !come.is_closed() {
        match listener.accept() {
            Ok(pipe) => {
                if come.send(Caller(Stream(Arc::new(pipe)))).is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the agent's pipe");
                std::thread::sleep(TRY_AGAIN);
            }
        }
    }
}

/// Who came to the agent, and has said nothing yet.
pub(in crate::agent) struct Caller(Stream);

impl Caller {
    /// Hears the first line; another user is not listened to.
    pub(in crate::agent) async fn request(self) -> Result<(String, Stream)> {
        let client = self.0.0.client_process_id().context("who is it?")?;
        Identity::of(client)?.must_be_own()?;
        let (heard, line) = oneshot::channel();
        let stream = self.0.clone();
        // The agent does not wait at its end for one who says nothing.
        std::thread::spawn(move || {
            let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
            let mut line = String::new();
            let read = BufReader::new(self.0.take(limit)).read_line(&mut line);
            heard.send(read.map(|_| line)).ok();
        });
        Ok((line.await??, stream))
    }
}
