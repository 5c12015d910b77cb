//! What a man in the middle and a hostile peer can do to an association: nothing but end it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod common;

use common::{Pair, interface, request, security};
use windlass_rpc::pdu::{AuthLevel, AuthType, Body, Header, Pdu, PduFlags, Request};
use windlass_rpc::{ClientEvent, RpcError, ServerEvent};

const SIGNED: [AuthLevel; 3] = [AuthLevel::Packet, AuthLevel::Integrity, AuthLevel::Privacy];

/// An association at that level with one request on its way.
fn on_the_way(level: AuthLevel) -> (Pair, Vec<u8>) {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::NTLM, level, "secret")));
    pair.call(context, b"sixteen bytes, and some more");
    let sent = pair.client.poll_transmit().unwrap();
    (pair, sent)
}

#[test]
fn no_bit_of_a_signed_request_can_be_changed() {
    for level in SIGNED {
        let length = on_the_way(level).1.len();
        for at in 0..length {
            let (mut pair, mut sent) = on_the_way(level);
            sent[at] ^= 0x04;
            // A header that announces more is waited for.
            let _ = pair.server.receive(&sent);
            assert!(pair.server.poll_event().is_none(), "{level}, byte {at}");
        }
    }
}

#[test]
fn no_bit_of_a_signed_response_can_be_changed() {
    for level in SIGNED {
        let make = || {
            let (mut pair, sent) = on_the_way(level);
            pair.server.receive(&sent).unwrap();
            let id = pair.incoming().id;
            pair.server.respond(id, b"the results of the call").unwrap();
            let answer = pair.server.poll_transmit().unwrap();
            (pair, answer)
        };
        for at in 0..make().1.len() {
            let (mut pair, mut answer) = make();
            answer[at] ^= 0x04;
            let _ = pair.client.receive(&answer);
            let event = pair.client.poll_event();
            assert!(!matches!(event, Some(ClientEvent::Response { .. })), "{level}, byte {at}");
        }
    }
}

#[test]
fn replay_and_reordering_end_the_association() {
    for level in SIGNED {
        let (mut pair, sent) = on_the_way(level);
        pair.server.receive(&sent).unwrap();
        let id = pair.incoming().id;
        pair.server.respond(id, &[]).unwrap();
        let error = pair.server.receive(&sent).unwrap_err();
        assert!(matches!(error, RpcError::Auth(_)), "replay: {error}");
        assert_eq!(pair.server.receive(&sent), Err(RpcError::Failed));

        let (mut pair, first) = on_the_way(level);
        pair.call(Some(0), b"second");
        let second = pair.client.poll_transmit().unwrap();
        assert!(pair.server.receive(&second).is_err(), "reordering");
        assert!(pair.server.receive(&first).is_err());
        assert!(pair.server.poll_event().is_none());
    }
}

#[test]
fn a_request_cannot_be_less_protected_than_agreed() {
    let plain = |flags| {
        let body =
            Body::Request(Request { alloc_hint: 0, context_id: 0, opnum: 7, object: None, stub: b"x" });
        Pdu { flags, call_id: 9, body, auth: None }.encode().unwrap()
    };
    for level in SIGNED {
        let (mut pair, mut sent) = on_the_way(level);
        let error = pair.server.receive(&plain(PduFlags::WHOLE)).unwrap_err();
        assert!(matches!(error, RpcError::Protection { .. }), "unsigned: {error}");

        // The level in the verifier lowered or raised.
        let auth = usize::from(Header::decode(&sent).unwrap().auth_length);
        let at = sent.len() - auth - 8 + 1;
        for other in (1..=7).filter(|other| *other != level.to_u8()) {
            let (mut pair, _) = on_the_way(level);
            sent[at] = other;
            assert!(matches!(pair.server.receive(&sent), Err(RpcError::Protection { .. })));
        }
        let _ = &mut pair;
    }
}

#[test]
fn a_response_cannot_be_less_protected_than_its_call() {
    for level in SIGNED {
        let (mut pair, sent) = on_the_way(level);
        pair.server.receive(&sent).unwrap();
        let id = pair.incoming().id;
        let body = Body::Response(windlass_rpc::pdu::Response {
            alloc_hint: 1,
            context_id: 0,
            cancel_count: 0,
            reserved: 0,
            stub: b"x",
        });
        let forged = Pdu { flags: PduFlags::WHOLE, call_id: id, body, auth: None }.encode().unwrap();
        let error = pair.client.receive(&forged).unwrap_err();
        assert!(matches!(error, RpcError::Protection { .. }), "{error}");
    }
}

#[test]
fn a_logon_cannot_be_lowered_by_its_answer() {
    let mut pair = Pair::new();
    pair.client.bind(&[interface(1)], Some(security(AuthType::NTLM, AuthLevel::Privacy, "secret"))).unwrap();
    pair.server.receive(&pair.client.poll_transmit().unwrap()).unwrap();
    let ack = pair.server.poll_transmit().unwrap();
    let auth = usize::from(Header::decode(&ack).unwrap().auth_length);
    let mut lowered = ack.clone();
    lowered[ack.len() - auth - 7] = AuthLevel::Connect.to_u8();
    assert!(matches!(pair.client.receive(&lowered), Err(RpcError::Protection { .. })));
}

#[test]
fn a_server_that_ends_the_logon_early_is_refused() {
    let mut pair = Pair::new();
    pair.client.bind(&[interface(1)], Some(security(AuthType::NTLM, AuthLevel::Privacy, "secret"))).unwrap();
    pair.server.receive(&pair.client.poll_transmit().unwrap()).unwrap();
    let ack = pair.server.poll_transmit().unwrap();
    let decoded = Pdu::decode(&ack).unwrap();
    let without = Pdu { auth: None, ..decoded }.encode().unwrap();
    pair.client.receive(&without).unwrap();
    assert!(matches!(pair.client.poll_event(), Some(ClientEvent::BindFailed(RpcError::Protection { .. }))));
}

#[test]
fn holes_and_contradictions_between_fragments_are_refused() {
    let fragment = |flags: u8, call_id, context_id, opnum| {
        let body = Body::Request(Request { alloc_hint: 0, context_id, opnum, object: None, stub: &[0; 8] });
        Pdu { flags: PduFlags(flags), call_id, body, auth: None }.encode().unwrap()
    };
    let cases: [&[Vec<u8>]; 6] = [
        &[fragment(2, 1, 0, 7)],
        &[fragment(0, 1, 0, 7)],
        &[fragment(1, 1, 0, 7), fragment(1, 1, 0, 7)],
        &[fragment(1, 1, 0, 7), fragment(2, 1, 0, 8)],
        &[fragment(1, 1, 0, 7), fragment(2, 1, 9, 7)],
        &[fragment(3, 1, 0, 7), fragment(3, 1, 0, 7)],
    ];
    for (at, case) in cases.iter().enumerate() {
        let mut pair = Pair::new();
        pair.bind(&[interface(1)], None);
        let bytes = case.concat();
        let error = pair.server.receive(&bytes).unwrap_err();
        assert!(matches!(error, RpcError::Unexpected { .. }), "case {at}: {error}");
    }
    // Fragments of several calls may alternate.
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    let bytes = [fragment(1, 1, 0, 7), fragment(1, 2, 0, 8), fragment(2, 1, 0, 7), fragment(2, 2, 0, 8)];
    pair.server.receive(&bytes.concat()).unwrap();
    assert_eq!((pair.incoming().opnum, pair.incoming().opnum), (7, 8));
}

#[test]
fn pdus_out_of_turn_are_refused() {
    let pdu = |body| Pdu { flags: PduFlags::WHOLE, call_id: 1, body, auth: None }.encode().unwrap();
    let call = Body::Request(Request { alloc_hint: 0, context_id: 0, opnum: 0, object: None, stub: &[] });
    assert!(Pair::new().server.receive(&pdu(call.clone())).is_err(), "a call before the bind");
    assert!(Pair::new().server.receive(&pdu(Body::Shutdown)).is_err());
    assert!(Pair::new().client.receive(&pdu(call)).is_err());
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    let (_, bind) = pair.wire[0].clone();
    assert!(pair.server.receive(&bind).is_err(), "a second bind");
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    assert!(pair.server.receive(&pdu(Body::Auth3([0; 4]))).is_err());
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    let (_, ack) = pair.wire[1].clone();
    assert!(pair.client.receive(&ack).is_err(), "a second bind_ack");
}

#[test]
fn a_call_on_a_context_that_was_refused_is_a_fault() {
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    let body = Body::Request(Request { alloc_hint: 0, context_id: 5, opnum: 0, object: None, stub: &[] });
    let bytes = Pdu { flags: PduFlags::WHOLE, call_id: 8, body, auth: None }.encode().unwrap();
    pair.server.receive(&bytes).unwrap();
    let answer = pair.server.poll_transmit().unwrap();
    assert_eq!(&answer[24..28], &0x1C00_001Cu32.to_le_bytes());
    assert!(pair.server.poll_event().is_none());
}

#[test]
fn a_connect_level_logon_that_failed_speaks_for_nothing() {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::NTLM, AuthLevel::Connect, "wrong")));
    assert!(matches!(pair.server.poll_event(), Some(ServerEvent::LogonFailed(_))));
    pair.client.call(request(context, b"x")).unwrap();
    assert!(pair.settle().is_err());
    assert!(pair.server.poll_event().is_none());
}

/// Conversations cut at every byte and with every byte changed: never a panic, never a call out of nothing.
#[test]
fn whatever_arrives_nothing_panics() {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::SPNEGO, AuthLevel::Connect, "secret")));
    let id = pair.call(context, &[7; 40]);
    pair.settle().unwrap();
    pair.server.respond(id, &[8; 40]).unwrap();
    pair.settle().unwrap();
    for (to_server, bytes) in pair.wire.clone() {
        for at in 0..bytes.len() {
            for value in [0, 0xff, bytes[at] ^ 1] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let mut fresh = Pair::new();
                if to_server {
                    let _ = fresh.server.receive(&changed);
                    let _ = fresh.server.receive(&bytes[..at]);
                } else {
                    fresh.client.bind(&[interface(1)], None).unwrap();
                    let _ = fresh.client.receive(&changed);
                    let _ = fresh.client.receive(&bytes[..at]);
                }
            }
        }
    }
}
