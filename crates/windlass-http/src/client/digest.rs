//! Digest: a challenge, and a hash with every request.

use bytes::BytesMut;
use windlass_auth::{AuthError, DigestChallenge};

use super::ClientConnection;
use super::answer::refusal;
use crate::auth_loop::Login;
use crate::{HttpError, ResponseHead, parse_challenges};

/// No more challenges are looked at.
const MAX_CHALLENGES: usize = 8;

impl ClientConnection {
    /// Answers a Digest challenge: the first one, and once a message that of a server that has forgotten
    /// its nonce.
    pub(super) fn challenged(&mut self, head: &ResponseHead) -> Result<(), HttpError> {
        let (Login::Digest(digest), Some(exchange)) = (&mut self.login, &mut self.exchange) else {
            return Err(HttpError::OutOfOrder("no request under way"));
        };
        let offered = parse_challenges(&head.headers, "WWW-Authenticate");
        let offers = offered.iter().filter(|challenge| challenge.is("Digest")).take(MAX_CHALLENGES);
        let read: Vec<_> = offers.map(|challenge| DigestChallenge::parse(&challenge.rest)).collect();
        let usable: Vec<_> = read.iter().flatten().cloned().collect();
        let again = usable.iter().any(DigestChallenge::is_stale) && !exchange.restarted;
        if exchange.carried && !again || read.is_empty() {
            return Err(refusal("Digest", head, exchange.carried));
        }
        if usable.is_empty() {
            let unreadable = read.into_iter().find_map(Result::err);
            return Err(unreadable.map_or_else(|| refusal("Digest", head, exchange.carried), fault));
        }
        if !head.keeps_alive() {
            return Err(HttpError::HandshakeIncomplete { mechanism: "Digest", status: head.status });
        }
        exchange.restarted |= exchange.carried;
        digest.challenge(&usable).map_err(fault)?;
        self.send_message(None)
    }

    /// Any other status under Digest: the answer.
    pub(super) fn digested(&mut self, head: &ResponseHead, body: BytesMut) -> Result<(), HttpError> {
        let (Login::Digest(digest), Some(exchange)) = (&mut self.login, &self.exchange) else {
            return Err(HttpError::OutOfOrder("no request under way"));
        };
        if !exchange.carried {
            // It neither asks who is there nor can have understood a request without a message.
            return Err(HttpError::HandshakeIncomplete { mechanism: "Digest", status: head.status });
        }
        if let Some(info) = head.headers.get("Authentication-Info") {
            digest.check_info(info, &self.config.path, &body).map_err(fault)?;
        }
        self.deliver(head, body);
        Ok(())
    }
}

pub(super) fn fault(source: AuthError) -> HttpError {
    HttpError::Auth { mechanism: "Digest", source }
}
