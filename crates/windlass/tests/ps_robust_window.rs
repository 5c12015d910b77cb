//! How long a failed network is tried again, on a clock that does not wait.
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

use std::sync::Arc;
use std::time::Duration;

use support::wicked::{FOR_EVER, Vice, Wicked};
use tokio::time::Instant;
use windlass::{
    Invocation, NetworkEvent, PipelineEvent, PipelineState, PowerShell, PsSession, PsSessionOptions,
    SessionState,
};

/// A session with a pipeline that has said 1, whose network fails then.
async fn failing(options: PsSessionOptions) -> (Arc<Wicked>, PsSession, Invocation) {
    let server = Wicked::new(Vice::Slow);
    let session = PsSession::builder("").target(server.target()).options(options).connect().await.unwrap();
    let mut running = session.invoke(PowerShell::new().command("x"));
    assert_eq!(next(&mut running).await, PipelineEvent::Output(1.into()));
    server.set_network(false);
    let event = next(&mut running).await;
    assert!(matches!(event, PipelineEvent::Network(NetworkEvent::Retrying { .. })), "{event:?}");
    (server, session, running)
}

async fn next(running: &mut Invocation) -> PipelineEvent {
    let event = tokio::time::timeout(FOR_EVER, running.next()).await;
    event.expect("an event in time").expect("an event").unwrap()
}

/// The network works again after this time.
fn mend(server: &Arc<Wicked>, after: Duration) {
    let server = Arc::clone(server);
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        server.set_network(true);
    });
}

/// The rest of what the pipeline says.
async fn finish(server: &Wicked, session: PsSession, mut running: Invocation) {
    server.go_on();
    assert_eq!(next(&mut running).await, PipelineEvent::Output(2.into()));
    assert_eq!(next(&mut running).await, PipelineEvent::Finished(PipelineState::Completed, None));
    session.close().await.unwrap();
    // Whatever the network did, nothing but Receive was asked twice.
    for (action, times) in [("Create", 1), ("Command", 1), ("Send", 0), ("Delete", 1)] {
        assert_eq!(server.seen(action), times, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_away_for_less_than_four_minutes_is_waited_for() {
    for seconds in [1, 100, 225] {
        let (server, session, mut running) = failing(PsSessionOptions::default()).await;
        mend(&server, Duration::from_secs(seconds));
        assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::Reconnected), "{seconds}");
        assert_eq!(session.state(), SessionState::Opened);
        finish(&server, session, running).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_away_for_longer_disconnects_the_session() {
    let mut short = PsSessionOptions::default();
    short.retry_window = Duration::from_secs(30);
    for (options, window) in [(PsSessionOptions::default(), 240), (short, 30)] {
        let began = Instant::now();
        let (server, session, mut running) = failing(options).await;
        assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::AutoDisconnecting));
        assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::AutoDisconnected));
        // The last attempt comes as late as the pause between two of them.
        let waited = began.elapsed().as_secs();
        assert!((window..=window + 10).contains(&waited), "{waited} s of {window} s");
        assert_eq!(session.state(), SessionState::Disconnected);
        assert!(session.reconnect().await.unwrap_err().is_network_failure());
        server.set_network(true);
        session.reconnect().await.unwrap();
        assert_eq!(session.state(), SessionState::Opened);
        // The session first, then its pipeline.
        assert_eq!(server.seen("Reconnect"), 2);
        finish(&server, session, running).await;
    }
}

/// Between two failures nothing comes: the window of the second does not begin with the first.
#[tokio::test(start_paused = true)]
async fn every_failure_has_a_window_of_its_own() {
    let (server, session, mut running) = failing(PsSessionOptions::default()).await;
    mend(&server, Duration::from_secs(10));
    for seconds in [400, 2000] {
        assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::Reconnected));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        server.set_network(false);
        mend(&server, Duration::from_secs(200));
        let event = next(&mut running).await;
        assert!(matches!(event, PipelineEvent::Network(NetworkEvent::Retrying { .. })), "{event:?}");
    }
    assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::Reconnected));
    // The session's own messages were waited for all the time, too.
    assert_eq!(session.state(), SessionState::Opened);
    finish(&server, session, running).await;
}

/// A session that has nothing to do can be come back to as well.
#[tokio::test(start_paused = true)]
async fn an_idle_session_outlives_its_network() {
    let server = Wicked::new(Vice::Slow);
    let session = PsSession::builder("").target(server.target()).connect().await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    server.set_network(false);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(session.state(), SessionState::Opened);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(session.state(), SessionState::Disconnected);
    server.set_network(true);
    session.reconnect().await.unwrap();
    let mut running = session.invoke(PowerShell::new().command("x"));
    assert_eq!(next(&mut running).await, PipelineEvent::Output(1.into()));
    finish(&server, session, running).await;
}

/// Whoever gives the network up first, each pipeline is told once.
#[tokio::test(start_paused = true)]
async fn all_pipelines_of_a_session_are_told() {
    let server = Wicked::new(Vice::Slow);
    let session = PsSession::builder("").target(server.target()).connect().await.unwrap();
    let mut running = session.invoke(PowerShell::new().command("x"));
    assert_eq!(next(&mut running).await, PipelineEvent::Output(1.into()));
    // By now the session waits for its own messages, too.
    tokio::time::sleep(Duration::from_secs(600)).await;
    server.set_network(false);
    let event = next(&mut running).await;
    assert!(matches!(event, PipelineEvent::Network(NetworkEvent::Retrying { .. })), "{event:?}");
    assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::AutoDisconnecting));
    assert_eq!(next(&mut running).await, PipelineEvent::Network(NetworkEvent::AutoDisconnected));
    server.set_network(true);
    session.reconnect().await.unwrap();
    finish(&server, session, running).await;
}
