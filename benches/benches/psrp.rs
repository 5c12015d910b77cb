//! PowerShell remoting: putting messages together against a plain copy, and whole conversations.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;
use windlass_clixml::{PsObject, PsValue};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, Fragmenter, HEADER_LENGTH};
use windlass_psrp::{
    ClientEvent, ClientPool, PipelineState, PoolOptions, PowerShell, ServerOptions, ServerPool, Stream,
};

const MESSAGE: usize = 1_400_000;

fn reassembly(criterion: &mut Criterion) {
    let message: Vec<u8> = (0..MESSAGE).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    for (name, size) in [("64 bytes", 64), ("32 KiB", 32 * 1024 - HEADER_LENGTH)] {
        let stream = Fragmenter::new(HEADER_LENGTH + size).fragment(&message);
        let mut group = criterion.benchmark_group(format!("1.4 MB in fragments of {name}"));
        group.throughput(Throughput::Bytes(u64::try_from(stream.len()).unwrap_or_default()));
        group.bench_function("memcpy", |bencher| bencher.iter(|| black_box(black_box(&stream).to_vec())));
        group.bench_function("reassembled", |bencher| {
            bencher.iter_batched_ref(
                || Defragmenter::new(FragmentLimits::default()),
                |defragmenter| {
                    let mut objects = defragmenter.push(black_box(&stream));
                    while let Some(object) = objects.next().expect("in order") {
                        black_box(object.data.len());
                    }
                },
                BatchSize::LargeInput,
            );
        });
        group.bench_function("cut", |bencher| {
            bencher.iter(|| black_box(Fragmenter::new(HEADER_LENGTH + size).fragment(black_box(&message))));
        });
        group.finish();
    }
}

/// A client and a server with an open pool and one running pipeline.
fn running() -> (ClientPool, ServerPool, Uuid) {
    let mut client = ClientPool::new(PoolOptions::default());
    let mut server = ServerPool::new(ServerOptions::default());
    let creation = client.creation_fragments(64 * 1024).expect("the pool opens");
    server.receive(None, Stream::Default, &creation).expect("the server takes it");
    while let Some(outgoing) = server.poll_send(64 * 1024) {
        client.receive(None, &outgoing.data).expect("the client takes it");
    }
    let id = client.create_pipeline(PowerShell::script("x")).expect("the pool is open");
    let data = client.command_arguments(id, 64 * 1024).expect("it starts").expect("there are no secrets");
    server.receive(Some(id), Stream::Default, &data).expect("the server takes it");
    while client.poll_event().is_some() {}
    (client, server, id)
}

fn output(criterion: &mut Criterion) {
    const OBJECTS: usize = 1000;
    let values: Vec<(&str, PsValue)> = vec![
        ("integers", PsValue::from(12345)),
        (
            "objects of five properties",
            PsObject::custom()
                .with("Id", 1234)
                .with("Name", "a process")
                .with("Cpu", 1.25)
                .with("Responding", true)
                .with("Path", "/usr/bin/process")
                .into(),
        ),
    ];
    for (name, value) in values {
        let mut group = criterion.benchmark_group(format!("1000 {name}"));
        group.throughput(Throughput::Elements(u64::try_from(OBJECTS).unwrap_or_default()));
        group.bench_function("written by a server", |bencher| {
            bencher.iter_batched(
                running,
                |(_, mut server, id)| {
                    for _ in 0..OBJECTS {
                        server.write_output(id, &value).expect("it runs");
                    }
                    while let Some(outgoing) = server.poll_send(64 * 1024) {
                        black_box(outgoing);
                    }
                },
                BatchSize::LargeInput,
            );
        });
        group.bench_function("read by a client", |bencher| {
            bencher.iter_batched(
                || {
                    let (client, mut server, id) = running();
                    for _ in 0..OBJECTS {
                        server.write_output(id, &value).expect("it runs");
                    }
                    server.complete(id, PipelineState::Completed, None).expect("it runs");
                    let sent: Vec<_> = std::iter::from_fn(|| server.poll_send(64 * 1024)).collect();
                    (client, sent)
                },
                |(mut client, sent)| {
                    for outgoing in sent {
                        client.receive(outgoing.pipeline, &outgoing.data).expect("in order");
                        while let Some(event) = client.poll_event() {
                            black_box(matches!(event, ClientEvent::PipelineOutput { .. }));
                        }
                    }
                },
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, reassembly, output);
criterion_main!(benches);
