//! Whoever sits between client and host over plain HTTP cannot read or write what is sealed, but can swallow
//! an answer and write in its place that the host has forgotten the client: nothing is carried out twice. And
//! where the host has really forgotten, whatever does no harm goes out again.
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

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use support::{host, nothing_left, over_http};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use windlass::model::{CimInstance, CimValue, ObjectPath};
use windlass::{CimSession, Target};
use windlass_mock::MockHost;

const FORGOTTEN: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
const STRANGER: &str =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";

/// What becomes of the next request.
#[derive(Clone, Copy)]
struct Plan {
    /// Whether the host gets it.
    arrives: bool,
    /// What the client gets in place of the host's answer.
    answer: &'static str,
}

/// A way to the host with somebody on it.
#[derive(Clone, Default)]
struct Between(Arc<Mutex<Option<Plan>>>);

impl Between {
    async fn listen(&self, host: SocketAddr) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let between = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(between.clone().pass(client, host));
            }
        });
        port
    }

    async fn pass(self, client: TcpStream, host: SocketAddr) {
        let mut client = BufReader::new(client);
        let mut host = BufReader::new(TcpStream::connect(host).await.unwrap());
        while let Some(request) = message(&mut client).await {
            let plan = self.0.lock().unwrap().take();
            if plan.is_none_or(|plan| plan.arrives) {
                host.write_all(&request).await.unwrap();
                let Some(answer) = message(&mut host).await else { return };
                if plan.is_none() {
                    client.write_all(&answer).await.ok();
                }
            }
            if let Some(plan) = plan {
                client.write_all(plan.answer.as_bytes()).await.ok();
            }
        }
    }

    fn plan(&self, arrives: bool, answer: &'static str) {
        *self.0.lock().unwrap() = Some(Plan { arrives, answer });
    }
}

/// One message with its body; `None` at the end of the stream.
async fn message(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut length = 0;
    loop {
        let start = message.len();
        if stream.read_until(b'\n', &mut message).await.ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&message[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let start = message.len();
    message.resize(start + length, 0);
    stream.read_exact(&mut message[start..]).await.ok()?;
    Some(message)
}

async fn session(host: &MockHost, between: &Between) -> CimSession {
    let mut target: Target = over_http(host);
    target.set_port(between.listen(host.http_addr().unwrap()).await);
    let builder = CimSession::builder("").target(target).skip_test_connection(true);
    builder.namespace("root/test").connect().await.unwrap()
}

async fn counter(session: &CimSession, path: &ObjectPath) -> CimValue {
    session.get(path).await.unwrap().get("Counter").unwrap().clone()
}

#[tokio::test]
async fn what_may_come_once_comes_once() {
    let host = host().start().await.unwrap();
    let one = ObjectPath::class("Test_Methods").with_key("Id", "one");
    let by_five = CimInstance::new("").with("By", 5_u32);
    for answer in [FORGOTTEN, STRANGER] {
        for arrives in [true, false] {
            let between = Between::default();
            let session = session(&host, &between).await;
            session.invoke(&one, "Reset", &CimInstance::new("")).await.unwrap();
            between.plan(arrives, answer);
            let error = session.invoke(&one, "Increment", &by_five).await.unwrap_err();
            assert!(error.may_have_executed(), "{error}");
            assert!(error.to_string().contains("the request may have been carried out"), "{error}");
            let expected = if arrives { 5_u32 } else { 0 };
            assert_eq!(counter(&session, &one).await, CimValue::UInt32(expected));
            // The session goes on.
            session.invoke(&one, "Increment", &by_five).await.unwrap();
            assert_eq!(counter(&session, &one).await, CimValue::UInt32(expected + 5));
            session.close().await;
        }
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn what_does_no_harm_goes_out_again() {
    let host = host().start().await.unwrap();
    let one = ObjectPath::class("Test_Methods").with_key("Id", "one");
    for answer in [FORGOTTEN, STRANGER] {
        for arrives in [true, false] {
            let between = Between::default();
            let session = session(&host, &between).await;
            session.invoke(&one, "Reset", &CimInstance::new("")).await.unwrap();
            between.plan(arrives, answer);
            assert_eq!(counter(&session, &one).await, CimValue::UInt32(0));
            session.close().await;
        }
    }
    nothing_left(&host).await;
}
