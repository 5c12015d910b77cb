//! Requests that are made ready before it is their turn.
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

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{SOAP, answer, echo, listen, options, read_request};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use windlass_net::{Connector, Error, Gate, Pool, PoolOptions, Request, Stage};

const BODY: &str = "the whole message";

fn pool(port: u16) -> Pool {
    Pool::new(Connector::new(options(port, None)), PoolOptions::default())
}

/// A request with a gate, on its way.
fn gated(pool: &Pool) -> (Gate, impl Future<Output = Result<windlass_net::Response, Error>> + Send + use<>) {
    let gate = Gate::closed();
    let mut request = Request::new(BODY, SOAP);
    request.gate = Some(gate.clone());
    request.limit = Some(Duration::from_secs(60));
    let pool = pool.clone();
    (gate, async move { pool.request(request).await })
}

/// Reads a request up to the last byte of its body.
async fn all_but_the_end(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let end = &BODY.as_bytes()[..BODY.len() - 1];
    while !read.ends_with(end) {
        read.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn all_but_the_end_leaves_before_the_gate_opens() {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let port = listen(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(all_but_the_end(&mut stream).await).unwrap();
            let mut rest = [0; 2];
            let count = stream.read(&mut rest).await.unwrap();
            sender.send(String::from_utf8_lossy(&rest[..count]).to_string()).unwrap();
            answer(&mut stream, "done").await;
            echo(stream).await;
        }
    })
    .await;
    let pool = pool(port);
    let (gate, request) = gated(&pool);
    let running = tokio::spawn(request);
    let head = heard.recv().await.unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\n", BODY.len())), "{head}");
    assert!(heard.try_recv().is_err() && !running.is_finished());
    gate.open();
    assert_eq!(heard.recv().await.unwrap(), "e");
    assert_eq!(&running.await.unwrap().unwrap().body[..], b"done");
    // The connection serves the next.
    assert_eq!(&pool.request(Request::new("next", SOAP)).await.unwrap().body[..], b"next");
    assert_eq!(pool.counts().connections, 1);
}

#[tokio::test]
async fn an_open_gate_holds_nothing_back() {
    let pool = pool(listen(|_, stream| echo(stream)).await);
    let (gate, request) = gated(&pool);
    gate.open();
    assert_eq!(&request.await.unwrap().body[..], BODY.as_bytes());
}

#[tokio::test]
async fn who_gives_up_before_the_gate_opens_has_asked_nothing() {
    let begun = Arc::new(Notify::new());
    let (sender, mut heard) = mpsc::unbounded_channel();
    let told = Arc::clone(&begun);
    let port = listen(move |_, mut stream| {
        let (sender, told) = (sender.clone(), Arc::clone(&told));
        async move {
            all_but_the_end(&mut stream).await;
            told.notify_one();
            sender.send(read_request(&mut stream).await).unwrap();
        }
    })
    .await;
    let pool = pool(port);
    let (_gate, request) = gated(&pool);
    tokio::select! {
        _ = request => panic!("nobody answers"),
        () = begun.notified() => {}
    }
    assert_eq!(heard.recv().await.unwrap(), None);
}

#[tokio::test]
async fn what_was_held_back_was_not_carried_out() {
    let early = |answers: bool| async move {
        let port = listen(move |_, mut stream| async move {
            all_but_the_end(&mut stream).await;
            if answers {
                answer(&mut stream, "too early").await;
                stream.read_u8().await.ok();
            }
        })
        .await;
        let pool = pool(port);
        let (_gate, request) = gated(&pool);
        let error = request.await.unwrap_err();
        assert!(matches!(error, Error::Lost { executed: false, .. }), "{error:?}");
        assert!(!error.may_have_executed());
        // Once more on another connection, as always when nothing was carried out.
        assert_eq!(pool.counts().connections, 2);
    };
    early(false).await;
    early(true).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_for_the_answer_begins_when_the_gate_opens() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let only = Mutex::new(Some(near));
    let dial = move || only.lock().unwrap().take().ok_or_else(|| io::ErrorKind::ConnectionRefused.into());
    let pool = Pool::new(Connector::over(options(0, None), Arc::new(dial)), PoolOptions::default());
    let (gate, request) = gated(&pool);
    let running = tokio::spawn(request);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(!running.is_finished());
    gate.open();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TimedOut { stage: Stage::Operation, .. }), "{error:?}");
    drop(far);
}
