//! One recorded session.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use uuid::Uuid;
use windlass_clixml::{Limits, PsValue};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::outofproc::{ERROR_PREFIX, Packet};
use windlass_psrp::{Message, MessageType, Stream};

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// One line of the session; `None` where that side closed its output.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) side: Side,
    pub(super) text: Option<String>,
}

/// A message with what it came in.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) side: Side,
    pub(super) pipeline: Option<Uuid>,
    pub(super) stream: Stream,
    pub(super) kind: MessageType,
    pub(super) pool: Uuid,
    /// The whole message, header included.
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Recording {
    pub(super) lines: Vec<Line>,
    /// What the client saw, by the name of the step; null where only lines were recorded.
    pub(super) steps: Value,
}

impl Recording {
    pub(super) fn load(folder: &Path, name: &str) -> Result<Self, String> {
        let read = |extension: &str| {
            std::fs::read_to_string(folder.join(format!("{name}.{extension}")))
                .map_err(|error| error.to_string())
        };
        let mut lines = Vec::new();
        for line in read("jsonl")?.lines() {
            let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let side = match line.get("from").and_then(Value::as_str) {
                Some("client") => Side::Client,
                Some("server") => Side::Server,
                _ => continue,
            };
            lines.push(Line { side, text: line.get("line").and_then(Value::as_str).map(str::to_owned) });
        }
        let case: Value = serde_json::from_str(&read("json")?).map_err(|error| error.to_string())?;
        Ok(Self { lines, steps: case.get("steps").cloned().unwrap_or_default() })
    }

    /// Every message, in the order in which it was complete.
    pub(super) fn messages(&self) -> Result<Vec<Found>, String> {
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for line in &self.lines {
            for packet in line.packets()? {
                all.extend(reader.read(line.side, &packet)?);
            }
        }
        Ok(all)
    }

    /// The key that protects secrets, where the session settled on one.
    pub(super) fn session_key(&self) -> Option<Vec<u8>> {
        let text = self.steps.get("session_key")?.get("v")?.as_str()?;
        (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
    }
}

impl Line {
    /// The elements of the line; none for a report of an error and for the end.
    pub(super) fn packets(&self) -> Result<Vec<Packet>, String> {
        match &self.text {
            None => Ok(Vec::new()),
            Some(text) if text.starts_with(ERROR_PREFIX) => Ok(Vec::new()),
            Some(text) => Packet::decode_line(text),
        }
    }
}

impl Found {
    pub(super) fn message(&self) -> Result<Message<'_>, String> {
        Message::decode(&self.bytes).map_err(|error| error.to_string())
    }

    /// The data, decoded.
    pub(super) fn value(&self) -> Result<PsValue, String> {
        let message = self.message()?;
        if message.data.is_empty() {
            return Ok(PsValue::Null);
        }
        // Servers write deeper than clients read.
        windlass_clixml::decode(message.data, &Limits::default().with_depth(200))
            .map_err(|error| error.to_string())
    }
}

/// The data of a message without the build of the program that wrote it.
pub(super) fn without_build(data: &str) -> String {
    data.replace("Version=7.6.0.500,", "Version=7.6.5.0,")
}

/// Puts messages together from the packets of both sides.
#[derive(Default)]
pub(super) struct Reader {
    inboxes: BTreeMap<(bool, Option<Uuid>, Stream), Defragmenter>,
}

impl Reader {
    pub(super) fn read(&mut self, side: Side, packet: &Packet) -> Result<Vec<Found>, String> {
        let Packet::Data { id, stream, data } = packet else { return Ok(Vec::new()) };
        let key = (side == Side::Client, *id, *stream);
        let inbox = self.inboxes.entry(key).or_insert_with(|| Defragmenter::new(FragmentLimits::default()));
        let mut objects = inbox.push(data);
        let mut found = Vec::new();
        while let Some(object) = objects.next().map_err(|error| error.to_string())? {
            let message = Message::decode(object.data).map_err(|error| error.to_string())?;
            found.push(Found {
                side,
                pipeline: *id,
                stream: *stream,
                kind: message.kind,
                pool: message.pool,
                bytes: object.data.to_vec(),
            });
        }
        Ok(found)
    }
}
