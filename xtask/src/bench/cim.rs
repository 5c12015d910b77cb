//! Instances of CIM from a host, beside pypsrp.

use std::process::Command;

use anyhow::Result;

use super::fleet::program;
use super::host::Host;
use super::numbers;
use crate::command::{build, output, root, target};

/// Prints what it costs to get instances from the host in each of two programs, and the memory that it takes to
/// stream many of them.
pub(crate) fn run() -> Result<()> {
    build(["--release", "--example", "fleet", "--example", "cim_answers"])?;
    let host = Host::start(&program(), &["host"])?;
    let folder = std::env::temp_dir().join(format!("windlass-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = stream(&host).and_then(|()| {
        let python = root().join("target/interop/venv/bin/python");
        if !python.is_file() {
            println!("pypsrp: skipped: `cargo xtask interop` installs it");
            return Ok(());
        }
        let script = root().join("benches/pypsrp_cim.py");
        let theirs = numbers(&output(Command::new(python).arg(script).arg(&host.port).arg(&folder))?)?;
        let ours = numbers(&output(client().args(["processes", &host.port]).arg(&folder))?)?;
        compare(ours, theirs);
        Ok(())
    });
    std::fs::remove_dir_all(&folder)?;
    outcome
}

fn client() -> Command {
    Command::new(target().join("release/examples/cim_answers"))
}

/// Streams a few instances, then many: neither side may need more memory for the many.
fn stream(host: &Host) -> Result<()> {
    for count in ["5000", "100000"] {
        let [requests, memory] = numbers(&output(client().args(["stream", &host.port, count]))?)?;
        println!(
            "{count:>6} instances streamed in {requests:>3} requests; at most {:.1} MiB in the client, {:.1} MiB in the host",
            memory / 1024.0,
            host.memory_so_far()? / 1024.0
        );
    }
    Ok(())
}

fn compare([whole, saved, cold, warm]: [f64; 4], [their_whole, own, texts, lxml]: [f64; 4]) {
    println!("Win32_OperatingSystem: {cold} requests for a first query, {warm} for a second (wanted 1)");
    for (what, ours, theirs) in [
        ("from the host", whole, their_whole),
        ("from saved answers", saved, own),
        ("read by lxml", saved, lxml),
        ("beside their texts", saved, texts),
    ] {
        println!(
            "Win32_Process, {what:<18} {ours:>9.0} properties/s, pypsrp {theirs:>7.0}, {:>5.1} times as fast (wanted 30)",
            ours / theirs
        );
    }
}
