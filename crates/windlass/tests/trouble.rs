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

use support::{host, over_http, over_https};
use windlass::clixml::PsValue;
use windlass::{PowerShell, PsSession, PsSessionOptions, Target};
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
