//! NTLM: sealing and unsealing in place, and whole handshakes, beside the `sspi` crate.
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
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation, EncryptionFlags, Ntlm,
    SecurityBuffer, SecurityBufferRef, ServerRequestFlags, Sspi, SspiImpl, Username,
};
use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, Step,
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

fn theirs() -> (Ntlm, Ntlm) {
    let identity = AuthIdentity {
        username: Username::new("alice", Some("HOST")).unwrap(),
        password: "Pa55w0rd".to_owned().into(),
    };
    let (mut client, mut server) = (Ntlm::new(), Ntlm::new());
    let mut outbound = client
        .acquire_credentials_handle()
        .with_credential_use(CredentialUse::Outbound)
        .with_auth_data(&identity)
        .execute(&mut client)
        .unwrap()
        .credentials_handle;
    let mut inbound = server
        .acquire_credentials_handle()
        .with_credential_use(CredentialUse::Inbound)
        .with_auth_data(&identity)
        .execute(&mut server)
        .unwrap()
        .credentials_handle;
    let mut to_client = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
    for _ in 0..2 {
        let mut to_server = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = client
            .initialize_security_context()
            .with_credentials_handle(&mut outbound)
            .with_context_requirements(
                ClientRequestFlags::CONFIDENTIALITY | ClientRequestFlags::ALLOCATE_MEMORY,
            )
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/host")
            .with_input(&mut to_client)
            .with_output(&mut to_server);
        client.initialize_security_context_impl(&mut builder).unwrap().resolve_to_result().unwrap();
        let mut answer = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let builder = server
            .accept_security_context()
            .with_credentials_handle(&mut inbound)
            .with_context_requirements(ServerRequestFlags::ALLOCATE_MEMORY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut to_server)
            .with_output(&mut answer);
        server.accept_security_context_impl(builder).unwrap().resolve_to_result().unwrap();
        to_client = answer;
    }
    server.complete_auth_token(&mut []).unwrap();
    (client, server)
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

        let (mut client, mut server) = theirs();
        let (mut token, mut data) = (vec![0; 16], vec![0x41; size]);
        group.bench_function(BenchmarkId::new("sspi", size), |bencher| {
            bencher.iter(|| {
                let mut message = [
                    SecurityBufferRef::token_buf(&mut token),
                    SecurityBufferRef::data_buf(black_box(&mut data)),
                ];
                client.encrypt_message(EncryptionFlags::empty(), &mut message).unwrap();
                server.decrypt_message(&mut message).unwrap()
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
    group.bench_function("sspi ntlm", |bencher| bencher.iter(theirs));
    group.finish();
}

criterion_group!(benches, seal_and_unseal, handshakes);
criterion_main!(benches);
