//! PowerShell sessions against the embedded host: output, streams, clean-up, requests.
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
use windlass::{
    ErrorKind, InvokeOptions, PipelineEvent, PipelineState, PowerShell, PsSession, PsSessionOptions,
    SessionState, Target,
};

async fn open(target: Target) -> PsSession {
    PsSession::builder("").target(target).connect().await.unwrap()
}

fn echo(value: impl Into<PsValue>) -> PowerShell {
    PowerShell::new().command("Write-Output").argument(value)
}

#[tokio::test]
async fn one_command_takes_the_least_requests_that_the_protocol_allows() {
    let host = host().start().await.unwrap();
    for (target, least) in [(over_http(&host), 6), (over_https(&host), 5)] {
        let before = host.statistics().http_requests;
        let session = open(target).await;
        let result = session.invoke(echo("hello")).collect().await.unwrap();
        session.close().await.unwrap();
        assert_eq!(result.output, [PsValue::from("hello")]);
        assert_eq!(result.state, PipelineState::Completed);
        assert_eq!(host.statistics().http_requests - before, least);
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn sessions_are_numbered_as_they_were_asked_for() {
    let host = host().start().await.unwrap();
    let of = || PsSession::builder("").target(over_http(&host)).reserve_id();
    let (first, second) = (of(), of());
    let second = second.connect().await.unwrap();
    let first = first.connect().await.unwrap();
    assert_eq!(first.id() + 1, second.id());
    assert_eq!(second.name(), format!("Runspace{}", second.id()));
    assert!(first.another().connect().await.unwrap().id() > second.id());
}

#[tokio::test]
async fn a_command_in_an_open_session_takes_two_requests() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    session.invoke(echo(1)).collect().await.unwrap();
    let before = session.statistics().http_requests;
    session.invoke(echo(2)).collect().await.unwrap();
    assert_eq!(session.statistics().http_requests - before, 2);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn places_of_finished_commands_are_freed_while_the_session_lives() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    for number in 0..3 {
        session.invoke(echo(number)).collect().await.unwrap();
    }
    let freed = tokio::time::timeout(Duration::from_secs(10), host.wait_until(|now| now.open_commands == 0));
    freed.await.expect("commands keep their places");
    assert_eq!(host.statistics().open_shells, 1);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn every_stream_arrives() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let speak = PowerShell::new()
        .command("Write-Output")
        .argument("out")
        .statement()
        .command("Write-Error")
        .argument("err")
        .statement()
        .command("Write-Warning")
        .argument("warn")
        .statement()
        .command("Write-Verbose")
        .argument("verb")
        .switch("Verbose")
        .statement()
        .command("Write-Debug")
        .argument("deb")
        .switch("Debug")
        .statement()
        .command("Write-Information")
        .argument("info")
        .statement()
        .command("Write-Progress")
        .argument("work");
    let result = session.invoke(speak).collect().await.unwrap();
    session.close().await.unwrap();
    assert_eq!(result.output, [PsValue::from("out")]);
    assert_eq!(result.errors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["err"]);
    assert_eq!(result.warnings[0].message.as_str(), "warn");
    assert_eq!(result.verbose[0].message.as_str(), "verb");
    assert_eq!(result.debug[0].message.as_str(), "deb");
    assert_eq!(result.information.len(), 1);
    assert_eq!(result.progress[0].activity.as_str(), "work");
    assert!(result.had_errors());
    nothing_left(&host).await;
}

#[tokio::test]
async fn input_streams_in_and_out_again() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let pipeline = PowerShell::new().command("Select-Object").parameter("First", 2000);
    let (mut input, running) = session.invoke_with_input(pipeline);
    let feeding = async {
        for number in 0..2000 {
            input.send(PsValue::from(number)).await?;
        }
        input.close().await
    };
    let (fed, result) = tokio::join!(feeding, running.collect());
    fed.unwrap();
    let result = result.unwrap();
    assert_eq!(result.output.len(), 2000);
    assert_eq!(result.output[1999].as_i32(), Some(1999));
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn several_pipelines_run_side_by_side() {
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).runspaces(1, 4).connect().await.unwrap();
    let sleep = || PowerShell::new().command("Start-Sleep").parameter("Milliseconds", 300);
    let started = std::time::Instant::now();
    let running: Vec<_> = (0..4).map(|_| session.invoke(sleep())).collect();
    for pipeline in running {
        assert_eq!(pipeline.collect().await.unwrap().state, PipelineState::Completed);
    }
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_stopped_pipeline_says_so_and_the_session_goes_on() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let mut running = session.invoke(PowerShell::new().command("Start-Sleep").parameter("Seconds", 600));
    running.started().await.unwrap();
    running.stop().await.unwrap();
    let mut last = None;
    while let Some(event) = running.next().await {
        last = Some(event.unwrap());
    }
    assert!(matches!(last, Some(PipelineEvent::Finished(PipelineState::Stopped, _))), "{last:?}");
    assert_eq!(session.invoke(echo(1)).collect().await.unwrap().output.len(), 1);
    assert_eq!(session.state(), SessionState::Opened);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn the_order_to_stop_a_watched_pipeline_takes_one_request() {
    let host = host().start().await.unwrap();
    let mut options = PsSessionOptions::default();
    options.park_after = Duration::from_secs(600);
    let session = PsSession::builder("").target(over_http(&host)).options(options).connect().await.unwrap();
    let mut watched = InvokeOptions::default();
    watched.is_watched = true;
    let sleep = PowerShell::new().command("Start-Sleep").parameter("Seconds", 600);
    let mut running = session.invoke_with(sleep, &watched);
    running.started().await.unwrap();
    // The pipeline says nothing: what comes is the challenge on the connection that is made ready.
    let started = session.statistics();
    while session.statistics().bytes_received == started.bytes_received {
        tokio::task::yield_now().await;
    }
    let ready = session.statistics();
    running.stop().await.unwrap();
    while let Some(event) = running.next().await {
        event.unwrap();
    }
    let after = session.statistics();
    assert_eq!(after.http_requests - ready.http_requests, 1);
    assert_eq!(after.connections, ready.connections);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_pipeline_that_takes_too_long_is_stopped() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let mut options = InvokeOptions::default();
    options.timeout = Some(Duration::from_millis(200));
    let sleep = PowerShell::new().command("Start-Sleep").parameter("Seconds", 600);
    let error = session.invoke_with(sleep, &options).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert_eq!(session.invoke(echo(1)).collect().await.unwrap().output.len(), 1);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn whatever_is_dropped_is_cleaned_up() {
    let host = host().start().await.unwrap();
    let sleep = || PowerShell::new().command("Start-Sleep").parameter("Seconds", 600);

    // A running pipeline, then its session.
    let session = open(over_http(&host)).await;
    let running = session.invoke(sleep());
    running.started().await.unwrap();
    drop(running);
    assert_eq!(session.invoke(echo(1)).collect().await.unwrap().output.len(), 1);
    drop(session);
    nothing_left(&host).await;

    // A session with a pipeline that is still wanted.
    let session = open(over_http(&host)).await;
    let running = session.invoke(sleep());
    running.started().await.unwrap();
    drop(session);
    let error = running.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    nothing_left(&host).await;

    // Opening that nobody waits for, at every point of its way.
    for steps in 0..40 {
        let mut opening = Box::pin(PsSession::builder("").target(over_http(&host)).connect());
        for _ in 0..steps {
            if futures_step(&mut opening).await {
                break;
            }
        }
        drop(opening);
    }
    nothing_left(&host).await;
}

/// Polls a future once and lets the others run; says whether it is done.
async fn futures_step<F: Future + Unpin>(future: &mut F) -> bool {
    let done = std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_ready())
    })
    .await;
    tokio::task::yield_now().await;
    done
}

#[tokio::test]
async fn closing_ends_what_runs() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let running = session.invoke(PowerShell::new().command("Start-Sleep").parameter("Seconds", 600));
    running.started().await.unwrap();
    let (closed, ended) = tokio::join!(session.close(), running.collect());
    closed.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
    nothing_left(&host).await;
}

#[tokio::test]
async fn unknown_commands_and_scripts_are_errors_of_the_pipeline() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let unknown = session.invoke(PowerShell::new().command("Get-Nothing")).collect().await.unwrap();
    assert!(unknown.had_errors());
    let error = unknown.into_output().unwrap_err();
    assert_eq!((error.kind(), error.exit_status()), (ErrorKind::Remote, 1), "{error}");
    let script = session.invoke_script("while ($true) { 1 }").collect().await.unwrap();
    assert_eq!(script.state, PipelineState::Failed);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_slow_reader_holds_the_host_back() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let (mut input, mut running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
    let text = "x".repeat(10_000);
    let fed = tokio::spawn(async move {
        for _ in 0..100 {
            input.send(PsValue::from(text.as_str())).await?;
        }
        input.close().await
    });
    let mut count = 0;
    while let Some(event) = running.next().await {
        if let PipelineEvent::Output(_) = event.unwrap() {
            count += 1;
        }
    }
    fed.await.unwrap().unwrap();
    assert_eq!(count, 100);
    session.close().await.unwrap();
    nothing_left(&host).await;
}
