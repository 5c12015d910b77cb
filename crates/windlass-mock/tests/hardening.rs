//! Clients that mean harm: what they cost and what they learn.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use windlass_auth::{Credential, NtlmInitiator, NtlmInitiatorOptions, SecurityContext, Step};
use windlass_mock::{Authentication, HostLimits, MockHost};

/// Long enough for everything that should happen here at once.
const PATIENCE: Duration = Duration::from_secs(20);

async fn host(limits: HostLimits) -> MockHost {
    MockHost::builder()
        .user("alice", "secret".to_owned())
        .authentication(Authentication::offering(["basic", "digest", "negotiate"]))
        .allow_unencrypted(true)
        .limits(limits)
        .http("127.0.0.1:0")
        .start()
        .await
        .unwrap()
}

async fn connect(host: &MockHost) -> TcpStream {
    TcpStream::connect(host.http_addr().unwrap()).await.unwrap()
}

/// Everything until the host hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset is an end as well.
    let _ = read.expect("the host hangs up");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn logon(authorization: &str) -> String {
    format!("POST /wsman HTTP/1.1\r\nHost: h\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_client_that_sends_byte_by_byte_is_hung_up_on() {
    let mut limits = HostLimits::default();
    limits.logon_timeout = Duration::from_millis(300);
    let host = host(limits).await;
    let mut stream = connect(&host).await;
    let began = Instant::now();
    let mut drip = tokio::time::interval(Duration::from_millis(20));
    // Never whole, and never silent for long.
    while stream.write_all(b"P").await.is_ok() && began.elapsed() < PATIENCE {
        drip.tick().await;
    }
    assert!(began.elapsed() < PATIENCE, "the connection is still open");
}

/// Clients that draw a handshake out, each in memory and with the clock of the test: they are hung up on when
/// the time for a logon is over, wherever they stand in it.
#[tokio::test(start_paused = true)]
async fn handshakes_end_in_time() {
    let credential = Credential::password("alice", "secret".to_owned());
    let offer = NtlmInitiator::new(NtlmInitiatorOptions::new(credential, 0)).step(None).unwrap();
    let Step::Continue(offer) = offer else { panic!("no offer") };
    let offer = logon(&format!("Negotiate {}", base64_simd::STANDARD.encode_to_string(offer)));
    let anonymous = "POST /wsman HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n".to_owned();
    for begins in
        [String::new(), anonymous, offer.clone(), format!("{offer}{}", "POST /wsman HTTP/1.1\r\nX: ")]
    {
        let host = MockHost::builder().user("alice", "secret".to_owned()).start().await.unwrap();
        let limit = HostLimits::default().logon_timeout;
        let mut stream = host.in_memory();
        let began = Instant::now();
        stream.write_all(begins.as_bytes()).await.unwrap();
        // One byte every second, of a header that never ends; between them whatever the host says is read.
        let mut buffer = [0; 4096];
        let mut drip = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                read = stream.read(&mut buffer) => if read.unwrap_or(0) == 0 { break },
                _ = drip.tick() => if stream.write_all(b"P").await.is_err() { break },
            }
            assert!(began.elapsed() <= limit + Duration::from_secs(5), "{begins:?}: still open");
        }
        assert!(began.elapsed() <= limit + Duration::from_secs(5), "{begins:?}");
        host.shutdown().await;
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let mut limits = HostLimits::default();
    limits.logon_timeout = Duration::from_millis(100);
    let host = host(limits).await;
    let mut silent = connect(&host).await;
    assert_eq!(rest(&mut silent).await, "");
    // A 401 is no logon: the time goes on.
    let mut asking = connect(&host).await;
    asking.write_all(b"POST /wsman HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert!(rest(&mut asking).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn failed_logons_cost_time_and_then_the_connection() {
    let mut limits = HostLimits::default();
    limits.failed_logons = 3;
    limits.failed_logon_delay = Duration::from_millis(40);
    let host = host(limits).await;
    let mut stream = connect(&host).await;
    let began = Instant::now();
    // alice:wrong
    stream.write_all(logon("Basic YWxpY2U6d3Jvbmc=").repeat(5).as_bytes()).await.unwrap();
    let answers = rest(&mut stream).await;
    assert_eq!(answers.matches("HTTP/1.1 401").count(), 3);
    assert!(began.elapsed() >= Duration::from_millis(40 + 80 + 160), "{:?}", began.elapsed());
    assert_eq!(host.statistics().failed_logons, 3);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_get_the_same_answer() {
    let host = host(HostLimits::default()).await;
    let mut answers = Vec::new();
    // alice:wrong and nobody:wrong
    for login in ["YWxpY2U6d3Jvbmc=", "bm9ib2R5Ondyb25n"] {
        let mut stream = connect(&host).await;
        let close = logon(&format!("Basic {login}")).replace("Host: h", "Host: h\r\nConnection: close");
        stream.write_all(close.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        // The nonce is new each time.
        let lines = answer.lines().filter(|line| !line.contains("nonce="));
        answers.push(lines.map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0][0].starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn tokens_and_bodies_before_the_logon_are_bounded() {
    let host = host(HostLimits::default()).await;
    let huge = "A".repeat(256 * 1024);
    for scheme in ["Negotiate", "Digest", "Basic", "CredSSP"] {
        let mut stream = connect(&host).await;
        // The host answers before it has read everything, so that writing may fail.
        let _ = stream.write_all(logon(&format!("{scheme} {huge}")).as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{scheme}: {answer}");
    }
    let mut stream = connect(&host).await;
    let head = "POST /wsman HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413"));
    // And after all that the host still serves.
    assert_eq!(host.statistics().failed_logons, 0);
    let mut stream = connect(&host).await;
    let close = logon("Basic YWxpY2U6c2VjcmV0").replace("Host: h", "Host: h\r\nConnection: close");
    let close = close.replace("Content-Length: 0", "Content-Type: text/xml\r\nContent-Length: 4");
    stream.write_all(format!("{close}<a/>").as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(!answer.is_empty() && !answer.starts_with("HTTP/1.1 401"), "{answer}");
}
