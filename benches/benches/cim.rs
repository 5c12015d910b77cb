//! Instances in XML: reading with and without their class against a bare event loop over the same
//! bytes, and writing; asking a query about each.
#![allow(missing_docs, reason = "benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use windlass_benches::process;
use windlass_cim::wql::{Query, Work, parse};
use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{CimInstance, ClassStore, Mismatch, NoSchema, ResourceUri, Schema};
use windlass_xml::{Event, Limits, Reader, Writer};

const INSTANCES: u32 = 500;

fn encode(instances: &[CimInstance]) -> String {
    let encoder = Encoder::new(ResourceUri::wmi_all("root/cimv2"));
    let mut writer = Writer::new();
    writer.start("Items");
    for instance in instances {
        let _ = encoder.instance(&mut writer, instance);
    }
    writer.finish()
}

fn decode(xml: &str, mut decoder: Decoder<'_>) -> usize {
    let mut reader = Reader::new(xml, Limits::default());
    let mut count = 0;
    let _ = reader.next_element();
    while let Ok(Some(element)) = reader.next_element() {
        let Ok(instance) = decoder.instance(&mut reader, &element) else { break };
        count += instance.properties.len();
        black_box(instance);
    }
    count
}

/// The events of quick-xml alone: what reading cannot be faster than.
fn bare_events(xml: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut count = 0;
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) | Err(_) => return count,
            Ok(event) => {
                black_box(event);
                count += 1;
            }
        }
    }
}

/// The events of our own reader, which resolves namespaces and checks limits.
fn events(xml: &str) -> usize {
    let mut reader = Reader::new(xml, Limits::default());
    let mut count = 0;
    loop {
        match reader.next() {
            Ok(Event::Eof) | Err(_) => return count,
            Ok(event) => {
                black_box(event);
                count += 1;
            }
        }
    }
}

fn xml(c: &mut Criterion) {
    let mut store = ClassStore::new();
    if store.add(process::class()).is_err() {
        return;
    }
    let Some(class) = store.class("Win32_Process") else { return };
    let instances: Vec<CimInstance> = (0..INSTANCES).map(|id| process::instance(&class, id)).collect();
    let xml = encode(&instances);
    let properties: usize = instances.iter().map(|instance| instance.properties.len()).sum();
    let mut group = c.benchmark_group("cim/properties");
    group.throughput(Throughput::Elements(u64::try_from(properties).unwrap_or(1)));
    group.bench_function("quick-xml events", |b| b.iter(|| bare_events(black_box(&xml))));
    group.bench_function("our events", |b| b.iter(|| events(black_box(&xml))));
    group.bench_function("decode untyped", |b| b.iter(|| decode(black_box(&xml), Decoder::new())));
    group.bench_function("decode typed", |b| {
        b.iter(|| decode(black_box(&xml), Decoder::new().with_schema(&store, Mismatch::Fail)));
    });
    group.bench_function("encode", |b| b.iter(|| encode(black_box(&instances))));
    group.finish();

    let text =
        "SELECT * FROM Win32_Process WHERE Name LIKE '%program-4%' AND (ProcessId > 100 OR HandleCount = 5)";
    let Ok(Query::Select(select)) = parse(text) else { return };
    let mut group = c.benchmark_group("cim/query");
    group.throughput(Throughput::Elements(u64::from(INSTANCES)));
    group.bench_function("filter", |b| {
        b.iter(|| {
            let matches =
                |i: &&CimInstance| matches!(select.matches(*i, &NoSchema, &mut Work::default()), Ok(true));
            instances.iter().filter(matches).count()
        });
    });
    group.finish();
}

criterion_group!(benches, xml);
criterion_main!(benches);
