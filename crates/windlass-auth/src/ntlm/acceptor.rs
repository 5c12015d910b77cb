//! The server's side of NTLM ([MS-NLMP] 3.2.5.1).

use std::sync::Arc;

use windlass_core::cursor::ReadCursor;
use windlass_core::{SecretBytes, ct_eq};
use zeroize::Zeroizing;

use super::av_pairs::FLAG_MIC;
use super::crypto::{self, Key, Sender};
use super::seal::{MessageSecurity, SIGNATURE_SIZE};
use super::{
    AuthenticateMessage, AvId, AvPairs, ChallengeMessage, NAME, NegotiateFlags, NegotiateMessage, Version,
};
use crate::{
    AccountStore, AuthError, BindingPolicy, ChannelBinding, Direction, NtlmLogon, Principal, SealingProtocol,
    SecurityContext, Step,
};

/// The MD5 hash of no bytes at all. go-msrpc sends it where it has no channel binding; it is that of none, since the
/// structure that is hashed is never empty.
const HASH_OF_NOTHING: [u8; 16] =
    [0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e];

/// What an acceptor is made of.
#[derive(Clone)]
pub struct NtlmAcceptorOptions {
    /// Where accounts are looked up.
    pub accounts: Arc<dyn AccountStore>,
    /// The NetBIOS name of this computer.
    pub computer: String,
    /// The DNS name of this computer; may be empty.
    pub dns_name: String,
    /// The TLS channel that the logon travels in.
    pub channel_binding: Option<ChannelBinding>,
    /// What is demanded of the client's channel binding.
    pub binding_policy: BindingPolicy,
    /// The service principal names that this service answers to, compared without regard to case. `None`
    /// accepts any; a client that names no service is always accepted.
    pub targets: Option<Vec<String>>,
    /// Whether a client that sends no MIC is refused. Windows always sends one; curl never does.
    pub require_mic: bool,
    /// The time as a FILETIME (100 ns since 1601), told to the client.
    pub now: u64,
}

impl NtlmAcceptorOptions {
    /// Options that accept any account of the store under any service name.
    pub fn new(accounts: Arc<dyn AccountStore>, computer: &str, now: u64) -> Self {
        Self {
            accounts,
            computer: computer.to_uppercase(),
            dns_name: computer.to_lowercase(),
            channel_binding: None,
            binding_policy: BindingPolicy::default(),
            targets: None,
            require_mic: false,
            now,
        }
    }
}

/// The server's side of one NTLM context.
pub struct NtlmAcceptor {
    options: NtlmAcceptorOptions,
    state: State,
}

enum State {
    Start,
    Challenged(Challenged),
    Established(Established),
    Failed,
}

/// What was said so far; the MIC covers it.
struct Challenged {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    nonce: [u8; 8],
    flags: NegotiateFlags,
}

struct Established {
    principal: Principal,
    security: Option<Box<MessageSecurity>>,
    session_key: SecretBytes,
    has_mic: bool,
}

/// What the acceptor grants to a client that asks for it.
const GRANTED: NegotiateFlags = NegotiateFlags(
    NegotiateFlags::SIGN.0
        | NegotiateFlags::SEAL.0
        | NegotiateFlags::ALWAYS_SIGN.0
        | NegotiateFlags::VERSION.0
        | NegotiateFlags::KEY_128.0
        | NegotiateFlags::KEY_EXCH.0
        | NegotiateFlags::KEY_56.0,
);

/// Fixed part of NTLMv2_CLIENT_CHALLENGE before the AV pairs.
const CLIENT_CHALLENGE_FIXED: usize = 28;
/// Size of NTProofStr.
const PROOF_SIZE: usize = 16;
/// An NTLMv1 response is exactly this long; one of NTLM v2 is always longer.
const NTLM_V1_SIZE: usize = 24;

impl NtlmAcceptor {
    /// A context that waits for the client's first token.
    pub fn new(options: NtlmAcceptorOptions) -> Self {
        Self { options, state: State::Start }
    }

    fn challenge(&self, negotiate: &[u8]) -> Result<Challenged, AuthError> {
        let asked = NegotiateMessage::decode(negotiate)?.flags;
        if !asked.contains(NegotiateFlags::EXTENDED_SESSION_SECURITY) {
            return Err(refused("the client has no extended session security"));
        }
        let text = if asked.contains(NegotiateFlags::UNICODE) {
            NegotiateFlags::UNICODE
        } else if asked.contains(NegotiateFlags::OEM) {
            NegotiateFlags::OEM
        } else {
            return Err(refused("the client has no character set"));
        };
        let flags = (asked & GRANTED)
            | text
            | NegotiateFlags::NTLM
            | NegotiateFlags::REQUEST_TARGET
            | NegotiateFlags::TARGET_TYPE_SERVER
            | NegotiateFlags::EXTENDED_SESSION_SECURITY
            | NegotiateFlags::TARGET_INFO;
        let nonce = crypto::random()?;
        let challenge = ChallengeMessage {
            flags,
            target_name: self.options.computer.clone(),
            server_challenge: nonce,
            target_info: self.target_info(),
            version: flags.contains(NegotiateFlags::VERSION).then_some(Version::OWN),
        }
        .encode();
        Ok(Challenged { negotiate: negotiate.to_vec(), challenge, nonce, flags })
    }

    fn target_info(&self) -> AvPairs {
        let NtlmAcceptorOptions { computer, dns_name, now, .. } = &self.options;
        let mut pairs = AvPairs::new();
        pairs.set_text(AvId::NB_DOMAIN_NAME, computer);
        pairs.set_text(AvId::NB_COMPUTER_NAME, computer);
        pairs.set_text(AvId::DNS_DOMAIN_NAME, dns_name);
        pairs.set_text(AvId::DNS_COMPUTER_NAME, dns_name);
        pairs.set(AvId::TIMESTAMP, now.to_le_bytes());
        pairs
    }

    fn authenticate(&self, challenged: &Challenged, token: &[u8]) -> Result<Established, AuthError> {
        let message = AuthenticateMessage::decode(token)?;
        let (proof, blob) = refuse_weak(&message)?;

        let base_key = self.prove(&message, challenged.nonce, proof, blob)?;

        // From here on the client's AV pairs are authentic: the proof covers them.
        let pairs = client_pairs(blob)?;
        let session_key = session_key(&message, base_key)?;
        let has_mic = self.check_mic(challenged, &message, token, &pairs, &session_key)?;
        self.check_binding(&pairs)?;
        self.check_target(&pairs)?;

        let flags = message.flags & challenged.flags;
        let protects =
            NegotiateFlags::SIGN | NegotiateFlags::KEY_128 | NegotiateFlags::EXTENDED_SESSION_SECURITY;
        let key_exchange = message.flags.contains(NegotiateFlags::KEY_EXCH);
        let seals = flags.contains(NegotiateFlags::SEAL);
        let security = flags
            .contains(protects)
            .then(|| Box::new(MessageSecurity::new(&session_key, Sender::Server, key_exchange, seals)));
        Ok(Established {
            principal: Principal {
                domain: Some(message.domain).filter(|domain| !domain.is_empty()),
                user: message.user,
                mechanism: NAME,
            },
            security,
            session_key: SecretBytes::new(session_key.to_vec()),
            has_mic,
        })
    }

    /// Checks NTProofStr, here or in a domain, and gives SessionBaseKey.
    fn prove(
        &self,
        message: &AuthenticateMessage,
        challenge: [u8; 8],
        proof: &[u8],
        blob: &[u8],
    ) -> Result<Key, AuthError> {
        let AuthenticateMessage { domain, user, nt_response, .. } = message;
        let logon = NtlmLogon { domain, user, challenge, response: nt_response };
        if let Some(verdict) = self.options.accounts.check_ntlm(&logon) {
            let key: [u8; 16] = verdict?.expose().try_into().map_err(|_| AuthError::State {
                mechanism: NAME,
                reason: "got a session key of another length from the domain",
            })?;
            return Ok(Zeroizing::new(key));
        }
        // An unknown account goes the same way as a known one, with a key that fits no password.
        let account = self.options.accounts.nt_hash(domain, user);
        let known = account.is_some();
        let nt_hash = match account {
            Some(hash) => hash,
            None => SecretBytes::new(crypto::random::<16>()?.to_vec()),
        };
        let response_key = crypto::nt_owf_v2(&nt_hash, user, domain);
        let expected = crypto::nt_proof(&response_key, challenge, blob);
        if !ct_eq(&expected[..], proof) || !known {
            return Err(AuthError::LogonDenied);
        }
        Ok(crypto::session_base_key(&response_key, &expected))
    }

    /// A client that says, under the protection of its proof, that it sent a MIC must have sent the right
    /// one. Returns whether it did.
    fn check_mic(
        &self,
        challenged: &Challenged,
        message: &AuthenticateMessage,
        token: &[u8],
        pairs: &AvPairs,
        session_key: &Key,
    ) -> Result<bool, AuthError> {
        let fault = |fault| AuthError::HandshakeIntegrity { token: "ntlm authenticate message", fault };
        if pairs.flags() & FLAG_MIC == 0 {
            return if self.options.require_mic { Err(fault("missing")) } else { Ok(false) };
        }
        let (Some(offset), Some(mic)) = (message.mic_offset, message.mic) else {
            return Err(fault("missing"));
        };
        let (Some(before), Some(after)) = (token.get(..offset), token.get(offset + mic.len()..)) else {
            return Err(fault("missing"));
        };
        let expected = crypto::hmac_md5(
            &session_key[..],
            &[&challenged.negotiate, &challenged.challenge, before, &[0; 16], after],
        );
        if ct_eq(&expected[..], &mic) { Ok(true) } else { Err(fault("wrong")) }
    }

    /// [MS-NLMP] 3.2.5.1.2, ClientSuppliedChannelBindings.
    fn check_binding(&self, pairs: &AvPairs) -> Result<(), AuthError> {
        let is_none = |hash: &&[u8]| hash.iter().all(|byte| *byte == 0) || **hash == HASH_OF_NOTHING;
        let sent = pairs.get(AvId::CHANNEL_BINDINGS).filter(|hash| !is_none(hash));
        match (self.options.binding_policy, &self.options.channel_binding, sent) {
            (BindingPolicy::None, ..) | (_, None, None) | (BindingPolicy::Relaxed, Some(_), None) => Ok(()),
            (BindingPolicy::Strict, Some(_), None) => {
                Err(AuthError::ChannelBinding("the client sent none, and the policy is strict"))
            }
            (_, None, Some(_)) => {
                Err(AuthError::ChannelBinding("the client is bound to a TLS channel, and there is none here"))
            }
            (_, Some(binding), Some(hash)) => {
                if ct_eq(&binding.gss_hash(), hash) {
                    Ok(())
                } else {
                    Err(AuthError::ChannelBinding("the client is bound to another TLS channel"))
                }
            }
        }
    }

    fn check_target(&self, pairs: &AvPairs) -> Result<(), AuthError> {
        let Some(accepted) = &self.options.targets else { return Ok(()) };
        let Some(meant) = pairs.text(AvId::TARGET_NAME).filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let meant = meant.to_lowercase();
        if accepted.iter().any(|name| name.to_lowercase() == meant) {
            Ok(())
        } else {
            Err(AuthError::WrongTarget)
        }
    }

    fn security(&mut self) -> Result<&mut MessageSecurity, AuthError> {
        match &mut self.state {
            State::Established(Established { security: Some(security), .. }) => Ok(security),
            State::Established(_) => {
                Err(AuthError::State { mechanism: NAME, reason: "has no keys, as the client asked for none" })
            }
            _ => Err(AuthError::State { mechanism: NAME, reason: "has no keys yet" }),
        }
    }
}

/// Refuses anonymous, LM and NTLMv1 logons; otherwise gives NTProofStr and what it proves.
fn refuse_weak(message: &AuthenticateMessage) -> Result<(&[u8], &[u8]), AuthError> {
    if message.flags.contains(NegotiateFlags::ANONYMOUS)
        || message.user.is_empty()
        || message.nt_response.is_empty() && message.lm_response.len() <= 1
    {
        return Err(refused("anonymous logon"));
    }
    if message.nt_response.len() <= NTLM_V1_SIZE {
        return Err(refused("LM or NTLMv1 response"));
    }
    message.nt_response.split_at_checked(PROOF_SIZE).ok_or_else(|| refused("LM or NTLMv1 response"))
}

/// The AV pairs of an NTLMv2_CLIENT_CHALLENGE ([MS-NLMP] 2.2.2.7).
fn client_pairs(blob: &[u8]) -> Result<AvPairs, AuthError> {
    const TOKEN: &str = "ntlm client challenge";
    let short = AuthError::truncated(TOKEN);
    let mut cursor = ReadCursor::new(blob);
    let fixed = cursor.take(CLIENT_CHALLENGE_FIXED, "NTLMv2_CLIENT_CHALLENGE").map_err(&short)?;
    if !fixed.starts_with(&[1, 1]) {
        return Err(AuthError::Malformed { token: TOKEN, field: "RespType", reason: "expected version 1" });
    }
    AvPairs::decode(&mut cursor)
}

/// ExportedSessionKey ([MS-NLMP] 3.2.5.1.2).
fn session_key(message: &AuthenticateMessage, base_key: Key) -> Result<Key, AuthError> {
    if !message.flags.contains(NegotiateFlags::KEY_EXCH)
        || (message.flags & (NegotiateFlags::SIGN | NegotiateFlags::SEAL)) == NegotiateFlags::default()
    {
        return Ok(base_key);
    }
    let encrypted =
        message.encrypted_session_key.as_slice().try_into().map_err(|_| AuthError::Malformed {
            token: "ntlm authenticate message",
            field: "EncryptedRandomSessionKey",
            reason: "expected 16 bytes",
        })?;
    Ok(crypto::rc4k(&base_key, &Zeroizing::new(encrypted)))
}

fn refused(reason: &'static str) -> AuthError {
    AuthError::Policy { mechanism: NAME, reason }
}

impl SecurityContext for NtlmAcceptor {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let Some(token) = input else {
            return Err(AuthError::State { mechanism: NAME, reason: "acceptor waits for the client" });
        };
        match state {
            State::Start => {
                let challenged = self.challenge(token)?;
                let challenge = challenged.challenge.clone();
                self.state = State::Challenged(challenged);
                Ok(Step::Continue(challenge))
            }
            State::Challenged(challenged) => {
                self.state = State::Established(self.authenticate(&challenged, token)?);
                Ok(Step::Complete(None))
            }
            State::Established(_) => {
                Err(AuthError::State { mechanism: NAME, reason: "is complete and expects no token" })
            }
            State::Failed => Err(AuthError::State { mechanism: NAME, reason: "has failed before" }),
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

    fn peer(&self) -> Option<&Principal> {
        match &self.state {
            State::Established(established) => Some(&established.principal),
            _ => None,
        }
    }

    fn mechanism(&self) -> &'static str {
        NAME
    }

    fn wants_mech_list_mic(&self) -> bool {
        matches!(self.state, State::Established(Established { has_mic: true, .. }))
    }

    fn mech_list_mic_done(&mut self, direction: Direction) {
        if let Ok(security) = self.security() {
            security.restart_cipher(direction);
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::Secret;

    use super::*;
    use crate::Accounts;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn acceptor(require_mic: bool) -> NtlmAcceptor {
        let mut accounts = Accounts::new();
        accounts.insert("User", Secret::new("Password"));
        let options = NtlmAcceptorOptions::new(Arc::new(accounts), "Server", 0);
        NtlmAcceptor::new(NtlmAcceptorOptions { require_mic, ..options })
    }

    #[test]
    fn a_hash_of_nothing_is_no_channel_binding() {
        let checked = |hash: [u8; 16]| {
            let mut pairs = AvPairs::default();
            pairs.set(AvId::CHANNEL_BINDINGS, hash);
            acceptor(false).check_binding(&pairs)
        };
        assert!(checked([0; 16]).is_ok());
        assert!(checked(HASH_OF_NOTHING).is_ok());
        assert!(checked([1; 16]).is_err());
    }

    fn challenged() -> Challenged {
        let challenge = hex(include_str!("../../../../fixtures/auth/ms_nlmp_4_2_4_3_challenge.hex"));
        let ChallengeMessage { flags, server_challenge: nonce, .. } =
            ChallengeMessage::decode(&challenge).unwrap();
        Challenged { negotiate: Vec::new(), challenge, nonce, flags }
    }

    const AUTHENTICATE: &str = include_str!("../../../../fixtures/auth/ms_nlmp_4_2_4_3_authenticate.hex");

    /// The client of [MS-NLMP] 4.2.4 logs on to our acceptor.
    #[test]
    fn the_client_of_the_specification_logs_on() {
        let established = acceptor(false).authenticate(&challenged(), &hex(AUTHENTICATE)).unwrap();
        assert_eq!(established.principal.to_string(), "Domain\\User");
        assert_eq!(established.session_key.expose(), [0x55; 16]);
        let mut data = hex("54e50165bf1936dc996020c1811b0f06fb5f");
        let signature = hex("010000007fb38ec5c55d497600000000");
        established.security.unwrap().unseal(&signature, &mut data).unwrap();
        assert_eq!(data, "Plaintext".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    }

    #[test]
    fn a_policy_may_ask_for_the_mic_that_this_client_does_not_send() {
        let error = acceptor(true).authenticate(&challenged(), &hex(AUTHENTICATE)).err().unwrap();
        assert_eq!(error.to_string(), "the integrity code of the ntlm authenticate message is missing");
    }

    #[test]
    fn weak_responses_are_refused() {
        let good = AuthenticateMessage::decode(&hex(AUTHENTICATE)).unwrap();
        for (lm, nt) in [(24, 24), (24, 0), (0, 24), (1, 0), (0, 0)] {
            let message =
                AuthenticateMessage { lm_response: vec![7; lm], nt_response: vec![7; nt], ..good.clone() };
            let error = acceptor(false).authenticate(&challenged(), &message.encode()).err().unwrap();
            assert!(matches!(error, AuthError::Policy { .. }), "lm {lm}, nt {nt}: {error}");
        }
    }
}
