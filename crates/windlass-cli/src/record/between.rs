//! Standing between a client and a server: every byte is handed on, and what can be read is kept.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use windlass::Secret;
use windlass_http::{Exchange, Headers, HttpError, Limits, Overheard, multipart};
use windlass_mock::Recorder;

use super::redacting::redacted;
use crate::failure::say;
use crate::host::told_to_stop;
use crate::runspace::lock;

/// The status of an answer to somebody who is not let in.
const UNAUTHORIZED: u16 = 401;
/// Most bytes that are handed on at once.
const PIECE: usize = 64 << 10;
/// Most connections at a time; what is said on each is held until it is whole.
const MOST_CONNECTIONS: usize = 256;
/// Most passwords that are looked for in every message.
const MOST_PASSWORDS: usize = 64;
/// How long no connection is taken after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until told to stop, then tells what was kept. As long as there are as many connections as there may be,
/// none is taken.
pub(super) async fn serve(folder: &Path, listen: SocketAddr, server: &str) -> Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen at {listen}"))?;
    let kept = Arc::new(Kept::new(Recorder::new(folder)?));
    let ready = json!({ "event": "ready", "listen": listener.local_addr()?.to_string(), "to": server });
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    let stopped = told_to_stop();
    let mut stopped = std::pin::pin!(stopped);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place?,
            stopped = &mut stopped => break stopped?,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            stopped = &mut stopped => break stopped?,
        };
        let client = match accepted {
            Ok((client, _)) => client,
            // Such as too many open files: others may go away.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (kept, server) = (Arc::clone(&kept), server.to_owned());
        tokio::spawn(async move {
            match TcpStream::connect(&server).await {
                Ok(stream) => carry(client, stream, &kept).await,
                Err(error) => say(&format!("{server} is not reached: {error}")),
            }
            drop(place);
        });
    }
    writeln!(out, "{}", kept.summary())?;
    Ok(())
}

/// Hands on what two computers say to each other until both have ended.
async fn carry(client: TcpStream, server: TcpStream, kept: &Kept) {
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let heard = Mutex::new(Some(Overheard::new(Limits::default())));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let note = |told: &dyn Fn(&mut Overheard) -> Result<(), HttpError>| {
        let mut heard = lock(&heard);
        let Some(listener) = heard.as_mut() else { return };
        let told = told(listener);
        while let Some(exchange) = listener.next_exchange() {
            kept.take(&exchange);
        }
        if let Err(error) = told {
            say(&format!("the rest of a connection is handed on unread: {error}"));
            *heard = None;
        }
    };
    let client_speaks = pass(from_client, to_server, |bytes| note(&|heard| heard.client_said(bytes)));
    let server_speaks = async {
        let ended = pass(from_server, to_client, |bytes| note(&|heard| heard.server_said(bytes))).await;
        note(&Overheard::server_ended);
        ended
    };
    if let (Err(error), _) | (_, Err(error)) = tokio::join!(client_speaks, server_speaks) {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Hands on one direction. What was said is heard before it arrives.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut hear: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = from.read(&mut buffer).await?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        hear(bytes);
        to.write_all(bytes).await?;
    }
}

/// What was kept of all connections.
struct Kept {
    recorder: Recorder,
    counts: Mutex<Counts>,
    /// Passwords that went by readable.
    secrets: Mutex<Vec<Secret>>,
}

#[derive(Default)]
struct Counts {
    read: u64,
    sealed: u64,
    /// Messages that could be read but not written.
    lost: u64,
    /// Whether streams may be compressed.
    compressed: bool,
    /// Whether somebody may have logged on with a password that is not known.
    unknown: bool,
    /// Whether there were more passwords than are looked for.
    crowded: bool,
}

impl Kept {
    fn new(recorder: Recorder) -> Self {
        Self { recorder, counts: Mutex::default(), secrets: Mutex::default() }
    }

    fn take(&self, exchange: &Exchange) {
        let status = exchange.response.status;
        let password = basic_password(&exchange.request.headers);
        let is_unknown = password.is_none() && status != UNAUTHORIZED;
        // Anybody may send any number of passwords that the server refuses.
        if let Some(password) = password
            && status != UNAUTHORIZED
        {
            self.learn(password);
        }
        let question = Content::of(&exchange.request.headers, &exchange.question);
        let answer = Content::of(&exchange.response.headers, &exchange.answer);
        match (question, answer) {
            (Content::Soap(question), Content::Soap(answer)) => {
                let mut counts = lock(&self.counts);
                if is_unknown && !std::mem::replace(&mut counts.unknown, true) {
                    say(
                        "a message came without a password that can be read here: only those that are sent with \
                         Basic are known and replaced, others are kept where a message has them",
                    );
                }
                if question.contains("CompressionType") && !std::mem::replace(&mut counts.compressed, true) {
                    say(
                        "the client asks for compressed streams: passwords in them are not found and replaced",
                    );
                }
                drop(counts);
                let secrets = lock(&self.secrets);
                let secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
                let (question, answer) = (redacted(&question, &secrets), redacted(&answer, &secrets));
                let noted = self.recorder.note(&question, status, &answer);
                let mut counts = lock(&self.counts);
                match noted {
                    Ok(()) => counts.read += 1,
                    Err(error) => {
                        counts.lost += 1;
                        if counts.lost == 1 {
                            say(&format!("a message could not be recorded: {error}"));
                        }
                    }
                }
            }
            (Content::Sealed, _) | (_, Content::Sealed) => {
                let mut counts = lock(&self.counts);
                counts.sealed += 1;
                if counts.sealed == 1 {
                    say("the messages are sealed and cannot be read here: record with our own client, or \
                         let the client use Basic or an NTLM that does not seal");
                }
            }
            // The legs of a logon have no bodies.
            _ => {}
        }
    }

    /// Keeps a password out of what is recorded from now on.
    fn learn(&self, password: Secret) {
        let mut secrets = lock(&self.secrets);
        if password.expose().is_empty() || secrets.contains(&password) {
            return;
        }
        if secrets.len() < MOST_PASSWORDS {
            secrets.push(password);
        } else if !std::mem::replace(&mut lock(&self.counts).crowded, true) {
            say(&format!(
                "more than {MOST_PASSWORDS} passwords went by: further ones are not found and replaced"
            ));
        }
    }

    fn summary(&self) -> String {
        let counts = lock(&self.counts);
        json!({ "event": "ended", "kept": counts.read, "sealed": counts.sealed, "lost": counts.lost })
            .to_string()
    }
}

/// What the body of a message is.
enum Content {
    Soap(String),
    Sealed,
    Other,
}

impl Content {
    fn of(headers: &Headers, body: &[u8]) -> Self {
        let kind = headers.get("Content-Type").unwrap_or_default();
        if multipart::is_sealed(kind) {
            return Self::Sealed;
        }
        if !kind.to_ascii_lowercase().starts_with("application/soap+xml") || body.is_empty() {
            return Self::Other;
        }
        let text = windlass_xml::decode_utf(body, &windlass_xml::Limits::default());
        text.map_or(Self::Other, |text| Self::Soap(text.into_owned()))
    }
}

/// The password of a logon with Basic, where it is UTF-8.
fn basic_password(headers: &Headers) -> Option<Secret> {
    let (scheme, token) = headers.get("Authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    windlass_auth::basic::decode(token).ok().map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes away.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn kept(name: &str) -> (Kept, Folder) {
        let folder = std::env::temp_dir().join(format!("windlass-{name}-{}", std::process::id()));
        (Kept::new(Recorder::new(&folder).unwrap()), Folder(folder))
    }

    fn recorded(folder: &Folder) -> String {
        std::fs::read_to_string(folder.0.join("wsman-1.jsonl")).unwrap()
    }

    fn basic(password: &[u8]) -> String {
        let token = base64_simd::STANDARD.encode_to_string([&b"alice:"[..], password].concat());
        format!("Basic {token}")
    }

    fn exchange(authorization: &str, status: u16, question: &[u8]) -> Exchange {
        let mut heard = Overheard::new(Limits::default());
        let (kind, length) = ("Content-Type: application/soap+xml;charset=UTF-8", question.len());
        let head = format!(
            "POST /wsman HTTP/1.1\r\nAuthorization: {authorization}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        heard.client_said(&[head.as_bytes(), question].concat()).unwrap();
        let answer = format!("HTTP/1.1 {status} x\r\n{kind}\r\nContent-Length: 4\r\n\r\n<b/>");
        heard.server_said(answer.as_bytes()).unwrap();
        heard.next_exchange().unwrap()
    }

    #[test]
    fn passwords_of_those_who_were_let_in_are_replaced() {
        let (kept, folder) = kept("let-in");
        kept.take(&exchange(&basic(b"wrong"), 401, b"<a/>"));
        kept.take(&exchange(&basic(b"secret"), 200, b"<a>secret or wrong</a>"));
        assert!(!lock(&kept.counts).unknown && lock(&kept.secrets).len() == 1);
        let text = recorded(&folder);
        assert!(text.contains("<a>xxxxxx or wrong</a>"), "{text}");
        assert!(kept.summary().contains("\"kept\":2"), "{}", kept.summary());
    }

    #[test]
    fn passwords_that_cannot_be_read_are_told() {
        for unknown in [basic(b"\xE4"), "Negotiate AAAA".to_owned()] {
            let (kept, _folder) = kept("unknown");
            kept.take(&exchange(&unknown, 401, b"<a/>"));
            assert!(!lock(&kept.counts).unknown);
            kept.take(&exchange(&unknown, 200, b"<a/>"));
            assert!(lock(&kept.counts).unknown, "{unknown}");
        }
    }

    #[test]
    fn only_so_many_passwords_are_looked_for() {
        let (kept, _folder) = kept("crowded");
        for number in 0..=MOST_PASSWORDS {
            assert!(!lock(&kept.counts).crowded);
            kept.take(&exchange(&basic(format!("pw{number}").as_bytes()), 200, b"<a/>"));
        }
        assert!(lock(&kept.counts).crowded && lock(&kept.secrets).len() == MOST_PASSWORDS);
    }

    #[test]
    fn messages_are_read_in_every_encoding() {
        let (kept, folder) = kept("encodings");
        let big = "\u{feff}<a>one</a>".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        let little = "\u{feff}<a>two</a>".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for body in [big, little, "\u{feff}<a>three</a>".into()] {
            kept.take(&exchange(&basic(b"secret"), 200, &body));
        }
        let text = recorded(&folder);
        for expected in ["\"<a>one</a>", "\"<a>two</a>", "\"<a>three</a>"] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
