//! The virtual environment that the scripts run in.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

use crate::command::{output, root};

/// A Python with every pinned package.
pub(crate) struct Python {
    program: PathBuf,
}

impl Python {
    /// Makes the environment, or takes it as it is where the pins have not changed since.
    pub(crate) fn prepare() -> Result<Self> {
        let requirements = root().join("xtask/interop/requirements.txt");
        let wanted = fs::read_to_string(&requirements).context("cannot read the pinned packages")?;
        let folder = root().join("target/interop/venv");
        let program = folder.join("bin/python");
        let stamp = folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(Self { program });
        }
        println!("interop: installing the peers into target/interop/venv");
        output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        output(
            Command::new(&program)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(&requirements),
        )?;
        fs::write(&stamp, wanted).context("cannot note what is installed")?;
        Ok(Self { program })
    }

    /// The interpreter.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a script to its end.
    pub(crate) fn script(&self, name: &str, arguments: &[OsString]) -> Result<Outcome> {
        let ended = Command::new("timeout")
            .arg("600")
            .arg(&self.program)
            .arg(root().join("xtask/interop").join(name))
            .args(arguments)
            .current_dir(root())
            .env_remove("REQUESTS_CA_BUNDLE")
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {name}"))?;
        let lines = String::from_utf8(ended.stdout).context("a script printed what is not text")?;
        Ok(Outcome { lines, status: ended.status })
    }
}

/// What a script printed, and how it ended.
pub(crate) struct Outcome {
    pub(crate) lines: String,
    pub(crate) status: ExitStatus,
}
