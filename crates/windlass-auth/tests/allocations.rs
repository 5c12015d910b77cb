//! Protecting messages takes no memory of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use allocation_counter::measure;
use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

const NOW: u64 = 134_116_992_000_000_000;

fn initiator() -> NtlmInitiator {
    NtlmInitiator::new(NtlmInitiatorOptions::new(Credential::password("alice", "Pa55w0rd".to_owned()), NOW))
}

fn acceptor() -> NtlmAcceptorOptions {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    NtlmAcceptorOptions::new(Arc::new(accounts), "host", NOW)
}

fn shake_hands(initiator: &mut dyn SecurityContext, acceptor: &mut dyn SecurityContext) {
    let mut step = initiator.step(None).unwrap();
    let mut from_initiator = true;
    while let Step::Continue(token) | Step::Complete(Some(token)) = step {
        step = match from_initiator {
            true => acceptor.step(Some(&token)).unwrap(),
            false => initiator.step(Some(&token)).unwrap(),
        };
        from_initiator = !from_initiator;
    }
    assert!(initiator.is_complete() && acceptor.is_complete());
}

/// Sends messages both ways. The first one makes room for the signature; after it nothing is allocated.
fn nothing_is_allocated(initiator: &mut dyn SecurityContext, acceptor: &mut dyn SecurityContext) {
    shake_hands(initiator, acceptor);
    let mut header = Vec::new();
    for size in [0, 1, 59, 60, 61, 1024, 16 * 1024, 512 * 1024] {
        let plain = vec![0x41; size];
        let mut data = plain.clone();
        let mut message = |from: &mut dyn SecurityContext, to: &mut dyn SecurityContext| {
            from.seal(&mut header, &mut data).unwrap();
            assert_eq!(to.unseal(&header, &mut data).unwrap(), size);
            from.seal_between(b"head", &mut data, b"tail", &mut header).unwrap();
            to.unseal_between(b"head", &mut data, b"tail", &header).unwrap();
            from.sign(&data, &mut header).unwrap();
            to.verify(&data, &header).unwrap();
        };
        if size == 0 {
            message(initiator, acceptor);
        }
        let used = measure(|| {
            message(initiator, acceptor);
            message(acceptor, initiator);
        });
        assert_eq!((used.count_total, used.bytes_total), (0, 0), "messages of {size} bytes");
        assert_eq!(data, plain);
    }
}

#[test]
fn ntlm_protects_messages_without_allocating() {
    assert!(measure(|| drop(vec![0_u8; 10])).count_total > 0, "allocations are counted");
    nothing_is_allocated(&mut initiator(), &mut NtlmAcceptor::new(acceptor()));
}

#[test]
fn spnego_adds_nothing() {
    let mut initiator = SpnegoInitiator::ntlm(initiator());
    nothing_is_allocated(&mut initiator, &mut SpnegoAcceptor::ntlm(acceptor()));
}
