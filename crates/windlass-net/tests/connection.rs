//! Connections and the pool: time limits, keep-alive, and what is never sent twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{SOAP, answer, echo, listen, options, read_request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use windlass_auth::{Accounts, Credential};
use windlass_http::{Scheme, ServerConfig, ServerConnection, ServerEvent};
use windlass_net::{AuthMethod, Connector, Error, Lane, Pool, PoolOptions, Repetition, Request, Stage};

fn request(body: &'static str) -> Request {
    Request::new(body, SOAP)
}

fn connector(port: u16) -> Connector {
    Connector::new(options(port, None))
}

fn pool(port: u16) -> Pool {
    Pool::new(connector(port), PoolOptions::default())
}

#[tokio::test]
async fn requests_that_follow_each_other_share_a_connection() {
    let pool = pool(listen(|_, stream| echo(stream)).await);
    for body in ["one", "two", "three"] {
        assert_eq!(&pool.request(request(body)).await.unwrap().body[..], body.as_bytes());
    }
    let counts = pool.counts();
    assert_eq!((counts.connections, counts.http_requests), (1, 3));
    assert!(counts.bytes_sent > 0 && counts.bytes_received > 0);
}

#[tokio::test]
async fn the_rest_of_a_body_follows_an_answer_that_came_early() {
    // More than the buffers of both sides hold.
    const LENGTH: usize = 32 << 20;
    let port = listen(|_, mut stream| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        answer(&mut stream, "early").await;
        stream.read_exact(&mut vec![0; LENGTH]).await.unwrap();
        echo(stream).await;
    })
    .await;
    let pool = pool(port);
    let large = Request::new(vec![b'x'; LENGTH], SOAP);
    assert_eq!(&pool.request(large).await.unwrap().body[..], b"early");
    let next = tokio::time::timeout(Duration::from_secs(30), pool.request(request("next"))).await;
    assert_eq!(&next.expect("the server waits for the body").unwrap().body[..], b"next");
    assert_eq!(pool.counts().connections, 1);
}

#[tokio::test]
async fn nothing_waits_behind_a_parked_request() {
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let port = listen(move |_, mut stream| {
        let gate = Arc::clone(&gate);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                if request.ends_with("park") {
                    gate.notified().await;
                }
                answer(&mut stream, "done").await;
            }
        }
    })
    .await;
    let mut one_at_a_time = PoolOptions::default();
    one_at_a_time.max_connections = 1;
    let pool = Pool::new(connector(port), one_at_a_time);
    let parked = tokio::spawn({
        let pool = pool.clone();
        async move { pool.request(request("park")).await }
    });
    while pool.counts().http_requests == 0 {
        tokio::task::yield_now().await;
    }
    let mut clean_up = request("work");
    clean_up.lane = Lane::CleanUp;
    pool.request(clean_up).await.unwrap();
    assert_eq!(pool.counts().connections, 2);
    go.notify_one();
    parked.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_the_peer_closed_in_the_meantime_is_not_used() {
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    let port = listen(move |number, mut stream| {
        let told = Arc::clone(&told);
        async move {
            read_request(&mut stream).await;
            answer(&mut stream, "first").await;
            if number == 0 {
                drop(stream);
                told.notify_one();
            } else {
                echo(stream).await;
            }
        }
    })
    .await;
    let pool = pool(port);
    pool.request(request("one")).await.unwrap();
    closed.notified().await;
    pool.request(request("two")).await.unwrap();
    assert_eq!(pool.counts().connections, 2);
}

#[tokio::test]
async fn a_connection_is_made_ready_once_and_then_used() {
    let pool = pool(listen(|_, stream| echo(stream)).await);
    for _ in 0..2 {
        pool.prepare().await.unwrap();
        let counts = pool.counts();
        assert_eq!((counts.connections, counts.http_requests), (1, 0));
    }
    pool.request(request("one")).await.unwrap();
    assert_eq!(pool.counts().connections, 1);
}

/// A server that reads a request and hangs up, `losses` times, and counts what it read.
async fn lossy(losses: usize) -> (u16, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let port = listen(move |number, mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            while read_request(&mut stream).await.is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
                if number < losses {
                    return;
                }
                answer(&mut stream, "done").await;
            }
        }
    })
    .await;
    (port, seen)
}

#[tokio::test]
async fn what_may_have_been_carried_out_is_not_sent_twice() {
    let (port, seen) = lossy(1).await;
    let error = pool(port).request(request("change")).await.unwrap_err();
    assert!(matches!(error, Error::Lost { executed: true, .. }), "{error:?}");
    assert!(error.may_have_executed() && error.is_network_failure());
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_does_no_harm_twice_is_sent_again_once() {
    let mut harmless = request("read");
    harmless.repetition = Repetition::Harmless;
    let (port, seen) = lossy(1).await;
    pool(port).request(harmless.clone()).await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 2);

    let (port, seen) = lossy(5).await;
    pool(port).request(harmless).await.unwrap_err();
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn each_stage_has_its_own_limit() {
    let silent = listen(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut connection = connector(silent).connect().await.unwrap();
    let mut hurried = request("x");
    hurried.limit = Some(Duration::from_millis(50));
    let error = connection.request(&hurried).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { stage: Stage::Operation, .. }), "{error:?}");

    let mut ntlm = options(silent, None);
    ntlm.auth = AuthMethod::Ntlm;
    ntlm.timeouts.authenticate = Some(Duration::from_millis(50));
    let mut connection = Connector::new(ntlm).connect().await.unwrap();
    hurried.limit = Some(Duration::from_secs(60));
    let error = connection.request(&hurried).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { stage: Stage::Authenticate, .. }), "{error:?}");
    assert!(error.to_string().starts_with("authentication with localhost:"), "{error}");
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_unreachable() {
    // Nobody else gets the port while this holds it, and nobody listens there.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = held.local_addr().unwrap().port();
    let error = connector(port).connect().await.err().unwrap();
    assert!(matches!(error, Error::Connect { .. }) && error.is_unreachable(), "{error:?}");
    assert!(
        error.to_string().starts_with(&format!("cannot connect to localhost:{port} (at 127.0.0.1:{port}): ")),
        "{error}"
    );

    let mut unknown = options(port, None);
    unknown.endpoint = windlass_net::Endpoint::winrm("no-such-host.invalid", false);
    let error = Connector::new(unknown).connect().await.err().unwrap();
    assert!(
        matches!(error, Error::Resolve { .. } | Error::TimedOut { stage: Stage::Resolve, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn bodies_that_are_cut_short_or_too_long_end_in_one_error() {
    let truncated = listen(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort").await.unwrap();
    })
    .await;
    let oversized = listen(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let garbage = listen(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    for (port, part) in [
        (truncated, "the answer is truncated: the peer closed"),
        (oversized, "exceeds"),
        (garbage, "does not speak HTTP"),
    ] {
        let error = pool(port).request(request("x")).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains(&format!("localhost:{port}")), "{error}");
    }
}

/// A server that seals what it answers, and answers every message with itself.
async fn sealed_echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    let mut server = ServerConnection::new(ServerConfig::new(Scheme::Http, Arc::new(accounts), "localhost"));
    let mut buffer = [0; 4096];
    loop {
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Request(request) = event {
                server.respond(200, SOAP, request.body).unwrap();
            }
        }
        while let Some(bytes) = server.poll_transmit() {
            stream.write_all(&bytes).await.unwrap();
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => server.receive(&buffer[..read]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_come_once_does_not_go_to_a_peer_that_may_have_forgotten_the_client() {
    let dial = || {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(sealed_echo(theirs));
        Ok(ours)
    };
    let mut sealed = options(0, None);
    sealed.auth = AuthMethod::Ntlm;
    sealed.credential = Some(Credential::password("alice", "Pa55w0rd".to_owned()));
    sealed.allow_unencrypted = false;
    let pool = Pool::new(Connector::over(sealed, Arc::new(dial)), PoolOptions::default());
    for (idle, repetition, connections) in [
        (0, Repetition::Never, 1),
        (30, Repetition::Harmless, 1),
        (30, Repetition::Refused, 1),
        (30, Repetition::Never, 2),
        (10, Repetition::Never, 2),
    ] {
        tokio::time::advance(Duration::from_secs(idle)).await;
        let mut request = request("x");
        request.repetition = repetition;
        assert_eq!(&pool.request(request).await.unwrap().body[..], b"x");
        assert_eq!(pool.counts().connections, connections, "{repetition:?} after {idle} s");
    }
}

#[tokio::test]
async fn a_pipe_in_memory_serves_as_well_as_tcp() {
    let dial = || {
        let (ours, theirs) = tokio::io::duplex(1024);
        tokio::spawn(echo(theirs));
        Ok(ours)
    };
    let connector = Connector::over(options(0, None), Arc::new(dial));
    let pool = Pool::new(connector, PoolOptions::default());
    let large = "x".repeat(100_000);
    let response = pool.request(Request::new(large.clone(), SOAP)).await.unwrap();
    assert_eq!(response.body.len(), large.len());
}
