//! `Enter-PSSession` on the wire, beside PowerShell's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{PASSWORD, PROGRAM};
use windlass_mock::{MockHost, Scenario, Statistics};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::outofproc::Packet;
use windlass_psrp::{Message, MessageType};
use windlass_wsman::{Limits, Operation, SignalCode, decode_request};

/// What was typed when `enter-pssession` was recorded, up to Ctrl-C and after it.
const TYPED: [&str; 7] = [
    "1+1",
    "cd /",
    "Write-Host hi -ForegroundColor Green; Write-Error bad",
    "Read-Host name",
    "Get-Item /no",
    "while($true){Start-Sleep 1}",
    "exit",
];

/// The line that only Ctrl-C ends.
const ENDLESS: usize = 5;

/// Answers that are quick, but for that line.
const SCENARIO: &str = r#"{"scripts": [
    {"script": "1+1", "output": [2]}, {"script": "cd /"}, {"script": "Read-Host name", "output": ["zed"]},
    {"script": "while($true){Start-Sleep 1}", "delay_ms": 600000}]}"#;

/// What a client did that its host sees.
#[derive(PartialEq)]
enum Step {
    /// It started a pipeline: the kind of message and its data.
    Started(MessageType, String),
    /// It ordered a pipeline to stop.
    Stopped,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(kind, data) => write!(f, "{} {data}", kind.name()),
            Self::Stopped => f.write_str("stop"),
        }
    }
}

/// The pipelines that whole messages start.
fn started(fragments: &[u8]) -> Vec<Step> {
    let mut inbox = Defragmenter::new(FragmentLimits::default());
    let mut objects = inbox.push(fragments);
    let mut steps = Vec::new();
    while let Some(object) = objects.next().unwrap() {
        let message = Message::decode(object.data).unwrap();
        if matches!(message.kind, MessageType::CreatePipeline | MessageType::GetCommandMetadata) {
            steps.push(Step::Started(message.kind, message.data.to_owned()));
        }
    }
    steps
}

/// The steps of PowerShell's client, without those that a console on a pipe has no use for: the mode of the
/// debugger, the prompt, and the order to show that a pipeline was stopped.
fn recorded() -> Vec<Step> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded/psrp/enter-pssession.jsonl");
    let mut steps = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (Some("client"), Some(text)) = (line["from"].as_str(), line["line"].as_str()) else { continue };
        for packet in Packet::decode_line(text).unwrap() {
            match packet {
                Packet::Data { id: Some(_), data, .. } => steps.extend(started(&data)),
                Packet::Signal(_) => steps.push(Step::Stopped),
                _ => {}
            }
        }
    }
    steps.retain(|step| {
        let Step::Started(MessageType::CreatePipeline, data) = step else { return true };
        let begins = |command: &str| data.split("<S N=\"Cmd\">").nth(1).unwrap().starts_with(command);
        !begins("__Set-PSDebugMode<") && !begins("prompt<") && !begins("Out-Default<")
    });
    steps
}

/// The same of a recording that `windlass record` made.
fn ours(folder: &Path) -> Vec<Step> {
    let text = std::fs::read_to_string(folder.join("wsman-1.jsonl")).unwrap();
    let mut steps = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let request = decode_request(line["request"].as_str().unwrap(), &Limits::default()).unwrap();
        match request.operation {
            Operation::Command(command) => {
                let [arguments] = command.arguments.as_slice() else { panic!("one argument") };
                let fragments = base64_simd::STANDARD.decode_to_vec(arguments.as_bytes()).unwrap();
                steps.extend(started(&fragments));
            }
            Operation::Signal(signal) if signal.code == SignalCode::PowerShellStop => {
                steps.push(Step::Stopped);
            }
            _ => {}
        }
    }
    steps
}

async fn wait(host: &MockHost, what: &str, until: impl Fn(&Statistics) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), host.wait_until(until)).await;
    assert!(waited.is_ok(), "{what}: {:?}", host.statistics());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_ctrl_c_go_out_as_powershell_sends_them() {
    let host = MockHost::builder()
        .user("alice", PASSWORD.to_owned())
        .http("127.0.0.1:0")
        .scenario(Scenario::parse(SCENARIO).unwrap());
    let host = host.start().await.unwrap();
    let folder = std::env::temp_dir().join(format!("windlass-enter-{}", std::process::id()));
    let mut child = Command::new(PROGRAM)
        .args(["record", folder.to_str().unwrap(), "Enter-PSSession", "srv1", "-Credential", "alice"])
        .args(["--resolve", &format!("srv1=127.0.0.1:{}", host.http_addr().unwrap().port())])
        .env("WINDLASS_PASSWORD", PASSWORD)
        .env("WINDLASS_CONFIG", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for (typed, line) in TYPED.iter().enumerate() {
        writeln!(input, "{line}").unwrap();
        if typed == ENDLESS {
            wait(&host, line, |now| now.open_commands == 1).await;
            let process = child.id().to_string();
            assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
        }
        // The metadata of the commands that a session needs come before the first line.
        let finished = u64::try_from(typed + 2).unwrap();
        wait(&host, line, |now| now.finished_pipelines == finished && now.open_commands == 0).await;
    }
    drop(input);
    tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    let (ours, recorded) = (ours(&folder), recorded());
    std::fs::remove_dir_all(&folder).unwrap();
    for (ours, recorded) in ours.iter().zip(&recorded) {
        assert_eq!(ours, recorded);
    }
    assert_eq!(ours.len(), recorded.len());
    host.shutdown().await;
}
