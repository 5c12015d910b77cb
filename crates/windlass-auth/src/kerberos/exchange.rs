//! Getting a ticket for a service: the client's side of the exchanges with KDCs ([RFC 4120] sections 3.1
//! and 3.3, referrals after [RFC 6806] section 8).

use std::sync::Arc;

use windlass_core::Secret;

use super::crypto::{Enctype, Key, enctype_name, random};
use super::kdc::{
    EtypeInfo2, KdcRep, KdcRepContent, KdcReq, KdcReqBody, KrbError, PaData, body_checksum, option, padata,
    timestamp,
};
use super::keytab::Keytab;
use super::messages::{Authenticator, EncryptedData, ap_req, usage};
use super::name::{FullName, PrincipalName};
use super::refusal::{self, About};
use super::tickets::{HeldTicket, TicketStore};
use super::{Krb5Config, NAME};
use crate::{AuthError, KdcRequest};

/// How long tickets are asked for, in seconds; the KDC may give less.
const LIFETIME: i64 = 10 * 3600;
/// No answer of a KDC is longer, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// Over no more realms than this is a service looked for.
const MAX_HOPS: usize = 8;

/// What proves to a KDC who the client is.
#[derive(Clone)]
pub(super) enum Proof {
    Password(Secret),
    Keytab(Arc<Keytab>),
    /// Nothing but the tickets in the store.
    Tickets,
}

/// What comes next.
pub(super) enum Progress {
    Ask(KdcRequest),
    Done(HeldTicket),
}

/// One attempt to get a ticket.
pub(super) struct TicketRequest {
    pub(super) client: FullName,
    pub(super) service: PrincipalName,
    proof: Proof,
    config: Arc<Krb5Config>,
    store: Arc<TicketStore>,
    /// Seconds since 1970, and microseconds.
    now: (i64, u32),
    state: State,
}

enum State {
    Start,
    /// Waits for an initial ticket.
    Initial {
        nonce: u32,
        key: Option<Key>,
    },
    /// Waits for a ticket of a ticket-granting service.
    Granting {
        nonce: u32,
        through: Box<HeldTicket>,
        wanted: PrincipalName,
        visited: Vec<String>,
    },
    Over,
}

impl TicketRequest {
    pub(super) fn new(
        client: FullName,
        service: PrincipalName,
        proof: Proof,
        config: Arc<Krb5Config>,
        store: Arc<TicketStore>,
        now: (i64, u32),
    ) -> Self {
        Self { client, service, proof, config, store, now, state: State::Start }
    }

    /// Looks at what is held, and asks for what is missing.
    pub(super) fn start(&mut self) -> Result<Progress, AuthError> {
        if let Some(ticket) = self.store.find(&self.client, &self.service, None)
            && ticket.is_valid(self.now.0)
        {
            return Ok(Progress::Done(ticket));
        }
        let granting = PrincipalName::ticket_granting(&self.client.realm);
        match self.store.find(&self.client, &granting, Some(&self.client.realm)) {
            Some(ticket) if ticket.is_valid(self.now.0) => self.grant(ticket, Vec::new()),
            held => match &self.proof {
                Proof::Tickets if held.is_some() => Err(AuthError::Kerberos(format!(
                    "the ticket of {} has expired: log on again, for example with kinit",
                    self.client
                ))),
                Proof::Tickets => Err(AuthError::Kerberos(format!(
                    "the credential cache of {} has no ticket-granting ticket of its realm that can be used: \
                     log on, for example with kinit",
                    self.client
                ))),
                _ => self.ask_initial(None, Vec::new()),
            },
        }
    }

    /// Takes the answer of the KDC.
    pub(super) fn reply(&mut self, bytes: &[u8]) -> Result<Progress, AuthError> {
        if bytes.len() > MAX_ANSWER {
            return Err(AuthError::TooLarge {
                what: "answer of the KDC",
                actual: bytes.len(),
                limit: MAX_ANSWER,
            });
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Initial { key, .. } if KrbError::is_error(bytes) => {
                self.initial_refused(&KrbError::decode(bytes)?, key.is_some())
            }
            State::Initial { nonce, key } => self.initial_answer(&KdcRep::decode(bytes)?, nonce, key),
            State::Granting { through, wanted, .. } if KrbError::is_error(bytes) => {
                let realm =
                    through.service.name.granting_realm().unwrap_or(&through.service.realm).to_owned();
                let service = wanted.to_string();
                let about = About { client: &self.client.to_string(), service: &service, now: self.now.0 };
                Err(refusal::of_kdc(&realm, &KrbError::decode(bytes)?, &about))
            }
            State::Granting { nonce, through, wanted, visited } => {
                self.granted(&KdcRep::decode(bytes)?, nonce, &through, wanted, visited)
            }
            State::Start | State::Over => {
                Err(AuthError::State { mechanism: NAME, reason: "has asked no KDC" })
            }
        }
    }

    fn ask_initial(&mut self, key: Option<Key>, padata: Vec<PaData>) -> Result<Progress, AuthError> {
        let nonce = nonce()?;
        let body = KdcReqBody {
            options: option::FORWARDABLE,
            client: Some(self.client.name.clone()),
            realm: self.client.realm.clone(),
            service: Some(PrincipalName::ticket_granting(&self.client.realm)),
            till: self.now.0.saturating_add(LIFETIME),
            nonce,
            etypes: self.usable_enctypes()?,
        };
        let message = KdcReq { granting: false, padata, body: body.encode() }.encode();
        self.state = State::Initial { nonce, key };
        Ok(Progress::Ask(KdcRequest { realm: self.client.realm.clone(), message }))
    }

    fn usable_enctypes(&self) -> Result<Vec<i32>, AuthError> {
        let Proof::Keytab(keytab) = &self.proof else {
            return Ok(Enctype::ALL.map(Enctype::number).to_vec());
        };
        let numbers: Vec<i32> = Enctype::ALL
            .into_iter()
            .filter(|enctype| keytab.of(&self.client).any(|entry| entry.key.enctype() == *enctype))
            .map(Enctype::number)
            .collect();
        if numbers.is_empty() {
            return Err(AuthError::Kerberos(format!(
                "the keytab holds no AES key with HMAC-SHA1 of {}",
                self.client
            )));
        }
        Ok(numbers)
    }

    /// The first answer usually says which key is to be proven.
    fn initial_refused(&mut self, error: &KrbError, proven: bool) -> Result<Progress, AuthError> {
        let client = self.client.to_string();
        if error.code != refusal::PREAUTH_REQUIRED || proven {
            let service = PrincipalName::ticket_granting(&self.client.realm).to_string();
            let about = About { client: &client, service: &service, now: self.now.0 };
            return Err(refusal::of_kdc(&self.client.realm, error, &about));
        }
        let offered = error.method_data()?;
        if !offered.iter().any(|element| element.kind == padata::ENC_TIMESTAMP) {
            return Err(AuthError::Kerberos(format!(
                "the KDC of {} takes neither a password nor a key for AES with HMAC-SHA1 from {client}: it \
                 has only keys for RC4 or AES with HMAC-SHA2, which are not supported here, or wants a smart \
                 card",
                self.client.realm
            )));
        }
        let key = self.key_as_told(&offered)?;
        let stamp = timestamp(self.now.0, self.now.1);
        let stamp = EncryptedData::seal(&key, None, usage::AS_REQ_TIMESTAMP, stamp.expose())?;
        let mut padata = vec![PaData { kind: padata::ENC_TIMESTAMP, value: stamp.encode() }];
        padata.extend(offered.into_iter().filter(|element| element.kind == padata::FX_COOKIE));
        self.ask_initial(Some(key), padata)
    }

    /// The client's key, of the kind and with the salt that the KDC tells.
    fn key_as_told(&self, told: &[PaData]) -> Result<Key, AuthError> {
        let info = told
            .iter()
            .find(|element| element.kind == padata::ETYPE_INFO2)
            .map(|element| EtypeInfo2::decode(&element.value))
            .transpose()?
            .unwrap_or_default();
        if info.is_empty() {
            return self.key_of(Enctype::Aes256, None, None, None);
        }
        let usable = self.usable_enctypes()?;
        for entry in &info {
            if let Some(enctype) = Enctype::from_number(entry.etype).filter(|_| usable.contains(&entry.etype))
            {
                return self.key_of(enctype, entry.salt.as_deref(), entry.rounds, None);
            }
        }
        let names: Vec<String> = info.iter().map(|entry| enctype_name(entry.etype)).collect();
        Err(refusal::no_common_enctype(&self.client.to_string(), &names.join(", ")))
    }

    fn key_of(
        &self,
        enctype: Enctype,
        salt: Option<&[u8]>,
        rounds: Option<u32>,
        kvno: Option<u32>,
    ) -> Result<Key, AuthError> {
        match &self.proof {
            Proof::Password(password) => {
                let usual = format!("{}{}", self.client.realm, self.client.name.components.concat());
                Key::from_password(enctype, password, salt.unwrap_or(usual.as_bytes()), rounds)
            }
            Proof::Keytab(keytab) => keytab
                .of(&self.client)
                .filter(|entry| entry.key.enctype() == enctype)
                .max_by_key(|entry| (Some(entry.kvno) == kvno, entry.kvno))
                .map(|entry| entry.key.clone())
                .ok_or_else(|| {
                    let number = enctype.number();
                    AuthError::Kerberos(format!(
                        "the keytab holds no {} key of {}",
                        enctype_name(number),
                        self.client
                    ))
                }),
            Proof::Tickets => Err(AuthError::State { mechanism: NAME, reason: "has no key of its own" }),
        }
    }

    fn initial_answer(
        &mut self,
        answer: &KdcRep,
        nonce: u32,
        proven: Option<Key>,
    ) -> Result<Progress, AuthError> {
        let etype = answer.enc_part.etype;
        let Some(enctype) = Enctype::from_number(etype) else {
            return Err(refusal::no_common_enctype(&self.client.to_string(), &enctype_name(etype)));
        };
        let key = match proven.filter(|key| key.enctype() == enctype) {
            Some(key) => key,
            None => {
                let told = answer.padata.iter().find(|element| element.kind == padata::ETYPE_INFO2);
                let told = told.map(|element| EtypeInfo2::decode(&element.value)).transpose()?;
                let entry = told.into_iter().flatten().find(|entry| entry.etype == etype);
                let (salt, rounds) = entry.map_or((None, None), |entry| (entry.salt, entry.rounds));
                self.key_of(enctype, salt.as_deref(), rounds, answer.enc_part.kvno)?
            }
        };
        let Some(plain) = answer.enc_part.decrypt(&key, usage::AS_REP) else {
            return Err(refusal::wrong_password(&self.client.realm, &self.client.to_string()));
        };
        let content = KdcRepContent::decode(&plain)?;
        let granting = PrincipalName::ticket_granting(&self.client.realm);
        if content.nonce != nonce || !content.service.name.same_ignoring_case(&granting) || answer.granting {
            return Err(forged());
        }
        if !answer.client.name.same_ignoring_case(&self.client.name) {
            return Err(forged());
        }
        let ticket = self.keep(granting, answer, content);
        self.grant(ticket, Vec::new())
    }

    /// Asks the ticket-granting service that a ticket is for.
    fn grant(&mut self, through: HeldTicket, mut visited: Vec<String>) -> Result<Progress, AuthError> {
        let realm = through.service.name.granting_realm().unwrap_or(&through.service.realm).to_owned();
        if visited.len() == MAX_HOPS || visited.contains(&realm) {
            return Err(AuthError::Kerberos(format!(
                "the KDCs refer to each other for {} without end",
                self.service
            )));
        }
        visited.push(realm.clone());
        let host = self.service.components.get(1).map_or("", String::as_str);
        let host = host.split(':').next().unwrap_or_default();
        let wanted = match self.config.realm_of_host(host) {
            Some(home) if !home.eq_ignore_ascii_case(&realm) => PrincipalName::ticket_granting(home),
            _ => self.service.clone(),
        };
        let nonce = nonce()?;
        let body = KdcReqBody {
            options: option::FORWARDABLE | option::CANONICALIZE,
            client: None,
            realm: realm.clone(),
            service: Some(wanted.clone()),
            till: through.end,
            nonce,
            etypes: Enctype::ALL.map(Enctype::number).to_vec(),
        }
        .encode();
        let authenticator = Authenticator {
            client: self.client.clone(),
            checksum: Some(body_checksum(&through.key, usage::TGS_REQ_CHECKSUM, &body)),
            micros: self.now.1,
            time: self.now.0,
            subkey: None,
            sequence: None,
        }
        .encode();
        let authenticator =
            EncryptedData::seal(&through.key, None, usage::TGS_REQ_AUTHENTICATOR, &authenticator)?;
        let proof = ap_req(0, &through.ticket, &authenticator);
        let padata = vec![PaData { kind: padata::TGS_REQ, value: proof }];
        let message = KdcReq { granting: true, padata, body }.encode();
        self.state = State::Granting { nonce, through: Box::new(through), wanted, visited };
        Ok(Progress::Ask(KdcRequest { realm, message }))
    }

    fn granted(
        &mut self,
        answer: &KdcRep,
        nonce: u32,
        through: &HeldTicket,
        wanted: PrincipalName,
        visited: Vec<String>,
    ) -> Result<Progress, AuthError> {
        let plain = answer.enc_part.decrypt(&through.key, usage::TGS_REP).ok_or_else(forged)?;
        let content = KdcRepContent::decode(&plain)?;
        if content.nonce != nonce || !answer.granting {
            return Err(forged());
        }
        if content.service.name.granting_realm().is_some() {
            let name = content.service.name.clone();
            let ticket = self.keep(name, answer, content);
            return self.grant(ticket, visited);
        }
        let ticket = self.keep(wanted, answer, content);
        Ok(Progress::Done(ticket))
    }

    fn keep(&self, wanted: PrincipalName, answer: &KdcRep, content: KdcRepContent) -> HeldTicket {
        let ticket = HeldTicket {
            client: self.client.clone(),
            service: content.service,
            key: content.key,
            ticket: answer.ticket.clone(),
            flags: content.flags,
            start: content.start_time.unwrap_or(content.auth_time),
            end: content.end_time,
        };
        self.store.insert(wanted, ticket.clone());
        ticket
    }
}

fn nonce() -> Result<u32, AuthError> {
    Ok(u32::from_be_bytes(random()?) & 0x7FFF_FFFF)
}

fn forged() -> AuthError {
    AuthError::Kerberos(
        "the KDC's answer does not belong to the request: it was altered on the way".to_owned(),
    )
}
