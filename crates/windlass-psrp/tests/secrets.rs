//! Secrets and the session key, also against what PowerShell 7.6 settled on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod common;

use std::sync::OnceLock;

use common::{Pair, ROOM};
use windlass_clixml::PsValue;
use windlass_core::Secret;
use windlass_psrp::host::{HostMethod, HostReply, HostReturn};
use windlass_psrp::{
    ClientEvent, KeyPair, PipelineState, PoolOptions, PowerShell, ProtocolVersion, PsrpError, ServerEvent,
    ServerOptions, SessionKey, Stream,
};

/// Making a key takes long.
fn key_pair() -> KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate().unwrap()).clone()
}

fn pair(version: ProtocolVersion, encrypts: bool) -> Pair {
    let client =
        PoolOptions { protocol_version: version, transport_encrypts: encrypts, ..PoolOptions::default() };
    let server =
        ServerOptions { protocol_version: version, transport_encrypts: encrypts, ..ServerOptions::default() };
    let mut pair = Pair::open(client, server);
    pair.client.set_key_pair(key_pair());
    pair
}

fn exposed(secret: &Secret) -> &str {
    secret.expose()
}

#[test]
fn a_parameter_waits_for_the_key() {
    let mut pair = pair(ProtocolVersion::V2_3, false);
    let secret = pair.client.protect(&Secret::new("geheim \u{2603}")).unwrap();
    let id = pair.client.create_pipeline(PowerShell::new().command("x").parameter("P", secret)).unwrap();
    assert_eq!(pair.client.command_arguments(id, ROOM).unwrap(), None);
    pair.exchange();
    assert_eq!(pair.client_events(), [ClientEvent::SessionKey]);
    assert_eq!(pair.server_events(), [ServerEvent::SessionKey]);
    let data = pair.client.command_arguments(id, ROOM).unwrap().unwrap();
    pair.server.receive(Some(id), Stream::Default, &data).unwrap();
    pair.exchange();
    let events = pair.server_events();
    let ServerEvent::CreatePipeline { create, .. } = &events[0] else { panic!("{events:?}") };
    let value = &create.power_shell.statements[0][0].parameters[0].value;
    assert_eq!(exposed(&pair.server.reveal(value).unwrap()), "geheim \u{2603}");
}

#[test]
fn a_token_serves_later_messages_too() {
    let mut pair = pair(ProtocolVersion::V2_3, false);
    let secret = pair.client.protect(&Secret::new("once")).unwrap();
    pair.exchange();
    pair.client_events();
    for _ in 0..2 {
        pair.start(PowerShell::new().command("x").argument(secret.clone()));
        let events = pair.server_events();
        let Some(ServerEvent::CreatePipeline { create, .. }) = events.last() else { panic!("{events:?}") };
        let value = &create.power_shell.statements[0][0].parameters[0].value;
        assert_eq!(exposed(&pair.server.reveal(value).unwrap()), "once");
    }
}

#[test]
fn a_server_writes_at_once_and_the_client_asks_later() {
    let mut pair = pair(ProtocolVersion::V2_2, false);
    let id = pair.start(PowerShell::script("x"));
    let secret = pair.server.protect(&Secret::new("first")).unwrap();
    pair.server.write_output(id, &secret).unwrap();
    pair.exchange();
    let events = pair.client_events();
    let ClientEvent::PipelineOutput { value, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(pair.client.reveal(value).unwrap_err(), PsrpError::NoSessionKey);
    assert!(!pair.client.has_session_key());
    pair.client.request_session_key().unwrap();
    pair.client.request_session_key().unwrap();
    pair.exchange();
    assert_eq!(pair.client_events(), [ClientEvent::SessionKey]);
    assert_eq!(exposed(&pair.client.reveal(value).unwrap()), "first");
}

#[test]
fn before_protocol_2_2_the_server_asks_and_waits() {
    let mut pair = pair(ProtocolVersion::V2_1, false);
    let id = pair.start(PowerShell::script("x"));
    let secret = pair.server.protect(&Secret::new("old")).unwrap();
    pair.server.write_output(id, &secret).unwrap();
    pair.server.write_output(id, &1.into()).unwrap();
    pair.exchange();
    let events = pair.client_events();
    assert_eq!(events[0], ClientEvent::SessionKey);
    let ClientEvent::PipelineOutput { value, .. } = &events[1] else { panic!("{events:?}") };
    assert_eq!(exposed(&pair.client.reveal(value).unwrap()), "old");
    assert_eq!(events[2], ClientEvent::PipelineOutput { pipeline: id, value: 1.into() });
}

#[test]
fn answers_of_the_host_wait_for_the_key_but_block_nothing_else() {
    let mut pair = pair(ProtocolVersion::V2_3, false);
    let id = pair.start(PowerShell::script("x"));
    pair.server_events();
    let call_id = pair.server.host_call(id, HostMethod::ReadLineAsSecureString).unwrap();
    pair.exchange();
    let events = pair.client_events();
    let ClientEvent::HostCall { pipeline, call } = &events[0] else { panic!("{events:?}") };
    assert_eq!(call.call_id, call_id);
    let hidden = pair.client.protect(&Secret::new("hidden")).unwrap();
    pair.client.host_response(*pipeline, call, HostReply::Value(HostReturn::Secret(hidden))).unwrap();
    let first = pair.client.poll_send(5000).unwrap();
    assert_eq!((first.pipeline, pair.client.poll_send(5000)), (None, None));
    pair.server.receive(None, first.stream, &first.data).unwrap();
    pair.exchange();
    let events = pair.server_events();
    let Some(ServerEvent::HostResponse { response, .. }) = events.last() else { panic!("{events:?}") };
    let HostReply::Value(HostReturn::Secret(value)) = &response.reply else { panic!("{response:?}") };
    assert_eq!(exposed(&pair.server.reveal(value).unwrap()), "hidden");
}

#[test]
fn protocol_2_4_leaves_it_to_the_transport() {
    let mut unsafe_pair = pair(ProtocolVersion::V2_4, false);
    assert_eq!(unsafe_pair.client.protect(&Secret::new("x")).unwrap_err(), PsrpError::UnprotectedSecret);
    assert_eq!(unsafe_pair.server.protect(&Secret::new("x")).unwrap_err(), PsrpError::UnprotectedSecret);
    let mut pair = pair(ProtocolVersion::V2_4, true);
    assert!(pair.client.has_session_key());
    let secret = pair.client.protect_credential("alice", &Secret::new("pw")).unwrap();
    pair.start(PowerShell::new().command("x").argument(secret));
    let events = pair.server_events();
    let ServerEvent::CreatePipeline { create, .. } = &events[0] else { panic!("{events:?}") };
    let credential = &create.power_shell.statements[0][0].parameters[0].value;
    assert_eq!(credential.get("UserName").and_then(PsValue::as_str), Some("alice"));
    assert_eq!(exposed(&pair.server.reveal(credential.get("Password").unwrap()).unwrap()), "pw");
}

#[test]
fn a_new_client_exchanges_anew() {
    let mut pair = pair(ProtocolVersion::V2_3, false);
    let id = pair.start(PowerShell::script("x"));
    let secret = pair.server.protect(&Secret::new("mine")).unwrap();
    pair.client.request_session_key().unwrap();
    pair.exchange();
    assert!(pair.client.reveal(&secret).is_ok());
    let options = PoolOptions { id: pair.client.id(), ..PoolOptions::default() };
    let mut second = windlass_psrp::ClientPool::new(options);
    let connect = second.connect_fragments(Default::default(), 10_000).unwrap();
    let answer = pair.server.connect(&connect).unwrap();
    second.connect_response(&answer).unwrap();
    assert!(!second.has_session_key());
    assert_eq!(pair.server.reveal(&secret).unwrap_err(), PsrpError::NoSessionKey);
    pair.server.complete(id, PipelineState::Completed, None).unwrap();
}

#[test]
fn keys_of_the_wrong_shape_are_refused() {
    let good = key_pair();
    let key = SessionKey::generate().unwrap();
    let sealed = key.seal_for(&good.public_blob()).unwrap();
    assert!(good.open(&sealed).unwrap() == key);
    let refusal = |text: &str| good.open(text).unwrap_err().to_string();
    assert_eq!(refusal("***"), "encrypted session key: it is not base64");
    assert_eq!(refusal("AAAA"), "encrypted session key: it is no SIMPLEBLOB with an AES-256 key under RSA");
    assert_eq!(refusal(&sealed[..80]), "encrypted session key: it is not 256 bytes long");
    let other = KeyPair::generate().unwrap();
    let error = other.open(&sealed).unwrap_err().to_string();
    assert!(error.starts_with("encrypted session key: ") || error.starts_with("session key: "), "{error}");
    let refusal = |text: &str| key.seal_for(text).unwrap_err().to_string();
    let blob = good.public_blob();
    assert_eq!(refusal(&blob[..300]), "public key: its modulus is not 256 bytes long");
    assert_eq!(refusal("BgIAAACkAABSU0ExAAgAAA=="), "public key: it has no exponent");
    assert_eq!(refusal(&blob.replacen("AAgAAAEAAQ", "AAgAAAAAAA", 1)), "public key: it is no RSA key");
    assert_eq!(
        SessionKey::from_bytes(&[0; 16]).unwrap_err().to_string(),
        "session key: it is not 32 bytes long"
    );
    assert_eq!(key.decrypt("AAAA").unwrap_err().to_string(), "secret: it is not under the session key");
}

#[test]
fn secrets_that_powershell_encrypted_are_read() {
    // Recorded from PowerShell 7.6.5: the case secrets-v2.3, its key and three of its strings.
    let key = "a7c5234b6cd4154679e596dd379b5f49117a3fdf9362a2b7e1ff355906c01ecf";
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap()).collect();
    let key = SessionKey::from_bytes(&bytes).unwrap();
    for (sealed, plain) in [
        ("1sg0CnbpRwn6aqGszvc0K0KI8tuL7sNSq2d/Jkrtm9o=", "geheim \u{2603}"),
        ("i1IFj6A8zjl+klQOU/oXIoEBP7hX1+WlMgQaBSRxHGA=", "from server"),
        ("UuK1yL4e8PJEJtGg2veWwQ==", ""),
    ] {
        assert_eq!(exposed(&key.decrypt(sealed).unwrap()), plain);
        assert_eq!(key.encrypt(&Secret::new(plain)).unwrap(), sealed);
    }
    // The public key of the client in that case is taken.
    let public = "BgIAAACkAABSU0ExAAgAAAEAAQAtnk/MTmaAV84YAw+3LmfH29VHpJrMHPn6FbNR5aWCJUFzXVV9Obo1Q8v5+WOAzmP/g4C0ohWCrErcEfUMQCbmCpNkYWzZ8Pj8hF4zXjVjy5Wu9vyk0wo6ZxfZ9bxL6Dk1zPo98iyO1DBSESWT+t4KRtxGkqEoyGTvULseSfE7VUqxbaqOwoGH6o8J0Hj84KfI2S+sjtNQyu3V5QLWqGWBZ1lAUCugu5ZDldlurkskRDYbmD7DP3IoI84x0NOWh8oLiCYrAVXXnWl1VpIdE6b2n2vJve94fGIIIHy49qS8Yshfbjkw8MXPY6d5LknNYP+EXvVgrP/M1PL+wI68JNzT";
    assert_eq!(key.seal_for(public).unwrap().len(), "AQIAABBmAAAApAAA".len() + 344);
}

#[test]
fn numbers_that_are_no_pair_of_primes_make_no_key() {
    for number in [&[][..], &[0], &[7], &[0xFF; 127], &[0xFE; 128]] {
        let error = KeyPair::from_primes(number, &[0xFF; 128]).unwrap_err().to_string();
        assert_eq!(error, "RSA key: these numbers make no key of 2048 bits");
    }
}
