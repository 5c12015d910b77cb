//! Scenarios as a client of the PowerShell endpoint sees them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod support;

use std::time::{Duration, Instant};

use support::{Wire, fault_code, host, request};
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_mock::{MockHost, Scenario};
use windlass_psrp::host::{HostInfo, HostReply, HostReturn};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, ErrorRecord, PipelineState, PoolOptions, PoolState, PowerShell,
    Stream,
};
use windlass_wsman::{
    CommandLine, Create, Expectation, Limits, Operation, ReceiveOutput, Reply, SendInput, Shell, Signal,
    SignalCode, Stream as Piece, decode_response, uri,
};

const ROOM: usize = 64 * 1024;

const SCENARIO: &str = r#"{"scripts": [
    {"script": "foreach ($x in 1..3) { Get-Thing $x }", "output": [1, {"Name": "x"}],
     "clixml": ["<Version>1.2</Version>"], "errors": ["lost"], "warnings": ["old"], "verbose": ["looking"],
     "debug": ["here"], "information": ["found"], "progress": [{"activity": "Search", "percent": 50}]},
    {"script": "Get-Thing -Name x -All | Sort-Object Id", "output": ["sorted"], "delay_ms": 1},
    {"script": "throw 'it'", "output": ["before"], "fails": "it"},
    {"script": "Wait-Long", "output": ["late"], "delay_ms": 3600000},
    {"script": "Read-It", "host": [{"method": "ReadLine"}]},
    {"script": "Get-Back", "input": true, "output": [7]}
]}"#;

/// An open pool.
struct Session {
    wire: Wire,
    resource: String,
    shell: String,
    pool: ClientPool,
}

impl Session {
    async fn open(host: &MockHost) -> Self {
        let mut pool = ClientPool::new(PoolOptions::default());
        let fragments = pool.creation_fragments(ROOM).unwrap();
        let shell = guid(pool.id());
        let mut session =
            Self { wire: Wire::new(host), resource: uri::powershell("Microsoft.PowerShell"), shell, pool };
        let create = Shell::powershell(&session.shell, &fragments);
        let create = request(&session.resource, &[], Operation::Create(Create::Shell(Box::new(create))));
        let (status, answer) = session.wire.post(&create).await;
        assert_eq!(status, 200, "{answer}");
        while session.pool.state() != PoolState::Opened {
            session.receive(None).await;
        }
        session
    }

    /// Starts a pipeline.
    async fn start(&mut self, create: impl Into<CreatePipeline>) -> Uuid {
        let id = self.pool.create_pipeline(create).unwrap();
        let fragments = self.pool.command_arguments(id, ROOM).unwrap().unwrap();
        self.post(Operation::Command(CommandLine::pipeline(guid(id), &fragments))).await;
        id
    }

    /// What a pipeline says until it ends.
    async fn finish(&mut self, id: Uuid) -> (Vec<String>, PipelineState, Option<Box<ErrorRecord>>) {
        let mut said = Vec::new();
        loop {
            while let Some(event) = self.pool.poll_event() {
                said.push(match event {
                    ClientEvent::PipelineOutput { value, .. } => match value {
                        PsValue::I32(number) => format!("output {number}"),
                        PsValue::Version(version) => format!("output {version}"),
                        PsValue::String(text) => format!("output {text}"),
                        value => format!("output Name={:?}", value.get("Name").and_then(PsValue::as_str)),
                    },
                    ClientEvent::PipelineError { error, .. } => {
                        format!("error {} {}", error.message(), error.fully_qualified_error_id)
                    }
                    ClientEvent::Warning { record, .. } => format!("warning {}", record.message),
                    ClientEvent::Verbose { record, .. } => format!("verbose {}", record.message),
                    ClientEvent::Debug { record, .. } => format!("debug {}", record.message),
                    ClientEvent::Information { record, .. } => {
                        format!("information {}", record.message_data.as_str().unwrap())
                    }
                    ClientEvent::Progress { record, .. } => format!(
                        "progress {} {} {}",
                        record.activity, record.status_description, record.percent_complete
                    ),
                    ClientEvent::PipelineState { state, error, .. } if state != PipelineState::Stopping => {
                        if state != PipelineState::Running {
                            return (said, state, error);
                        }
                        continue;
                    }
                    _ => continue,
                });
            }
            self.receive(Some(id)).await;
        }
    }

    async fn receive(&mut self, pipeline: Option<Uuid>) {
        let receive = ReceiveOutput {
            command_id: pipeline.map(guid),
            streams: vec!["stdout".to_owned()],
            ..ReceiveOutput::default()
        };
        let answer = self.post(Operation::Receive(receive)).await;
        let response = decode_response(&answer, &Expectation::unchecked(), &Limits::default()).unwrap();
        let Reply::Receive(received) = response.reply else { panic!("{answer}") };
        for piece in received.streams {
            self.pool.receive(pipeline, &piece.data.to_vec().unwrap()).unwrap();
        }
    }

    async fn post(&mut self, operation: Operation<'_>) -> String {
        let (status, answer) =
            self.wire.post(&request(&self.resource, &[("ShellId", &self.shell)], operation)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

fn guid(id: Uuid) -> String {
    id.hyphenated().to_string().to_uppercase()
}

async fn scripted_host() -> MockHost {
    host().scenario(Scenario::parse(SCENARIO).unwrap()).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_their_answers() {
    let host = scripted_host().await;
    let mut session = Session::open(&host).await;
    let id = session.start(PowerShell::script("\nforeach ($x in 1..3) { Get-Thing $x }\n")).await;
    let (said, state, _) = session.finish(id).await;
    assert_eq!(state, PipelineState::Completed);
    assert_eq!(
        said,
        [
            "progress Search Processing 50",
            "verbose looking",
            "debug here",
            "information found",
            "warning old",
            "output 1",
            "output Name=Some(\"x\")",
            "output 1.2",
            "error lost Microsoft.PowerShell.Commands.WriteErrorException",
        ]
    );

    let commands =
        PowerShell::new().command("Get-Thing").parameter("Name", "x").switch("All").command("Sort-Object");
    let id = session.start(commands.argument("Id")).await;
    let (said, state, _) = session.finish(id).await;
    assert_eq!((said.len(), state), (1, PipelineState::Completed));

    let id = session.start(PowerShell::script("throw 'it'")).await;
    let (said, state, error) = session.finish(id).await;
    assert_eq!((said.len(), state), (1, PipelineState::Failed));
    assert_eq!(error.unwrap().message(), "it");

    // What the scenario does not know runs as usual.
    let id = session.start(PowerShell::script("Write-Output 7")).await;
    let (said, state, _) = session.finish(id).await;
    assert_eq!((said, state), (vec!["output 7".to_owned()], PipelineState::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_ends_with_a_stop() {
    let host = scripted_host().await;
    let mut session = Session::open(&host).await;
    let before = Instant::now();
    let id = session.start(PowerShell::script("Wait-Long")).await;
    assert!(session.pool.stop(id).unwrap());
    session.post(Operation::Signal(Signal::new(guid(id), SignalCode::PowerShellStop))).await;
    let (said, state, _) = session.finish(id).await;
    assert_eq!((said, state), (Vec::new(), PipelineState::Stopped));
    assert!(before.elapsed() < Duration::from_secs(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_lost_input_ends() {
    let host = scripted_host().await;
    let mut session = Session::open(&host).await;
    // It has the only runspace: the other waits, and takes no input.
    session.start(PowerShell::script("Wait-Long")).await;
    let waiting = CreatePipeline::from(PowerShell::new().command("Measure-Object")).with_input();
    let id = session.start(waiting).await;
    // More than the host keeps for it.
    for number in 0..500 {
        session.pool.send_input(id, &PsValue::from(number)).unwrap();
    }
    let input = session.pool.poll_send(ROOM).unwrap();
    let command = guid(id);
    let selectors = [("ShellId", session.shell.as_str())];
    let piece = Piece::new("stdin", Some(command.as_str()), &input.data);
    let send = Operation::Send(SendInput { streams: vec![piece] });
    let send = request(&session.resource, &selectors, send).replace("PT20.000S", "PT0.200S");
    assert_eq!(fault_code(&session.wire.post(&send).await.1), Some(0x8033_8029));

    let streams = vec!["stdout".to_owned()];
    let receive = ReceiveOutput { command_id: Some(command.clone()), streams, ..ReceiveOutput::default() };
    let receive = request(&session.resource, &selectors, Operation::Receive(receive));
    let before = Instant::now();
    assert_eq!(fault_code(&session.wire.post(&receive).await.1), Some(0x8033_8029));
    assert!(before.elapsed() < Duration::from_secs(10), "the pipeline waits for what never comes");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_hosts_come_by_their_own_stream() {
    let host = scripted_host().await;
    let mut session = Session::open(&host).await;
    let host_info = HostInfo::without_screen();
    let id = session.start(CreatePipeline { host_info, ..PowerShell::script("Read-It").into() }).await;
    let call = 'called: loop {
        while let Some(event) = session.pool.poll_event() {
            match event {
                ClientEvent::HostCall { call, .. } => break 'called call,
                ClientEvent::PipelineState { state, .. } => assert_eq!(state, PipelineState::Running),
                _ => {}
            }
        }
        session.receive(Some(id)).await;
    };
    let answer = HostReply::Value(HostReturn::Text("typed".into()));
    session.pool.host_response(Some(id), &call, answer).unwrap();
    let outgoing = session.pool.poll_send(ROOM).unwrap();
    assert_eq!(outgoing.stream, Stream::PromptResponse);
    let command = guid(id);
    let send = |name: &'static str| {
        Operation::Send(SendInput { streams: vec![Piece::new(name, Some(command.as_str()), &outgoing.data)] })
    };
    let unknown = request(&session.resource, &[("ShellId", &session.shell)], send("prompt"));
    assert_eq!(fault_code(&session.wire.post(&unknown).await.1), Some(0x8033_818B));
    session.post(send("pr")).await;
    let (said, state, _) = session.finish(id).await;
    assert_eq!((said, state), (vec!["output typed".to_owned()], PipelineState::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_comes_out_again() {
    let host = scripted_host().await;
    let mut session = Session::open(&host).await;
    let back = CreatePipeline::from(PowerShell::script("Get-Back")).with_input();
    let id = session.start(back).await;
    for number in [3, 5] {
        session.pool.send_input(id, &PsValue::from(number)).unwrap();
    }
    session.pool.end_input(id).unwrap();
    let input = session.pool.poll_send(ROOM).unwrap();
    let command = guid(id);
    let piece = Piece::new("stdin", Some(command.as_str()), &input.data);
    session.post(Operation::Send(SendInput { streams: vec![piece] })).await;
    let (said, state, _) = session.finish(id).await;
    assert_eq!(
        (said.as_slice(), state),
        (["output 3", "output 5", "output 7"].map(String::from).as_slice(), PipelineState::Completed)
    );
}
