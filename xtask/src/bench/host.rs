//! The embedded host as a benchmark needs it: a program in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

/// A program that serves until this is dropped.
pub(super) struct Host {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it listens: the first line that it prints.
    pub(super) port: String,
}

impl Host {
    /// Starts it; the program has to be built.
    pub(super) fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
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

    /// What it answers to a line.
    pub(super) fn ask(&mut self) -> Result<String> {
        writeln!(self.input)?;
        self.line()
    }

    /// The most memory that it had until now, in KiB.
    pub(super) fn memory_so_far(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
