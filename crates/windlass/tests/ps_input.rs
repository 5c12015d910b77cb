//! Input of pipelines that is larger than a message: the next message is made ready while the host works at the
//! last.
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

use support::{host, nothing_left, over_http, over_https};
use windlass::clixml::PsValue;
use windlass::{PowerShell, PsSession};
use windlass_mock::{HostLimits, MockHost};

const OBJECTS: usize = 200;
const LENGTH: usize = 8000;

fn object(number: usize) -> PsValue {
    format!("{number:>LENGTH$}").as_str().into()
}

/// Gives a pipeline much more than a message takes and compares what it hands back.
async fn there_and_back(session: &PsSession) {
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
    let feeding = async {
        for number in 0..OBJECTS {
            input.send(object(number)).await?;
        }
        input.close().await
    };
    let (fed, result) = tokio::join!(feeding, running.collect());
    fed.unwrap();
    let output = result.unwrap().output;
    assert_eq!(output.len(), OBJECTS);
    for (number, value) in output.iter().enumerate() {
        assert_eq!(*value, object(number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_arrives_whole_and_in_order() {
    let host = host().start().await.unwrap();
    for target in [over_http(&host), over_https(&host)] {
        let session = PsSession::builder("").target(target).connect().await.unwrap();
        there_and_back(&session).await;
        session.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_that_send_side_by_side_take_turns() {
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_https(&host)).runspaces(1, 2).connect().await.unwrap();
    tokio::join!(there_and_back(&session), there_and_back(&session));
    session.close().await.unwrap();
    nothing_left(&host).await;
}

/// Waits until the host works at a message and the client has begun the next.
async fn one_is_made_ready(host: &MockHost, session: &PsSession) {
    let ready = async {
        while session.statistics().http_requests <= host.statistics().http_requests {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ready).await.expect("no message is made ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_ready_goes_with_a_pipeline_that_is_given_up() {
    // A pipeline whose output nobody fetches takes no more input at some point.
    let mut limits = HostLimits::default();
    limits.buffered_output = 100_000;
    let host = host().limits(limits).start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
    let feeding = async {
        loop {
            if input.send(object(0)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = feeding => panic!("the pipeline takes no input"),
        () = one_is_made_ready(&host, &session) => {}
    }
    drop(running);
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Measure-Object"));
    input.send(1.into()).await.unwrap();
    input.close().await.unwrap();
    assert_eq!(running.collect().await.unwrap().output.len(), 1);
    session.close().await.unwrap();
    nothing_left(&host).await;
}
