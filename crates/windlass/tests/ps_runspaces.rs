//! What a session asks about its runspaces, and the events that come to it.
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

use std::time::Duration;

use support::{host, nothing_left, over_http};
use windlass::clixml::PsValue;
use windlass::psrp::GetCommandMetadata;
use windlass::{Invocation, PipelineState, PowerShell, PsSession, PsSessionBuilder};
use windlass_mock::MockHost;

fn builder(host: &MockHost) -> PsSessionBuilder {
    PsSession::builder("").target(over_http(host))
}

#[tokio::test]
async fn limits_change_and_what_does_not_fit_is_refused() {
    let host = host().start().await.unwrap();
    let session = builder(&host).runspaces(1, 2).connect().await.unwrap();
    assert_eq!(session.available_runspaces().await.unwrap(), 2);
    assert!(session.set_max_runspaces(4).await.unwrap());
    assert!(session.set_min_runspaces(3).await.unwrap());
    session.set_min_runspaces(9).await.unwrap_err();
    session.set_max_runspaces(2).await.unwrap_err();
    assert_eq!(session.available_runspaces().await.unwrap(), 4);
    let running = session.invoke(PowerShell::new().command("Start-Sleep").parameter("Seconds", 600));
    running.started().await.unwrap();
    assert_eq!(session.available_runspaces().await.unwrap(), 3);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

fn endless() -> PowerShell {
    PowerShell::new().command("Start-Sleep").parameter("Seconds", 600)
}

/// Nothing here takes long.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("an end")
}

async fn stop(running: Invocation) {
    in_time(running.stop()).await.unwrap();
    assert_eq!(in_time(running.collect()).await.unwrap().state, PipelineState::Stopped);
}

#[tokio::test]
async fn limits_change_while_pipelines_run() {
    let host = host().start().await.unwrap();
    let session = builder(&host).connect().await.unwrap();
    let echo = |text: &str| session.invoke(PowerShell::new().command("Write-Output").argument(text));
    let first = session.invoke(endless());
    first.started().await.unwrap();
    let waiting = echo("second");
    in_time(host.wait_until(|now| now.open_commands == 2)).await;
    assert_eq!(session.available_runspaces().await.unwrap(), 0);
    // With room for it, what waits runs.
    assert!(session.set_max_runspaces(2).await.unwrap());
    assert_eq!(in_time(waiting.collect()).await.unwrap().output, [PsValue::from("second")]);
    assert_eq!(session.available_runspaces().await.unwrap(), 1);

    // With less room than what runs takes, that goes on, and the next waits for a place.
    let other = session.invoke(endless());
    other.started().await.unwrap();
    in_time(async { while session.available_runspaces().await.unwrap() != 0 {} }).await;
    assert!(session.set_max_runspaces(1).await.unwrap());
    let waiting = echo("third");
    in_time(host.wait_until(|now| now.finished_pipelines == 1 && now.open_commands == 3)).await;
    stop(first).await;
    // Had it begun in the place that is none any more, its end would count.
    assert_eq!(session.available_runspaces().await.unwrap(), 0);
    in_time(host.wait_until(|now| now.finished_pipelines >= 2)).await;
    assert_eq!(host.statistics().finished_pipelines, 2);
    stop(other).await;
    assert_eq!(in_time(waiting.collect()).await.unwrap().output, [PsValue::from("third")]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_behind_input() {
    let host = host().start().await.unwrap();
    let session = builder(&host).connect().await.unwrap();
    let (mut input, running) = session.invoke_with_input(endless());
    running.started().await.unwrap();
    // More than the host and the client keep for a pipeline that does not read.
    let feeding = tokio::spawn(async move { while input.send("x".repeat(20_000).into()).await.is_ok() {} });
    // Create, Receive, Command, and of the input what is taken and what waits.
    in_time(host.wait_until(|now| now.messages > 30)).await;
    stop(running).await;
    in_time(feeding).await.unwrap();
    in_time(session.close()).await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn sessions_tell_what_they_are() {
    let host = host().start().await.unwrap();
    let session = builder(&host).connect().await.unwrap();
    let private = session.application_private_data();
    let table = private.entry("PSVersionTable").expect("a table of versions");
    assert!(table.entry("PSVersion").is_some(), "{table:?}");
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_runspace_is_reset_where_it_is_the_only_one_and_idle() {
    let host = host().start().await.unwrap();
    let two = builder(&host).runspaces(1, 2).connect().await.unwrap();
    assert!(!two.reset_runspace().await.unwrap());
    two.close().await.unwrap();

    let session = builder(&host).connect().await.unwrap();
    let running = session.invoke(endless());
    running.started().await.unwrap();
    in_time(async { while session.available_runspaces().await.unwrap() != 0 {} }).await;
    assert!(!session.reset_runspace().await.unwrap());
    stop(running).await;

    // Of what it was told to forward, it has forgotten the first.
    session.invoke_script("Register-EngineEvent -SourceIdentifier First -Forward").collect().await.unwrap();
    in_time(async { while session.available_runspaces().await.unwrap() != 1 {} }).await;
    assert!(session.reset_runspace().await.unwrap());
    let script = "Register-EngineEvent -SourceIdentifier Second -Forward; \
                  New-Event -SourceIdentifier First | Select-Object -First 0; \
                  New-Event -SourceIdentifier Second | Select-Object -First 0";
    session.invoke_script(script).collect().await.unwrap();
    let event = in_time(session.next_user_event()).await.unwrap();
    assert_eq!(event.source_identifier.as_str(), "Second");
    let after = session.invoke(PowerShell::new().command("Write-Output").argument("after"));
    assert_eq!(after.collect().await.unwrap().output, [PsValue::from("after")]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn commands_are_described_after_their_number() {
    let host = host().start().await.unwrap();
    let session = builder(&host).connect().await.unwrap();
    let found =
        session.command_metadata(&GetCommandMetadata::new(["Get-Date", "Read-H*"])).collect().await.unwrap();
    let [number, commands @ ..] = found.output.as_slice() else { panic!("no output") };
    assert_eq!(number.get("Count").and_then(PsValue::as_i32), Some(2));
    let names = commands.iter().map(|command| command.get("Name").and_then(PsValue::as_str).unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["Get-Date", "Read-Host"]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn events_that_scripts_forward_arrive() {
    let host = host().start().await.unwrap();
    let session = builder(&host).connect().await.unwrap();
    let script = "Register-EngineEvent -SourceIdentifier My.Event -Forward; \
                  New-Event -SourceIdentifier My.Event -Sender me -EventArguments 1,two -MessageData kept \
                  | Select-Object -First 0";
    session.invoke_script(script).collect().await.unwrap();
    let event = tokio::time::timeout(Duration::from_secs(10), session.next_user_event()).await;
    let event = event.expect("an event in time").unwrap();
    assert_eq!(event.source_identifier.as_str(), "My.Event");
    assert_eq!((event.sender, event.message_data), ("me".into(), "kept".into()));
    session.close().await.unwrap();
    nothing_left(&host).await;
}
