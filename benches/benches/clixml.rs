//! Decoding and encoding of CLIXML beside a bare event loop over the same bytes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_benches::clixml::{process_list, process_messages, recorded_sessions, recorded_values};
use windlass_clixml::{Decoder, Limits, PsValue, decode, encode_into};

fn corpora() -> Vec<(&'static str, Vec<String>)> {
    let mut corpora = vec![
        ("recorded values", recorded_values()),
        ("recorded sessions", recorded_sessions()),
        ("processes", process_messages(500)),
        ("process list", vec![windlass_clixml::encode(&process_list(500))]),
    ];
    // One of the recorded messages is nested deeper than the limits allow.
    for (_, messages) in &mut corpora {
        messages.retain(|text| decode(text, &Limits::default()).is_ok());
    }
    corpora
}

/// What any reader on top of quick-xml has to pay.
fn bare(xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    while !matches!(black_box(reader.read_event().unwrap()), quick_xml::events::Event::Eof) {}
}

fn decoding(criterion: &mut Criterion) {
    let limits = Limits::default();
    for (name, messages) in corpora() {
        let mut group = criterion.benchmark_group(format!("clixml decode/{name}"));
        group.throughput(Throughput::Bytes(
            messages.iter().map(|text| u64::try_from(text.len()).unwrap()).sum(),
        ));
        group.bench_with_input(
            BenchmarkId::from_parameter("bare quick-xml"),
            &messages,
            |bencher, messages| {
                bencher.iter(|| messages.iter().for_each(|text| bare(text)));
            },
        );
        group.bench_with_input(BenchmarkId::from_parameter("windlass"), &messages, |bencher, messages| {
            let mut decoder = Decoder::default();
            let mut read = |text: &String| drop(black_box(decoder.decode(text, &limits).unwrap()));
            bencher.iter(|| messages.iter().for_each(&mut read));
        });
        group.finish();
    }
}

fn encoding(criterion: &mut Criterion) {
    for (name, messages) in corpora() {
        let values: Vec<PsValue> =
            messages.iter().map(|text| decode(text, &Limits::default()).unwrap()).collect();
        let mut group = criterion.benchmark_group(format!("clixml encode/{name}"));
        group.throughput(Throughput::Bytes(
            messages.iter().map(|text| u64::try_from(text.len()).unwrap()).sum(),
        ));
        group.bench_with_input(BenchmarkId::from_parameter("windlass"), &values, |bencher, values| {
            let mut out = String::new();
            bencher.iter(|| {
                for value in values {
                    out.clear();
                    encode_into(value, &mut out);
                    black_box(&out);
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
