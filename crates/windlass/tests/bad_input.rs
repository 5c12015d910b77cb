//! What goes wrong, and the one clear error that each ends in.
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

use support::{credential, host, nothing_left, over_http, over_https};
use windlass::{
    Authentication, CimSession, Error, ErrorKind, Layer, Protocol, PsSession, PsSessionOptions, Target,
    WinRsShell,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn refused(target: Target) -> Error {
    PsSession::builder("").target(target).connect().await.err().expect("the session opened")
}

fn assert_error(error: &Error, kind: ErrorKind, layer: Layer, status: u8, parts: &[&str]) {
    assert_eq!((error.kind(), error.layer(), error.exit_status()), (kind, layer, status), "{error}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn ports_that_do_not_fit() {
    let host = host().start().await.unwrap();
    let (http, https) = (host.http_addr().unwrap().port(), host.https_addr().unwrap().port());

    let mut tls_to_plain = over_https(&host);
    tls_to_plain.set_port(http);
    let error = refused(tls_to_plain).await;
    assert_error(
        &error,
        ErrorKind::Unreachable,
        Layer::Tls,
        3,
        &["localhost", "is this the plain HTTP port?"],
    );

    let mut plain_to_tls = over_http(&host);
    plain_to_tls.set_port(https);
    let error = refused(plain_to_tls).await;
    assert_error(&error, ErrorKind::Unreachable, Layer::Http, 3, &["localhost", "is this the HTTPS port?"]);

    let (_held, closed) = closed_port();
    let mut nobody = over_http(&host);
    nobody.set_port(closed);
    let error = refused(nobody).await;
    assert_error(&error, ErrorKind::Unreachable, Layer::Connect, 3, &[&format!("localhost:{closed}")]);
    assert!(error.is_retryable());
    nothing_left(&host).await;
}

/// A port where nobody listens, and what keeps others from it.
fn closed_port() -> (tokio::net::TcpSocket, u16) {
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = held.local_addr().unwrap().port();
    (held, port)
}

/// A server that greets whoever comes, or answers the first bytes.
fn another_service(greeting: &'static [u8], answer: &'static [u8]) -> u16 {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(greeting).ok();
            if matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                stream.write_all(answer).ok();
            }
        }
    });
    port
}

/// Whoever speaks another protocol is not the host that was meant; one that speaks the protocol and breaks it is.
#[tokio::test]
async fn services_of_another_kind() {
    let not_http = "does not speak HTTP";
    for (greeting, answer, status, part) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], &b""[..], 3, not_http),
        (b"220 mail.example.com ESMTP\r\n", b"", 3, not_http),
        (b"", b"-ERR unknown command 'POST'\r\n", 3, not_http),
        (b"", b"\x15\x03\x01\x00\x02\x02\x46", 3, "is this the HTTPS port?"),
        (b"", b"HTTP/1.1 banana\r\n\r\n", 5, "HTTP"),
        (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 5, "HTTP"),
    ] {
        let mut target = Target::computer("localhost");
        target.set_port(another_service(greeting, answer)).set_credential(credential("x"));
        let error = refused(target).await;
        assert_eq!(error.exit_status(), status, "{greeting:?} {answer:?}: {error}");
        assert!(error.to_string().contains(part), "{greeting:?} {answer:?}: {error}");
    }
    for (greeting, answer, status) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], &b""[..], 3),
        (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", 3),
        (b"", b"\x05\x00\x0c\x03\x10\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00", 5),
    ] {
        let mut target = Target::computer("localhost");
        target.set_port(another_service(greeting, answer)).set_credential(credential("x"));
        let builder = CimSession::builder("").target(target).protocol(Protocol::Dcom);
        let error = builder.connect().await.err().expect("a session");
        assert_eq!(error.exit_status(), status, "{greeting:?} {answer:?}: {error}");
    }
}

/// How long a session takes to fail where it cannot connect, by a clock that runs only while everybody waits. Nobody
/// can connect to all at once, and that shows without waiting for a network.
#[tokio::test(start_paused = true)]
async fn a_computer_that_is_not_there_is_tried_again() {
    let millis = std::time::Duration::from_millis;
    for (retries, open_timeout, waited) in
        [(0, None, 0), (2, None, 750), (5, None, 3750), (5, Some(millis(1000)), 750)]
    {
        let mut options = PsSessionOptions::default();
        options.max_connection_retry_count = retries;
        options.wsman.open_timeout = open_timeout;
        let mut target = Target::computer("255.255.255.255");
        target.set_credential(credential("x"));
        let started = tokio::time::Instant::now();
        let outcome = PsSession::builder("").target(target).options(options).connect().await;
        let (error, waited) = (outcome.err().unwrap(), millis(waited));
        assert_error(&error, ErrorKind::Unreachable, Layer::Connect, 3, &[]);
        let elapsed = started.elapsed();
        assert!((waited..waited + millis(100)).contains(&elapsed), "{retries}: {elapsed:?}");
    }
}

#[tokio::test]
async fn logons_that_are_refused() {
    let host = host().start().await.unwrap();
    for mut target in [over_http(&host), over_https(&host)] {
        target.set_credential(credential("wrong"));
        let error = refused(target).await;
        assert_error(&error, ErrorKind::Refused, Layer::Auth, 4, &["localhost", "authentication"]);
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    let mut basic_in_the_clear = over_http(&host);
    basic_in_the_clear.set_authentication(Authentication::Basic);
    let error = refused(basic_in_the_clear).await;
    assert_error(&error, ErrorKind::Usage, Layer::Usage, 2, &["Basic over plain HTTP"]);
    nothing_left(&host).await;
}

#[tokio::test]
async fn endpoints_that_do_not_exist() {
    let host = host().start().await.unwrap();
    let builder = PsSession::builder("").target(over_http(&host));
    let error = builder.configuration_name("No.Such.Endpoint").connect().await.err().unwrap();
    assert_error(&error, ErrorKind::Fault, Layer::Wsman, 5, &["localhost", "opening a session"]);
    assert_eq!(error.hresult().map(|code| code.0), Some(0x8033_803b));

    let shell = WinRsShell::builder("").target(over_http(&host)).resource_uri("http://example.com/none");
    let error = shell.open().await.err().unwrap();
    assert_error(&error, ErrorKind::Fault, Layer::Wsman, 5, &["opening a shell"]);

    let mut wrong_path = over_http(&host);
    wrong_path.set_application_name("elsewhere");
    let error = refused(wrong_path).await;
    assert_eq!(error.exit_status(), 5, "{error}");
    nothing_left(&host).await;
}

#[tokio::test]
async fn servers_whose_logon_is_none() {
    let challenge = |token: &str| {
        ResponseTemplate::new(401).insert_header("WWW-Authenticate", format!("Negotiate {token}").as_str())
    };
    for (case, answer, kind, layer, part) in [
        ("a broken token", challenge("AAEC"), ErrorKind::Protocol, Layer::Auth, "authentication"),
        ("no token at all", challenge("!!"), ErrorKind::Protocol, Layer::Auth, "expected base64"),
        ("no way to log on", ResponseTemplate::new(401), ErrorKind::Refused, Layer::Auth, "no way to log on"),
        (
            "another service",
            ResponseTemplate::new(404),
            ErrorKind::Protocol,
            Layer::Http,
            "http 404; no WinRM",
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let mut target = Target::computer("localhost");
        target.set_port(server.address().port()).set_credential(credential("x"));
        let error = refused(target).await;
        assert_eq!((error.kind(), error.layer()), (kind, layer), "{case}: {error}");
        assert!(error.to_string().contains(part), "{case}: {error}");
    }
}

#[tokio::test]
async fn answers_that_are_no_answers() {
    let envelope = |header: &str, body: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"><s:Header>{header}</s:Header>\
             <s:Body>{body}</s:Body></s:Envelope>"
        )
    };
    let created = "http://schemas.xmlsoap.org/ws/2004/09/transfer/CreateResponse";
    let soap =
        |body: String| ResponseTemplate::new(200).set_body_raw(body, "application/soap+xml;charset=UTF-8");
    for (case, answer, layer, part) in [
        ("empty", ResponseTemplate::new(200), Layer::Http, "is empty"),
        ("no xml", soap("hello".into()), Layer::Wsman, "cannot be read"),
        ("cut off", soap(envelope("", "<x>").chars().take(150).collect()), Layer::Wsman, "cannot be read"),
        ("a document type", soap("<!DOCTYPE x []><x/>".into()), Layer::Wsman, "cannot be read"),
        ("bad utf-8", soap("<x>\u{fffd}</x>".into()), Layer::Wsman, "cannot be read"),
        ("no envelope", soap("<x/>".into()), Layer::Wsman, "cannot be read"),
        (
            "to another message",
            soap(envelope(&format!("<a:Action>{created}</a:Action><a:RelatesTo>uuid:0</a:RelatesTo>"), "")),
            Layer::Wsman,
            "relates to",
        ),
        (
            "a page of a web server",
            ResponseTemplate::new(500).set_body_raw("it broke", "text/plain"),
            Layer::Http,
            "(http 500) is not one of WinRM",
        ),
        ("not found", ResponseTemplate::new(404), Layer::Http, "path of WinRM"),
        ("unavailable", ResponseTemplate::new(503), Layer::Http, "not available"),
        (
            "too large",
            ResponseTemplate::new(200).insert_header("Content-Length", "99999999999"),
            Layer::Http,
            "",
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let mut target = Target::computer("localhost");
        target
            .set_port(server.address().port())
            .set_authentication(Authentication::Basic)
            .set_credential(credential("x"))
            .set_allow_unencrypted(true);
        let error = refused(target).await;
        assert_eq!(error.layer(), layer, "{case}: {error}");
        assert_eq!((error.kind(), error.exit_status()), (ErrorKind::Protocol, 5), "{case}: {error}");
        assert!(error.to_string().contains(part), "{case}: {error}");
        assert!(error.to_string().contains("localhost:"), "{case}: {error}");
    }
}
