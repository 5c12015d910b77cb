//! Small changes of well-formed inputs, for the oracles that `fuzz/regressions` has some of: what a fuzzer
//! finds in its first second is found here without one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::fs;
use std::path::Path;

use windlass_testkit::oracles::{ORACLES, oracle};

/// xorshift64: the same changes in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 8).unwrap() % limit.max(1)
    }
}

fn mutate(input: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x7F, 0x80, 0xFF, b'\n'][numbers.below(6)];
                }
            }
            3 => bytes.truncate(at),
            4 => {
                let end = (at + numbers.below(20)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            _ => {
                let end = (at + numbers.below(40)).min(bytes.len());
                let copy = bytes[at.min(end)..end].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, copy);
            }
        }
    }
    bytes
}

#[test]
fn changed_inputs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for (name, run) in ORACLES {
        let Ok(folder) = fs::read_dir(root.join(name)) else { continue };
        let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let input = fs::read(&path).unwrap();
            run(&input);
            for _ in 0..400 {
                run(&mutate(&input, &mut numbers));
            }
        }
    }
}

/// The oracles of the PSRP machines take any bytes as a sequence of operations and messages.
#[test]
fn operations_and_messages_in_any_order() {
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    for name in ["psrp_client", "psrp_server"] {
        let run = oracle(name).unwrap();
        for _ in 0..4_000 {
            let sequence: Vec<u8> = (0..300).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect();
            run(&sequence);
        }
    }
}
