//! Replays what fuzzing found, and a few bytes of every kind, through every oracle.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "test code")]

use std::fs;
use std::path::Path;

use windlass_testkit::oracles::{ORACLES, oracle};

/// `fuzz/regressions/<oracle>/<anything>` holds one input each.
#[test]
fn inputs_that_once_failed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
    for folder in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap()) {
        if !folder.file_type().unwrap().is_dir() {
            continue;
        }
        let name = folder.file_name().into_string().unwrap();
        let run = oracle(&name).unwrap_or_else(|| panic!("{name} is no oracle"));
        for input in fs::read_dir(folder.path()).unwrap() {
            run(&fs::read(input.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn short_inputs() {
    for (_, run) in ORACLES {
        run(b"");
        for byte in 0..=u8::MAX {
            run(&[byte]);
            run(&[byte; 64]);
        }
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = ORACLES.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ORACLES.len());
}
