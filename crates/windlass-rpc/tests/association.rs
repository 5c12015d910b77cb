//! Both ends of an association against each other: binding, logging on, calling.
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
use uuid::Uuid;
use windlass_rpc::pdu::{
    AuthLevel, AuthType, BindNakReason, ContextOutcome, FaultStatus, Header, Pdu, PduFlags, PduType,
};
use windlass_rpc::{CallRequest, ClientEvent, ClientOptions, RpcError, ServerEvent, ServerOptions, SyntaxId};

const LEVELS: [AuthLevel; 4] =
    [AuthLevel::Connect, AuthLevel::Packet, AuthLevel::Integrity, AuthLevel::Privacy];

fn stub(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn anonymous_calls_of_all_sizes() {
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    for length in [0, 1, 7, 8, 5815, 5816, 5817, 11_632, 100_000] {
        let sent = stub(length);
        let id = pair.call(None, &sent);
        pair.settle().unwrap();
        let call = pair.incoming();
        assert_eq!((call.id, call.opnum, call.stub.len()), (id, 7, length));
        assert_eq!(call.stub, sent);
        assert_eq!(call.caller.level, AuthLevel::None);
        pair.server.respond(id, &sent).unwrap();
        pair.settle().unwrap();
        assert_eq!(pair.response(), (id, sent));
    }
}

#[test]
fn every_provider_at_every_level() {
    for auth_type in [AuthType::NTLM, AuthType::SPNEGO] {
        for level in LEVELS {
            let mut pair = Pair::new();
            let context = pair.bind(&[interface(1)], Some(security(auth_type, level, "secret")));
            for length in [0, 3, 16, 5728, 5729, 70_000] {
                let sent = stub(length);
                let id = pair.call(context, &sent);
                pair.settle().unwrap();
                let call = pair.incoming();
                assert_eq!(call.stub, sent, "{auth_type} {level} {length}");
                assert_eq!((call.caller.level, call.caller.auth_type), (level, Some(auth_type)));
                assert_eq!(call.caller.principal.unwrap().user, "alice");
                pair.server.respond(id, &sent).unwrap();
                pair.settle().unwrap();
                assert_eq!(pair.response(), (id, sent));
            }
            let readable = |needle: &[u8]| {
                pair.wire.iter().any(|(_, bytes)| bytes.windows(needle.len()).any(|part| part == needle))
            };
            assert_eq!(readable(&stub(64)), !level.seals(), "{auth_type} {level}");
        }
    }
}

/// A sealed fragment of 5,836 bytes is what Windows makes of a limit of 5,840 with a token of 76 bytes;
/// with NTLM's 16 bytes there is room for three more units of 16.
#[test]
fn fragments_are_as_long_as_they_may_be() {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::NTLM, AuthLevel::Privacy, "secret")));
    pair.wire.clear();
    pair.call(context, &stub(20_000));
    pair.settle().unwrap();
    let headers: Vec<Header> = pair.wire.iter().map(|(_, bytes)| Header::decode(bytes).unwrap()).collect();
    let lengths: Vec<u16> = headers.iter().map(|header| header.frag_length).collect();
    assert_eq!(lengths, [5840, 5840, 5840, 2672]);
    let flags: Vec<u8> = headers.iter().map(|header| header.flags.0).collect();
    assert_eq!(flags, [1, 0, 0, 2]);
}

#[test]
fn several_interfaces_and_security_contexts_on_one_connection() {
    let mut pair = Pair::new();
    let first = pair
        .bind(&[interface(1), interface(2)], Some(security(AuthType::NTLM, AuthLevel::Integrity, "secret")));
    let second = pair.bind(&[interface(3)], Some(security(AuthType::SPNEGO, AuthLevel::Privacy, "secret")));
    let third = pair.bind(&[interface(4)], Some(security(AuthType::NTLM, AuthLevel::Privacy, "secret")));
    assert_eq!((first, second, third), (Some(0), Some(1), Some(2)));
    // Contexts 0 and 1, 2 for the features, then 3 and 4.
    let calls = [(0, first, 1), (3, second, 3), (1, first, 2), (4, third, 4), (3, second, 3)];
    for (context, security, number) in calls {
        let object = Some(Uuid::from_u128(0xabc));
        let stub = stub(6000);
        let id = pair
            .client
            .call(CallRequest { context, security, opnum: 3, object, stub: stub.clone() })
            .unwrap();
        pair.settle().unwrap();
        let call = pair.incoming();
        assert_eq!((call.interface, call.object), (interface(number), object));
        pair.server.respond(id, &stub).unwrap();
        pair.settle().unwrap();
        assert_eq!(pair.response().1, stub);
    }
}

#[test]
fn interfaces_that_are_not_served_are_named() {
    let mut pair = Pair::new();
    let higher = SyntaxId { minor: 5, ..interface(1) };
    pair.client.bind(&[interface(1), interface(77), higher], None).unwrap();
    pair.settle().unwrap();
    let Some(ClientEvent::Bound { interfaces, .. }) = pair.client.poll_event() else { panic!() };
    let outcomes: Vec<ContextOutcome> = interfaces.iter().map(|bound| bound.outcome).collect();
    let none = ContextOutcome::NO_INTERFACE;
    assert_eq!(outcomes, [ContextOutcome::Accepted, none, none]);
    let bad = CallRequest { context: 1, ..request(None, &[]) };
    assert!(matches!(pair.client.call(bad), Err(RpcError::Usage { .. })));
}

#[test]
fn calls_run_side_by_side_and_end_in_any_order() {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::NTLM, AuthLevel::Privacy, "secret")));
    assert!(pair.client.is_multiplexed());
    let ids: Vec<u32> = (0..5).map(|_| pair.call(context, &stub(9000))).collect();
    pair.settle().unwrap();
    for id in &ids {
        assert_eq!(pair.incoming().id, *id);
    }
    for id in ids.iter().rev() {
        pair.server.respond(*id, &id.to_le_bytes()).unwrap();
    }
    pair.settle().unwrap();
    for id in ids.iter().rev() {
        assert_eq!(pair.response(), (*id, id.to_le_bytes().to_vec()));
    }
}

#[test]
fn a_wrong_password_shows_with_the_first_call_or_in_the_bind() {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::NTLM, AuthLevel::Integrity, "wrong")));
    assert!(matches!(pair.server.poll_event(), Some(ServerEvent::LogonFailed(RpcError::Auth(_)))));
    pair.call(context, &[1, 2, 3]);
    let error = pair.settle().unwrap_err();
    assert!(matches!(error, RpcError::Protection { .. }), "{error}");
    let fault = pair.server.poll_transmit().unwrap();
    pair.client.receive(&fault).unwrap();
    let Some(ClientEvent::Fault { status, did_not_execute: true, .. }) = pair.client.poll_event() else {
        panic!()
    };
    assert_eq!(status, FaultStatus::ACCESS_DENIED);
    assert!(pair.server.poll_event().is_none(), "nothing was executed");

    let mut pair = Pair::new();
    pair.client
        .bind(&[interface(1)], Some(security(AuthType::SPNEGO, AuthLevel::Integrity, "wrong")))
        .unwrap();
    pair.settle().unwrap();
    let Some(ClientEvent::BindFailed(error)) = pair.client.poll_event() else { panic!() };
    assert!(matches!(error, RpcError::AlterRefused(FaultStatus::ACCESS_DENIED)), "{error}");
}

#[test]
fn an_unknown_provider_and_group_are_refused() {
    let mut pair = Pair::new();
    let unknown = security(AuthType(0x44), AuthLevel::Integrity, "secret");
    pair.client.bind(&[interface(1)], Some(unknown)).unwrap();
    assert!(pair.settle().is_err());
    pair.client.receive(&pair.server.poll_transmit().unwrap()).unwrap();
    assert!(matches!(
        pair.client.poll_event(),
        Some(ClientEvent::BindFailed(RpcError::BindRefused(BindNakReason::AUTH_TYPE)))
    ));

    let mut options = ClientOptions::default();
    options.association_group = 99;
    let mut pair = Pair::with(options, ServerOptions::default());
    pair.client.bind(&[interface(1)], None).unwrap();
    assert!(pair.settle().is_err());
}

#[test]
fn cancel_and_orphan_reach_the_server() {
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    let (first, second) = (pair.call(None, &[1]), pair.call(None, &[2]));
    pair.client.cancel(first);
    assert!(pair.client.orphan(second), "both sides keep the connection");
    pair.settle().unwrap();
    assert_eq!((pair.incoming().id, pair.incoming().id), (first, second));
    assert!(matches!(pair.server.poll_event(), Some(ServerEvent::Cancelled(id)) if id == first));
    assert!(matches!(pair.server.poll_event(), Some(ServerEvent::Orphaned(id)) if id == second));
    pair.server.fault(first, FaultStatus::CALL_CANCELLED, true);
    pair.server.respond(second, &[0]).unwrap();
    pair.settle().unwrap();
    assert!(matches!(
        pair.client.poll_event(),
        Some(ClientEvent::Fault { status: FaultStatus::CALL_CANCELLED, did_not_execute: false, .. })
    ));
    assert!(pair.client.poll_event().is_none(), "the orphaned call is not answered");
    assert_eq!((pair.client.calls_under_way(), pair.server.calls_under_way()), (0, 0));
}

#[test]
fn limits_hold_on_both_sides() {
    let mut options = ServerOptions::default();
    options.max_request = 10_000;
    options.max_calls = 2;
    let mut pair = Pair::with(ClientOptions::default(), options);
    pair.bind(&[interface(1)], None);
    for _ in 0..2 {
        pair.call(None, &[]);
    }
    pair.call(None, &stub(20_000));
    pair.settle().unwrap();
    let Some(ClientEvent::Fault { status, .. }) = pair.client.poll_event() else { panic!() };
    assert_eq!(status, FaultStatus::TOO_BUSY);
    pair.server.respond(pair.server.calls_under_way().try_into().unwrap(), &[]).unwrap();
    pair.incoming();
    let id = pair.incoming().id;
    pair.server.respond(id, &[]).unwrap();
    pair.settle().unwrap();
    pair.call(None, &stub(20_000));
    assert!(matches!(pair.settle(), Err(RpcError::Limit { what: "bytes of a request", .. })));

    let mut options = ClientOptions::default();
    options.max_response = 10_000;
    options.max_calls = 1;
    let mut pair = Pair::with(options, ServerOptions::default());
    pair.bind(&[interface(1)], None);
    let id = pair.call(None, &[]);
    assert!(matches!(pair.client.call(request(None, &[])), Err(RpcError::Limit { .. })));
    pair.settle().unwrap();
    pair.server.respond(id, &stub(10_001)).unwrap();
    assert!(matches!(pair.settle(), Err(RpcError::Limit { what: "bytes of a response", .. })));
}

#[test]
fn a_server_that_takes_one_call_at_a_time_gets_one() {
    let mut pair = Pair::new();
    pair.client.bind(&[interface(1)], None).unwrap();
    let bind = pair.client.poll_transmit().unwrap();
    pair.server.receive(&bind).unwrap();
    let mut ack = pair.server.poll_transmit().unwrap();
    ack[3] &= !PduFlags::MULTIPLEX.0;
    pair.client.receive(&ack).unwrap();
    pair.client.poll_event().unwrap();
    let ids: Vec<u32> = (0..3).map(|_| pair.call(None, &[])).collect();
    pair.client.bind(&[interface(2)], None).unwrap();
    for id in ids {
        let sent = pair.client.poll_transmit().unwrap();
        assert!(pair.client.poll_transmit().is_none());
        pair.server.receive(&sent).unwrap();
        assert_eq!(pair.incoming().id, id);
        pair.server.respond(id, &[]).unwrap();
        pair.client.receive(&pair.server.poll_transmit().unwrap()).unwrap();
        assert_eq!(pair.response().0, id);
    }
    let alter = pair.client.poll_transmit().unwrap();
    assert_eq!(Header::decode(&alter).unwrap().kind, PduType::AlterContext);
}

#[test]
fn shutdown_reaches_the_client() {
    let mut pair = Pair::new();
    pair.bind(&[interface(1)], None);
    pair.server.shutdown();
    pair.settle().unwrap();
    assert!(matches!(pair.client.poll_event(), Some(ClientEvent::Shutdown)));
}

/// The PDUs of a whole conversation decode and encode to the same bytes.
#[test]
fn what_crosses_is_canonical() {
    let mut pair = Pair::new();
    let context = pair.bind(&[interface(1)], Some(security(AuthType::SPNEGO, AuthLevel::Privacy, "secret")));
    let id = pair.call(context, &stub(7000));
    pair.settle().unwrap();
    pair.server.respond(id, &stub(7000)).unwrap();
    pair.settle().unwrap();
    for (_, bytes) in &pair.wire {
        assert_eq!(&Pdu::decode(bytes).unwrap().encode().unwrap(), bytes);
    }
}
