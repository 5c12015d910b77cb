//! Attacks on NTLM and SPNEGO that take more than a flipped bit: whole fields forged, taken away or moved.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use windlass_auth::ntlm::{AuthenticateMessage, ChallengeMessage, NegotiateFlags};
use windlass_auth::spnego::{NegTokenResp, NegotiationToken};
use windlass_auth::{
    Accounts, AuthError, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

const NOW: u64 = 134_116_992_000_000_000;

fn initiator(password: &str) -> NtlmInitiator {
    let credential = Credential::password("CORP\\Alice", password.to_owned());
    NtlmInitiator::new(NtlmInitiatorOptions::new(credential, NOW))
}

fn options() -> NtlmAcceptorOptions {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    NtlmAcceptorOptions::new(Arc::new(accounts), "host", NOW)
}

fn contexts(spnego: bool) -> (Box<dyn SecurityContext>, Box<dyn SecurityContext>) {
    let client = initiator("Pa55w0rd");
    match spnego {
        true => (Box::new(SpnegoInitiator::ntlm(client)), Box::new(SpnegoAcceptor::ntlm(options()))),
        false => (Box::new(client), Box::new(NtlmAcceptor::new(options()))),
    }
}

fn token(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) | Step::Complete(Some(token)) => token,
        other => panic!("expected a token, got {other:?}"),
    }
}

/// Both sides up to the last message, which is still to be handed over.
fn almost(spnego: bool) -> (Box<dyn SecurityContext>, Box<dyn SecurityContext>, Vec<u8>) {
    let (mut client, mut server) = contexts(spnego);
    let negotiate = token(client.step(None).unwrap());
    let challenge = token(server.step(Some(&negotiate)).unwrap());
    let authenticate = token(client.step(Some(&challenge)).unwrap());
    (client, server, authenticate)
}

fn established(spnego: bool) -> (Box<dyn SecurityContext>, Box<dyn SecurityContext>) {
    let (mut client, mut server, authenticate) = almost(spnego);
    if let Step::Complete(Some(last)) = server.step(Some(&authenticate)).unwrap() {
        assert_eq!(client.step(Some(&last)), Ok(Step::Complete(None)));
    }
    assert!(client.is_complete() && server.is_complete());
    (client, server)
}

/// The last message with its NTLM part changed.
fn altered(spnego: bool, authenticate: &[u8], change: &dyn Fn(&mut AuthenticateMessage)) -> Vec<u8> {
    rewritten(spnego, authenticate, &|bytes| {
        let mut message = AuthenticateMessage::decode(bytes).unwrap();
        change(&mut message);
        message.encode()
    })
}

/// An AUTHENTICATE message from which the MIC is cut out, as if its sender knew of none ([MS-NLMP] 2.2.1.3).
fn without_mic(bytes: &[u8]) -> Vec<u8> {
    let mut cut = [&bytes[..72], &bytes[88..]].concat();
    for at in [16, 24, 32, 40, 48, 56] {
        let offset = u32::from_le_bytes(cut[at..at + 4].try_into().unwrap());
        cut[at..at + 4].copy_from_slice(&(offset - 16).to_le_bytes());
    }
    assert_eq!(AuthenticateMessage::decode(&cut).unwrap().mic, None);
    cut
}

fn rewritten(spnego: bool, authenticate: &[u8], rewrite: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    if !spnego {
        return rewrite(authenticate);
    }
    let NegotiationToken::Resp(response) = NegotiationToken::decode(authenticate).unwrap() else {
        panic!("no answer")
    };
    let response_token = response.response_token.as_deref().map(rewrite);
    NegTokenResp { response_token, ..response }.encode()
}

#[test]
fn forged_proofs_and_missing_integrity_codes_let_nobody_in() {
    type Change = fn(&mut AuthenticateMessage);
    type Expected<'a> = &'a dyn Fn(&AuthError) -> bool;
    let proof = |error: &AuthError| *error == AuthError::LogonDenied;
    let wrong = |error: &AuthError| matches!(error, AuthError::HandshakeIntegrity { fault: "wrong", .. });
    let weak = |error: &AuthError| matches!(error, AuthError::Policy { .. });
    let cases: [(&str, Change, Expected<'_>); 8] = [
        ("NTProofStr of zeros", |message| message.nt_response[..16].fill(0), &proof),
        ("NTProofStr of another message", |message| message.nt_response.rotate_left(1), &proof),
        ("another user", |message| message.user = "alice2".to_owned(), &proof),
        ("another domain", |message| message.domain = "OTHER".to_owned(), &proof),
        ("MIC of zeros", |message| message.mic = Some([0; 16]), &wrong),
        ("no key", |message| message.encrypted_session_key.fill(0), &wrong),
        (
            "an NTLMv1 answer",
            |message| (message.nt_response, message.lm_response) = (vec![7; 24], vec![7; 24]),
            &weak,
        ),
        (
            "an LM answer alone",
            |message| (message.nt_response, message.lm_response) = (vec![], vec![7; 24]),
            &weak,
        ),
    ];
    for spnego in [false, true] {
        for (what, change, expected) in &cases {
            let (_, mut server, authenticate) = almost(spnego);
            let bad = altered(spnego, &authenticate, change);
            let error = server.step(Some(&bad)).expect_err(what);
            assert!(expected(&error), "{what}: {error}");
            assert!(!server.is_complete() && !server.can_seal() && server.peer().is_none(), "{what}");
            assert!(server.step(Some(&authenticate)).is_err(), "there is no second try after {what}");
        }
        let (_, mut server, authenticate) = almost(spnego);
        let error = server.step(Some(&rewritten(spnego, &authenticate, &without_mic))).unwrap_err();
        assert!(matches!(error, AuthError::HandshakeIntegrity { fault: "missing", .. }), "{error}");
    }
}

#[test]
fn nothing_is_gained_without_the_password_even_where_no_integrity_code_is_sent() {
    let (mut client, mut server) = (initiator(""), NtlmAcceptor::new(options()));
    let negotiate = token(client.step(None).unwrap());
    let challenge = token(server.step(Some(&negotiate)).unwrap());
    let authenticate = token(client.step(Some(&challenge)).unwrap());
    assert_eq!(server.step(Some(&without_mic(&authenticate))), Err(AuthError::LogonDenied));
}

#[test]
fn a_client_answers_no_server_that_wants_less() {
    let challenge = |change: &dyn Fn(&mut ChallengeMessage)| {
        let (mut client, mut server) = contexts(false);
        let negotiate = token(client.step(None).unwrap());
        let mut message = ChallengeMessage::decode(&token(server.step(Some(&negotiate)).unwrap())).unwrap();
        change(&mut message);
        let step = client.step(Some(&message.encode()));
        (client, step)
    };
    let without = |flag: NegotiateFlags| {
        move |message: &mut ChallengeMessage| message.flags = NegotiateFlags(message.flags.0 & !flag.0)
    };
    // Without this it would be NTLMv1.
    assert!(challenge(&without(NegotiateFlags::EXTENDED_SESSION_SECURITY)).1.is_err());
    assert!(challenge(&without(NegotiateFlags::UNICODE)).1.is_err());
    // What is agreed on without keys protects nothing, and says so.
    for flag in [NegotiateFlags::SIGN, NegotiateFlags::KEY_128] {
        let (mut client, step) = challenge(&without(flag));
        assert!(step.is_ok() && !client.can_seal());
        assert!(client.seal(&mut Vec::new(), &mut b"secret".to_vec()).is_err());
    }
    let (client, step) = challenge(&without(NegotiateFlags::SEAL));
    assert!(step.is_ok() && !client.can_seal());
}

#[test]
fn sealed_messages_are_taken_in_their_order_once_and_from_the_peer_alone() {
    for spnego in [false, true] {
        for from_client in [true, false] {
            let pair = || {
                let (client, server) = established(spnego);
                if from_client { (client, server) } else { (server, client) }
            };
            let seal = |context: &mut dyn SecurityContext, text: &str| {
                let (mut header, mut data) = (Vec::new(), text.as_bytes().to_vec());
                context.seal(&mut header, &mut data).unwrap();
                (header, data)
            };
            let open = |context: &mut dyn SecurityContext, (header, data): &(Vec<u8>, Vec<u8>)| {
                context.unseal(header, &mut data.clone())
            };
            let (mut sender, mut receiver) = pair();
            let (first, second) = (seal(&mut *sender, "first"), seal(&mut *sender, "second"));
            assert!(open(&mut *receiver, &second).is_err(), "the first is left out");
            let (mut sender, mut receiver) = pair();
            let first_again = seal(&mut *sender, "first");
            assert_ne!(first, first_again, "each logon has keys of its own");
            assert!(open(&mut *receiver, &first).is_err(), "a message of another logon");
            let (mut sender, mut receiver) = pair();
            let one = seal(&mut *sender, "one");
            assert_eq!(open(&mut *receiver, &one), Ok(3));
            assert!(open(&mut *receiver, &one).is_err(), "a repetition");
            let (mut sender, _receiver) = pair();
            let own = seal(&mut *sender, "one");
            assert!(open(&mut *sender, &own).is_err(), "a message of its own");
            // The head of one message with the data of another.
            let (mut sender, mut receiver) = pair();
            let (a, b) = (seal(&mut *sender, "one"), seal(&mut *sender, "two"));
            assert!(open(&mut *receiver, &(a.0, b.1)).is_err());
        }
    }
}

#[test]
fn every_truncation_of_every_message_is_refused() {
    for spnego in [false, true] {
        for message in 0..3 {
            let mut length = 0;
            loop {
                let (mut client, mut server) = contexts(spnego);
                let mut out = token(client.step(None).unwrap());
                let mut refused = false;
                for number in 0..3 {
                    let whole = out.len();
                    if number == message {
                        out.truncate(length);
                    }
                    let side = if number % 2 == 0 { &mut server } else { &mut client };
                    match side.step(Some(&out)) {
                        Err(_) => {
                            refused = true;
                            break;
                        }
                        Ok(step) if number < 2 => out = token(step),
                        Ok(_) => {}
                    }
                    if number == message && length == whole {
                        break;
                    }
                }
                if !refused {
                    assert!(length > 30, "message {message} cut to {length} bytes");
                    break;
                }
                length += 1;
            }
        }
    }
}
