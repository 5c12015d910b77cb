//! Instances in XML: reading with and without their class against a bare event loop over the same
//! bytes, and writing; asking a query about each.
#![allow(missing_docs, reason = "benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use windlass_cim::datetime::PointInTime;
use windlass_cim::wql::{Query, Work, parse};
use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{
    CimClass, CimDateTime, CimInstance, CimType, CimValue, ClassStore, Mismatch, NoSchema, PropertyDecl,
    ResourceUri, Schema,
};
use windlass_xml::{Event, Limits, Reader, Writer};

const INSTANCES: u32 = 500;

/// A class with the properties of a process on Windows.
fn class() -> CimClass {
    let mut class =
        CimClass::new("Win32_Process").with_property(PropertyDecl::key("Handle", CimType::String));
    let strings =
        ["Caption", "CommandLine", "CreationClassName", "CSCreationClassName", "CSName", "Description"];
    let more = ["ExecutablePath", "Name", "OSCreationClassName", "OSName", "Status", "WindowsVersion"];
    let numbers = ["HandleCount", "PageFaults", "PageFileUsage", "ParentProcessId", "Priority", "ProcessId"];
    let counters = [
        "KernelModeTime",
        "OtherOperationCount",
        "OtherTransferCount",
        "PeakVirtualSize",
        "PrivatePageCount",
        "ReadOperationCount",
        "ReadTransferCount",
        "UserModeTime",
        "VirtualSize",
        "WorkingSetSize",
        "WriteOperationCount",
        "WriteTransferCount",
    ];
    let nulls = ["ExecutionState", "MaximumWorkingSetSize", "MinimumWorkingSetSize", "TerminationDate"];
    let mut add = |names: &[&str], cim_type| {
        for name in names {
            class.properties.insert(PropertyDecl::new(*name, cim_type));
        }
    };
    add(&strings, CimType::String);
    add(&more, CimType::String);
    add(&numbers, CimType::UInt32);
    add(&counters, CimType::UInt64);
    add(&nulls, CimType::UInt16);
    add(&["CreationDate"], CimType::DateTime);
    class
}

fn instances(store: &ClassStore) -> Vec<CimInstance> {
    let class = store.class("Win32_Process");
    (0..INSTANCES)
        .filter_map(|id| {
            let mut instance = CimInstance::of_class(class.as_ref()?);
            for property in instance.properties.iter_mut() {
                let number = u64::from(id) * 7_919;
                property.value = match property.cim_type {
                    CimType::String => format!("C:\\Windows\\System32\\program-{id}.exe").into(),
                    CimType::UInt32 => id.into(),
                    CimType::UInt64 => number.into(),
                    CimType::DateTime => {
                        let micros = 1_700_000_000_000_000 + i64::from(id) * 1_234_567;
                        PointInTime::from_unix_micros(micros, 0)
                            .map_or(CimValue::Null, |point| CimDateTime::Point(point).into())
                    }
                    _ => CimValue::Null,
                };
            }
            Some(instance)
        })
        .collect()
}

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
    if store.add(class()).is_err() {
        return;
    }
    let instances = instances(&store);
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
