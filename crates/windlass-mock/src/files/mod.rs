//! The files that clients may copy: a directory of the operator's choice, and what is below it.
//!
//! Clients name them on the drive `User:`, as on endpoints where PowerShell gives each user a drive, or by
//! their absolute paths. Nothing leads out of the directory, neither `..` nor a symbolic link: each step of a
//! path is taken by handle, from the directory down.

mod digests;
mod place;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Result, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};

use digests::Digests;
pub(crate) use place::{Place, Refusal};

use crate::powershell::Wildcard;

/// File systems tell the times of two writes apart where as much lies between them.
const SETTLED: Duration = Duration::from_secs(2);

/// Most items that one pattern stands for.
const MOST_MATCHES: usize = 10_000;

/// A directory whose files clients may copy.
#[derive(Debug)]
pub(crate) struct Files {
    root: Dir,
    path: PathBuf,
    arriving: Mutex<HashMap<PathBuf, Weak<Mutex<u64>>>>,
    digests: Digests,
}

/// The right to write to a file that arrives: it goes to whoever asked last, so that a client that comes again
/// is not disturbed by what was on its way when its connection broke.
#[derive(Debug)]
pub(crate) struct Turn {
    latest: Arc<Mutex<u64>>,
    own: u64,
}

impl Turn {
    /// Does something to the file, unless another has the right by now.
    pub(crate) fn with<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if *latest != self.own {
            return Err(Error::other("another copy writes to it now"));
        }
        work()
    }
}

/// What is known of a file or a directory.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) is_directory: bool,
    /// Bytes; 0 for a directory.
    pub(crate) length: u64,
    pub(crate) written: SystemTime,
    pub(crate) is_read_only: bool,
}

impl Files {
    /// Opens the directory.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let path = path.canonicalize()?;
        let root = Dir::open_ambient_dir(&path, ambient_authority())?;
        Ok(Self { root, path, arriving: Mutex::default(), digests: Digests::default() })
    }

    /// The place that a client's path names. Nothing need be there.
    pub(crate) fn place(&self, given: &str) -> std::result::Result<Place, Refusal> {
        Place::parse(given, &self.path)
    }

    /// The places that a client's path with wildcards names, in the order of their names.
    pub(crate) fn matching(&self, given: &str) -> std::result::Result<Vec<Place>, Refusal> {
        let pattern = self.place(given)?;
        let mut found = vec![pattern.root()];
        for part in pattern.parts() {
            let wanted = Wildcard::new(part, false);
            if let Some(name) = wanted.literal() {
                found = found.iter().map(|place| place.join(&name)).collect();
                continue;
            }
            let mut children = Vec::new();
            for place in &found {
                for (child, _) in self.list(place).unwrap_or_default() {
                    let is_hidden = child.name().starts_with('.') && !part.starts_with('.');
                    if !is_hidden && wanted.matches(child.name()) && children.len() < MOST_MATCHES {
                        children.push(child);
                    }
                }
            }
            found = children;
        }
        found.retain(|place| self.entry(place).is_ok());
        Ok(found)
    }

    /// The path of a place among all files of the computer.
    pub(crate) fn absolute(&self, place: &Place) -> PathBuf {
        self.path.join(place.parts().collect::<PathBuf>())
    }

    /// What is at a place.
    pub(crate) fn entry(&self, place: &Place) -> Result<Entry> {
        self.root.metadata(place.path()).map(|metadata| Entry::of(&metadata))
    }

    /// Whether a file is there.
    pub(crate) fn is_file(&self, place: &Place) -> bool {
        self.entry(place).is_ok_and(|entry| !entry.is_directory)
    }

    /// Whether a directory is there.
    pub(crate) fn is_directory(&self, place: &Place) -> bool {
        self.entry(place).is_ok_and(|entry| entry.is_directory)
    }

    /// What is in a directory, in the order of the names. Links that lead nowhere are left out.
    pub(crate) fn list(&self, directory: &Place) -> Result<Vec<(Place, Entry)>> {
        let mut found = Vec::new();
        for child in self.root.read_dir(directory.path())? {
            let Ok(name) = child?.file_name().into_string() else { continue };
            let place = directory.join(&name);
            if let Ok(entry) = self.entry(&place) {
                found.push((place, entry));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.name().cmp(other.name()));
        Ok(found)
    }

    /// Opens a file to read.
    pub(crate) fn read(&self, place: &Place) -> Result<File> {
        // A pipe would wait for somebody to write into it.
        if !self.root.metadata(place.path())?.is_file() {
            return Err(Error::new(ErrorKind::PermissionDenied, "it is no file"));
        }
        Ok(self.root.open(place.path())?.into_std())
    }

    /// Makes a file, empty, and the directories that it lies in. A file that is there is replaced.
    pub(crate) fn create(&self, place: &Place) -> Result<File> {
        if let Some(parent) = place.parent() {
            self.create_directory(&parent)?;
        }
        if self.is_file(place) {
            self.remove(place)?;
        }
        let options = OpenOptions::new().write(true).create(true).truncate(true).clone();
        Ok(self.root.open_with(place.path(), &options)?.into_std())
    }

    /// Takes the right to write to a file that arrives.
    pub(crate) fn take_turn(&self, place: &Place) -> Turn {
        let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        arriving.retain(|_, turn| turn.strong_count() > 0);
        let path = place.path();
        let latest = arriving.get(&path).and_then(Weak::upgrade).unwrap_or_default();
        arriving.insert(path, Arc::downgrade(&latest));
        drop(arriving);
        let own = {
            let mut count = latest.lock().unwrap_or_else(PoisonError::into_inner);
            *count += 1;
            *count
        };
        Turn { latest, own }
    }

    /// Opens a file to write on from this byte; what it holds from there on is dropped.
    pub(crate) fn go_on(&self, place: &Place, from: u64) -> Result<File> {
        let mut file = self.root.open_with(place.path(), OpenOptions::new().write(true))?.into_std();
        if file.metadata()?.len() < from {
            return Err(Error::new(ErrorKind::InvalidInput, format!("it has fewer than {from} bytes")));
        }
        file.set_len(from)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(file)
    }

    /// Opens a file to write on from its end.
    pub(crate) fn append(&self, place: &Place) -> Result<File> {
        Ok(self.root.open_with(place.path(), OpenOptions::new().append(true))?.into_std())
    }

    /// Makes a directory and those that it lies in, as far as they are not there.
    pub(crate) fn create_directory(&self, place: &Place) -> Result<()> {
        if self.is_directory(place) { Ok(()) } else { self.root.create_dir_all(place.path()) }
    }

    /// Removes a file.
    pub(crate) fn remove(&self, place: &Place) -> Result<()> {
        self.root.remove_file(place.path())
    }

    /// Remembers the SHA-256 of a file that was hashed while it was written or read and that looked like this
    /// before anybody else could change it.
    pub(crate) fn remember_hash(&self, place: &Place, entry: Entry, sha256: [u8; 32]) {
        self.digests.remember(place.path(), entry, sha256);
    }

    /// The length and the SHA-256 of a file, where they are known without reading it.
    pub(crate) fn known_hash(&self, place: &Place) -> Option<(u64, [u8; 32])> {
        let entry = self.entry(place).ok()?;
        Some((entry.length, self.digests.of(&place.path(), &entry)?))
    }

    /// Moves a file in place of what may be there.
    pub(crate) fn replace(&self, from: &Place, to: &Place) -> Result<()> {
        self.root.rename(from.path(), &self.root, to.path())
    }

    /// Sets the time of the last write.
    pub(crate) fn set_written(&self, place: &Place, at: SystemTime) -> Result<()> {
        self.root.open(place.path())?.into_std().set_modified(at)
    }

    /// Forbids to write to a file, or allows it again.
    pub(crate) fn set_read_only(&self, place: &Place, read_only: bool) -> Result<()> {
        let mut permissions = self.root.metadata(place.path())?.permissions();
        if permissions.readonly() != read_only {
            permissions = writable_or_not(permissions, read_only);
            self.root.set_permissions(place.path(), permissions)?;
        }
        Ok(())
    }
}

/// The permissions with the owner's right to write taken or given, and everybody's taken.
#[cfg(unix)]
fn writable_or_not(mut permissions: cap_std::fs::Permissions, read_only: bool) -> cap_std::fs::Permissions {
    use cap_std::fs::PermissionsExt;
    let mode = permissions.mode();
    permissions.set_mode(if read_only { mode & !0o222 } else { mode | 0o200 });
    permissions
}

#[cfg(not(unix))]
fn writable_or_not(mut permissions: cap_std::fs::Permissions, read_only: bool) -> cap_std::fs::Permissions {
    permissions.set_readonly(read_only);
    permissions
}

impl Entry {
    fn of(metadata: &Metadata) -> Self {
        let is_directory = metadata.is_dir();
        let written = metadata.modified().map_or(SystemTime::UNIX_EPOCH, cap_std::time::SystemTime::into_std);
        Self {
            is_directory,
            length: if is_directory { 0 } else { metadata.len() },
            written,
            is_read_only: metadata.permissions().readonly(),
        }
    }

    /// Whether the last write is long ago enough that another one now would have another time.
    pub(crate) fn is_settled(&self) -> bool {
        SystemTime::now().duration_since(self.written).is_ok_and(|age| age > SETTLED)
    }

    /// The attributes by .NET's names, as a file of this name has them on Unix.
    pub(crate) fn attributes(&self, name: &str) -> Vec<&'static str> {
        let known = [
            (self.is_read_only, "ReadOnly"),
            (name.starts_with('.'), "Hidden"),
            (self.is_directory, "Directory"),
        ];
        let set: Vec<_> = known.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect();
        if set.is_empty() { vec!["Normal"] } else { set }
    }
}
