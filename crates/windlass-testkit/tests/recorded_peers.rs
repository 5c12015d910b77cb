//! Conversations with programs of others, replayed: envelopes, and the PowerShell messages in them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use windlass_clixml::{Limits as ClixmlLimits, decode, encode};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::payload::rewrite;
use windlass_psrp::{Message, MessageType, ProtocolVersion};
use windlass_testkit::agree::wsman::{self, Exchange};
use windlass_wsman::{
    Create, Expectation, Limits, Operation, Reply, Request, decode_request, decode_response, uri,
};

const RECORDINGS: [&str; 3] = ["mini-server-psrpcore-0.3.1", "pypsrp-0.9.1", "pywinrm-0.5.0"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded/peers")
}

fn exchanges(name: &str) -> Vec<Exchange> {
    let recording = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    wsman::exchanges(&recording).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_envelope_holds_the_same_when_encoded_again() {
    let names: Vec<String> = wsman::recordings(&folder()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, RECORDINGS);
    let [requests, responses] = wsman::messages(&folder(), "peers");
    assert_eq!(requests.differ, []);
    assert_eq!(responses.differ, []);
    let sent: usize = RECORDINGS.iter().map(|name| exchanges(name).len()).sum();
    assert!(sent > 100, "{sent}");
    assert_eq!((requests.agree, requests.listed), (sent, 0));
    assert_eq!((responses.agree, responses.listed), (sent, 0), "a request stays without its answer");
}

#[test]
fn messages_of_pypsrp_hold_the_same_when_encoded_again() {
    let streams = Streams::of("pypsrp-0.9.1");
    // Both directions cut a long message into several fragments.
    assert!(streams.longest_message(Side::Client) > 20_000);
    assert!(streams.longest_message(Side::Server) > 20_000);
    for kind in [
        MessageType::CreatePipeline,
        MessageType::PipelineInput,
        MessageType::EndOfPipelineInput,
        MessageType::SetMaxRunspaces,
        MessageType::GetAvailableRunspaces,
    ] {
        assert!(streams.has(Side::Client, kind), "{kind}");
    }
    streams.have_records_from_the_server();
}

#[test]
fn messages_of_psrpcore_hold_the_same_when_encoded_again() {
    let streams = Streams::of("mini-server-psrpcore-0.3.1");
    for kind in [MessageType::SessionCapability, MessageType::InitRunspacePool, MessageType::CreatePipeline] {
        assert!(streams.has(Side::Client, kind), "{kind}");
    }
    streams.have_records_from_the_server();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Client,
    Server,
}

/// Side, shell, command (empty for the shell itself) and name of a stream.
type Key = (Side, String, String, String);

/// The PowerShell streams of a recording.
#[derive(Default)]
struct Streams {
    open: BTreeMap<Key, Defragmenter>,
    /// Kind and length of each message.
    messages: Vec<(Side, MessageType, usize)>,
}

impl Streams {
    /// Reads every stream of a recording to its end and checks every message.
    fn of(name: &str) -> Self {
        let mut streams = Self::default();
        for exchange in exchanges(name) {
            let request = decode_request(&exchange.request, &Limits::default()).unwrap();
            let endpoint = request.header.resource_uri.as_deref().unwrap_or_default();
            if uri::powershell_configuration(endpoint).is_some() {
                streams.sent(&request);
                let answer = exchange.response.expect("an answer");
                streams.received(&request, &answer);
            }
        }
        for (key, stream) in &streams.open {
            assert!(!stream.is_in_progress(), "{key:?} ends within a message");
        }
        streams
    }

    fn sent(&mut self, request: &Request<'_>) {
        match &request.operation {
            Operation::Create(Create::Shell(shell)) => {
                let id = shell.shell_id.as_deref().expect("the shell's id");
                let fragments = shell.creation_xml.as_ref().expect("creationXml").to_vec().unwrap();
                self.push((Side::Client, upper(id), String::new(), "stdin".to_owned()), &fragments);
            }
            Operation::Command(line) => {
                let id = line.command_id.as_deref().expect("the pipeline's id");
                let key = (Side::Client, shell_of(request), upper(id), "stdin".to_owned());
                self.push(key, &line.fragments().unwrap());
            }
            Operation::Send(input) => self.take(Side::Client, request, &input.streams),
            _ => {}
        }
    }

    fn received(&mut self, request: &Request<'_>, answer: &str) {
        let answer = decode_response(answer, &Expectation::unchecked(), &Limits::default()).unwrap();
        if let Reply::Receive(output) = answer.reply {
            self.take(Side::Server, request, &output.streams);
        }
    }

    fn take(&mut self, side: Side, request: &Request<'_>, pieces: &[windlass_wsman::Stream<'_>]) {
        for piece in pieces {
            let command = upper(piece.command_id.as_deref().unwrap_or_default());
            let key = (side, shell_of(request), command, piece.name.clone().into_owned());
            self.push(key, &piece.data.to_vec().unwrap());
        }
    }

    fn push(&mut self, key: Key, fragments: &[u8]) {
        let side = key.0;
        let stream = self.open.entry(key).or_insert_with(|| Defragmenter::new(FragmentLimits::default()));
        let mut objects = stream.push(fragments);
        while let Some(object) = objects.next().unwrap() {
            self.messages.push((side, check(object.data), object.data.len()));
        }
    }

    fn has(&self, side: Side, kind: MessageType) -> bool {
        self.messages.iter().any(|(from, found, _)| *from == side && *found == kind)
    }

    fn longest_message(&self, side: Side) -> usize {
        let of_side = self.messages.iter().filter(|(from, _, _)| *from == side);
        of_side.map(|(_, _, length)| *length).max().unwrap_or_default()
    }

    /// The answers to an opened pool and a record of every stream.
    fn have_records_from_the_server(&self) {
        for kind in [
            MessageType::SessionCapability,
            MessageType::ApplicationPrivateData,
            MessageType::RunspacePoolState,
            MessageType::PipelineState,
            MessageType::PipelineOutput,
            MessageType::ErrorRecord,
            MessageType::WarningRecord,
            MessageType::VerboseRecord,
            MessageType::DebugRecord,
            MessageType::InformationRecord,
            MessageType::ProgressRecord,
        ] {
            assert!(self.has(Side::Server, kind), "{kind}");
        }
    }
}

/// A message is written as it was read, its value reads the same when written again, and the types of
/// its kind take it.
fn check(bytes: &[u8]) -> MessageType {
    let message = Message::decode(bytes).unwrap();
    assert_eq!(message.encode(), bytes, "{}", message.kind);
    if !message.data.is_empty() {
        let limits = ClixmlLimits::default();
        let read =
            |text: &str| decode(text, &limits).unwrap_or_else(|error| panic!("{}: {error}", message.kind));
        let value = read(message.data);
        assert_eq!(read(&encode(&value)), value, "{}", message.kind);
        if let Err(error) = rewrite(message.kind, &value, ProtocolVersion::V2_3) {
            panic!("{}: {error}", message.kind);
        }
    }
    message.kind
}

fn shell_of(request: &Request<'_>) -> String {
    upper(request.header.selectors.get("ShellId").expect("the shell's id"))
}

/// The sides write the hexadecimal digits of an id in different cases.
fn upper(id: &str) -> String {
    id.to_ascii_uppercase()
}
