//! One program for every fuzz target: the environment variable `WINDLASS_ORACLE` names the oracle.
//! Run through `cargo xtask fuzz`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use windlass_testkit::oracles::{self, Oracle};

static ORACLE: LazyLock<Oracle> = LazyLock::new(|| {
    let name = std::env::var("WINDLASS_ORACLE").expect("WINDLASS_ORACLE names the oracle");
    oracles::oracle(&name).unwrap_or_else(|| panic!("there is no oracle named {name}"))
});

fuzz_target!(|data: &[u8]| ORACLE(data));
