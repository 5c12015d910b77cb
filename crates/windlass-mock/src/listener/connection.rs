//! One connection: bytes in, requests to the dispatcher, answers out.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use windlass_http::{Request, ServerConfig, ServerConnection, ServerEvent};

use super::file_time;
use crate::host::Host;
use crate::statistics::count;
use crate::trouble::TroubleKind;
use crate::wsman::{self, Answer};

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(host: &Arc<Host>, stream: S, config: ServerConfig, peer: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _held = host.counters.connect();
    let mut connection = Connection {
        host,
        stream,
        http: ServerConnection::new(config),
        peer,
        buffer: vec![0; 64 * 1024],
        partial: None,
        stranger_since: Some(Instant::now()),
        corrupts: false,
        counted: 0,
    };
    tokio::select! {
        ended = connection.run() => {
            if let Err(error) = ended {
                tracing::debug!(%error, peer, "a connection ended");
            }
        }
        () = host.stop.stopped() => {}
    }
    connection.count_requests();
}

struct Connection<'h, S> {
    host: &'h Arc<Host>,
    stream: S,
    http: ServerConnection,
    peer: &'h str,
    buffer: Vec<u8>,
    /// When the request of which a part has arrived began.
    partial: Option<Instant>,
    /// When the connection began, until its first request is served.
    stranger_since: Option<Instant>,
    /// Whether a byte of the next answer is to be changed.
    corrupts: bool,
    /// HTTP requests that the statistics know of.
    counted: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            while let Some(event) = self.http.poll_event() {
                self.partial = None;
                self.handle(event).await?;
            }
            if self.count_requests() {
                self.partial = None;
            }
            self.transmit().await?;
            if self.http.wants_close() {
                return self.stream.shutdown().await;
            }
            if !self.receive().await? {
                return Ok(());
            }
        }
    }

    /// Reads once; false where the client has closed, or has been silent for too long.
    async fn receive(&mut self) -> io::Result<bool> {
        let limits = &self.host.config.limits;
        // Limits of the whole, so that a client that sends byte by byte gains nothing.
        let until = match (self.partial, self.stranger_since) {
            (Some(began), None) => began + limits.request_timeout,
            (None, None) => Instant::now() + limits.connection_timeout,
            (began, Some(since)) => {
                let whole = since + limits.logon_timeout;
                began.map_or(whole, |began| whole.min(began + limits.request_timeout))
            }
        };
        let read = tokio::time::timeout_at(until, self.stream.read(&mut self.buffer));
        let Ok(count) = read.await else { return Ok(false) };
        let count = count?;
        if count == 0 {
            self.http.receive_eof();
            return Ok(false);
        }
        self.partial.get_or_insert_with(Instant::now);
        self.http.set_now(file_time(SystemTime::now()));
        self.http.receive(self.buffer.get(..count).unwrap_or_default());
        Ok(true)
    }

    async fn transmit(&mut self) -> io::Result<()> {
        // A client that does not read may not hold the connection for ever.
        let patience = self.host.config.limits.request_timeout;
        if std::mem::take(&mut self.corrupts) {
            let mut pieces: Vec<_> = std::iter::from_fn(|| self.http.poll_transmit()).collect();
            if let Some(piece) = pieces.iter_mut().max_by_key(|piece| piece.len()) {
                *piece = corrupted(piece);
            }
            for piece in pieces {
                self.stream.write_all(&piece).await?;
            }
        }
        while let Some(bytes) = self.http.poll_transmit() {
            let written = tokio::time::timeout(patience, self.stream.write_all(&bytes)).await;
            written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        self.stream.flush().await
    }

    async fn handle(&mut self, event: ServerEvent) -> io::Result<()> {
        match event {
            ServerEvent::Request(request) => {
                self.stranger_since = None;
                if request.identity.is_some() {
                    self.host.gate.lockout.succeeded(self.peer);
                }
                count(&self.host.counters.messages);
                let answer = self.answer(&request).await;
                self.host.counters.changed.notify_waiters();
                let answer = answer?;
                let Answer { status, content_type, body, trouble } = answer;
                match trouble {
                    Some(TroubleKind::Cut | TroubleKind::Lose) => {
                        return Err(io::Error::other("the host was told to cut the connection"));
                    }
                    Some(TroubleKind::Logon) => {
                        self.http.demand_logon();
                        return Ok(());
                    }
                    Some(TroubleKind::Corrupt) => self.corrupts = true,
                    _ => {}
                }
                if let Err(error) = self.http.respond(status, &content_type, body) {
                    tracing::debug!(%error, peer = self.peer, "an answer could not be sent");
                }
            }
            ServerEvent::LogonFailed { failures, reason } => {
                count(&self.host.counters.failed_logons);
                tracing::debug!(%reason, peer = self.peer, "a logon failed");
                let base = self.host.config.limits.failed_logon_delay;
                let wait = self.host.gate.lockout.failed(self.peer, base, std::time::Instant::now());
                tokio::time::sleep(wait).await;
                if failures >= self.host.config.limits.failed_logons {
                    self.transmit().await?;
                    return Err(io::Error::other("too many failed logons"));
                }
            }
            ServerEvent::Failed(error) => {
                tracing::debug!(%error, peer = self.peer, "a client broke the protocol");
            }
            _ => {}
        }
        Ok(())
    }

    /// Asks the dispatcher, and meanwhile watches for the client to go away: an operation that waits for
    /// output must not take it for nobody.
    async fn answer(&mut self, request: &Request) -> io::Result<Answer> {
        let Self { host, stream, http, peer, buffer, .. } = self;
        let mut answer = std::pin::pin!(wsman::answer(host, request, peer));
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(answer),
                read = stream.read(buffer), if http.wants_read() => match read? {
                    0 => return Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                    count => http.receive(buffer.get(..count).unwrap_or_default()),
                },
            }
        }
    }

    /// Tells the statistics of new requests; true if there were any.
    fn count_requests(&mut self) -> bool {
        let all = self.http.http_requests();
        let new = all.saturating_sub(self.counted);
        self.counted = all;
        self.host.counters.http_requests.fetch_add(new, std::sync::atomic::Ordering::Relaxed);
        new > 0
    }
}

/// Bytes of which the one in the middle is another.
fn corrupted(bytes: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x55;
    }
    bytes.into()
}
