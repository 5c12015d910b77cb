//! Copying files: the three functions that PowerShell's `Copy-Item` calls on the other side of a session,
//! and a command of our own that takes and gives a whole file as a stream.
//!
//! They are there where the operator gave a directory, see [`Files`].

mod from_session;
mod known_scripts;
mod remote_utils;
mod stream;
mod to_session;

use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use windlass_clixml::{PsDateTime, PsObject, PsValue, TICKS_PER_SECOND};
use windlass_psrp::ErrorCategory;

pub(crate) use known_scripts::known_script;

use crate::files::{Files, Place, Refusal};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Halt, Outcome, function};
use crate::powershell::command::CommandInfo;
use crate::powershell::context::Context;
use crate::powershell::failure::{ExceptionTypes, Failure, exceptions};

/// The commands that copy files of this directory.
pub(crate) fn all(files: &Arc<Files>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        helper(files, "PSCopyToSessionHelper", to_session::SETS, to_session::run),
        helper(files, "PSCopyFromSessionHelper", from_session::SETS, from_session::run),
        helper(files, "PSCopyRemoteUtils", remote_utils::SETS, remote_utils::run),
        stream::command(files),
    ]
}

type Helper = fn(&Files, &Bound, &mut Context<'_>) -> Outcome;

/// One of PowerShell's functions: error identifiers end with its name.
fn helper(files: &Arc<Files>, name: &'static str, sets: &[&str], run: Helper) -> Arc<dyn Cmdlet> {
    let info = CommandInfo::new(name, sets);
    debug_assert!(info.is_ok(), "{info:?}");
    let info = info.unwrap_or_else(|_| CommandInfo::empty(name));
    let info = info.implemented_by("", name).synopsis("Part of Copy-Item to and from a session.");
    let files = Arc::clone(files);
    function(info, move |call, cx, _input| run(&files, call, cx))
}

/// The place that a parameter names. Another one ends the pipeline.
fn place(files: &Files, call: &Bound, parameter: &str, cx: &Context<'_>) -> Result<Place, Halt> {
    let given = call.text(parameter).unwrap_or_default();
    files.place(&given).map_err(|refusal| cx.fail(refused(parameter, &refusal)))
}

/// As PowerShell refuses a path that is not on the drive of its user.
fn refused(parameter: &str, refusal: &Refusal) -> Failure {
    Failure::new(
        exceptions::PARAMETER_VALIDATION,
        "ParameterArgumentValidationError",
        ErrorCategory::InvalidData,
        format!("Cannot validate argument on parameter '{parameter}'. {refusal}"),
    )
}

/// The error of the file system, as `Write-Error -Exception` in one of PowerShell's functions reports it.
fn reported(error: &Error, place: &Place, function: &str) -> Failure {
    let (exception, message) = explained(error, place);
    let id = format!("{},{function}", exception.first().copied().unwrap_or_default());
    let mut failure = Failure::new(exception, &id, ErrorCategory::NotSpecified, message).with_bare_id();
    failure.activity = Some("Write-Error".to_owned());
    failure
}

/// The error of the file system that ends a command of our own.
fn ended(error: &Error, place: &Place) -> Failure {
    let (exception, message) = explained(error, place);
    let category = match error.kind() {
        ErrorKind::NotFound => ErrorCategory::ObjectNotFound,
        ErrorKind::PermissionDenied => ErrorCategory::PermissionDenied,
        _ => ErrorCategory::WriteError,
    };
    let id = exception.first().and_then(|name| name.rsplit('.').next()).unwrap_or_default();
    Failure::new(exception, id, category, message).about(place.shown())
}

/// .NET's exception and its words.
fn explained(error: &Error, place: &Place) -> (ExceptionTypes, String) {
    let path = place.shown();
    match error.kind() {
        ErrorKind::NotFound => (exceptions::FILE_NOT_FOUND, format!("Could not find file '{path}'.")),
        ErrorKind::NotADirectory => {
            (exceptions::DIRECTORY_NOT_FOUND, format!("Could not find a part of the path '{path}'."))
        }
        ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
            (exceptions::UNAUTHORIZED, format!("Access to the path '{path}' is denied."))
        }
        _ => (exceptions::IO, format!("{error} : '{path}'")),
    }
}

/// Bytes from base64, blanks between its letters allowed as .NET allows them.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let decoded = base64_simd::STANDARD.decode_to_vec(text);
    decoded.ok().or_else(|| {
        let text: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        base64_simd::STANDARD.decode_to_vec(text).ok()
    })
}

/// What `FromBase64String` says of other text.
fn bad_base64(function: &str) -> Failure {
    let message = "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two \
                   padding characters, or an illegal character among the padding characters.";
    let id = format!("System.FormatException,{function}");
    let mut failure =
        Failure::new(exceptions::FORMAT, &id, ErrorCategory::NotSpecified, message).with_bare_id();
    failure.activity = Some("Write-Error".to_owned());
    failure
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A length as the number that PowerShell gives.
fn number(length: u64) -> PsValue {
    i64::try_from(length).unwrap_or(i64::MAX).into()
}

/// A time in this computer's zone.
fn local(at: SystemTime) -> PsDateTime {
    crate::powershell::text::local_time(Timestamp::try_from(at).unwrap_or_default())
}

/// The system's time of a date.
fn system_time(date: PsDateTime) -> Option<SystemTime> {
    let epoch = PsDateTime::from_unix(0, 0).ticks();
    let ticks = date.to_utc().ticks() - epoch;
    let part = |ticks: i64| -> Option<Duration> {
        let seconds = u64::try_from(ticks / TICKS_PER_SECOND).ok()?;
        let rest = u64::try_from(ticks % TICKS_PER_SECOND).ok()?;
        Some(Duration::from_secs(seconds) + Duration::from_nanos(rest * 100))
    };
    match ticks {
        0.. => SystemTime::UNIX_EPOCH.checked_add(part(ticks)?),
        _ => SystemTime::UNIX_EPOCH.checked_sub(part(ticks.checked_neg()?)?),
    }
}

/// A hash table with these entries.
fn table<const N: usize>(entries: [(&str, PsValue); N]) -> PsObject {
    PsObject::typed(["System.Collections.Hashtable", "System.Object"]).with_base(
        windlass_clixml::Base::Dictionary(
            entries.into_iter().map(|(key, value)| (key.into(), value)).collect(),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_times_and_back() {
        for seconds in [0, 1_000_000_000, -5] {
            let date = PsDateTime::from_unix(seconds, 123_456_700);
            let time = system_time(date).unwrap();
            assert_eq!(local(time).to_utc().ticks(), date.ticks());
        }
    }
}
