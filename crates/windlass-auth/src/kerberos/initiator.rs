//! The client's side of Kerberos under GSS-API ([RFC 4121]).

use std::net::IpAddr;
use std::sync::Arc;

use windlass_core::SecretBytes;

use super::crypto::{Key, random};
use super::exchange::{Progress, Proof, TicketRequest};
use super::gss::{self, GssChecksum, TokenId};
use super::kdc::KrbError;
use super::messages::{
    ApRepContent, ApReq, Authenticator, EncryptedData, ap_req, decode_ap_rep, encode_ap_rep, usage,
};
use super::name::{FullName, PrincipalName};
use super::tickets::{HeldTicket, TicketStore};
use super::wrap::{MessageSecurity, Protection, SIGNATURE_SIZE, seal_size};
use super::{Krb5Config, NAME, refusal, time};
use crate::{AuthError, ChannelBinding, Credential, SealingProtocol, SecurityContext, Step};

/// What an initiator is made of.
#[derive(Debug, Clone)]
pub struct KerberosInitiatorOptions {
    /// Who logs on.
    pub credential: Credential,
    /// The service principal name that is meant, such as `HTTP/server.corp.example`.
    pub service: String,
    /// What is known of realms.
    pub config: Arc<Krb5Config>,
    /// Tickets that are held already and those to come; share it between the contexts of a session.
    pub tickets: Arc<TicketStore>,
    /// The TLS channel that the logon travels in.
    pub channel_binding: Option<ChannelBinding>,
    /// Whether the handshake has the third leg and messages have the form that RPC wants.
    pub dce_style: bool,
    /// Whether messages are to be sealed. Some services reckon with sealed messages from then on, so a
    /// context that is for signatures alone has to say so.
    pub confidentiality: bool,
    /// The time as a FILETIME (100 ns since 1601).
    pub now: u64,
}

impl KerberosInitiatorOptions {
    /// Options with nothing but who, where to and the time.
    pub fn new(
        credential: Credential,
        service: &str,
        config: Arc<Krb5Config>,
        tickets: Arc<TicketStore>,
        now: u64,
    ) -> Self {
        Self {
            credential,
            service: service.to_owned(),
            config,
            tickets,
            channel_binding: None,
            dce_style: false,
            confidentiality: true,
            now,
        }
    }

    /// Whether Kerberos is worth a try where NTLM would do: the service has a name, and the credential
    /// says which realm it belongs to. A bare user name is taken for a local account of the server.
    pub fn is_promising(&self) -> bool {
        let host = self.service.split_once('/').map_or("", |(_, host)| host);
        if host.is_empty() || host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
            return false;
        }
        let configured = |realm: &str| find_realm(&self.config, realm).is_some();
        match &self.credential {
            Credential::Password { domain: Some(domain), .. } => configured(domain),
            Credential::Password { domain: None, user, .. } => {
                user.rsplit_once('@').is_some_and(|(_, suffix)| suffix.contains('.') || configured(suffix))
            }
            Credential::NtHash { .. } => false,
            Credential::Keytab { .. } | Credential::Tickets(_) | Credential::System => true,
        }
    }
}

/// The client's side of one Kerberos context.
pub struct KerberosInitiator {
    options: KerberosInitiatorOptions,
    state: State,
}

enum State {
    Start,
    Asking(Box<TicketRequest>),
    Sent(Box<Sent>),
    Established(Box<Established>),
    Failed,
}

/// What was said in the AP-REQ.
struct Sent {
    ticket: HeldTicket,
    subkey: Key,
    sequence: u32,
    time: i64,
    micros: u32,
}

struct Established {
    security: MessageSecurity,
    session_key: SecretBytes,
}

impl KerberosInitiator {
    /// A context that has not said anything yet.
    pub fn new(options: KerberosInitiatorOptions) -> Self {
        Self { options, state: State::Start }
    }

    fn request(&self) -> Result<TicketRequest, AuthError> {
        let KerberosInitiatorOptions { credential, service, config, tickets, now, .. } = &self.options;
        let client = client_name(credential, config)?;
        let proof = match credential {
            Credential::Password { password, .. } => Proof::Password(password.clone()),
            Credential::Keytab { keytab, .. } => Proof::Keytab(Arc::clone(keytab)),
            Credential::Tickets(cache) => {
                tickets.load(cache);
                Proof::Tickets
            }
            Credential::NtHash { .. } => {
                return Err(AuthError::Credential {
                    mechanism: NAME,
                    reason: "an NT hash is no key for AES",
                });
            }
            Credential::System => return Err(not_ours()),
        };
        let service = service_name(service)?;
        let now = time::from_filetime(*now);
        Ok(TicketRequest::new(client, service, proof, Arc::clone(config), Arc::clone(tickets), now))
    }

    fn follow(&mut self, mut request: Box<TicketRequest>, progress: Progress) -> Result<Step, AuthError> {
        match progress {
            Progress::Ask(ask) => {
                self.state = State::Asking(request);
                Ok(Step::AskKdc(ask))
            }
            Progress::Done(ticket) => {
                request.client = ticket.client.clone();
                self.send(ticket)
            }
        }
    }

    /// The AP-REQ.
    fn send(&mut self, ticket: HeldTicket) -> Result<Step, AuthError> {
        let (time, micros) = time::from_filetime(self.options.now);
        let subkey = Key::random(ticket.key.enctype())?;
        // A small first number, as some acceptors take large ones for negative.
        let sequence = u32::from_be_bytes(random()?) & 0x3FFF_FFFF;
        let mut flags =
            GssChecksum::MUTUAL | GssChecksum::REPLAY | GssChecksum::SEQUENCE | GssChecksum::INTEGRITY;
        if self.options.confidentiality {
            flags |= GssChecksum::CONFIDENTIALITY;
        }
        if self.options.dce_style {
            flags |= GssChecksum::DCE_STYLE;
        }
        let checksum = GssChecksum::new(self.options.channel_binding.as_ref(), flags);
        let authenticator = Authenticator {
            client: ticket.client.clone(),
            checksum: Some((GssChecksum::TYPE, checksum.encode())),
            micros,
            time,
            subkey: Some(subkey.clone()),
            sequence: Some(sequence),
        }
        .encode();
        let authenticator =
            EncryptedData::seal(&ticket.key, None, usage::AP_REQ_AUTHENTICATOR, &authenticator)?;
        let message = ap_req(ApReq::MUTUAL_REQUIRED, &ticket.ticket, &authenticator);
        self.state = State::Sent(Box::new(Sent { ticket, subkey, sequence, time, micros }));
        Ok(Step::Continue(if self.options.dce_style {
            message
        } else {
            gss::frame(TokenId::ApReq, &message)
        }))
    }

    /// The service's answer.
    fn receive(&mut self, sent: &Sent, token: &[u8]) -> Result<Step, AuthError> {
        let (id, message) = gss::unframe(token)?;
        let message = match id {
            TokenId::ApRep => message,
            TokenId::Error => {
                let service = sent.ticket.service.name.clone();
                self.options.tickets.forget(&sent.ticket.client, &service);
                return Err(refusal::of_service(&KrbError::decode(message)?, sent.time));
            }
            TokenId::ApReq => return Err(unexpected("got an AP-REQ in answer to its own")),
        };
        let content = decode_ap_rep(message)?
            .decrypt(&sent.ticket.key, usage::AP_REP)
            .ok_or(AuthError::HandshakeIntegrity { token: "kerberos AP-REP", fault: "wrong" })?;
        let content = ApRepContent::decode(&content)?;
        let third = if self.options.dce_style {
            // The time in it is the service's own.
            Some(self.third_leg(sent, &content)?)
        } else {
            if (content.time, content.micros) != (sent.time, sent.micros) {
                return Err(AuthError::HandshakeIntegrity { token: "kerberos AP-REP", fault: "wrong" });
            }
            None
        };
        let acceptor_key = content.subkey.is_some();
        let key = content.subkey.unwrap_or_else(|| sent.subkey.clone());
        let protection = Protection {
            key,
            initiator: true,
            acceptor_key,
            dce_style: self.options.dce_style,
            sequence_out: sent.sequence,
            sequence_in: content.sequence.unwrap_or(0),
        };
        self.state = State::Established(Box::new(Established {
            security: MessageSecurity::new(&protection),
            session_key: protection.key.bytes().clone(),
        }));
        Ok(Step::Complete(third))
    }

    /// The AP-REP of the client, which proves that it got that of the service ([MS-KILE] 3.4.5.1).
    fn third_leg(&self, sent: &Sent, answer: &ApRepContent) -> Result<Vec<u8>, AuthError> {
        let (time, micros) = time::from_filetime(self.options.now);
        let content = ApRepContent { time, micros, subkey: None, sequence: answer.sequence }.encode();
        Ok(encode_ap_rep(&EncryptedData::seal(&sent.ticket.key, None, usage::AP_REP, &content)?))
    }

    fn is_dce_style(&self) -> bool {
        self.options.dce_style
    }

    fn security(&mut self) -> Result<&mut MessageSecurity, AuthError> {
        match &mut self.state {
            State::Established(established) => Ok(&mut established.security),
            _ => Err(unexpected("has no keys yet")),
        }
    }
}

/// Whom a credential names.
fn client_name(credential: &Credential, config: &Krb5Config) -> Result<FullName, AuthError> {
    let default = config.default_realm.as_deref();
    let (user, realm) = match credential {
        Credential::Tickets(cache) => return Ok(cache.owner().clone()),
        Credential::System => return Err(not_ours()),
        Credential::Keytab { principal, .. } => return FullName::parse(principal, default),
        Credential::Password { domain: Some(domain), user, .. }
        | Credential::NtHash { domain: Some(domain), user, .. } => (user.as_str(), Some(domain.as_str())),
        Credential::Password { domain: None, user, .. } | Credential::NtHash { domain: None, user, .. } => {
            match user.rsplit_once('@') {
                Some((user, realm)) => (user, Some(realm)),
                None => (user.as_str(), None),
            }
        }
    };
    let realm = match realm {
        None => default.map(str::to_owned),
        Some(name) => Some(find_realm(config, name).map_or_else(|| name.to_uppercase(), str::to_owned)),
    };
    let realm = realm.ok_or_else(|| {
        AuthError::Kerberos(format!(
            "which realm {user} belongs to is not known: write the name as {user}@REALM, or set default_realm \
             in krb5.conf"
        ))
    })?;
    let name = PrincipalName { kind: PrincipalName::NT_PRINCIPAL, components: vec![user.to_owned()] };
    Ok(FullName { realm, name })
}

fn not_ours() -> AuthError {
    let reason = "tickets that the operating system holds are used through its own Kerberos alone";
    AuthError::Credential { mechanism: NAME, reason }
}

/// The configured realm of this name. A short name, such as CORP, is that of the default realm where it
/// starts so.
fn find_realm<'a>(config: &'a Krb5Config, name: &str) -> Option<&'a str> {
    let starts_so =
        |realm: &&str| realm.split('.').next().is_some_and(|label| label.eq_ignore_ascii_case(name));
    config.find_realm(name).or_else(|| config.default_realm.as_deref().filter(starts_so))
}

/// `HTTP/server` in its parts.
fn service_name(service: &str) -> Result<PrincipalName, AuthError> {
    match service.split_once('/') {
        Some((class, host)) if !class.is_empty() && !host.is_empty() => Ok(PrincipalName {
            kind: PrincipalName::NT_SRV_INST,
            components: vec![class.to_owned(), host.to_owned()],
        }),
        _ => Err(AuthError::Malformed {
            token: "service principal name",
            field: "name",
            reason: "expected CLASS/HOST",
        }),
    }
}

fn unexpected(reason: &'static str) -> AuthError {
    AuthError::State { mechanism: NAME, reason }
}

impl SecurityContext for KerberosInitiator {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match (std::mem::replace(&mut self.state, State::Failed), input) {
            (State::Start, None) => {
                let mut request = Box::new(self.request()?);
                let progress = request.start()?;
                self.follow(request, progress)
            }
            (State::Sent(sent), Some(token)) => self.receive(&sent, token),
            (State::Start, Some(_)) => Err(unexpected("speaks first and expects no token")),
            (State::Asking(_), _) => Err(unexpected("waits for the KDC")),
            (State::Sent(_), None) => Err(unexpected("needs the answer of the peer")),
            (State::Established(_), _) => Err(unexpected("is complete and expects no token")),
            (State::Failed, _) => Err(unexpected("has failed before")),
        }
    }

    fn kdc_reply(&mut self, reply: &[u8]) -> Result<Step, AuthError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Asking(mut request) => {
                let progress = request.reply(reply)?;
                self.follow(request, progress)
            }
            _ => Err(unexpected("has asked no KDC")),
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

    fn mechanism(&self) -> &'static str {
        NAME
    }
}
