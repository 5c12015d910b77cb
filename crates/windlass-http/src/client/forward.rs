//! Requests that a proxy hands on, as opposed to a tunnel through it ([RFC 9112] 3.2.2).

use bytes::Bytes;
use windlass_auth::KdcRequest;

use crate::{Challenge, HttpError, ResponseHead, parse_challenges};

/// The client's side of the logon to a proxy that hands requests on ([RFC 9110] 11.7).
pub trait ForwardProxy: Send {
    /// What goes before the path in requests: `http://server:5985`.
    fn origin(&self) -> &str;

    /// The value of `Proxy-Authorization` in the next request, if it has one.
    fn authorization(&mut self, method: &str, target: &str) -> Option<String>;

    /// Takes the challenges of a 407. Gives what to ask a KDC before the request is repeated, if anything.
    ///
    /// # Errors
    /// [`HttpError::ProxyAuthentication`] where the credential is refused, otherwise
    /// [`HttpError::ProxyRefused`].
    fn challenged(&mut self, challenges: &[Challenge]) -> Result<Option<KdcRequest>, HttpError>;

    /// Takes what the KDC answered, or why it did not. Gives what to ask a KDC next, if anything.
    ///
    /// # Errors
    /// Those of [`challenged`](Self::challenged).
    fn kdc_answer(&mut self, answer: Result<&[u8], &str>) -> Result<Option<KdcRequest>, HttpError>;
}

/// The proxy of a connection.
pub(super) struct Forwarder {
    logon: Box<dyn ForwardProxy>,
    /// The request under way, in case the proxy refuses it.
    last: Written,
    waits_for_kdc: bool,
}

/// What a logon to a proxy wants next.
pub(super) enum Next {
    /// Send the request once more.
    Repeat(Written),
    /// Bring the answer of a KDC to [`Forwarder::kdc_answer`].
    AskKdc(KdcRequest),
}

/// A request as it was written, without what is for the proxy.
#[derive(Clone, Default)]
pub(super) struct Written {
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) pieces: Vec<Bytes>,
}

impl Written {
    pub(super) fn new(authorization: Option<&str>, content_type: Option<&str>, pieces: &[Bytes]) -> Self {
        Self {
            authorization: authorization.map(str::to_owned),
            content_type: content_type.map(str::to_owned),
            pieces: pieces.to_vec(),
        }
    }
}

impl Forwarder {
    pub(super) fn new(logon: Box<dyn ForwardProxy>) -> Self {
        Self { logon, last: Written::default(), waits_for_kdc: false }
    }

    /// The target of a request and the header that is for the proxy, which may be none.
    pub(super) fn address(&mut self, method: &str, path: &str, request: Written) -> (String, String) {
        let target = format!("{}{path}", self.logon.origin());
        let value = self.logon.authorization(method, &target);
        self.last = request;
        let header = value.map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
        (target, header)
    }

    /// The proxy wants a logon and let nothing through yet.
    pub(super) fn challenged(&mut self, head: &ResponseHead) -> Result<Next, HttpError> {
        let wanted = self.logon.challenged(&parse_challenges(&head.headers, "Proxy-Authenticate"))?;
        if !head.keeps_alive() {
            let reason = "it closed the connection in the middle of the logon".to_owned();
            return Err(HttpError::ProxyRefused { reason });
        }
        Ok(self.next(wanted))
    }

    /// Whether the KDC that was asked last was asked for the proxy.
    pub(super) fn waits_for_kdc(&self) -> bool {
        self.waits_for_kdc
    }

    /// Takes what the KDC answered, or why it did not.
    pub(super) fn kdc_answer(&mut self, answer: Result<&[u8], &str>) -> Result<Next, HttpError> {
        let wanted = self.logon.kdc_answer(answer)?;
        Ok(self.next(wanted))
    }

    fn next(&mut self, wanted: Option<KdcRequest>) -> Next {
        self.waits_for_kdc = wanted.is_some();
        wanted.map_or_else(|| Next::Repeat(self.last.clone()), Next::AskKdc)
    }
}
