//! NTLM and Kerberos: sealing and unsealing in place, and whole handshakes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use windlass_auth::{NtlmAcceptorOptions, SecurityContext, SpnegoAcceptor, SpnegoInitiator};
use windlass_benches::kerberos::Realm;
use windlass_benches::ntlm::{accounts, initiator, pair, shake_hands};

const SIZES: [usize; 4] = [1 << 10, 16 << 10, 64 << 10, 512 << 10];

fn ntlm(criterion: &mut Criterion) {
    let accounts = accounts();
    seal_and_unseal(criterion, "ntlm seal and unseal", || pair(&accounts));
}

fn kerberos(criterion: &mut Criterion) {
    let realm = Realm::new();
    seal_and_unseal(criterion, "kerberos seal and unseal", || realm.pair());
}

fn seal_and_unseal<I: SecurityContext, A: SecurityContext>(
    criterion: &mut Criterion,
    name: &str,
    pair: impl Fn() -> (I, A),
) {
    let mut group = criterion.benchmark_group(name);
    for size in SIZES {
        group.throughput(Throughput::Bytes(size.try_into().unwrap()));
        let (mut initiator, mut acceptor) = pair();
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
    group.bench_function("windlass ntlm", |bencher| bencher.iter(|| pair(&accounts)));
    group.bench_function("windlass spnego", |bencher| {
        bencher.iter(|| {
            let mut initiator = SpnegoInitiator::ntlm(initiator());
            let mut acceptor = SpnegoAcceptor::ntlm(NtlmAcceptorOptions::new(accounts.clone(), "host", 0));
            shake_hands(&mut initiator, &mut acceptor);
        });
    });
    let realm = Realm::new();
    group.bench_function("windlass kerberos", |bencher| bencher.iter(|| realm.pair()));
    group.finish();
}

criterion_group!(benches, ntlm, kerberos, handshakes);
criterion_main!(benches);
