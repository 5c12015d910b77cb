//! The client's side of SPNEGO.

use windlass_core::SecretBytes;

use super::token::{NegState, NegTokenInit, NegTokenResp, NegotiationToken, encode_mech_types};
use super::{MechType, Mechanism, NAME};
use crate::{AuthError, Direction, SealingProtocol, SecurityContext, Step};

/// The client's side of one negotiation. The first mechanism is the preferred one; its first token goes
/// along with the offer.
pub struct SpnegoInitiator {
    mechanisms: Vec<Mechanism>,
    /// Index of the mechanism in use.
    chosen: usize,
    /// What the MIC covers: the list as it was sent.
    mech_types: Vec<u8>,
    state: State,
    mic_sent: bool,
    mic_received: bool,
    /// The list must be protected: the acceptor asked for it, or chose another mechanism than the
    /// preferred one.
    mic_required: bool,
    mech_settled: bool,
    /// Why the mechanism that was to be the preferred one is not offered.
    unavailable: Option<AuthError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Negotiating,
    Complete,
    Failed,
}

impl SpnegoInitiator {
    /// Offers these mechanisms.
    ///
    /// # Errors
    /// There are none.
    pub fn new(mechanisms: Vec<Mechanism>) -> Result<Self, AuthError> {
        if mechanisms.is_empty() {
            return Err(AuthError::NoCommonMechanism("this side offers none"));
        }
        let types: Vec<MechType> = mechanisms.iter().map(|mechanism| mechanism.mech_type.clone()).collect();
        Ok(Self {
            mechanisms,
            chosen: 0,
            mech_types: encode_mech_types(&types),
            state: State::Start,
            mic_sent: false,
            mic_received: false,
            mic_required: false,
            mech_settled: false,
            unavailable: None,
        })
    }

    /// Offers a single mechanism, NTLM.
    pub fn ntlm(context: crate::NtlmInitiator) -> Self {
        let mech_type = MechType::ntlm();
        Self {
            mech_types: encode_mech_types(std::slice::from_ref(&mech_type)),
            mechanisms: vec![Mechanism { mech_type, context: Box::new(context) }],
            chosen: 0,
            state: State::Start,
            mic_sent: false,
            mic_received: false,
            mic_required: false,
            mech_settled: false,
            unavailable: None,
        }
    }

    fn inner(&self) -> Option<&dyn SecurityContext> {
        self.mechanisms.get(self.chosen).map(|mechanism| &*mechanism.context)
    }

    fn inner_mut(&mut self) -> Result<&mut Box<dyn SecurityContext>, AuthError> {
        self.mechanisms
            .get_mut(self.chosen)
            .map(|mechanism| &mut mechanism.context)
            .ok_or(AuthError::State { mechanism: NAME, reason: "has no mechanism" })
    }

    /// Begins with the preferred mechanism, or with the next one where it turns out not to be available.
    fn begin(&mut self, first: Result<Step, AuthError>) -> Result<Step, AuthError> {
        let mut first = first;
        loop {
            match first {
                Ok(step) => return self.offer(step),
                Err(error) if self.mechanisms.len() > 1 && error.leaves_other_mechanisms() => {
                    self.mechanisms.remove(0);
                    let types: Vec<MechType> =
                        self.mechanisms.iter().map(|mechanism| mechanism.mech_type.clone()).collect();
                    self.mech_types = encode_mech_types(&types);
                    self.unavailable.get_or_insert(error);
                    first = self.inner_mut()?.step(None);
                }
                // The mechanism that was meant to be used says best what is wrong.
                Err(error) => return Err(self.unavailable.take().unwrap_or(error)),
            }
        }
    }

    /// Goes on with what the mechanism makes of a KDC's answer, or of its absence.
    fn after_kdc(&mut self, step: Result<Step, AuthError>) -> Result<Step, AuthError> {
        if self.state == State::Start {
            return self.begin(step).inspect_err(|_| self.state = State::Failed);
        }
        match step? {
            Step::Continue(token) => self.conclude(None, Some(token), None),
            Step::Complete(token) => self.conclude(None, token, None),
            Step::AskKdc(request) => Ok(Step::AskKdc(request)),
        }
    }

    /// Why the mechanism that was to be the preferred one is not offered, if it is not.
    pub fn unavailable(&self) -> Option<&AuthError> {
        self.unavailable.as_ref()
    }

    /// The offer, with what the preferred mechanism says first.
    fn offer(&mut self, first: Step) -> Result<Step, AuthError> {
        let mech_token = match first {
            Step::Continue(token) => Some(token),
            Step::Complete(token) => token,
            Step::AskKdc(request) => return Ok(Step::AskKdc(request)),
        };
        self.state = State::Negotiating;
        let mech_types = self.mechanisms.iter().map(|mechanism| mechanism.mech_type.clone()).collect();
        Ok(Step::Continue(NegTokenInit { mech_types, mech_token, ..Default::default() }.encode()))
    }

    fn take(&mut self, response: NegTokenResp) -> Result<Step, AuthError> {
        let NegTokenResp { neg_state, supported_mech, response_token, mut mech_list_mic } = response;
        if neg_state == Some(NegState::Reject) {
            return Err(AuthError::Rejected {
                mechanism: self.inner().map_or(NAME, |inner| inner.mechanism()),
            });
        }
        // Old acceptors repeat the token where the MIC belongs.
        if response_token.is_some() && mech_list_mic == response_token {
            mech_list_mic = None;
        }
        let switched = self.settle_mechanism(supported_mech)?;
        if neg_state == Some(NegState::RequestMic) {
            self.mic_required = true;
        }

        let mut out_token = None;
        if switched || response_token.is_some() {
            let input = if switched { None } else { response_token.as_deref() };
            match self.inner_mut()?.step(input)? {
                Step::Continue(token) => out_token = Some(token),
                Step::Complete(token) => out_token = token,
                Step::AskKdc(request) => return Ok(Step::AskKdc(request)),
            }
        }
        self.conclude(neg_state, out_token, mech_list_mic.as_deref())
    }

    /// Follows the acceptor's choice. Returns whether it is another mechanism than the one in use.
    fn settle_mechanism(&mut self, supported: Option<MechType>) -> Result<bool, AuthError> {
        let Some(supported) = supported else { return Ok(false) };
        let position = self
            .mechanisms
            .iter()
            .position(|mechanism| mechanism.mech_type.is_same_mechanism(&supported))
            .ok_or(AuthError::NoCommonMechanism("the peer chose one that was not offered"))?;
        let switched = position != self.chosen;
        if switched {
            if self.mech_settled || self.inner().is_some_and(|inner| inner.can_seal()) {
                return Err(AuthError::State {
                    mechanism: NAME,
                    reason: "was told to change its mechanism midway",
                });
            }
            self.chosen = position;
            self.mic_required = true;
        }
        self.mech_settled = true;
        Ok(switched)
    }

    /// MICs and the state after the mechanism had its turn.
    fn conclude(
        &mut self,
        neg_state: Option<NegState>,
        out_token: Option<Vec<u8>>,
        mic_in: Option<&[u8]>,
    ) -> Result<Step, AuthError> {
        let mech_types = self.mech_types.clone();
        let (mic_sent, mic_required) = (self.mic_sent, self.mic_required);
        let inner = self.inner_mut()?;
        if let Some(mic) = mic_in {
            if !inner.can_sign() {
                return Err(AuthError::State { mechanism: NAME, reason: "got a MIC before there are keys" });
            }
            inner.verify(&mech_types, mic).map_err(|_| mic_fault("wrong"))?;
            inner.mech_list_mic_done(Direction::Incoming);
        }
        let mut mic_out = None;
        let done = inner.is_complete();
        if done
            && inner.can_sign()
            && !mic_sent
            && (mic_required || mic_in.is_some() || inner.wants_mech_list_mic())
        {
            let mut mic = Vec::new();
            inner.sign(&mech_types, &mut mic)?;
            inner.mech_list_mic_done(Direction::Outgoing);
            mic_out = Some(mic);
        }
        self.mic_received |= mic_in.is_some();
        self.mic_sent |= mic_out.is_some();

        if neg_state == Some(NegState::AcceptCompleted) {
            if !done {
                return Err(AuthError::State {
                    mechanism: NAME,
                    reason: "was told to be complete too early",
                });
            }
            if self.mic_required && !self.mic_received {
                return Err(mic_fault("missing"));
            }
            self.state = State::Complete;
            if out_token.is_none() && mic_out.is_none() {
                return Ok(Step::Complete(None));
            }
            // The acceptor is done and will not answer.
            return Ok(Step::Complete(Some(Self::response(out_token, mic_out))));
        }
        if out_token.is_none() && mic_out.is_none() && done {
            return Err(AuthError::State { mechanism: NAME, reason: "is complete, but the peer is not" });
        }
        Ok(Step::Continue(Self::response(out_token, mic_out)))
    }

    fn response(response_token: Option<Vec<u8>>, mech_list_mic: Option<Vec<u8>>) -> Vec<u8> {
        NegTokenResp {
            neg_state: Some(NegState::AcceptIncomplete),
            supported_mech: None,
            response_token,
            mech_list_mic,
        }
        .encode()
    }
}

fn mic_fault(fault: &'static str) -> AuthError {
    AuthError::HandshakeIntegrity { token: "list of mechanisms", fault }
}

impl SecurityContext for SpnegoInitiator {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        match (state, input) {
            (State::Start, None) => {
                self.state = State::Start;
                let first = self.inner_mut()?.step(None);
                self.begin(first).inspect_err(|_| self.state = State::Failed)
            }
            (State::Negotiating, Some(token)) => match NegotiationToken::decode(token)? {
                NegotiationToken::Resp(response) => {
                    self.state = State::Negotiating;
                    let step = self.take(response);
                    if step.is_err() {
                        self.state = State::Failed;
                    }
                    step
                }
                NegotiationToken::Init(_) => {
                    Err(AuthError::State { mechanism: NAME, reason: "got an offer in answer to its own" })
                }
            },
            (State::Start, Some(_)) => {
                Err(AuthError::State { mechanism: NAME, reason: "speaks first and expects no token" })
            }
            (State::Negotiating, None) => {
                Err(AuthError::State { mechanism: NAME, reason: "needs the answer of the peer" })
            }
            (State::Complete, _) => {
                self.state = State::Complete;
                Err(AuthError::State { mechanism: NAME, reason: "is complete and expects no token" })
            }
            (State::Failed, _) => Err(AuthError::State { mechanism: NAME, reason: "has failed before" }),
        }
    }

    fn kdc_reply(&mut self, reply: &[u8]) -> Result<Step, AuthError> {
        let step = self.inner_mut()?.kdc_reply(reply);
        self.after_kdc(step)
    }

    fn kdc_unreachable(&mut self, reason: &str) -> Result<Step, AuthError> {
        let step = self.inner_mut()?.kdc_unreachable(reason);
        self.after_kdc(step)
    }

    fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    fn can_seal(&self) -> bool {
        self.state != State::Failed && self.inner().is_some_and(|inner| inner.can_seal())
    }

    fn can_sign(&self) -> bool {
        self.state != State::Failed && self.inner().is_some_and(|inner| inner.can_sign())
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

    fn mechanism(&self) -> &'static str {
        NAME
    }
}
