//! WS-Management requests over a session's connections: encode, send, check the answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tracing::Instrument as _;
use uuid::Uuid;
use windlass_net::{Counts, Gate, Lane, Pool, Repetition};
use windlass_soap::{Fault, Header, Limits};
use windlass_wsman::client::Session;
use windlass_wsman::{Error as WsmanError, Reply, Request, Response, decode_response};

use crate::error::{Error, Layer, Result};
use crate::tap::Tap;

/// The media type of envelopes in UTF-8.
const SOAP_UTF8: &str = "application/soap+xml;charset=UTF-8";
/// The media type of envelopes in UTF-16.
const SOAP_UTF16: &str = "application/soap+xml;charset=UTF-16";
/// How much longer than the service may work at a request the client waits for the answer: time for
/// the answer to travel, and for a logon before it.
const GRACE: Duration = Duration::from_secs(30);

/// How a request is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sending {
    /// Whether it may reach the service twice.
    pub(crate) repetition: Repetition,
    /// Which connections it may take.
    pub(crate) lane: Lane,
    /// What holds its end back, if anything does.
    pub(crate) gate: Option<Gate>,
}

impl Sending {
    /// For requests that change something: never sent twice.
    pub(crate) const ONCE: Self = Self { repetition: Repetition::Never, lane: Lane::Work, gate: None };
    /// For requests with an id by which the service refuses to carry them out twice.
    pub(crate) const UNIQUE: Self = Self { repetition: Repetition::Refused, ..Self::ONCE };
    /// For requests that only read.
    pub(crate) const REPEATABLE: Self = Self { repetition: Repetition::Harmless, ..Self::ONCE };
    /// For requests that free something: sent again where needed, and ahead of all work.
    pub(crate) const CLEAN_UP: Self = Self { lane: Lane::CleanUp, ..Self::REPEATABLE };
}

/// Why the content of a reply cannot be used.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not what WS-Management says.
    Wsman(WsmanError),
    /// What it carries is not CIM.
    Cim(windlass_cim::Error),
}

impl From<WsmanError> for Unreadable {
    fn from(error: WsmanError) -> Self {
        Self::Wsman(error)
    }
}

impl From<windlass_cim::Error> for Unreadable {
    fn from(error: windlass_cim::Error) -> Self {
        Self::Cim(error)
    }
}

/// A client of one service.
pub(crate) struct Client {
    pool: Pool,
    host: String,
    /// The id of the session, which all requests carry.
    id: Option<Uuid>,
    /// What the headers of all requests say.
    session: RwLock<Session>,
    limits: Limits,
    utf16: bool,
    tap: Option<Arc<dyn Tap>>,
}

impl Client {
    pub(crate) fn new(pool: Pool, session: Session, utf16: bool, tap: Option<Arc<dyn Tap>>) -> Self {
        let host = pool.peer();
        let id = session.session_id;
        Self { pool, host, id, session: RwLock::new(session), limits: Limits::default(), utf16, tap }
    }

    /// The host, as errors name it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn counts(&self) -> Counts {
        self.pool.counts()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the headers of all requests say.
    pub(crate) fn session(&self) -> Session {
        self.session.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes sure that a connection waits for a request that must not take long.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn prepare(&self) -> Result<()> {
        Ok(self.pool.prepare().await?)
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn close_idle(&self) {
        self.pool.close_idle();
    }

    /// Sends a request and hands the reply, which is no fault, to `read`.
    ///
    /// # Errors
    /// Those of the connection; an answer that is none to this request; a fault.
    pub(crate) async fn call<T>(
        &self,
        request: &Request<'_>,
        sending: Sending,
        read: impl FnOnce(Reply<'_>) -> Result<T, Unreadable>,
    ) -> Result<T> {
        self.call_with_header(request, sending, |_, reply| read(reply)).await
    }

    /// The same, with the header of the answer.
    ///
    /// # Errors
    /// As for [`Self::call`].
    pub(crate) async fn call_with_header<T>(
        &self,
        request: &Request<'_>,
        sending: Sending,
        read: impl FnOnce(&Header, Reply<'_>) -> Result<T, Unreadable>,
    ) -> Result<T> {
        let span = self.span(request);
        let expectation = request.expectation();
        let exchange = self.exchange(
            request,
            sending,
            |text| Ok((decode_response(text, &expectation, &self.limits)?, ())),
            |header, reply, ()| read(header, reply),
        );
        // In a box: tasks that wait for their next request would have room for it all the time.
        Box::pin(exchange.instrument(span)).await
    }

    /// The same, with `decode` to make the reply, and something more, of the text of the answer.
    ///
    /// # Errors
    /// As for [`Self::call`], and those of `decode`.
    pub(crate) async fn call_decoding<D, T>(
        &self,
        request: &Request<'_>,
        sending: Sending,
        decode: impl for<'t> Fn(&'t str) -> Result<(Response<'t>, D), Unreadable>,
        read: impl FnOnce(Reply<'_>, D) -> Result<T, Unreadable>,
    ) -> Result<T> {
        let span = self.span(request);
        let exchange = self.exchange(request, sending, decode, |_, reply, more| read(reply, more));
        Box::pin(exchange.instrument(span)).await
    }

    fn span(&self, request: &Request<'_>) -> tracing::Span {
        tracing::debug_span!(
            "request",
            host = self.host,
            session = self.id.map(tracing::field::display),
            request = request.header.message_id,
            action = request.header.action,
        )
    }

    async fn exchange<D, T>(
        &self,
        request: &Request<'_>,
        sending: Sending,
        decode: impl for<'t> Fn(&'t str) -> Result<(Response<'t>, D), Unreadable>,
        read: impl FnOnce(&Header, Reply<'_>, D) -> Result<T, Unreadable>,
    ) -> Result<T> {
        let timeout = request.header.operation_timeout.unwrap_or_else(|| self.session().operation_timeout);
        let mut http = windlass_net::Request::new(self.body(request.encode()), self.content_type());
        http.limit = Some(timeout.saturating_add(GRACE));
        http.repetition = sending.repetition;
        http.lane = sending.lane;
        http.gate = sending.gate;
        let mut followed = 0;
        loop {
            let response = self.pool.request(http.clone()).await?;
            tracing::trace!(status = response.status, "answered");
            self.check_status(response.status, &response.body)?;
            let failed = |error: &dyn std::fmt::Display| {
                self.unreadable(response.status, &response.content_type, error)
            };
            let text =
                windlass_xml::decode_utf(&response.body, &self.limits.xml).map_err(|error| failed(&error))?;
            if let Some(tap) = &self.tap {
                tap.exchanged(&request.encode(), response.status, &text);
            }
            let unreadable = |error| match error {
                Unreadable::Wsman(WsmanError::Fault(fault)) => self.fault(*fault),
                Unreadable::Wsman(other) => failed(&other),
                Unreadable::Cim(error) => {
                    Error::protocol(Layer::Cim, &self.host, format!("the answer cannot be read: {error}"))
                }
            };
            let (answer, more) = decode(&text).map_err(unreadable)?;
            let reply = match answer.reply {
                Reply::Fault(fault) => match fault.redirect_location() {
                    // Who sends on has not carried out anything.
                    Some(location) => {
                        self.pool.follow(&location, followed)?;
                        followed += 1;
                        continue;
                    }
                    None => return Err(self.fault(*fault)),
                },
                reply => reply,
            };
            return read(&answer.header, reply, more).map_err(unreadable);
        }
    }

    /// A new id for a message or an operation.
    pub(crate) fn new_id() -> Uuid {
        Uuid::new_v4()
    }

    fn body(&self, envelope: String) -> Bytes {
        if !self.utf16 {
            // Requests that wait for their answers are small, and take no more room than they need.
            let is_loose = envelope.capacity() / 2 > envelope.len();
            return if is_loose { Bytes::copy_from_slice(envelope.as_bytes()) } else { envelope.into() };
        }
        let units = std::iter::once(0xFEFF).chain(envelope.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }

    fn content_type(&self) -> &'static str {
        if self.utf16 { SOAP_UTF16 } else { SOAP_UTF8 }
    }

    /// Envelopes come with 200, faults with 500; some services send faults with 400 or 503, too.
    fn check_status(&self, status: u16, body: &[u8]) -> Result<()> {
        let reason = match status {
            200 | 500 if !body.is_empty() => return Ok(()),
            400 | 503 if body.contains(&b'<') => return Ok(()),
            200 | 500 => format!("the answer (http {status}) is empty"),
            403 => "the host forbids it (http 403)".to_owned(),
            404 => "nothing answers at this path (http 404); is it the path of WinRM?".to_owned(),
            405 => "this path takes no requests of WinRM (http 405)".to_owned(),
            413 => "the request is larger than the host accepts (http 413)".to_owned(),
            503 => "the service is not available now (http 503)".to_owned(),
            other => format!("the host answered http {other}"),
        };
        if status == 403 {
            return Err(Error::refused(&self.host, reason));
        }
        Err(Error::protocol(Layer::Http, &self.host, reason).retryable(status == 503))
    }

    /// Why an answer that cannot be read is none: web servers without WinRM have pages for every request.
    fn unreadable(&self, status: u16, content_type: &str, error: &dyn std::fmt::Display) -> Error {
        if content_type.to_ascii_lowercase().contains("xml") {
            return Error::protocol(Layer::Wsman, &self.host, format!("the answer cannot be read: {error}"));
        }
        let reason = format!(
            "the answer (http {status}) is not one of WinRM: {error}; is this the port and the path of WinRM?"
        );
        Error::protocol(Layer::Http, &self.host, reason)
    }

    fn fault(&self, fault: Fault) -> Error {
        Error::from_fault(Layer::Wsman, &self.host, fault)
    }
}
