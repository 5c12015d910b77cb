//! On Unix a socket in a folder that only its user may enter: the folder has mode 0700, the socket 0600, and both
//! sides look at the user of the other.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixListener;

use crate::agent::wire::LONGEST;

/// The file by which commands find the agent: its socket.
pub(super) const MARK: &str = "agent.sock";

/// What a command and the agent hear each other through.
pub(in crate::agent) type Stream = UnixStream;

/// An agent that was started.
pub(in crate::agent) type Launched = Child;

/// The agent's folder; one that others may enter is refused.
pub(super) fn folder() -> Result<PathBuf> {
    let folder = match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("windlass"),
        None => {
            let user = std::env::var("USER").unwrap_or_else(|_| "user".to_owned());
            std::env::temp_dir().join(format!("windlass-{user}"))
        }
    };
    let shown = folder.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("the agent's folder {shown} cannot be made"))?;
    // Whoever made the folder would get what is sent to the agent, so a link is not followed either.
    let found = std::fs::symlink_metadata(&folder).with_context(|| format!("cannot look at {shown}"))?;
    if !found.is_dir() || found.uid() != this_user() {
        bail!("{shown} is not this user's own folder: set XDG_RUNTIME_DIR to one that is");
    }
    if found.permissions().mode() & 0o077 != 0 {
        bail!("others may enter {shown}: run `chmod 700 {shown}`");
    }
    Ok(folder)
}

/// Opens a file that only its user may read, and makes it if it is not there.
pub(super) fn own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// The agent that answers; a socket that another user made is refused.
pub(super) fn connect(socket: &Path) -> Result<Option<Stream>> {
    let Ok(metadata) = std::fs::symlink_metadata(socket) else { return Ok(None) };
    if metadata.uid() != this_user() {
        bail!("{} belongs to another user", socket.display());
    }
    // An agent that was killed leaves its socket behind: nobody answers there.
    Ok(UnixStream::connect(socket).ok())
}

/// Nothing more is said, and nothing more is heard.
pub(in crate::agent) fn finish(stream: &Stream) -> io::Result<()> {
    stream.shutdown(Shutdown::Both)
}

/// Whether an error says that the other side is not there any more.
pub(in crate::agent) fn has_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

pub(super) fn launch(_place: &Path) -> Result<Launched> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let agent = Command::new(program)
        .args(["agent", "serve"])
        .current_dir("/")
        .env_remove("WINDLASS_PASSWORD")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal is not for the agent.
        .process_group(0)
        .spawn()?;
    Ok(agent)
}

/// The socket at which the agent listens.
pub(in crate::agent) struct Door(UnixListener);

impl Door {
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let listener = UnixListener::bind(socket)?;
        std::fs::set_permissions(socket, Permissions::from_mode(0o600))?;
        Ok(Self(listener))
    }

    /// The next who comes.
    pub(in crate::agent) async fn accept(&mut self) -> Caller {
        loop {
            if let Ok((stream, _)) = self.0.accept().await {
                return Caller(stream);
            }
        }
    }
}

/// Who came to the agent, and has said nothing yet.
pub(in crate::agent) struct Caller(tokio::net::UnixStream);

impl Caller {
    /// Hears the first line; another user is not listened to.
    pub(in crate::agent) async fn request(self) -> Result<(String, Stream)> {
        let peer = self.0.peer_cred().context("who is it?")?;
        ensure!(peer.uid() == this_user(), "another user");
        let (reading, writing) = self.0.into_split();
        let mut reader = BufReader::new(reading);
        let mut line = String::new();
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        (&mut reader).take(limit).read_line(&mut line).await?;
        let stream = writing.reunite(reader.into_inner())?.into_std()?;
        stream.set_nonblocking(false)?;
        Ok((line, stream))
    }
}

/// The number of the user whom this process acts for.
fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
