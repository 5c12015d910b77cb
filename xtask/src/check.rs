//! The rules of the project that no compiler checks.
//!
//! The layers and the edges between them are a table here; the rest reads manifests and sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{cargo_command, output, root};

/// Which of our crates each crate may depend on, `windlass-core` aside.
const EDGES: &[(&str, &[&str])] = &[
    ("windlass-core", &[]),
    ("windlass-xml", &[]),
    ("windlass-soap", &["windlass-xml"]),
    ("windlass-clixml", &["windlass-xml"]),
    ("windlass-cim", &["windlass-xml"]),
    ("windlass-auth", &[]),
    ("windlass-command", &[]),
    ("windlass-display", &["windlass-clixml"]),
    ("windlass-http", &["windlass-auth"]),
    ("windlass-wsman", &["windlass-soap", "windlass-xml"]),
    ("windlass-psrp", &["windlass-clixml", "windlass-xml"]),
    ("windlass-rpc", &["windlass-auth"]),
    ("windlass-dcom", &["windlass-rpc"]),
    ("windlass-wmi", &["windlass-dcom", "windlass-rpc", "windlass-cim"]),
    ("windlass-net", &["windlass-http", "windlass-rpc", "windlass-auth"]),
    (
        "windlass",
        &[
            "windlass-net",
            "windlass-http",
            "windlass-auth",
            "windlass-wsman",
            "windlass-soap",
            "windlass-xml",
            "windlass-psrp",
            "windlass-clixml",
            "windlass-command",
            "windlass-cim",
            "windlass-wmi",
            "windlass-dcom",
            "windlass-rpc",
        ],
    ),
    (
        "windlass-mock",
        &[
            "windlass-http",
            "windlass-auth",
            "windlass-wsman",
            "windlass-soap",
            "windlass-xml",
            "windlass-psrp",
            "windlass-clixml",
            "windlass-cim",
            "windlass-wmi",
            "windlass-dcom",
            "windlass-rpc",
            "windlass-command",
            "windlass-display",
        ],
    ),
    (
        "windlass-cli",
        &[
            "windlass",
            "windlass-mock",
            "windlass-command",
            "windlass-display",
            // Formats that `windlass decode` prints.
            "windlass-clixml",
            "windlass-cim",
            "windlass-soap",
            "windlass-xml",
            "windlass-wsman",
            "windlass-psrp",
            "windlass-http",
            "windlass-auth",
            "windlass-rpc",
            "windlass-dcom",
            "windlass-wmi",
        ],
    ),
];

/// Foreign crates that only these crates may use.
const RESERVED: &[(&str, &[&str])] = &[
    ("quick-xml", &["windlass-xml"]),
    ("rc4", &["windlass-auth"]),
    ("md4", &["windlass-auth"]),
    ("md-5", &["windlass-auth"]),
    ("hmac", &["windlass-auth"]),
    ("pbkdf2", &["windlass-auth"]),
    ("sha1", &["windlass-auth", "windlass-net", "windlass-mock"]),
    ("sha2", &["windlass-auth", "windlass-net", "windlass", "windlass-mock"]),
    ("subtle", &["windlass-core", "windlass-auth"]),
    ("graviola", &["windlass-mock"]),
    ("libgssapi", &["windlass-net"]),
    ("rsa", &["windlass-auth", "windlass-psrp"]),
    ("aes", &["windlass-auth", "windlass-psrp"]),
    ("cbc", &["windlass-auth", "windlass-psrp"]),
    ("rustls", &["windlass-net", "windlass-mock"]),
    ("tokio-rustls", &["windlass-net", "windlass-mock"]),
    ("tokio", &["windlass-net", "windlass", "windlass-mock", "windlass-cli"]),
    ("anyhow", &["windlass-cli", "xtask"]),
    // The agent's named pipe on Windows, and the user of the process on its other end.
    ("interprocess", &["windlass-cli"]),
    ("winsafe", &["windlass-cli"]),
];

/// Crates that test and measure: they may use anything of ours.
const INTERNAL: &[&str] = &["windlass-testkit", "windlass-benches", "xtask"];

/// No native library may come in through a dependency.
const NATIVE: &[&str] =
    &["openssl-sys", "aws-lc-sys", "ring", "libgssapi-sys", "libz-sys", "native-tls", "cc"];

/// The layers that may read a clock and the environment, and open files and sockets.
const OUTSIDE: &[&str] = &["windlass-net", "windlass", "windlass-mock", "windlass-cli"];

/// What no other layer may name outside of tests.
const WORLD: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
];

/// A source file longer than this holds more than one concept.
const LONGEST_FILE: usize = 800;

/// Checks every rule and lists what breaks one.
pub(crate) fn run() -> Result<()> {
    let metadata = output(cargo_command().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let mut broken = Vec::new();
    for package in members(&metadata) {
        dependencies(package, &mut broken);
    }
    unused(&metadata, &mut broken)?;
    natives(&mut broken)?;
    for folder in ["crates", "xtask", "benches", "fuzz"] {
        each_source(&root().join(folder), &mut |path| source(path, &mut broken))?;
    }
    for package in members(&metadata).filter(|package| is_inside(package)) {
        each_source(&folder(package).join("src"), &mut |path| worldly(path, &mut broken))?;
    }
    if !broken.is_empty() {
        bail!("rules broken:\n  {}", broken.join("\n  "));
    }
    println!("check: layering, reserved crates, native libraries and sources are in order");
    Ok(())
}

fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let ids: BTreeSet<&str> = strings(&metadata["workspace_members"]).collect();
    list(&metadata["packages"])
        .filter(move |package| package["id"].as_str().is_some_and(|id| ids.contains(id)))
}

fn dependencies(package: &Value, broken: &mut Vec<String>) {
    let name = package["name"].as_str().unwrap_or_default();
    if INTERNAL.contains(&name) {
        return;
    }
    let Some((_, allowed)) = EDGES.iter().find(|(from, _)| *from == name) else {
        broken.push(format!("{name} is not in the table of layers"));
        return;
    };
    if folder(package).file_name().is_none_or(|folder| folder != name) {
        broken.push(format!("{name} does not live in a folder of its name"));
    }
    for dependency in
        list(&package["dependencies"]).filter(|dependency| dependency["kind"].as_str() != Some("dev"))
    {
        let on = dependency["name"].as_str().unwrap_or_default();
        if on.starts_with("windlass") && on != "windlass-core" && !allowed.contains(&on) {
            broken.push(format!("{name} must not depend on {on}"));
        }
        for (reserved, users) in RESERVED {
            if on == *reserved && !users.contains(&name) {
                broken.push(format!("{name} must not use {on}: that is for {}", users.join(", ")));
            }
        }
    }
}

/// Reads what the programs are built from, on every platform; benchmarks may compare with anything.
fn natives(broken: &mut Vec<String>) -> Result<()> {
    let arguments = ["tree", "--package", "windlass-cli", "--edges", "normal,build", "--target", "all"];
    let tree = output(cargo_command().args(arguments).args(["--prefix", "none", "--format", "{p}"]))?;
    let packages: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for native in NATIVE.iter().filter(|native| packages.contains(*native)) {
        broken.push(format!("the programs are built with {native}, which is or compiles a native library"));
    }
    Ok(())
}

/// Calls `look` with each source below a folder.
fn each_source(folder: &Path, look: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            each_source(&path, look)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path)?;
        }
    }
    Ok(())
}

fn source(path: &Path, broken: &mut Vec<String>) -> Result<()> {
    let (text, shown) = read(path)?;
    if text.lines().count() > LONGEST_FILE {
        broken.push(format!("{shown} has more than {LONGEST_FILE} lines"));
    }
    // What a fuzz target expands to is unsafe.
    let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    if is_root && !text.contains("#![forbid(unsafe_code)]") && !text.contains("fuzz_target!") {
        broken.push(format!("{shown} does not forbid unsafe code"));
    }
    if text.contains(concat!("#[", "ignore")) {
        broken.push(format!("{shown} has an ignored test"));
    }
    Ok(())
}

/// Whether a package is one of the layers that only compute.
fn is_inside(package: &Value) -> bool {
    let name = package["name"].as_str().unwrap_or_default();
    EDGES.iter().any(|(layer, _)| *layer == name) && !OUTSIDE.contains(&name)
}

/// Looks for a clock, the environment, files and sockets in what is no test.
fn worldly(path: &Path, broken: &mut Vec<String>) -> Result<()> {
    let (text, shown) = read(path)?;
    if path.ends_with("tests.rs") {
        return Ok(());
    }
    // Unit tests stand last in a file.
    let code = text.split_once("#[cfg(test)]\nmod tests {").map_or(text.as_str(), |(code, _)| code);
    for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for named in WORLD.iter().filter(|named| line.contains(**named)) {
            broken.push(format!("{shown}:{} names {named}: that is for {}", number + 1, OUTSIDE.join(", ")));
        }
    }
    Ok(())
}

/// A source, and its path as messages show it.
fn read(path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((text, path.strip_prefix(root()).unwrap_or(path).display().to_string()))
}

/// Looks for dependencies that the workspace declares and no package uses.
fn unused(metadata: &Value, broken: &mut Vec<String>) -> Result<()> {
    let (manifest, _) = read(&root().join("Cargo.toml"))?;
    let declared = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let declared =
        declared.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(" = "));
    let used: BTreeSet<&str> = members(metadata)
        .flat_map(|package| list(&package["dependencies"]))
        .filter_map(|dependency| dependency["name"].as_str())
        .collect();
    for (name, _) in declared.filter(|(name, _)| !used.contains(name)) {
        broken.push(format!("no package uses {name}, which Cargo.toml declares for all"));
    }
    Ok(())
}

/// Where a package lives.
fn folder(package: &Value) -> &Path {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
    manifest.parent().unwrap_or(manifest)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}
