//! Oracles of Kerberos messages and files, and of the contexts that read them.

use std::sync::{Arc, OnceLock};

use windlass_auth::kerberos::{
    ApRepContent, ApReq, Authenticator, CredentialCache, EncryptedData, Enctype, EtypeInfo2, FullName,
    GssChecksum, HeldTicket, KdcRep, KdcRepContent, KdcReq, KdcReqBody, Key, Keytab, KeytabEntry, Krb5Config,
    KrbError, PrincipalName, ReplayCache, Ticket, TicketContent, TicketStore, is_response_too_big,
};
use windlass_auth::{
    Credential, KerberosAcceptor, KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions,
    SecurityContext, Step,
};
use windlass_core::Secret;

const NOW: u64 = 134_116_992_000_000_000;

/// A message that decodes is the same after encoding.
pub(super) fn kerberos_messages(data: &[u8]) {
    if let Ok(message) = ApReq::decode(data) {
        assert_eq!(ApReq::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = Ticket::decode(data) {
        assert_eq!(Ticket::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = TicketContent::decode(data) {
        assert_eq!(TicketContent::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = Authenticator::decode(data) {
        assert_eq!(Authenticator::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = ApRepContent::decode(data) {
        assert_eq!(ApRepContent::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = KrbError::decode(data) {
        assert_eq!(KrbError::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = KdcReq::decode(data) {
        assert_eq!(KdcReq::decode(&message.encode()).as_ref(), Ok(&message));
        if let Ok(body) = KdcReqBody::decode(&message.body) {
            assert_eq!(KdcReqBody::decode(&body.encode()), Ok(body));
        }
    }
    if let Ok(message) = KdcRep::decode(data) {
        assert_eq!(KdcRep::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = KdcRepContent::decode(data) {
        assert_eq!(KdcRepContent::decode(&message.encode(true)), Ok(message));
    }
    if let Ok(list) = EtypeInfo2::decode(data) {
        assert_eq!(EtypeInfo2::decode(&EtypeInfo2::encode(&list)), Ok(list));
    }
    if let Ok(checksum) = GssChecksum::decode(data) {
        assert_eq!(GssChecksum::decode(&checksum.encode()), Ok(checksum));
    }
    is_response_too_big(data);
}

/// A key table that decodes is the same after encoding, apart from keys of no use.
pub(super) fn kerberos_keytab(data: &[u8]) {
    let Ok(keytab) = Keytab::decode(data) else { return };
    let again = Keytab::decode(&keytab.encode());
    assert_eq!(again.as_ref().map(Keytab::entries), Ok(keytab.entries()));
}

/// A credential cache that decodes is the same after encoding, apart from tickets of no use.
pub(super) fn kerberos_ccache(data: &[u8]) {
    let Ok(cache) = CredentialCache::decode(data) else { return };
    assert_eq!(CredentialCache::decode(&cache.encode()), Ok(cache));
}

/// Settings are read or refused, and hosts are looked up in them.
pub(super) fn krb5_conf(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(config) = Krb5Config::parse(text) else { return };
    for domain in config.domain_realm.keys().take(20) {
        if !domain.is_empty() && domain.trim_matches('.') == domain {
            assert!(config.realm_of_host(domain).is_some(), "{domain:?} is listed");
        }
    }
    for realm in config.kdcs.keys().take(20) {
        assert!(config.find_realm(realm).is_some(), "{realm:?} is listed");
    }
    if let Ok(name) = FullName::parse(text, config.default_realm.as_deref()) {
        assert_eq!(
            FullName::parse(&name.to_string(), Some("X")).map(|again| again.name.components),
            Ok(name.name.components)
        );
    }
}

/// An acceptor takes any tokens and lets nobody in.
pub(super) fn kerberos_acceptor(data: &[u8]) {
    let options = KerberosAcceptorOptions::new(Arc::new(keytab()), Arc::new(ReplayCache::new()), NOW);
    let mut acceptor = KerberosAcceptor::new(options);
    for token in tokens(data) {
        if acceptor.step(Some(token)).is_err() {
            break;
        }
    }
    assert!(!acceptor.is_complete() && acceptor.peer().is_none() && !acceptor.can_seal());
}

/// An acceptor that decrypts a ticket reads whatever is inside: the input is content of the ticket, of the
/// authenticator and a third leg.
pub(super) fn kerberos_inside(data: &[u8]) {
    let mut parts = tokens(data);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let content = TicketContent::decode(first).unwrap_or_else(|_| ticket_content());
    // Encrypting needs randomness, but what is decrypted and read is the input alone.
    let (Some(ticket), Some(authenticator)) =
        (seal(&service_key(), 2, &content.encode()), seal(&content.key, 11, second))
    else {
        return;
    };
    let request = ApReq {
        options: 0,
        ticket: Ticket { realm: REALM.to_owned(), service: service().name, enc_part: ticket },
        authenticator,
    };
    let options = KerberosAcceptorOptions::new(Arc::new(keytab()), Arc::new(ReplayCache::new()), NOW);
    let mut acceptor = KerberosAcceptor::new(options);
    if acceptor.step(Some(&request.encode())).is_ok() {
        for token in parts {
            let mut rest = token.to_vec();
            let outcome = acceptor.unseal(&[], &mut rest);
            assert!(outcome.is_err(), "nobody sealed it");
            if acceptor.step(Some(token)).is_err() {
                break;
            }
        }
    }
}

/// An initiator takes any answers of KDCs and services.
pub(super) fn kerberos_initiator(data: &[u8]) {
    let credential = Credential::password("alice@WINDLASS.TEST", Secret::new("pw"));
    let tickets = Arc::new(TicketStore::new());
    let (kdc, rest) = tokens(data)
        .next()
        .map_or((&[][..], data), |first| (first, data.get(1 + first.len()..).unwrap_or_default()));
    let options = |tickets| {
        KerberosInitiatorOptions::new(credential.clone(), "HTTP/host", Arc::default(), tickets, NOW)
    };
    let mut asking = KerberosInitiator::new(options(Arc::clone(&tickets)));
    assert!(matches!(asking.step(None), Ok(Step::AskKdc(_))), "there is no ticket yet");
    for answer in std::iter::once(kdc).chain(tokens(rest)) {
        if asking.kdc_reply(answer).is_err() {
            break;
        }
    }
    assert!(!asking.is_complete());

    tickets.insert(service().name, held_ticket());
    let mut sending = KerberosInitiator::new(options(tickets));
    assert!(matches!(sending.step(None), Ok(Step::Continue(_))), "there is a ticket");
    assert!(sending.step(Some(data)).is_err() && !sending.is_complete());
}

/// Sealed messages of nobody are refused, wherever they are cut in two.
pub(super) fn kerberos_wrap(data: &[u8]) {
    let Some((initiator, acceptor)) = pair() else { return };
    let (cut, token) = data.split_first().unwrap_or((&0, &[]));
    let (header, body) = token.split_at(usize::from(*cut).min(token.len()));
    let contexts: [Box<dyn SecurityContext>; 2] = [Box::new(initiator), Box::new(acceptor)];
    for mut context in contexts {
        let mut copy = body.to_vec();
        assert!(context.unseal(header, &mut copy).is_err());
        let mut copy = body.to_vec();
        assert!(context.unseal_between(header, &mut copy, header, header).is_err());
        assert!(context.verify(header, body).is_err());
    }
    let Some((mut initiator, mut acceptor)) = pair() else { return };
    let (mut signature, mut copy) = (Vec::new(), data.to_vec());
    assert!(initiator.seal(&mut signature, &mut copy).is_ok());
    assert_eq!(acceptor.unseal(&signature, &mut copy), Ok(data.len()));
    assert_eq!(copy, data);
}

const REALM: &str = "WINDLASS.TEST";

fn name(components: &[&str]) -> FullName {
    let components = components.iter().map(|&component| component.to_owned()).collect();
    FullName { realm: REALM.to_owned(), name: PrincipalName { kind: 1, components } }
}

fn service() -> FullName {
    name(&["HTTP", "host"])
}

fn key(byte: u8) -> Key {
    Key::new(Enctype::Aes128, &[byte; 16]).expect("16 bytes are a key")
}

fn service_key() -> Key {
    key(1)
}

fn keytab() -> Keytab {
    Keytab::new(vec![KeytabEntry { owner: service(), written: 0, kvno: 1, key: service_key() }])
}

fn ticket_content() -> TicketContent {
    TicketContent {
        flags: 0,
        key: key(2),
        client: name(&["alice"]),
        auth_time: 1_767_220_000,
        start_time: None,
        end_time: 1_767_260_000,
    }
}

fn seal(key: &Key, usage: u32, plain: &[u8]) -> Option<EncryptedData> {
    EncryptedData::seal(key, None, usage, plain).ok()
}

/// A ticket for the service, made once since its randomness costs time.
fn held_ticket() -> HeldTicket {
    static TICKET: OnceLock<Vec<u8>> = OnceLock::new();
    let ticket = TICKET.get_or_init(|| {
        let enc_part = seal(&service_key(), 2, &ticket_content().encode());
        enc_part.map_or_else(Vec::new, |enc_part| {
            Ticket { realm: REALM.to_owned(), service: service().name, enc_part }.encode()
        })
    });
    HeldTicket {
        client: name(&["alice"]),
        service: service(),
        key: key(2),
        ticket: ticket.clone(),
        flags: 0,
        start: 1_767_220_000,
        end: 1_767_260_000,
    }
}

/// An established context of each role.
fn pair() -> Option<(KerberosInitiator, KerberosAcceptor)> {
    let tickets = Arc::new(TicketStore::new());
    tickets.insert(service().name, held_ticket());
    let credential = Credential::password("alice@WINDLASS.TEST", Secret::new("pw"));
    let mut initiator = KerberosInitiator::new(KerberosInitiatorOptions::new(
        credential,
        "HTTP/host",
        Arc::default(),
        tickets,
        NOW,
    ));
    let options = KerberosAcceptorOptions::new(Arc::new(keytab()), Arc::new(ReplayCache::new()), NOW);
    let mut acceptor = KerberosAcceptor::new(options);
    let Ok(Step::Continue(request)) = initiator.step(None) else { return None };
    let Ok(Step::Complete(Some(answer))) = acceptor.step(Some(&request)) else { return None };
    matches!(initiator.step(Some(&answer)), Ok(Step::Complete(None))).then_some((initiator, acceptor))
}

/// Splits the input into tokens, each after its length in two bytes.
fn tokens(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first_chunk::<2>()?;
        let (token, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        data = rest;
        Some(token)
    })
}
