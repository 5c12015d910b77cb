//! Everything that must hold, in the order in which it fails fastest.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::command::{cargo, cargo_command, run as run_command};
use crate::fuzz::Effort;
use crate::{check, fixtures, fuzz, interop};

/// Inputs that each oracle is fuzzed with.
const FUZZ_RUNS: u64 = 5_000;

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("format", || cargo(["fmt", "--all", "--check"])),
    ("check", check::run),
    ("clippy", || cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    ("docs", docs),
    ("fixtures", fixtures::run),
    ("test", || cargo(["xtask", "test"])),
    ("demo", || cargo(["xtask", "demo"])),
    ("agree", || cargo(["xtask", "agree"])),
    ("bench", || cargo(["test", "--workspace", "--bench", "*"])),
    ("fuzz", || fuzz::run(None, Effort::Runs(FUZZ_RUNS))),
    ("interop", || interop::run(None)),
];

/// Runs every step; stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    let mut times = Vec::new();
    for (name, step) in STEPS {
        println!("==> {name}");
        let start = Instant::now();
        if let Err(error) = step() {
            bail!("ci step {name} failed: {error:#}");
        }
        times.push(format!("{name} {} s", start.elapsed().as_secs()));
    }
    println!("==> all steps passed: {}", times.join(", "));
    Ok(())
}

fn docs() -> Result<()> {
    let mut command = cargo_command();
    command
        .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    run_command(&mut command)
}
