//! The server's side of SPNEGO.

use windlass_core::SecretBytes;

use super::token::{
    NegState, NegTokenInit, NegTokenResp, NegotiationToken, encode_mech_types, raw_mechanism,
};
use super::{MAX_TOKEN, MechType, NAME};
use crate::{
    AuthError, Direction, NtlmAcceptor, NtlmAcceptorOptions, Principal, SealingProtocol, SecurityContext,
    Step,
};

/// Makes the acceptor of one mechanism when a client asks for it.
pub type AcceptorFactory = Box<dyn FnOnce() -> Box<dyn SecurityContext> + Send>;

/// The server's side of one negotiation. Takes tokens of its mechanisms without SPNEGO around them, too,
/// as WinRM clients send them under `Negotiate`.
pub struct SpnegoAcceptor {
    offered: Vec<(MechType, AcceptorFactory)>,
    state: State,
}

enum State {
    Start,
    /// Without SPNEGO around it.
    Raw(Box<dyn SecurityContext>),
    Negotiating(Negotiation),
    Failed,
}

struct Negotiation {
    inner: Box<dyn SecurityContext>,
    /// What the client calls the chosen mechanism; sent once.
    announce: Option<MechType>,
    /// What the MIC covers: the client's list.
    mech_types: Vec<u8>,
    mic_required: bool,
    mic_sent: bool,
    mic_received: bool,
    complete: bool,
}

impl SpnegoAcceptor {
    /// Accepts these mechanisms; the client's order decides between them.
    pub fn new(offered: Vec<(MechType, AcceptorFactory)>) -> Self {
        Self { offered, state: State::Start }
    }

    /// Accepts NTLM alone.
    pub fn ntlm(options: NtlmAcceptorOptions) -> Self {
        Self::new(vec![(MechType::ntlm(), Box::new(move || Box::new(NtlmAcceptor::new(options))))])
    }

    fn start(&mut self, token: &[u8]) -> Result<Step, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(AuthError::TooLarge { what: "spnego token", actual: token.len(), limit: MAX_TOKEN });
        }
        if let Some(mech) = raw_mechanism(token) {
            let mut inner = self.open(&mech)?;
            let step = inner.step(Some(token))?;
            self.state = State::Raw(inner);
            return Ok(step);
        }
        let NegotiationToken::Init(init) = NegotiationToken::decode(token)? else {
            return Err(AuthError::State { mechanism: NAME, reason: "got an answer before an offer" });
        };
        self.negotiate(init)
    }

    fn negotiate(&mut self, init: NegTokenInit) -> Result<Step, AuthError> {
        let supported = |mech: &&MechType| self.offered.iter().any(|(own, _)| own.is_same_mechanism(mech));
        let chosen = init
            .mech_types
            .iter()
            .find(supported)
            .cloned()
            .ok_or(AuthError::NoCommonMechanism("the client offers none that is accepted here"))?;
        let preferred = init.mech_types.first() == Some(&chosen);
        let mut negotiation = Negotiation {
            inner: self.open(&chosen)?,
            announce: Some(chosen),
            mech_types: encode_mech_types(&init.mech_types),
            mic_required: !preferred,
            mic_sent: false,
            mic_received: false,
            complete: false,
        };
        // The token that came along is of the preferred mechanism, be it the chosen one or not.
        let token = init.mech_token.filter(|_| preferred);
        let step = negotiation.advance(token.as_deref(), init.mech_list_mic.as_deref())?;
        self.state = State::Negotiating(negotiation);
        Ok(step)
    }

    fn open(&mut self, mech: &MechType) -> Result<Box<dyn SecurityContext>, AuthError> {
        let position = self
            .offered
            .iter()
            .position(|(own, _)| own.is_same_mechanism(mech))
            .ok_or(AuthError::NoCommonMechanism("the client uses one that is not accepted here"))?;
        let (_, factory) = self.offered.swap_remove(position);
        Ok(factory())
    }

    fn inner(&self) -> Option<&dyn SecurityContext> {
        match &self.state {
            State::Raw(inner) => Some(&**inner),
            State::Negotiating(negotiation) => Some(&*negotiation.inner),
            State::Start | State::Failed => None,
        }
    }

    fn inner_mut(&mut self) -> Result<&mut Box<dyn SecurityContext>, AuthError> {
        match &mut self.state {
            State::Raw(inner) => Ok(inner),
            State::Negotiating(negotiation) => Ok(&mut negotiation.inner),
            State::Start => Err(AuthError::State { mechanism: NAME, reason: "has no keys yet" }),
            State::Failed => Err(AuthError::State { mechanism: NAME, reason: "has failed before" }),
        }
    }
}

impl Negotiation {
    fn advance(&mut self, token: Option<&[u8]>, mic_in: Option<&[u8]>) -> Result<Step, AuthError> {
        let mut out_token = None;
        if let Some(token) = token {
            out_token = match self.inner.step(Some(token))? {
                Step::Continue(token) => Some(token),
                Step::Complete(token) => token,
                Step::AskKdc(request) => return Ok(Step::AskKdc(request)),
            };
        }
        if let Some(mic) = mic_in {
            if !self.inner.is_complete() || !self.inner.can_sign() {
                return Err(AuthError::State { mechanism: NAME, reason: "got a MIC before there are keys" });
            }
            self.inner
                .verify(&self.mech_types, mic)
                .map_err(|_| AuthError::HandshakeIntegrity { token: "list of mechanisms", fault: "wrong" })?;
            self.inner.mech_list_mic_done(Direction::Incoming);
            self.mic_received = true;
        }
        let mic_out = self.own_mic()?;
        let done = self.inner.is_complete();
        self.complete = done && (!self.mic_required || self.mic_received || !self.inner.can_sign());

        let neg_state = if self.complete {
            NegState::AcceptCompleted
        } else if self.announce.is_some() && self.mic_required {
            NegState::RequestMic
        } else {
            NegState::AcceptIncomplete
        };
        let response = NegTokenResp {
            neg_state: Some(neg_state),
            supported_mech: self.announce.take(),
            response_token: out_token,
            mech_list_mic: mic_out,
        }
        .encode();
        Ok(if self.complete { Step::Complete(Some(response)) } else { Step::Continue(response) })
    }

    /// This side's MIC, when it is due: the other side sent one or must send one.
    fn own_mic(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        let due = self.mic_required || self.mic_received;
        if !due || self.mic_sent || !self.inner.is_complete() || !self.inner.can_sign() {
            return Ok(None);
        }
        let mut mic = Vec::new();
        self.inner.sign(&self.mech_types, &mut mic)?;
        self.inner.mech_list_mic_done(Direction::Outgoing);
        self.mic_sent = true;
        Ok(Some(mic))
    }
}

impl SecurityContext for SpnegoAcceptor {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let Some(token) = input else {
            return Err(AuthError::State { mechanism: NAME, reason: "acceptor waits for the client" });
        };
        match state {
            State::Start => self.start(token),
            State::Raw(mut inner) => {
                let step = inner.step(Some(token))?;
                self.state = State::Raw(inner);
                Ok(step)
            }
            State::Negotiating(negotiation) if negotiation.complete => {
                Err(AuthError::State { mechanism: NAME, reason: "is complete and expects no token" })
            }
            State::Negotiating(mut negotiation) => {
                let NegotiationToken::Resp(response) = NegotiationToken::decode(token)? else {
                    return Err(AuthError::State { mechanism: NAME, reason: "got a second offer" });
                };
                let step = negotiation
                    .advance(response.response_token.as_deref(), response.mech_list_mic.as_deref())?;
                self.state = State::Negotiating(negotiation);
                Ok(step)
            }
            State::Failed => Err(AuthError::State { mechanism: NAME, reason: "has failed before" }),
        }
    }

    fn is_complete(&self) -> bool {
        match &self.state {
            State::Raw(inner) => inner.is_complete(),
            State::Negotiating(negotiation) => negotiation.complete,
            State::Start | State::Failed => false,
        }
    }

    fn can_seal(&self) -> bool {
        self.is_complete() && self.inner().is_some_and(|inner| inner.can_seal())
    }

    fn can_sign(&self) -> bool {
        self.is_complete() && self.inner().is_some_and(|inner| inner.can_sign())
    }

    fn sealing_protocol(&self) -> SealingProtocol {
        SealingProtocol::Spnego
    }

    crate::context::forward_protection!(inner_mut);

    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.inner_mut()?.wrap(message)
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.inner_mut()?.unwrap(token)
    }

    fn signature_size(&self) -> usize {
        self.inner().map_or(0, |inner| inner.signature_size())
    }

    fn seal_signature_size(&self) -> usize {
        self.inner().map_or(0, |inner| inner.seal_signature_size())
    }

    fn always_signs_headers(&self) -> bool {
        self.inner().is_some_and(|inner| inner.always_signs_headers())
    }

    fn session_key(&self) -> Option<&SecretBytes> {
        self.inner().and_then(|inner| inner.session_key())
    }

    fn peer(&self) -> Option<&Principal> {
        if self.is_complete() { self.inner().and_then(|inner| inner.peer()) } else { None }
    }

    fn mechanism(&self) -> &'static str {
        self.inner().map_or(NAME, |inner| inner.mechanism())
    }
}
