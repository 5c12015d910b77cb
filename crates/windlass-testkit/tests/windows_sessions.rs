//! Sessions with real Windows servers, recorded with pypsrp: our client machine, fed the recorded answers
//! in order, learns what the messages say and ends where the recorded session ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod windows;

use std::collections::BTreeMap;

use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::payload::{ConnectRunspacePool, SessionCapability};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, GetCommandMetadata, Message, MessageType, Payload,
    PipelineState, PoolOptions, PoolState,
};
use windlass_wsman::{
    Create, Expectation, Limits, Operation, Reply, SignalCode, decode_request, decode_response,
};
use windows::{conversation, files, package};

/// Recordings whose answers only fit the questions of the client that asked them, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("test_psrp_set_runspaces", "answers carry the numbers of the recorded client's calls"),
    ("test_psrp_reset_runspace_state", "answers carry the numbers of the recorded client's calls"),
    ("test_psrp_reset_runspace_state_fail", "answers carry the numbers of the recorded client's calls"),
    ("test_psrp_multiple_commands", "the session key is sealed for the recorded client"),
    ("test_psrp_pshost_methods", "the session key is sealed for the recorded client"),
    ("test_psrp_pshost_ui_mocked_methods", "the session key is sealed for the recorded client"),
    ("test_client_copy_file_warning", "a message of another pipeline was put in by hand"),
    ("test_psrp_key_exchange_timeout", "the server never answers"),
];

const ROOM: usize = 1 << 20;

fn fresh() -> Defragmenter {
    Defragmenter::new(FragmentLimits { object: 1 << 24, total: u64::MAX })
}

/// The messages that these bytes complete, with their data.
fn messages(stream: &mut Defragmenter, data: &[u8]) -> Vec<(MessageType, PsValue)> {
    let mut found = Vec::new();
    let mut objects = stream.push(data);
    while let Some(object) = objects.next().unwrap() {
        let message = Message::decode(object.data).unwrap();
        let value = match message.data {
            "" => PsValue::Null,
            text => windlass_clixml::decode(text, &windlass_clixml::Limits::default()).unwrap(),
        };
        found.push((message.kind, value));
    }
    found
}

/// One pool as it was recorded, and as our machine sees it.
struct Session {
    pool: ClientPool,
    from_client: BTreeMap<Option<Uuid>, Defragmenter>,
    from_server: BTreeMap<Option<Uuid>, Defragmenter>,
    /// Output and last state of each pipeline: as recorded, and as our machine says.
    recorded: BTreeMap<Uuid, (Vec<PsValue>, Option<i32>)>,
    learnt: BTreeMap<Uuid, (Vec<PsValue>, Option<i32>)>,
}

impl Session {
    fn open(id: Uuid, creation: &[u8]) -> Self {
        let sent = messages(&mut fresh(), creation);
        let capability = SessionCapability::from_value(&sent[0].1).unwrap();
        let options = PoolOptions { id, protocol_version: capability.protocol, ..PoolOptions::default() };
        let mut pool = ClientPool::new(options);
        pool.creation_fragments(ROOM).unwrap();
        Self::of(pool)
    }

    fn of(pool: ClientPool) -> Self {
        Self {
            pool,
            from_client: BTreeMap::new(),
            from_server: BTreeMap::new(),
            recorded: BTreeMap::new(),
            learnt: BTreeMap::new(),
        }
    }

    /// What the recorded client sent: our machine starts the same pipelines.
    fn sent(&mut self, id: Option<Uuid>, data: &[u8]) {
        for (kind, value) in messages(self.from_client.entry(id).or_insert_with(fresh), data) {
            match (kind, id) {
                (MessageType::CreatePipeline, Some(id)) => {
                    let create = CreatePipeline::from_value(&value).unwrap();
                    self.pool.create_pipeline_with_id(id, &create).unwrap();
                    self.pool.command_arguments(id, ROOM).unwrap();
                }
                (MessageType::GetCommandMetadata, Some(id)) => {
                    let request = GetCommandMetadata::from_value(&value).unwrap();
                    self.pool.get_command_metadata_with_id(id, &request).unwrap();
                    self.pool.command_arguments(id, ROOM).unwrap();
                }
                _ => {}
            }
        }
        while self.pool.poll_send(ROOM).is_some() {}
    }

    fn received(&mut self, id: Option<Uuid>, data: &[u8]) {
        for (kind, value) in messages(self.from_server.entry(id).or_insert_with(fresh), data) {
            let Some(id) = id else { continue };
            let entry = self.recorded.entry(id).or_default();
            match kind {
                MessageType::PipelineOutput => entry.0.push(value),
                MessageType::PipelineState => {
                    entry.1 = value
                        .as_object()
                        .unwrap()
                        .get("PipelineState")
                        .and_then(PsValue::as_i64)
                        .and_then(|code| i32::try_from(code).ok());
                }
                _ => {}
            }
        }
        self.pool.receive(id, data).unwrap();
        while let Some(event) = self.pool.poll_event() {
            match event {
                ClientEvent::PipelineOutput { pipeline, value } => {
                    self.learnt.entry(pipeline).or_default().0.push(value);
                }
                ClientEvent::PipelineState { pipeline, state, .. } if state.is_final() => {
                    self.learnt.entry(pipeline).or_default().1 = Some(state.code());
                }
                ClientEvent::PipelineFailed { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }
}

#[derive(Default)]
struct Tally {
    pools: usize,
    ended: BTreeMap<i32, usize>,
    objects: usize,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.pools += other.pools;
        self.objects += other.objects;
        for (state, count) in other.ended {
            *self.ended.entry(state).or_default() += count;
        }
    }
}

fn guid(id: &str) -> Uuid {
    Uuid::try_parse(id).unwrap()
}

fn replay(exchanges: &[(String, Option<String>)], tally: &mut Tally) {
    let limits = Limits::default();
    let mut sessions: BTreeMap<Uuid, Session> = BTreeMap::new();
    for (request, response) in exchanges {
        let Ok(request) = decode_request(request, &limits) else { continue };
        let response = response
            .as_ref()
            .map(|text| decode_response(text, &Expectation::unchecked(), &limits).unwrap().reply);
        let shell = request.header.selectors.get("ShellId").and_then(|id| Uuid::try_parse(id).ok());
        let refused = matches!(response, Some(Reply::Fault(_)));
        match request.operation {
            Operation::Create(Create::Shell(created)) => {
                let Some(creation) = &created.creation_xml else { return };
                let id = guid(created.shell_id.as_deref().unwrap());
                sessions.insert(id, Session::open(id, &creation.to_vec().unwrap()));
                tally.pools += 1;
            }
            Operation::Command(command) if !refused => {
                let session = sessions.get_mut(&shell.unwrap()).unwrap();
                let id = guid(command.command_id.as_deref().unwrap());
                session.sent(Some(id), &command.fragments().unwrap());
            }
            Operation::Send(input) => {
                let session = sessions.get_mut(&shell.unwrap()).unwrap();
                for stream in input.streams.iter().filter(|stream| stream.name == "stdin") {
                    session.sent(stream.command_id.as_deref().map(guid), &stream.data.to_vec().unwrap());
                }
            }
            Operation::Signal(signal) => {
                if signal.code != SignalCode::Terminate
                    && let (Some(session), Some(id)) =
                        (shell.and_then(|id| sessions.get_mut(&id)), signal.command_id)
                {
                    session.pool.stop(guid(&id)).unwrap();
                }
            }
            Operation::Receive(_) => {
                let Some(Reply::Receive(output)) = response else { continue };
                let session = sessions.get_mut(&shell.unwrap()).unwrap();
                for stream in &output.streams {
                    session.received(stream.command_id.as_deref().map(guid), &stream.data.to_vec().unwrap());
                }
            }
            Operation::Disconnect(_) => {
                sessions.get_mut(&shell.unwrap()).unwrap().pool.disconnected().unwrap();
            }
            Operation::Reconnect(_) => {
                let session = sessions.get_mut(&shell.unwrap()).unwrap();
                // One that another client connected to in the meantime is open here already.
                if session.pool.state() == PoolState::Disconnected {
                    session.pool.reconnected().unwrap();
                }
            }
            Operation::Connect(connect) => {
                let Some(Reply::Connect(answer)) = response else { panic!("Connect was refused") };
                match connect.command_id {
                    Some(id) => {
                        let session = sessions.get_mut(&shell.unwrap()).unwrap();
                        session.from_server.remove(&Some(guid(&id)));
                        session.pool.connect_pipeline(guid(&id)).unwrap();
                    }
                    None => {
                        let id = shell.unwrap();
                        let mut pool = ClientPool::new(PoolOptions { id, ..PoolOptions::default() });
                        pool.connect_fragments(ConnectRunspacePool::default(), ROOM).unwrap();
                        pool.connect_response(&answer.connect_response_xml.unwrap().to_vec().unwrap())
                            .unwrap();
                        sessions.insert(id, Session::of(pool));
                    }
                }
            }
            _ => {}
        }
    }
    for session in sessions.values() {
        assert_eq!(session.learnt, session.recorded);
        for (outputs, state) in session.recorded.values() {
            tally.objects += outputs.len();
            *tally.ended.entry(state.unwrap_or_default()).or_default() += 1;
        }
    }
}

#[test]
fn sessions_of_pypsrp_with_windows() {
    let Some(dir) = package("pypsrp-0.9.1") else { return };
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for file in files(&dir.join("tests/tests_pypsrp/responses"), "yml") {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains("psrp") && !name.contains("client") {
            continue;
        }
        if let Some((_, why)) = LEFT_OUT.iter().find(|(known, _)| *known == name) {
            println!("{name}: not replayed: {why}");
            continue;
        }
        let exchanges = conversation(&std::fs::read_to_string(&file).unwrap());
        let replayed = std::panic::catch_unwind(|| {
            let mut tally = Tally::default();
            replay(&exchanges, &mut tally);
            tally
        });
        match replayed {
            Ok(more) => tally.add(more),
            Err(_) => failed.push(name),
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
    let ended = |state: PipelineState| tally.ended.get(&state.code()).copied().unwrap_or_default();
    println!("{} pools, {} objects, {:?}", tally.pools, tally.objects, tally.ended);
    assert!(tally.pools >= 25, "{}", tally.pools);
    assert!(ended(PipelineState::Completed) >= 30 && ended(PipelineState::Failed) >= 2, "{:?}", tally.ended);
    assert!(tally.objects >= 100, "{}", tally.objects);
}
