//! Kerberos between our own two roles, attacks on it, and its files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use windlass_auth::kerberos::{
    CredentialCache, EncryptedData, Enctype, EtypeInfo2, FullName, HeldTicket, KdcRep, KdcRepContent, KdcReq,
    KdcReqBody, Key, Keytab, KeytabEntry, Krb5Config, KrbError, PaData, PrincipalName, ReplayCache, Ticket,
    TicketContent, TicketStore,
};
use windlass_auth::spnego::{MechType, Mechanism};
use windlass_auth::{
    Accounts, AuthError, BindingPolicy, ChannelBinding, Credential, KdcRequest, KerberosAcceptor,
    KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions, NtlmAcceptorOptions, NtlmInitiator,
    NtlmInitiatorOptions, SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};
use windlass_core::Secret;

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 134_116_992_000_000_000;
const UNIX_NOW: i64 = 1_767_225_600;
const SECOND: u64 = 10_000_000;
const REALM: &str = "CORP.EXAMPLE";
const SALT: &[u8] = b"a salt of its own";

fn full(components: &[&str]) -> FullName {
    let components = components.iter().map(|&component| component.to_owned()).collect();
    FullName { realm: REALM.to_owned(), name: PrincipalName { kind: 1, components } }
}

fn service_key() -> Key {
    Key::new(Enctype::Aes256, &[7; 32]).unwrap()
}

fn keytab() -> Arc<Keytab> {
    let owner = full(&["HTTP", "srv"]);
    let old = KeytabEntry {
        owner: owner.clone(),
        written: 0,
        kvno: 2,
        key: Key::new(Enctype::Aes256, &[6; 32]).unwrap(),
    };
    Arc::new(Keytab::new(vec![old, KeytabEntry { owner, written: 0, kvno: 3, key: service_key() }]))
}

/// A KDC in a few lines: one user, any service, all under the service's key.
#[derive(Default)]
struct Kdc {
    initial: usize,
    service: usize,
}

impl Kdc {
    fn answer(&mut self, request: &KdcRequest) -> Vec<u8> {
        let KdcReq { granting, padata, body } = KdcReq::decode(&request.message).unwrap();
        let body = KdcReqBody::decode(&body).unwrap();
        let granting_key = Key::new(Enctype::Aes256, &[1; 32]).unwrap();
        let user_key = Key::from_password(Enctype::Aes256, &Secret::new("Pa55w0rd"), SALT, Some(10)).unwrap();
        let refuse = |code, data| {
            let service = body.service.clone().unwrap();
            KrbError { code, time: UNIX_NOW, realm: REALM.to_owned(), service, text: None, data }.encode()
        };
        if granting {
            self.service += 1;
            if body.service.as_ref().is_some_and(|service| service.components[1] == "unknown") {
                return refuse(7, None);
            }
            let through = windlass_auth::kerberos::ApReq::decode(&padata[0].value).unwrap();
            let content = through.ticket.enc_part.decrypt(&granting_key, 2).unwrap();
            let content = TicketContent::decode(&content).unwrap();
            return issue(&body, true, &content.key, 8, &service_key(), body.service.clone().unwrap());
        }
        let Some(proof) = padata.iter().find(|element| element.kind == 2) else {
            let info = EtypeInfo2 { etype: 18, salt: Some(SALT.to_vec()), rounds: Some(10) };
            let list = PaData::encode_list(&[
                PaData { kind: 2, value: Vec::new() },
                PaData { kind: 19, value: EtypeInfo2::encode(&[info]) },
            ]);
            return refuse(25, Some(list));
        };
        let stamp = EncryptedData::decode(&proof.value).unwrap();
        if stamp.decrypt(&user_key, 1).is_none() {
            return refuse(24, None);
        }
        self.initial += 1;
        issue(&body, false, &user_key, 3, &granting_key, body.service.clone().unwrap())
    }
}

fn issue(
    body: &KdcReqBody,
    granting: bool,
    reply_key: &Key,
    usage: u32,
    ticket_key: &Key,
    service: PrincipalName,
) -> Vec<u8> {
    let key = Key::new(Enctype::Aes256, &[5; 32]).unwrap();
    let client = full(&["alice"]);
    let content = TicketContent {
        flags: 0,
        key: key.clone(),
        client: client.clone(),
        auth_time: UNIX_NOW - 10,
        start_time: None,
        end_time: UNIX_NOW + 3600,
    };
    let enc_part = EncryptedData::seal(ticket_key, Some(3), 2, &content.encode()).unwrap();
    let ticket = Ticket { realm: REALM.to_owned(), service: service.clone(), enc_part };
    let content = KdcRepContent {
        key,
        nonce: body.nonce,
        flags: 0,
        auth_time: UNIX_NOW - 10,
        start_time: None,
        end_time: UNIX_NOW + 3600,
        service: FullName { realm: REALM.to_owned(), name: service },
    };
    let enc_part = EncryptedData::seal(reply_key, None, usage, &content.encode(granting)).unwrap();
    KdcRep { granting, padata: Vec::new(), client, ticket: ticket.encode(), enc_part }.encode()
}

struct World {
    kdc: Kdc,
    tickets: Arc<TicketStore>,
    replay: Arc<ReplayCache>,
}

impl World {
    fn new() -> Self {
        Self { kdc: Kdc::default(), tickets: Arc::default(), replay: Arc::default() }
    }

    fn options(&self, password: &str) -> KerberosInitiatorOptions {
        let credential = Credential::password("alice@corp.example", password.to_owned());
        KerberosInitiatorOptions::new(credential, "HTTP/srv", Arc::default(), Arc::clone(&self.tickets), NOW)
    }

    fn acceptor_options(&self) -> KerberosAcceptorOptions {
        KerberosAcceptorOptions::new(keytab(), Arc::clone(&self.replay), NOW)
    }

    /// The first token, after whatever trips it takes.
    fn start(&mut self, context: &mut dyn SecurityContext) -> Result<Vec<u8>, AuthError> {
        let mut step = context.step(None)?;
        loop {
            match step {
                Step::Continue(token) => return Ok(token),
                Step::AskKdc(request) => step = context.kdc_reply(&self.kdc.answer(&request))?,
                Step::Complete(_) => panic!("nobody is done yet"),
            }
        }
    }

    fn shake_hands(
        &mut self,
        initiator: &mut dyn SecurityContext,
        acceptor: &mut dyn SecurityContext,
    ) -> Result<(), AuthError> {
        let mut token = self.start(initiator)?;
        for _ in 0..5 {
            token = match acceptor.step(Some(&token))? {
                Step::Continue(token) | Step::Complete(Some(token)) => token,
                _ => break,
            };
            token = match initiator.step(Some(&token))? {
                Step::Continue(token) | Step::Complete(Some(token)) => token,
                _ => break,
            };
        }
        assert!(initiator.is_complete() && acceptor.is_complete());
        Ok(())
    }
}

fn exchange(one: &mut dyn SecurityContext, other: &mut dyn SecurityContext) {
    let mut header = Vec::new();
    for length in (0..40).chain([9000]) {
        let message = vec![7; length];
        let mut data = message.clone();
        one.seal(&mut header, &mut data).unwrap();
        assert_eq!(data.len(), length, "the ciphertext is as long as the plaintext");
        assert_eq!(other.unseal(&header, &mut data).unwrap(), length);
        assert_eq!(data, message);
        other.sign(&message, &mut header).unwrap();
        assert_eq!(header.len(), other.signature_size());
        one.verify(&message, &header).unwrap();
        other.seal_between(b"before", &mut data, b"after", &mut header).unwrap();
        assert_eq!(header.len(), other.seal_signature_size());
        one.unseal_between(b"before", &mut data, b"after", &header).unwrap();
        assert_eq!(data, message);
    }
}

#[test]
fn many_contexts_of_a_session_cost_one_ticket_each_kind() {
    let mut world = World::new();
    for _ in 0..100 {
        let mut initiator = KerberosInitiator::new(world.options("Pa55w0rd"));
        let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
        world.shake_hands(&mut initiator, &mut acceptor).unwrap();
        assert_eq!(acceptor.peer().unwrap().to_string(), "CORP.EXAMPLE\\alice");
    }
    assert_eq!((world.kdc.initial, world.kdc.service), (1, 1));
}

#[test]
fn messages_are_sealed_and_signed_both_ways_in_either_style() {
    for dce_style in [false, true] {
        let mut world = World::new();
        let options = KerberosInitiatorOptions { dce_style, ..world.options("Pa55w0rd") };
        let mut initiator = KerberosInitiator::new(options);
        let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
        world.shake_hands(&mut initiator, &mut acceptor).unwrap();
        assert_eq!(initiator.session_key(), acceptor.session_key());
        exchange(&mut initiator, &mut acceptor);
        exchange(&mut acceptor, &mut initiator);
    }
}

#[test]
fn altered_cut_and_repeated_messages_are_refused() {
    let mut world = World::new();
    let mut initiator = KerberosInitiator::new(world.options("Pa55w0rd"));
    let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
    world.shake_hands(&mut initiator, &mut acceptor).unwrap();
    let (mut header, mut data) = (Vec::new(), b"some message or other".to_vec());
    initiator.seal(&mut header, &mut data).unwrap();
    let whole = [header.clone(), data.clone()].concat();
    for position in 0..whole.len() * 8 {
        let mut bad = whole.clone();
        bad[position / 8] ^= 1 << (position % 8);
        let (bad_header, bad_data) = bad.split_at_mut(header.len());
        assert!(acceptor.unseal(bad_header, bad_data).is_err(), "bit {position}");
    }
    for length in 0..whole.len() {
        let (head, rest) = whole[..length].split_at(length.min(header.len()));
        assert!(acceptor.unseal(head, &mut rest.to_vec()).is_err(), "cut at {length}");
        // The same bytes cut in two elsewhere are the same token.
    }
    for (filler, rotation) in [(1, 28), (0xFFFF, 28), (16, 28), (0, 27), (0, 0), (0, 0xFFFF)] {
        let mut bad = whole.clone();
        bad[4..6].copy_from_slice(&u16::to_be_bytes(filler));
        bad[6..8].copy_from_slice(&u16::to_be_bytes(rotation));
        let (head, rest) = bad.split_at_mut(header.len());
        assert!(acceptor.unseal(head, rest).is_err(), "EC {filler}, RRC {rotation}");
    }
    let mut elsewhere = whole[20..].to_vec();
    let length = acceptor.unseal(&whole[..20], &mut elsewhere).unwrap();
    assert_eq!(&elsewhere[..length], b"some message or other");
    assert!(acceptor.unseal(&header, &mut data).is_err(), "it is a repetition");
    let mut seal = |text: &str| {
        let (mut header, mut data) = (Vec::new(), text.as_bytes().to_vec());
        initiator.seal(&mut header, &mut data).unwrap();
        (header, data)
    };
    let (first, mut second) = (seal("first"), seal("second"));
    assert!(acceptor.unseal(&second.0, &mut second.1).is_err(), "the first is left out");
    let mut own = first.1.clone();
    assert!(initiator.unseal(&first.0, &mut own).is_err(), "a message of its own");
}

#[test]
fn every_truncation_and_alteration_of_a_logon_is_refused() {
    let mut world = World::new();
    let mut initiator = KerberosInitiator::new(world.options("Pa55w0rd"));
    let token = world.start(&mut initiator).unwrap();
    for length in 0..token.len() {
        let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
        assert!(acceptor.step(Some(&token[..length])).is_err(), "cut at {length}");
    }
    let ticket = token.windows(3).rposition(|window| window == [0x02, 0x01, 0x03]).unwrap();
    for position in (ticket + 3)..token.len() {
        let mut bad = token.clone();
        bad[position] ^= 0x20;
        let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
        assert!(acceptor.step(Some(&bad)).is_err(), "byte {position}");
        assert!(!acceptor.is_complete() && acceptor.peer().is_none());
    }
    let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
    assert!(matches!(acceptor.step(Some(&token)), Ok(Step::Complete(Some(_)))));
    let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
    let error = acceptor.step(Some(&token)).unwrap_err();
    assert_eq!(error.to_string(), "Kerberos refused: the logon repeats an earlier one");
}

#[test]
fn the_service_has_to_prove_itself() {
    let mut world = World::new();
    let mut initiator = KerberosInitiator::new(world.options("Pa55w0rd"));
    let token = world.start(&mut initiator).unwrap();
    let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
    let Step::Complete(Some(answer)) = acceptor.step(Some(&token)).unwrap() else { panic!("no answer") };
    let mut bad = answer.clone();
    *bad.last_mut().unwrap() ^= 1;
    assert!(initiator.step(Some(&bad)).is_err());
    assert!(!initiator.can_seal());

    for left_out in 1..=answer.len() {
        let mut initiator = KerberosInitiator::new(world.options("Pa55w0rd"));
        let token = world.start(&mut initiator).unwrap();
        let mut acceptor = KerberosAcceptor::new(world.acceptor_options());
        let Step::Complete(Some(answer)) = acceptor.step(Some(&token)).unwrap() else { panic!("no answer") };
        let length = answer.len().saturating_sub(left_out);
        assert!(initiator.step(Some(&answer[..length])).is_err(), "cut at {length}");
        assert!(!initiator.can_seal());
    }

    // The answer to another logon of the same client.
    let mut other =
        KerberosInitiator::new(KerberosInitiatorOptions { now: NOW + SECOND, ..world.options("Pa55w0rd") });
    world.start(&mut other).unwrap();
    assert!(other.step(Some(&answer)).is_err());
}

#[test]
fn clocks_tickets_channels_and_names_are_checked() {
    let here = ChannelBinding::from_application_data(*b"tls-server-end-point:here");
    let there = ChannelBinding::from_application_data(*b"tls-server-end-point:there");
    type Change = fn(&mut KerberosAcceptorOptions);
    let cases: [(Option<&ChannelBinding>, Change, &str); 8] = [
        (None, |options| options.now += 301 * SECOND, "clocks"),
        (None, |options| options.now -= 301 * SECOND, "clocks"),
        (None, |options| options.now += 4000 * SECOND, "expired"),
        (None, |options| options.services = Some(vec!["HTTP/other".to_owned()]), "another service"),
        (None, |options| options.keytab = Arc::default(), "keytab"),
        (
            Some(&there),
            |options| {
                options.channel_binding =
                    Some(ChannelBinding::from_application_data(*b"tls-server-end-point:here"));
            },
            "another TLS channel",
        ),
        (
            None,
            |options| {
                options.channel_binding =
                    Some(ChannelBinding::from_application_data(*b"tls-server-end-point:here"));
                options.binding_policy = BindingPolicy::Strict;
            },
            "sent none",
        ),
        (Some(&here), |_| {}, "there is none here"),
    ];
    for (binding, change, expected) in cases {
        let mut world = World::new();
        let mut options = world.options("Pa55w0rd");
        options.channel_binding = binding.cloned();
        let token = world.start(&mut KerberosInitiator::new(options)).unwrap();
        let mut options = world.acceptor_options();
        change(&mut options);
        let error = KerberosAcceptor::new(options).step(Some(&token)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_service_are_told_apart() {
    let mut world = World::new();
    let error = world.start(&mut KerberosInitiator::new(world.options("wrong"))).unwrap_err();
    assert!(error.to_string().contains("alice@CORP.EXAMPLE is wrong"), "{error}");
    assert!(error.is_logon_failure());
    let options =
        KerberosInitiatorOptions { service: "HTTP/unknown".to_owned(), ..world.options("Pa55w0rd") };
    let error = world.start(&mut KerberosInitiator::new(options)).unwrap_err();
    assert!(error.to_string().contains("no service HTTP/unknown"), "{error}");
}

fn spnego(options: KerberosInitiatorOptions) -> SpnegoInitiator {
    let ntlm = NtlmInitiator::new(NtlmInitiatorOptions::new(options.credential.clone(), NOW));
    SpnegoInitiator::new(vec![
        Mechanism { mech_type: MechType::kerberos(), context: Box::new(KerberosInitiator::new(options)) },
        Mechanism { mech_type: MechType::ntlm(), context: Box::new(ntlm) },
    ])
    .unwrap()
}

fn spnego_acceptor(options: KerberosAcceptorOptions) -> SpnegoAcceptor {
    SpnegoAcceptor::new(vec![(
        MechType::kerberos(),
        Box::new(move || Box::new(KerberosAcceptor::new(options))),
    )])
}

#[test]
fn spnego_carries_kerberos_in_either_style() {
    for dce_style in [false, true] {
        let mut world = World::new();
        let mut initiator = spnego(KerberosInitiatorOptions { dce_style, ..world.options("Pa55w0rd") });
        let mut acceptor = spnego_acceptor(world.acceptor_options());
        world.shake_hands(&mut initiator, &mut acceptor).unwrap();
        exchange(&mut initiator, &mut acceptor);
        exchange(&mut acceptor, &mut initiator);
    }
}

#[test]
fn spnego_goes_on_with_ntlm_where_there_is_no_ticket_but_not_with_a_wrong_password() {
    let mut world = World::new();
    let unknown =
        KerberosInitiatorOptions { service: "HTTP/unknown".to_owned(), ..world.options("Pa55w0rd") };
    let mut initiator = spnego(unknown);
    let token = world.start(&mut initiator).unwrap();
    assert!(token.windows(8).any(|window| window == b"NTLMSSP\0"));
    assert!(initiator.unavailable().unwrap().to_string().contains("HTTP/unknown"));

    let mut initiator = spnego(world.options("Pa55w0rd"));
    let mut fresh = World::new();
    let mut away = spnego(fresh.options("Pa55w0rd"));
    assert!(matches!(away.step(None), Ok(Step::AskKdc(_))));
    let Ok(Step::Continue(token)) = away.kdc_unreachable("nobody there") else { panic!("it has NTLM") };
    assert!(token.windows(8).any(|window| window == b"NTLMSSP\0"));
    assert!(fresh.start(&mut spnego(fresh.options("wrong"))).is_err());
    assert!(world.start(&mut initiator).is_ok());
}

#[test]
fn spnego_falls_back_where_the_host_has_no_kerberos() {
    let mut world = World::new();
    let mut initiator = spnego(world.options("Pa55w0rd"));
    let mut accounts = Accounts::new();
    accounts.insert("alice@corp.example", "Pa55w0rd".to_owned());
    let mut acceptor = SpnegoAcceptor::ntlm(NtlmAcceptorOptions::new(Arc::new(accounts), "srv", NOW));
    world.shake_hands(&mut initiator, &mut acceptor).unwrap();
    assert_eq!(acceptor.peer().unwrap().mechanism, "NTLM");
    let mut signature = Vec::new();
    initiator.sign(b"message", &mut signature).unwrap();
    acceptor.verify(b"message", &signature).unwrap();
}

#[test]
fn kerberos_is_tried_where_the_credential_names_a_realm_and_the_service_a_computer() {
    let config = Arc::new(Krb5Config::parse("[libdefaults]\ndefault_realm = CORP.EXAMPLE\n").unwrap());
    for (user, service, expected) in [
        ("alice@corp.example", "HTTP/srv", true),
        ("alice@elsewhere.example", "HTTP/srv", true),
        ("CORP\\alice", "HTTP/srv", true),
        ("OTHER\\alice", "HTTP/srv", false),
        (".\\alice", "HTTP/srv", false),
        ("alice", "HTTP/srv", false),
        ("alice@corp.example", "HTTP/10.0.0.1", false),
        ("alice@corp.example", "HTTP/[::1]", false),
    ] {
        let credential = Credential::password(user, "x".to_owned());
        let options =
            KerberosInitiatorOptions::new(credential, service, Arc::clone(&config), Arc::default(), NOW);
        assert_eq!(options.is_promising(), expected, "{user} at {service}");
    }
}

fn held() -> HeldTicket {
    let enc_part = EncryptedData { etype: 18, kvno: Some(1), cipher: vec![1; 40] };
    let service = full(&["HTTP", "srv"]);
    HeldTicket {
        client: full(&["alice"]),
        ticket: Ticket { realm: REALM.to_owned(), service: service.name.clone(), enc_part }.encode(),
        service,
        key: service_key(),
        flags: 0x4080_0000,
        start: UNIX_NOW,
        end: UNIX_NOW + 100,
    }
}

#[test]
fn files_are_read_and_every_truncation_refused() {
    let table = keytab().encode();
    assert_eq!(Keytab::decode(&table).unwrap(), *keytab());
    let cache = CredentialCache::new(full(&["alice"]), vec![held()]);
    let file = cache.encode();
    assert_eq!(CredentialCache::decode(&file).unwrap(), cache);
    let boundaries = |decode: &dyn Fn(&[u8]) -> bool, file: &[u8]| {
        (0..file.len()).filter(|end| decode(&file[..*end])).count()
    };
    // Whole entries may be missing at the end, nothing else.
    assert_eq!(boundaries(&|bytes| Keytab::decode(bytes).is_ok(), &table), 2);
    assert_eq!(boundaries(&|bytes| CredentialCache::decode(bytes).is_ok(), &file), 1);
}

#[test]
fn tickets_of_a_cache_do_without_a_kdc() {
    let cache = Arc::new(CredentialCache::new(full(&["alice"]), vec![held()]));
    let options = |now| {
        KerberosInitiatorOptions::new(
            Credential::Tickets(Arc::clone(&cache)),
            "HTTP/srv",
            Arc::new(Krb5Config::default()),
            Arc::default(),
            now,
        )
    };
    assert!(matches!(KerberosInitiator::new(options(NOW)).step(None), Ok(Step::Continue(_))));
    let error = KerberosInitiator::new(options(NOW + 200 * SECOND)).step(None).unwrap_err();
    assert!(error.to_string().contains("kinit"), "{error}");
}
