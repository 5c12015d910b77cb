//! Paths as clients write them.

use std::path::{Component, Path, PathBuf};

/// The drive that stands for the directory.
pub(super) const DRIVE: &str = "User:";

/// Longest path that is looked at, in bytes.
const LONGEST: usize = 4096;

/// A place within the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Relative to the directory, without `.` and `..`.
    parts: Vec<String>,
    /// What stands before them where the client is told of the place.
    prefix: String,
    is_absolute: bool,
}

/// Why a path names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("The path is null or empty.")]
    Empty,
    #[error("The path is longer than {LONGEST} bytes, or has a null character in it.")]
    Malformed,
    #[error("The path '{0}' is not on the drive {DRIVE} of this endpoint.")]
    Outside(String),
}

impl Place {
    /// Reads a path: on the drive, absolute below `root`, or relative to it. Both kinds of slashes part
    /// directories, as in PowerShell.
    pub(super) fn parse(given: &str, root: &Path) -> Result<Self, Refusal> {
        if given.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if given.len() > LONGEST || given.contains('\0') {
            return Err(Refusal::Malformed);
        }
        let outside = || Refusal::Outside(given.to_owned());
        let path = given.replace('\\', "/");
        let drive = path.split_once(':').filter(|(drive, _)| !drive.contains('/'));
        if let Some((drive, rest)) = drive {
            if !DRIVE.trim_end_matches(':').eq_ignore_ascii_case(drive) {
                return Err(outside());
            }
            return Self::below(DRIVE.to_owned(), true, rest).ok_or_else(outside);
        }
        if !path.starts_with('/') {
            return Self::below(DRIVE.to_owned(), false, &path).ok_or_else(outside);
        }
        let plain = without_dots(Path::new(&path));
        let inner = plain.strip_prefix(root).map_err(|_| outside())?;
        let inner = inner.to_str().ok_or_else(outside)?;
        let prefix = root.to_str().ok_or_else(outside)?.trim_end_matches('/').to_owned();
        Self::below(prefix, true, inner).ok_or_else(outside)
    }

    /// The place that `path` leads to from the root; `None` where it leads above that.
    fn below(prefix: String, is_absolute: bool, path: &str) -> Option<Self> {
        let mut parts: Vec<String> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                // A second colon names a stream of a file on Windows.
                part if cfg!(windows) && part.contains(':') => return None,
                part => parts.push(part.to_owned()),
            }
        }
        Some(Self { parts, prefix, is_absolute })
    }

    /// The path from the root.
    pub(super) fn path(&self) -> PathBuf {
        if self.parts.is_empty() { PathBuf::from(".") } else { self.parts.iter().collect() }
    }

    /// The root, named as this place is.
    pub(super) fn root(&self) -> Self {
        Self { parts: Vec::new(), ..self.clone() }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(String::as_str)
    }

    /// A place in this directory.
    pub(crate) fn join(&self, name: &str) -> Self {
        let mut place = self.clone();
        place.parts.push(name.to_owned());
        place
    }

    /// A place beside this one; none beside the root.
    pub(crate) fn sibling(&self, name: &str) -> Option<Self> {
        self.parent().map(|parent| parent.join(name))
    }

    /// The directory that it lies in; none for the root.
    pub(crate) fn parent(&self) -> Option<Self> {
        let mut place = self.clone();
        place.parts.pop().map(|_| place)
    }

    /// The last part of the path; empty for the root.
    pub(crate) fn name(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// Whether the client named it from a root on.
    pub(crate) fn is_absolute(&self) -> bool {
        self.is_absolute
    }

    /// The root of the path as PowerShell calls it: the drive, or a slash.
    pub(crate) fn drive(&self) -> &str {
        if self.prefix == DRIVE { DRIVE } else { "/" }
    }

    /// The whole path as the client would write it.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{}", self.prefix, self.parts.join("/"))
    }
}

/// An absolute path without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::Normal(part) => clean.push(part),
            _ => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_places_or_are_refused() {
        let root = Path::new("/srv/files");
        for (given, shown) in [
            ("User:", Some("User:/")),
            (r"user:\a\b.txt", Some("User:/a/b.txt")),
            ("User:/a/../b", Some("User:/b")),
            ("a/./b//c", Some("User:/a/b/c")),
            ("/srv/files/a", Some("/srv/files/a")),
            ("/srv/files", Some("/srv/files/")),
            ("/srv/files/a/../../files/b", Some("/srv/files/b")),
            ("User:/..", None),
            (r"User:\a\..\..\etc", None),
            ("../x", None),
            (r"C:\Windows", None),
            ("/srv/files/../../etc/passwd", None),
            ("/srv/filesystem", None),
            ("/etc/passwd", None),
            (" ", None),
            ("a\0b", None),
        ] {
            let place = Place::parse(given, root);
            assert_eq!(place.as_ref().ok().map(Place::shown).as_deref(), shown, "{given}: {place:?}");
        }
        assert_eq!(Place::parse(&"x/".repeat(3000), root), Err(Refusal::Malformed));
    }
}
