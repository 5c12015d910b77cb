//! Which files the paths of a command name: those in the directory that clients may copy first, then those of
//! the whole computer.

use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

use super::file_object::is_hidden;
use crate::files::Files;
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::Halt;
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::text::text;
use crate::powershell::wildcard::Wildcard;

/// The paths that a command was given, wildcards resolved; what is not there has been reported.
pub(super) fn targets(
    call: &Bound,
    cx: &mut Context<'_>,
    input: Option<&PsValue>,
    default: Option<&str>,
) -> Result<Vec<PathBuf>, Halt> {
    let mut found = Vec::new();
    let literal = call.has("LiteralPath");
    let given = match input {
        Some(value) => {
            vec![value.get("FullName").or_else(|| value.get("PSPath")).map_or_else(|| text(value), text)]
        }
        None if literal => call.texts("LiteralPath"),
        None => call.texts("Path"),
    };
    let given = if given.is_empty() { default.map(str::to_owned).into_iter().collect() } else { given };
    let is_literal = literal || input.is_some();
    for path in given {
        let path = path.strip_prefix("Microsoft.PowerShell.Core\\FileSystem::").unwrap_or(&path).to_owned();
        let existing = existing(cx, &path, is_literal);
        let is_pattern = !literal && !Wildcard::new(&path, false).is_plain();
        if existing.is_empty() && !is_pattern {
            let message =
                format!("Cannot find path '{}' because it does not exist.", absolute(&path).display());
            cx.error(
                Failure::new(
                    exceptions::ITEM_NOT_FOUND,
                    "PathNotFound",
                    ErrorCategory::ObjectNotFound,
                    message,
                )
                .about(absolute(&path).to_string_lossy().as_ref()),
            )?;
        }
        found.extend(existing);
    }
    Ok(found)
}

/// Opens a file that [`targets`] found. Without the permission to run programs, clients read what is in the
/// directory that they may copy and, elsewhere, the files whose permissions let everybody read them. The folders
/// above are not asked: listing is open to clients, too. What the system tells a process about itself is no file.
pub(super) fn open(cx: &Context<'_>, path: &Path) -> std::io::Result<File> {
    if cx.runspace().reads_everything() {
        // Reading a pipe or a device, such as the host's own terminal, could not be stopped. Who reads on their own
        // computer may want to.
        if cx.runspace().variables().is_none() && !fs::metadata(path)?.is_file() {
            return Err(ErrorKind::PermissionDenied.into());
        }
        return File::open(path);
    }
    let copied = cx.runspace().files().and_then(|files| Some((files, files.place(path.to_str()?).ok()?)));
    if let Some((files, place)) = copied {
        return files.read(&place);
    }
    let is_public = |metadata: &Metadata| metadata.is_file() && others_read(metadata);
    // A pipe or a device is not even opened; afterwards the file itself is asked, not its name.
    if is_public(&fs::metadata(path)?) {
        let file = File::open(path)?;
        if is_public(&file.metadata()?) {
            return Ok(file);
        }
    }
    Err(ErrorKind::PermissionDenied.into())
}

/// Whether users other than the owner and the group may read a file. The permissions below `/proc` do not tell: a
/// process may read there about itself what others may not.
#[cfg(unix)]
fn others_read(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_of_process = fs::metadata("/proc/self").is_ok_and(|proc| proc.dev() == metadata.dev());
    metadata.mode() & 0o004 != 0 && !is_of_process
}

/// Where there are no such permissions, nothing is open to all.
#[cfg(not(unix))]
fn others_read(_: &Metadata) -> bool {
    false
}

/// What is there of the files that a path names.
fn existing(cx: &Context<'_>, path: &str, is_literal: bool) -> Vec<PathBuf> {
    if let Some(copied) = cx.runspace().files().and_then(|files| copied(files, path, is_literal)) {
        return copied;
    }
    let resolved = if is_literal { vec![PathBuf::from(path)] } else { resolve(path) };
    resolved.into_iter().filter(|path| path.symlink_metadata().is_ok()).collect()
}

/// The files that a path names in the directory that clients may copy; `None` where it leads out of it.
fn copied(files: &Arc<Files>, path: &str, is_literal: bool) -> Option<Vec<PathBuf>> {
    let places = if is_literal {
        let place = files.place(path).ok()?;
        files.entry(&place).is_ok().then_some(place).into_iter().collect()
    } else {
        files.matching(path).ok()?
    };
    Some(places.iter().map(|place| files.absolute(place)).collect())
}

/// The error of a path that may not be read.
pub(super) fn denied(path: &Path, id: &str) -> Failure {
    let path = path.to_string_lossy();
    let message = format!("Access to the path '{path}' is denied.");
    Failure::new(exceptions::UNAUTHORIZED, id, ErrorCategory::PermissionDenied, message).about(path.as_ref())
}

/// Resolves wildcards in the parts of a path.
fn resolve(path: &str) -> Vec<PathBuf> {
    // Both kinds of slashes part directories, as in PowerShell.
    let path = &path.replace('\\', "/");
    let mut found = vec![if path.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() }];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let pattern = Wildcard::new(part, true);
        if pattern.is_plain() {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let children = found.iter().flat_map(|directory| {
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            let names = list(directory).unwrap_or_default();
            names
                .into_iter()
                .filter(|name| pattern.matches(name) && !is_hidden(name))
                .map(|name| directory.join(name))
        });
        found = children.collect();
    }
    if path.is_empty() || path == "." { vec![PathBuf::from(".")] } else { found }
}

/// The path from the root of the computer's files on.
pub(super) fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path))
}

/// The names in a directory, sorted.
pub(super) fn list(directory: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_by_key(|name| name.to_lowercase());
    Ok(names)
}
