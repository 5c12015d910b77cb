//! Properties of the message codecs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use proptest::prelude::*;
use windlass_auth::ntlm::{
    AuthenticateMessage, AvId, AvPairs, ChallengeMessage, Message, NegotiateFlags, NegotiateMessage, Version,
};
use windlass_auth::spnego::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken};
use windlass_auth::{Credential, basic};

fn version() -> impl Strategy<Value = Version> {
    (any::<u8>(), any::<u8>(), any::<u16>(), any::<u8>())
        .prop_map(|(major, minor, build, revision)| Version { major, minor, build, revision })
}

fn pairs() -> impl Strategy<Value = AvPairs> {
    prop::collection::btree_map(1u16..20, prop::collection::vec(any::<u8>(), 0..40), 0..8).prop_map(|map| {
        let mut pairs = AvPairs::new();
        map.into_iter().for_each(|(id, value)| pairs.set(AvId(id), value));
        pairs
    })
}

fn bytes(limit: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..limit)
}

fn mech() -> impl Strategy<Value = MechType> {
    prop::sample::select(vec![MechType::kerberos(), MechType::ms_kerberos(), MechType::ntlm()])
}

/// Readers may take the Version field for granted: go-msrpc looks for the payload behind it ([MS-NLMP] 2.2.1.2).
#[test]
fn a_challenge_has_its_version_field_whatever_the_flags_say() {
    let flags = NegotiateFlags::UNICODE | NegotiateFlags::TARGET_INFO;
    let target_name = "HOST".to_owned();
    let (server_challenge, target_info) = ([7; 8], AvPairs::default());
    let message = ChallengeMessage { flags, target_name, server_challenge, target_info, version: None };
    let encoded = message.encode();
    assert_eq!(encoded[16..20], 56_u32.to_le_bytes());
    assert_eq!(encoded[48..56], [0; 8]);
    assert_eq!(ChallengeMessage::decode(&encoded).unwrap(), message);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn negotiate_messages(flags: u32, domain in bytes(20), workstation in bytes(20), version in version()) {
        let flags = NegotiateFlags(flags)
            | NegotiateFlags::OEM_DOMAIN_SUPPLIED
            | NegotiateFlags::OEM_WORKSTATION_SUPPLIED
            | NegotiateFlags::VERSION;
        let message = NegotiateMessage { flags, domain, workstation, version: Some(version) };
        prop_assert_eq!(Message::decode(&message.encode()), Ok(Message::Negotiate(message)));
    }

    #[test]
    fn challenge_messages(flags: u32, target_name: String, server_challenge: [u8; 8], target_info in pairs()) {
        let flags = (NegotiateFlags(flags) | NegotiateFlags::UNICODE | NegotiateFlags::TARGET_INFO)
            .without(NegotiateFlags::VERSION);
        let message = ChallengeMessage { flags, target_name, server_challenge, target_info, version: None };
        prop_assert_eq!(Message::decode(&message.encode()), Ok(Message::Challenge(message)));
    }

    #[test]
    fn authenticate_messages(
        flags: u32, domain: String, user: String, workstation: String,
        lm_response in bytes(30), nt_response in bytes(200), key in bytes(17), version in version(), mic: [u8; 16],
    ) {
        let flags = NegotiateFlags(flags) | NegotiateFlags::UNICODE | NegotiateFlags::VERSION;
        let message = AuthenticateMessage {
            lm_response, nt_response, domain, user, workstation, encrypted_session_key: key, flags,
            version: Some(version), mic_offset: Some(72), mic: Some(mic),
        };
        prop_assert_eq!(Message::decode(&message.encode()), Ok(Message::Authenticate(message)));
    }

    #[test]
    fn offers(mech_types in prop::collection::vec(mech(), 0..5), token in bytes(300), hint in bytes(40), mic in bytes(20)) {
        let offer = NegTokenInit {
            mech_types,
            mech_token: Some(token).filter(|token| !token.is_empty()),
            hint_name: Some(hint).filter(|hint| !hint.is_empty()),
            mech_list_mic: Some(mic).filter(|mic| !mic.is_empty()),
        };
        prop_assert_eq!(NegotiationToken::decode(&offer.encode()), Ok(NegotiationToken::Init(offer)));
    }

    #[test]
    fn answers(state in 0usize..5, mech in prop::option::of(mech()), token in bytes(300), mic in bytes(20)) {
        let states = [NegState::AcceptCompleted, NegState::AcceptIncomplete, NegState::Reject, NegState::RequestMic];
        let answer = NegTokenResp {
            neg_state: states.get(state).copied(),
            supported_mech: mech,
            response_token: Some(token).filter(|token| !token.is_empty()),
            mech_list_mic: Some(mic).filter(|mic| !mic.is_empty()),
        };
        prop_assert_eq!(NegotiationToken::decode(&answer.encode()), Ok(NegotiationToken::Resp(answer)));
    }

    #[test]
    fn garbage_is_refused_without_panic(garbage in bytes(400), kind in 0u32..5) {
        let _ = NegotiationToken::decode(&garbage);
        let message = [b"NTLMSSP\0", &kind.to_le_bytes()[..], &garbage[..]].concat();
        let _ = Message::decode(&message);
    }

    #[test]
    fn basic_credentials(user in "[^:\\\\]*", password: String) {
        let credential = Credential::password(&user, password.clone());
        let value = basic::encode(&credential).unwrap();
        prop_assume!(value.expose().len() <= 4096);
        let (name, secret) = basic::decode(value.expose()).unwrap();
        prop_assert_eq!((name, secret.expose()), (user, password.as_str()));
    }
}
