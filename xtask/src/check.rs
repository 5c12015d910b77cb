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
    ("sspi", &["windlass-auth"]),
    ("rc4", &["windlass-auth"]),
    ("md4", &["windlass-auth"]),
    ("hmac", &["windlass-auth"]),
    ("libgssapi", &["windlass-net"]),
    ("rsa", &["windlass-auth", "windlass-psrp"]),
    ("aes", &["windlass-auth", "windlass-psrp"]),
    ("cbc", &["windlass-auth", "windlass-psrp"]),
    ("rustls", &["windlass-net", "windlass-mock"]),
    ("tokio-rustls", &["windlass-net", "windlass-mock"]),
    ("tokio", &["windlass-net", "windlass", "windlass-mock", "windlass-cli"]),
    ("anyhow", &["windlass-cli", "xtask"]),
];

/// Crates that test and measure: they may use anything of ours.
const INTERNAL: &[&str] = &["windlass-testkit", "windlass-testsuite", "windlass-benches", "xtask"];

/// No native library may come in through a dependency.
const NATIVE: &[&str] =
    &["openssl-sys", "aws-lc-sys", "ring", "libgssapi-sys", "libz-sys", "native-tls", "cc"];

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
    natives(&mut broken)?;
    sources(&root().join("crates"), &mut broken)?;
    sources(&root().join("xtask"), &mut broken)?;
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
    let folder =
        Path::new(package["manifest_path"].as_str().unwrap_or_default()).parent().and_then(Path::file_name);
    if folder.is_none_or(|folder| folder != name) {
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

fn sources(dir: &Path, broken: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, broken)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            source(&path, broken)?;
        }
    }
    Ok(())
}

fn source(path: &Path, broken: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let shown = path.strip_prefix(root()).unwrap_or(path).display();
    if text.lines().count() > LONGEST_FILE {
        broken.push(format!("{shown} has more than {LONGEST_FILE} lines"));
    }
    let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    if is_root && !text.contains("#![forbid(unsafe_code)]") {
        broken.push(format!("{shown} does not forbid unsafe code"));
    }
    if text.contains(concat!("#[", "ignore")) {
        broken.push(format!("{shown} has an ignored test"));
    }
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}
