//! Coverage-guided fuzzing on the stable toolchain.
//!
//! One instrumented program holds every oracle; libFuzzer keeps a corpus for each under
//! `fuzz/corpus` and starts from `fuzz/regressions`. A failing input is left in `fuzz/artifacts`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::command::{build, cargo_command, output, program, root, run as run_command};
use crate::side_by_side::side_by_side;

/// What `cargo fuzz` passes to the compiler, less what needs a nightly one.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// How long to fuzz each oracle.
#[derive(Clone, Copy)]
pub(crate) enum Effort {
    /// So many seconds, each time with other inputs.
    Seconds(u64),
    /// So many inputs, the same each time, and no more than twenty seconds: a check that can be repeated.
    Runs(u64),
}

impl Effort {
    fn arguments(self) -> Vec<String> {
        match self {
            Self::Seconds(seconds) => vec![format!("-max_total_time={seconds}")],
            Self::Runs(runs) => {
                vec![format!("-runs={runs}"), "-seed=1".to_owned(), "-max_total_time=20".to_owned()]
            }
        }
    }

    /// How much the compiler optimises: for few inputs, more of it would take longer than they do.
    fn opt_level(self) -> &'static str {
        match self {
            Self::Seconds(_) => "3",
            Self::Runs(_) => "1",
        }
    }
}

/// Fuzzes one oracle, or each in turn.
pub(crate) fn run(only: Option<&str>, effort: Effort) -> Result<()> {
    build(["--bins", "--examples"])?;
    let names = output(&mut Command::new(program("oracles")))?;
    let names: Vec<&str> = names.lines().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if names.is_empty() {
        bail!("there is no oracle named {}", only.unwrap_or("at all"));
    }
    let fuzz = root().join("fuzz");
    let target = fuzz.join("target");
    // With a target named, build scripts and macros are not instrumented; they could not be linked.
    let host = host()?;
    run_command(
        cargo_command()
            .args([
                "build",
                "--release",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--target",
                &host,
                "--target-dir",
            ])
            .arg(&target)
            .env("RUSTFLAGS", INSTRUMENTATION)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", effort.opt_level()),
    )?;
    let fuzzer = target.join(&host).join("release/windlass-fuzz");
    let mut failed = Vec::new();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    side_by_side(
        processors,
        names.clone(),
        |name| (name, one(&fuzzer, name, effort)),
        |(name, outcome)| {
            match outcome {
                Ok(()) => println!("fuzz {name}: without a failure"),
                Err(error) => {
                    println!("fuzz {name}: {error:#}");
                    failed.push(name);
                }
            }
            Ok(())
        },
    )?;
    if !failed.is_empty() {
        bail!("failing inputs in fuzz/artifacts for: {}", failed.join(", "));
    }
    println!("fuzz: {} oracles", names.len());
    Ok(())
}

/// Fuzzes one oracle; fails with what the program says.
fn one(fuzzer: &Path, name: &str, effort: Effort) -> Result<()> {
    let fuzz = root().join("fuzz");
    let corpus = fuzz.join("corpus").join(name);
    let artifacts = fuzz.join("artifacts").join(name);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    fs::create_dir_all(&artifacts).with_context(|| format!("cannot create {}", artifacts.display()))?;
    let mut command = Command::new(fuzzer);
    command
        .env("WINDLASS_ORACLE", name)
        .args(effort.arguments())
        .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-verbosity=0", "-print_funcs=0"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&corpus);
    let regressions = fuzz.join("regressions").join(name);
    if regressions.is_dir() {
        command.arg(regressions);
    }
    output(&mut command).map(drop)
}

/// The platform that the compiler runs on.
fn host() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}
