//! The client's side of NTLM ([MS-NLMP] 3.1.5.1).

use windlass_core::SecretBytes;
use zeroize::Zeroizing;

use super::av_pairs::FLAG_MIC;
use super::crypto::{self, Key, Sender};
use super::seal::{MessageSecurity, SIGNATURE_SIZE};
use super::{AuthenticateMessage, AvId, ChallengeMessage, NAME, NegotiateFlags, NegotiateMessage, Version};
use crate::{AuthError, ChannelBinding, Credential, Direction, SealingProtocol, SecurityContext, Step};

/// What an initiator is made of.
#[derive(Debug, Clone)]
pub struct NtlmInitiatorOptions {
    /// Who logs on.
    pub credential: Credential,
    /// The service principal name that is meant, such as `HTTP/server.corp.example`.
    pub target: Option<String>,
    /// The TLS channel that the logon travels in.
    pub channel_binding: Option<ChannelBinding>,
    /// The name of this computer, as told to the peer; may be empty.
    pub workstation: String,
    /// The time as a FILETIME (100 ns since 1601), used if the peer does not tell its own.
    pub now: u64,
}

impl NtlmInitiatorOptions {
    /// Options with nothing but a credential and the time.
    pub fn new(credential: Credential, now: u64) -> Self {
        Self { credential, target: None, channel_binding: None, workstation: String::new(), now }
    }
}

/// The client's side of one NTLM context.
pub struct NtlmInitiator {
    options: NtlmInitiatorOptions,
    state: State,
}

enum State {
    Start,
    /// The NEGOTIATE message, which the MIC will cover.
    Negotiated(Vec<u8>),
    Established(Established),
}

struct Established {
    security: Option<Box<MessageSecurity>>,
    session_key: SecretBytes,
}

/// What the initiator offers.
const OFFER: NegotiateFlags = NegotiateFlags(
    NegotiateFlags::UNICODE.0
        | NegotiateFlags::REQUEST_TARGET.0
        | NegotiateFlags::SIGN.0
        | NegotiateFlags::SEAL.0
        | NegotiateFlags::NTLM.0
        | NegotiateFlags::ALWAYS_SIGN.0
        | NegotiateFlags::EXTENDED_SESSION_SECURITY.0
        | NegotiateFlags::TARGET_INFO.0
        | NegotiateFlags::VERSION.0
        | NegotiateFlags::KEY_128.0
        | NegotiateFlags::KEY_EXCH.0
        | NegotiateFlags::KEY_56.0,
);

/// The nonces of one handshake.
struct Nonces {
    client_challenge: [u8; 8],
    session_key: Key,
}

impl NtlmInitiator {
    /// A context that has not said anything yet.
    pub fn new(options: NtlmInitiatorOptions) -> Self {
        Self { options, state: State::Start }
    }

    fn negotiate(&mut self) -> Step {
        let message =
            NegotiateMessage { flags: OFFER, version: Some(Version::OWN), ..Default::default() }.encode();
        self.state = State::Negotiated(message.clone());
        Step::Continue(message)
    }

    fn authenticate(&mut self, negotiate: &[u8], challenge: &[u8]) -> Result<Step, AuthError> {
        let nonces =
            Nonces { client_challenge: crypto::random()?, session_key: Zeroizing::new(crypto::random()?) };
        let (message, established) = self.respond(negotiate, challenge, nonces)?;
        self.state = State::Established(established);
        Ok(Step::Complete(Some(message)))
    }

    fn respond(
        &self,
        negotiate: &[u8],
        challenge_bytes: &[u8],
        nonces: Nonces,
    ) -> Result<(Vec<u8>, Established), AuthError> {
        let challenge = ChallengeMessage::decode(challenge_bytes)?;
        let flags = settle(challenge.flags)?;
        let credential = &self.options.credential;
        let domain = credential.domain().unwrap_or_default();

        let nt_hash = credential
            .nt_hash()
            .ok_or(AuthError::Credential { mechanism: NAME, reason: "it has no password" })?;
        let response_key = crypto::nt_owf_v2(&nt_hash, credential.user(), domain);
        let blob = self.client_challenge(&challenge, nonces.client_challenge);
        let proof = crypto::nt_proof(&response_key, challenge.server_challenge, &blob);
        let base_key = crypto::session_base_key(&response_key, &proof);
        let mut nt_response = proof.to_vec();
        nt_response.extend_from_slice(&blob);

        let (session_key, encrypted_session_key) = if flags.contains(NegotiateFlags::KEY_EXCH) {
            let encrypted = crypto::rc4k(&base_key, &nonces.session_key);
            (nonces.session_key, encrypted.to_vec())
        } else {
            (base_key, Vec::new())
        };
        let mut message = AuthenticateMessage {
            // With a MIC the LM response says nothing ([MS-NLMP] 3.1.5.1.2).
            lm_response: vec![0; 24],
            nt_response,
            domain: domain.to_owned(),
            user: credential.user().to_owned(),
            workstation: self.options.workstation.clone(),
            encrypted_session_key,
            flags,
            version: flags.contains(NegotiateFlags::VERSION).then_some(Version::OWN),
            mic_offset: None,
            mic: None,
        }
        .encode();
        let mic = crypto::hmac_md5(&session_key[..], &[negotiate, challenge_bytes, &message]);
        AuthenticateMessage::set_mic(&mut message, &mic);

        let protects = flags.contains(NegotiateFlags::SIGN | NegotiateFlags::KEY_128);
        let seals = flags.contains(NegotiateFlags::SEAL);
        let key_exchange = flags.contains(NegotiateFlags::KEY_EXCH);
        let security = protects
            .then(|| Box::new(MessageSecurity::new(&session_key, Sender::Client, key_exchange, seals)));
        Ok((message, Established { security, session_key: SecretBytes::new(session_key.to_vec()) }))
    }

    /// NTLMv2_CLIENT_CHALLENGE ([MS-NLMP] 2.2.2.7) and the four zeros after it.
    fn client_challenge(&self, challenge: &ChallengeMessage, nonce: [u8; 8]) -> Vec<u8> {
        let mut pairs = challenge.target_info.clone();
        pairs.set(AvId::FLAGS, (pairs.flags() | FLAG_MIC).to_le_bytes());
        // Some acceptors take a zero hash for a wrong one: say nothing where there is no channel.
        if let Some(binding) = &self.options.channel_binding {
            pairs.set(AvId::CHANNEL_BINDINGS, binding.gss_hash());
        }
        pairs.set_text(AvId::TARGET_NAME, self.options.target.as_deref().unwrap_or_default());

        let time = challenge.target_info.timestamp().unwrap_or(self.options.now);
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend_from_slice(&time.to_le_bytes());
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(&[0; 4]);
        pairs.encode(&mut blob);
        blob.extend_from_slice(&[0; 4]);
        blob
    }

    fn security(&mut self) -> Result<&mut MessageSecurity, AuthError> {
        match &mut self.state {
            State::Established(Established { security: Some(security), .. }) => Ok(security),
            State::Established(_) => Err(AuthError::State {
                mechanism: NAME,
                reason: "has no keys, as the peer offered no signing",
            }),
            _ => Err(AuthError::State { mechanism: NAME, reason: "has no keys yet" }),
        }
    }
}

/// The flags that both sides have, if they are good enough.
fn settle(offered: NegotiateFlags) -> Result<NegotiateFlags, AuthError> {
    let refuse = |reason| Err(AuthError::Policy { mechanism: NAME, reason });
    let flags = offered & OFFER;
    if !flags.contains(NegotiateFlags::UNICODE) {
        return refuse("the peer does not speak Unicode");
    }
    if !flags.contains(NegotiateFlags::EXTENDED_SESSION_SECURITY) {
        return refuse("the peer offers no extended session security");
    }
    Ok(flags)
}

impl SecurityContext for NtlmInitiator {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match (&self.state, input) {
            (State::Start, None) => Ok(self.negotiate()),
            (State::Negotiated(negotiate), Some(challenge)) => {
                let negotiate = negotiate.clone();
                self.authenticate(&negotiate, challenge)
            }
            (State::Start, Some(_)) => {
                Err(AuthError::State { mechanism: NAME, reason: "speaks first and expects no token" })
            }
            (State::Negotiated(_), None) => {
                Err(AuthError::State { mechanism: NAME, reason: "needs the challenge of the peer" })
            }
            (State::Established(_), _) => {
                Err(AuthError::State { mechanism: NAME, reason: "is complete and expects no token" })
            }
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self.state, State::Established(_))
    }

    fn can_seal(&self) -> bool {
        matches!(&self.state, State::Established(Established { security: Some(security), .. })
            if security.can_seal())
    }

    fn can_sign(&self) -> bool {
        matches!(self.state, State::Established(Established { security: Some(_), .. }))
    }

    fn sealing_protocol(&self) -> SealingProtocol {
        SealingProtocol::Spnego
    }

    crate::context::forward_protection!(security);

    fn signature_size(&self) -> usize {
        SIGNATURE_SIZE
    }

    fn always_signs_headers(&self) -> bool {
        true
    }

    fn session_key(&self) -> Option<&SecretBytes> {
        match &self.state {
            State::Established(established) => Some(&established.session_key),
            _ => None,
        }
    }

    fn mechanism(&self) -> &'static str {
        NAME
    }

    fn wants_mech_list_mic(&self) -> bool {
        // The AUTHENTICATE message always has a MIC.
        true
    }

    fn mech_list_mic_done(&mut self, direction: Direction) {
        if let Ok(security) = self.security() {
            security.restart_cipher(direction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initiator() -> NtlmInitiator {
        NtlmInitiator::new(NtlmInitiatorOptions::new(Credential::password("D\\u", "p".to_owned()), 0))
    }

    fn challenge(flags: NegotiateFlags) -> Vec<u8> {
        ChallengeMessage { flags, ..Default::default() }.encode()
    }

    #[test]
    fn weak_acceptors_are_refused() {
        for missing in [NegotiateFlags::UNICODE, NegotiateFlags::EXTENDED_SESSION_SECURITY] {
            let mut context = initiator();
            let _ = context.step(None).unwrap();
            let error = context.step(Some(&challenge(OFFER.without(missing)))).unwrap_err();
            assert!(matches!(error, AuthError::Policy { .. }), "{missing}: {error}");
        }
    }

    #[test]
    fn without_sealing_or_strong_keys_there_is_no_sealing() {
        for missing in [NegotiateFlags::SEAL, NegotiateFlags::SIGN, NegotiateFlags::KEY_128] {
            let mut context = initiator();
            let _ = context.step(None).unwrap();
            let _ = context.step(Some(&challenge(OFFER.without(missing)))).unwrap();
            assert!(context.is_complete() && !context.can_seal(), "{missing}");
            assert!(context.seal(&mut Vec::new(), &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn tokens_out_of_turn_are_refused() {
        let mut context = initiator();
        assert!(context.step(Some(&challenge(OFFER))).is_err());
        let Step::Continue(negotiate) = context.step(None).unwrap() else { panic!("expected a token") };
        assert!(context.step(None).is_err());
        assert!(context.step(Some(&negotiate)).is_err());
        let _ = context.step(Some(&challenge(OFFER))).unwrap();
        assert!(context.step(Some(&challenge(OFFER))).is_err());
    }
}
