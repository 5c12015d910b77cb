//! Kerberos between our own two roles, attacks on it, and its files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

#[path = "support/kdc.rs"]
mod kdc;

use std::sync::Arc;

use kdc::{Kdc, REALM, full, service_entry, service_key};
use windlass_auth::kerberos::{
    CredentialCache, EncryptedData, Enctype, HeldTicket, Key, Keytab, KeytabEntry, Krb5Config, ReplayCache,
    Ticket, TicketStore,
};
use windlass_auth::spnego::{MechType, Mechanism};
use windlass_auth::{
    Accounts, AuthError, BindingPolicy, ChannelBinding, Credential, KerberosAcceptor,
    KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions, NtlmAcceptorOptions, NtlmInitiator,
    NtlmInitiatorOptions, SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 134_116_992_000_000_000;
const UNIX_NOW: i64 = 1_767_225_600;
const SECOND: u64 = 10_000_000;

fn keytab() -> Arc<Keytab> {
    let service = service_entry(&["HTTP", "srv"]);
    let old = KeytabEntry { kvno: 2, key: Key::new(Enctype::Aes256, &[6; 32]).unwrap(), ..service.clone() };
    Arc::new(Keytab::new(vec![old, service]))
}

struct World {
    kdc: Kdc,
    tickets: Arc<TicketStore>,
    replay: Arc<ReplayCache>,
}

impl World {
    fn new() -> Self {
        Self { kdc: Kdc::at(UNIX_NOW), tickets: Arc::default(), replay: Arc::default() }
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
                Step::AskKdc(request) => step = context.kdc_reply(&self.kdc.answer(&request.message))?,
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
