//! Scripts of other clients that copy files: this endpoint runs no script, so it does itself what these
//! would do.
//!
//! A script is known by what it calls, in the order in which it calls it. Two are pypsrp's, of `Client.copy`
//! and `Client.fetch`, which take a path and whether to expand variables in it, which is not done here. One is
//! of our own client: it takes what `Invoke-FileStream` takes, and does what that does.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;

use sha1::{Digest, Sha1};
use windlass_clixml::PsValue;
use windlass_psrp::{Command, ErrorCategory};

use super::{ended, from_base64, hex, refused, stream};
use crate::files::{Files, Place};
use crate::powershell::bind::{Argument, bind};
use crate::powershell::cmdlet::{Halt, Outcome, Stage};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::text::text;

/// What the script calls that writes its input into a file.
const COPY: &[&str] = &[
    "[System.IO.Path]::GetTempFileName()",
    "SHA1CryptoServiceProvider",
    "process {",
    "[System.Convert]::FromBase64String($input)",
    "$MyInvocation.UnboundArguments[0]",
    "[System.IO.File]::Move(",
];
/// What the script calls that puts out a file.
const FETCH: &[&str] = &[
    "$MyInvocation.UnboundArguments[0]",
    "-PathType Container",
    "SHA1CryptoServiceProvider",
    ".OpenRead()",
    "[System.Convert]::ToBase64String(",
    ".TransformFinalBlock(",
];

/// How our own script begins.
const OWN: &str = "# The calls of Invoke-FileStream";

/// Largest file that is put out as one text, in bytes.
const LARGEST: u64 = 128 << 20;

/// What stands for a script that is known.
pub(crate) fn known_script(command: &Command, files: &Arc<Files>) -> Option<Box<dyn Stage>> {
    if !command.is_script {
        return None;
    }
    if command.text.starts_with(OWN) {
        return own(command, files);
    }
    let path = || command.parameters.first().map(|path| text(&path.value)).unwrap_or_default();
    if calls(&command.text, COPY) {
        return Some(Box::new(Copy { files: Arc::clone(files), path: path(), last: None, part: None }));
    }
    calls(&command.text, FETCH)
        .then(|| -> Box<dyn Stage> { Box::new(Fetch { files: Arc::clone(files), path: path() }) })
}

/// The command that our own script stands for; none for arguments that it does not take.
fn own(command: &Command, files: &Arc<Files>) -> Option<Box<dyn Stage>> {
    let known = stream::command(files);
    let arguments = command.parameters.iter().map(|parameter| match &parameter.name {
        Some(name) => Argument::Named(name.to_string(), Some(parameter.value.clone())),
        None => Argument::Positional(parameter.value.clone()),
    });
    bind(known.info(), arguments.collect(), true).and_then(|bound| known.start(bound)).ok()
}

fn calls(script: &str, parts: &[&str]) -> bool {
    let mut rest = script;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Takes the parts of a file in base64, then the SHA-1 of the whole, and puts it in its place.
struct Copy {
    files: Arc<Files>,
    path: String,
    /// What came last: the SHA-1 if nothing else comes.
    last: Option<Vec<u8>>,
    part: Option<Part>,
}

/// A file that arrives; gone with its pipeline unless it was put in its place.
struct Part {
    files: Arc<Files>,
    at: Place,
    to: Place,
    file: File,
    hash: Sha1,
}

impl Drop for Part {
    fn drop(&mut self) {
        // Not there any more where it was moved.
        let removed = self.files.remove(&self.at);
        tracing::trace!(?removed, "the file of a copy is dropped");
    }
}

impl Stage for Copy {
    fn begin(&mut self, cx: &mut Context<'_>) -> Outcome {
        let to = self.files.place(&self.path).map_err(|refusal| cx.fail(refused("path", &refusal)))?;
        let at = to.sibling(&format!(".windlass-{}.part", uuid::Uuid::new_v4()));
        let has_directory = |at: &Place| at.parent().is_some_and(|parent| self.files.is_directory(&parent));
        let Some(at) = at.filter(has_directory) else {
            let error = std::io::ErrorKind::NotADirectory.into();
            return Err(cx.fail(ended(&error, &to)));
        };
        let file = self.files.create(&at).map_err(|error| cx.fail(ended(&error, &to)))?;
        self.part = Some(Part { files: Arc::clone(&self.files), at, to, file, hash: Sha1::new() });
        Ok(())
    }

    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let (Some(input), Some(part)) = (input, &mut self.part) else { return Ok(()) };
        if let Some(bytes) = &self.last {
            part.hash.update(bytes);
            part.file.write_all(bytes).map_err(|error| cx.fail(ended(&error, &part.to)))?;
        }
        let bytes = from_base64(input.as_str().unwrap_or_default());
        self.last = Some(bytes.ok_or_else(|| thrown(cx, "The input is not a valid Base-64 string."))?);
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        let actual = hex(&std::mem::take(&mut part.hash).finalize());
        let expected = self.last.take().unwrap_or_default();
        if actual.as_bytes() != expected {
            let expected = String::from_utf8_lossy(&expected).into_owned();
            let message =
                format!("Transport failure, hash mismatch\r\nActual: {actual}\r\nExpected: {expected}");
            return Err(thrown(cx, &message));
        }
        self.files.replace(&part.at, &part.to).map_err(|error| cx.fail(ended(&error, &part.to)))?;
        cx.write(part.to.shown())
    }
}

/// Puts out a file in base64, then its SHA-1.
struct Fetch {
    files: Arc<Files>,
    path: String,
}

impl Stage for Fetch {
    fn process(&mut self, _cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let at = self.files.place(&self.path).map_err(|refusal| cx.fail(refused("path", &refusal)))?;
        let shown = at.shown();
        if self.files.is_directory(&at) {
            return Err(thrown(cx, &format!("The path at '{shown}' is a directory, src must be a file")));
        }
        let Ok(entry) = self.files.entry(&at) else {
            return Err(thrown(cx, &format!("The path at '{shown}' does not exist")));
        };
        if entry.length > LARGEST {
            let message =
                format!("The file at '{shown}' is larger than the {LARGEST} bytes that go into one text");
            return Err(thrown(cx, &message));
        }
        let mut bytes = Vec::new();
        let read = self.files.read(&at).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
        read.map_err(|error| cx.fail(ended(&error, &at)))?;
        cx.write(base64_simd::STANDARD.encode_to_string(&bytes))?;
        cx.write(hex(&Sha1::digest(&bytes)))
    }
}

/// As `throw` does.
fn thrown(cx: &Context<'_>, message: &str) -> Halt {
    let failure = Failure::new(exceptions::RUNTIME, message, ErrorCategory::OperationStopped, message);
    cx.fail(failure.about(message).with_bare_id())
}
