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
use windlass::{PowerShell, PsSession, PsSessionBuilder};
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

#[tokio::test]
async fn a_runspace_is_reset_and_goes_on() {
    let host = host().start().await.unwrap();
    let session = builder(&host).connect().await.unwrap();
    assert!(session.reset_runspace().await.unwrap());
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
