//! Putting PSRP messages together again: psrp-rs and ours over the same fragments, and a copy of the
//! same bytes.

use std::hint::black_box;

use windlass_psrp::fragment::{Defragmenter, FragmentLimits, Fragmenter};

use crate::measure::{Wanted, best, compare};

const LENGTH: usize = 1_400_000;

pub fn run() {
    for (name, fragment) in [("64 bytes", 64), ("32 KB", 32 * 1024)] {
        let data = Fragmenter::new(fragment).fragment(&vec![b'x'; LENGTH]);
        assert_eq!((ours(&data), theirs(&data)), (LENGTH, LENGTH));
        let [mine, copied] = best([&mut || assert_eq!(ours(black_box(&data)), LENGTH), &mut || {
            drop(black_box(black_box(&data).to_vec()))
        }]);
        let [other] = best([&mut || assert_eq!(theirs(black_box(&data)), LENGTH)]);
        let what = format!("1.4 MB in fragments of {name}");
        compare(&what, mine, "memcpy", copied, Wanted::Within(3.0));
        // Only small fragments are slow to put together there.
        let least = if fragment == 64 { 100.0 } else { 1.0 };
        compare(&what, mine, "psrp-rs", other, Wanted::Faster(least));
    }
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
