//! CIM sessions against the embedded host: classes of this computer, queries, paging, clean-up.
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

use support::{PASSWORD, credential, host, nothing_left, over_http, over_https};
use windlass::model::ObjectPath;
use windlass::{Authentication, CimSession, CimSessionOptions, ErrorKind, Target};

async fn open(target: Target) -> CimSession {
    CimSession::builder("").target(target).connect().await.unwrap()
}

#[tokio::test]
async fn a_query_in_one_envelope_takes_the_least_requests() {
    let host = host().start().await.unwrap();
    for (target, cold) in [(over_http(&host), 2), (over_https(&host), 1)] {
        let builder = CimSession::builder("").target(target).skip_test_connection(true).typed(false);
        let session = builder.connect().await.unwrap();
        let query = "SELECT Name FROM Win32_ComputerSystem";
        let found = session.query("root/cimv2", query).collect().await.unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].get("Name").is_some());
        assert_eq!(session.statistics().http_requests, cold);
        session.query("", query).collect().await.unwrap();
        assert_eq!(session.statistics().http_requests, cold + 1);
        session.close().await;
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn instances_have_the_types_of_their_class() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    let id = std::process::id();
    let query = format!("SELECT * FROM Win32_Process WHERE ProcessId = {id}");
    let found = session.query("", &query).collect().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].get("ProcessId").unwrap().as_u64(), Some(u64::from(id)));
    assert!(found[0].class.is_some());

    let again = session.get(&found[0].path().unwrap()).await.unwrap();
    assert_eq!(again.get("ProcessId"), found[0].get("ProcessId"));
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn many_instances_come_page_by_page_and_a_dropped_stream_is_released() {
    let host = host().start().await.unwrap();
    let mut options = CimSessionOptions::default();
    options.max_elements = 2;
    let builder = CimSession::builder("").target(over_http(&host)).options(options);
    let session = builder.connect().await.unwrap();
    let all = session.enumerate("root/cimv2", "Win32_Process").collect().await.unwrap();
    assert!(all.len() > 4, "{}", all.len());

    let mut some = session.enumerate("", "Win32_Process");
    some.next().await.unwrap().unwrap();
    drop(some);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn the_local_host_answers_over_a_pipe() {
    let host = Arc::new(host().start().await.unwrap());
    let served = Arc::clone(&host);
    let dial = move || Ok(served.in_memory());
    let local = CimSession::local(Arc::new(dial));
    let local = local.authentication(Authentication::Basic).credential(credential(PASSWORD));
    let session = local.allow_unencrypted(true).connect().await.unwrap();
    let found = session.enumerate("root/cimv2", "Win32_OperatingSystem").collect().await.unwrap();
    assert_eq!(found.len(), 1);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn what_does_not_exist_is_one_clear_error() {
    let host = host().start().await.unwrap();
    let session = open(over_http(&host)).await;
    for (case, error) in [
        ("class", session.enumerate("", "Win32_NoSuchClass").collect().await.unwrap_err()),
        ("namespace", session.enumerate("root/nowhere", "Win32_Process").collect().await.unwrap_err()),
        ("query", session.query("", "SELECT FROM WHERE").collect().await.unwrap_err()),
        (
            "instance",
            session
                .get(&ObjectPath::class("Win32_Process").with_key("Handle", "99999999"))
                .await
                .unwrap_err(),
        ),
    ] {
        assert_eq!((error.kind(), error.exit_status()), (ErrorKind::Fault, 1), "{case}: {error}");
        assert!(error.fault().is_some() && error.to_string().contains("localhost:"), "{case}: {error}");
    }
    let error = session.enumerate("", "no class").collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    session.close().await;
    nothing_left(&host).await;
}
