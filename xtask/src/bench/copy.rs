//! A large file to a session, beside pypsrp.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::host::Host;
use super::numbers;
use crate::command::{build, output, root, target};

/// Megabytes that pypsrp copies: it takes long for each.
const PEER_MEGABYTES: u32 = 50;

/// Copies a file of so many megabytes to the host and back, and prints throughput and memory; then to the same
/// host with pypsrp, where it is installed, and the ratio.
pub(crate) fn run(megabytes: u32) -> Result<()> {
    build(["--release", "--example", "copy_file"])?;
    let program = target().join("release/examples/copy_file");
    let folder = std::env::temp_dir().join(format!("windlass-bench-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("there"))?;
    let outcome = measure(&program, &folder, megabytes);
    std::fs::remove_dir_all(&folder)?;
    outcome
}

fn measure(program: &Path, folder: &Path, megabytes: u32) -> Result<()> {
    let there = folder.join("there");
    let host = Host::start(program, &["host", &there.to_string_lossy()])?;
    let file = filled(folder, megabytes)?;
    let python = root().join("target/interop/venv/bin/python");
    if !python.is_file() {
        println!("pypsrp: skipped: `cargo xtask interop` installs it");
    }
    for (way, port) in ["http", "https"].into_iter().zip(host.port.split_whitespace()) {
        println!("{way}, {}", if way == "http" { "sealed by NTLM" } else { "with Basic" });
        let told = output(Command::new(program).args(["client", way, port]).arg(&file))?;
        let [to, from, memory] = numbers(&told)?;
        let there = line("windlass, to the session", megabytes, to, memory);
        line("windlass, from the session", megabytes, from, memory);
        if python.is_file() {
            let peers = PEER_MEGABYTES.min(megabytes);
            let script = root().join("benches/pypsrp_copy.py");
            let file = filled(folder, peers)?;
            let told = output(Command::new(&python).arg(script).args([way, port]).arg(file))?;
            let [seconds, memory] = numbers(&told)?;
            let ratio = there / line("pypsrp, to the session", peers, seconds, memory);
            println!("{:<26} {ratio:>8.1} times as fast (wanted 10)", "windlass beside pypsrp");
        }
    }
    println!("{:<26} {:>7.1} MiB at most", "the host", host.memory_so_far()? / 1024.0);
    Ok(())
}

/// Prints what was measured, with the most memory in KiB, and gives megabytes a second.
fn line(what: &str, megabytes: u32, seconds: f64, memory: f64) -> f64 {
    let rate = f64::from(megabytes) / seconds;
    println!(
        "{what:<26} {megabytes:>5} MB {seconds:>8.2} s {rate:>8.1} MB/s {:>7.1} MiB at most",
        memory / 1024.0
    );
    rate
}

/// A file with so many megabytes of bytes that do not repeat soon.
fn filled(folder: &Path, megabytes: u32) -> Result<PathBuf> {
    let path = folder.join(format!("{megabytes}.bin"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..u64::from(megabytes) * 1_000_000 / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.flush()?;
    Ok(path)
}
