//! `PSCopyFromSessionHelper`: what `Copy-Item -FromSession` calls.

use std::io::{Read, Result, Seek, SeekFrom};

use windlass_clixml::PsValue;

use super::{local, number, place, refused, reported, table};
use crate::files::{Entry, Files, Place};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::Outcome;
use crate::powershell::context::Context;

pub(super) const SETS: &[&str] = &[
    "-copyFromFilePath <string> -copyFromStart <long> -copyFromNumBytes <long> [-force] [-isAlternateStream] \
     [-streamName <string>]",
    "-supportAltStreamPath <string>",
    "-getMetaFilePath <string>",
    "-getPathItems <string>",
    "-getPathDir <string>",
];

/// Most bytes of a file in one answer.
const MOST: u64 = 10 * 1024 * 1024;

pub(super) fn run(files: &Files, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    if call.has("supportAltStreamPath") {
        place(files, call, "supportAltStreamPath", cx)?;
        return cx.write(table([
            ("SourceSupportsAlternateStreams", false.into()),
            ("Streams", PsValue::list([])),
        ]));
    }
    if call.has("getMetaFilePath") {
        return metadata(files, &place(files, call, "getMetaFilePath", cx)?, cx);
    }
    if call.has("getPathItems") {
        return items(files, call, cx);
    }
    if call.has("getPathDir") {
        return children(files, &place(files, call, "getPathDir", cx)?, cx);
    }
    let at = place(files, call, "copyFromFilePath", cx)?;
    let start = natural(call, "copyFromStart");
    let part = files.read(&at).and_then(|file| read(file, start, natural(call, "copyFromNumBytes")));
    let (fragment, more, failed) = match part {
        Ok((fragment, more)) => (fragment, more.into(), false),
        Err(error) => {
            cx.error(reported(&error, &at, "WriteException"))?;
            (PsValue::Null, PsValue::Null, true)
        }
    };
    cx.write(table([("b64Fragment", fragment), ("moreAvailable", more), ("ExceptionThrown", failed.into())]))
}

fn natural(call: &Bound, parameter: &str) -> u64 {
    call.integer(parameter).and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
}

/// Reads a part of a file; gives it in base64, null behind the end, and whether there is more.
fn read(mut file: std::fs::File, start: u64, count: u64) -> Result<(PsValue, bool)> {
    let length = file.metadata()?.len();
    if start >= length {
        return Ok((PsValue::Null, false));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut part = Vec::new();
    file.take(count.min(MOST)).read_to_end(&mut part)?;
    let end = start.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
    Ok((base64_simd::STANDARD.encode_to_string(&part).into(), end < length))
}

/// Attributes and time of what is there; nothing of what is not.
fn metadata(files: &Files, at: &Place, cx: &mut Context<'_>) -> Outcome {
    let Ok(entry) = files.entry(at) else { return Ok(()) };
    let written = local(entry.written);
    let attributes = PsValue::list(entry.attributes(at.name()).into_iter().map(PsValue::from));
    cx.write(table([
        ("Attributes", attributes),
        ("LastWriteTime", written.into()),
        ("LastWriteTimeUtc", written.to_utc().into()),
    ]))
}

/// What a path with wildcards stands for.
fn items(files: &Files, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let found = files.matching(&call.text("getPathItems").unwrap_or_default());
    let found = found.map_err(|refusal| cx.fail(refused("getPathItems", &refusal)))?;
    if found.is_empty() {
        return cx.write(table([("Exists", false.into()), ("Items", PsValue::Null)]));
    }
    let described = found.iter().filter_map(|at| Some((at, files.entry(at).ok()?)));
    let items = described.map(|(at, entry)| {
        table([
            ("FullName", at.shown().into()),
            ("Name", at.name().into()),
            ("FileSize", size(&entry)),
            ("IsDirectory", entry.is_directory.into()),
        ])
        .into()
    });
    cx.write(table([("Exists", true.into()), ("Items", PsValue::list(items))]))
}

/// The `Length` that PowerShell gives: every object that is no collection has one, which is 1.
fn size(entry: &Entry) -> PsValue {
    if entry.is_directory { 1.into() } else { number(entry.length) }
}

/// What is in a directory, hidden items left out.
fn children(files: &Files, at: &Place, cx: &mut Context<'_>) -> Outcome {
    let listed = if files.is_file(at) { Ok(Vec::new()) } else { files.list(at) };
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            cx.error(reported(&error, at, "PSGetPathDirAndFiles"))?;
            Vec::new()
        }
    };
    let visible = listed.into_iter().filter(|(place, _)| !place.name().starts_with('.'));
    let (directories, files): (Vec<_>, Vec<_>) = visible.partition(|(_, entry)| entry.is_directory);
    let files = files.iter().map(|(place, entry)| {
        table([
            ("FileName", place.name().into()),
            ("FilePath", place.shown().into()),
            ("FileSize", number(entry.length)),
        ])
        .into()
    });
    let directories = directories
        .iter()
        .map(|(place, _)| table([("Name", place.name().into()), ("FullName", place.shown().into())]).into());
    cx.write(table([("Files", list_or_null(files)), ("Directories", list_or_null(directories))]))
}

fn list_or_null(items: impl ExactSizeIterator<Item = PsValue>) -> PsValue {
    if items.len() == 0 { PsValue::Null } else { PsValue::list(items) }
}
