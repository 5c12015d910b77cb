//! Fragments of any messages, at any size, cut anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

use proptest::prelude::*;
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, Fragmenter, HEADER_LENGTH};

fn read(defragmenter: &mut Defragmenter, data: &[u8]) -> Vec<Vec<u8>> {
    let mut objects = defragmenter.push(data);
    let mut all = Vec::new();
    while let Some(object) = objects.next().unwrap() {
        all.push(object.data.to_vec());
    }
    all
}

#[test]
fn all_lengths_around_multiples_of_the_size() {
    for size in [1, 2, 3, 7, 64, 100] {
        for length in (1..=3)
            .flat_map(|k: usize| (k * size).saturating_sub(2)..=k * size + 2)
            .filter(|&length| length > 0)
        {
            let message: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let stream = Fragmenter::new(HEADER_LENGTH + size).fragment(&message);
            assert_eq!(stream.len(), length + length.div_ceil(size) * HEADER_LENGTH);
            let mut defragmenter = Defragmenter::new(FragmentLimits::default());
            assert_eq!(read(&mut defragmenter, &stream), [message], "{length} bytes in pieces of {size}");
            assert!(!defragmenter.is_in_progress());
        }
    }
}

#[test]
fn a_large_message_in_small_pieces_costs_what_it_weighs() {
    // Were the work quadratic, this would take minutes.
    let message: Vec<u8> = (0..8_000_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let stream = Fragmenter::new(HEADER_LENGTH + 64).fragment(&message);
    let mut defragmenter = Defragmenter::new(FragmentLimits::default());
    let mut found = Vec::new();
    for piece in stream.chunks(85) {
        found.extend(read(&mut defragmenter, piece));
    }
    assert!(found == [message]);
}

proptest! {
    #[test]
    fn what_is_cut_comes_together(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..8),
        size in 22_usize..200,
        step in 1_usize..500,
    ) {
        let mut fragmenter = Fragmenter::new(size);
        let stream: Vec<u8> = messages.iter().flat_map(|message| fragmenter.fragment(message)).collect();
        let mut defragmenter = Defragmenter::new(FragmentLimits::default());
        let found: Vec<Vec<u8>> = stream.chunks(step).flat_map(|piece| read(&mut defragmenter, piece)).collect();
        prop_assert_eq!(found, messages);
        prop_assert!(!defragmenter.is_in_progress());
    }

    #[test]
    fn noise_is_refused_without_harm(noise in prop::collection::vec(any::<u8>(), 0..400), step in 1_usize..50) {
        let mut defragmenter = Defragmenter::new(FragmentLimits { object: 1000, total: 10_000 });
        for piece in noise.chunks(step) {
            let mut objects = defragmenter.push(piece);
            while let Ok(Some(object)) = objects.next() {
                prop_assert!(object.data.len() <= 1000);
            }
        }
    }
}
