//! What clients make of a host that makes trouble: each ends in an answer or one clear error.
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
use windlass::clixml::{PsObject, PsValue};
use windlass::{CimSession, ErrorKind, OperationOptions, PowerShell, PsSession, PsSessionOptions, Target};
use windlass_mock::MockHost;

/// What one command in a session of its own gives.
async fn one_command(target: Target) -> Result<Vec<PsValue>, String> {
    let mut options = PsSessionOptions::default();
    options.max_connection_retry_count = 0;
    options.wsman.cancel_timeout = Duration::from_secs(2);
    let session = PsSession::builder("").target(target).options(options).connect().await;
    let session = session.map_err(|error| error.to_string())?;
    let result = session.invoke(PowerShell::new().command("Write-Output").argument("there")).collect().await;
    let closed = session.close().await;
    let output = result.map_err(|error| error.to_string())?.output;
    closed.map_err(|error| error.to_string())?;
    Ok(output)
}

/// What a pipeline with input gives, and what whoever sends the input learns.
async fn with_input(target: Target) -> (Result<usize, String>, Result<(), String>) {
    let session = PsSession::builder("").target(target).connect().await.unwrap();
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Measure-Object"));
    for number in 0..3 {
        input.send(number.into()).await.ok();
    }
    let sent = input.close().await.map_err(|error| error.to_string());
    let result = running.collect().await;
    session.close().await.unwrap();
    (result.map(|result| result.output.len()).map_err(|error| error.to_string()), sent)
}

async fn troubled(spec: &str) -> MockHost {
    host().trouble(spec.parse().unwrap()).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_is_not_noticed() {
    for spec in [
        "delay:200@Receive",
        "delay:200@Command",
        "timedout@Receive",
        "timedout@Receive#2",
        "cut@Receive",
        "lose@Receive",
        "lose@Receive#2",
        "cut@Delete",
        "lose@Delete",
        "cut@Signal",
        "401@Command",
        "401@Receive",
        "401@Delete",
    ] {
        let host = troubled(spec).await;
        for target in [over_http(&host), over_https(&host)] {
            let outcome = tokio::time::timeout(Duration::from_secs(30), one_command(target)).await;
            assert_eq!(outcome.expect(spec), Ok(vec!["there".into()]), "{spec}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_is_lost_ends_its_pipeline() {
    for (spec, told) in [("cut@Send", "connection"), ("quota@Send", "quota")] {
        let host = troubled(spec).await;
        let outcome = tokio::time::timeout(Duration::from_secs(30), with_input(over_http(&host))).await;
        let (result, sent) = outcome.expect(spec);
        let (failed, unsent) = (result.unwrap_err(), sent.unwrap_err());
        assert!(failed.contains(told) && unsent.contains(told), "{spec}: {failed}; {unsent}");
        nothing_left(&host).await;
    }
}

/// A Send that was on its way when the connection broke may have arrived: it is not repeated, and both the
/// caller who sent and the one who reads are told.
#[tokio::test(flavor = "multi_thread")]
async fn input_that_was_lost_on_its_way_is_not_sent_twice() {
    for spec in ["cut@Send", "lose@Send", "cut@Send#2", "lose@Send#2"] {
        let host = troubled(spec).await;
        let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
        let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Measure-Object"));
        let feeding = async {
            // More than waits on this side, so that whoever sends is told, and that no message that is lost
            // carries the end: with all its input the pipeline would end well.
            for _ in 0..2000 {
                input.send(PsValue::from("x".repeat(4000))).await?;
            }
            input.close().await
        };
        let both = async { tokio::join!(feeding, running.collect()) };
        let (fed, result) = tokio::time::timeout(Duration::from_secs(30), both).await.expect(spec);
        for error in [fed.unwrap_err(), result.map(|_| ()).unwrap_err()] {
            assert!(error.may_have_executed() && !error.is_retryable(), "{spec}: {error}");
            assert!(error.to_string().contains("the request may have been carried out"), "{spec}: {error}");
        }
        // The session and its other pipelines go on.
        let command = PowerShell::new().command("Write-Output").argument("there");
        assert_eq!(session.invoke(command).collect().await.unwrap().output, ["there".into()], "{spec}");
        session.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_deep_to_be_read_is_cut_and_told() {
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let mut deep = PsValue::from("core");
    for _ in 0..60 {
        deep = PsObject::new("System.Management.Automation.PSCustomObject").with("Inner", deep).into();
    }
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Measure-Object"));
    input.send(deep.clone()).await.unwrap();
    input.close().await.unwrap();
    let as_input = running.collect().await.unwrap();
    let command = PowerShell::new().command("Write-Output").argument(deep);
    let as_argument = session.invoke(command).collect().await.unwrap();
    for result in [as_input, as_argument] {
        assert_eq!((result.output.len(), result.warnings.len()), (1, 1));
        assert!(result.warnings[0].message.to_string().contains("48 levels"));
    }
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_outlives_a_lost_connection_and_does_not_wait_for_ever() {
    let query = "SELECT ProcessId FROM Win32_Process";
    let host = troubled("cut@Enumerate").await;
    let session = CimSession::builder("").target(over_http(&host)).connect().await.unwrap();
    assert!(!session.query("", query).collect().await.unwrap().is_empty());
    session.close().await;

    let host = troubled("timedout@Pull#*").await;
    let mut options = OperationOptions::default().timeout(Duration::from_secs(1));
    options.max_elements = Some(1);
    let session = CimSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let before = session.statistics().http_requests;
    let outcome = session.with_options(options).query("", query).collect();
    let outcome = tokio::time::timeout(Duration::from_secs(30), outcome).await.expect("it goes on for ever");
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
    let asked = session.statistics().http_requests - before;
    assert!(asked < 20, "asked {asked} times in a second");
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_stays_is_one_clear_error() {
    for (spec, told) in [
        ("quota@Create#*", "quota"),
        ("quota@Command#*", "quota"),
        ("quota@Receive#*", "quota"),
        ("lose@Command#*", "connection"),
        ("corrupt@Command#*", ""),
        ("corrupt@Receive#*", ""),
    ] {
        let host = troubled(spec).await;
        let outcome = tokio::time::timeout(Duration::from_secs(60), one_command(over_http(&host))).await;
        let error = outcome.expect(spec).unwrap_err();
        assert!(error.contains(told), "{spec}: {error}");
    }
}
