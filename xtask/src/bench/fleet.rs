//! Many hosts at once, beside psrp-rs and beside pypsrp in threads.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::host::Host;
use super::run_peers;
use crate::command::{build, root, run as carry_out, target};

/// Hosts that pypsrp works on: it takes long for each.
const PEER_HOSTS: u32 = 300;

/// Opens a session on each of so many addresses of one host, with one command in each, and prints how long it
/// takes and what is left; then the same with psrp-rs, and with pypsrp, where it is installed.
pub(crate) fn run(hosts: u32) -> Result<()> {
    build(["--release", "--example", "fleet"])?;
    let mut host = Host::start(&program(), &["host"])?;
    carry_out(Command::new(program()).args(["client", &host.port, &hosts.to_string()]))?;
    nothing_left(&mut host)?;
    run_peers(&["--bin", "fleet", "--", &host.port, &hosts.to_string()])?;
    let python = root().join("target/interop/venv/bin/python");
    if python.is_file() {
        let script = root().join("benches/pypsrp_fleet.py");
        let hosts = PEER_HOSTS.min(hosts).to_string();
        carry_out(Command::new(python).arg(script).args([&host.port, &hosts]))?;
    } else {
        println!("pypsrp: skipped: `cargo xtask interop` installs it");
    }
    Ok(())
}

/// The program that is host and client.
pub(super) fn program() -> PathBuf {
    target().join("release/examples/fleet")
}

/// Fails where shells or commands are left open.
fn nothing_left(host: &mut Host) -> Result<()> {
    let open = host.ask()?;
    let mut counts = open.split(' ');
    let (shells, commands) = (counts.next().unwrap_or_default(), counts.next().unwrap_or_default());
    println!("{:<30} {shells:>6} shells {commands:>4} commands", "left open on the host");
    if (shells, commands) != ("0", "0") {
        bail!("sessions are left open");
    }
    Ok(())
}
