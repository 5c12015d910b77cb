//! The server's side of CredSSP ([MS-CSSP] 3.1.5).

use windlass_core::ct_eq;
use windlass_core::status::NtStatus;

use super::request::TsRequest;
use super::tls::{Channel, InnerTls};
use super::{NAME, Prover, SAFE_VERSION, TsCredentials, VERSION, proof};
use crate::{AuthError, Principal, SecurityContext, Step};

/// What an acceptor is made of.
pub struct CredSspAcceptorOptions {
    /// The TLS inside the tokens.
    pub tls: Box<dyn InnerTls>,
    /// The context that checks who the user is: SPNEGO.
    pub negotiate: Box<dyn SecurityContext>,
    /// The lowest version that the client may speak.
    pub min_version: u32,
}

impl CredSspAcceptorOptions {
    /// Options that accept clients of version 5 and later.
    pub fn new(tls: Box<dyn InnerTls>, negotiate: Box<dyn SecurityContext>) -> Self {
        Self { tls, negotiate, min_version: SAFE_VERSION }
    }
}

/// The server's side of one CredSSP context.
pub struct CredSspAcceptor {
    tls: Channel,
    inner: Box<dyn SecurityContext>,
    pub(super) min_version: u32,
    /// What both sides speak.
    version: Option<u32>,
    state: State,
    principal: Option<Principal>,
    delegated: Option<TsCredentials>,
    farewell: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Handshake,
    Negotiating,
    /// The public key is proven; the credentials are due.
    Proven,
    Complete,
    Failed,
}

impl CredSspAcceptor {
    /// A context that waits for the client's first token.
    pub fn new(options: CredSspAcceptorOptions) -> Self {
        Self {
            tls: Channel::new(options.tls),
            inner: options.negotiate,
            min_version: options.min_version,
            version: None,
            state: State::Handshake,
            principal: None,
            delegated: None,
            farewell: None,
        }
    }

    /// What the client handed over, once the context is complete.
    pub fn delegated(&self) -> Option<&TsCredentials> {
        self.delegated.as_ref()
    }

    fn advance(&mut self, state: State, token: &[u8]) -> Result<Step, AuthError> {
        match state {
            State::Handshake => {
                self.tls.receive(token)?;
                let out = self.tls.transmit()?;
                if self.tls.is_handshaking() {
                    self.state = State::Handshake;
                    return Ok(Step::Continue(out));
                }
                // Clients may send their first message along with the end of the handshake.
                let plain = self.tls.decrypted()?;
                self.state = State::Negotiating;
                if plain.is_empty() {
                    return Ok(Step::Continue(out));
                }
                self.take(&plain, out)
            }
            State::Negotiating => {
                self.tls.receive(token)?;
                let plain = self.tls.decrypted()?;
                self.take(&plain, Vec::new())
            }
            State::Proven => {
                self.tls.receive(token)?;
                let plain = self.tls.decrypted()?;
                self.conclude(&plain)
            }
            State::Complete => Err(out_of_order("is complete and expects no token")),
            State::Failed => Err(out_of_order("has failed before")),
        }
    }

    /// A message of the negotiation. What the handshake still has to send goes before the answer.
    fn take(&mut self, plain: &[u8], mut out: Vec<u8>) -> Result<Step, AuthError> {
        let request = self.decode(plain)?;
        if request.auth_info.is_some() {
            return Err(out_of_order("got credentials before the proof of the public key"));
        }
        let mut answer = TsRequest { version: VERSION, ..TsRequest::default() };
        if let Some(token) = &request.nego_token {
            answer.nego_token = match self.inner.step(Some(token))? {
                Step::Continue(token) => Some(token),
                Step::Complete(token) => token,
                Step::AskKdc(_) => return Err(out_of_order("has a mechanism that asks a KDC")),
            };
        }
        match request.pub_key_auth {
            Some(sealed) => {
                answer.pub_key_auth = Some(self.check_proof(&sealed, request.client_nonce)?);
                self.state = State::Proven;
            }
            None if answer.nego_token.is_none() => return Err(out_of_order("got neither token nor proof")),
            None => self.state = State::Negotiating,
        }
        out.extend(self.tls.encrypt(&answer.encode())?);
        Ok(Step::Continue(out))
    }

    /// Checks the client's proof and gives this side's.
    fn check_proof(&mut self, sealed: &[u8], nonce: Option<[u8; 32]>) -> Result<Vec<u8>, AuthError> {
        if !self.inner.is_complete() {
            return Err(out_of_order("has a mechanism that was not completed"));
        }
        let hashed = self.version.is_some_and(|version| version >= 5);
        let nonce = match (hashed, nonce) {
            (true, None) => return Err(out_of_order("got no nonce with the proof of the public key")),
            (true, nonce) => nonce,
            (false, _) => None,
        };
        let public_key = self.tls.public_key()?;
        let proven = self.inner.unwrap(sealed)?;
        if !ct_eq(&proven, &proof(Prover::Client, nonce.as_ref(), &public_key)) {
            return Err(AuthError::ChannelBinding("the client proved another public key than the one shown"));
        }
        self.inner.wrap(&proof(Prover::Server, nonce.as_ref(), &public_key))
    }

    fn conclude(&mut self, plain: &[u8]) -> Result<Step, AuthError> {
        let request = self.decode(plain)?;
        let sealed = request.auth_info.ok_or_else(|| out_of_order("got no credentials"))?;
        let credentials = zeroize::Zeroizing::new(self.inner.unwrap(&sealed)?);
        self.delegated = Some(TsCredentials::decode(&credentials)?);
        let principal = self.inner.peer().ok_or_else(|| out_of_order("has a mechanism that named nobody"))?;
        self.principal = Some(principal.clone());
        self.state = State::Complete;
        Ok(Step::Complete(None))
    }

    fn decode(&mut self, plain: &[u8]) -> Result<TsRequest, AuthError> {
        let request = TsRequest::decode(plain)?;
        let version = request.version.min(VERSION);
        if self.version.is_some_and(|known| known != version) {
            return Err(out_of_order("was told another version than before"));
        }
        self.version = Some(version);
        if version < self.min_version {
            return Err(AuthError::Policy {
                mechanism: NAME,
                reason: "the client speaks a version from before 5, which is open to relays",
            });
        }
        Ok(request)
    }

    /// Tells the client why, where its version has a field for that.
    fn say_why(&mut self, error: &AuthError) {
        let has_code = self.version.is_some_and(|version| matches!(version, 3 | 4 | 6..));
        if !has_code || self.tls.is_handshaking() {
            return;
        }
        let status = match error {
            AuthError::LogonDenied => NtStatus::STATUS_LOGON_FAILURE,
            _ => NtStatus::STATUS_ACCESS_DENIED,
        };
        let request = TsRequest { version: VERSION, error_code: Some(status.0), ..TsRequest::default() };
        self.farewell = self.tls.encrypt(&request.encode()).ok();
    }
}

fn out_of_order(reason: &'static str) -> AuthError {
    AuthError::State { mechanism: NAME, reason }
}

impl SecurityContext for CredSspAcceptor {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let token = input.ok_or_else(|| out_of_order("waits for the client"))?;
        let step = self.advance(state, token);
        if let Err(error) = &step {
            self.state = State::Failed;
            self.delegated = None;
            if state != State::Failed {
                self.say_why(error);
            }
        }
        step
    }

    fn farewell(&mut self) -> Option<Vec<u8>> {
        self.farewell.take()
    }

    fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    super::forward_channel!();

    fn peer(&self) -> Option<&Principal> {
        if self.is_complete() { self.principal.as_ref() } else { None }
    }
}
