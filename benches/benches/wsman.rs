//! Receive responses and their streams: payload bytes a second, base64 included, and the compression
//! of streams.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use windlass_benches::receive::{PAYLOAD, decode, encode, payload, request};
use windlass_wsman::xpress;

fn receive(criterion: &mut Criterion) {
    let (data, request) = (payload(), request());
    let text = encode(&request, &data);
    let mut group = criterion.benchmark_group("wsman/receive");
    group.throughput(Throughput::Bytes(u64::try_from(PAYLOAD).unwrap()));
    group.bench_function("encode", |bencher| bencher.iter(|| encode(&request, black_box(&data))));
    let mut buffer = Vec::with_capacity(2 * PAYLOAD);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            decode(black_box(text.as_bytes()), &mut buffer);
        });
    });
    group.finish();
    assert_eq!(buffer, data);
}

fn compression(criterion: &mut Criterion) {
    let line = "<Obj RefId=\"0\"><TN RefId=\"0\"><T>System.Diagnostics.Process</T></TN><Props><I32 N=\"Id\">";
    let plain: Vec<u8> =
        (0..).flat_map(|at| format!("{line}{at}</I32></Props></Obj>").into_bytes()).take(PAYLOAD).collect();
    let mut packed = Vec::new();
    xpress::Compressor::new().compress(&plain, &mut packed);
    let mut group = criterion.benchmark_group("wsman/xpress");
    group.throughput(Throughput::Bytes(u64::try_from(PAYLOAD).unwrap()));
    let mut out = Vec::with_capacity(2 * PAYLOAD);
    let mut compressor = xpress::Compressor::new();
    group.bench_function("compress", |bencher| {
        bencher.iter(|| {
            out.clear();
            compressor.compress(black_box(&plain), &mut out);
        });
    });
    group.bench_function("decompress", |bencher| {
        bencher.iter(|| {
            out.clear();
            xpress::Decompressor::new(PAYLOAD).decompress(black_box(&packed), &mut out).unwrap();
        });
    });
    group.finish();
}

criterion_group!(benches, receive, compression);
criterion_main!(benches);
