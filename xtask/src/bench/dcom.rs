//! CIM over DCOM: instances beside impacket and beside WS-Management, and memory.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::host::Host;
use super::numbers;
use crate::command::{cargo, output, root, target};

/// Instances that the host has, and for memory once more ten times as many.
const INSTANCES: [&str; 2] = ["20000", "200000"];

/// Prints how fast processes of Windows come from one host, by our client each way and by impacket, where it is
/// installed; how many bytes they take; and what memory client and host need for few and for many.
pub(crate) fn run() -> Result<()> {
    cargo(["build", "--release", "--package", "windlass-benches", "--bin", "dcom_figures"])?;
    let program = target().join("release/dcom_figures");
    let [few, many] = INSTANCES;
    rates(&program, few)?;
    for count in [few, many] {
        let host = Host::start(&program, &["host", count])?;
        let (dcom, _) = ports(&host);
        let [client] = numbers(&output(Command::new(&program).args(["stream", dcom]))?)?;
        let (client, host) = (client / 1024.0, host.memory_so_far()? / 1024.0);
        println!("{count:>6} instances streamed: client {client:.1} MiB at most, host {host:.1} MiB");
    }
    Ok(())
}

fn rates(program: &Path, count: &str) -> Result<()> {
    let host = Host::start(program, &["host", count])?;
    let (dcom, wsman) = ports(&host);
    let fetch = |way: &str, port: &str| -> Result<[f64; 2]> {
        let [rate, bytes] = numbers(&output(Command::new(program).args(["fetch", way, port]))?)?;
        println!("{way:<30} {rate:>8.0} instances/s {bytes:>6.0} bytes each");
        Ok([rate, bytes])
    };
    let [packets, bytes] = fetch("packets", dcom)?;
    fetch("batches", dcom)?;
    let [single, _] = fetch("single", dcom)?;
    let [_, beside] = fetch("wsman", wsman)?;
    println!("{:<30} {:>8.2} times the bytes (wanted under 2)", "packets beside wsman", bytes / beside);
    let python = root().join("target/interop/venv/bin/python");
    if !python.is_file() {
        println!("impacket: skipped: `cargo xtask interop` installs it");
        return Ok(());
    }
    let script = root().join("benches/impacket_wmi.py");
    let [one, many] = numbers(&output(Command::new(python).arg(script).arg(dcom))?)?;
    for (what, rate) in [("impacket, one a trip", one), ("impacket, a hundred a trip", many)] {
        println!("{what:<30} {rate:>8.0} instances/s");
        println!("{:<30} {:>8.1} times as fast (wanted 50)", "packets beside that", packets / rate);
    }
    println!("{:<30} {:>8.1} times as fast", "single beside one a trip", single / one);
    Ok(())
}

/// Where the host serves DCOM and WS-Management.
fn ports(host: &Host) -> (&str, &str) {
    host.port.split_once(' ').unwrap_or_default()
}
