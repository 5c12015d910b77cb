//! The server's side of one connection.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use windlass_auth::digest::{DigestProof, DigestVerdict};
use windlass_auth::{
    AuthError, CredSspAcceptor, CredSspAcceptorOptions, NtlmAcceptor, NtlmAcceptorOptions, Principal,
    SealingProtocol, SecurityContext, Step, basic,
};

use crate::ahead::Ahead;
use crate::body::{BodyReader, reserve};
use crate::client::enqueue;
use crate::head::split_head;
use crate::kerberos::accept;
use crate::{CERTIFICATE_PROFILE, Headers, HttpError, Limits, RequestHead, ServerConfig, multipart};

/// What happened on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A request to be answered with [`ServerConnection::respond`].
    Request(Request),
    /// A logon failed. Its 401 is queued: the driver may wait before it drains
    /// [`ServerConnection::poll_transmit`], so that passwords cannot be tried fast.
    LogonFailed {
        /// How many failed on this connection so far.
        failures: u32,
        /// Why, for the log of this side; the client is told no more than 401.
        reason: HttpError,
    },
    /// The client broke the protocol; its answer is queued and the connection closes.
    Failed(HttpError),
}

/// A request of a client that may make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method; always `POST`.
    pub method: String,
    /// The path without the query: the only part to route by.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// The header fields.
    pub headers: Headers,
    /// The content type of the plaintext.
    pub content_type: String,
    /// The body in plaintext.
    pub body: Bytes,
    /// Who asks; `None` for an anonymous Identify.
    pub identity: Option<Principal>,
    /// Whether it was sealed; then the answer is, too.
    pub sealed: bool,
}

/// The server's side of one connection.
///
/// Feed [`receive`](Self::receive), look for events, answer each [`ServerEvent::Request`], drain
/// [`poll_transmit`](Self::poll_transmit), and close the socket once [`wants_close`](Self::wants_close)
/// and everything is drained.
pub struct ServerConnection {
    config: ServerConfig,
    logon: Logon,
    transmit: VecDeque<Bytes>,
    events: VecDeque<ServerEvent>,
    input: BytesMut,
    scanned: usize,
    reading: Option<(RequestHead, BodyReader, Ahead)>,
    /// What the answer under way must look like.
    pending: Option<Pending>,
    failures: u32,
    /// A logon failed, and what came after it waits until the driver has seen that: requests that a client
    /// sends all at once are not tried all at once.
    held: bool,
    /// The header line that tells a client why it was refused, where its mechanism has one.
    farewell: Option<String>,
    http_requests: u64,
    closing: bool,
}

/// Who the connection belongs to.
enum Logon {
    Nobody,
    Handshake(Box<dyn SecurityContext>),
    Established { context: Box<dyn SecurityContext>, principal: Principal },
}

struct Pending {
    /// The label of the sealed answer; `None` for a readable one.
    seal: Option<SealingProtocol>,
    /// The last token of a handshake, as a header line.
    authenticate: String,
    /// What the answer has to prove to a client that used Digest.
    proof: Option<DigestProof>,
    keep_alive: bool,
}

/// What an Authorization header led to.
enum Verdict {
    /// The client may go on; a header line goes into the answer.
    Granted { identity: Principal, authenticate: String, proof: Option<DigestProof> },
    /// Another leg of the handshake.
    Challenge(String),
    /// No.
    Denied,
}

impl ServerConnection {
    /// A connection over which nothing has been said yet.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config,
            logon: Logon::Nobody,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            input: BytesMut::new(),
            scanned: 0,
            reading: None,
            pending: None,
            failures: 0,
            held: false,
            farewell: None,
            http_requests: 0,
            closing: false,
        }
    }

    /// Takes bytes from the socket.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.closing {
            return;
        }
        self.input.extend_from_slice(bytes);
        self.run();
    }

    /// The time as a FILETIME (100 ns since 1601), for logons to come.
    pub fn set_now(&mut self, now: u64) {
        self.config.now = now;
    }

    /// The socket has no more to give. Nothing more will happen.
    pub fn receive_eof(&mut self) {
        self.closing = true;
    }

    /// What happened, if anything did.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        if self.held && self.events.is_empty() {
            self.held = false;
            self.run();
        }
        self.events.pop_front()
    }

    /// Bytes to write to the socket, if there are any.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.pop_front()
    }

    /// Whether the socket should be read: not while a request waits for its answer and more is already
    /// here than one more head.
    pub fn wants_read(&self) -> bool {
        !self.closing && (self.pending.is_none() || self.input.len() < self.config.limits.head)
    }

    /// Whether the connection ends as soon as everything is transmitted.
    pub fn wants_close(&self) -> bool {
        self.closing
    }

    /// How many HTTP requests came in, those of logons included.
    pub fn http_requests(&self) -> u64 {
        self.http_requests
    }

    /// Answers the request. Sealed if the request was.
    ///
    /// # Errors
    /// No request waits for an answer, or sealing failed; then the connection closes.
    pub fn respond(&mut self, status: u16, content_type: &str, body: Bytes) -> Result<(), HttpError> {
        let pending = self.pending.take().ok_or(HttpError::OutOfOrder("no request waits for an answer"))?;
        self.closing |= !pending.keep_alive;
        match pending.seal {
            None => {
                let mut fields = pending.authenticate;
                if let Some(proof) = &pending.proof {
                    fields.push_str(&format!("Authentication-Info: {}\r\n", proof.info(&body)));
                }
                self.answer(status, &fields, content_type, vec![body]);
            }
            Some(protocol) => {
                let Logon::Established { context, .. } = &mut self.logon else {
                    self.closing = true;
                    return Err(HttpError::CannotSeal);
                };
                let sealed = multipart::seal(&mut **context, protocol, content_type, &body);
                let sealed = sealed.inspect_err(|_| self.closing = true)?;
                self.answer(status, &pending.authenticate, &sealed.content_type, sealed.pieces);
            }
        }
        if !self.closing {
            self.run();
        }
        Ok(())
    }

    /// Leaves the request without an answer but that the client is to log on once more, as if it had not
    /// done so before: to test clients.
    pub fn demand_logon(&mut self) {
        if self.pending.take().is_some() {
            self.logon = Logon::Nobody;
            self.unauthorized();
            self.run();
        }
    }

    fn run(&mut self) {
        while !self.closing && self.pending.is_none() && !self.held {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.fail(error),
            }
        }
    }

    /// Reads one request, if it is there.
    fn advance(&mut self) -> Result<bool, HttpError> {
        let (head, mut reader, ahead) = match self.reading.take() {
            Some(reading) => reading,
            None => {
                refuse_other_protocols(&self.input)?;
                let limit = self.config.limits.head;
                let Some(bytes) = split_head(&mut self.input, &mut self.scanned, limit)? else {
                    return Ok(false);
                };
                let head = RequestHead::decode(&bytes)?;
                let reader = BodyReader::new(head.framing()?, self.body_limit())?;
                if head.headers.lists("Expect", "100-continue") {
                    self.transmit.push_back(Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n"));
                }
                reserve(&mut self.input, &reader);
                (head, reader, Ahead::default())
            }
        };
        match reader.advance(&mut self.input)? {
            Some(body) => {
                self.http_requests += 1;
                self.handle(head, body)?;
                Ok(true)
            }
            None => {
                self.reading = Some((head, reader, ahead));
                self.unseal_ahead()?;
                Ok(false)
            }
        }
    }

    /// Unseals what has come of a body that will be unsealed when it is whole.
    fn unseal_ahead(&mut self) -> Result<(), HttpError> {
        let (Logon::Established { context, .. }, Some((head, reader, ahead))) =
            (&mut self.logon, &mut self.reading)
        else {
            return Ok(());
        };
        let is_new_logon = head.method != "POST" || head.headers.get("Authorization").is_some();
        let is_sealed = head.headers.get("Content-Type").is_some_and(multipart::is_sealed);
        match reader.announced() {
            Some(length) if is_sealed && !is_new_logon => {
                let come = self.input.len().min(length);
                ahead.follow(&mut **context, self.input.get_mut(..come).unwrap_or_default())
            }
            _ => Ok(()),
        }
    }

    fn body_limit(&self) -> usize {
        let Limits { body, body_before_logon, .. } = self.config.limits;
        match self.logon {
            Logon::Established { .. } => body,
            Logon::Nobody | Logon::Handshake(_) => body.min(body_before_logon),
        }
    }

    fn handle(&mut self, head: RequestHead, body: BytesMut) -> Result<(), HttpError> {
        self.closing |= !head.keeps_alive();
        if head.method != "POST" {
            self.answer(405, "Allow: POST\r\n", "", Vec::new());
            return Ok(());
        }
        match head.headers.get("Authorization") {
            Some(authorization) => match self.authorize(authorization, &head, &body) {
                Ok(Verdict::Granted { identity, authenticate, proof }) => {
                    let handshake = matches!(self.logon, Logon::Established { .. });
                    if handshake && body.is_empty() {
                        // The last token came alone: the message follows in a request of its own.
                        self.answer(200, &authenticate, "", Vec::new());
                        return Ok(());
                    }
                    self.admit(head, body, Some(identity), authenticate, proof)
                }
                Ok(Verdict::Challenge(line)) => {
                    self.answer(401, &line, "", Vec::new());
                    Ok(())
                }
                Ok(Verdict::Denied) => {
                    self.deny(HttpError::AccessDenied { scheme: "unsupported scheme" });
                    Ok(())
                }
                Err(error) => {
                    self.deny(error);
                    Ok(())
                }
            },
            None => match &self.logon {
                Logon::Established { principal, .. } => {
                    let identity = principal.clone();
                    self.admit(head, body, Some(identity), String::new(), None)
                }
                _ if self.config.anonymous_identify && is_anonymous_identify(&head) => {
                    self.admit(head, body, None, String::new(), None)
                }
                _ => {
                    self.unauthorized();
                    Ok(())
                }
            },
        }
    }

    fn authorize(
        &mut self,
        authorization: &str,
        head: &RequestHead,
        body: &[u8],
    ) -> Result<Verdict, HttpError> {
        let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let rest = rest.trim();
        let config = &self.config;
        if scheme.eq_ignore_ascii_case("Basic") {
            if !config.basic || !config.readable_allowed() {
                return Ok(Verdict::Denied);
            }
            return self.basic(rest);
        }
        if scheme.eq_ignore_ascii_case("Digest") {
            return self.digest(rest, head, body);
        }
        if authorization.trim() == CERTIFICATE_PROFILE {
            return Ok(match config.certificate.clone() {
                Some(identity) => Verdict::Granted { identity, authenticate: String::new(), proof: None },
                None => Verdict::Denied,
            });
        }
        let negotiate = config.negotiate || config.kerberos.is_some();
        let scheme = if negotiate && scheme.eq_ignore_ascii_case("Negotiate") {
            "Negotiate"
        } else if config.kerberos.is_some() && scheme.eq_ignore_ascii_case("Kerberos") {
            "Kerberos"
        } else if config.ntlm && scheme.eq_ignore_ascii_case("NTLM") {
            "NTLM"
        } else if config.credssp.is_some() && scheme.eq_ignore_ascii_case("CredSSP") {
            "CredSSP"
        } else {
            return Ok(Verdict::Denied);
        };
        self.step(scheme, rest)
    }

    fn basic(&mut self, value: &str) -> Result<Verdict, HttpError> {
        let denied = |source| HttpError::Auth { mechanism: "Basic", source };
        let (user, password) = basic::decode(value).map_err(denied)?;
        if !self.config.accounts.check_password(&user, &password) {
            return Err(denied(AuthError::LogonDenied));
        }
        let (domain, user) = match user.split_once('\\') {
            Some((domain, user)) => {
                (Some(domain.to_owned()).filter(|domain| !domain.is_empty()), user.to_owned())
            }
            None => (None, user),
        };
        self.logon = Logon::Nobody;
        let identity = Principal { domain, user, mechanism: "Basic" };
        Ok(Verdict::Granted { identity, authenticate: String::new(), proof: None })
    }

    fn digest(&mut self, value: &str, head: &RequestHead, body: &[u8]) -> Result<Verdict, HttpError> {
        let Some(acceptor) = self.config.digest() else { return Ok(Verdict::Denied) };
        let request = (head.method.as_str(), head.target.as_str(), body);
        let verdict = acceptor
            .check(&*self.config.accounts, value, request, self.config.now)
            .map_err(|source| HttpError::Auth { mechanism: "Digest", source })?;
        self.logon = Logon::Nobody;
        Ok(match verdict {
            DigestVerdict::Granted { principal, proof } => {
                Verdict::Granted { identity: principal, authenticate: String::new(), proof: Some(proof) }
            }
            DigestVerdict::Stale => Verdict::Challenge(self.config.challenges(true)),
        })
    }

    fn step(&mut self, scheme: &'static str, token: &str) -> Result<Verdict, HttpError> {
        let denied = |source| HttpError::Auth { mechanism: scheme, source };
        let token = base64_simd::STANDARD.decode_to_vec(token).map_err(|_| HttpError::Malformed {
            what: "authorization",
            reason: "expected a token in base64".to_owned(),
        })?;
        // A token after the end of a handshake begins another one.
        let mut context = match std::mem::replace(&mut self.logon, Logon::Nobody) {
            Logon::Handshake(context) => context,
            Logon::Nobody | Logon::Established { .. } => self.acceptor(scheme).map_err(denied)?,
        };
        let line = |token: &[u8]| {
            format!("WWW-Authenticate: {scheme} {}\r\n", base64_simd::STANDARD.encode_to_string(token))
        };
        let step = match context.step(Some(&token)) {
            Ok(step) => step,
            Err(source) => {
                self.farewell = context.farewell().map(|token| line(&token));
                return Err(denied(source));
            }
        };
        match step {
            Step::Continue(token) => {
                self.logon = Logon::Handshake(context);
                Ok(Verdict::Challenge(line(&token)))
            }
            Step::Complete(token) => {
                let principal = context
                    .peer()
                    .cloned()
                    .ok_or_else(|| denied(AuthError::State { mechanism: scheme, reason: "named nobody" }))?;
                let authenticate = token.map(|token| line(&token)).unwrap_or_default();
                self.logon = Logon::Established { context, principal: principal.clone() };
                Ok(Verdict::Granted { identity: principal, authenticate, proof: None })
            }
            Step::AskKdc(_) => Err(denied(AuthError::State { mechanism: scheme, reason: "asked a KDC" })),
        }
    }

    fn acceptor(&self, scheme: &str) -> Result<Box<dyn SecurityContext>, AuthError> {
        let options = self.config.acceptor_options();
        let kerberos = self.config.kerberos.as_ref();
        if let ("Kerberos", Some(kerberos)) = (scheme, kerberos) {
            return Ok(Box::new(kerberos.acceptor(&options)));
        }
        Ok(match (scheme, &self.config.credssp) {
            ("NTLM", _) => Box::new(NtlmAcceptor::new(options)),
            ("CredSSP", Some(tls)) => {
                // CredSSP binds itself to its own TLS: what is inside is bound to none.
                let inner = NtlmAcceptorOptions { channel_binding: None, ..options };
                let inner = accept(kerberos, &inner, true);
                Box::new(CredSspAcceptor::new(CredSspAcceptorOptions {
                    min_version: self.config.credssp_min_version,
                    ..CredSspAcceptorOptions::new(tls.open()?, inner)
                }))
            }
            _ => accept(kerberos, &options, self.config.negotiate),
        })
    }

    /// Hands the request of an authenticated client on, unsealed.
    fn admit(
        &mut self,
        head: RequestHead,
        body: BytesMut,
        identity: Option<Principal>,
        authenticate: String,
        proof: Option<DigestProof>,
    ) -> Result<(), HttpError> {
        let keep_alive = head.keeps_alive();
        // Only the answer closes the connection, and it is not there yet.
        self.closing = false;
        let content_type = head.headers.get("Content-Type").unwrap_or_default().to_owned();
        let (content_type, body, seal) = if multipart::is_sealed(&content_type) {
            let Logon::Established { context, .. } = &mut self.logon else {
                return Err(HttpError::OutOfOrder("a sealed message without a security context"));
            };
            let protocol = multipart::protocol_of(&content_type).unwrap_or(context.sealing_protocol());
            let (content_type, body) = multipart::unseal(&mut **context, body)?;
            (content_type, body, Some(protocol))
        } else if self.config.readable_allowed() || identity.is_none() {
            (content_type, body.freeze(), None)
        } else {
            // The logon itself was right: its last token goes out with the refusal.
            let error = HttpError::Unencrypted("a message");
            self.closing = true;
            let text = Bytes::from(format!("{error}\n"));
            self.answer(403, &authenticate, "text/plain", vec![text]);
            self.events.push_back(ServerEvent::Failed(error));
            return Ok(());
        };
        self.pending = Some(Pending { seal, authenticate, proof, keep_alive });
        self.events.push_back(ServerEvent::Request(Request {
            path: head.path().to_owned(),
            query: head.query().map(str::to_owned),
            method: head.method,
            headers: head.headers,
            content_type,
            body,
            identity,
            sealed: seal.is_some(),
        }));
        Ok(())
    }

    fn deny(&mut self, reason: HttpError) {
        self.logon = Logon::Nobody;
        self.failures = self.failures.saturating_add(1);
        self.held = true;
        match self.farewell.take() {
            Some(farewell) => self.answer(401, &farewell, "", Vec::new()),
            None => self.unauthorized(),
        }
        self.events.push_back(ServerEvent::LogonFailed { failures: self.failures, reason });
    }

    fn unauthorized(&mut self) {
        let challenges = self.config.challenges(false);
        self.answer(401, &challenges, "", Vec::new());
    }

    fn fail(&mut self, error: HttpError) {
        let status = match &error {
            HttpError::TooLarge { what: "http head", .. } => 431,
            HttpError::TooLarge { .. } => 413,
            _ => 400,
        };
        self.closing = true;
        self.logon = Logon::Nobody;
        let text = Bytes::from(format!("{error}\n"));
        self.answer(status, "", "text/plain", vec![text]);
        self.events.push_back(ServerEvent::Failed(error));
    }

    fn answer(&mut self, status: u16, fields: &str, content_type: &str, pieces: Vec<Bytes>) {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let mut head = format!("HTTP/1.1 {status} {}\r\nServer: windlass\r\n", reason_phrase(status));
        if !content_type.is_empty() {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        head.push_str(fields);
        if self.closing {
            head.push_str("Connection: close\r\n");
        }
        head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
        enqueue(&mut self.transmit, head.into_bytes(), pieces);
    }
}

fn is_anonymous_identify(head: &RequestHead) -> bool {
    head.headers
        .get("WSMANIDENTIFY")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("unauthenticated"))
}

fn refuse_other_protocols(input: &[u8]) -> Result<(), HttpError> {
    match input.first() {
        Some(0x16) => Err(HttpError::NotHttp("it starts a TLS handshake")),
        Some(byte) if !byte.is_ascii_alphabetic() && !matches!(byte, b'\r' | b'\n') => {
            Err(HttpError::NotHttp("it does not start with a method"))
        }
        _ => Ok(()),
    }
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
