//! One HTTP/1.1 connection with its security context, and the loop that feeds it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use tokio::time::Instant;
use windlass_auth::{AuthError, ChannelBinding, KdcRequest};
use windlass_http::{
    AuthMethod, ClientConfig, ClientConnection, ClientEvent, ForwardProxy, HttpError, Limits, Response,
    Scheme,
};

use crate::ProxyRefusal;
use crate::kerberos::ask_kdc;
use crate::pool::Repetition;
use crate::timeouts::{Deadline, before};
use crate::{
    BoxStream, ConnectorOptions, Counters, Error, Gate, KdcMap, Kerberos, NameMap, Request, Stage, inner_tls,
};

/// How much is read from the stream at once, at first and at most. Most answers are small, and sessions wait
/// for them by the thousand.
const READ_SIZES: (usize, usize) = (4 << 10, 64 << 10);

/// Seconds from the beginning of FILETIME, 1601, to that of Unix time, 1970.
const FILETIME_TO_UNIX: u64 = 11_644_473_600;

/// One connection. Requests on it are serial; a request that is dropped half-way leaves it unusable.
pub struct Connection {
    peer: String,
    reader: ReadHalf<BoxStream>,
    writer: WriteHalf<BoxStream>,
    http: ClientConnection,
    kdcs: KdcMap,
    kerberos: Option<Kerberos>,
    /// Names that do not resolve as the system says.
    names: NameMap,
    /// Why the KDC that was asked last did not answer.
    kdc_failure: Option<Error>,
    authenticate: Option<Duration>,
    counters: Arc<Counters>,
    counted: u64,
    /// What is to be written: the rest of a body, too, whose answer came early.
    unsent: VecDeque<Bytes>,
    /// What holds the end of the message back.
    gate: Option<Gate>,
    /// The end of the message that is held back.
    tail: Option<Bytes>,
    /// What was read last. There is none between requests.
    buffer: Vec<u8>,
    /// The logon takes more than one exchange.
    shakes_hands: bool,
    /// An answer came: the security context is established.
    answered: bool,
    last_used: Instant,
    usable: bool,
}

/// What ends a wait.
enum Heard {
    /// So many bytes came; none at the end of the stream.
    Bytes(usize),
    /// The gate has opened: the end of the message may go out.
    Opened,
}

/// How something that was begun on a connection ends well.
enum Outcome {
    Response(Response),
    /// The next request takes a single round trip.
    Prepared,
}

impl Connection {
    pub(crate) fn new(
        stream: BoxStream,
        peer: String,
        options: &ConnectorOptions,
        binding: Option<ChannelBinding>,
        authenticate_empty: bool,
        counters: Arc<Counters>,
    ) -> Result<Self, Error> {
        let endpoint = &options.endpoint;
        let scheme = if endpoint.is_secure() { Scheme::Https } else { Scheme::Http };
        let mut config =
            ClientConfig::new(endpoint.public_authority(), scheme, options.auth, options.credential.clone());
        config.path = endpoint.path().to_owned();
        config.channel_binding = binding;
        config.allow_unencrypted = options.allow_unencrypted;
        config.spn = Some(options.service_principal());
        config.limits = Limits { body: options.max_response, ..Limits::default() };
        if options.auth == AuthMethod::CredSsp {
            let factory = inner_tls::factory();
            config.inner_tls =
                Some(factory.map_err(|error| Error::TlsOptions { reason: error.to_string() })?);
            config.credssp_min_version = options.credssp_min_version;
        }
        config.kerberos = options.kerberos.as_ref().map(|kerberos| kerberos.client().clone());
        config.forbid_ntlm = options.forbid_ntlm;
        config.authenticate_empty = authenticate_empty;
        config.now = filetime_now();
        let http =
            ClientConnection::new(config).map_err(|source| Error::Http { peer: peer.clone(), source })?;
        let (reader, writer) = tokio::io::split(stream);
        Ok(Self {
            peer,
            reader,
            writer,
            http,
            kdcs: options.kdcs.clone(),
            kerberos: options.kerberos.clone(),
            names: options.names.clone(),
            kdc_failure: None,
            authenticate: options.timeouts.authenticate,
            counters,
            counted: 0,
            unsent: VecDeque::new(),
            gate: None,
            tail: None,
            buffer: Vec::new(),
            shakes_hands: !matches!(
                options.auth,
                AuthMethod::None | AuthMethod::Basic | AuthMethod::Certificate
            ),
            answered: false,
            last_used: Instant::now(),
            usable: true,
        })
    }

    /// Sends every request to the proxy at the other end, which hands it on.
    pub(crate) fn forward_through(&mut self, proxy: Box<dyn ForwardProxy>) {
        self.http.forward_through(proxy);
    }

    /// Sends one request and waits for its answer, authenticating first where that is still to be done.
    ///
    /// # Errors
    /// What failed; [`Error::may_have_executed`] tells whether the request may be sent again.
    pub async fn request(&mut self, request: &Request) -> Result<Response, Error> {
        self.gate.clone_from(&request.gate);
        match self.perform(Some(request), request.limit).await? {
            Outcome::Response(_) if self.tail.is_some() => {
                self.usable = false;
                Err(self.lost("the peer answered before it had the request", true))
            }
            Outcome::Response(response) => {
                self.answered = true;
                Ok(response)
            }
            Outcome::Prepared => Err(self.lost("the peer answered nothing", true)),
        }
    }

    /// Authenticates as far as that is possible without a request, so that the first one takes a single round
    /// trip.
    ///
    /// # Errors
    /// What failed. Nothing was executed.
    pub(crate) async fn prepare(&mut self) -> Result<(), Error> {
        self.perform(None, None).await.map(|_| ())
    }

    async fn perform(
        &mut self,
        request: Option<&Request>,
        limit: Option<Duration>,
    ) -> Result<Outcome, Error> {
        self.usable = false;
        let mut started = Instant::now();
        self.http.set_now(filetime_now());
        let mut request = Some(request);
        let mut waits = self.is_gated();
        let outcome = loop {
            if waits && !self.is_gated() {
                waits = false;
                started = Instant::now();
            }
            let (stage, limit) = self.current_limit(limit.filter(|_| !waits));
            let end = Deadline::of(started, limit);
            let step = async {
                match request.take() {
                    Some(request) => self.start(request).await.map(|()| None),
                    None => self.step().await,
                }
            };
            let done = before(end, step).await;
            if let Some(outcome) = done.map_err(|end| end.missed(stage, &self.peer))?? {
                break outcome;
            }
        };
        self.buffer = Vec::new();
        self.last_used = Instant::now();
        self.usable = self.http.is_open();
        Ok(outcome)
    }

    /// Whether another request can be sent: the last one was answered and the peer keeps the connection.
    /// Notices a peer that has hung up in the meantime.
    pub async fn is_usable(&mut self) -> bool {
        if !self.usable {
            return false;
        }
        let mut byte = [0];
        let reader = &mut self.reader;
        let quiet = poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut byte);
            match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
                Poll::Pending => Poll::Ready(true),
                Poll::Ready(_) => Poll::Ready(false),
            }
        })
        .await;
        self.usable = quiet;
        quiet
    }

    /// How long ago the last answer arrived.
    pub fn idle_for(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Whether a logon is over that took more than one exchange, so that the peer keeps a security context.
    pub(crate) fn has_context(&self) -> bool {
        self.shakes_hands && self.answered
    }

    /// Whether the peer turned out to take no message along with the last token of its handshake.
    pub(crate) fn authenticates_empty(&self) -> bool {
        self.http.authenticates_empty()
    }

    /// The stage that the connection is in and its limit. The last exchange of a logon carries the
    /// request already, so that only those before it are the logon's alone.
    fn current_limit(&self, operation: Option<Duration>) -> (Stage, Option<Duration>) {
        if self.answered || !self.shakes_hands || self.http.http_requests() > 1 {
            return (Stage::Operation, operation);
        }
        match (self.authenticate, operation) {
            (Some(authenticate), Some(operation)) if operation < authenticate => {
                (Stage::Operation, Some(operation))
            }
            (Some(authenticate), _) => (Stage::Authenticate, Some(authenticate)),
            (None, operation) => (Stage::Operation, operation),
        }
    }

    /// Begins a request, or only its logon. The tickets that the logon takes are asked for one connection
    /// after the other.
    async fn start(&mut self, request: Option<&Request>) -> Result<(), Error> {
        let _turn = match &self.kerberos {
            Some(kerberos) if !self.http.is_authenticated() => Some(kerberos.turn().await),
            _ => None,
        };
        let waits = self.kerberos.as_ref().is_some_and(Kerberos::blocks)
            && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let mut begin = || match request {
            Some(Request { body, content_type, repetition: Repetition::Never, .. }) => {
                self.http.request_once(body.clone(), content_type)
            }
            Some(Request { body, content_type, .. }) => self.http.request(body.clone(), content_type),
            None => self.http.prepare(),
        };
        let begun = if waits { block_in_place(begin) } else { begin() };
        begun.map_err(|source| self.http_error(source))?;
        while let Some(request) = self.http.poll_kdc() {
            self.ask_kdc(&request).await;
        }
        Ok(())
    }

    async fn ask_kdc(&mut self, request: &KdcRequest) {
        match ask_kdc(self.kerberos.as_ref(), &self.kdcs, &self.names, request).await {
            Ok(answer) => self.http.kdc_reply(&answer),
            Err(error) => {
                self.http.kdc_unreachable(&error.to_string());
                self.kdc_failure = Some(error);
            }
        }
    }

    /// Does one thing: handles an event, or sends what is due and reads what comes.
    async fn step(&mut self) -> Result<Option<Outcome>, Error> {
        if let Some(event) = self.http.poll_event() {
            return self.handle(event).await;
        }
        while let Some(bytes) = self.http.poll_transmit() {
            // A message that was answered before it had ended ends before the next begins.
            self.unsent.extend(self.tail.take());
            self.unsent.push_back(bytes);
        }
        self.hold_back();
        self.count();
        match self.exchange().await {
            Ok(Heard::Opened) => Ok(None),
            Ok(Heard::Bytes(0)) => self.hang_up("the peer closed the connection"),
            Ok(Heard::Bytes(read)) => {
                self.counters.received(read);
                self.http.receive(&self.buffer);
                Ok(None)
            }
            Err(error) => self.hang_up(&error.to_string()),
        }
    }

    async fn handle(&mut self, event: ClientEvent) -> Result<Option<Outcome>, Error> {
        match event {
            ClientEvent::Response(response) => return Ok(Some(Outcome::Response(response))),
            ClientEvent::Prepared => return Ok(Some(Outcome::Prepared)),
            ClientEvent::AskKdc(request) => self.ask_kdc(&request).await,
            ClientEvent::Failed(HttpError::NotHttp(_)) if !self.answered && self.speaks_tls() => {
                return Err(Error::PeerSpeaksTls { peer: self.peer.clone() });
            }
            ClientEvent::Failed(HttpError::NotHttp(_)) if !self.answered => {
                return Err(Error::OtherProtocol { peer: self.peer.clone(), wanted: "HTTP" });
            }
            ClientEvent::Failed(source) => return Err(self.failed(source)),
            ClientEvent::Reconnect { safe_to_repeat } => {
                return Err(self.lost("the peer dropped the security context", !safe_to_repeat));
            }
            // Nothing to do for what this crate does not know.
            _ => {}
        }
        Ok(None)
    }

    /// The stream has ended. The HTTP layer may have a whole answer all the same, and knows whether the
    /// request can have been carried out.
    fn hang_up(&mut self, reason: &str) -> Result<Option<Outcome>, Error> {
        let reason = if self.http.is_amid_answer() {
            format!("the answer is truncated: {reason}")
        } else if self.answered || self.http.http_requests() > 1 {
            reason.to_owned()
        } else {
            format!("{reason}; is this the right port?")
        };
        self.http.receive_eof();
        match self.http.poll_event() {
            Some(ClientEvent::Response(response)) => Ok(Some(Outcome::Response(response))),
            Some(ClientEvent::Failed(source)) => Err(self.http_error(source)),
            Some(ClientEvent::Reconnect { safe_to_repeat }) => Err(self.lost(&reason, !safe_to_repeat)),
            _ => Err(self.lost(&reason, true)),
        }
    }

    /// Takes the last byte of the message from what is due, as long as its gate is closed.
    fn hold_back(&mut self) {
        if self.tail.is_some() || !self.is_gated() || !self.http.carries_message() {
            return;
        }
        if let Some(last) = self.unsent.back_mut()
            && let Some(before) = last.len().checked_sub(1)
        {
            self.tail = Some(last.split_off(before));
        }
    }

    /// Whether the message must not reach the peer whole yet.
    fn is_gated(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| !gate.is_open())
    }

    /// Writes what is due while reading, so that a peer that answers early is heard, and returns once
    /// something was read, or the gate of what is held back has opened. What was not written by then goes out
    /// before anything else: the peer expects the rest of a body that was begun.
    async fn exchange(&mut self) -> io::Result<Heard> {
        self.make_room();
        while let Some(piece) = self.unsent.front_mut() {
            if piece.is_empty() {
                self.unsent.pop_front();
                continue;
            }
            tokio::select! {
                biased;
                written = self.writer.write_buf(piece) => match written {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => self.counters.sent(written),
                    // What the peer said before it hung up matters more than that it did.
                    Err(error) => return match self.reader.read_buf(&mut self.buffer).await {
                        Ok(read) if read > 0 => Ok(Heard::Bytes(read)),
                        _ => Err(error),
                    },
                },
                read = self.reader.read_buf(&mut self.buffer) => return read.map(Heard::Bytes),
            }
        }
        self.writer.flush().await?;
        let Self { gate, tail, unsent, reader, buffer, .. } = self;
        let opened = async {
            match gate {
                Some(gate) if tail.is_some() => gate.opened().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = opened => {}
            read = reader.read_buf(buffer) => return read.map(Heard::Bytes),
        }
        unsent.extend(tail.take());
        Ok(Heard::Opened)
    }

    /// Makes the buffer ready for the next piece: larger, where the last one filled it.
    fn make_room(&mut self) {
        let (first, most) = READ_SIZES;
        let capacity = self.buffer.capacity();
        let wanted = if self.buffer.len() < capacity { capacity } else { (capacity * 4).clamp(first, most) };
        self.buffer.clear();
        self.buffer.reserve(wanted);
    }

    /// Whether what was read last begins like a TLS alert or handshake ([RFC 8446] 5.1).
    fn speaks_tls(&self) -> bool {
        matches!(self.buffer.as_slice(), [0x15 | 0x16, 0x03, ..])
    }

    fn count(&mut self) {
        let total = self.http.http_requests();
        self.counters.requests(total.saturating_sub(self.counted));
        self.counted = total;
    }

    fn lost(&self, reason: &str, executed: bool) -> Error {
        // Nobody carries out a request whose end has not been sent.
        let executed = executed && self.tail.is_none();
        Error::Lost { peer: self.peer.clone(), reason: reason.to_owned(), executed }
    }

    /// What went wrong with the KDC is better known here than above.
    fn failed(&mut self, source: HttpError) -> Error {
        let unreachable = matches!(source, HttpError::Auth { source: AuthError::KdcUnreachable(_), .. });
        match self.kdc_failure.take() {
            Some(failure) if unreachable => failure,
            _ => self.http_error(source),
        }
    }

    fn http_error(&self, source: HttpError) -> Error {
        let peer = self.peer.clone();
        let refused = |reason| Error::Proxy { proxy: format!("on the way to {peer}"), reason };
        match source {
            HttpError::ProxyAuthentication => return refused(ProxyRefusal::Credential),
            HttpError::ProxyRefused { reason } => return refused(ProxyRefusal::Failed(reason)),
            _ => {}
        }
        if source.is_refusal() {
            return Error::Refused { peer, source };
        }
        Error::Http { peer, source }
    }
}

/// The time as a FILETIME: 100 ns since 1601.
pub(crate) fn filetime_now() -> u64 {
    file_time(SystemTime::now())
}

/// A time as a FILETIME.
pub(crate) fn file_time(time: SystemTime) -> u64 {
    let unix = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ticks = (unix.as_secs() + FILETIME_TO_UNIX) * 10_000_000;
    ticks + u64::from(unix.subsec_nanos() / 100)
}
