//! The service's side of Kerberos under GSS-API ([RFC 4121]).

use std::sync::Arc;

use windlass_core::{SecretBytes, ct_eq};
use zeroize::Zeroizing;

use super::crypto::{Key, random};
use super::gss::{self, GssChecksum, TokenId};
use super::keytab::Keytab;
use super::messages::{
    ApRepContent, ApReq, Authenticator, EncryptedData, Ticket, TicketContent, decode_ap_rep, encode_ap_rep,
    usage,
};
use super::name::{FullName, PrincipalName};
use super::replay::ReplayCache;
use super::wrap::{MessageSecurity, Protection, SIGNATURE_SIZE, seal_size};
use super::{NAME, time};
use crate::{AuthError, BindingPolicy, ChannelBinding, Principal, SealingProtocol, SecurityContext, Step};

/// With no more keys than this is the decryption of one ticket tried.
const MAX_KEYS: usize = 64;

/// What an acceptor is made of.
#[derive(Debug, Clone)]
pub struct KerberosAcceptorOptions {
    /// The keys of the service.
    pub keytab: Arc<Keytab>,
    /// What was presented before; shared by all acceptors with these keys.
    pub replay: Arc<ReplayCache>,
    /// The TLS channel that the logon travels in.
    pub channel_binding: Option<ChannelBinding>,
    /// What is demanded of the client's channel binding.
    pub binding_policy: BindingPolicy,
    /// The service principal names that are answered to, compared without regard to case. `None` accepts
    /// tickets for every name that the keytab has.
    pub services: Option<Vec<String>>,
    /// How far the client's clock may be off, in seconds.
    pub clock_skew: u32,
    /// The time as a FILETIME (100 ns since 1601).
    pub now: u64,
}

impl KerberosAcceptorOptions {
    /// Options that accept tickets for every name in the keytab.
    pub fn new(keytab: Arc<Keytab>, replay: Arc<ReplayCache>, now: u64) -> Self {
        Self {
            keytab,
            replay,
            channel_binding: None,
            binding_policy: BindingPolicy::default(),
            services: None,
            clock_skew: 300,
            now,
        }
    }
}

/// The service's side of one Kerberos context.
pub struct KerberosAcceptor {
    options: KerberosAcceptorOptions,
    state: State,
    dce_style: bool,
}

enum State {
    Start,
    /// Waits for the third leg of RPC.
    Answered {
        established: Box<Established>,
        ticket_key: Key,
        sequence: u32,
    },
    Established(Box<Established>),
    Failed,
}

struct Established {
    principal: Principal,
    security: MessageSecurity,
    session_key: SecretBytes,
}

impl KerberosAcceptor {
    /// A context that waits for the client's first token.
    pub fn new(options: KerberosAcceptorOptions) -> Self {
        Self { options, state: State::Start, dce_style: false }
    }

    fn accept(&mut self, token: &[u8]) -> Result<Step, AuthError> {
        let (TokenId::ApReq, message) = gss::unframe(token)? else {
            return Err(refused("the client did not send an AP-REQ"));
        };
        let request = ApReq::decode(message)?;
        if request.options & ApReq::USE_SESSION_KEY != 0 {
            return Err(refused("a ticket under the key of another ticket"));
        }
        let ticket = self.open_ticket(&request.ticket)?;
        let authenticator = self.open_authenticator(&request, &ticket)?;
        let checksum = gss_checksum(&authenticator)?;
        self.check_binding(&checksum)?;
        let (now, _) = time::from_filetime(self.options.now);
        let skew = i64::from(self.options.clock_skew);
        let until = authenticator.time.saturating_add(skew);
        self.options.replay.check(&request.authenticator.cipher, now, until)?;
        self.answer(&request, &ticket, authenticator, &checksum)
    }

    /// Decrypts the ticket with the key that it names, or with any that fits.
    fn open_ticket(&self, ticket: &Ticket) -> Result<TicketContent, AuthError> {
        let wanted = FullName { realm: ticket.realm.clone(), name: ticket.service.clone() };
        if !self.answers_to(&ticket.service) {
            return Err(AuthError::WrongTarget);
        }
        let keytab = &self.options.keytab;
        let own = keytab.of(&wanted);
        // The name in the ticket is not protected; a key of another name that fits is as good.
        let others = keytab.entries().iter().filter(|entry| {
            !(entry.owner.realm.eq_ignore_ascii_case(&wanted.realm)
                && entry.owner.name.same_ignoring_case(&wanted.name))
        });
        let fits = |key: &&super::KeytabEntry| key.key.enctype().number() == ticket.enc_part.etype;
        let mut candidates: Vec<_> = own.chain(others).filter(fits).take(MAX_KEYS).collect();
        candidates.sort_by_key(|entry| ticket.enc_part.kvno != Some(entry.kvno));
        let content: Zeroizing<Vec<u8>> = candidates
            .iter()
            .find_map(|entry| ticket.enc_part.decrypt(&entry.key, usage::TICKET))
            .ok_or(AuthError::Ticket("it is not encrypted with a key of the keytab"))?;
        let content = TicketContent::decode(&content)?;
        let (now, _) = time::from_filetime(self.options.now);
        let skew = i64::from(self.options.clock_skew);
        if content.end_time.saturating_add(skew) < now {
            return Err(AuthError::Ticket("it has expired"));
        }
        let start = content.start_time.unwrap_or(content.auth_time);
        if start.saturating_sub(skew) > now || content.flags & TicketContent::INVALID != 0 {
            return Err(AuthError::Ticket("it is not valid yet"));
        }
        Ok(content)
    }

    fn answers_to(&self, service: &PrincipalName) -> bool {
        let Some(services) = &self.options.services else { return true };
        let name = service.components.join("/").to_lowercase();
        services.iter().any(|own| own.to_lowercase() == name)
    }

    fn open_authenticator(
        &self,
        request: &ApReq,
        ticket: &TicketContent,
    ) -> Result<Authenticator, AuthError> {
        let content = request
            .authenticator
            .decrypt(&ticket.key, usage::AP_REQ_AUTHENTICATOR)
            .ok_or(AuthError::Ticket("the client does not know its key"))?;
        let authenticator = Authenticator::decode(&content)?;
        if authenticator.client.realm != ticket.client.realm
            || !authenticator.client.name.same(&ticket.client.name)
        {
            return Err(AuthError::Ticket("it is another client's"));
        }
        let (now, _) = time::from_filetime(self.options.now);
        if authenticator.time.abs_diff(now) > u64::from(self.options.clock_skew) {
            return Err(AuthError::Ticket("the clocks of client and service are too far apart"));
        }
        Ok(authenticator)
    }

    fn check_binding(&self, checksum: &GssChecksum) -> Result<(), AuthError> {
        let sent = Some(&checksum.binding).filter(|hash| hash.iter().any(|octet| *octet != 0));
        match (self.options.binding_policy, &self.options.channel_binding, sent) {
            (BindingPolicy::None, ..) | (_, None, None) | (BindingPolicy::Relaxed, Some(_), None) => Ok(()),
            (BindingPolicy::Strict, Some(_), None) => {
                Err(AuthError::ChannelBinding("the client sent none, and the policy is strict"))
            }
            (_, None, Some(_)) => {
                Err(AuthError::ChannelBinding("the client is bound to a TLS channel, and there is none here"))
            }
            (_, Some(binding), Some(hash)) if ct_eq(&binding.gss_hash(), hash) => Ok(()),
            (_, Some(_), Some(_)) => {
                Err(AuthError::ChannelBinding("the client is bound to another TLS channel"))
            }
        }
    }

    fn answer(
        &mut self,
        request: &ApReq,
        ticket: &TicketContent,
        authenticator: Authenticator,
        checksum: &GssChecksum,
    ) -> Result<Step, AuthError> {
        let dce_style = checksum.flags & GssChecksum::DCE_STYLE != 0;
        self.dce_style = dce_style;
        let mutual = dce_style
            || checksum.flags & GssChecksum::MUTUAL != 0
            || request.options & ApReq::MUTUAL_REQUIRED != 0;
        let principal = Principal {
            domain: Some(ticket.client.realm.clone()),
            user: ticket.client.name.components.join("/"),
            mechanism: NAME,
        };
        let client_sequence = authenticator.sequence.unwrap_or(0);
        let client_key = authenticator.subkey.unwrap_or_else(|| ticket.key.clone());
        let established = |key: Key, acceptor_key: bool, sequence: u32| {
            let protection = Protection {
                key,
                initiator: false,
                acceptor_key,
                dce_style,
                sequence_out: sequence,
                sequence_in: client_sequence,
            };
            Box::new(Established {
                principal,
                security: MessageSecurity::new(&protection),
                session_key: protection.key.bytes().clone(),
            })
        };
        if !mutual {
            // Both sides start with the number that the client gave.
            self.state = State::Established(established(client_key, false, client_sequence));
            return Ok(Step::Complete(None));
        }
        let subkey = Key::random(client_key.enctype())?;
        let sequence = u32::from_be_bytes(random()?) & 0x3FFF_FFFF;
        let content = ApRepContent {
            time: authenticator.time,
            micros: authenticator.micros,
            subkey: Some(subkey.clone()),
            sequence: Some(sequence),
        }
        .encode();
        let message = encode_ap_rep(&EncryptedData::seal(&ticket.key, None, usage::AP_REP, &content)?);
        let established = established(subkey, true, sequence);
        if dce_style {
            self.state = State::Answered { established, ticket_key: ticket.key.clone(), sequence };
            return Ok(Step::Continue(message));
        }
        self.state = State::Established(established);
        Ok(Step::Complete(Some(gss::frame(TokenId::ApRep, &message))))
    }

    /// The client's AP-REP, which repeats the number that the service starts to count with.
    fn third_leg(
        &mut self,
        token: &[u8],
        established: Box<Established>,
        ticket_key: &Key,
        sequence: u32,
    ) -> Result<Step, AuthError> {
        let wrong = AuthError::HandshakeIntegrity { token: "kerberos AP-REP", fault: "wrong" };
        let (TokenId::ApRep, message) = gss::unframe(token)? else {
            return Err(refused("the client did not send an AP-REP"));
        };
        let content = decode_ap_rep(message)?.decrypt(ticket_key, usage::AP_REP).ok_or(wrong.clone())?;
        if ApRepContent::decode(&content)?.sequence != Some(sequence) {
            return Err(wrong);
        }
        self.state = State::Established(established);
        Ok(Step::Complete(None))
    }

    fn is_dce_style(&self) -> bool {
        self.dce_style
    }

    fn security(&mut self) -> Result<&mut MessageSecurity, AuthError> {
        match &mut self.state {
            State::Established(established) => Ok(&mut established.security),
            _ => Err(AuthError::State { mechanism: NAME, reason: "has no keys yet" }),
        }
    }
}

fn gss_checksum(authenticator: &Authenticator) -> Result<GssChecksum, AuthError> {
    match &authenticator.checksum {
        Some((GssChecksum::TYPE, content)) => GssChecksum::decode(content),
        _ => Err(refused("an authenticator without the checksum of GSS-API")),
    }
}

fn refused(reason: &'static str) -> AuthError {
    AuthError::Policy { mechanism: NAME, reason }
}

impl SecurityContext for KerberosAcceptor {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let Some(token) = input else {
            return Err(AuthError::State { mechanism: NAME, reason: "acceptor waits for the client" });
        };
        match state {
            State::Start => self.accept(token),
            State::Answered { established, ticket_key, sequence } => {
                self.third_leg(token, established, &ticket_key, sequence)
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
        self.is_complete()
    }

    fn sealing_protocol(&self) -> SealingProtocol {
        SealingProtocol::Kerberos
    }

    super::forward_wrap!();

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
}
