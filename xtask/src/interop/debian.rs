//! Programs that come from Debian.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::output;

/// Sees to it that `packages` are installed, or programs of their names from elsewhere. They are only
/// installed by root: otherwise the error names what is missing.
pub(crate) fn ensure(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let user = output(Command::new("id").arg("-u")).context("cannot tell who runs this")?;
    if user.trim() != "0" {
        bail!("needs the Debian packages {names}");
    }
    println!("interop: installing {names}");
    // In run level 1 no package starts its service on installation.
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        command
    };
    let install: Vec<&str> =
        ["install", "--yes", "--quiet", "--no-install-recommends"].into_iter().chain(missing).collect();
    if output(&mut apt(&install)).is_err() {
        output(&mut apt(&["update", "--quiet"])).context("no package lists")?;
        output(&mut apt(&install)).with_context(|| format!("cannot install {names}"))?;
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(package).is_file()) || has_package(package)
}

fn has_package(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status.trim() == "installed")
}
