//! Plays a recorded conversation with real Windows to our client machine, and writes down what it
//! learns.
//!
//! The machine does what the recorded client did: opens the same pools, starts the same pipelines and
//! asks the same questions under the same ids. What it sends must be what the recorded client sent,
//! where the protocol leaves no choice; what it learns becomes a list of lines.
//!
//! The client of the older recordings wrote GUIDs into its messages with the bytes in another order than
//! the ids of its shells and commands; Windows answers with what it got. The machine therefore goes by
//! the ids in the messages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use uuid::Uuid;
use windlass_clixml::{PsValue, to_text};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::host::{HostCall, HostResponse};
use windlass_psrp::payload::{Availability, ConnectRunspacePool, SessionCapability};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, GetCommandMetadata, KeyPair, Message, MessageType, Payload,
    PoolOptions, PoolState,
};
use windlass_wsman::{
    Create, Expectation, Limits, Operation, ReceiveResponse, Reply, RunState, ShellInfo, SignalCode,
    decode_request, decode_response,
};

const ROOM: usize = 1 << 20;

/// Properties of objects that are worth a look, because the recorded client's tests look at them.
const SHOWN: &[&str] = &["Name", "Value", "CommandLine", "ExecutionStatus", "DisplayName"];

/// The texts of longer values are cut.
const LONGEST: usize = 120;

/// What our machine learns from a conversation, line by line. Lines of the machine's own faults begin
/// with `ours:`.
pub(crate) fn play(exchanges: &[(String, Option<String>)], key: &KeyPair) -> Vec<String> {
    let mut player = Player { key: key.clone(), sessions: BTreeMap::new(), lines: Vec::new() };
    for (request, response) in exchanges {
        player.exchange(request, response.as_deref());
    }
    player.lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

struct Player {
    key: KeyPair,
    sessions: BTreeMap<Uuid, Session>,
    lines: Vec<String>,
}

/// One pool.
struct Session {
    pool: ClientPool,
    /// The ids that messages have for the ids of commands.
    pipelines: BTreeMap<Uuid, Uuid>,
    from_client: BTreeMap<Option<Uuid>, Defragmenter>,
    from_server: BTreeMap<Option<Uuid>, Defragmenter>,
    /// Our machine's numbers for the recorded numbers of questions; `None` where it refused to ask.
    questions: BTreeMap<i64, Option<i64>>,
    /// Calls of the host that wait for the recorded answer.
    calls: BTreeMap<i64, HostCall>,
}

impl Player {
    fn exchange(&mut self, request: &str, response: Option<&str>) {
        let limits = Limits::default();
        let decoded = response
            .map(|text| decode_response(text, &Expectation::unchecked(), &limits).expect("an answer"));
        let reply = decoded.map(|decoded| decoded.reply);
        if let Some(Reply::Fault(fault)) = &reply {
            self.lines.push(format!("fault {} {}", fault.code().unwrap().0, short(fault.message())));
        }
        let Ok(request) = decode_request(request, &limits) else {
            self.lines.push("ours: the request is refused here too".to_owned());
            return;
        };
        let shell = request.header.selectors.get("ShellId").and_then(|id| Uuid::try_parse(id).ok());
        match (request.operation, reply) {
            (Operation::Create(Create::Shell(created)), Some(Reply::Create(answer))) => {
                if let Some(creation) = &created.creation_xml {
                    // Servers of protocol 2.1 do not take the id that was proposed.
                    let id = guid(answer.shell_id().unwrap());
                    self.open(id, &creation.to_vec().unwrap());
                }
            }
            (Operation::Command(command), Some(Reply::Command(answer))) => {
                if let Some(session) = shell.and_then(|id| self.sessions.get_mut(&id)) {
                    let id = guid(command.command_id.as_deref().unwrap_or(&answer.command_id));
                    session.sent(Some(id), &command.fragments().unwrap(), &self.key, &mut self.lines);
                }
            }
            (Operation::Send(input), Some(Reply::Send)) => {
                let Some(session) = shell.and_then(|id| self.sessions.get_mut(&id)) else { return };
                for stream in &input.streams {
                    let id = stream.command_id.as_deref().map(guid);
                    session.sent(id, &stream.data.to_vec().unwrap(), &self.key, &mut self.lines);
                }
            }
            (Operation::Signal(signal), Some(Reply::Signal)) => {
                let Some(session) = shell.and_then(|id| self.sessions.get_mut(&id)) else { return };
                let pipeline = session.pipelines[&guid(signal.command_id.as_deref().unwrap())];
                // Windows takes every code but its own for the end of the command.
                match signal.code {
                    SignalCode::PowerShellStop => drop(session.pool.stop(pipeline).unwrap()),
                    _ => session.pool.close_pipeline(pipeline),
                }
                session.learn(&mut self.lines);
            }
            (Operation::Get, Some(Reply::Get(xml))) => {
                if let Ok(shell) = ShellInfo::from_xml(&xml, &limits) {
                    self.lines.push(format!("shell {}", shell.state.unwrap()));
                }
            }
            (Operation::Receive(_), Some(Reply::Receive(output))) => {
                match shell.and_then(|id| self.sessions.get_mut(&id)) {
                    Some(session) => {
                        for stream in &output.streams {
                            let id = stream.command_id.as_deref().map(guid);
                            session.received(id, &stream.data.to_vec().unwrap(), &mut self.lines);
                        }
                    }
                    None => self.shell_output(&output),
                }
            }
            (operation, reply) => self.life(shell, operation, reply),
        }
    }

    /// Leaving a pool, coming back, closing it.
    fn life(&mut self, shell: Option<Uuid>, operation: Operation<'_>, reply: Option<Reply<'_>>) {
        let Some(id) = shell else { return };
        match (operation, reply) {
            (Operation::Disconnect(_), Some(Reply::Disconnect)) => {
                self.session(id).pool.disconnected().unwrap();
            }
            (Operation::Reconnect(_), Some(Reply::Reconnect)) => {
                let pool = &mut self.session(id).pool;
                // One that another client connected to in the meantime is open here already.
                if pool.state() == PoolState::Disconnected {
                    pool.reconnected().unwrap();
                }
            }
            (Operation::Connect(connect), Some(Reply::Connect(answer))) => match connect.command_id {
                Some(command) => {
                    let command = guid(&command);
                    let session = self.session(id);
                    session.from_server.remove(&Some(command));
                    session.pool.connect_pipeline(session.pipelines[&command]).unwrap();
                }
                None => {
                    let left = self.session(id);
                    let options = PoolOptions { id: left.pool.id(), ..PoolOptions::default() };
                    let pipelines = std::mem::take(&mut left.pipelines);
                    let mut pool = ClientPool::new(options);
                    pool.connect_fragments(ConnectRunspacePool::default(), ROOM).unwrap();
                    let answer = answer.connect_response_xml.unwrap().to_vec().unwrap();
                    pool.connect_response(&answer).unwrap();
                    self.sessions.insert(id, Session { pipelines, ..Session::of(pool) });
                }
            },
            (Operation::Delete, Some(Reply::Delete)) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.pool.closing();
                    session.pool.closed();
                }
            }
            _ => return,
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.learn(&mut self.lines);
        }
    }

    fn session(&mut self, id: Uuid) -> &mut Session {
        self.sessions.get_mut(&id).expect("a pool")
    }

    fn open(&mut self, id: Uuid, creation: &[u8]) {
        let sent = messages(&mut fresh(), creation);
        let capability = SessionCapability::from_value(&sent[0].value).unwrap();
        let options =
            PoolOptions { id: sent[0].pool, protocol_version: capability.protocol, ..PoolOptions::default() };
        let mut pool = ClientPool::new(options);
        pool.set_key_pair(self.key.clone());
        pool.creation_fragments(ROOM).unwrap();
        let mut session = Session::of(pool);
        session.learn(&mut self.lines);
        self.sessions.insert(id, session);
    }

    /// Output of a shell that is no pool.
    fn shell_output(&mut self, output: &ReceiveResponse<'_>) {
        for stream in &output.streams {
            let data = stream.data.to_vec().unwrap();
            for line in String::from_utf8_lossy(&data).lines() {
                self.lines.push(format!("{} {}", stream.name, short(line)));
            }
        }
        if let Some(state) = output.state.as_ref().filter(|state| state.state == RunState::Done) {
            self.lines.push(format!("exit {}", state.exit_code.unwrap()));
        }
    }
}

impl Session {
    fn of(pool: ClientPool) -> Self {
        Self {
            pool,
            pipelines: BTreeMap::new(),
            from_client: BTreeMap::new(),
            from_server: BTreeMap::new(),
            questions: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    /// What the recorded client sent: our machine sends it too.
    fn sent(&mut self, id: Option<Uuid>, data: &[u8], key: &KeyPair, lines: &mut Vec<String>) {
        for said in messages(self.from_client.entry(id).or_insert_with(fresh), data) {
            let kind = said.kind;
            if let (Some(id), Some(pipeline)) = (id, said.pipeline) {
                self.pipelines.insert(id, pipeline);
            }
            self.act(&said, key, lines);
            let mut ours = fresh();
            let mut sent = Vec::new();
            while let Some(outgoing) = self.pool.poll_send(ROOM) {
                sent.extend(messages(&mut ours, &outgoing.data));
            }
            match kind {
                MessageType::PublicKey | MessageType::PipelineInput | MessageType::EndOfPipelineInput => {
                    assert_eq!(sent, [said]);
                }
                MessageType::PipelineHostResponse => {
                    let [ours] = sent.as_slice() else { panic!("one answer of the host") };
                    let typed = |said: &Said| HostResponse::from_value(&said.value);
                    assert_eq!(typed(ours), typed(&said));
                }
                _ => {}
            }
            self.learn(lines);
        }
    }

    fn act(&mut self, said: &Said, key: &KeyPair, lines: &mut Vec<String>) {
        let pool = &mut self.pool;
        let Said { kind, value, .. } = said;
        match (*kind, said.pipeline) {
            (MessageType::CreatePipeline, Some(id)) => {
                let create = CreatePipeline::from_value(value).unwrap();
                pool.create_pipeline_with_id(id, &create).unwrap();
                pool.command_arguments(id, ROOM).unwrap();
            }
            (MessageType::GetCommandMetadata, Some(id)) => {
                let request = GetCommandMetadata::from_value(value).unwrap();
                pool.get_command_metadata_with_id(id, &request).unwrap();
                pool.command_arguments(id, ROOM).unwrap();
            }
            (MessageType::PipelineInput, Some(id)) => pool.send_input(id, value).unwrap(),
            (MessageType::EndOfPipelineInput, Some(id)) => pool.end_input(id).unwrap(),
            (MessageType::PipelineHostResponse, Some(_)) => {
                let response = HostResponse::from_value(value).unwrap();
                let call = self.calls.remove(&response.call_id).expect("a call that waits");
                pool.host_response(said.pipeline, &call, response.reply).unwrap();
            }
            (MessageType::PublicKey, None) => {
                pool.set_key_pair(key.clone());
                pool.request_session_key().unwrap();
            }
            (_, None) => {
                let recorded = value.get("ci").and_then(PsValue::as_i64).unwrap();
                let asked =
                    match kind {
                        MessageType::SetMaxRunspaces => pool
                            .set_max_runspaces(value.get("MaxRunspaces").and_then(PsValue::as_i32).unwrap()),
                        MessageType::SetMinRunspaces => pool
                            .set_min_runspaces(value.get("MinRunspaces").and_then(PsValue::as_i32).unwrap()),
                        MessageType::GetAvailableRunspaces => pool.get_available_runspaces(),
                        MessageType::ResetRunspaceState => pool.reset_runspace_state(),
                        other => panic!("the recorded client sent {other:?}"),
                    };
                if let Err(error) = &asked {
                    lines.push(format!("ours: {error}"));
                }
                self.questions.insert(recorded, asked.ok());
            }
            (other, Some(_)) => panic!("the recorded client sent {other:?} to a pipeline"),
        }
    }

    fn received(&mut self, id: Option<Uuid>, data: &[u8], lines: &mut Vec<String>) {
        let came = messages(self.from_server.entry(id).or_insert_with(fresh), data);
        let id = id.map(|id| self.pipelines.get(&id).copied().unwrap_or(id));
        let mut data = Cow::Borrowed(data);
        for said in came.iter().filter(|said| said.kind == MessageType::RunspaceAvailability) {
            let recorded = said.value.get("ci").and_then(PsValue::as_i64).unwrap();
            let Some(ours) = self.questions[&recorded] else { return };
            data = Cow::Owned(renumbered(&data, recorded, ours));
        }
        if let Err(error) = self.pool.receive(id, &data) {
            lines.push(format!("ours: {error}"));
        }
        self.learn(lines);
    }

    /// Writes down what the machine says.
    fn learn(&mut self, lines: &mut Vec<String>) {
        while let Some(event) = self.pool.poll_event() {
            let line = match event {
                ClientEvent::PoolState {
                    state: PoolState::Opening | PoolState::Connecting | PoolState::Closing,
                    ..
                } => continue,
                ClientEvent::PoolState { state, .. } => match self.pool.protocol_version() {
                    Some(version) if state == PoolState::Opened => format!("pool Opened {version}"),
                    _ => format!("pool {}", state.name()),
                },
                ClientEvent::ApplicationPrivateData(_) => "private data".to_owned(),
                ClientEvent::SessionKey => "session key".to_owned(),
                ClientEvent::Runspaces { min, max } => format!("runspaces {min} {max}"),
                ClientEvent::Availability { answer: Availability::Done(done), .. } => {
                    format!("answer {done}")
                }
                ClientEvent::Availability { answer: Availability::Count(count), .. } => {
                    format!("answer {count}")
                }
                ClientEvent::HostCall { call, .. } => {
                    let arguments: Vec<_> = call.method.arguments().iter().map(|v| self.shown(v)).collect();
                    let line = format!("host {} {}", call.method.id().name(), arguments.join(" | "));
                    if call.expects_reply() {
                        self.calls.insert(call.call_id, call);
                    }
                    line
                }
                ClientEvent::PipelineOutput { value, .. } => format!("output {}", self.shown(&value)),
                ClientEvent::PipelineError { error, .. } => {
                    let invocation = if error.invocation.is_some() { " (invocation)" } else { "" };
                    format!("error {}{invocation}", short(error.message()))
                }
                ClientEvent::Warning { record, .. } => informational("warning", &record),
                ClientEvent::Verbose { record, .. } => informational("verbose", &record),
                ClientEvent::Debug { record, .. } => informational("debug", &record),
                ClientEvent::Information { record, .. } => {
                    format!("information {}", self.shown(&record.message_data))
                }
                ClientEvent::Progress { record, .. } => {
                    format!("progress {} {:?}", record.activity, record.kind)
                }
                ClientEvent::PipelineState { state, error: None, .. } => state.name().to_owned(),
                ClientEvent::PipelineState { state, error: Some(error), .. } => {
                    format!("{} {}", state.name(), short(error.message()))
                }
                ClientEvent::PipelineFailed { error, .. } => format!("ours: {error}"),
                other => panic!("{other:?}"),
            };
            lines.push(line);
        }
    }

    /// A value as a line has it: secrets opened, containers with their content, objects with the
    /// properties that are worth a look.
    fn shown(&self, value: &PsValue) -> String {
        if let Ok(secret) = self.pool.reveal(value) {
            return format!("<{}>", secret.expose());
        }
        if let Some(items) = value.items() {
            let items: Vec<_> = items.iter().map(|item| self.shown(item)).collect();
            return format!("[{}]", items.join(", "));
        }
        if let Some(entries) = value.entries() {
            let entry =
                |(key, value): &(PsValue, PsValue)| format!("{}={}", self.shown(key), self.shown(value));
            return format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "));
        }
        let Some(object) = value.as_object() else {
            return short(&to_text(value));
        };
        if let Some(password) = object.get("Password") {
            return format!("{}:{}", self.shown(object.get("UserName").unwrap()), self.shown(password));
        }
        let mut text = short(&to_text(value));
        for name in SHOWN {
            if let Some(value) = object.get(name).filter(|value| value.as_object().is_none()) {
                text.push_str(&format!(" {name}={}", self.shown(value)));
            }
        }
        text
    }
}

fn informational(stream: &str, record: &windlass_psrp::InformationalRecord) -> String {
    let invocation = if record.invocation.is_some() { " (invocation)" } else { "" };
    format!("{stream} {}{invocation}", short(&record.message))
}

fn short(text: &str) -> String {
    let text = text.replace('\r', "\\r").replace('\n', "\\n");
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}... ({} characters)", &text[..at], text.chars().count()),
        None => text,
    }
}

/// The same answer to the question that our machine gave another number.
fn renumbered(data: &[u8], recorded: i64, ours: i64) -> Vec<u8> {
    let number = |number: i64| format!("<I64 N=\"ci\">{number}</I64>").into_bytes();
    let (old, new) = (number(recorded), number(ours));
    assert_eq!(old.len(), new.len());
    let at = data.windows(old.len()).position(|window| window == old).expect("the number");
    [&data[..at], &new, &data[at + old.len()..]].concat()
}

fn guid(id: &str) -> Uuid {
    Uuid::try_parse(id).unwrap()
}

fn fresh() -> Defragmenter {
    Defragmenter::new(FragmentLimits { object: 1 << 24, total: u64::MAX })
}

/// A message.
#[derive(Debug, PartialEq)]
struct Said {
    kind: MessageType,
    pool: Uuid,
    pipeline: Option<Uuid>,
    value: PsValue,
}

/// The messages that these bytes complete.
fn messages(stream: &mut Defragmenter, data: &[u8]) -> Vec<Said> {
    let mut found = Vec::new();
    let mut objects = stream.push(data);
    while let Some(object) = objects.next().unwrap() {
        let message = Message::decode(object.data).unwrap();
        let value = match message.data {
            "" => PsValue::Null,
            text => windlass_clixml::decode(text, &windlass_clixml::Limits::default()).unwrap(),
        };
        let Message { kind, pool, .. } = message;
        found.push(Said { kind, pool, pipeline: message.pipeline(), value });
    }
    found
}
