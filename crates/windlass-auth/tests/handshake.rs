//! Whole handshakes of both roles, and attacks on them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use windlass_auth::spnego::{MechType, Mechanism, NegState, NegTokenInit, NegotiationToken};
use windlass_auth::{
    Accounts, AuthError, BindingPolicy, ChannelBinding, Credential, NtlmAcceptor, NtlmAcceptorOptions,
    NtlmInitiator, NtlmInitiatorOptions, SealingProtocol, SecurityContext, SpnegoAcceptor, SpnegoInitiator,
    Step,
};

const NOW: u64 = 134_116_992_000_000_000;

fn initiator_options() -> NtlmInitiatorOptions {
    let mut options =
        NtlmInitiatorOptions::new(Credential::password("CORP\\Alice", "Pa55w0rd".to_owned()), NOW);
    options.target = Some("HTTP/host".to_owned());
    options
}

fn acceptor_options() -> NtlmAcceptorOptions {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    NtlmAcceptorOptions::new(Arc::new(accounts), "host", NOW)
}

fn ntlm() -> (NtlmInitiator, NtlmAcceptor) {
    (NtlmInitiator::new(initiator_options()), NtlmAcceptor::new(acceptor_options()))
}

fn spnego() -> (SpnegoInitiator, SpnegoAcceptor) {
    (SpnegoInitiator::ntlm(NtlmInitiator::new(initiator_options())), SpnegoAcceptor::ntlm(acceptor_options()))
}

fn token(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) | Step::Complete(Some(token)) => token,
        other => panic!("expected a token, got {other:?}"),
    }
}

/// Runs a handshake; `meddle` may change the tokens, which are counted from 0.
fn shake_hands(
    initiator: &mut dyn SecurityContext,
    acceptor: &mut dyn SecurityContext,
    meddle: &mut dyn FnMut(usize, &mut Vec<u8>),
) -> Result<usize, AuthError> {
    let mut out = initiator.step(None)?;
    for count in 0..10 {
        let mut bytes = match out {
            Step::Continue(token) | Step::Complete(Some(token)) => token,
            Step::Complete(None) => {
                assert!(initiator.is_complete() && acceptor.is_complete());
                return Ok(count);
            }
            Step::AskKdc(_) => panic!("no KDC here"),
        };
        meddle(count, &mut bytes);
        let receiver: &mut dyn SecurityContext = if count % 2 == 0 { acceptor } else { initiator };
        out = receiver.step(Some(&bytes))?;
    }
    panic!("the handshake does not end")
}

fn exchange(one: &mut dyn SecurityContext, other: &mut dyn SecurityContext) {
    let mut header = Vec::new();
    for message in [&b"hello"[..], b"", &[7; 9000]] {
        let mut data = message.to_vec();
        one.seal(&mut header, &mut data).unwrap();
        let length = other.unseal(&header, &mut data).unwrap();
        assert_eq!(&data[..length], message);
        other.sign(message, &mut header).unwrap();
        assert_eq!(header.len(), one.signature_size());
        one.verify(message, &header).unwrap();
        let mut data = message.to_vec();
        other.seal_between(b"head", &mut data, b"tail", &mut header).unwrap();
        one.unseal_between(b"head", &mut data, b"tail", &header).unwrap();
        assert_eq!(data, message);
    }
}

#[test]
fn ntlm_agrees_on_keys_and_names_the_user() {
    let (mut client, mut server) = ntlm();
    assert_eq!(shake_hands(&mut client, &mut server, &mut |_, _| {}), Ok(3));
    assert_eq!(server.peer().unwrap().to_string(), "CORP\\Alice");
    assert_eq!(client.session_key(), server.session_key());
    assert_eq!(client.sealing_protocol(), SealingProtocol::Spnego);
    exchange(&mut client, &mut server);
}

#[test]
fn spnego_protects_its_list_and_restarts_the_ciphers() {
    let (mut client, mut server) = spnego();
    assert_eq!(shake_hands(&mut client, &mut server, &mut |_, _| {}), Ok(4));
    assert_eq!(server.peer().unwrap().to_string(), "CORP\\Alice");
    exchange(&mut client, &mut server);
}

#[test]
fn a_client_seals_before_the_last_token_arrives() {
    let (mut client, mut server) = spnego();
    let negotiate = token(client.step(None).unwrap());
    let challenge = token(server.step(Some(&negotiate)).unwrap());
    let authenticate = token(client.step(Some(&challenge)).unwrap());
    assert!(client.can_seal() && !client.is_complete());
    let (mut header, mut data) = (Vec::new(), b"with the proof".to_vec());
    client.seal(&mut header, &mut data).unwrap();

    let last = token(server.step(Some(&authenticate)).unwrap());
    server.unseal(&header, &mut data).unwrap();
    assert_eq!(data, b"with the proof");
    assert_eq!(client.step(Some(&last)), Ok(Step::Complete(None)));
}

#[test]
fn raw_ntlm_is_accepted_inside_negotiate() {
    let mut client = NtlmInitiator::new(initiator_options());
    let mut server = SpnegoAcceptor::ntlm(acceptor_options());
    shake_hands(&mut client, &mut server, &mut |_, _| {}).unwrap();
    exchange(&mut client, &mut server);
}

#[test]
fn every_flipped_bit_of_a_raw_handshake_is_refused() {
    // The first message too: the MIC covers all three.
    for (message, length) in [(0, 40), (1, 100), (2, 250)] {
        for bit in 0..8 * length {
            let (mut client, mut server) = ntlm();
            let mut length_seen = 0;
            let result = shake_hands(&mut client, &mut server, &mut |count, bytes| {
                if count == message {
                    length_seen = bytes.len();
                    if let Some(byte) = bytes.get_mut(bit / 8) {
                        *byte ^= 1 << (bit % 8);
                    }
                }
            });
            assert!(length_seen >= length, "message {message} has {length_seen} bytes");
            assert!(result.is_err(), "message {message}, bit {bit}");
        }
    }
}

#[test]
fn every_flipped_bit_of_a_spnego_handshake_is_refused_or_means_nothing() {
    let length = |message| {
        let (mut client, mut server) = spnego();
        let mut length = 0;
        shake_hands(&mut client, &mut server, &mut |count, bytes| {
            if count == message {
                length = bytes.len();
            }
        })
        .unwrap();
        length
    };
    for message in 0..4 {
        for bit in 0..8 * length(message) {
            let (mut client, mut server) = spnego();
            let mut changed = false;
            let result = shake_hands(&mut client, &mut server, &mut |count, bytes| {
                if count == message {
                    let before = NegotiationToken::decode(bytes).unwrap();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    changed = match (before, NegotiationToken::decode(bytes)) {
                        // The state alone is not protected; a wrong one can at most make it fail.
                        (NegotiationToken::Resp(mut one), Ok(NegotiationToken::Resp(mut other))) => {
                            one.neg_state = None;
                            other.neg_state = None;
                            one != other
                        }
                        (before, Ok(after)) => before != after,
                        (_, Err(_)) => true,
                    };
                }
            });
            assert!(result.is_err() || !changed, "message {message}, bit {bit}");
        }
    }
}

#[test]
fn every_truncation_of_a_handshake_is_refused() {
    for message in 0..4 {
        for cut in 1..120 {
            let (mut client, mut server) = spnego();
            let result = shake_hands(&mut client, &mut server, &mut |count, bytes| {
                if count == message {
                    bytes.truncate(bytes.len().saturating_sub(cut));
                }
            });
            assert!(result.is_err(), "message {message} without its last {cut} bytes");
        }
    }
}

#[test]
fn unknown_users_and_wrong_passwords_get_the_same_error() {
    for (user, password) in [("alice", "wrong"), ("bob", "Pa55w0rd"), ("bob", "")] {
        let mut options = initiator_options();
        options.credential = Credential::password(user, password.to_owned());
        let (mut client, mut server) = (NtlmInitiator::new(options), NtlmAcceptor::new(acceptor_options()));
        assert_eq!(shake_hands(&mut client, &mut server, &mut |_, _| {}), Err(AuthError::LogonDenied));
        assert!(server.peer().is_none() && server.session_key().is_none() && !server.can_seal());
        assert!(server.step(Some(b"NTLMSSP\0\x01\0\0\0")).is_err(), "it takes no second try");
    }
}

#[test]
fn anonymous_logons_are_refused() {
    let mut options = initiator_options();
    options.credential = Credential::password("", String::new());
    let (mut client, mut server) = (NtlmInitiator::new(options), NtlmAcceptor::new(acceptor_options()));
    let error = shake_hands(&mut client, &mut server, &mut |_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "NTLM refused: anonymous logon");
}

#[test]
fn a_logon_relayed_to_another_host_is_refused() {
    let run = |target: Option<&str>| {
        let mut client = initiator_options();
        client.target = target.map(str::to_owned);
        let mut server = acceptor_options();
        server.targets = Some(vec!["HTTP/host".to_owned(), "WSMAN/host".to_owned()]);
        shake_hands(&mut NtlmInitiator::new(client), &mut NtlmAcceptor::new(server), &mut |_, _| {})
    };
    assert_eq!(run(Some("http/HOST")), Ok(3));
    assert_eq!(run(None), Ok(3));
    assert_eq!(run(Some("HTTP/other")), Err(AuthError::WrongTarget));
}

#[test]
fn a_logon_through_another_channel_is_refused() {
    let binding = |text: &str| Some(ChannelBinding::from_application_data(text.as_bytes().to_vec()));
    let run = |client_binding: Option<ChannelBinding>, server_binding, policy| {
        let (mut client, mut server) = (initiator_options(), acceptor_options());
        client.channel_binding = client_binding;
        server.channel_binding = server_binding;
        server.binding_policy = policy;
        shake_hands(&mut NtlmInitiator::new(client), &mut NtlmAcceptor::new(server), &mut |_, _| {}).is_ok()
    };
    use BindingPolicy::{None as Off, Relaxed, Strict};
    for (client, server, policy, accepted) in [
        (binding("a"), binding("a"), Strict, true),
        (binding("a"), binding("a"), Relaxed, true),
        (binding("b"), binding("a"), Strict, false),
        (binding("b"), binding("a"), Relaxed, false),
        (binding("b"), binding("a"), Off, true),
        (None, binding("a"), Strict, false),
        (None, binding("a"), Relaxed, true),
        (binding("a"), None, Relaxed, false),
        (None, None, Strict, true),
    ] {
        assert_eq!(run(client.clone(), server.clone(), policy), accepted, "{client:?} {server:?} {policy:?}");
    }
}

/// A mechanism that both sides could have spoken had nobody meddled.
struct Preferred;

impl SecurityContext for Preferred {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match input {
            None => Ok(Step::Continue(b"optimistic token".to_vec())),
            Some(_) => Err(AuthError::LogonDenied),
        }
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn can_seal(&self) -> bool {
        false
    }

    fn sealing_protocol(&self) -> SealingProtocol {
        SealingProtocol::Kerberos
    }

    fn session_key(&self) -> Option<&windlass_core::SecretBytes> {
        None
    }

    fn mechanism(&self) -> &'static str {
        "Preferred"
    }
}

fn initiator_of_two() -> SpnegoInitiator {
    SpnegoInitiator::new(vec![
        Mechanism { mech_type: MechType::kerberos(), context: Box::new(Preferred) },
        Mechanism { mech_type: MechType::ntlm(), context: Box::new(NtlmInitiator::new(initiator_options())) },
    ])
    .unwrap()
}

#[test]
fn falling_back_to_the_second_mechanism_takes_another_leg_and_a_mic() {
    let (mut client, mut server) = (initiator_of_two(), SpnegoAcceptor::ntlm(acceptor_options()));
    let mut requested_mic = false;
    let tokens = shake_hands(&mut client, &mut server, &mut |count, bytes| {
        if let (1, Ok(NegotiationToken::Resp(answer))) = (count, NegotiationToken::decode(bytes)) {
            requested_mic = answer.neg_state == Some(NegState::RequestMic);
            assert_eq!((answer.supported_mech, answer.response_token), (Some(MechType::ntlm()), None));
        }
    });
    assert_eq!((tokens, requested_mic), (Ok(6), true));
    exchange(&mut client, &mut server);
}

#[test]
fn a_preferred_mechanism_struck_from_the_list_is_noticed() {
    let (mut client, mut server) = (initiator_of_two(), SpnegoAcceptor::ntlm(acceptor_options()));
    let error = shake_hands(&mut client, &mut server, &mut |count, bytes| {
        if count == 0 {
            *bytes = NegTokenInit { mech_types: vec![MechType::ntlm()], ..Default::default() }.encode();
        }
    })
    .unwrap_err();
    assert_eq!(error, AuthError::HandshakeIntegrity { token: "list of mechanisms", fault: "wrong" });
}

#[test]
fn a_missing_mic_after_a_fallback_is_noticed() {
    for message in [4, 5] {
        let (mut client, mut server) = (initiator_of_two(), SpnegoAcceptor::ntlm(acceptor_options()));
        let result = shake_hands(&mut client, &mut server, &mut |count, bytes| {
            if count == message {
                let Ok(NegotiationToken::Resp(mut answer)) = NegotiationToken::decode(bytes) else { return };
                assert!(answer.mech_list_mic.take().is_some());
                *bytes = answer.encode();
            }
        });
        assert!(result.is_err(), "message {message}");
    }
}

#[test]
fn a_mechanism_that_was_not_offered_is_refused() {
    let (mut client, mut server) = spnego();
    let error = shake_hands(&mut client, &mut server, &mut |count, bytes| {
        let Ok(NegotiationToken::Resp(mut answer)) = NegotiationToken::decode(bytes) else { return };
        if count == 1 {
            answer.supported_mech = Some(MechType::kerberos());
            *bytes = answer.encode();
        }
    })
    .unwrap_err();
    assert!(matches!(error, AuthError::NoCommonMechanism(_)), "{error}");

    let mut server = SpnegoAcceptor::ntlm(acceptor_options());
    let offer = NegTokenInit { mech_types: vec![MechType::kerberos()], ..Default::default() }.encode();
    assert!(matches!(server.step(Some(&offer)), Err(AuthError::NoCommonMechanism(_))));
}

#[test]
fn nothing_can_be_protected_before_there_are_keys() {
    let (mut client, mut server) = spnego();
    let contexts: [&mut dyn SecurityContext; 2] = [&mut client, &mut server];
    for context in contexts {
        assert!(!context.can_seal() && !context.can_sign() && !context.is_complete());
        assert!(context.seal(&mut Vec::new(), &mut b"x".to_vec()).is_err());
        assert!(context.verify(b"x", &[0; 16]).is_err());
        assert!(context.kdc_reply(b"").is_err());
    }
}
