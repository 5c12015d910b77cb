//! Requests that an HTTP proxy hands on.

use windlass_http::{Challenge, ForwardProxy, HttpError};

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
    pub(super) fn new(proxy: &Proxy, endpoint: &Endpoint, now: u64) -> Self {
        Self {
            origin: format!("http://{}", endpoint.public_authority()),
            // A trip to a KDC does not fit between two requests.
            logon: Logon::new(proxy, None, now),
            answer: None,
            path: endpoint.path().to_owned(),
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

    fn challenged(&mut self, challenges: &[Challenge]) -> Result<(), HttpError> {
        let target = format!("{}{}", self.origin, self.path);
        let refused = |reason: &str| HttpError::ProxyRefused { reason: reason.to_owned() };
        match self.logon.answer(Asked { method: "POST", target: &target }, challenges) {
            Ok(Next::Send(value)) => {
                self.answer = Some(value);
                Ok(())
            }
            Ok(Next::AskKdc(_)) => {
                Err(refused("it takes Kerberos, for which it would have to open a tunnel"))
            }
            Err(Refused::Credential) => Err(HttpError::ProxyAuthentication),
            Err(Refused::Other(reason)) => Err(HttpError::ProxyRefused { reason }),
        }
    }
}
