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
use windlass_wsman::{
    Expectation, Header, Limits, ReceiveResponse, Reply, Response, Stream, decode_response, xpress,
};

const RECEIVE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
const POWERSHELL: &str = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell";
const PAYLOAD: usize = 100_000;

fn payload() -> Vec<u8> {
    (0..PAYLOAD).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

fn response<'a>(request: &Header, data: &'a [u8]) -> Response<'a> {
    let streams = vec![Stream::new("stdout", None, data)];
    let reply = Reply::Receive(ReceiveResponse { streams, ..ReceiveResponse::default() });
    Response::new(request, "uuid:31F20919-69F2-4EE2-AE04-758019E427A2", reply)
}

fn receive(criterion: &mut Criterion) {
    let data = payload();
    let request = Header::request("http://host:5985/wsman", RECEIVE, POWERSHELL, "uuid:1");
    let text = response(&request, &data).encode();
    let expectation = Expectation::new("uuid:1", RECEIVE);
    let limits = Limits::default();
    let mut group = criterion.benchmark_group("wsman/receive");
    group.throughput(Throughput::Bytes(u64::try_from(PAYLOAD).unwrap()));
    group.bench_function("encode", |bencher| bencher.iter(|| response(&request, black_box(&data)).encode()));
    let mut buffer = Vec::with_capacity(2 * PAYLOAD);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            let text = windlass_xml::decode_utf(black_box(text.as_bytes()), &limits.xml).unwrap();
            let decoded = decode_response(&text, &expectation, &limits).unwrap();
            let output: ReceiveResponse<'_> = decoded.into_reply().unwrap();
            output.streams.iter().map(|stream| stream.data.decode_into(&mut buffer).unwrap()).sum::<usize>()
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
