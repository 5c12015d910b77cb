//! From the session's computer to this one.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use windlass_clixml::PsValue;

use super::calls::{Calls, Entry};
use super::helpers::Helpers;
use super::local::{self, Writer};
use super::paths::{is_plain, part_name};
use super::way::Remote;
use super::{CopiedItem, Copy, CopyEvent, CopyOptions, CopyPlace, FORCED};
use crate::error::{Error, Result};

/// Levels of directories that are entered: the other side could go on for ever.
const DEEPEST: usize = 256;

/// Copies each source, and what is in it.
pub(super) async fn plan(copy: &mut Copy, sources: &[String], destination: &Path) -> Result<()> {
    for pattern in sources {
        let found = match &copy.remote {
            Remote::Stream(calls) => calls.describe(pattern).await,
            Remote::Helpers(helpers) => match helpers.validate(pattern, true).await {
                Ok(()) => helpers.items(pattern).await,
                Err(error) => Err(error),
            },
        };
        let found = match found {
            Ok(found) if found.is_empty() => {
                let reason = format!("there is no file '{pattern}' on the other side");
                copy.note(pattern.clone(), Err(Error::usage(reason)))?;
                continue;
            }
            Ok(found) => found,
            Err(error) => {
                copy.note(pattern.clone(), Err(error))?;
                continue;
            }
        };
        for entry in found {
            if !copy.options.takes(CopyPlace::Source, &entry.name) {
                continue;
            }
            if entry.is_directory && copy.options.flatten {
                flat(copy, entry, destination).await?;
                continue;
            }
            let to = match destination.is_dir() {
                // Only a name of its own may be added to the destination.
                true if !is_plain(&entry.name) => {
                    copy.note(entry.full_name.clone(), Err(dangerous(&entry)))?;
                    continue;
                }
                true => destination.join(&entry.name),
                false => destination.to_owned(),
            };
            let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
            match folder {
                _ if entry.is_directory => directory(copy, entry, to).await?,
                Some(folder) if !folder.is_dir() => {
                    let reason = format!("there is no directory '{}' on this side", folder.display());
                    copy.note(entry.full_name, Err(Error::usage(reason)))?;
                }
                _ => start_file(copy, entry, to).await?,
            }
        }
    }
    copy.settle().await
}

fn dangerous(entry: &Entry) -> Error {
    Error::usage(format!(
        "the other side calls a file '{}': it could come to lie outside the destination, and is left out",
        entry.name.escape_default()
    ))
}

/// Makes a directory and copies what is in it. Its times are set when all is there.
async fn directory(copy: &mut Copy, top: Entry, to: PathBuf) -> Result<()> {
    let mut waiting = vec![(top, to, 0)];
    let mut made = Vec::new();
    while let Some((here, to, depth)) = waiting.pop() {
        let force = copy.options.force;
        let created = local::blocking(&to, move |to| match to.is_dir() {
            true if !force => Err(std::io::Error::new(
                std::io::ErrorKind::AlreadyExists,
                format!("a directory is there already; {FORCED}"),
            )),
            _ => std::fs::create_dir_all(to),
        });
        if let Err(error) = created.await {
            copy.note(here.full_name, Err(error))?;
            continue;
        }
        if copy.options.recurse {
            match children(copy, &here.full_name).await {
                Ok(children) => {
                    for child in children {
                        if !is_plain(&child.name) {
                            copy.note(child.full_name.clone(), Err(dangerous(&child)))?;
                            continue;
                        }
                        let to = to.join(&child.name);
                        match child.is_directory {
                            true if depth >= DEEPEST => copy.note(child.full_name, Err(too_deep()))?,
                            true => waiting.push((child, to, depth + 1)),
                            false if !copy.options.takes(CopyPlace::Inside, &child.name) => {}
                            false => start_file(copy, child, to).await?,
                        }
                    }
                }
                Err(error) => copy.note(here.full_name.clone(), Err(error))?,
            }
        }
        made.push((to.clone(), here.written));
        copy.note(here.full_name.clone(), Ok(item(&here, &to)))?;
    }
    copy.settle().await?;
    for (to, written) in made.into_iter().rev() {
        let Some(written) = written else { continue };
        let set = local::blocking(&to, move |to| std::fs::File::open(to)?.set_modified(written)).await;
        if let Err(error) = set {
            tracing::debug!(%error, "the time of a directory is not set");
        }
    }
    Ok(())
}

/// Copies the files below a directory into the destination, those of a directory before those of the directories
/// in it.
async fn flat(copy: &mut Copy, top: Entry, destination: &Path) -> Result<()> {
    let (to, is_there) = (destination.display().to_string(), destination.is_dir());
    if let Err(error) = copy.options.may_flatten(&top.full_name, &to, is_there) {
        return copy.note(top.full_name, Err(error));
    }
    let mut waiting = vec![(top.full_name, 0)];
    while let Some((here, depth)) = waiting.pop() {
        let children = match children(copy, &here).await {
            Ok(children) => children,
            Err(error) => {
                copy.note(here, Err(error))?;
                continue;
            }
        };
        let first = waiting.len();
        for child in children {
            if !is_plain(&child.name) {
                copy.note(child.full_name.clone(), Err(dangerous(&child)))?;
            } else if child.is_directory && depth >= DEEPEST {
                copy.note(child.full_name, Err(too_deep()))?;
            } else if child.is_directory {
                waiting.push((child.full_name, depth + 1));
            } else if copy.options.takes(CopyPlace::Inside, &child.name) {
                let to = destination.join(&child.name);
                start_file(copy, child, to).await?;
            }
        }
        waiting.get_mut(first..).unwrap_or_default().reverse();
    }
    Ok(())
}

/// What is in a directory.
async fn children(copy: &Copy, directory: &str) -> Result<Vec<Entry>> {
    match &copy.remote {
        Remote::Stream(calls) => calls.list(directory).await,
        Remote::Helpers(helpers) => helpers.list(directory).await,
    }
}

fn too_deep() -> Error {
    Error::usage(format!("directories are nested deeper than {DEEPEST} levels"))
}

fn item(entry: &Entry, to: &Path) -> CopiedItem {
    CopiedItem {
        source: entry.full_name.clone(),
        destination: to.display().to_string(),
        is_directory: entry.is_directory,
        length: entry.length,
        resumed_at: 0,
        sha256: None,
    }
}

async fn start_file(copy: &mut Copy, entry: Entry, to: PathBuf) -> Result<()> {
    let (remote, options) = (copy.remote.clone(), copy.options.clone());
    let place = to.to_string_lossy().into_owned();
    copy.file(entry.full_name.clone(), &place, async move {
        match remote {
            Remote::Stream(calls) => stream(&calls, &options, &entry, &to).await,
            Remote::Helpers(helpers) => in_parts(&helpers, &options, entry, &to).await,
        }
    })
    .await
}

/// The file beside the destination that takes what arrives.
fn part_of(entry: &Entry, to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let marks = [&*entry.full_name, &entry.length.to_string(), &format!("{:?}", entry.written)];
    to.with_file_name(part_name(&name, &marks))
}

/// Takes a file as a stream.
async fn stream(calls: &Calls, options: &CopyOptions, entry: &Entry, to: &Path) -> Result<CopiedItem> {
    let mut item = item(entry, to);
    let part = part_of(entry, to);
    let (begun, hash) = there_already(calls, options, &part, entry).await?;
    item.resumed_at = begun;
    tell(options, started(&item));
    let writer = Writer::start(&part, begun, hash);
    let took = take(calls, options, &item, &writer).await;
    // What has arrived is kept for the next time.
    let sha256 = writer.finish().await;
    took?;
    let sha256 = sha256?;
    let (length, there) = calls.hash(&entry.full_name, u64::try_from(i64::MAX).unwrap_or_default()).await?;
    if length != entry.length || there != sha256 {
        local::blocking(&part, |part| std::fs::remove_file(part)).await?;
        return Err(calls.odd(format!(
            "{} did not arrive as it is there: {} bytes with SHA-256 {sha256} came, and it has {length} with {there}",
            entry.full_name, entry.length
        )));
    }
    local::put(&part, to, entry.written, entry.is_read_only, options.force).await?;
    item.sha256 = Some(sha256);
    Ok(item)
}

/// Takes the rest of a file, as much at once as the carrier allows.
async fn take(calls: &Calls, options: &CopyOptions, item: &CopiedItem, writer: &Writer) -> Result<()> {
    let mut taken = item.resumed_at;
    while taken < item.length {
        let count = calls.segment().min(item.length - taken);
        let (pieces, mut coming) = mpsc::channel(1);
        let sending = async {
            let outcome = calls.send(&item.source, taken, count, &pieces).await;
            drop(pieces);
            outcome
        };
        let writing = async {
            let mut bytes = taken;
            while let Some(piece) = coming.recv().await {
                bytes += length_of(&piece);
                if writer.pieces.send(piece).await.is_err() {
                    return;
                }
                tell(options, CopyEvent::Moved { source: item.source.clone(), bytes, length: item.length });
            }
        };
        let (sent, ()) = tokio::join!(sending, writing);
        sent?;
        if writer.pieces.is_closed() {
            // It says why when it is asked for the hash.
            return Ok(());
        }
        taken += count;
    }
    Ok(())
}

/// How much of the file an earlier copy brought, as far as its hash is that of the file there.
async fn there_already(
    calls: &Calls,
    options: &CopyOptions,
    part: &Path,
    entry: &Entry,
) -> Result<(u64, Sha256)> {
    let nothing = (0, Sha256::new());
    let length = part.metadata().map_or(0, |metadata| metadata.len());
    if !options.resume || length == 0 || length > entry.length {
        return Ok(nothing);
    }
    let (there, here) = tokio::join!(calls.hash(&entry.full_name, length), local::prefix(part, length));
    let ((found, there), (hash, here)) = (there?, here?);
    Ok(if found == length && there == here { (length, hash) } else { nothing })
}

/// Takes a file as PowerShell does: a call for each part, then its time.
async fn in_parts(
    helpers: &Helpers,
    options: &CopyOptions,
    mut entry: Entry,
    to: &Path,
) -> Result<CopiedItem> {
    (entry.written, entry.is_read_only) = helpers.metadata(&entry.full_name).await?;
    let mut item = item(&entry, to);
    let part = part_of(&entry, to);
    let there = part.metadata().map_or(0, |metadata| metadata.len());
    // The name of the file says of which state of the source it is a part.
    if options.resume && entry.written.is_some() && there <= entry.length {
        item.resumed_at = there;
    }
    tell(options, started(&item));
    let writer = Writer::start(&part, item.resumed_at, Sha256::new());
    let took = take_parts(helpers, options, &item, &writer).await;
    let written = writer.finish().await;
    took?;
    written?;
    local::put(&part, to, entry.written, entry.is_read_only, options.force).await?;
    Ok(item)
}

async fn take_parts(
    helpers: &Helpers,
    options: &CopyOptions,
    item: &CopiedItem,
    writer: &Writer,
) -> Result<()> {
    let mut taken = item.resumed_at;
    let mut more = taken < item.length;
    while more {
        let bytes;
        (bytes, more) = helpers.read(&item.source, taken, options.force).await?;
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        taken = taken.saturating_add(count);
        if taken > item.length || (more && count == 0) {
            return Err(
                helpers.remote(format!("{}: its length is not {} any more", item.source, item.length))
            );
        }
        if writer.pieces.send(PsValue::bytes(bytes)).await.is_err() {
            return Ok(());
        }
        tell(options, CopyEvent::Moved { source: item.source.clone(), bytes: taken, length: item.length });
    }
    if taken < item.length {
        return Err(helpers.remote(format!("{}: only {taken} of {} bytes came", item.source, item.length)));
    }
    Ok(())
}

fn started(item: &CopiedItem) -> CopyEvent {
    CopyEvent::Started {
        source: item.source.clone(),
        destination: item.destination.clone(),
        length: item.length,
        resumed_at: item.resumed_at,
    }
}

fn tell(options: &CopyOptions, event: CopyEvent) {
    if let Some(listener) = &options.on_event {
        listener(event);
    }
}

fn length_of(piece: &PsValue) -> u64 {
    piece.as_bytes().and_then(|bytes| u64::try_from(bytes.len()).ok()).unwrap_or_default()
}
