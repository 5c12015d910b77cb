//! Oracles of PowerShell remoting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use uuid::Uuid;
use windlass_clixml::{Limits, PsValue, decode, encode};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, Fragmenter, split};
use windlass_psrp::host::{HostMethod, HostReply, HostReturn};
use windlass_psrp::message::{Destination, Scope};
use windlass_psrp::outofproc::{Packet, ServerLink};
use windlass_psrp::payload::rewrite;
use windlass_psrp::{
    ClientEvent, ClientPool, KeyPair, Message, MessageType, PipelineState, PoolOptions, PoolState,
    PowerShell, ProtocolVersion, PsrpError, ServerEvent, ServerOptions, ServerPool, Stream,
};

const LIMITS: FragmentLimits = FragmentLimits { object: 1 << 16, total: 1 << 20 };

/// However a stream is cut, the same messages come of it; and fragments made of those messages give
/// them back.
pub(super) fn fragments(data: &[u8]) {
    let whole = read(data, data.len().max(1));
    for step in [1, 2, 7, 22] {
        assert_eq!(whole, read(data, step), "cut into pieces of {step}");
    }
    let (messages, _) = whole;
    let mut fragmenter = Fragmenter::new(64);
    let stream: Vec<u8> = messages.iter().flat_map(|message| fragmenter.fragment(message)).collect();
    assert_eq!(read(&stream, 50), (messages, None));
}

fn read(data: &[u8], step: usize) -> (Vec<Vec<u8>>, Option<PsrpError>) {
    let mut defragmenter = Defragmenter::new(LIMITS);
    let mut messages = Vec::new();
    for piece in data.chunks(step) {
        let mut objects = defragmenter.push(piece);
        loop {
            match objects.next() {
                Ok(Some(object)) => messages.push(object.data.to_vec()),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

/// A message is written as it was read; its data, once typed, stay as they are.
pub(super) fn psrp_message(data: &[u8]) {
    let Ok(message) = Message::decode(data) else { return };
    assert_eq!(message.encode(), data);
    let Ok(value) = decode(message.data, &Limits::default()) else { return };
    for version in [ProtocolVersion::V2_1, ProtocolVersion::V2_4] {
        let Ok(Some(once)) = rewrite(message.kind, &value, version) else { continue };
        let text = encode(&once);
        let again = decode(&text, &Limits::default().with_depth(64)).expect("our own text is read");
        let twice = rewrite(message.kind, &again, version).expect("our own data are read").expect("typed");
        assert_eq!(encode(&twice), text);
    }
}

/// A line of the out-of-process framing is written as it was read, but for spaces and quotes.
pub(super) fn psrp_lines(data: &[u8]) {
    let mut link = ServerLink::new(ServerPool::new(ServerOptions::default()));
    let _ = link.receive(data);
    while let Some(output) = link.poll_transmit() {
        assert!(output.ends_with(b"\n"));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for line in text.lines() {
        let Ok(packets) = Packet::decode_line(line) else { continue };
        let again: String = packets.iter().map(Packet::encode).collect();
        assert_eq!(Packet::decode_line(&again).as_ref(), Ok(&packets));
    }
}

/// Bytes as a sequence of choices; zero when they are used up.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        let index = usize::from(self.next()) % items.len();
        *items.get(index).expect("there are items")
    }

    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.next()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

const POOL: Uuid = Uuid::from_u128(0x1111);

const VERSIONS: &str = "<Obj RefId=\"0\"><MS><Version N=\"protocolversion\">2.3</Version><Version N=\"PSVersion\">2.0</Version><Version N=\"SerializationVersion\">1.1.0.1</Version></MS></Obj>";
const OPENED: &str = "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">2</I32></MS></Obj>";
const STOPPED: &str = "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">3</I32></MS></Obj>";
const COMPLETED: &str = "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">4</I32></MS></Obj>";
const AVAILABLE: &str =
    "<Obj RefId=\"0\"><MS><B N=\"SetMinMaxRunspacesResponse\">true</B><I64 N=\"ci\">1</I64></MS></Obj>";
const CALL: &str = "<Obj RefId=\"0\"><MS><I64 N=\"ci\">1</I64><Obj N=\"mi\" RefId=\"7\"><TN RefId=\"0\"><T>System.Management.Automation.Remoting.RemoteHostMethodId</T></TN><I32>11</I32></Obj><Obj N=\"mp\" RefId=\"1\"><LST /></Obj></MS></Obj>";
const ANSWER: &str = "<Obj RefId=\"0\"><MS><S N=\"mr\">x</S><I64 N=\"ci\">1</I64><Obj N=\"mi\" RefId=\"7\"><TN RefId=\"0\"><T>System.Management.Automation.Remoting.RemoteHostMethodId</T></TN><I32>11</I32></Obj></MS></Obj>";
const CHANGE: &str = "<Obj RefId=\"0\"><MS><I32 N=\"MaxRunspaces\">3</I32><I32 N=\"MinRunspaces\">1</I32><I64 N=\"ci\">4</I64></MS></Obj>";
const RECORD: &str = "<Obj RefId=\"0\"><MS><S N=\"InformationalRecord_Message\">m</S></MS></Obj>";
const PRIVATE: &str = "<Obj RefId=\"0\"><MS><Nil N=\"ApplicationPrivateData\" /></MS></Obj>";

/// Data that some message has, or nearly has.
const DATA: [&str; 14] = [
    "",
    "<S>text</S>",
    OPENED,
    "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">3</I32></MS></Obj>",
    STOPPED,
    COMPLETED,
    VERSIONS,
    AVAILABLE,
    CALL,
    ANSWER,
    CHANGE,
    RECORD,
    PRIVATE,
    "<Obj><broken",
];

/// A message on the stream of a pipeline, or of the pool: mostly one that may come there, with data of its kind.
fn message(
    choices: &mut Choices<'_>,
    destination: Destination,
    stream: Option<Uuid>,
    pipelines: &[Uuid],
) -> Vec<u8> {
    let fits = choices.next();
    let mut kinds = MessageType::ALL.to_vec();
    if fits & 3 > 0 {
        let scope = |kind: &MessageType| (kind.scope() == Scope::Pipeline) == stream.is_some();
        kinds.retain(|kind| kind.destination().is_none_or(|to| to == destination) && scope(kind));
    }
    let kind = choices.of(&kinds);
    let pipeline = if fits & 12 > 0 { stream.unwrap_or_default() } else { choices.of(pipelines) };
    let data = if fits & 48 > 0 { fitting(kind, choices) } else { choices.of(&DATA) };
    Message { destination, kind, pool: POOL, pipeline, byte_order_mark: false, data }.encode()
}

/// Data that a message of this kind has, where they are short.
fn fitting(kind: MessageType, choices: &mut Choices<'_>) -> &'static str {
    match kind {
        MessageType::SessionCapability => VERSIONS,
        MessageType::RunspacePoolState => OPENED,
        MessageType::PipelineState => choices.of(&[STOPPED, COMPLETED]),
        MessageType::RunspaceAvailability => AVAILABLE,
        MessageType::RunspacePoolHostCall | MessageType::PipelineHostCall => CALL,
        MessageType::RunspacePoolHostResponse | MessageType::PipelineHostResponse => ANSWER,
        MessageType::SetMaxRunspaces
        | MessageType::SetMinRunspaces
        | MessageType::GetAvailableRunspaces
        | MessageType::ResetRunspaceState => CHANGE,
        MessageType::WarningRecord | MessageType::VerboseRecord | MessageType::DebugRecord => RECORD,
        MessageType::ApplicationPrivateData => PRIVATE,
        MessageType::PipelineInput | MessageType::PipelineOutput => "<S>text</S>",
        MessageType::EndOfPipelineInput | MessageType::PublicKeyRequest => "",
        _ => choices.of(&DATA),
    }
}

/// Operations of a client against messages of a server, in any order: states only go forward, and
/// nothing comes of a pipeline after its end but that something came, once.
pub(super) fn psrp_client(data: &[u8]) {
    let mut choices = Choices(data);
    let mut pool = ClientPool::new(PoolOptions { id: POOL, ..PoolOptions::default() });
    // Making a key takes too long to do it each time.
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    pool.set_key_pair(KEY.get_or_init(|| KeyPair::generate().expect("there are random numbers")).clone());
    let mut fragmenter = Fragmenter::new(usize::from(choices.next()) + 22);
    let mut pipelines: Vec<Uuid> = vec![Uuid::nil()];
    let (mut ended, mut failed) = (BTreeSet::new(), BTreeSet::new());
    let _ = pool.creation_fragments(1 << 16);
    // Otherwise few sequences would come to an open pool.
    if choices.next() % 4 > 0 {
        for (kind, data) in
            [(MessageType::SessionCapability, VERSIONS), (MessageType::RunspacePoolState, OPENED)]
        {
            let (destination, pipeline) = (Destination::Client, Uuid::nil());
            let opening = Message { destination, kind, pool: POOL, pipeline, byte_order_mark: false, data };
            pool.receive(None, &fragmenter.fragment(&opening.encode())).expect("what opens a pool");
        }
    }
    while !choices.is_empty() {
        let before = pool.state();
        let id = choices.of(&pipelines);
        let stream = Some(id).filter(|id| !id.is_nil());
        match choices.next() % 12 {
            0 => drop(pool.receive(stream, choices.bytes())),
            1..=4 => {
                let message = message(&mut choices, Destination::Client, stream, &pipelines);
                drop(pool.receive(stream, &fragmenter.fragment(&message)));
            }
            5 => pipelines.extend(pool.create_pipeline(PowerShell::script("1")).ok()),
            6 => drop(pool.command_arguments(id, 1 << 16)),
            7 => drop(pool.stop(id)),
            8 => drop(pool.get_available_runspaces()),
            9 => drop(pool.end_input(id)),
            10 => pool.close_pipeline(id),
            _ => drop(pool.disconnected().and_then(|()| pool.reconnected())),
        }
        assert!(!before.is_final() || pool.state() == before, "{before} became {}", pool.state());
        while let Some(outgoing) = pool.poll_send(100) {
            assert!(split(&outgoing.data).is_ok_and(|fragments| !fragments.is_empty()));
        }
        while let Some(event) = pool.poll_event() {
            client_event(&mut pool, &event, &mut ended, &mut failed);
        }
    }
}

fn client_event(
    pool: &mut ClientPool,
    event: &ClientEvent,
    ended: &mut BTreeSet<Uuid>,
    failed: &mut BTreeSet<Uuid>,
) {
    let pipeline = match event {
        ClientEvent::PipelineOutput { pipeline, .. }
        | ClientEvent::PipelineError { pipeline, .. }
        | ClientEvent::PipelineState { pipeline, .. }
        | ClientEvent::PipelineFailed { pipeline, .. }
        | ClientEvent::Warning { pipeline, .. } => *pipeline,
        ClientEvent::HostCall { pipeline, call } => {
            let reply = HostReply::Value(HostReturn::Text("answer".into()));
            let _ = pool.host_response(*pipeline, call, reply);
            return;
        }
        _ => return,
    };
    // What comes after an end is told as a failure, and nothing after that.
    let is_failure = matches!(event, ClientEvent::PipelineFailed { .. });
    assert!(!failed.contains(&pipeline), "{event:?} after the failure");
    assert!(is_failure || !ended.contains(&pipeline), "{event:?} after the end");
    if is_failure {
        failed.insert(pipeline);
    }
    if matches!(event, ClientEvent::PipelineState { state, .. } if state.is_final()) {
        ended.insert(pipeline);
    }
}

/// Operations of a server against messages of a client, in any order: states only go forward,
/// pipelines are told of once, and what is sent can be read.
pub(super) fn psrp_server(data: &[u8]) {
    let mut choices = Choices(data);
    let mut server = ServerPool::new(ServerOptions::default());
    let mut client = ClientPool::new(PoolOptions { id: POOL, ..PoolOptions::default() });
    let mut fragmenter = Fragmenter::new(usize::from(choices.next()) + 22);
    if let Ok(creation) = client.creation_fragments(1 << 16) {
        let _ = server.receive(None, Stream::Default, &creation);
    }
    let mut pipelines: Vec<Uuid> = vec![Uuid::nil(), Uuid::from_u128(5), Uuid::from_u128(6)];
    let mut creations: Vec<(Uuid, Vec<u8>)> = Vec::new();
    let mut begun = BTreeSet::new();
    let mut readers: BTreeMap<Option<Uuid>, Defragmenter> = BTreeMap::new();
    while !choices.is_empty() {
        let before = server.state();
        let id = choices.of(&pipelines);
        let stream = Some(id).filter(|id| !id.is_nil());
        let lane = choices.of(&[Stream::Default, Stream::Default, Stream::PromptResponse]);
        match choices.next() % 12 {
            0 => drop(server.receive(stream, lane, choices.bytes())),
            1..=3 => {
                let message = message(&mut choices, Destination::Server, stream, &pipelines);
                drop(server.receive(stream, lane, &fragmenter.fragment(&message)));
            }
            4 if pipelines.len() < 8 => {
                if let Some((id, create)) = created(&mut client) {
                    pipelines.push(id);
                    drop(server.receive(Some(id), Stream::Default, &create));
                    creations.push((id, create));
                }
            }
            4 => {
                // Once more what made a pipeline.
                if let Some((id, create)) = creations.get(usize::from(choices.next()) % 8) {
                    drop(server.receive(Some(*id), Stream::Default, create));
                }
            }
            5 => drop(server.write_output(id, &PsValue::from("x"))),
            6 => drop(server.complete(id, PipelineState::Completed, None)),
            7 => drop(server.stop(id)),
            8 => server.close_pipeline(id),
            9 => drop(server.host_call(id, HostMethod::ReadLine)),
            10 => drop(server.reset_done(1, true)),
            _ if choices.next() == 0 => server.close(),
            _ => {}
        }
        assert!(!before.is_final() || server.state() == before, "{before} became {}", server.state());
        while let Some(outgoing) = server.poll_send(60) {
            let reader = readers.entry(outgoing.pipeline).or_insert_with(|| Defragmenter::new(LIMITS));
            let mut objects = reader.push(&outgoing.data);
            while let Some(object) = objects.next().expect("what is sent can be read") {
                Message::decode(object.data).expect("what is sent is a message");
            }
        }
        for id in readers.keys().copied().collect::<Vec<_>>() {
            // A pipeline that was dropped stops in the middle of a message.
            if id.is_some_and(|id| server.pipeline_state(id).is_none()) {
                readers.remove(&id);
            }
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::CreatePipeline { id, .. } = event {
                assert!(begun.insert(id), "{id} begins twice");
            }
        }
        // One that is gone may begin anew.
        begun.retain(|&id| server.pipeline_state(id).is_some());
    }
}

/// A pipeline of a client that believes its pool to be open.
fn created(client: &mut ClientPool) -> Option<(Uuid, Vec<u8>)> {
    if client.state() == PoolState::Opening {
        let mut server = ServerPool::new(ServerOptions::default());
        let mut twin = ClientPool::new(PoolOptions { id: POOL, ..PoolOptions::default() });
        server.receive(None, Stream::Default, &twin.creation_fragments(1 << 16).ok()?).ok()?;
        while let Some(outgoing) = server.poll_send(1 << 16) {
            client.receive(None, &outgoing.data).ok()?;
        }
    }
    let id = client.create_pipeline(PowerShell::script("1")).ok()?;
    client.command_arguments(id, 1 << 16).ok().flatten().map(|data| (id, data))
}
