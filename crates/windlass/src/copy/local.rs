//! Files of this computer, read and written by threads that may block.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use windlass_clixml::PsValue;

use crate::error::{Error, Result};

/// Bytes of one piece.
pub(super) const PIECE: usize = 64 << 10;
/// Pieces that wait between a file and the session.
const WAITING: usize = 8;

/// What can go wrong with a file of this computer, with its name.
pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::usage(format!("{}: {error}", path.display()))
}

/// Runs what may block.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let owned = path.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&owned)).await;
    let done = done.unwrap_or_else(|_| Err(std::io::Error::other("the work was cut off")));
    done.map_err(|error| failed(path, &error))
}

/// A file that is read ahead: its bytes from an offset to its end, and the hash of all of it.
pub(super) struct Reader {
    path: PathBuf,
    pieces: mpsc::Receiver<PsValue>,
    done: JoinHandle<std::io::Result<Sha256>>,
}

impl Reader {
    /// Reads from `from` to `to`; `hash` has seen what stands before.
    pub(super) fn start(path: &Path, from: u64, to: u64, hash: Sha256) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING);
        let owned = path.to_owned();
        let done = tokio::task::spawn_blocking(move || read(&owned, from, to, hash, &sender));
        Self { path: path.to_owned(), pieces, done }
    }

    /// The next piece; none at the end.
    pub(super) async fn next(&mut self) -> Option<PsValue> {
        self.pieces.recv().await
    }

    /// The hash of the whole, once all has been taken.
    pub(super) async fn finish(self) -> Result<String> {
        drop(self.pieces);
        let done = self.done.await.unwrap_or_else(|_| Err(std::io::Error::other("reading was cut off")));
        done.map(|hash| hex(&hash.finalize())).map_err(|error| failed(&self.path, &error))
    }
}

fn read(
    path: &Path,
    from: u64,
    to: u64,
    mut hash: Sha256,
    pieces: &mpsc::Sender<PsValue>,
) -> std::io::Result<Sha256> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut left = to.saturating_sub(from);
    let mut buffer = vec![0; PIECE];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let count = file.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(std::io::Error::other(format!(
                "it became shorter by {left} bytes while it was copied"
            )));
        }
        let piece = buffer.get(..count).unwrap_or_default();
        hash.update(piece);
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        if pieces.blocking_send(PsValue::bytes(piece)).is_err() {
            break;
        }
    }
    Ok(hash)
}

/// A file that is written behind: what comes, and the hash of all of it.
pub(super) struct Writer {
    path: PathBuf,
    pub(super) pieces: mpsc::Sender<PsValue>,
    done: JoinHandle<std::io::Result<Sha256>>,
}

impl Writer {
    /// Writes from `from` on; `hash` has seen what stands before, and what stands behind is dropped.
    pub(super) fn start(path: &Path, from: u64, hash: Sha256) -> Self {
        let (pieces, mut given) = mpsc::channel(WAITING);
        let owned = path.to_owned();
        let done = tokio::task::spawn_blocking(move || write(&owned, from, hash, &mut given));
        Self { path: path.to_owned(), pieces, done }
    }

    /// The hash of the whole, once all is written.
    pub(super) async fn finish(self) -> Result<String> {
        drop(self.pieces);
        let done = self.done.await.unwrap_or_else(|_| Err(std::io::Error::other("writing was cut off")));
        done.map(|hash| hex(&hash.finalize())).map_err(|error| failed(&self.path, &error))
    }
}

fn write(
    path: &Path,
    from: u64,
    mut hash: Sha256,
    given: &mut mpsc::Receiver<PsValue>,
) -> std::io::Result<Sha256> {
    // In a folder of many users somebody may have put a link there, by which another file would be written.
    if path.is_symlink() {
        std::fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.set_len(from)?;
    file.seek(SeekFrom::Start(from))?;
    while let Some(piece) = given.blocking_recv() {
        let bytes = piece.as_bytes().unwrap_or_default();
        hash.update(bytes);
        file.write_all(bytes)?;
    }
    Ok(hash)
}

/// The hash of the first bytes of a file, to go on with and in digits; fewer bytes are an error.
pub(super) async fn prefix(path: &Path, length: u64) -> Result<(Sha256, String)> {
    blocking(path, move |path| {
        let mut hash = Sha256::new();
        let mut file = File::open(path)?.take(length);
        let mut buffer = vec![0; PIECE];
        let mut left = length;
        while left > 0 {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            hash.update(buffer.get(..count).unwrap_or_default());
            left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
        let digits = hex(&hash.clone().finalize());
        Ok((hash, digits))
    })
    .await
}

/// Puts a file that has arrived in its place.
pub(super) async fn put(
    part: &Path,
    to: &Path,
    written: Option<SystemTime>,
    read_only: bool,
    force: bool,
) -> Result<()> {
    let part = part.to_owned();
    blocking(to, move |to| {
        if let Ok(there) = to.metadata()
            && (there.is_dir() || (there.permissions().readonly() && !force))
        {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        }
        if let Some(written) = written {
            OpenOptions::new().write(true).open(&part)?.set_modified(written)?;
        }
        std::fs::rename(&part, to)?;
        if read_only {
            let mut permissions = to.metadata()?.permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(to, permissions)?;
        }
        Ok(())
    })
    .await
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_link_in_the_way_is_not_followed() {
        let folder = std::env::temp_dir().join(format!("windlass-link-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (kept, part) = (folder.join("kept"), folder.join(".part"));
        std::fs::write(&kept, "mine").unwrap();
        std::os::unix::fs::symlink(&kept, &part).unwrap();
        let writer = Writer::start(&part, 0, Sha256::new());
        writer.pieces.send(PsValue::bytes(&b"new"[..])).await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(std::fs::read(&kept).unwrap(), b"mine");
        assert_eq!(std::fs::read(&part).unwrap(), b"new");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
