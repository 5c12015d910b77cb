//! `Copy-Item`: copies files to and from the computer of a session.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use windlass::{CopiedItem, CopyEvent, CopyOptions, CopyPlace, CopyReport, SessionState};
use windlass_clixml::{ProgressKind, ProgressRecord, PsObject, PsValue};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Halt, Outcome, exceptions, text};
use windlass_psrp::ErrorCategory;

use super::{cmdlet, each};
use crate::exit::Exit;
use crate::runspace::{Local, SessionEntry, argument, matcher, of_error};

/// What makes a path stand for several.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// Events that wait to be shown; what comes while as many wait is left out.
const WAITING: usize = 64;

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    let synopsis = "Copies files and directories to a session, or from one.";
    vec![cmdlet(local, "Copy-Item", synopsis, |local, calls, cx| each(local, calls, cx, copy_item))]
}

/// Where a copy goes.
enum Direction {
    To(String),
    From(PathBuf),
}

fn copy_item(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let (entry, direction) = plan(local, call).map_err(|failure| cx.fail(*failure))?;
    let mut options = CopyOptions::default();
    options.recurse = call.switch("Recurse");
    options.flatten = call.has("Container") && !call.switch("Container");
    options.force = call.switch("Force");
    let choice = Choice::of(call);
    options.chooses = Some(Arc::new(move |place, name| choice.takes(place, name)));
    let (events, told) = mpsc::channel(WAITING);
    options.on_event = Some(Arc::new(move |event| {
        // Progress is not worth waiting for.
        events.try_send(event).ok();
    }));
    let literal = call.has("LiteralPath");
    let given = call.texts(if literal { "LiteralPath" } else { "Path" });
    let report = match direction {
        Direction::To(destination) => {
            let sources = local_sources(local, &given, literal);
            let session = Arc::clone(&entry);
            let work = async move { session.session.copy_to(&sources, &destination, &options).await };
            watch(local, cx, told, work)?
        }
        Direction::From(destination) => {
            let session = Arc::clone(&entry);
            let sources = match literal {
                true => given.iter().map(|path| windlass_command::wildcard::escape(path)).collect(),
                false => given,
            };
            let work = async move { session.session.copy_from(&sources, &destination, &options).await };
            watch(local, cx, told, work)?
        }
    };
    let computer = entry.session.computer_name();
    match report {
        Ok(report) => tell(local, cx, call, computer, report),
        Err(error) => cx.error(of_error(local, &error, "CopyError", computer)),
    }
}

/// Which files and directories the parameters choose, as PowerShell reads them: `-Include` looks at what the
/// path itself names, `-Exclude` and `-Filter` also at the files inside of directories.
struct Choice {
    filter: Vec<Fits>,
    include: Vec<Fits>,
    exclude: Vec<Fits>,
    has_wildcards: bool,
    is_literal: bool,
}

type Fits = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl Choice {
    fn of(call: &Bound) -> Self {
        let patterns = |name: &str| -> Vec<Fits> {
            call.texts(name).iter().map(|pattern| -> Fits { Box::new(matcher(pattern)) }).collect()
        };
        // For a filter of files this is another way of saying everything.
        let filter = patterns("Filter");
        let is_all = call.text("Filter").is_some_and(|filter| filter == "*.*");
        Self {
            filter: if is_all { Vec::new() } else { filter },
            include: patterns("Include"),
            exclude: patterns("Exclude"),
            has_wildcards: call.texts("Path").iter().any(|path| path.contains(WILDCARDS)),
            is_literal: call.has("LiteralPath"),
        }
    }

    fn takes(&self, place: CopyPlace, name: &str) -> bool {
        let any = |patterns: &[Fits]| patterns.iter().any(|fits| fits(name));
        let all_or_any = |patterns: &[Fits]| patterns.is_empty() || any(patterns);
        let is_included = match place {
            CopyPlace::Source => {
                (self.is_literal || all_or_any(&self.include))
                    && (!self.has_wildcards || all_or_any(&self.filter))
            }
            _ => all_or_any(&self.filter),
        };
        is_included && !any(&self.exclude)
    }
}

/// Which session, and which way. Nothing has been sent yet.
fn plan(local: &Arc<Local>, call: &Bound) -> Result<(Arc<SessionEntry>, Direction), Box<Failure>> {
    let refused = |id: &str, message: &str| Err(argument(local, id, message));
    if call.has("Credential") {
        return refused(
            "ParameterNotSupported",
            "-Credential cannot be used with a session, which has its own",
        );
    }
    let (value, is_upload) = match (call.get("ToSession"), call.get("FromSession")) {
        (Some(value), None) => (value, true),
        (None, Some(value)) => (value, false),
        (Some(_), Some(_)) => {
            return refused("InvalidInput", "-ToSession and -FromSession cannot be used together");
        }
        (None, None) => {
            return refused(
                "SessionMissing",
                "files are copied here to or from a session alone: give -ToSession or -FromSession; for two places \
                 of this computer there is the system's own command",
            );
        }
    };
    let destination = call.text("Destination").filter(|destination| !destination.is_empty());
    let direction = match (is_upload, destination) {
        (true, Some(destination)) => Direction::To(destination),
        (true, None) => {
            return refused(
                "CopyItemRemoteDestinationIsNullOrEmpty",
                "-Destination is missing: the path on the computer of the session",
            );
        }
        (false, destination) => Direction::From(local.path_of(destination.as_deref().unwrap_or("."))),
    };
    let value = value.items().and_then(<[PsValue]>::first).unwrap_or(value);
    match local.sessions.of(value) {
        Some(entry) if entry.session.state() == SessionState::Opened => Ok((entry, direction)),
        _ => Err(Box::new(Failure::new(
            exceptions::INVALID_OPERATION,
            "SessionIsNotAvailable",
            ErrorCategory::InvalidOperation,
            format!("the session {} is not open, and files can only be copied with one that is", text(value)),
        ))),
    }
}

/// Paths of this computer, wildcards resolved. What fits nothing stays, to be told of as missing.
fn local_sources(local: &Local, given: &[String], literal: bool) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for path in given {
        let path = local.path_of(path);
        let found = if literal { Vec::new() } else { matching(&path) };
        match found.is_empty() {
            true => sources.push(path),
            false => sources.extend(found),
        }
    }
    sources
}

/// What a path with wildcards stands for, in the order of the names; nothing for a path without.
fn matching(path: &Path) -> Vec<PathBuf> {
    let has_wildcard = |part: &std::ffi::OsStr| part.to_string_lossy().contains(WILDCARDS);
    if !path.iter().any(has_wildcard) || path.symlink_metadata().is_ok() {
        return Vec::new();
    }
    let mut found = vec![PathBuf::new()];
    for part in path {
        if !has_wildcard(part) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let fits = matcher(&part.to_string_lossy());
        let mut children = Vec::new();
        for folder in &found {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let Ok(entries) = std::fs::read_dir(here) else { continue };
            let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
            let mut names: Vec<_> = names.filter(|name| fits(&name.to_string_lossy())).collect();
            names.sort();
            children.extend(names.into_iter().map(|name| folder.join(name)));
        }
        found = children;
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found
}

/// Waits for the copy and shows how far it is.
fn watch(
    local: &Arc<Local>,
    cx: &mut Context<'_>,
    mut told: mpsc::Receiver<CopyEvent>,
    work: impl Future<Output = windlass::Result<CopyReport>> + Send + 'static,
) -> Result<windlass::Result<CopyReport>, Halt> {
    let mut task = local.handle.spawn(work);
    let mut shown = Shown::default();
    loop {
        let next = local.wait(cx, async {
            tokio::select! {
                biased;
                Some(event) = told.recv() => Ok(event),
                done = &mut task => Err(done),
            }
        });
        match next {
            Ok(Ok(event)) => shown.take(event, cx)?,
            Ok(Err(done)) => {
                shown.end(cx)?;
                return done.map_err(|_| Halt::Stopped);
            }
            // What runs at the host ends with the copy.
            Err(halt) => {
                task.abort();
                return Err(halt);
            }
        }
    }
}

/// The files under way, by number of the bar that shows them.
#[derive(Default)]
struct Shown {
    files: Vec<(String, i32)>,
}

impl Shown {
    fn take(&mut self, event: CopyEvent, cx: &mut Context<'_>) -> Outcome {
        let (source, bytes, length) = match event {
            CopyEvent::Started { source, length, resumed_at, .. } => (source, resumed_at, length),
            CopyEvent::Moved { source, bytes, length } => (source, bytes, length),
            _ => return Ok(()),
        };
        let percent = (bytes * 100).checked_div(length).and_then(|percent| i32::try_from(percent).ok());
        let percent = percent.unwrap_or(100);
        match self.files.iter_mut().find(|(known, _)| *known == source) {
            Some((_, known)) if *known == percent => return Ok(()),
            Some((_, known)) => *known = percent,
            None => self.files.push((source.clone(), percent)),
        }
        let status = format!("{bytes} of {length} bytes");
        let record = ProgressRecord {
            percent_complete: percent,
            ..ProgressRecord::new(0, format!("Copying {source}"), status)
        };
        cx.progress(record)
    }

    fn end(&self, cx: &mut Context<'_>) -> Outcome {
        if self.files.is_empty() {
            return Ok(());
        }
        let record =
            ProgressRecord { kind: ProgressKind::Completed, ..ProgressRecord::new(0, "Copying", "Done") };
        cx.progress(record)
    }
}

/// What was copied, where that is asked for, and what was not.
fn tell(local: &Local, cx: &mut Context<'_>, call: &Bound, computer: &str, report: CopyReport) -> Outcome {
    for (path, error) in report.failures {
        local.note(Exit::REMOTE_ERRORS);
        // Some reasons begin with the path themselves.
        let reason = error.reason();
        let reason = reason.strip_prefix(&format!("{path}: ")).unwrap_or(reason);
        let message = format!("[{computer}] {path}: {reason}");
        let failure = Failure::new(exceptions::IO, "CopyError", ErrorCategory::WriteError, message);
        cx.error(failure.about(path).with_bare_id())?;
    }
    if call.switch("PassThru") {
        for item in &report.items {
            cx.write(object(item))?;
        }
    }
    Ok(())
}

fn object(item: &CopiedItem) -> PsValue {
    let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    PsObject::new("Windlass.CopiedItem")
        .with_to_string(item.destination.as_str())
        .with("Source", item.source.as_str())
        .with("Destination", item.destination.as_str())
        .with("IsDirectory", item.is_directory)
        .with("Length", number(item.length))
        .with("ResumedAt", number(item.resumed_at))
        .with("Sha256", item.sha256.clone())
        .into()
}
