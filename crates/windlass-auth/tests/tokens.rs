//! Tokens that other implementations wrote: `fixtures/auth`, see its README for where they come from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use windlass_auth::ntlm::{
    AuthenticateMessage, AvId, ChallengeMessage, Message, NegotiateFlags, NegotiateMessage, Version,
};
use windlass_auth::spnego::{MechType, NegState, NegotiationToken};

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../../fixtures/auth/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn a_negotiate_message_of_windows() {
    let bytes = fixture("ntlm_negotiate");
    let message = NegotiateMessage::decode(&bytes).unwrap();
    assert_eq!(message.version, Some(Version { major: 10, minor: 0, build: 17763, revision: 15 }));
    assert!(message.flags.contains(NegotiateFlags::KEY_128 | NegotiateFlags::EXTENDED_SESSION_SECURITY));
    let mut encoded = message.encode();
    // Windows leaves the offsets of empty fields zero, where this implementation points at the payload.
    encoded[16..32].fill(0);
    assert_eq!(encoded, bytes);
}

#[test]
fn a_challenge_message_of_windows() {
    let bytes = fixture("ntlm_challenge");
    let message = ChallengeMessage::decode(&bytes).unwrap();
    assert_eq!(message.target_name, "DOMAIN");
    assert_eq!(message.server_challenge, [0xe4, 0x10, 0x10, 0x14, 0xcf, 0x8a, 0x90, 0xbe]);
    assert_eq!(message.target_info.text(AvId::DNS_COMPUTER_NAME).as_deref(), Some("DC01.domain.local"));
    assert_eq!(message.target_info.text(AvId::DNS_TREE_NAME).as_deref(), Some("domain.local"));
    assert_eq!(message.target_info.timestamp(), Some(0x01d6_1e99_8892_81f8));
    assert_eq!(message.encode(), bytes);
}

#[test]
fn the_challenge_message_of_the_specification() {
    let bytes = fixture("ms_nlmp_4_2_4_3_challenge");
    let message = ChallengeMessage::decode(&bytes).unwrap();
    assert_eq!(message.target_name, "Server");
    assert_eq!(message.server_challenge, [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    let pairs: Vec<_> = message.target_info.iter().map(|pair| pair.id).collect();
    assert_eq!(pairs, [AvId::NB_DOMAIN_NAME, AvId::NB_COMPUTER_NAME]);
    assert_eq!(message.encode(), bytes);
}

#[test]
fn the_authenticate_message_of_the_specification() {
    let message = AuthenticateMessage::decode(&fixture("ms_nlmp_4_2_4_3_authenticate")).unwrap();
    assert_eq!(
        (message.domain.as_str(), message.user.as_str(), message.workstation.as_str()),
        ("Domain", "User", "COMPUTER")
    );
    assert_eq!((message.nt_response.len(), message.encrypted_session_key.len()), (84, 16));
    assert_eq!((message.mic, message.version.map(|version| version.build)), (None, Some(2600)));
}

#[test]
fn authenticate_messages_of_other_clients() {
    let message = AuthenticateMessage::decode(&fixture("ntlm_authenticate")).unwrap();
    assert_eq!(
        (message.domain.as_str(), message.user.as_str(), message.workstation.as_str()),
        ("", "vagrant-domain@DOMAIN.LOCAL", "JBOREAN-LINUX")
    );
    assert_eq!((message.mic, message.mic_offset), (None, None));

    let message = AuthenticateMessage::decode(&fixture("ntlm_authenticate_no_sign_seal")).unwrap();
    assert_eq!((message.user.as_str(), message.mic_offset), ("vagrant", Some(72)));
    assert!(message.mic.is_some_and(|mic| mic.starts_with(&[0xfe, 0x93, 0x5d, 0xc8])));
    let again = AuthenticateMessage::decode(&message.encode()).unwrap();
    assert_eq!(again, message);
}

#[test]
fn a_kerberos_offer_of_windows() {
    let bytes = fixture("initial_context_token_neg_token_init");
    let NegotiationToken::Init(token) = NegotiationToken::decode(&bytes).unwrap() else { panic!("an offer") };
    assert!(token.mech_types.contains(&MechType::kerberos()));
    assert!(token.mech_token.as_ref().is_some_and(|token| token.starts_with(&[0x60])));
    assert_eq!(token.encode(), bytes);
}

#[test]
fn an_offer_of_an_acceptor() {
    let bytes = fixture("initial_context_token_neg_token_init2");
    let NegotiationToken::Init(token) = NegotiationToken::decode(&bytes).unwrap() else { panic!("an offer") };
    let names: Vec<_> = token.mech_types.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["NegoEx", "MS-Kerberos", "Kerberos", "1.2.840.113554.1.2.2.3", "NTLM"]);
    assert_eq!(token.hint_name.as_deref(), Some(&b"not_defined_in_RFC4178@please_ignore"[..]));
    assert_eq!(token.encode(), bytes);
}

#[test]
fn an_answer_with_kerberos_in_it() {
    let bytes = fixture("neg_token_resp");
    let NegotiationToken::Resp(token) = NegotiationToken::decode(&bytes).unwrap() else {
        panic!("an answer")
    };
    assert_eq!(token.neg_state, Some(NegState::AcceptCompleted));
    assert_eq!(token.supported_mech, Some(MechType::kerberos()));
    assert_eq!(token.encode(), bytes);
}

#[test]
fn every_truncation_is_refused() {
    for name in ["ntlm_challenge", "ntlm_authenticate", "ntlm_authenticate_no_sign_seal"] {
        let bytes = fixture(name);
        for end in 0..bytes.len() {
            assert!(Message::decode(&bytes[..end]).is_err(), "{name} cut at {end}");
        }
    }
    for name in ["neg_token_resp", "initial_context_token_neg_token_init2"] {
        let bytes = fixture(name);
        for end in 0..bytes.len() {
            assert!(NegotiationToken::decode(&bytes[..end]).is_err(), "{name} cut at {end}");
        }
    }
}

#[test]
fn oversized_tokens_are_refused_before_they_are_looked_at() {
    assert!(Message::decode(&[0; 17 * 1024]).unwrap_err().to_string().contains("exceeds the limit"));
    assert!(NegotiationToken::decode(&[0; 81 * 1024]).unwrap_err().to_string().contains("exceeds the limit"));
}
