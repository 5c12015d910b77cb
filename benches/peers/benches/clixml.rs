//! CLIXML: psrp-rs and ours over the same bytes, with a bare event loop of quick-xml between.

#[path = "../../src/clixml.rs"]
mod corpus;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_clixml::{Document, Limits, decode, encode_into};

fn corpora() -> Vec<(&'static str, Vec<String>)> {
    // What psrp-rs refuses is left out for both.
    let recorded = corpus::recorded().into_iter().filter(|text| psrp_rs::parse_clixml(text).is_ok());
    vec![
        ("recorded", recorded.collect()),
        ("processes", corpus::process_messages(500)),
        ("process list", vec![windlass_clixml::encode(&corpus::process_list(500))]),
    ]
}

fn bytes(messages: &[String]) -> Throughput {
    Throughput::Bytes(messages.iter().map(|text| text.len() as u64).sum())
}

fn bare(xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    while !matches!(black_box(reader.read_event().unwrap()), quick_xml::events::Event::Eof) {}
}

fn decoding(criterion: &mut Criterion) {
    for (name, messages) in corpora() {
        let mut group = criterion.benchmark_group(format!("decode/{name}"));
        group.throughput(bytes(&messages));
        group.bench_function(BenchmarkId::from_parameter("bare quick-xml"), |bencher| {
            bencher.iter(|| messages.iter().for_each(|text| bare(text)));
        });
        let limits = Limits::default();
        group.bench_function(BenchmarkId::from_parameter("windlass arena"), |bencher| {
            let read = |text: &String| drop(black_box(Document::read_message(text, &limits).unwrap()));
            bencher.iter(|| messages.iter().for_each(read));
        });
        group.bench_function(BenchmarkId::from_parameter("windlass values"), |bencher| {
            bencher.iter(|| messages.iter().for_each(|text| drop(black_box(decode(text, &limits).unwrap()))));
        });
        group.bench_function(BenchmarkId::from_parameter("psrp-rs"), |bencher| {
            bencher.iter(|| {
                messages.iter().for_each(|text| drop(black_box(psrp_rs::parse_clixml(text).unwrap())))
            });
        });
        group.finish();
    }
}

fn encoding(criterion: &mut Criterion) {
    for (name, messages) in corpora() {
        let ours: Vec<_> = messages.iter().map(|text| decode(text, &Limits::default()).unwrap()).collect();
        let theirs: Vec<_> = messages.iter().flat_map(|text| psrp_rs::parse_clixml(text).unwrap()).collect();
        let mut group = criterion.benchmark_group(format!("encode/{name}"));
        // Each writes its own bytes: psrp-rs drops parts of an object.
        let written: usize = ours.iter().map(|value| windlass_clixml::encode(value).len()).sum();
        group.throughput(Throughput::Bytes(written as u64));
        group.bench_function(BenchmarkId::from_parameter("windlass"), |bencher| {
            let mut out = String::new();
            bencher.iter(|| {
                for value in &ours {
                    out.clear();
                    encode_into(value, &mut out);
                    black_box(&out);
                }
            });
        });
        let written: usize = theirs.iter().map(|value| psrp_rs::to_clixml(value).len()).sum();
        group.throughput(Throughput::Bytes(written as u64));
        group.bench_function(BenchmarkId::from_parameter("psrp-rs"), |bencher| {
            bencher.iter(|| theirs.iter().for_each(|value| drop(black_box(psrp_rs::to_clixml(value)))));
        });
        group.finish();
    }
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
