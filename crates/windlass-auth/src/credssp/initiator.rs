//! The client's side of CredSSP ([MS-CSSP] 3.1.5).

use windlass_core::ct_eq;
use windlass_core::status::NtStatus;

use super::request::TsRequest;
use super::tls::{Channel, InnerTls};
use super::{NAME, NONCE, Prover, SAFE_VERSION, TsCredentials, VERSION, proof};
use crate::{AuthError, Credential, SecurityContext, Step};

/// What an initiator is made of.
pub struct CredSspInitiatorOptions {
    /// What is delegated: a name and a password.
    pub credential: Credential,
    /// The TLS inside the tokens.
    pub tls: Box<dyn InnerTls>,
    /// The context that proves who the user is: SPNEGO.
    pub negotiate: Box<dyn SecurityContext>,
    /// The lowest version that the server may speak.
    pub min_version: u32,
}

impl CredSspInitiatorOptions {
    /// Options that accept servers of version 5 and later.
    pub fn new(credential: Credential, tls: Box<dyn InnerTls>, negotiate: Box<dyn SecurityContext>) -> Self {
        Self { credential, tls, negotiate, min_version: SAFE_VERSION }
    }
}

/// The client's side of one CredSSP context.
pub struct CredSspInitiator {
    credential: Credential,
    tls: Channel,
    inner: Box<dyn SecurityContext>,
    pub(super) min_version: u32,
    /// What both sides speak, once the server said what it does.
    version: Option<u32>,
    state: State,
}

enum State {
    Start,
    Handshake,
    /// The last bytes of the handshake are under way; their answer has nothing for this side.
    HandshakeSent,
    Negotiating,
    /// The proof of the public key is under way, under this nonce.
    Proving(Option<[u8; NONCE]>),
    Complete,
    Failed,
}

impl CredSspInitiator {
    /// A context that has not said anything yet.
    ///
    /// # Errors
    /// The credential has no password.
    pub fn new(options: CredSspInitiatorOptions) -> Result<Self, AuthError> {
        TsCredentials::from_credential(&options.credential)?;
        Ok(Self {
            credential: options.credential,
            tls: Channel::new(options.tls),
            inner: options.negotiate,
            min_version: options.min_version,
            version: None,
            state: State::Start,
        })
    }

    fn advance(&mut self, state: State, token: Option<&[u8]>) -> Result<Step, AuthError> {
        match (state, token) {
            (State::Start, None) => {
                self.state = State::Handshake;
                Ok(Step::Continue(self.tls.transmit()?))
            }
            (State::Handshake, Some(token)) => {
                self.tls.receive(token)?;
                let out = self.tls.transmit()?;
                self.state = match self.tls.is_handshaking() {
                    true => State::Handshake,
                    false => State::HandshakeSent,
                };
                if !out.is_empty() {
                    return Ok(Step::Continue(out));
                }
                self.negotiate()
            }
            (State::HandshakeSent, Some(token)) => {
                self.tls.receive(token)?;
                self.nothing_readable()?;
                self.negotiate()
            }
            (State::Negotiating, Some(token)) => {
                let answer = self.read(token)?;
                let token = answer.nego_token.ok_or_else(|| out_of_order("got no SPNEGO token"))?;
                let step = self.inner.step(Some(&token))?;
                self.follow(step)
            }
            (State::Proving(nonce), Some(token)) => {
                let answer = self.read(token)?;
                self.delegate(nonce, answer)
            }
            (State::Start, Some(_)) => Err(out_of_order("speaks first and expects no token")),
            (State::Complete, _) => Err(out_of_order("is complete and expects no token")),
            (State::Failed, _) => Err(out_of_order("has failed before")),
            (_, None) => Err(out_of_order("needs the answer of the peer")),
        }
    }

    fn negotiate(&mut self) -> Result<Step, AuthError> {
        if self.tls.is_handshaking() {
            return Err(out_of_order("cannot go on with its TLS handshake"));
        }
        match self.inner.step(None)? {
            Step::Continue(token) | Step::Complete(Some(token)) => self.send_nego(token),
            Step::Complete(None) => Err(out_of_order("has a mechanism that says nothing")),
            Step::AskKdc(request) => {
                self.state = State::Negotiating;
                Ok(Step::AskKdc(request))
            }
        }
    }

    /// Sends on what the inner mechanism answered to the server's token.
    fn follow(&mut self, step: Step) -> Result<Step, AuthError> {
        match step {
            Step::Continue(token) if self.inner.can_seal() && self.version.is_some() => {
                self.prove(Some(token))
            }
            Step::Continue(token) => self.send_nego(token),
            Step::Complete(token) => self.prove(token),
            Step::AskKdc(request) => {
                self.state = State::Negotiating;
                Ok(Step::AskKdc(request))
            }
        }
    }

    /// The server hears of this side's mechanism only now, or goes on hearing of it.
    fn after_kdc(&mut self, step: Step) -> Result<Step, AuthError> {
        match step {
            Step::Continue(token) if self.version.is_none() => self.send_nego(token),
            step => self.follow(step),
        }
    }

    fn send_nego(&mut self, token: Vec<u8>) -> Result<Step, AuthError> {
        self.state = State::Negotiating;
        self.send(TsRequest { nego_token: Some(token), ..TsRequest::default() })
    }

    /// Shows that this side sees the server's public key, beside the last token of the mechanism.
    fn prove(&mut self, nego_token: Option<Vec<u8>>) -> Result<Step, AuthError> {
        let version = self.version.ok_or_else(|| out_of_order("does not know the server's version"))?;
        let client_nonce = if version >= 5 { Some(random()?) } else { None };
        let public_key = self.tls.public_key()?;
        let sealed = self.inner.wrap(&proof(Prover::Client, client_nonce.as_ref(), &public_key))?;
        self.state = State::Proving(client_nonce);
        self.send(TsRequest { nego_token, pub_key_auth: Some(sealed), client_nonce, ..TsRequest::default() })
    }

    /// Checks the server's proof and hands it the password.
    fn delegate(&mut self, nonce: Option<[u8; NONCE]>, answer: TsRequest) -> Result<Step, AuthError> {
        if let Some(token) = answer.nego_token {
            match self.inner.step(Some(&token))? {
                Step::Complete(None) => {}
                _ => return Err(out_of_order("has a mechanism that does not come to its end")),
            }
        }
        if !self.inner.is_complete() {
            return Err(out_of_order("has a mechanism that was not completed"));
        }
        let sealed = answer.pub_key_auth.ok_or_else(|| out_of_order("got no proof of the public key"))?;
        let proven = self.inner.unwrap(&sealed)?;
        let expected = proof(Prover::Server, nonce.as_ref(), &self.tls.public_key()?);
        if !ct_eq(&proven, &expected) {
            return Err(AuthError::ChannelBinding("the server proved another public key than the one seen"));
        }
        let credentials = TsCredentials::from_credential(&self.credential)?.encode();
        let auth_info = Some(self.inner.wrap(&credentials)?);
        let request = TsRequest { auth_info, ..TsRequest::default() };
        match self.send(request)? {
            Step::Continue(token) => {
                self.state = State::Complete;
                Ok(Step::Complete(Some(token)))
            }
            other => Ok(other),
        }
    }

    fn send(&mut self, request: TsRequest) -> Result<Step, AuthError> {
        let request = TsRequest { version: VERSION, ..request };
        Ok(Step::Continue(self.tls.encrypt(&request.encode())?))
    }

    fn read(&mut self, token: &[u8]) -> Result<TsRequest, AuthError> {
        self.tls.receive(token)?;
        let answer = TsRequest::decode(&self.tls.decrypted()?)?;
        if let Some(status) = answer.error_code {
            return Err(AuthError::PeerStatus { mechanism: NAME, status: NtStatus(status) });
        }
        let version = answer.version.min(VERSION);
        if version < self.min_version {
            return Err(AuthError::Policy {
                mechanism: NAME,
                reason: "the server speaks a version from before 5, which is open to relays",
            });
        }
        if self.version.is_some_and(|known| known != version) {
            return Err(out_of_order("was told another version than before"));
        }
        self.version = Some(version);
        Ok(answer)
    }

    fn nothing_readable(&mut self) -> Result<(), AuthError> {
        if self.tls.decrypted()?.is_empty() { Ok(()) } else { Err(out_of_order("was answered too early")) }
    }
}

fn out_of_order(reason: &'static str) -> AuthError {
    AuthError::State { mechanism: NAME, reason }
}

fn random() -> Result<[u8; NONCE], AuthError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| AuthError::Random)?;
    Ok(nonce)
}

impl SecurityContext for CredSspInitiator {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let step = self.advance(state, input);
        if step.is_err() {
            self.state = State::Failed;
        }
        step
    }

    fn kdc_reply(&mut self, reply: &[u8]) -> Result<Step, AuthError> {
        let step = self.inner.kdc_reply(reply)?;
        self.after_kdc(step)
    }

    fn kdc_unreachable(&mut self, reason: &str) -> Result<Step, AuthError> {
        let step = self.inner.kdc_unreachable(reason)?;
        self.after_kdc(step)
    }

    fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    super::forward_channel!();
}
