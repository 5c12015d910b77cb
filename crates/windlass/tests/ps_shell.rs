//! PowerShell sessions and the embedded host: host calls, secrets, compression, quotas.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use std::sync::{Arc, Mutex};

use support::{host, nothing_left, over_http, over_https};
use windlass::clixml::{PsString, PsValue};
use windlass::psrp::host::{HostInfo, HostMethod, HostReturn};
use windlass::{
    Answering, Host, HostAnswer, PipelineEvent, PipelineState, PowerShell, PsSession, PsSessionOptions,
    Secret, Target, WinRsCommand, WinRsShell, WsmanOptions,
};
use windlass_mock::{HostLimits, Scenario};

/// Answers everything and keeps what was asked.
#[derive(Default)]
struct Scripted(Mutex<Vec<HostMethod>>);

impl Host for Scripted {
    fn info(&self) -> HostInfo {
        HostInfo::without_screen()
    }

    fn call(&self, method: HostMethod, _warning: Option<String>) -> Answering<'_> {
        self.0.lock().unwrap().push(method.clone());
        Box::pin(async move {
            match method {
                HostMethod::ReadLine => HostAnswer::Value(HostReturn::Text("a line".into())),
                HostMethod::ReadLineAsSecureString => HostAnswer::Secret(Secret::new("geheim")),
                HostMethod::PromptForCredential1 { .. } => {
                    HostAnswer::Credential("bob".to_owned(), Secret::new("geheim"))
                }
                HostMethod::PromptForChoice { .. } => HostAnswer::Value(HostReturn::Number(1)),
                HostMethod::GetWindowTitle => HostAnswer::Unsupported("there is no window".to_owned()),
                _ => HostAnswer::Value(HostReturn::Null),
            }
        })
    }
}

fn script(line: &str) -> PowerShell {
    PowerShell::script(line)
}

async fn output(session: &PsSession, line: &str) -> Vec<PsValue> {
    let result = session.invoke(script(line)).collect().await.unwrap();
    assert!(result.errors.is_empty(), "{:?}", result.errors);
    result.output
}

#[tokio::test]
async fn remote_commands_ask_the_callers_host() {
    let scenario = r#"{"scripts": [
        {"script": "choose", "host": [{"method": "PromptForChoice",
            "arguments": ["cap", "msg", [{"label": "&Yes", "helpMessage": ""}], 0]}]},
        {"script": "title", "host": [{"method": "GetWindowTitle"}]}]}"#;
    let host = host().scenario(Scenario::parse(scenario).unwrap()).start().await.unwrap();
    for target in [over_http(&host), over_https(&host)] {
        let scripted = Arc::new(Scripted::default());
        let session = PsSession::builder("").target(target).host(scripted.clone()).connect().await.unwrap();
        assert_eq!(output(&session, "Read-Host").await, [PsValue::from("a line")]);
        let secret =
            output(&session, "Read-Host -AsSecureString | ConvertFrom-SecureString -AsPlainText").await;
        assert_eq!(secret, [PsValue::from("geheim")]);
        let [credential] = output(&session, "Get-Credential").await.try_into().unwrap();
        assert_eq!(credential.as_object().unwrap().get("UserName"), Some(&PsValue::from("bob")));
        assert_eq!(output(&session, "choose").await, [PsValue::from(1)]);
        output(&session, "Write-Host shown").await;
        let failed = session.invoke(script("title")).collect().await.unwrap();
        assert_eq!(failed.state, PipelineState::Failed);
        session.close().await.unwrap();
        let asked: Vec<_> = scripted.0.lock().unwrap().iter().map(|method| method.id().name()).collect();
        let expected = [
            "ReadLine",
            "ReadLineAsSecureString",
            "PromptForCredential1",
            "PromptForChoice",
            "WriteLine2",
            "GetWindowTitle",
        ];
        assert_eq!(asked, expected);
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn calls_come_among_the_events_where_the_caller_reads_them_there() {
    let host = host().start().await.unwrap();
    let builder = PsSession::builder("").target(over_http(&host));
    let session = builder.host_events(HostInfo::without_screen()).connect().await.unwrap();
    let asking = || {
        PowerShell::new()
            .command("Write-Output")
            .argument("before")
            .statement()
            .command("Write-Host")
            .argument("shown")
            .statement()
            .command("Read-Host")
            .statement()
            .command("Read-Host")
            .argument("secret")
            .switch("AsSecureString")
            .command("ConvertFrom-SecureString")
            .switch("AsPlainText")
    };
    let mut seen = Vec::new();
    let mut running = session.invoke(asking());
    while let Some(event) = running.next().await {
        match event.unwrap() {
            PipelineEvent::Output(value) => seen.push(value.as_str().unwrap().to_owned()),
            PipelineEvent::HostCall(request) => {
                seen.push(request.method().id().name().to_owned());
                let name = PsString::from("secret");
                request.answer(match request.method() {
                    HostMethod::ReadLine => {
                        assert!(request.is_wanted() && request.expects_answer());
                        HostAnswer::Value(HostReturn::Text("typed".into()))
                    }
                    _ => HostAnswer::Fields(vec![(name, HostAnswer::Secret(Secret::new("geheim")))]),
                });
                assert!(!request.is_wanted());
            }
            _ => {}
        }
    }
    assert_eq!(seen, ["before", "WriteLine2", "ReadLine", "typed", "Prompt", "geheim"]);
    let unanswered = session.invoke(asking()).collect().await.unwrap();
    assert_eq!(unanswered.state, PipelineState::Failed);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_prompt_without_anybody_to_ask_fails() {
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_https(&host)).connect().await.unwrap();
    let result = session.invoke(PowerShell::new().command("Read-Host")).collect().await.unwrap();
    assert_eq!(result.state, PipelineState::Failed);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

fn compressing(target: Target) -> (windlass::PsSessionBuilder, windlass::WinRsShellBuilder) {
    let mut wsman = WsmanOptions::default();
    wsman.compress = true;
    let mut options = PsSessionOptions::default();
    options.wsman = wsman.clone();
    let session = PsSession::builder("").target(target.clone()).options(options);
    (session, WinRsShell::builder("").target(target).options(wsman))
}

#[tokio::test]
async fn compressed_streams_carry_the_same() {
    let host = host().allow_exec(true).start().await.unwrap();
    let long = "compress me, please. ".repeat(20_000);
    for target in [over_http(&host), over_https(&host)] {
        let (session, shell) = compressing(target);
        let session = session.connect().await.unwrap();
        let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
        input.send(long.as_str().into()).await.unwrap();
        input.close().await.unwrap();
        let result = running.collect().await.unwrap();
        assert_eq!(result.output, [PsValue::from(long.as_str())]);
        session.close().await.unwrap();

        let shell = shell.open().await.unwrap();
        let running = shell.run(WinRsCommand::new("cat").with_input());
        running.write(long.as_bytes()).await.unwrap();
        running.close_input().await.unwrap();
        assert_eq!(running.output().await.unwrap().stdout_text(), long);
        shell.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn a_compressed_session_is_taken_over() {
    let host = host().start().await.unwrap();
    let (builder, _) = compressing(over_https(&host));
    let session = builder.clone().connect().await.unwrap();
    let ticket = session.ticket();
    session.disconnect(windlass::DisconnectOptions::default()).await.unwrap();
    let (taken, _) = builder.connect_to(&ticket).await.unwrap();
    assert_eq!(output(&taken, "Write-Output there").await, [PsValue::from("there")]);
    taken.close().await.unwrap();
    drop(session);
    nothing_left(&host).await;
}

#[tokio::test]
async fn what_a_pipeline_may_send_is_limited() {
    let mut limits = HostLimits::default();
    limits.object = 100_000;
    limits.data_per_command = 150_000;
    let host = host().limits(limits).start().await.unwrap();
    let session = PsSession::builder("").target(over_https(&host)).connect().await.unwrap();
    for (length, count, told) in
        [(200_000, 1, "longer than 100000 bytes"), (60_000, 4, "longer than 150000 bytes")]
    {
        let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
        for _ in 0..count {
            if input.send("x".repeat(length).into()).await.is_err() {
                break;
            }
        }
        input.close().await.ok();
        let error = running.collect().await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    assert_eq!(output(&session, "Write-Output alive").await, [PsValue::from("alive")]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}
