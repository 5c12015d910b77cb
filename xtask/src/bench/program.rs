//! What the command itself costs: its start, and the agent between it and a session.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::fleet;
use super::host::Host;
use crate::command::{build, output, target};

/// How often each command runs.
const TIMES: usize = 41;

/// Prints how long the command takes to start, and what the agent adds to a command in a session.
pub(crate) fn run() -> Result<()> {
    build(["--release", "--bin", "windlass", "--example", "fleet"])?;
    let program = target().join("release/windlass");
    for arguments in [&["--version"][..], &["help"], &["Get-Date"]] {
        let taken = median(&program, |command| command.args(arguments))?;
        let instructions = instructions(&program, arguments);
        let shown =
            instructions.map_or_else(|| "valgrind is missing".to_owned(), |count| format!("{count:.1} M"));
        println!(
            "windlass {:<20} {taken:>8.2} ms (wanted under 15)   {shown} instructions",
            arguments.join(" ")
        );
    }
    agent(&program)
}

/// A command in a session that the agent holds, beside the same command in a session of one process.
fn agent(program: &Path) -> Result<()> {
    let host = Host::start(&fleet::program(), &["host"])?;
    let folder = std::env::temp_dir().join(format!("windlass-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let run = |command: &mut Command| {
        command.env("XDG_RUNTIME_DIR", &folder).env("WINDLASS_PASSWORD", "Throw-away.1");
    };
    let outcome = (|| {
        let mut open = Command::new(program);
        open.args(["New-PSSession", "-ComputerName", "localhost", "-Port", &host.port, "-Name", "held"]);
        open.args(["-Credential", "alice"]);
        run(&mut open);
        output(&mut open)?;
        let through = median(program, |command| {
            run(command);
            command.args(["Invoke-Command", "-Session", "held", "{", "Write-Output", "hello", "}"])
        })?;
        let start = median(program, |command| command.arg("--version"))?;
        let alone = output(Command::new(fleet::program()).args(["command", &host.port, &TIMES.to_string()]))?;
        let alone: f64 = alone.trim().parse().context("the time of a command")?;
        println!(
            "Invoke-Command by the agent {through:>8.2} ms = two requests {alone:.2} ms + start of a process \
             {start:.2} ms + {:.2} ms (wanted under 5)",
            through - alone - start
        );
        Ok(())
    })();
    let mut stop = Command::new(program);
    run(stop.args(["agent", "stop"]));
    output(&mut stop)?;
    std::fs::remove_dir_all(&folder).ok();
    outcome
}

/// The middle of the times that a command takes, in milliseconds.
fn median(program: &Path, set_up: impl Fn(&mut Command) -> &mut Command) -> Result<f64> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let mut command = Command::new(program);
        set_up(&mut command).stdin(Stdio::null()).stdout(Stdio::null());
        let began = Instant::now();
        if !command.status()?.success() {
            bail!("{command:?} failed");
        }
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    times.get(TIMES / 2).copied().context("nothing was measured")
}

/// Millions of instructions of a run, counted by valgrind where it is installed.
fn instructions(program: &Path, arguments: &[&str]) -> Option<f64> {
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&counted.stderr).into_owned();
    let count: u64 = told.lines().find_map(|line| line.split_once("Collected : "))?.1.trim().parse().ok()?;
    Some(f64::from(u32::try_from(count / 1000).ok()?) / 1000.0)
}
