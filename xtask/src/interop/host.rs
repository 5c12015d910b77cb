//! The embedded host for scripts that play the client.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

const USER: &str = "alice";
const PASSWORD: &str = "Pa55w0rd.1";

/// A running `windlass mock` on ports of its own.
pub(crate) struct Host {
    child: Child,
    ready: Value,
}

impl Host {
    /// Starts the host with more arguments and waits for its ready line.
    pub(crate) fn start(program: &Path, root: &Path, more: &[OsString]) -> Result<Self> {
        let mut child = Command::new(program)
            .args([
                "mock",
                "--listen",
                "127.0.0.1:0",
                "--tls-listen",
                "127.0.0.1:0",
                "--rpc-listen",
                "127.0.0.1:0",
                "--allow-exec",
                "--user",
            ])
            .arg(format!("{USER}:{PASSWORD}"))
            .args(more)
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start windlass mock")?;
        let stdout = child.stdout.take().context("windlass mock has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("windlass mock said nothing")?;
        match serde_json::from_str(&line) {
            Ok(ready) => Ok(Self { child, ready }),
            Err(error) => {
                child.kill().context("cannot stop windlass mock")?;
                bail!("windlass mock did not get ready: {error}");
            }
        }
    }

    /// What the host said of itself when it was ready.
    pub(crate) fn said(&self, key: &str) -> String {
        self.ready.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Who may log on, and with which password.
    pub(crate) fn account() -> [&'static str; 2] {
        [USER, PASSWORD]
    }

    /// How a script reaches the host.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let said = |key: &str| OsString::from(self.said(key));
        vec![
            "--http".into(),
            said("http"),
            "--https".into(),
            said("https"),
            "--rpc".into(),
            said("rpc"),
            "--certificate".into(),
            said("certificate"),
            "--user".into(),
            USER.into(),
            "--password".into(),
            PASSWORD.into(),
        ]
    }

    /// Closes the host's input, which ends it.
    pub(crate) fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().context("cannot wait for windlass mock")?;
        if !status.success() {
            bail!("windlass mock ended with {status}");
        }
        Ok(())
    }
}
