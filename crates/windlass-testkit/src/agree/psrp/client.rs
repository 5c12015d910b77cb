//! Our client, driven as the recorded one was and fed the recorded server's lines.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;
use windlass_clixml::{PsObject, PsValue};
use windlass_psrp::host::{HostCall, HostResponse};
use windlass_psrp::outofproc::{ClientLink, ERROR_PREFIX, Packet};
use windlass_psrp::payload::{Availability, InitRunspacePool, SessionCapability, SetRunspaces, UserEvent};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, GetCommandMetadata, InformationalKind, KeyPair, Message,
    MessageType, Payload, PipelineState, PoolOptions, PoolState, SessionKey, Stream,
};

use super::host_calls;
use super::recording::{Found, Reader, Recording, Side, without_build};
use super::records::{compare_values, error_value};
use super::streams::{Pipelines, revealer};
use crate::agree::clixml::{describe, same_text};

pub(super) fn check(recording: &Recording) -> Result<(), String> {
    let mut session = Session::new(recording)?;
    let mut theirs = Reader::default();
    let mut sent = Vec::new();
    for (index, line) in recording.lines.iter().enumerate() {
        let at = |error: String| format!("line {}: {error}", index + 1);
        match (line.side, &line.text) {
            (Side::Client, None) => {}
            (Side::Server, None) => session.link.receive_eof(),
            (Side::Server, Some(text)) if text.starts_with(ERROR_PREFIX) => {}
            (Side::Server, Some(_)) => {
                for packet in line.packets().map_err(at)? {
                    session.server_says(&packet).map_err(at)?;
                }
            }
            (Side::Client, Some(_)) => {
                for packet in line.packets().map_err(at)? {
                    let messages = theirs.read(Side::Client, &packet).map_err(at)?;
                    session.do_likewise(&packet, &messages).map_err(at)?;
                    sent.extend(messages);
                }
            }
        }
        session.take_output().map_err(at)?;
        session.take_events();
    }
    session.compare_messages(&sent)?;
    session.compare_steps(recording)
}

struct Session {
    link: ClientLink,
    ours: Reader,
    sent: Vec<Found>,
    pipelines: Pipelines,
    open_calls: BTreeMap<(Option<Uuid>, i64), HostCall>,
    host_calls: Vec<Value>,
    answers: Vec<Availability>,
    events: Vec<UserEvent>,
    private_data: Option<PsValue>,
    session_key: Option<SessionKey>,
    public_key: String,
    broken: bool,
}

impl Session {
    /// A pool with the id and the options of the recorded one.
    fn new(recording: &Recording) -> Result<Self, String> {
        let messages = recording.messages()?;
        let first = |kind| messages.iter().find(|found| found.side == Side::Client && found.kind == kind);
        let capability = first(MessageType::SessionCapability).ok_or("the client states no versions")?;
        let init = first(MessageType::InitRunspacePool).ok_or("the client opens no pool")?;
        let pool_id = init.pool;
        let capability =
            SessionCapability::from_value(&capability.value()?).map_err(|error| error.to_string())?;
        let init = InitRunspacePool::from_value(&init.value()?).map_err(|error| error.to_string())?;
        let options = PoolOptions {
            id: pool_id,
            min_runspaces: init.min_runspaces,
            max_runspaces: init.max_runspaces,
            thread_options: init.thread_options,
            apartment_state: init.apartment_state,
            host_info: init.host_info,
            application_arguments: init.application_arguments,
            protocol_version: capability.protocol,
            transport_encrypts: true,
            ..PoolOptions::default()
        };
        let mut pool = ClientPool::new(options);
        let mut public_key = String::new();
        if first(MessageType::PublicKey).is_some() {
            let key_pair = KeyPair::generate().map_err(|error| error.to_string())?;
            public_key = key_pair.public_blob();
            pool.set_key_pair(key_pair);
        }
        let session_key = recording.session_key().map(|bytes| SessionKey::from_bytes(&bytes)).transpose();
        Ok(Self {
            link: ClientLink::new(pool),
            ours: Reader::default(),
            sent: Vec::new(),
            pipelines: Pipelines::default(),
            open_calls: BTreeMap::new(),
            host_calls: Vec::new(),
            answers: Vec::new(),
            events: Vec::new(),
            private_data: None,
            session_key: session_key.map_err(|error| error.to_string())?,
            public_key,
            broken: false,
        })
    }

    /// Feeds one packet of the recorded server.
    fn server_says(&mut self, packet: &Packet) -> Result<(), String> {
        let line = match (packet, &self.session_key) {
            // Their server sealed the session key for their client's RSA key; ours has another.
            (Packet::Data { id: None, data, .. }, Some(key)) => self.sealed_for_us(data, key)?,
            // Our client's data are acknowledged as they come.
            (Packet::DataAck(_), _) => return Ok(()),
            _ => None,
        };
        let line = line.unwrap_or_else(|| packet.encode()) + "\n";
        self.link.receive(line.as_bytes()).map_err(|error| format!("refused: {error}"))
    }

    fn sealed_for_us(&self, data: &[u8], key: &SessionKey) -> Result<Option<String>, String> {
        let mut reader = Reader::default();
        let packet = Packet::Data { id: None, stream: Stream::Default, data: data.to_vec() };
        let messages = reader.read(Side::Server, &packet)?;
        let [found] = messages.as_slice() else { return Ok(None) };
        if found.kind != MessageType::EncryptedSessionKey {
            return Ok(None);
        }
        let sealed = key.seal_for(&self.public_key).map_err(|error| error.to_string())?;
        let value = windlass_clixml::encode(&PsObject::untyped().with("EncryptedSessionKey", sealed).into());
        let message = Message { data: &value, ..found.message()? }.encode();
        let mut fragmenter = windlass_psrp::fragment::Fragmenter::default();
        let data = fragmenter.fragment(&message);
        Ok(Some(Packet::Data { id: None, stream: Stream::Default, data }.encode()))
    }

    /// Does what the recorded client did.
    fn do_likewise(&mut self, packet: &Packet, messages: &[Found]) -> Result<(), String> {
        let text = |error: windlass_psrp::PsrpError| error.to_string();
        match packet {
            // The pipeline is made when its first message is seen.
            Packet::Command(_) => {}
            Packet::Signal(Some(id)) => self.link.stop(*id).map_err(text)?,
            Packet::Close(Some(id)) => self.link.close_pipeline(*id),
            Packet::Close(None) => self.link.close(),
            Packet::Data { .. } => {
                for found in messages {
                    self.send_likewise(found)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn send_likewise(&mut self, found: &Found) -> Result<(), String> {
        let text = |error: windlass_psrp::PsrpError| error.to_string();
        let value = found.value()?;
        let id = found.pipeline.unwrap_or_default();
        let pool = &mut self.link.pool;
        match found.kind {
            MessageType::SessionCapability => self.link.open().map_err(text)?,
            MessageType::CreatePipeline => {
                let create = CreatePipeline::from_value(&value).map_err(text)?;
                pool.create_pipeline_with_id(id, &create).map_err(text)?;
                self.begin(id)?;
            }
            MessageType::GetCommandMetadata => {
                let request = GetCommandMetadata::from_value(&value).map_err(text)?;
                pool.get_command_metadata_with_id(id, &request).map_err(text)?;
                self.begin(id)?;
            }
            MessageType::PipelineInput => pool.send_input(id, &value).map_err(text)?,
            MessageType::EndOfPipelineInput => pool.end_input(id).map_err(text)?,
            MessageType::SetMaxRunspaces => match SetRunspaces::max_from_value(&value).map_err(text)? {
                SetRunspaces::Max { count, .. } | SetRunspaces::Min { count, .. } => {
                    pool.set_max_runspaces(count).map(drop).map_err(text)?;
                }
            },
            MessageType::SetMinRunspaces => match SetRunspaces::min_from_value(&value).map_err(text)? {
                SetRunspaces::Max { count, .. } | SetRunspaces::Min { count, .. } => {
                    pool.set_min_runspaces(count).map(drop).map_err(text)?;
                }
            },
            MessageType::GetAvailableRunspaces => pool.get_available_runspaces().map(drop).map_err(text)?,
            MessageType::ResetRunspaceState => pool.reset_runspace_state().map(drop).map_err(text)?,
            MessageType::PublicKey => pool.request_session_key().map_err(text)?,
            MessageType::PipelineHostResponse | MessageType::RunspacePoolHostResponse => {
                let response = HostResponse::from_value(&value).map_err(text)?;
                let call = self
                    .open_calls
                    .remove(&(found.pipeline, response.call_id))
                    .ok_or_else(|| format!("call {} did not come", response.call_id))?;
                pool.host_response(found.pipeline, &call, response.reply).map_err(text)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, id: Uuid) -> Result<(), String> {
        self.pipelines.begin(id);
        self.link.start(id);
        self.take_output()?;
        // Their server acknowledged the command before the data came.
        let line = Packet::CommandAck(Some(id)).encode() + "\n";
        self.link.receive(line.as_bytes()).map_err(|error| error.to_string())
    }

    fn take_output(&mut self) -> Result<(), String> {
        while let Some(bytes) = self.link.poll_transmit() {
            let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
            for line in text.lines() {
                for packet in Packet::decode_line(line)? {
                    self.sent.extend(self.ours.read(Side::Client, &packet)?);
                    if let Packet::Data { id, .. } = packet {
                        let ack = Packet::DataAck(id).encode() + "\n";
                        self.link.receive(ack.as_bytes()).map_err(|error| error.to_string())?;
                    }
                }
            }
        }
        Ok(())
    }

    fn take_events(&mut self) {
        while let Some(event) = self.link.pool.poll_event() {
            match event {
                ClientEvent::PipelineOutput { pipeline, value } => {
                    self.pipelines.get(pipeline).output.push(value);
                }
                ClientEvent::PipelineError { pipeline, error } => self.pipelines.get(pipeline).error(&error),
                ClientEvent::Warning { pipeline, record } => {
                    self.pipelines.get(pipeline).informational(InformationalKind::Warning, &record.message);
                }
                ClientEvent::Verbose { pipeline, record } => {
                    self.pipelines.get(pipeline).informational(InformationalKind::Verbose, &record.message);
                }
                ClientEvent::Debug { pipeline, record } => {
                    self.pipelines.get(pipeline).informational(InformationalKind::Debug, &record.message);
                }
                ClientEvent::Information { pipeline, record } => {
                    self.pipelines.get(pipeline).information(&record);
                }
                ClientEvent::Progress { pipeline, record } => self.pipelines.get(pipeline).progress(&record),
                ClientEvent::PipelineState { pipeline, state, error } => {
                    let seen = self.pipelines.get(pipeline);
                    seen.state = Some(state);
                    seen.reason = error.as_deref().map(error_value);
                }
                ClientEvent::PipelineFailed { pipeline, error } => {
                    self.pipelines.get(pipeline).state = Some(PipelineState::Failed);
                    self.pipelines.unreadable.push(error.to_string());
                }
                ClientEvent::HostCall { pipeline, call } => {
                    self.host_calls.extend(host_calls::seen(&call.method));
                    if call.expects_reply() {
                        self.open_calls.insert((pipeline, call.call_id), call);
                    }
                }
                ClientEvent::Availability { answer, .. } => self.answers.push(answer),
                ClientEvent::UserEvent(event) => self.events.push(*event),
                ClientEvent::ApplicationPrivateData(data) => self.private_data = Some(data),
                ClientEvent::PoolState { state, .. } => self.broken |= state == PoolState::Broken,
                _ => {}
            }
        }
    }

    /// Our client sent what theirs did: per stream the same messages, byte for byte.
    fn compare_messages(&self, theirs: &[Found]) -> Result<(), String> {
        let mut streams: Vec<(Option<Uuid>, Stream)> =
            theirs.iter().map(|found| (found.pipeline, found.stream)).collect();
        streams.sort();
        streams.dedup();
        for (pipeline, stream) in streams {
            let of = |all: &[Found]| -> Vec<Found> {
                all.iter()
                    .filter(|found| (found.pipeline, found.stream) == (pipeline, stream))
                    .cloned()
                    .collect()
            };
            let (ours, theirs) = (of(&self.sent), of(theirs));
            if ours.len() != theirs.len() {
                return Err(format!("{} messages sent, PowerShell sent {}", ours.len(), theirs.len()));
            }
            for (ours, theirs) in ours.iter().zip(&theirs) {
                if ours.kind != theirs.kind {
                    return Err(format!("{} sent, PowerShell sent {}", ours.kind, theirs.kind));
                }
                // Every client has a key of its own.
                if ours.kind != MessageType::PublicKey && ours.bytes != theirs.bytes {
                    let (mine, theirs) = (ours.message()?, theirs.message()?);
                    same_text(mine.kind.name(), &without_build(theirs.data), mine.data)?;
                    if (Message { data: "", ..mine }) != (Message { data: "", ..theirs }) {
                        return Err(format!("{} has another header", mine.kind));
                    }
                }
            }
        }
        Ok(())
    }

    fn compare_steps(mut self, recording: &Recording) -> Result<(), String> {
        self.pipelines.end_open(PipelineState::Failed);
        let reveal = revealer(recording)?;
        self.pipelines.compare(&recording.steps, &reveal)?;
        let step = |name: &str| recording.steps.get(name);
        if let Some(expected) = step("host_calls") {
            compare_values("host_calls", Some(expected), &Value::Array(self.host_calls.clone()))?;
        }
        if let Some(expected) = step("events").and_then(Value::as_array) {
            self.compare_events(expected)?;
        }
        if let Some(expected) =
            step("private_data").and_then(|step| step.get("items")).and_then(Value::as_array)
        {
            let data = self.private_data.as_ref().and_then(PsValue::entries).unwrap_or_default();
            let known = |name: &Value| {
                data.iter().any(|(key, _)| key.as_str() == name.get("v").and_then(Value::as_str))
            };
            if let Some(missing) = expected.iter().find(|name| name.get("v").is_some() && !known(name)) {
                return Err(format!("private data have no {missing}"));
            }
        }
        let available = [step("available"), step("available_after")].into_iter().flatten();
        let counts: Vec<String> = self
            .answers
            .iter()
            .filter_map(|answer| match answer {
                Availability::Count(count) => Some(count.to_string()),
                Availability::Done(_) => None,
            })
            .collect();
        for (index, expected) in available.enumerate() {
            if expected.get("v").and_then(Value::as_str) != counts.get(index).map(String::as_str) {
                return Err(format!("free runspaces {counts:?}, PowerShell {expected}"));
            }
        }
        if step("state").and_then(|state| state.get("v")).and_then(Value::as_str) == Some("Broken")
            && !self.broken
        {
            return Err(format!("the pool is {}, PowerShell Broken", self.link.pool.state()));
        }
        Ok(())
    }

    fn compare_events(&self, expected: &[Value]) -> Result<(), String> {
        if expected.len() != self.events.len() {
            return Err(format!("{} events, PowerShell {}", self.events.len(), expected.len()));
        }
        for (expected, event) in expected.iter().zip(&self.events) {
            let field = |name: &str| expected.get(name);
            let same_name = field("source").and_then(Value::as_str) == Some(event.source_identifier.as_str());
            let same_id = field("id").and_then(Value::as_i64) == Some(i64::from(event.event_identifier));
            if !same_name || !same_id {
                return Err(format!("event {}, PowerShell {expected}", event.event_identifier));
            }
            compare_values("event.data", field("data"), &describe(&event.message_data))?;
            compare_values("event.sender", field("sender"), &describe(&event.sender))?;
            let items = |value: Option<&Value>| value.and_then(|value| value.get("items")).cloned();
            compare_values(
                "event.args",
                items(field("args")).as_ref(),
                &items(Some(&describe(&event.source_args))).unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}
