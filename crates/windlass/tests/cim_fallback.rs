//! Sessions that take the other protocol where the first leads nowhere.
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

use support::{PASSWORD, USER, credential};
use tokio::net::TcpListener;
use windlass::{Authentication, CimSession, CimSessionBuilder, ErrorKind, Protocol};
use windlass_mock::MockHost;

/// A port where nobody is.
async fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn builder(protocol: Protocol, port: u16) -> CimSessionBuilder {
    CimSession::builder("127.0.0.1")
        .protocol(protocol)
        .port(port)
        .credential(credential(PASSWORD))
        .authentication(Authentication::Ntlm)
}

#[tokio::test]
async fn a_computer_that_speaks_one_protocol_is_reached_by_it() {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned());
    let host = host.http("127.0.0.1:0").rpc("127.0.0.1:0").start().await.unwrap();
    let (http, rpc) = (host.http_addr().unwrap().port(), host.rpc_addr().unwrap().port());
    for (first, port, other, expected) in [
        (Protocol::Wsman, closed().await, rpc, Protocol::Dcom),
        (Protocol::Dcom, closed().await, http, Protocol::Wsman),
        // Somebody is there who speaks something else.
        (Protocol::Wsman, rpc, rpc, Protocol::Dcom),
        (Protocol::Dcom, http, http, Protocol::Wsman),
        // The first will do.
        (Protocol::Wsman, http, rpc, Protocol::Wsman),
        (Protocol::Dcom, rpc, http, Protocol::Dcom),
    ] {
        let builder = builder(first, port).fall_back(Some(other)).skip_test_connection(true);
        let session = builder.connect().await.unwrap();
        assert_eq!(session.protocol(), expected, "{first:?} at {port}");
        let found = session.enumerate("", "Win32_OperatingSystem").collect().await.unwrap();
        assert_eq!(found.len(), 1);
        session.close().await;
    }
    host.shutdown().await;
}

#[tokio::test]
async fn whoever_is_refused_does_not_knock_again_and_both_reasons_are_told() {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned());
    let host = host.http("127.0.0.1:0").rpc("127.0.0.1:0").start().await.unwrap();
    let (http, rpc) = (host.http_addr().unwrap().port(), host.rpc_addr().unwrap().port());
    let wrong = builder(Protocol::Wsman, http).credential(credential("wrong"));
    assert_eq!(wrong.clone().connect().await.err().unwrap().kind(), ErrorKind::Refused);
    let failed = host.statistics().failed_logons;
    assert_eq!(wrong.fall_back(Some(rpc)).connect().await.err().unwrap().kind(), ErrorKind::Refused);
    assert_eq!(host.statistics().failed_logons, failed * 2);
    // Without being asked, nobody falls back.
    let alone = builder(Protocol::Wsman, closed().await).connect().await.err().unwrap();
    assert_eq!(alone.kind(), ErrorKind::Unreachable);
    let (first, second) = (closed().await, closed().await);
    let error = builder(Protocol::Wsman, first).fall_back(Some(second)).connect().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let text = error.to_string();
    assert!(text.contains(&first.to_string()) && text.contains(&second.to_string()), "{text}");
    host.shutdown().await;
}
