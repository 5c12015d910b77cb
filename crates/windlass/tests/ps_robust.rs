//! What a session does when the network fails: it tries again for a while, and then counts as disconnected.
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
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use windlass::{
    ErrorKind, Invocation, NetworkEvent, PipelineEvent, PipelineState, PowerShell, PsSession,
    PsSessionOptions, SessionState,
};
use windlass_mock::MockHost;

/// A network that can fail.
struct Network {
    works: watch::Sender<bool>,
    port: u16,
}

impl Network {
    async fn to(host: &MockHost) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = host.http_addr().unwrap();
        let works = watch::Sender::new(true);
        let state = works.subscribe();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    if *state.borrow_and_update() {
                        let mut host = TcpStream::connect(host).await.unwrap();
                        tokio::select! {
                            _ = copy_bidirectional(&mut client, &mut host) => {}
                            _ = state.wait_for(|works| !works) => {}
                        }
                    }
                });
            }
        });
        Self { works, port }
    }

    fn fail(&self) {
        self.works.send_replace(false);
    }

    fn mend(&self) {
        self.works.send_replace(true);
    }
}

/// A session over the network, with a pipeline that has said 1, is silent for a while and will say 2.
async fn talk(host: &MockHost, network: &Network, retry_window: Duration) -> (PsSession, Invocation) {
    let mut target = over_http(host);
    target.set_port(network.port);
    let mut options = PsSessionOptions::default();
    options.retry_window = retry_window;
    options.park_after = Duration::from_secs(600);
    let session = PsSession::builder("").target(target).options(options).connect().await.unwrap();
    let slow = PowerShell::new().command("Write-Output").argument(1);
    let slow = slow.statement().command("Start-Sleep").parameter("Milliseconds", 1500);
    let mut running = session.invoke(slow.statement().command("Write-Output").argument(2));
    assert_eq!(next(&mut running).await, PipelineEvent::Output(1.into()));
    (session, running)
}

async fn next(running: &mut Invocation) -> PipelineEvent {
    let event = tokio::time::timeout(Duration::from_secs(30), running.next()).await;
    event.expect("an event in time").expect("an event").unwrap()
}

fn network(event: NetworkEvent) -> PipelineEvent {
    PipelineEvent::Network(event)
}

/// The rest of what the pipeline says.
async fn finish(host: &MockHost, session: PsSession, mut running: Invocation) {
    assert_eq!(next(&mut running).await, PipelineEvent::Output(2.into()));
    assert_eq!(next(&mut running).await, PipelineEvent::Finished(PipelineState::Completed, None));
    session.close().await.unwrap();
    nothing_left(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_back_is_told_of_and_nothing_is_lost() {
    let host = host().start().await.unwrap();
    let between = Network::to(&host).await;
    let (session, mut running) = talk(&host, &between, Duration::from_secs(60)).await;
    between.fail();
    let event = next(&mut running).await;
    assert!(matches!(event, PipelineEvent::Network(NetworkEvent::Retrying { .. })), "{event:?}");
    assert_eq!(session.state(), SessionState::Opened);
    between.mend();
    assert_eq!(next(&mut running).await, network(NetworkEvent::Reconnected));
    finish(&host, session, running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_stays_away_disconnects_the_session() {
    let host = host().start().await.unwrap();
    let between = Network::to(&host).await;
    let (session, mut running) = talk(&host, &between, Duration::from_millis(300)).await;
    between.fail();
    let event = next(&mut running).await;
    assert!(matches!(event, PipelineEvent::Network(NetworkEvent::Retrying { .. })), "{event:?}");
    assert_eq!(next(&mut running).await, network(NetworkEvent::AutoDisconnecting));
    assert_eq!(next(&mut running).await, network(NetworkEvent::AutoDisconnected));
    assert_eq!(session.state(), SessionState::Disconnected);
    // While the network is away, so is the session.
    assert!(session.reconnect().await.unwrap_err().is_network_failure());
    between.mend();
    session.reconnect().await.unwrap();
    assert_eq!(session.state(), SessionState::Opened);
    finish(&host, session, running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_collects_is_told_that_the_network_stays_away() {
    let host = host().start().await.unwrap();
    let between = Network::to(&host).await;
    let (session, running) = talk(&host, &between, Duration::from_millis(300)).await;
    between.fail();
    let error = running.collect().await.unwrap_err();
    assert_eq!((error.kind(), error.exit_status()), (ErrorKind::Unreachable, 3), "{error}");
    assert!(error.to_string().contains("the session is disconnected"), "{error}");
    assert_eq!(session.state(), SessionState::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_the_first_failure_ends_the_pipeline() {
    let host = host().start().await.unwrap();
    let between = Network::to(&host).await;
    let (session, mut running) = talk(&host, &between, Duration::ZERO).await;
    between.fail();
    let error = running.next().await.unwrap().unwrap_err();
    assert!(error.is_network_failure(), "{error}");
    between.mend();
    session.close().await.unwrap();
    nothing_left(&host).await;
}
