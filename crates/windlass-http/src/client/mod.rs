//! The client's side of one connection.

mod answer;
mod digest;
mod forward;

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use windlass_auth::{KdcRequest, Step};

use self::forward::{Forwarder, Written};
use crate::ahead::Ahead;
use crate::auth_loop::Login;
use crate::body::BodyReader;
use crate::{AuthMethod, ClientConfig, HttpError, ResponseHead, Scheme, multipart};

pub use self::forward::ForwardProxy;

/// Pieces shorter than this altogether are sent as one.
const COALESCE: usize = 16 * 1024;

/// The method of every request.
const METHOD: &str = "POST";

/// What happened on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The answer to the request, unsealed.
    Response(Response),
    /// The logon is as far as it can be without a message: see [`ClientConnection::prepare`].
    Prepared,
    /// The logon needs a KDC: bring its answer to [`ClientConnection::kdc_reply`].
    AskKdc(KdcRequest),
    /// The server dropped the connection or its security context. Open another connection; repeat the
    /// request on it only if that is safe.
    Reconnect {
        /// Whether the request was not executed: certainly, or as far as a message that was queued by
        /// [`ClientConnection::request`] needs to know.
        safe_to_repeat: bool,
    },
    /// The request failed, and the connection is closed.
    Failed(HttpError),
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status: 200, or 500 with a SOAP fault.
    pub status: u16,
    /// The content type of the body.
    pub content_type: String,
    /// The body in plaintext.
    pub body: Bytes,
    /// Whether it was sealed.
    pub sealed: bool,
}

/// The client's side of one connection.
///
/// [`request`](Self::request) queues one message; drain [`poll_transmit`](Self::poll_transmit) to the
/// socket, feed [`receive`](Self::receive) with what the socket gives, and look for events with
/// [`poll_event`](Self::poll_event) after each.
pub struct ClientConnection {
    config: ClientConfig,
    login: Login,
    transmit: VecDeque<Bytes>,
    events: VecDeque<ClientEvent>,
    input: BytesMut,
    scanned: usize,
    reading: Option<(ResponseHead, BodyReader, Ahead)>,
    exchange: Option<Exchange>,
    /// The last token of the logon, which goes out with the next message.
    held: Option<Held>,
    closed: bool,
    http_requests: u64,
    /// The proxy that hands every request on, where there is one.
    forwarder: Option<Forwarder>,
}

/// A token that waits for a message.
struct Held {
    authorization: String,
    /// The server has answered nothing yet.
    is_first: bool,
}

/// One message and how far it is.
#[derive(Default)]
struct Exchange {
    body: Bytes,
    content_type: String,
    /// There is no message yet, only a logon to get ready for one.
    prepares: bool,
    /// The server must not get the message twice.
    once: bool,
    /// The HTTP request under way carries the message.
    carried: bool,
    /// Bytes of it were handed out.
    sent: bool,
    /// The HTTP request under way carries a token.
    leg: bool,
    /// The logon was started over for this message: at most once each way.
    restarted: bool,
}

impl ClientConnection {
    /// A connection over which nothing has been said yet.
    ///
    /// # Errors
    /// The configuration is contradictory, or would send readable what must not be.
    pub fn new(config: ClientConfig) -> Result<Self, HttpError> {
        config.check()?;
        Ok(Self {
            login: Login::new(&config)?,
            config,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            input: BytesMut::new(),
            scanned: 0,
            reading: None,
            exchange: None,
            held: None,
            closed: false,
            http_requests: 0,
            forwarder: None,
        })
    }

    /// Sends every request to a proxy that hands it on. Before anything was said.
    pub fn forward_through(&mut self, proxy: Box<dyn ForwardProxy>) {
        self.forwarder = Some(Forwarder::new(proxy));
    }

    /// Queues one message. The next may follow when this one is answered.
    ///
    /// # Errors
    /// The connection is closed or busy, nothing was sent; or the logon cannot start.
    pub fn request(&mut self, body: Bytes, content_type: &str) -> Result<(), HttpError> {
        self.message(body, content_type, false)
    }

    /// Queues a message that the server must not get twice. Where messages are sealed, an answer that says
    /// without a seal that the message was not read proves nothing: whoever sits in between can write it in
    /// place of the real one. It ends in [`ClientEvent::Reconnect`], and only a message queued by
    /// [`request`](Self::request) goes out again. Over TLS such answers come from the server and are believed.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    pub fn request_once(&mut self, body: Bytes, content_type: &str) -> Result<(), HttpError> {
        self.message(body, content_type, true)
    }

    fn message(&mut self, body: Bytes, content_type: &str, once: bool) -> Result<(), HttpError> {
        if content_type.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(HttpError::Config { field: "content_type", reason: "expected printable text" });
        }
        self.begin(Exchange {
            body,
            content_type: content_type.to_owned(),
            once: once && self.seals(),
            ..Exchange::default()
        })
    }

    /// Goes through the logon as far as that is possible without a message, so that the next one takes a
    /// single exchange. [`ClientEvent::Prepared`] says when.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    pub fn prepare(&mut self) -> Result<(), HttpError> {
        self.begin(Exchange { prepares: true, ..Exchange::default() })
    }

    fn begin(&mut self, exchange: Exchange) -> Result<(), HttpError> {
        if self.closed {
            return Err(HttpError::Closed);
        }
        if self.exchange.is_some() {
            return Err(HttpError::Busy);
        }
        self.exchange = Some(exchange);
        let result = self.start();
        if result.is_err() {
            self.exchange = None;
            self.closed = true;
        }
        result
    }

    /// Bytes to write to the socket, if there are any.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        let bytes = self.transmit.pop_front()?;
        if let Some(exchange) = &mut self.exchange {
            exchange.sent |= exchange.carried;
        }
        Some(bytes)
    }

    /// What happened, if anything did.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Takes bytes from the socket.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.closed {
            return;
        }
        self.input.extend_from_slice(bytes);
        if let Err(error) = self.advance() {
            self.fail(error);
        }
    }

    /// Part of an answer has arrived, and the rest is awaited.
    pub fn is_amid_answer(&self) -> bool {
        self.exchange.is_some() && (self.reading.is_some() || !self.input.is_empty())
    }

    /// The socket has no more to give.
    pub fn receive_eof(&mut self) {
        if self.closed {
            return;
        }
        let finished = match self.reading.take() {
            Some((head, reader, _)) => match reader.finish(&mut self.input) {
                Ok(body) => Some(self.handle(&head, body)),
                Err(error) => Some(Err(error)),
            },
            None => None,
        };
        match finished {
            Some(Ok(())) if self.exchange.is_none() => {}
            Some(Err(error)) if error != HttpError::Truncated => self.fail(error),
            _ => {
                if let Some(exchange) = self.exchange.take() {
                    self.events.push_back(ClientEvent::Reconnect { safe_to_repeat: !exchange.sent });
                }
            }
        }
        self.closed = true;
    }

    /// Takes the KDC's answer to the last [`ClientEvent::AskKdc`].
    pub fn kdc_reply(&mut self, reply: &[u8]) {
        self.kdc_answer(Ok(reply));
    }

    /// Says that no KDC answers to the last [`ClientEvent::AskKdc`]. Negotiate may go on without.
    pub fn kdc_unreachable(&mut self, reason: &str) {
        self.kdc_answer(Err(reason));
    }

    fn kdc_answer(&mut self, answer: Result<&[u8], &str>) {
        let result = match (&mut self.forwarder, &mut self.login) {
            (Some(forwarder), _) if forwarder.waits_for_kdc() => {
                forwarder.kdc_answer(answer).map(|next| self.follow_proxy(next))
            }
            (_, Login::Handshake(handshake)) => match answer {
                Ok(reply) => handshake.kdc_reply(reply),
                Err(reason) => handshake.kdc_unreachable(reason),
            }
            .and_then(|step| self.follow(step)),
            _ => return,
        };
        if let Err(error) = result {
            self.fail(error);
        }
    }

    /// What to send to a KDC, if that is what comes next.
    pub fn poll_kdc(&mut self) -> Option<KdcRequest> {
        match self.events.pop_front() {
            Some(ClientEvent::AskKdc(request)) => Some(request),
            Some(other) => {
                self.events.push_front(other);
                None
            }
            None => None,
        }
    }

    /// The time as a FILETIME (100 ns since 1601), for logons to come.
    pub fn set_now(&mut self, now: u64) {
        if let Login::Handshake(handshake) = &mut self.login {
            handshake.set_now(now);
        }
    }

    /// Whether another message can be sent.
    pub fn is_open(&self) -> bool {
        !self.closed
    }

    /// Whether a request is under way.
    pub fn is_busy(&self) -> bool {
        self.exchange.is_some()
    }

    /// Whether the logon is over, so that messages need no further legs.
    pub fn is_authenticated(&self) -> bool {
        match &self.login {
            Login::Header { .. } => true,
            Login::Digest(digest) => digest.is_challenged(),
            Login::Handshake(handshake) => handshake.is_complete(),
        }
    }

    /// Whether bytes of the message under way were handed out by [`poll_transmit`](Self::poll_transmit):
    /// once they were, the server may have executed it.
    pub fn request_sent(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.sent)
    }

    /// Whether the HTTP request under way carries the message, as opposed to a leg of the logon alone.
    pub fn carries_message(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.carried)
    }

    /// How many HTTP requests were sent, those of the logon included.
    pub fn http_requests(&self) -> u64 {
        self.http_requests
    }

    /// Whether this server turned out to take no message along with the last token of a handshake.
    pub fn authenticates_empty(&self) -> bool {
        self.config.authenticate_empty
    }

    /// Whether messages must be sealed.
    fn seals(&self) -> bool {
        self.config.scheme == Scheme::Http && !self.config.allow_unencrypted
    }

    fn start(&mut self) -> Result<(), HttpError> {
        if let Some(Held { authorization, is_first }) = self.held.take() {
            if is_first && self.exchange.as_ref().is_some_and(|exchange| exchange.once) {
                self.send_leg(Some(&authorization));
                return Ok(());
            }
            return self.send_message(Some(&authorization));
        }
        match &mut self.login {
            Login::Header { .. } => self.send_message(None),
            Login::Digest(digest) if digest.is_challenged() => self.send_message(None),
            // The server's challenge comes first: there is no sense in sending the message twice.
            Login::Digest(_) => {
                self.send_leg(None);
                Ok(())
            }
            Login::Handshake(handshake) if handshake.is_complete() => self.send_message(None),
            Login::Handshake(handshake) => {
                let step = handshake.start()?;
                self.follow(step)
            }
        }
    }

    /// Does what the context wants.
    fn follow(&mut self, step: Step) -> Result<(), HttpError> {
        let token = match step {
            Step::Continue(token) | Step::Complete(Some(token)) => token,
            Step::Complete(None) => return self.send_message(None),
            Step::AskKdc(request) => {
                self.events.push_back(ClientEvent::AskKdc(request));
                return Ok(());
            }
        };
        let Login::Handshake(handshake) = &self.login else {
            return Err(HttpError::OutOfOrder("no handshake under way"));
        };
        let authorization = format!("{} {}", handshake.scheme, base64_simd::STANDARD.encode_to_string(token));
        // The answer to the first token may be the wish for another mechanism, which proves nothing.
        let first = self.exchange.as_ref().is_some_and(|exchange| exchange.once && !exchange.leg);
        let alone = self.config.authenticate_empty || first;
        if handshake.is_ready() && !alone {
            self.send_message(Some(&authorization))
        } else {
            self.send_leg(Some(&authorization));
            Ok(())
        }
    }

    /// Sends a token alone, or nothing at all.
    fn send_leg(&mut self, authorization: Option<&str>) {
        if let Some(exchange) = &mut self.exchange {
            exchange.carried = false;
            exchange.leg = true;
        }
        self.send(authorization, None, Vec::new());
    }

    /// Sends the message, sealed where it must be; without one, holds the token that would go with it.
    fn send_message(&mut self, authorization: Option<&str>) -> Result<(), HttpError> {
        let seals = self.seals();
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        if exchange.prepares {
            let is_first = !exchange.leg;
            self.exchange = None;
            self.held =
                authorization.map(|authorization| Held { authorization: authorization.to_owned(), is_first });
            self.events.push_back(ClientEvent::Prepared);
            return Ok(());
        }
        exchange.carried = true;
        exchange.leg = authorization.is_some();
        let (content_type, pieces, header) = match &mut self.login {
            Login::Header { value, .. } => {
                let header = value.as_ref().map(|value| value.expose().to_owned());
                (exchange.content_type.clone(), vec![exchange.body.clone()], header)
            }
            Login::Digest(digest) => {
                let header = digest.authorization(METHOD, &self.config.path, &exchange.body);
                let header = header.map_err(digest::fault)?;
                (exchange.content_type.clone(), vec![exchange.body.clone()], Some(header))
            }
            Login::Handshake(handshake) => {
                let header = authorization.map(str::to_owned);
                if seals {
                    let context = handshake
                        .context
                        .as_deref_mut()
                        .filter(|context| context.can_seal())
                        .ok_or(HttpError::CannotSeal)?;
                    let protocol = context.sealing_protocol();
                    let sealed = multipart::seal(context, protocol, &exchange.content_type, &exchange.body)?;
                    (sealed.content_type, sealed.pieces, header)
                } else {
                    (exchange.content_type.clone(), vec![exchange.body.clone()], header)
                }
            }
        };
        self.send(header.as_deref(), Some(&content_type), pieces);
        Ok(())
    }

    fn send(&mut self, authorization: Option<&str>, content_type: Option<&str>, pieces: Vec<Bytes>) {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let ClientConfig { host, path, user_agent, .. } = &self.config;
        let mut target = path.clone();
        let mut for_proxy = String::new();
        if let Some(forwarder) = &mut self.forwarder {
            let written = Written::new(authorization, content_type, &pieces);
            (target, for_proxy) = forwarder.address(METHOD, path, written);
        }
        let mut head = format!(
            "{METHOD} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\n\
             Connection: Keep-Alive\r\nAccept-Encoding: identity\r\n{for_proxy}"
        );
        for (name, value) in [("Authorization", authorization), ("Content-Type", content_type)] {
            if let Some(value) = value {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if matches!(self.config.auth, AuthMethod::None) {
            // Asks for the answer that Identify has for nobody in particular.
            head.push_str("WSMANIDENTIFY: unauthenticated\r\n");
        }
        head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
        self.http_requests += 1;
        enqueue(&mut self.transmit, head.into_bytes(), pieces);
    }

    /// Does what the logon to the proxy wants.
    fn follow_proxy(&mut self, next: forward::Next) {
        match next {
            forward::Next::Repeat(Written { authorization, content_type, pieces }) => {
                self.send(authorization.as_deref(), content_type.as_deref(), pieces);
            }
            forward::Next::AskKdc(request) => self.events.push_back(ClientEvent::AskKdc(request)),
        }
    }

    fn reconnect(&mut self, safe_to_repeat: bool) {
        self.exchange = None;
        self.closed = true;
        self.events.push_back(ClientEvent::Reconnect { safe_to_repeat });
    }

    fn fail(&mut self, error: HttpError) {
        self.exchange = None;
        self.reading = None;
        self.closed = true;
        self.events.push_back(ClientEvent::Failed(error));
    }
}

/// Queues head and body, as one piece where that is cheap.
pub(crate) fn enqueue(queue: &mut VecDeque<Bytes>, mut head: Vec<u8>, pieces: Vec<Bytes>) {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if length <= COALESCE {
        for piece in &pieces {
            head.extend_from_slice(piece);
        }
        queue.push_back(Bytes::from(head));
    } else {
        queue.push_back(Bytes::from(head));
        queue.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
    }
}
