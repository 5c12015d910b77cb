//! Conversations that are kept, and that are played back in place of a host.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use windlass_psrp::fragment::split;
use windlass_soap::Limits;
use windlass_wsman::{
    Create, Expectation, Fault, FaultCode, Item, Operation, Payload, Reply, Request, Xml, decode_request,
    decode_response,
};

use crate::Error;

/// Longest line of a recording.
const LONGEST: usize = 64 << 20;

/// One message and its answer, as a line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Milliseconds since the recording began.
    ms: u64,
    request: String,
    status: u16,
    response: String,
}

/// Writes messages and their answers into a file, a line of JSON each, as `MockHostBuilder::replay` reads them.
pub struct Recorder {
    file: Mutex<File>,
    began: Instant,
}

impl Recorder {
    /// Begins a file of its own in a folder, which is made where it is not there.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn new(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { path: folder.display().to_string(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        for number in 1_u32.. {
            let path = folder.join(format!("wsman-{number}.jsonl"));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            // What was said is for the eyes of those who said it.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Ok(file) => return Ok(Self { file: Mutex::new(file), began: Instant::now() }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Error::File { path: path.display().to_string(), source }),
            }
        }
        Err(failed(std::io::Error::other("it is full of recordings")))
    }

    /// Keeps a message and its answer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, request: &str, status: u16, response: &str) -> std::io::Result<()> {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = Line { ms, request: request.to_owned(), status, response: response.to_owned() };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = serde_json::to_string(&line).map_err(std::io::Error::other)?;
        text.push('\n');
        file.write_all(text.as_bytes())
    }
}

/// Answers as was recorded.
pub(crate) struct Player(Mutex<Played>);

struct Played {
    entries: Vec<Entry>,
    /// Ids of the recorded client and those that stand for them now.
    ids: HashMap<String, String>,
}

struct Entry {
    action: String,
    line: Line,
    played: bool,
}

impl Player {
    /// Reads all recordings of a folder, one after the other.
    pub(crate) fn new(folder: &Path) -> Result<Self, Error> {
        let failed = |path: &Path, source| Error::File { path: path.display().to_string(), source };
        let mut paths = Vec::new();
        for found in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
            let path = found.map_err(|error| failed(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut entries = Vec::new();
        for path in paths {
            let file = File::open(&path).map_err(|error| failed(&path, error))?;
            for (place, line) in BufReader::new(file).lines().enumerate() {
                let line = line.map_err(|error| failed(&path, error))?;
                let bad = |reason: String| {
                    let reason = format!("line {}: {reason}", place + 1);
                    failed(&path, std::io::Error::new(std::io::ErrorKind::InvalidData, reason))
                };
                if line.len() > LONGEST {
                    return Err(bad(format!("longer than {LONGEST} bytes")));
                }
                let line: Line = serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
                let request =
                    decode_request(&line.request, &limits()).map_err(|error| bad(error.to_string()))?;
                let action = request.header.action.unwrap_or_default();
                entries.push(Entry { action, line, played: false });
            }
        }
        Ok(Self(Mutex::new(Played { entries, ids: HashMap::new() })))
    }

    /// The recorded answer to the next message with this action: a status, and an envelope made by `encode`.
    pub(crate) fn answer(
        &self,
        request: &Request<'_>,
        encode: impl FnOnce(Reply<'_>) -> String,
    ) -> Option<(u16, String)> {
        let mut played = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Played { entries, ids } = &mut *played;
        let action = request.header.action.as_deref().unwrap_or_default();
        let entry = entries.iter_mut().find(|entry| !entry.played && entry.action == action)?;
        entry.played = true;
        if let Ok(recorded) = decode_request(&entry.line.request, &limits()) {
            learn(ids, &recorded, request);
        }
        let mut reply =
            decode_response(&entry.line.response, &Expectation::unchecked(), &limits()).ok()?.reply;
        replace(ids, &mut reply);
        Some((entry.line.status, encode(reply)))
    }

    /// What is answered where the recording has nothing.
    pub(crate) fn nothing_left(action: &str) -> Fault {
        let text = format!("The recordings have no more answer to {action}.");
        Fault::new(FaultCode::OPERATION_ABORTED).with_message(text)
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.xml.total = LONGEST;
    limits.xml.text = LONGEST;
    limits
}

/// Learns which ids stand for those of the recorded client.
fn learn(ids: &mut HashMap<String, String>, recorded: &Request<'_>, now: &Request<'_>) {
    let pair = match (&recorded.operation, &now.operation) {
        (Operation::Create(Create::Shell(recorded)), Operation::Create(Create::Shell(now))) => {
            (recorded.shell_id.clone(), now.shell_id.clone())
        }
        (Operation::Command(recorded), Operation::Command(now)) => {
            (recorded.command_id.clone(), now.command_id.clone())
        }
        _ => return,
    };
    if let (Some(recorded), Some(now)) = pair {
        ids.insert(recorded.to_uppercase(), now);
    }
}

/// Puts the ids of the client that is there into an answer.
fn replace(ids: &HashMap<String, String>, reply: &mut Reply<'_>) {
    let id = |id: &mut String| {
        if let Some(now) = ids.get(&id.to_uppercase()) {
            id.clone_from(now);
        }
    };
    match reply {
        Reply::Create(created) => {
            if let Some(shell) = &mut created.shell {
                shell.shell_id.iter_mut().for_each(id);
            }
            if let Some(resource) = &mut created.resource
                && let Some(mut shell) = resource.selectors.get("ShellId").map(str::to_owned)
            {
                id(&mut shell);
                resource.selectors = windlass_soap::SelectorSet::new().with("ShellId", shell);
            }
        }
        Reply::Command(started) => id(&mut started.command_id),
        Reply::Connect(connected) => {
            if let Some(answer) = &mut connected.connect_response_xml
                && let Ok(data) = answer.to_vec()
                && let Some(data) = with_ids(ids, &data)
            {
                *answer = Payload::Bytes(data.into());
            }
        }
        Reply::Enumerate(page) | Reply::Pull(page) => {
            for item in &mut page.items {
                if let Item::Object(xml) = item {
                    *xml = Xml::from(with_ids_in_text(ids, &xml.to_standalone()));
                }
            }
        }
        Reply::Receive(output) => {
            for stream in &mut output.streams {
                if let Some(now) = stream.command_id.as_deref().and_then(|id| ids.get(&id.to_uppercase())) {
                    stream.command_id = Some(now.clone().into());
                }
                if let Ok(data) = stream.data.to_vec()
                    && let Some(data) = with_ids(ids, &data)
                {
                    stream.data = Payload::Bytes(data.into());
                }
            }
            if let Some(state) = &mut output.state {
                state.command_id.iter_mut().for_each(id);
            }
        }
        _ => {}
    }
}

/// What describes a shell or a command, with the ids in it replaced.
fn with_ids_in_text(ids: &HashMap<String, String>, text: &str) -> String {
    ids.iter().fold(text.to_owned(), |text, (recorded, now)| text.replace(recorded, now))
}

/// PSRP fragments with the ids in the heads of their messages replaced; `None` for other data.
fn with_ids(ids: &HashMap<String, String>, data: &[u8]) -> Option<Vec<u8>> {
    const POOL: usize = 8;
    const PIPELINE: usize = 24;
    let mut out = Vec::with_capacity(data.len());
    for (header, piece) in split(data).ok()? {
        out.extend_from_slice(&header.encode());
        let mut piece = piece.to_vec();
        for place in [POOL, PIPELINE] {
            if header.start
                && let Some(bytes) =
                    piece.get_mut(place..place + 16).and_then(|bytes| bytes.first_chunk_mut::<16>())
                && let Some(now) = ids.get(&Uuid::from_bytes_le(*bytes).to_string().to_uppercase())
                && let Ok(now) = Uuid::try_parse(now)
            {
                *bytes = now.to_bytes_le();
            }
        }
        out.extend_from_slice(&piece);
    }
    Some(out)
}
