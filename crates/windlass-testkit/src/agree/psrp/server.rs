//! Our server, fed the recorded client's lines; what its pipelines write is what the recorded ones
//! wrote.

use std::collections::BTreeMap;

use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::host::HostCall;
use windlass_psrp::outofproc::{Packet, ServerLink};
use windlass_psrp::payload::{
    Availability, PipelineStateMessage, RunspaceAvailability, UserEvent, progress_from_value,
};
use windlass_psrp::{
    ErrorRecord, InformationRecord, InformationalKind, InformationalRecord, MessageType, Payload,
    PipelineState, ProtocolVersion, PsrpError, ServerEvent, ServerOptions, ServerPool,
};

use super::recording::{Found, Reader, Recording, Side};
use crate::agree::clixml::same_text;

pub(super) fn check(recording: &Recording) -> Result<(), String> {
    let mut session = Session::new(recording)?;
    let mut theirs = Reader::default();
    let mut expected = Vec::new();
    let mut acks = BTreeMap::new();
    for (index, line) in recording.lines.iter().enumerate() {
        let at = |error: String| format!("line {}: {error}", index + 1);
        match (line.side, &line.text) {
            (Side::Client, None) => session.link.receive_eof(),
            (Side::Client, Some(text)) => session.client_says(text).map_err(at)?,
            (Side::Server, _) => {
                for packet in line.packets().map_err(at)? {
                    let messages = theirs.read(Side::Server, &packet).map_err(at)?;
                    for found in &messages {
                        session.write_likewise(found).map_err(at)?;
                    }
                    expected.extend(messages);
                    count_ack(&packet, &mut acks);
                }
            }
        }
        session.take_output().map_err(at)?;
    }
    session.compare(&expected, &acks, ended_by_itself(recording))
}

/// Whether the recorded server died before it could say goodbye.
fn ended_by_itself(recording: &Recording) -> bool {
    let server_closed = recording.lines.iter().any(|line| line.side == Side::Server && line.text.is_none());
    server_closed && !recording.lines.iter().any(|line| line.side == Side::Client && line.text.is_none())
}

type Acks = BTreeMap<(&'static str, Option<Uuid>), usize>;

fn count_ack(packet: &Packet, acks: &mut Acks) {
    let key = match packet {
        Packet::DataAck(id) => ("DataAck", *id),
        Packet::CommandAck(id) => ("CommandAck", *id),
        Packet::SignalAck(id) => ("SignalAck", *id),
        Packet::CloseAck(id) => ("CloseAck", *id),
        _ => return,
    };
    *acks.entry(key).or_insert(0) += 1;
}

struct Session {
    link: ServerLink,
    ours: Reader,
    sent: Vec<Found>,
    acks: Acks,
    resets: Vec<i64>,
}

impl Session {
    fn new(recording: &Recording) -> Result<Self, String> {
        let messages = recording.messages()?;
        let private = messages.iter().find(|found| found.kind == MessageType::ApplicationPrivateData);
        let private = private.map(Found::value).transpose()?.unwrap_or_default();
        let options = ServerOptions {
            application_private_data: private.get("ApplicationPrivateData").cloned().unwrap_or_default(),
            protocol_version: ProtocolVersion::V2_4,
            transport_encrypts: true,
            ..ServerOptions::default()
        };
        Ok(Self {
            link: ServerLink::new(ServerPool::new(options)),
            ours: Reader::default(),
            sent: Vec::new(),
            acks: Acks::new(),
            resets: Vec::new(),
        })
    }

    fn client_says(&mut self, line: &str) -> Result<(), String> {
        let line = format!("{line}\n");
        self.link.receive(line.as_bytes()).map_err(|error| format!("refused: {error}"))?;
        while let Some(event) = self.link.pool.poll_event() {
            if let ServerEvent::ResetRunspaceState { call_id } = event {
                self.resets.push(call_id);
            }
        }
        Ok(())
    }

    /// Writes what the recorded server wrote, unless it writes that by itself.
    fn write_likewise(&mut self, found: &Found) -> Result<(), String> {
        let value = found.value()?;
        self.write(found, &value).map_err(|error| format!("{}: {error}", found.kind))
    }

    fn write(&mut self, found: &Found, value: &PsValue) -> Result<(), PsrpError> {
        let pool = &mut self.link.pool;
        let id = found.pipeline.unwrap_or_default();
        let informational = InformationalRecord::from_value;
        match found.kind {
            MessageType::PipelineOutput => pool.write_output(id, value),
            MessageType::ErrorRecord => pool.write_error(id, &ErrorRecord::from_value(value)?),
            MessageType::WarningRecord => {
                pool.write_informational(id, InformationalKind::Warning, &informational(value)?)
            }
            MessageType::VerboseRecord => {
                pool.write_informational(id, InformationalKind::Verbose, &informational(value)?)
            }
            MessageType::DebugRecord => {
                pool.write_informational(id, InformationalKind::Debug, &informational(value)?)
            }
            MessageType::InformationRecord => {
                pool.write_information(id, &InformationRecord::from_value(value)?)
            }
            MessageType::ProgressRecord => pool.write_progress(id, &progress_from_value(value)?),
            MessageType::PipelineState => {
                let PipelineStateMessage { state, error } = PipelineStateMessage::from_value(value)?;
                pool.complete(id, state, error)
            }
            MessageType::PipelineHostCall => match HostCall::from_value(value) {
                Ok(call) => pool.host_call(id, call.method).map(drop),
                // A call that cannot be typed is sent as it is.
                Err(_) => {
                    pool.write_raw(found.kind, found.pipeline, value);
                    Ok(())
                }
            },
            MessageType::RunspacePoolHostCall => {
                pool.pool_host_call(HostCall::from_value(value)?.method).map(drop)
            }
            MessageType::UserEvent => pool.write_user_event(&UserEvent::from_value(value)?),
            MessageType::RunspaceAvailability => {
                let RunspaceAvailability { call_id, answer } = RunspaceAvailability::from_value(value)?;
                match answer {
                    Availability::Done(done) if self.resets.contains(&call_id) => {
                        pool.reset_done(call_id, done)
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn take_output(&mut self) -> Result<(), String> {
        while let Some(bytes) = self.link.poll_transmit() {
            let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
            for line in text.lines() {
                for packet in Packet::decode_line(line)? {
                    self.sent.extend(self.ours.read(Side::Server, &packet)?);
                    count_ack(&packet, &mut self.acks);
                }
            }
        }
        Ok(())
    }

    fn compare(&self, theirs: &[Found], acks: &Acks, died: bool) -> Result<(), String> {
        let mut streams: Vec<Option<Uuid>> =
            theirs.iter().chain(&self.sent).map(|found| found.pipeline).collect();
        streams.sort();
        streams.dedup();
        for pipeline in streams {
            let of = |all: &[Found]| -> Vec<Found> {
                all.iter().filter(|found| found.pipeline == pipeline).cloned().collect()
            };
            let (ours, theirs) = (of(&self.sent), of(theirs));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                compare_message(ours, theirs)?;
            }
            if ours.len() != theirs.len() {
                return Err(format!("{} messages sent, PowerShell sent {}", ours.len(), theirs.len()));
            }
        }
        // Where the other side died, nobody waits for what it had not acknowledged.
        if self.acks != *acks && !died {
            return Err(format!("acknowledged {:?}, PowerShell {acks:?}", self.acks));
        }
        Ok(())
    }
}

fn compare_message(ours: &Found, theirs: &Found) -> Result<(), String> {
    if ours.kind != theirs.kind {
        return Err(format!("{} sent, PowerShell sent {}", ours.kind, theirs.kind));
    }
    // Every server has a key of its own, and every client gets it under another.
    if ours.kind == MessageType::EncryptedSessionKey || ours.bytes == theirs.bytes {
        return Ok(());
    }
    let (ours, theirs) = (ours.message()?, theirs.message()?);
    same_text(ours.kind.name(), theirs.data, ours.data)?;
    Err(format!("{} has another header", ours.kind))
}

/// Runs `1..5` as the pipeline of every recorded wrong input does.
pub(super) fn count_to_five(pool: &mut ServerPool, id: Uuid) -> Result<(), PsrpError> {
    for number in 1..=5 {
        pool.write_output(id, &PsValue::from(number))?;
    }
    pool.complete(id, PipelineState::Completed, None)
}
