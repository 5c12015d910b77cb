//! Standing between a client and a server: every byte is handed on, and what can be read is kept.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use windlass::Secret;
use windlass_http::{Exchange, Headers, HttpError, Limits, Overheard};
use windlass_mock::Recorder;

use super::redacting::redacted;
use crate::failure::say;
use crate::host::told_to_stop;
use crate::runspace::lock;

/// Most bytes that are handed on at once.
const PIECE: usize = 64 << 10;

/// Serves until told to stop, then tells what was kept.
pub(super) async fn serve(folder: &Path, listen: SocketAddr, server: &str) -> Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen at {listen}"))?;
    let kept = Arc::new(Kept::new(Recorder::new(folder)?));
    let ready = json!({ "event": "ready", "listen": listener.local_addr()?.to_string(), "to": server });
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    let stopped = told_to_stop();
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.context("cannot take connections")?.0,
            stopped = &mut stopped => break stopped?,
        };
        let (kept, server) = (Arc::clone(&kept), server.to_owned());
        tokio::spawn(async move {
            match TcpStream::connect(&server).await {
                Ok(stream) => carry(client, stream, &kept).await,
                Err(error) => say(&format!("{server} is not reached: {error}")),
            }
        });
    }
    writeln!(out, "{}", kept.summary())?;
    Ok(())
}

/// Hands on what two computers say to each other until both have ended.
async fn carry(client: TcpStream, server: TcpStream, kept: &Kept) {
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
    /// Whether streams may be compressed.
    compressed: bool,
}

impl Kept {
    fn new(recorder: Recorder) -> Self {
        Self { recorder, counts: Mutex::default(), secrets: Mutex::default() }
    }

    fn take(&self, exchange: &Exchange) {
        if let Some(password) = basic_password(&exchange.request.headers) {
            let mut secrets = lock(&self.secrets);
            if !secrets.iter().any(|known| known.expose() == password.expose()) {
                secrets.push(password);
            }
        }
        let question = Content::of(&exchange.request.headers, &exchange.question);
        let answer = Content::of(&exchange.response.headers, &exchange.answer);
        match (question, answer) {
            (Content::Soap(question), Content::Soap(answer)) => {
                let mut counts = lock(&self.counts);
                counts.read += 1;
                if question.contains("CompressionType") && !std::mem::replace(&mut counts.compressed, true) {
                    say(
                        "the client asks for compressed streams: passwords in them are not found and replaced",
                    );
                }
                drop(counts);
                let secrets = lock(&self.secrets);
                let secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
                let (question, answer) = (redacted(&question, &secrets), redacted(&answer, &secrets));
                self.recorder.note(&question, exchange.response.status, &answer);
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

    fn summary(&self) -> String {
        let counts = lock(&self.counts);
        json!({ "event": "ended", "kept": counts.read, "sealed": counts.sealed }).to_string()
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
        let kind = headers.get("Content-Type").unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/encrypted") || kind.starts_with("multipart/x-multi-encrypted") {
            return Self::Sealed;
        }
        if !kind.starts_with("application/soap+xml") || body.is_empty() {
            return Self::Other;
        }
        if !kind.contains("utf-16") {
            return std::str::from_utf8(body).map_or(Self::Other, |text| Self::Soap(text.to_owned()));
        }
        let units = body.chunks_exact(2).map(|pair| match pair {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        });
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map_or(Self::Other, |text| Self::Soap(text.trim_start_matches('\u{feff}').to_owned()))
    }
}

/// The password of a logon with Basic.
fn basic_password(headers: &Headers) -> Option<Secret> {
    let (scheme, token) = headers.get("Authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = base64_simd::STANDARD.decode_to_vec(token.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (_, password) = text.split_once(':')?;
    (!password.is_empty()).then(|| Secret::new(password))
}
