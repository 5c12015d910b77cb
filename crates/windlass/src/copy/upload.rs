//! From this computer to the session's.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use windlass_clixml::PsValue;

use super::calls::{Calls, Whole};
use super::helpers::{Helpers, PART};
use super::local::{self, PIECE, Reader};
use super::paths::{join, part_name, split};
use super::way::Remote;
use super::{CopiedItem, Copy, CopyEvent, CopyOptions, CopyPlace, FORCED};
use crate::error::{Error, Result};

/// Files that are shorter are sent anew rather than asked after.
const WORTH_RESUMING: u64 = 1 << 20;

/// How long the other side may take to say why it takes no more.
const GRACE: Duration = Duration::from_secs(5);

/// A file or a directory of this computer.
struct Source {
    path: PathBuf,
    is_directory: bool,
    length: u64,
    written: SystemTime,
    is_read_only: bool,
}

/// Copies each source, and what is in it.
pub(super) async fn plan(copy: &mut Copy, sources: &[PathBuf], destination: &str) -> Result<()> {
    let target = Target::of(&copy.remote, destination).await?;
    for path in sources {
        if !copy.options.takes(CopyPlace::Source, &name_of(path)) {
            continue;
        }
        let outcome = source(path).await;
        let found = match outcome {
            Ok(found) => found,
            Err(error) => {
                copy.note(path.display().to_string(), Err(error))?;
                continue;
            }
        };
        if found.is_directory && copy.options.flatten {
            flat(copy, found, destination, matches!(target, Target::Into)).await?;
            continue;
        }
        let to = match &target {
            Target::Into => join(destination, &name_of(path)),
            Target::As => destination.to_owned(),
            Target::File if found.is_directory => {
                let reason = format!("{destination} is a file, and {} a directory", path.display());
                copy.note(path.display().to_string(), Err(Error::usage(reason)))?;
                continue;
            }
            Target::File => destination.to_owned(),
        };
        if found.is_directory {
            directory(copy, found, to).await?;
        } else {
            start_file(copy, found, to).await?;
        }
    }
    copy.settle().await
}

/// What the destination is.
enum Target {
    /// A directory: sources go into it.
    Into,
    /// A file: it is replaced.
    File,
    /// Nothing yet: the source gets this name.
    As,
}

impl Target {
    async fn of(remote: &Remote, destination: &str) -> Result<Self> {
        let (is_directory, is_file) = match remote {
            Remote::Stream(calls) => {
                let found = calls.describe_one(destination).await?.map(|entry| entry.is_directory);
                (found == Some(true), found == Some(false))
            }
            Remote::Helpers(helpers) => {
                helpers.validate(destination, false).await?;
                let info = helpers.path_info(destination).await?;
                if !info.is_directory && !info.is_file && !info.has_parent {
                    return Err(helpers.remote(format!("there is no directory for '{destination}'")));
                }
                (info.is_directory, info.is_file)
            }
        };
        Ok(match (is_directory, is_file) {
            (true, _) => Self::Into,
            (_, true) => Self::File,
            _ => Self::As,
        })
    }
}

/// Makes a directory and copies what is in it. Its times are set when all is there.
async fn directory(copy: &mut Copy, top: Source, to: String) -> Result<()> {
    let mut waiting = VecDeque::from([(top, to)]);
    let mut made = Vec::new();
    while let Some((here, to)) = waiting.pop_front() {
        let shown = here.path.display().to_string();
        let force = copy.options.force;
        let outcome = match &copy.remote {
            Remote::Stream(calls) => match calls.new_folder(&to).await {
                Ok(false) if !force => Err(Error::remote(
                    calls.host_name(),
                    format!("a directory '{to}' is there already; {FORCED}"),
                )),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            },
            Remote::Helpers(helpers) => helpers.create_directory(&to, force).await,
        };
        if let Err(error) = outcome {
            copy.note(shown, Err(error))?;
            continue;
        }
        let children = if copy.options.recurse { children(&here.path).await } else { Ok(Vec::new()) };
        copy.note(shown.clone(), Ok(item(&here, &to)))?;
        match children {
            Ok(children) => {
                for child in children {
                    let name = name_of(&child.path);
                    let to = join(&to, &name);
                    if child.is_directory {
                        waiting.push_back((child, to));
                    } else if copy.options.takes(CopyPlace::Inside, &name) {
                        start_file(copy, child, to).await?;
                    }
                }
            }
            Err(error) => copy.note(shown, Err(error))?,
        }
        made.push((to, here.written));
    }
    copy.settle().await?;
    if let Remote::Stream(calls) = copy.remote.clone() {
        for (to, written) in made.into_iter().rev() {
            if let Err(error) = calls.set_time(&to, written).await {
                copy.note(to, Err(error))?;
            }
        }
    }
    Ok(())
}

/// Copies the files below a directory into the destination, those of a directory before those of the directories
/// in it.
async fn flat(copy: &mut Copy, top: Source, destination: &str, is_there: bool) -> Result<()> {
    let shown = top.path.display().to_string();
    if let Err(error) = copy.options.may_flatten(&shown, destination, is_there) {
        return copy.note(shown, Err(error));
    }
    let mut waiting = vec![top.path];
    while let Some(here) = waiting.pop() {
        let children = match children(&here).await {
            Ok(children) => children,
            Err(error) => {
                copy.note(here.display().to_string(), Err(error))?;
                continue;
            }
        };
        let first = waiting.len();
        for child in children {
            let name = name_of(&child.path);
            if child.is_directory {
                waiting.push(child.path);
            } else if copy.options.takes(CopyPlace::Inside, &name) {
                start_file(copy, child, join(destination, &name)).await?;
            }
        }
        waiting.get_mut(first..).unwrap_or_default().reverse();
    }
    Ok(())
}

fn item(source: &Source, destination: &str) -> CopiedItem {
    CopiedItem {
        source: source.path.display().to_string(),
        destination: destination.to_owned(),
        is_directory: source.is_directory,
        length: source.length,
        resumed_at: 0,
        sha256: None,
    }
}

async fn start_file(copy: &mut Copy, source: Source, to: String) -> Result<()> {
    let (remote, options) = (copy.remote.clone(), copy.options.clone());
    let shown = source.path.display().to_string();
    copy.file(shown, &to.clone(), async move {
        match remote {
            Remote::Stream(calls) => stream(&calls, &options, &source, &to).await,
            Remote::Helpers(helpers) => in_parts(&helpers, &options, &source, &to).await,
        }
    })
    .await
}

/// Sends a file as a stream.
async fn stream(calls: &Calls, options: &CopyOptions, source: &Source, to: &str) -> Result<CopiedItem> {
    let mut item = item(source, to);
    let (directory, name) = split(to);
    let marks = [&*item.source, to, &source.length.to_string(), &format!("{:?}", source.written)];
    let part = format!("{directory}{}", part_name(name, &marks));
    let (begun, hash) = match options.resume && source.length >= WORTH_RESUMING {
        true => there_already(calls, &part, source).await?,
        false => (0, Sha256::new()),
    };
    item.resumed_at = begun;
    tell(options, started(&item));
    let mut reader = Reader::start(&source.path, begun, source.length, hash);
    let mut sent = begun;
    loop {
        let end = sent.saturating_add(calls.segment()).min(source.length);
        let (mut input, running) = calls.receive(&part, sent);
        let feeding = async {
            while sent < end {
                let Some(piece) = reader.next().await else { break };
                sent += length_of(&piece);
                input.send(piece).await?;
                tell(options, moved(&item, sent));
            }
            input.close().await
        };
        let received = both(feeding, calls.received(running)).await?;
        if received != sent {
            return Err(calls.odd(format!("{sent} bytes were sent and {received} have arrived")));
        }
        if sent < end || end == source.length {
            break;
        }
    }
    let sha256 = reader.finish().await?;
    if sent != source.length {
        return Err(Error::usage(format!("{}: it changed while it was copied", item.source)));
    }
    let whole = Whole {
        destination: to,
        length: source.length,
        sha256: &sha256,
        written: Some(source.written),
        is_read_only: source.is_read_only,
        force: options.force,
    };
    item.destination = calls.complete(&part, &whole).await?;
    item.sha256 = Some(sha256);
    Ok(item)
}

/// Gives the bytes and waits for what the other side says of them. Where both fail, why the other side ended
/// counts for more than that it took no more bytes.
async fn both(
    feeding: impl Future<Output = Result<()>>,
    receiving: impl Future<Output = Result<u64>>,
) -> Result<u64> {
    let (mut feeding, mut receiving) = (std::pin::pin!(feeding), std::pin::pin!(receiving));
    let fed = tokio::select! {
        fed = &mut feeding => fed,
        received = &mut receiving => {
            let received = received?;
            // How much was given stands against how much has arrived.
            feeding.await.ok();
            return Ok(received);
        }
    };
    let Err(error) = fed else { return receiving.await };
    if error.is_network_failure() {
        return Err(error);
    }
    match tokio::time::timeout(GRACE, receiving).await {
        Ok(Err(reason)) => Err(reason),
        _ => Err(error),
    }
}

/// How much of the file an earlier copy brought, as far as its hash is that of the file here.
async fn there_already(calls: &Calls, part: &str, source: &Source) -> Result<(u64, Sha256)> {
    let nothing = (0, Sha256::new());
    let found = calls.describe_one(part).await?;
    let Some(found) = found.filter(|found| found.length > 0 && found.length <= source.length) else {
        return Ok(nothing);
    };
    let (there, here) =
        tokio::join!(calls.hash(part, found.length), local::prefix(&source.path, found.length));
    let ((length, there), (hash, here)) = (there?, here?);
    Ok(if length == found.length && there == here { (length, hash) } else { nothing })
}

/// Sends a file as PowerShell does: a call for each part, then its time.
async fn in_parts(helpers: &Helpers, options: &CopyOptions, source: &Source, to: &str) -> Result<CopiedItem> {
    let item = item(source, to);
    tell(options, started(&item));
    let mut reader = Reader::start(&source.path, 0, source.length, Sha256::new());
    let (mut sent, mut is_first) = (0, true);
    while is_first || sent < source.length {
        let most = usize::try_from(PART).unwrap_or(PIECE);
        let mut part = Vec::with_capacity(most);
        while part.len() < most
            && let Some(piece) = reader.next().await
        {
            part.extend_from_slice(piece.as_bytes().unwrap_or_default());
        }
        if part.is_empty() && sent < source.length {
            break;
        }
        helpers.write(to, is_first, &part).await?;
        sent += u64::try_from(part.len()).unwrap_or_default();
        is_first = false;
        tell(options, moved(&item, sent));
    }
    reader.finish().await?;
    helpers.set_metadata(to, source.written, source.is_read_only).await?;
    Ok(item)
}

fn started(item: &CopiedItem) -> CopyEvent {
    CopyEvent::Started {
        source: item.source.clone(),
        destination: item.destination.clone(),
        length: item.length,
        resumed_at: item.resumed_at,
    }
}

fn moved(item: &CopiedItem, bytes: u64) -> CopyEvent {
    CopyEvent::Moved { source: item.source.clone(), bytes, length: item.length }
}

fn tell(options: &CopyOptions, event: CopyEvent) {
    if let Some(listener) = &options.on_event {
        listener(event);
    }
}

fn length_of(piece: &PsValue) -> u64 {
    piece.as_bytes().and_then(|bytes| u64::try_from(bytes.len()).ok()).unwrap_or_default()
}

/// The last part of a path; the whole of one that has none.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

async fn source(path: &Path) -> Result<Source> {
    local::blocking(path, describe).await
}

async fn children(path: &Path) -> Result<Vec<Source>> {
    local::blocking(path, |path| {
        let mut found = Vec::new();
        for child in std::fs::read_dir(path)? {
            let child = child?;
            // A link to a directory could lead round in a circle.
            let is_link = child.file_type()?.is_symlink();
            let source = describe(&child.path())?;
            if !(is_link && source.is_directory) {
                found.push(source);
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    })
    .await
}

fn describe(path: &Path) -> std::io::Result<Source> {
    let metadata = path.metadata()?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(std::io::Error::other("it is neither a file nor a directory"));
    }
    Ok(Source {
        // The working folder has a name, too.
        path: if path.file_name().is_none() { path.canonicalize()? } else { path.to_owned() },
        is_directory: metadata.is_dir(),
        length: if metadata.is_dir() { 0 } else { metadata.len() },
        written: metadata.modified()?,
        is_read_only: metadata.permissions().readonly(),
    })
}
