//! Running other programs from the project's root.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The packages that are built together, as arguments for cargo. Benchmarks need a C compiler, so they are no part of it.
pub(crate) const PACKAGES: [&str; 3] = ["--workspace", "--exclude", "windlass-benches"];

/// Builds programs of the workspace. It is always the same packages out of which these are chosen, also for the tests:
/// packages alone would ask for fewer features of what they depend on, and cargo would build all of that once more.
pub(crate) fn build<'a>(chosen: impl IntoIterator<Item = &'a str>) -> Result<()> {
    cargo(["build", "--quiet"].into_iter().chain(PACKAGES).chain(chosen))
}

/// Where `build` leaves an example.
pub(crate) fn example(name: &str) -> PathBuf {
    target().join("debug/examples").join(name)
}

/// Where `build` leaves a program.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Runs cargo with these arguments and fails where it fails.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<()> {
    let mut command = cargo_command();
    command.args(arguments);
    run(&mut command)
}

/// A cargo command in the project's root, to be given arguments.
pub(crate) fn cargo_command() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot run {shown}"))?;
    if !status.success() {
        bail!("{shown} failed: {status}");
    }
    Ok(())
}

/// What a command prints on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
