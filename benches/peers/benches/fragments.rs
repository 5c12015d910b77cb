//! Putting PSRP messages together again: psrp-rs and ours over the same fragments, and a copy of the
//! same bytes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, Fragmenter};

/// Fragments of one message of about `length` bytes, header included in `fragment`.
fn fragments(length: usize, fragment: usize) -> Vec<u8> {
    Fragmenter::new(fragment).fragment(&vec![b'x'; length])
}

fn ours(data: &[u8]) -> usize {
    let mut defragmenter = Defragmenter::new(FragmentLimits::default());
    let mut objects = defragmenter.push(data);
    let mut length = 0;
    while let Some(object) = objects.next().unwrap() {
        length += black_box(object.data).len();
    }
    length
}

fn theirs(data: &[u8]) -> usize {
    let mut reassembler = psrp_rs::fragment::Reassembler::new();
    reassembler.feed(data).unwrap().iter().map(|message| black_box(message).len()).sum()
}

fn reassembly(criterion: &mut Criterion) {
    for (name, length, fragment) in
        [("1.4 MB in 64 bytes", 1_400_000, 64), ("1.4 MB in 32 KB", 1_400_000, 32 * 1024)]
    {
        let data = fragments(length, fragment);
        assert_eq!((ours(&data), theirs(&data)), (length, length));
        let mut group = criterion.benchmark_group(format!("reassembly/{name}"));
        group.throughput(Throughput::Bytes(data.len() as u64)).sample_size(10);
        group.bench_function(BenchmarkId::from_parameter("copy"), |bencher| {
            bencher.iter(|| black_box(data.clone()))
        });
        group.bench_function(BenchmarkId::from_parameter("windlass"), |bencher| bencher.iter(|| ours(&data)));
        group
            .bench_function(BenchmarkId::from_parameter("psrp-rs"), |bencher| bencher.iter(|| theirs(&data)));
        group.finish();
    }
}

criterion_group!(benches, reassembly);
criterion_main!(benches);
