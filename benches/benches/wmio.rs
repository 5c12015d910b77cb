//! Instances as WMI encodes them: a packet of an enumeration, read and written; one instance with its class, of
//! which a single value is taken. Throughput is in properties.
#![allow(missing_docs, reason = "benchmark")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;
use windlass_benches::process;
use windlass_cim::{CimInstance, CimValue};
use windlass_wmi::array::{ArrayWriter, ClassCache};
use windlass_wmi::wmio::{InstanceEncoder, ObjectBlock};

const INSTANCES: u32 = 500;

fn packet(instances: &[CimInstance], encoder: &InstanceEncoder<'_>) -> Vec<u8> {
    let mut writer = ArrayWriter::new();
    for instance in instances {
        if writer.instance(Uuid::from_u128(1), encoder, instance).is_err() {
            break;
        }
    }
    writer.finish()
}

fn wmio(criterion: &mut Criterion) {
    let class = Arc::new(process::class());
    let instances: Vec<CimInstance> = (0..INSTANCES).map(|id| process::instance(&class, id)).collect();
    let Ok(encoder) = InstanceEncoder::new(&class) else { return };
    let bytes = packet(&instances, &encoder);
    let count: usize = instances.iter().map(|instance| instance.properties.len()).sum();
    let mut group = criterion.benchmark_group("wmio/properties");
    group.throughput(Throughput::Elements(u64::try_from(count).unwrap_or(1)));
    group.bench_function("read a packet", |bencher| {
        bencher.iter(|| ClassCache::default().decode(black_box(&bytes)).map_or(0, |objects| objects.len()));
    });
    group.bench_function("write a packet", |bencher| {
        bencher.iter(|| packet(black_box(&instances), &encoder));
    });

    let mut block = Vec::new();
    let Some(one) = instances.first() else { return };
    if encoder.block(one, &mut block).is_err() {
        return;
    }
    group.throughput(Throughput::Elements(u64::try_from(one.properties.len()).unwrap_or(1)));
    group.bench_function("look at one with its class, take its name", |bencher| {
        bencher.iter(|| name(black_box(&block)));
    });
    group.finish();
}

/// The name of a process; all other values stay where they are.
fn name(block: &[u8]) -> Option<CimValue> {
    let block = ObjectBlock::parse(block).ok()?;
    let (_, property) = block.class_part().find("Name")?;
    block.instance_part()?.value(block.class_part(), property).ok()
}

criterion_group!(benches, wmio);
criterion_main!(benches);
