//! What an answer means, in each state of the logon.

use bytes::BytesMut;
use windlass_auth::Step;

use super::{ClientConnection, ClientEvent, Response};
use crate::ahead::Ahead;
use crate::auth_loop::{Handshake, Login};
use crate::body::{BodyReader, reserve};
use crate::head::split_head;
use crate::{AuthMethod, HttpError, ResponseHead, multipart, parse_challenges};

impl ClientConnection {
    /// Reads as far as the input goes.
    pub(super) fn advance(&mut self) -> Result<(), HttpError> {
        loop {
            if self.closed {
                return Ok(());
            }
            if self.exchange.is_none() {
                // Nothing was asked: a server that says good-bye before it closes.
                if !self.input.is_empty() {
                    self.closed = true;
                }
                return Ok(());
            }
            let (head, mut reader, ahead) = match self.reading.take() {
                Some(reading) => reading,
                None => {
                    refuse_other_protocols(&self.input)?;
                    let limits = self.config.limits;
                    let Some(bytes) = split_head(&mut self.input, &mut self.scanned, limits.head)? else {
                        return Ok(());
                    };
                    let head = ResponseHead::decode(&bytes)?;
                    let reader = BodyReader::new(head.framing()?, limits.body)?;
                    reserve(&mut self.input, &reader);
                    (head, reader, Ahead::default())
                }
            };
            match reader.advance(&mut self.input)? {
                None => {
                    self.reading = Some((head, reader, ahead));
                    return self.unseal_ahead();
                }
                // 100 Continue and its like go before the real answer.
                Some(_) if head.status < 200 => {}
                Some(body) => self.handle(&head, body)?,
            }
        }
    }

    /// Unseals what has come of an answer that will be unsealed when it is whole.
    fn unseal_ahead(&mut self) -> Result<(), HttpError> {
        let is_message = self.exchange.as_ref().is_some_and(|exchange| exchange.carried);
        let (Login::Handshake(handshake), Some((head, reader, ahead))) = (&mut self.login, &mut self.reading)
        else {
            return Ok(());
        };
        let is_sealed = head.headers.get("Content-Type").is_some_and(multipart::is_sealed);
        let is_answer = matches!(head.status, 200 | 500) && is_message && handshake.is_complete();
        match (handshake.context.as_deref_mut(), reader.announced()) {
            (Some(context), Some(length)) if is_sealed && is_answer => {
                let come = self.input.len().min(length);
                ahead.follow(context, self.input.get_mut(..come).unwrap_or_default())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn handle(&mut self, head: &ResponseHead, body: BytesMut) -> Result<(), HttpError> {
        match head.status {
            407 => return self.answer_proxy(head),
            301 | 302 | 303 | 307 | 308 => {
                let location = head.headers.get("Location").unwrap_or_default().to_owned();
                return Err(HttpError::Redirect { status: head.status, location });
            }
            _ => {}
        }
        match &self.login {
            Login::Header { method, .. } if head.status == 401 => {
                Err(refusal(method.name(), head, *method != AuthMethod::None))
            }
            Login::Header { .. } => {
                self.deliver(head, body);
                Ok(())
            }
            Login::Digest(_) if head.status == 401 => self.challenged(head),
            Login::Digest(_) => self.digested(head, body),
            Login::Handshake(_) if head.status == 401 => self.unauthorized(head),
            Login::Handshake(_) => self.authorized(head, body),
        }
    }

    /// The proxy let nothing through yet: the same request goes out once more, with a logon.
    fn answer_proxy(&mut self, head: &ResponseHead) -> Result<(), HttpError> {
        let forwarder = self.forwarder.as_mut().ok_or(HttpError::ProxyAuthentication)?;
        let next = forwarder.challenged(head)?;
        self.follow_proxy(next);
        Ok(())
    }

    /// A 401 within a handshake is its next leg; one after it means that the server forgot who we are.
    fn unauthorized(&mut self, head: &ResponseHead) -> Result<(), HttpError> {
        let (Login::Handshake(handshake), Some(exchange)) = (&mut self.login, &mut self.exchange) else {
            return Err(HttpError::OutOfOrder("no request under way"));
        };
        let challenges = parse_challenges(&head.headers, "WWW-Authenticate");
        let token = handshake.offered_token(&challenges)?;
        let answered = token.is_some();
        match token {
            _ if exchange.once && (handshake.proven || exchange.carried && answered) => {
                self.reconnect(false);
                Ok(())
            }
            Some(_) if !head.keeps_alive() => {
                Err(HttpError::HandshakeIncomplete { mechanism: handshake.name(), status: head.status })
            }
            Some(token) if exchange.leg && !handshake.is_complete() => {
                let step = handshake.step(&token)?;
                self.follow(step)
            }
            _ if !head.keeps_alive() && handshake.proven => {
                self.reconnect(true);
                Ok(())
            }
            _ if !exchange.restarted
                && (handshake.proven
                    || !(exchange.once && exchange.carried) && handshake.change_scheme(&challenges)) =>
            {
                exchange.restarted = true;
                let step = handshake.start()?;
                self.follow(step)
            }
            _ => Err(refusal(handshake.name(), head, handshake.is_ready())),
        }
    }

    /// Any other status: the answer, or the end of the handshake.
    fn authorized(&mut self, head: &ResponseHead, body: BytesMut) -> Result<(), HttpError> {
        let seals = self.seals();
        let (Login::Handshake(handshake), Some(exchange)) = (&mut self.login, &mut self.exchange) else {
            return Err(HttpError::OutOfOrder("no request under way"));
        };
        let challenges = parse_challenges(&head.headers, "WWW-Authenticate");
        let token = handshake.offered_token(&challenges)?;
        let content_type = head.headers.get("Content-Type").unwrap_or_default();
        let sealed = multipart::is_sealed(content_type);

        // A server that reads the last token but not the message beside it: ask again, token alone first.
        let ignored = exchange.leg && exchange.carried && !sealed && (seals || body.is_empty());
        if ignored && !self.config.authenticate_empty && !exchange.restarted && head.keeps_alive() {
            self.config.authenticate_empty = true;
            if exchange.once {
                self.reconnect(false);
                return Ok(());
            }
            exchange.restarted = true;
            let step = handshake.start()?;
            return self.follow(step);
        }

        if exchange.leg && !handshake.is_complete() {
            match token.map(|token| handshake.step(&token)) {
                Some(Ok(Step::Complete(None))) => {}
                Some(Err(error)) => return Err(error),
                _ => {
                    return Err(HttpError::HandshakeIncomplete {
                        mechanism: handshake.name(),
                        status: head.status,
                    });
                }
            }
        }
        if !exchange.carried {
            if !(200..300).contains(&head.status) {
                return Err(HttpError::Status { status: head.status, reason: head.reason.clone() });
            }
            if !head.keeps_alive() {
                return Err(HttpError::HandshakeIncomplete {
                    mechanism: handshake.name(),
                    status: head.status,
                });
            }
            return self.send_message(None);
        }
        if seals && !sealed {
            // A server that dropped the context answers 400 without a body.
            if head.status == 400 && body.is_empty() && handshake.proven {
                let once = exchange.once;
                self.reconnect(!once);
                return Ok(());
            }
            return Err(HttpError::UnsealedAnswer { status: head.status });
        }
        handshake.proven = true;
        self.deliver_maybe_sealed(head, body, sealed)
    }

    fn deliver_maybe_sealed(
        &mut self,
        head: &ResponseHead,
        body: BytesMut,
        sealed: bool,
    ) -> Result<(), HttpError> {
        if !sealed {
            self.deliver(head, body);
            return Ok(());
        }
        let Login::Handshake(handshake) = &mut self.login else {
            return Err(HttpError::OutOfOrder("a sealed answer without a security context"));
        };
        let context: &mut Handshake = handshake;
        let context = context.context.as_deref_mut().ok_or(HttpError::CannotSeal)?;
        let (content_type, body) = multipart::unseal(context, body)?;
        self.finish(head, Response { status: head.status, content_type, body, sealed: true });
        Ok(())
    }

    /// Hands on what came without a seal.
    pub(super) fn deliver(&mut self, head: &ResponseHead, body: BytesMut) {
        let content_type = head.headers.get("Content-Type").unwrap_or_default().to_owned();
        let body = body.freeze();
        self.finish(head, Response { status: head.status, content_type, body, sealed: false });
    }

    fn finish(&mut self, head: &ResponseHead, response: Response) {
        self.exchange = None;
        self.closed |= !head.keeps_alive();
        if self.input.is_empty() {
            // Connections that wait take no room for what they have read.
            self.input = BytesMut::new();
        }
        self.events.push_back(ClientEvent::Response(response));
    }
}

/// What a bare 401 means: the scheme is not there, or the credential is wrong, if it was shown.
pub(super) fn refusal(wanted: &'static str, head: &ResponseHead, shown: bool) -> HttpError {
    let challenges = parse_challenges(&head.headers, "WWW-Authenticate");
    let offered = challenges.iter().any(|challenge| {
        challenge.is(wanted)
            || matches!(wanted, "NTLM" | "Kerberos") && challenge.is("Negotiate")
            || wanted == "Certificate"
    });
    if offered || challenges.is_empty() && shown {
        return HttpError::AccessDenied { scheme: wanted };
    }
    HttpError::SchemeNotOffered {
        wanted,
        offered: challenges.into_iter().map(|challenge| challenge.scheme).collect(),
    }
}

/// Says early and clearly that the other end is no HTTP server.
fn refuse_other_protocols(input: &[u8]) -> Result<(), HttpError> {
    let expected = b"HTTP/";
    match input {
        [0x15 | 0x16, 0x03, ..] => Err(HttpError::NotHttp("it answered with TLS")),
        _ if input.iter().zip(expected).any(|(byte, expected)| byte != expected) => {
            Err(HttpError::NotHttp("its answer does not start with HTTP/"))
        }
        _ => Ok(()),
    }
}
