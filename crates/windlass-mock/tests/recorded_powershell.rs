//! PowerShell's own WS-Man requests, as they were recorded, answered by the host: the kind of every answer, whose
//! it is and what it brings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use support::exchanges::{Exchange, exchanges, recordings};
use support::{Wire, host};
use windlass_clixml::{Limits as ClixmlLimits, PsValue, decode, encode};
use windlass_mock::powershell::text;
use windlass_mock::{MockHost, Scenario};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::payload::{PipelineStateMessage, PoolStateMessage, SessionCapability};
use windlass_psrp::{
    Command, CreatePipeline, Message, MessageType, Payload, PipelineState, PoolState, ProtocolVersion,
};
use windlass_wsman::{
    Create, Limits, Operation, Reply, Request, RunState, SignalCode, decode_request, decode_response,
};

const UNKNOWN: u32 = 0x8033_805B;
const TIMED_OUT: u32 = 0x8033_8029;

/// Kind and data of a message.
type Said = (MessageType, String);

/// What was said on the stream of the pool (empty) or of a command.
#[derive(Default)]
struct Streams {
    open: BTreeMap<String, Defragmenter>,
    said: BTreeMap<String, Vec<Said>>,
}

impl Streams {
    /// Takes fragments; how many messages they end.
    fn push(&mut self, command: &str, fragments: &[u8]) -> usize {
        let fresh = || Defragmenter::new(FragmentLimits::default());
        let mut objects = self.open.entry(command.to_owned()).or_insert_with(fresh).push(fragments);
        let said = self.said.entry(command.to_owned()).or_default();
        let before = said.len();
        while let Some(object) = objects.next().unwrap() {
            let message = Message::decode(object.data).unwrap();
            said.push((message.kind, message.data.to_owned()));
        }
        said.len() - before
    }

    fn of(&self, command: &str) -> &[Said] {
        self.said.get(command).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A session as it was recorded.
struct Recorded {
    exchanges: Vec<Exchange>,
    client: Streams,
    server: Streams,
    /// What each command was to run.
    creates: BTreeMap<String, CreatePipeline>,
}

impl Recorded {
    fn load(path: &Path) -> Self {
        let exchanges = exchanges(path);
        let (mut client, mut server, mut creates) = (Streams::default(), Streams::default(), BTreeMap::new());
        for exchange in &exchanges {
            let request = decode_request(&exchange.request, &Limits::default()).unwrap();
            match &request.operation {
                Operation::Command(line) => {
                    let id = line.command_id.clone().expect("PowerShell names its commands");
                    client.push(&id, &line.fragments().unwrap());
                    let (kind, data) = &client.of(&id)[0];
                    assert_eq!(*kind, MessageType::CreatePipeline);
                    let value = decode(data, &ClixmlLimits::default()).unwrap();
                    creates.insert(id, CreatePipeline::from_value(&value).unwrap());
                }
                Operation::Send(input) => {
                    for piece in &input.streams {
                        let id = piece.command_id.as_deref().unwrap_or_default();
                        client.push(id, &piece.data.to_vec().unwrap());
                    }
                }
                Operation::Receive(asked) => {
                    let Some(answer) = &exchange.answer else { continue };
                    let answer = decode_response(answer, &request.expectation(), &Limits::default()).unwrap();
                    let Reply::Receive(received) = answer.reply else { continue };
                    for piece in received.streams {
                        let id = asked.command_id.as_deref().unwrap_or_default();
                        server.push(id, &piece.data.to_vec().unwrap());
                    }
                }
                _ => {}
            }
        }
        Self { exchanges, client, server, creates }
    }

    /// A scenario by which the host's pipelines write what PowerShell's wrote.
    fn scenario(&self) -> Scenario {
        let mut scripts = BTreeMap::new();
        for (id, create) in &self.creates {
            let mut messages = self.server.of(id).to_vec();
            // The host says by itself that a pipeline is complete.
            if messages.last() == Some(&completed()) {
                messages.pop();
            }
            // PowerShell writes null as nothing.
            let message = |(kind, data): &Said| json!({"type": kind.name(), "clixml": Some(data).filter(|data| !data.is_empty())});
            let messages: Vec<_> = messages.iter().map(message).collect();
            let mut statements = create.power_shell.statements.iter();
            let first = written(statements.next().unwrap());
            let entry = json!({"script": first, "input": !create.no_input, "messages": messages});
            let known = scripts.insert(first, entry.clone());
            assert!(known.is_none_or(|known| known == entry), "one script has two answers");
            for statement in statements {
                let silent = written(statement);
                scripts.insert(silent.clone(), json!({"script": silent}));
            }
        }
        let scripts: Vec<_> = scripts.into_values().collect();
        Scenario::parse(&json!({ "scripts": scripts }).to_string()).unwrap()
    }

    /// What the host has to say to a command: the input, what PowerShell said, and how it ends.
    fn expected(&self, id: &str) -> Vec<Said> {
        let input = self.client.of(id).iter().filter(|(kind, _)| *kind == MessageType::PipelineInput);
        let mut expected: Vec<Said> =
            input.map(|(_, data)| (MessageType::PipelineOutput, data.clone())).collect();
        expected.extend(self.server.of(id).iter().cloned());
        if expected.last() != Some(&completed()) {
            expected.push(completed());
        }
        expected
    }

    /// Whether a command runs once the exchanges up to this one are done: its input has ended, too.
    fn runs(&self, id: &str, at: usize) -> bool {
        self.exchanges[at..].iter().all(|exchange| {
            let request = decode_request(&exchange.request, &Limits::default()).unwrap();
            !matches!(&request.operation, Operation::Send(input)
                if input.streams.iter().any(|piece| piece.command_id.as_deref() == Some(id)))
        })
    }
}

fn completed() -> Said {
    let state = PipelineStateMessage { state: PipelineState::Completed, error: None };
    (MessageType::PipelineState, encode(&state.to_value(ProtocolVersion::V2_3).unwrap()))
}

/// A statement as scenarios name it.
fn written(commands: &[Command]) -> String {
    let words = commands.iter().map(|command| {
        let mut words = command.text.trim().to_owned();
        for parameter in &command.parameters {
            if let Some(name) = &parameter.name {
                words.push_str(" -");
                words.push_str(name.trim_start_matches('-').trim_end_matches(':'));
                match &parameter.value {
                    PsValue::Null | PsValue::Bool(true) => continue,
                    PsValue::Bool(false) => {
                        words.push_str(":$false");
                        continue;
                    }
                    _ => {}
                }
            }
            words.push(' ');
            match &parameter.value {
                PsValue::Null => words.push_str("$null"),
                PsValue::Bool(value) => words.push_str(&format!("${value}")),
                value => match value.items() {
                    Some(items) => words.push_str(&items.iter().map(text).collect::<Vec<_>>().join(",")),
                    None => words.push_str(&text(value)),
                },
            }
        }
        words
    });
    words.collect::<Vec<_>>().join(" | ")
}

/// The request with another time-out, and an id of its own.
fn asked_for(body: &str, seconds: &str) -> String {
    let (before, rest) = body.split_once("<w:OperationTimeout>").unwrap();
    let (_, after) = rest.split_once('<').unwrap();
    let body = format!("{before}<w:OperationTimeout>PT{seconds}S<{after}");
    let (before, rest) = body.split_once("<a:MessageID>").unwrap();
    let (_, after) = rest.split_once('<').unwrap();
    format!("{before}<a:MessageID>uuid:{}<{after}", uuid::Uuid::new_v4())
}

/// The session again, with the host as the server.
struct Played {
    wire: Wire,
    recorded: Recorded,
    shell: String,
    received: Streams,
    /// The Receives of each stream that brought something, those that waited in vain, and those after the end.
    brought: usize,
    in_vain: usize,
    /// The commands that were signalled.
    signalled: Vec<String>,
    deleted: bool,
}

impl Played {
    async fn all(host: &MockHost, recorded: Recorded) -> Self {
        let mut played = Self {
            wire: Wire::new(host),
            recorded,
            shell: String::new(),
            received: Streams::default(),
            brought: 0,
            in_vain: 0,
            signalled: Vec::new(),
            deleted: false,
        };
        for at in 0..played.recorded.exchanges.len() {
            let body = played.recorded.exchanges[at].request.clone();
            let request = decode_request(&body, &Limits::default()).unwrap();
            assert_eq!(request.header.to.as_deref(), Some("HTTPS://lnx01:5987/wsman?PSVersion=7.6.5"));
            if played.shell.is_empty() {
                assert!(matches!(request.operation, Operation::Create(_)));
            } else {
                assert_eq!(request.header.selectors.get("ShellId"), Some(played.shell.as_str()));
            }
            played.one(at, &body, &request).await;
        }
        played
    }

    async fn one(&mut self, at: usize, body: &str, request: &Request<'_>) {
        match &request.operation {
            Operation::Create(Create::Shell(shell)) => {
                let id = shell.shell_id.clone().expect("PowerShell names its shells");
                assert_eq!(shell.input_streams, ["stdin", "pr"]);
                let answer = self.answered(body).await;
                let Reply::Create(created) = decoded(&answer, request) else { panic!("{answer}") };
                assert_eq!(created.shell_id(), Some(id.as_str()));
                let reference = created.resource.as_ref().unwrap();
                assert_eq!(reference.resource_uri.as_deref(), request.header.resource_uri.as_deref());
                let told = created.shell.as_ref().unwrap();
                assert_eq!(told.input_streams, ["stdin", "pr"]);
                assert_eq!(told.output_streams, ["stdout"]);
                assert!(told.name.is_some() && told.name == shell.name);
                self.shell = id;
            }
            Operation::Command(line) => {
                let answer = self.answered(body).await;
                let Reply::Command(started) = decoded(&answer, request) else { panic!("{answer}") };
                assert_eq!(Some(started.command_id), line.command_id);
            }
            Operation::Send(_) => {
                let answer = self.answered(body).await;
                assert!(matches!(decoded(&answer, request), Reply::Send), "{answer}");
            }
            Operation::Receive(asked) => {
                assert_eq!(asked.streams, ["stdout"]);
                self.receive(body, asked.command_id.clone(), at + 1).await;
            }
            Operation::Signal(signal) => {
                let id = signal.command_id.clone().expect("PowerShell signals commands");
                assert_eq!(signal.code, SignalCode::Terminate);
                // The host may need more Receives than the recorded server did.
                while self.received.of(&id).last() != Some(&completed()) {
                    let asks = self.recorded.exchanges.iter().map(|exchange| exchange.request.clone());
                    let mut asks = asks.filter(|body| body.contains("<p:Receive") && body.contains(&id));
                    let again = asks.next().expect("PowerShell asks for the output of its commands");
                    self.receive(&again, Some(id.clone()), at).await;
                }
                let answer = self.answered(body).await;
                assert!(matches!(decoded(&answer, request), Reply::Signal), "{answer}");
                self.signalled.push(id);
            }
            Operation::Delete => {
                let answer = self.answered(body).await;
                assert!(matches!(decoded(&answer, request), Reply::Delete), "{answer}");
                self.deleted = true;
            }
            other => panic!("PowerShell did not send {other:?}"),
        }
    }

    /// A Receive brings what there is, waits in vain where there is nothing, says once more that a command is
    /// done, and is refused for what is gone.
    async fn receive(&mut self, body: &str, command: Option<String>, at: usize) {
        let key = command.clone().unwrap_or_default();
        let ended = self.received.of(&key).last() == Some(&completed());
        let due = match &command {
            _ if self.deleted => false,
            Some(id) => !ended && self.recorded.runs(id, at),
            // What opens the pool; in these sessions it says nothing later.
            None => self.received.of(&key).len() < 3,
        };
        let body = asked_for(body, if due { "20" } else { "0.01" });
        let request = decode_request(&body, &Limits::default()).unwrap();
        let (status, answer) = self.wire.post(&body).await;
        let reply = decoded(&answer, &request);
        if self.deleted || command.as_ref().is_some_and(|id| self.signalled.contains(id)) {
            assert_eq!((status, code(&reply)), (500, Some(UNKNOWN)), "{answer}");
            return;
        }
        if !due && !ended {
            assert_eq!((status, code(&reply)), (500, Some(TIMED_OUT)), "{answer}");
            self.in_vain += 1;
            return;
        }
        let Reply::Receive(received) = reply else { panic!("{answer}") };
        assert_eq!(status, 200);
        let mut messages = 0;
        for piece in &received.streams {
            assert_eq!((&*piece.name, piece.command_id.as_deref()), ("stdout", command.as_deref()));
            messages += self.received.push(&key, &piece.data.to_vec().unwrap());
        }
        assert_eq!(messages > 0, due, "{answer}");
        self.brought += usize::from(due);
        let state = received.state.expect("a state");
        assert_eq!(state.command_id, command);
        let done = self.received.of(&key).last() == Some(&completed());
        assert_eq!(state.state, if done { RunState::Done } else { RunState::Running }, "{answer}");
        assert_eq!(state.exit_code, done.then_some(0));
    }

    async fn answered(&mut self, body: &str) -> String {
        let (status, answer) = self.wire.post(body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

fn decoded<'a>(answer: &'a str, request: &Request<'_>) -> Reply<'a> {
    decode_response(answer, &request.expectation(), &Limits::default()).unwrap().reply
}

fn code(reply: &Reply<'_>) -> Option<u32> {
    let Reply::Fault(fault) = reply else { return None };
    fault.code().map(|code| code.0)
}

/// What opens a pool, as both servers say it: the host has another build, and a table of its own.
fn check_opening(ours: &[Said], theirs: &[Said]) {
    let kinds = |said: &[Said]| said.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    let opening =
        [MessageType::SessionCapability, MessageType::ApplicationPrivateData, MessageType::RunspacePoolState];
    assert_eq!(kinds(theirs), opening);
    assert_eq!(kinds(ours), opening);
    let value = |data: &str| decode(data, &ClixmlLimits::default()).unwrap();
    let capability = |data: &str| SessionCapability::from_value(&value(data)).unwrap();
    // The host stays with the version that protects secrets by itself, whatever carries them.
    let theirs_but_for_its_version =
        SessionCapability { protocol: ProtocolVersion::V2_3, ..capability(&theirs[0].1) };
    assert_eq!(capability(&ours[0].1), theirs_but_for_its_version);
    let names = |data: &str| {
        let value = value(data);
        let data = value.get("ApplicationPrivateData").expect("private data").clone();
        let table = data.entry("PSVersionTable").expect("a version table").clone();
        table.entry("PSVersion").is_some()
    };
    assert!(names(&theirs[1].1) && names(&ours[1].1));
    let state = |data: &str| PoolStateMessage::from_value(&value(data)).unwrap().state;
    assert_eq!((state(&ours[2].1), state(&theirs[2].1)), (PoolState::Opened, PoolState::Opened));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_powershell_are_answered() {
    let (mut brought, mut in_vain, mut commands) = (0, 0, 0);
    for path in recordings("wsman") {
        println!("{}", path.display());
        let recorded = Recorded::load(&path);
        let host = host().scenario(recorded.scenario()).start().await.unwrap();
        let played = Played::all(&host, recorded).await;
        assert!(played.deleted, "{}", path.display());
        check_opening(played.received.of(""), played.recorded.server.of(""));
        for id in played.recorded.creates.keys() {
            assert_eq!(played.received.of(id), played.recorded.expected(id), "{} {id}", path.display());
        }
        for (command, stream) in &played.received.open {
            assert!(!stream.is_in_progress(), "{} {command}", path.display());
        }
        assert_eq!(played.signalled.len(), played.recorded.creates.len());
        let left = host.statistics();
        assert_eq!((left.open_shells, left.open_commands), (0, 0), "{}", path.display());
        (brought, in_vain) = (brought + played.brought, in_vain + played.in_vain);
        commands += played.signalled.len();
        host.shutdown().await;
    }
    assert_eq!(commands, 42);
    assert!(brought > commands && in_vain > commands, "{brought} {in_vain}");
}
