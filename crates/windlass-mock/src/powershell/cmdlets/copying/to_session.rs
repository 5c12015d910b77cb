//! `PSCopyToSessionHelper`: what `Copy-Item -ToSession` calls.

use std::io::Write;

use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

use super::{bad_base64, from_base64, place, reported, system_time, table};
use crate::files::{Files, Place};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::Outcome;
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};

pub(super) const SETS: &[&str] = &[
    "[-copyToFilePath <string>] [-b64Fragment <string>] [-createFile] [-emptyFile]",
    "-streamName <string> [-copyToFilePath <string>] [-b64Fragment <string>]",
    "-supportAltStreamPath <string>",
    "-metaDataFilePath <string> -metaDataToSet <hashtable>",
    "-isFilePath <string>",
    "-remotePath <string>",
    "-createDirectoryPath <string> [-force]",
];

const READ_ONLY: i32 = 1;

pub(super) fn run(files: &Files, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    if call.has("streamName") {
        return write_stream(cx);
    }
    if call.has("supportAltStreamPath") {
        place(files, call, "supportAltStreamPath", cx)?;
        return cx.write(table([("TargetSupportsAlternateStreams", false.into())]));
    }
    if call.has("metaDataFilePath") {
        return set_metadata(files, call, cx);
    }
    if call.has("isFilePath") {
        let at = place(files, call, "isFilePath", cx)?;
        return cx.write(table([("IsFileInfo", files.is_file(&at).into())]));
    }
    if call.has("remotePath") {
        return path_info(files, &place(files, call, "remotePath", cx)?, cx);
    }
    if call.has("createDirectoryPath") {
        return create_directory(files, call, cx);
    }
    let at = place(files, call, "copyToFilePath", cx)?;
    let written = match write(files, call, &at) {
        Ok(count) => count.into(),
        Err(failure) => {
            cx.error(*failure)?;
            PsValue::Null
        }
    };
    cx.write(table([("BytesWritten", written)]))
}

/// Appends a part of a file; gives how many bytes it had.
fn write(files: &Files, call: &Bound, at: &Place) -> Result<i32, Box<Failure>> {
    const FUNCTION: &str = "PSCopyFileToRemoteSession";
    let failed = |error: std::io::Error| Box::new(reported(&error, at, FUNCTION));
    if call.switch("createFile") || !files.is_file(at) {
        files.create(at).map_err(failed)?;
        if call.switch("emptyFile") {
            return Ok(0);
        }
    }
    let text = call.text("b64Fragment").unwrap_or_default();
    let fragment = from_base64(&text).ok_or_else(|| Box::new(bad_base64(FUNCTION)))?;
    files.append(at).and_then(|mut file| file.write_all(&fragment)).map_err(failed)?;
    Ok(i32::try_from(fragment.len()).unwrap_or(i32::MAX))
}

/// There are no streams beside a file's own.
fn write_stream(cx: &mut Context<'_>) -> Outcome {
    let message = "The files of this endpoint have no alternate streams.";
    let id = "System.NotSupportedException,PSCopyFileAlternateStreamToRemoteSession";
    let category = ErrorCategory::NotSpecified;
    cx.error(Failure::new(exceptions::NOT_SUPPORTED, id, category, message).with_bare_id())?;
    cx.write(table([("BytesWritten", PsValue::Null)]))
}

/// Sets time and attributes; what cannot be set is an error that does not end the pipeline.
fn set_metadata(files: &Files, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let at = place(files, call, "metaDataFilePath", cx)?;
    // Nothing is said of what is not there.
    if files.entry(&at).is_err() {
        return Ok(());
    }
    let Some(metadata) = call.get("metaDataToSet") else { return Ok(()) };
    let time = metadata.entry("LastWriteTimeUtc").or_else(|| metadata.entry("LastWriteTime"));
    let time = time.and_then(PsValue::as_datetime).and_then(system_time);
    let set = time.map_or(Ok(()), |time| files.set_written(&at, time)).and_then(|()| {
        let attributes = metadata.entry("Attributes").and_then(PsValue::as_i32);
        attributes.map_or(Ok(()), |set| files.set_read_only(&at, set & READ_ONLY != 0))
    });
    match set {
        Ok(()) => Ok(()),
        Err(error) => cx.error(reported(&error, &at, "PSSetFileMetadata")),
    }
}

fn path_info(files: &Files, at: &Place, cx: &mut Context<'_>) -> Outcome {
    let is_file = files.is_file(at).into();
    let is_directory = files.is_directory(at).into();
    match at.parent() {
        Some(parent) => cx.write(table([
            ("IsFileInfo", is_file),
            ("IsDirectoryInfo", is_directory),
            ("ParentIsDirectoryInfo", files.is_directory(&parent).into()),
        ])),
        None => cx.write(table([("IsFileInfo", is_file), ("IsDirectoryInfo", is_directory)])),
    }
}

fn create_directory(files: &Files, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let at = place(files, call, "createDirectoryPath", cx)?;
    let exists = files.entry(&at).is_ok();
    let given: PsValue = call.text("createDirectoryPath").into();
    let (path, exists) = match (exists, call.switch("force")) {
        (true, false) => (PsValue::Null, true),
        (_, _) => match files.create_directory(&at) {
            Ok(()) => (given, false),
            Err(error) => {
                cx.error(reported(&error, &at, "PSCreateDirectoryOnRemoteSession"))?;
                (PsValue::Null, false)
            }
        },
    };
    cx.write(table([("DirectoryPath", path), ("PathExists", exists.into())]))
}
