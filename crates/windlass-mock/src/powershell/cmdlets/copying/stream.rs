//! `Invoke-FileStream`: takes and gives files as streams of bytes, one pipeline for as much as its client
//! likes, and checks them.
//!
//! A file arrives in a file beside its destination, which takes its place when it is whole and its SHA-256
//! is right. What arrived until a connection broke stays there, so that a client can go on behind it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

use super::{ended, hex, local, number, refused, system_time, table};
use crate::files::{Files, Place, Turn};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Halt, Outcome, Stage, stage};
use crate::powershell::command::CommandInfo;
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};

const NAME: &str = "Invoke-FileStream";

const SETS: &[&str] = &[
    "-Describe <string>",
    "-List <string>",
    "-Hash <string> -Length <long>",
    "-Send <string> [-Offset <long>] [-Count <long>]",
    "-Receive <string> [-Offset <long>]",
    "-Complete <string> -Destination <string> -Length <long> -Sha256 <string> [-LastWriteTimeUtc <datetime>] [-ReadOnly] [-Force]",
    "-NewFolder <string>",
    "-SetTime <string> -LastWriteTimeUtc <datetime>",
    "-Discard <string>",
];

/// Bytes that are given, read or hashed at a time.
const CHUNK: usize = 64 * 1024;

pub(super) fn command(files: &Arc<Files>) -> Arc<dyn Cmdlet> {
    let info = CommandInfo::new(NAME, SETS);
    debug_assert!(info.is_ok(), "{info:?}");
    let info = info.unwrap_or_else(|_| CommandInfo::empty(NAME));
    let info = info.synopsis("Takes and gives files as streams of bytes.");
    let files = Arc::clone(files);
    stage(info, move |call| Ok(FileStream { files: Arc::clone(&files), call, incoming: None }))
}

struct FileStream {
    files: Arc<Files>,
    call: Bound,
    incoming: Option<Incoming>,
}

/// The file that arrives.
struct Incoming {
    at: Place,
    file: File,
    turn: Turn,
    /// Of all of it; none where its beginning was there already.
    hash: Option<Sha256>,
}

impl Stage for FileStream {
    fn begin(&mut self, cx: &mut Context<'_>) -> Outcome {
        if self.call.has("Receive") {
            let at = self.place("Receive", cx)?;
            let turn = self.files.take_turn(&at);
            let offset = self.natural("Offset");
            let opened = turn.with(|| match offset {
                0 => self.files.create(&at),
                from => self.files.go_on(&at, from),
            });
            let file = opened.map_err(|error| cx.fail(ended(&error, &at)))?;
            let hash = (offset == 0).then(Sha256::new);
            self.incoming = Some(Incoming { at, file, turn, hash });
        }
        Ok(())
    }

    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let (Some(input), Some(incoming)) = (input, &mut self.incoming) else { return Ok(()) };
        let Some(bytes) = input.as_bytes() else {
            let message = "The input is no array of bytes.";
            let category = ErrorCategory::InvalidData;
            return Err(cx.fail(Failure::new(exceptions::ARGUMENT, "NoBytes", category, message)));
        };
        let Incoming { at, file, turn, hash } = incoming;
        turn.with(|| file.write_all(bytes)).map_err(|error| cx.fail(ended(&error, at)))?;
        if let Some(hash) = hash {
            hash.update(bytes);
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        if let Some(incoming) = self.incoming.take() {
            return self.arrived(incoming, cx);
        }
        type Work = fn(&FileStream, &Place, &mut Context<'_>) -> Outcome;
        let known: [(&str, Work); 8] = [
            ("Describe", FileStream::describe),
            ("List", FileStream::list),
            ("Hash", FileStream::hash),
            ("Send", FileStream::send),
            ("Complete", FileStream::complete),
            ("NewFolder", FileStream::new_folder),
            ("SetTime", FileStream::set_time),
            ("Discard", FileStream::discard),
        ];
        match known.into_iter().find(|(parameter, _)| self.call.has(parameter)) {
            Some((parameter, work)) => work(self, &self.place(parameter, cx)?, cx),
            None => Ok(()),
        }
    }
}

impl FileStream {
    fn place(&self, parameter: &str, cx: &Context<'_>) -> Result<Place, Halt> {
        super::place(&self.files, &self.call, parameter, cx)
    }

    fn natural(&self, parameter: &str) -> u64 {
        self.call.integer(parameter).and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
    }

    /// Says how long a file is that has arrived.
    fn arrived(&self, incoming: Incoming, cx: &mut Context<'_>) -> Outcome {
        let Incoming { at, mut file, turn, hash } = incoming;
        let length = file.stream_position().map_err(|error| cx.fail(ended(&error, &at)))?;
        if let Some(hash) = hash {
            // Where another copy has begun meanwhile, the file is not what was hashed.
            let entry = turn.with(|| self.files.entry(&at));
            if let Some(entry) = entry.ok().filter(|entry| entry.length == length) {
                self.files.remember_hash(&at, entry, hash.finalize().into());
            }
        }
        cx.write(table([("Length", number(length))]))
    }

    /// What a path with wildcards stands for: a table for each.
    fn describe(&self, _at: &Place, cx: &mut Context<'_>) -> Outcome {
        let found = self.files.matching(&self.call.text("Describe").unwrap_or_default());
        let found = found.map_err(|refusal| cx.fail(refused("Describe", &refusal)))?;
        found.iter().try_for_each(|at| self.write_entry(at, cx))
    }

    fn list(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        let listed = self.files.list(at).map_err(|error| cx.fail(ended(&error, at)))?;
        listed.iter().try_for_each(|(at, _)| self.write_entry(at, cx))
    }

    fn write_entry(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        // It may be gone since it was listed.
        let Ok(entry) = self.files.entry(at) else { return Ok(()) };
        cx.write(table([
            ("Name", at.name().into()),
            ("FullName", at.shown().into()),
            ("IsDirectory", entry.is_directory.into()),
            ("Length", number(entry.length)),
            ("LastWriteTimeUtc", local(entry.written).to_utc().into()),
            ("IsReadOnly", entry.is_read_only.into()),
        ]))
    }

    /// The hash of the first bytes of a file.
    fn hash(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        let (length, sha256) = self.digest(at, self.natural("Length"), cx)?;
        cx.write(table([("Length", number(length)), ("Sha256", sha256.into())]))
    }

    fn digest(&self, at: &Place, most: u64, cx: &Context<'_>) -> Result<(u64, String), Halt> {
        if let Some((length, sha256)) = self.files.known_hash(at).filter(|(length, _)| *length <= most) {
            return Ok((length, hex(&sha256)));
        }
        let failed = |error: std::io::Error| cx.fail(ended(&error, at));
        let mut file = self.files.read(at).map_err(failed)?.take(most);
        let mut hash = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        let mut length = 0;
        loop {
            cx.check()?;
            let count = file.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                return Ok((length, hex(&hash.finalize())));
            }
            hash.update(buffer.get(..count).unwrap_or_default());
            length += u64::try_from(count).unwrap_or_default();
        }
    }

    /// The bytes of a part of a file, then how long the file is.
    fn send(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        let (offset, count) = (self.natural("Offset"), self.call.integer("Count"));
        let count = count.and_then(|count| u64::try_from(count).ok()).unwrap_or(u64::MAX);
        let before = self.files.entry(at).ok().filter(|entry| offset == 0 && entry.is_settled());
        let mut file = self.files.read(at).map_err(|error| cx.fail(ended(&error, at)))?;
        file.seek(SeekFrom::Start(offset)).map_err(|error| cx.fail(ended(&error, at)))?;
        let mut hash = before.is_some().then(Sha256::new);
        let mut sent = 0;
        let mut part = (&mut file).take(count);
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = part.read(&mut buffer).map_err(|error| cx.fail(ended(&error, at)))?;
            if count == 0 {
                break;
            }
            let piece = buffer.get(..count).unwrap_or_default();
            if let Some(hash) = &mut hash {
                hash.update(piece);
            }
            sent += u64::try_from(count).unwrap_or_default();
            cx.write(PsValue::bytes(piece))?;
        }
        if let (Some(before), Some(hash)) = (before.filter(|entry| entry.length == sent), hash) {
            self.files.remember_hash(at, before, hash.finalize().into());
        }
        let length = file.metadata().map_err(|error| cx.fail(ended(&error, at)))?.len();
        cx.write(table([("Length", number(length))]))
    }

    /// Puts what has arrived in its place, if it is what was sent.
    fn complete(&self, part: &Place, cx: &mut Context<'_>) -> Outcome {
        let to = self.place("Destination", cx)?;
        let expected = (self.natural("Length"), self.call.text("Sha256").unwrap_or_default());
        let found = self.digest(part, u64::MAX, cx)?;
        if found.0 != expected.0 || !found.1.eq_ignore_ascii_case(&expected.1) {
            let removed = self.files.remove(part);
            tracing::debug!(?removed, "a file that did not arrive as it was sent is dropped");
            let message = format!(
                "The file '{}' did not arrive as it was sent: {} bytes with SHA-256 {}, expected {} bytes with {}.",
                to.shown(),
                found.0,
                found.1,
                expected.0,
                expected.1
            );
            let category = ErrorCategory::InvalidData;
            return Err(cx.fail(Failure::new(exceptions::IO, "HashMismatch", category, message)));
        }
        self.put(part, &to).map_err(|error| cx.fail(ended(&error, &to)))?;
        cx.write(table([
            ("FullName", to.shown().into()),
            ("Length", number(found.0)),
            ("Sha256", found.1.into()),
        ]))
    }

    fn put(&self, part: &Place, to: &Place) -> std::io::Result<()> {
        if let Ok(entry) = self.files.entry(to)
            && (entry.is_directory || (entry.is_read_only && !self.call.switch("Force")))
        {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        }
        let time = self.call.get("LastWriteTimeUtc").and_then(PsValue::as_datetime).and_then(system_time);
        if let Some(time) = time {
            self.files.set_written(part, time)?;
        }
        self.files.replace(part, to)?;
        if self.call.switch("ReadOnly") { self.files.set_read_only(to, true) } else { Ok(()) }
    }

    fn new_folder(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        let is_new = self.files.entry(at).is_err();
        self.files.create_directory(at).map_err(|error| cx.fail(ended(&error, at)))?;
        cx.write(table([("FullName", at.shown().into()), ("IsNew", is_new.into())]))
    }

    fn set_time(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        let time = self.call.get("LastWriteTimeUtc").and_then(PsValue::as_datetime).and_then(system_time);
        let set = time.map_or(Ok(()), |time| self.files.set_written(at, time));
        set.map_err(|error| cx.fail(ended(&error, at)))
    }

    fn discard(&self, at: &Place, cx: &mut Context<'_>) -> Outcome {
        match self.files.remove(at) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cx.fail(ended(&error, at))),
            _ => Ok(()),
        }
    }
}
