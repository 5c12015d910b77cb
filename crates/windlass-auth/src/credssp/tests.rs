//! Both sides over a TLS that is none: what is checked here is the protocol inside.

use std::sync::Arc;

use super::*;
use crate::{
    Accounts, Credential, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions, SealingProtocol,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

/// Says hello and shows a certificate; then every record is its plaintext behind a header of 16 bytes.
pub(crate) struct ClearTls {
    server: bool,
    key: u8,
    seen: Option<u8>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl ClearTls {
    pub(crate) fn client() -> Box<dyn InnerTls> {
        Box::new(Self { server: false, key: 0, seen: None, input: vec![], output: b"hello".to_vec() })
    }

    pub(crate) fn server(key: u8) -> Box<dyn InnerTls> {
        Box::new(Self { server: true, key, seen: None, input: vec![], output: vec![] })
    }
}

/// A certificate of nothing but its public key.
fn certificate(key: u8) -> Vec<u8> {
    let sequence = |content: &[u8]| {
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, content);
        out
    };
    let mut fields = vec![der::INTEGER, 1, 1];
    fields.extend(sequence(&[]).repeat(4));
    let mut info = sequence(&[]);
    der::write(&mut info, der::BIT_STRING, &[0, key, 2, 3]);
    fields.extend(sequence(&info));
    let mut whole = sequence(&fields);
    whole.extend(sequence(&[]));
    sequence(&whole)
}

impl InnerTls for ClearTls {
    fn receive(&mut self, bytes: &[u8]) -> Result<(), AuthError> {
        match (self.server, self.seen) {
            (true, None) if bytes == b"hello" => {
                self.seen = Some(self.key);
                self.output = vec![self.key];
            }
            (false, None) => self.seen = bytes.first().copied(),
            (_, Some(_)) => self.input.extend_from_slice(bytes),
            _ => return Err(AuthError::State { mechanism: "TLS", reason: "is not greeted" }),
        }
        Ok(())
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> Result<(), AuthError> {
        out.append(&mut self.output);
        Ok(())
    }

    fn is_handshaking(&self) -> bool {
        self.seen.is_none()
    }

    fn write(&mut self, plain: &[u8]) -> Result<(), AuthError> {
        self.output.extend_from_slice(&[0xAA; 16]);
        self.output.extend_from_slice(plain);
        Ok(())
    }

    fn read(&mut self, plain: &mut Vec<u8>) -> Result<(), AuthError> {
        if let Some(record) = std::mem::take(&mut self.input).strip_prefix(&[0xAA; 16]) {
            plain.extend_from_slice(record);
        }
        Ok(())
    }

    fn server_certificate(&self) -> Option<Vec<u8>> {
        self.seen.map(certificate)
    }

    fn trailer_length(&self) -> usize {
        16
    }
}

fn initiator(password: &str) -> CredSspInitiator {
    let credential = Credential::password("CORP\\alice", password.to_owned());
    let ntlm = NtlmInitiator::new(NtlmInitiatorOptions::new(credential.clone(), 1));
    let spnego = Box::new(SpnegoInitiator::ntlm(ntlm));
    CredSspInitiator::new(CredSspInitiatorOptions::new(credential, ClearTls::client(), spnego)).unwrap()
}

fn acceptor() -> CredSspAcceptor {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "secret".to_owned());
    let ntlm = NtlmAcceptorOptions::new(Arc::new(accounts), "host", 1);
    CredSspAcceptor::new(CredSspAcceptorOptions::new(
        ClearTls::server(48),
        Box::new(SpnegoAcceptor::ntlm(ntlm)),
    ))
}

/// Runs the handshake; `meddle` sees every token, its number and whether the client sent it.
fn run(
    client: &mut CredSspInitiator,
    server: &mut CredSspAcceptor,
    mut meddle: impl FnMut(usize, bool, &mut Vec<u8>),
) -> Result<usize, AuthError> {
    let mut step = client.step(None)?;
    for number in 0..20 {
        let mut token = match step {
            Step::Continue(token) | Step::Complete(Some(token)) => token,
            other => panic!("{other:?}"),
        };
        meddle(number, true, &mut token);
        let mut answer = match server.step(Some(&token)) {
            Ok(Step::Continue(answer)) => answer,
            Ok(Step::Complete(None)) => return Ok(number + 1),
            Ok(other) => panic!("{other:?}"),
            Err(error) => match server.farewell() {
                Some(farewell) => farewell,
                None => return Err(error),
            },
        };
        meddle(number, false, &mut answer);
        step = client.step(Some(&answer))?;
    }
    panic!("no end")
}

#[test]
fn both_sides_agree_and_the_password_arrives() {
    let (mut client, mut server) = (initiator("secret"), acceptor());
    let legs = run(&mut client, &mut server, |_, _, _| {}).unwrap();
    assert_eq!(legs, 4, "hello, negotiate, authenticate with the proof, credentials");
    assert!(client.is_complete() && server.is_complete());
    let principal = server.peer().unwrap();
    assert_eq!((principal.to_string().as_str(), principal.mechanism), ("CORP\\alice", "NTLM"));
    let delegated = server.delegated().unwrap();
    assert_eq!((delegated.user.as_str(), delegated.password.expose()), ("alice", "secret"));

    let (mut header, mut data) = (Vec::new(), b"a message".to_vec());
    client.seal(&mut header, &mut data).unwrap();
    assert_eq!(client.sealing_protocol(), SealingProtocol::CredSsp);
    assert_eq!(server.unseal(&header, &mut data).unwrap(), 9);
    assert_eq!(&data[..9], b"a message");
}

#[test]
fn a_wrong_password_is_told_with_its_status() {
    let error = run(&mut initiator("wrong"), &mut acceptor(), |_, _, _| {}).unwrap_err();
    assert!(matches!(error, AuthError::PeerStatus { .. }), "{error:?}");
    assert!(error.to_string().contains("0xc000006d"), "{error}");
}

#[test]
fn a_relay_with_a_certificate_of_its_own_is_noticed() {
    // The relay shows the client another public key than the server showed the relay.
    let (mut client, mut server) = (initiator("secret"), acceptor());
    let outcome = run(&mut client, &mut server, |number, by_client, token| {
        if number == 0 && !by_client {
            *token = vec![49];
        }
    });
    assert!(outcome.unwrap_err().is_logon_failure());
    assert!(!server.is_complete() && server.delegated().is_none());
}

#[test]
fn old_versions_are_refused_unless_asked_for() {
    let lower = |number, _by_client, token: &mut Vec<u8>| {
        // SEQUENCE { [0] { INTEGER version ...: the version stands 4 bytes after the first [0] tag.
        if number > 0 && token.len() > 24 {
            let at = 16 + token[16..].iter().position(|byte| *byte == 0xA0).unwrap() + 4;
            token[at] = 3;
        }
    };
    let error = run(&mut initiator("secret"), &mut acceptor(), lower).unwrap_err();
    assert!(error.is_logon_failure());
    let (mut client, mut server) = (initiator("secret"), acceptor());
    (client.min_version, server.min_version) = (2, 2);
    run(&mut client, &mut server, lower).unwrap();
    assert!(server.is_complete());
    // A version that changes midway is a sign of meddling.
    let (mut client, mut server) = (initiator("secret"), acceptor());
    (client.min_version, server.min_version) = (2, 2);
    let midway = |number, by_client, token: &mut Vec<u8>| {
        if number == 2 {
            lower(number, by_client, token);
        }
    };
    assert!(run(&mut client, &mut server, midway).is_err());
}

#[test]
fn altered_and_truncated_tokens_get_nobody_in() {
    for target in 0..4 {
        let mut length = 0;
        run(&mut initiator("secret"), &mut acceptor(), |number, by_client, token| {
            if number == target && by_client {
                length = token.len();
            }
        })
        .unwrap();
        for position in 0..length {
            let (mut client, mut server) = (initiator("secret"), acceptor());
            let cut = run(&mut client, &mut server, |number, by_client, token| {
                if number == target && by_client {
                    token.truncate(position);
                }
            });
            assert!(cut.is_err() && !server.is_complete(), "token {target} cut at {position}");
        }
    }
    // The sealed parts: the proofs of both sides and the credentials.
    for (target, by) in [(2, true), (2, false), (3, true)] {
        for bit in 0..8 {
            for from_end in 1..33 {
                let (mut client, mut server) = (initiator("secret"), acceptor());
                let outcome = run(&mut client, &mut server, |number, by_client, token| {
                    if number == target && by_client == by {
                        let at = token.len() - from_end;
                        token[at] ^= 1 << bit;
                    }
                });
                // The client's nonce ends its message: it is covered by the hash.
                assert!(outcome.is_err() && !server.is_complete(), "token {target}, {by}, {from_end}");
            }
        }
    }
}

#[test]
fn messages_out_of_order_get_nobody_in() {
    let credentials = |version| {
        let request = TsRequest { version, auth_info: Some(vec![0; 40]), ..Default::default() };
        let mut token = vec![0xAA; 16];
        token.extend(request.encode());
        token
    };
    let mut server = acceptor();
    assert!(server.step(None).is_err());
    let mut server = acceptor();
    let _ = server.step(Some(b"hello")).unwrap();
    assert!(server.step(Some(&credentials(6))).is_err());
    assert!(server.step(Some(&credentials(6))).is_err(), "failed for good");
    let (mut client, mut server) = (initiator("secret"), acceptor());
    run(&mut client, &mut server, |_, _, _| {}).unwrap();
    assert!(server.step(Some(&credentials(6))).is_err() && client.step(Some(b"x")).is_err());
    let huge = vec![0xAA; 200 * 1024];
    assert!(matches!(acceptor().step(Some(&huge)), Err(AuthError::TooLarge { .. })));
}

#[test]
fn the_public_key_is_found_in_a_certificate() {
    assert_eq!(subject_public_key(&certificate(48)).unwrap(), [48, 2, 3]);
    assert!(subject_public_key(&[0x30, 0]).is_err());
}
