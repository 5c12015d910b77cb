//! Requests that an HTTP proxy hands on.

use windlass_auth::KdcRequest;
use windlass_http::{Challenge, ForwardProxy, HttpError, KerberosClient};

use super::Proxy;
use super::logon::{Asked, Logon, Next, Refused};
use crate::Endpoint;

/// The conversation with a proxy over one connection, beside that with the server.
pub(super) struct Forwarding {
    origin: String,
    logon: Logon,
    /// What the last challenge is answered with.
    answer: Option<String>,
    path: String,
}

impl Forwarding {
    pub(super) fn new(
        proxy: &Proxy,
        endpoint: &Endpoint,
        kerberos: Option<KerberosClient>,
        now: u64,
    ) -> Self {
        Self {
            origin: format!("http://{}", endpoint.public_authority()),
            logon: Logon::new(proxy, kerberos, now),
            answer: None,
            path: endpoint.path().to_owned(),
        }
    }

    /// Keeps what the next request is to carry, or gives what a KDC has to be asked before.
    fn follow(&mut self, next: Result<Next, Refused>) -> Result<Option<KdcRequest>, HttpError> {
        match next {
            Ok(Next::Send(value)) => {
                self.answer = Some(value);
                Ok(None)
            }
            Ok(Next::AskKdc(request)) => Ok(Some(request)),
            Err(Refused::Credential) => Err(HttpError::ProxyAuthentication),
            Err(Refused::Other(reason)) => Err(HttpError::ProxyRefused { reason }),
        }
    }
}

impl ForwardProxy for Forwarding {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn authorization(&mut self, method: &str, target: &str) -> Option<String> {
        self.answer.take().or_else(|| self.logon.standing(Asked { method, target }))
    }

    fn challenged(&mut self, challenges: &[Challenge]) -> Result<Option<KdcRequest>, HttpError> {
        let target = format!("{}{}", self.origin, self.path);
        let next = self.logon.answer(Asked { method: "POST", target: &target }, challenges);
        self.follow(next)
    }

    fn kdc_answer(&mut self, answer: Result<&[u8], &str>) -> Result<Option<KdcRequest>, HttpError> {
        let next = self.logon.kdc_answer(answer);
        self.follow(next)
    }
}
