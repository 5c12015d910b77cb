//! A whole sealed request and its answer over connections coupled in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]

use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_auth::{Accounts, Credential};
use windlass_http::{
    AuthMethod, ClientConfig, ClientConnection, ClientEvent, Scheme, ServerConfig, ServerConnection,
    ServerEvent,
};

const SOAP: &str = "application/soap+xml;charset=UTF-8";

fn connections(scheme: Scheme, auth: AuthMethod) -> (ClientConnection, ServerConnection) {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    let mut server = ServerConfig::new(scheme, Arc::new(accounts), "host");
    server.basic = true;
    let credential = Credential::password("alice", "Pa55w0rd".to_owned());
    let client = ClientConfig::new("host:5985", scheme, auth, Some(credential));
    (ClientConnection::new(client).unwrap(), ServerConnection::new(server))
}

fn exchange(client: &mut ClientConnection, server: &mut ServerConnection, body: &Bytes) {
    client.request(body.clone(), SOAP).unwrap();
    loop {
        while let Some(bytes) = client.poll_transmit() {
            server.receive(&bytes);
        }
        while let Some(event) = server.poll_event() {
            let ServerEvent::Request(request) = event else { panic!("{event:?}") };
            server.respond(200, SOAP, request.body).unwrap();
        }
        while let Some(bytes) = server.poll_transmit() {
            client.receive(&bytes);
        }
        match client.poll_event() {
            Some(ClientEvent::Response(response)) => return assert_eq!(response.body.len(), body.len()),
            Some(event) => panic!("{event:?}"),
            None => {}
        }
    }
}

fn round_trips(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http round trip");
    for size in [2 << 10, 500 << 10] {
        group.throughput(Throughput::Bytes((2 * size).try_into().unwrap()));
        let body = Bytes::from(vec![0x41; size]);
        for (name, scheme, auth) in [
            ("sealed", Scheme::Http, AuthMethod::Negotiate),
            ("within tls", Scheme::Https, AuthMethod::Basic),
        ] {
            let (mut client, mut server) = connections(scheme, auth);
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| exchange(&mut client, &mut server, &body));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, round_trips);
criterion_main!(benches);
