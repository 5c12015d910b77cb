//! NTLM: sealing and unsealing in place, and whole handshakes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

const SIZES: [usize; 3] = [2 << 10, 64 << 10, 512 << 10];

fn accounts() -> Arc<Accounts> {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    Arc::new(accounts)
}

fn shake_hands(initiator: &mut dyn SecurityContext, acceptor: &mut dyn SecurityContext) {
    let mut step = initiator.step(None).unwrap();
    let mut turn = 0;
    while let Step::Continue(token) | Step::Complete(Some(token)) = step {
        let receiver: &mut dyn SecurityContext = if turn % 2 == 0 { acceptor } else { initiator };
        step = receiver.step(Some(&token)).unwrap();
        turn += 1;
    }
    assert!(initiator.is_complete() && acceptor.is_complete());
}

fn ours(accounts: &Arc<Accounts>) -> (NtlmInitiator, NtlmAcceptor) {
    let options = NtlmInitiatorOptions::new(Credential::password("alice", "Pa55w0rd".to_owned()), 0);
    let mut initiator = NtlmInitiator::new(options);
    let mut acceptor = NtlmAcceptor::new(NtlmAcceptorOptions::new(accounts.clone(), "host", 0));
    shake_hands(&mut initiator, &mut acceptor);
    (initiator, acceptor)
}

fn seal_and_unseal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ntlm seal and unseal");
    let accounts = accounts();
    for size in SIZES {
        group.throughput(Throughput::Bytes(size.try_into().unwrap()));
        let (mut initiator, mut acceptor) = ours(&accounts);
        let (mut header, mut data) = (Vec::new(), vec![0x41; size]);
        group.bench_function(BenchmarkId::new("windlass", size), |bencher| {
            bencher.iter(|| {
                initiator.seal(&mut header, black_box(&mut data)).unwrap();
                acceptor.unseal(&header, &mut data).unwrap()
            });
        });
        assert_eq!(data, vec![0x41; size]);
    }
    group.finish();
}

fn handshakes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handshake");
    let accounts = accounts();
    group.bench_function("windlass ntlm", |bencher| bencher.iter(|| ours(&accounts)));
    group.bench_function("windlass spnego", |bencher| {
        bencher.iter(|| {
            let options = NtlmInitiatorOptions::new(Credential::password("alice", "Pa55w0rd".to_owned()), 0);
            let mut initiator = SpnegoInitiator::ntlm(NtlmInitiator::new(options));
            let mut acceptor = SpnegoAcceptor::ntlm(NtlmAcceptorOptions::new(accounts.clone(), "host", 0));
            shake_hands(&mut initiator, &mut acceptor);
        });
    });
    group.finish();
}

criterion_group!(benches, seal_and_unseal, handshakes);
criterion_main!(benches);
