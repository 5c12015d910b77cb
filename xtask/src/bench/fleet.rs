//! Many hosts at once, beside pypsrp in threads.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, root, run as carry_out, target};

/// Hosts that pypsrp works on: it takes long for each.
const PEER_HOSTS: u32 = 300;

/// Opens a session on each of so many addresses of one host, with one command in each, and prints how long it
/// takes and what is left; then the same with pypsrp, where it is installed.
pub(crate) fn run(hosts: u32) -> Result<()> {
    cargo(["build", "--release", "--package", "windlass", "--example", "fleet"])?;
    let mut host = Host::start()?;
    let program = target().join("release/examples/fleet");
    carry_out(Command::new(&program).args(["client", &host.port, &hosts.to_string()]))?;
    host.nothing_left()?;
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

/// The host in a process of its own, which ends with this one.
pub(super) struct Host {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(super) port: String,
}

impl Host {
    /// Starts it; the example has to be built.
    pub(super) fn start() -> Result<Self> {
        let mut child = Command::new(target().join("release/examples/fleet"))
            .arg("host")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the host does not start")?;
        let input = child.stdin.take().context("the host has no input")?;
        let output = BufReader::new(child.stdout.take().context("the host has no output")?);
        let mut host = Self { child, input, output, port: String::new() };
        host.port = host.line()?;
        Ok(host)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Fails where shells or commands are left open.
    fn nothing_left(&mut self) -> Result<()> {
        writeln!(self.input)?;
        let open = self.line()?;
        let mut counts = open.split(' ');
        let (shells, commands) = (counts.next().unwrap_or_default(), counts.next().unwrap_or_default());
        println!("{:<30} {shells:>6} shells {commands:>4} commands", "left open on the host");
        if (shells, commands) != ("0", "0") {
            bail!("sessions are left open");
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
