//! A client of bare bytes: what foreign clients wrote is posted as they wrote it.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod exchanges;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use windlass_mock::{MockHost, MockHostBuilder};
use windlass_wsman::soap::Limits;
use windlass_wsman::{Expectation, Header, Operation, Reply, Request, decode_response};

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "Wind-lass1";

pub(crate) fn host() -> MockHostBuilder {
    MockHost::builder()
        .user(USER, PASSWORD.to_owned())
        .user("bob", PASSWORD.to_owned())
        .computer_name("LNX01")
}

/// One connection to the host.
pub(crate) struct Wire {
    stream: DuplexStream,
    user: &'static str,
}

impl Wire {
    pub(crate) fn new(host: &MockHost) -> Self {
        Self { stream: host.in_memory(), user: USER }
    }

    pub(crate) fn of(host: &MockHost, user: &'static str) -> Self {
        Self { user, ..Self::new(host) }
    }

    /// Posts a body; gives status and body of the answer.
    pub(crate) async fn post(&mut self, body: &str) -> (u16, String) {
        self.post_with("", body).await
    }

    /// The same with header fields of the caller's, each with its line end.
    pub(crate) async fn post_with(&mut self, fields: &str, body: &str) -> (u16, String) {
        let user = format!("{}:{PASSWORD}", self.user);
        let head = format!(
            "POST /wsman?PSVersion=7.6.5 HTTP/1.1\r\nHost: lnx01\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n\
             {fields}Authorization: Basic {}\r\nContent-Length: {}\r\n\r\n",
            base64(user.as_bytes()),
            body.len()
        );
        self.send(head.as_bytes()).await;
        self.send(body.as_bytes()).await;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads one answer.
    pub(crate) async fn answer(&mut self) -> (u16, String) {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            let read = self.stream.read_buf(&mut bytes).await.unwrap();
            assert!(read > 0, "the host closed the connection");
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
                bytes.drain(..end + 4);
                break (head, length);
            }
        };
        while bytes.len() < length {
            assert!(self.stream.read_buf(&mut bytes).await.unwrap() > 0);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, String::from_utf8(bytes).unwrap())
    }

    /// Whether the host has closed the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 64]).await, Ok(0) | Err(_))
    }
}

/// Makes requests with all that a header needs.
pub(crate) fn request(resource: &str, selectors: &[(&str, &str)], operation: Operation<'_>) -> String {
    let id = format!("uuid:{}", uuid::Uuid::new_v4());
    let mut header = Header::request("http://lnx01:5985/wsman", "", resource, id);
    header.operation_timeout = Some(std::time::Duration::from_secs(20));
    for (name, value) in selectors {
        header.selectors.push(*name, *value);
    }
    Request::new(header, operation).encode()
}

/// The code of the fault in an answer; `None` where it is none.
pub(crate) fn fault_code(answer: &str) -> Option<u32> {
    let response = decode_response(answer, &Expectation::unchecked(), &Limits::default()).unwrap();
    match response.reply {
        Reply::Fault(fault) => Some(fault.code().map_or(0, |code| code.0)),
        _ => None,
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let value = chunk.iter().fold(0_usize, |value, byte| value << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[value >> (18 - 6 * place) & 63]);
            out.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    out
}
