//! Foreign peers against this project.
//!
//! Each peer is a Python script in `xtask/interop` that prints one line a case:
//! `peer: case: passed`, `failed: why` or `skipped: why`. The packages they use are pinned in
//! `xtask/interop/requirements.txt` and installed into a virtual environment under
//! `target/interop`; programs come from Debian packages. A peer that cannot be had is skipped by
//! name. Several scripts run at once; what one prints is shown when it ends.

mod debian;
mod host;
mod matrix;
mod python;
mod tally;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use anyhow::{Result, bail};

use crate::command::{build, example, program, root};
use crate::side_by_side::side_by_side;
pub(crate) use host::Host;
use python::Outcome;
pub(crate) use python::Python;
use tally::Tally;

/// Scripts that run at once. More than there are processors: most of the time each waits for another program.
const AT_ONCE: usize = 3;

/// What a script needs from this side.
enum Needs {
    /// An example program of one of our crates.
    Example(&'static str),
    /// An example of a package with a cargo feature: package, name and feature.
    ExampleWith(&'static str, &'static str, &'static str),
    /// The embedded host, as `windlass mock` serves it.
    Host,
    /// The embedded host with programs behind endpoints.
    Endpoints,
    /// The embedded host with a scenario.
    Scenario(&'static str),
}

/// A script, what it needs from this side, and the Debian packages that it drives.
type Script = (&'static str, Needs, &'static [&'static str]);

/// A KDC, its tools, and a client of the same make.
const MIT_KRB5: &[&str] = &["krb5-kdc", "krb5-admin-server", "krb5-user", "python3-gssapi"];

/// What a Samba domain controller is made of.
const SAMBA_DC: &[&str] =
    &["samba", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules", "winbind", "python3-samba"];

/// The scripts in the order in which they run: codecs first, whole programs last.
const SCRIPTS: &[Script] = &[
    ("psrpcore_clixml.py", Needs::Example("clixml_stdio"), &[]),
    ("psrpcore_pool.py", Needs::Example("pool_stdio"), &[]),
    ("pyspnego_ntlm.py", Needs::Example("ntlm_stdio"), &[]),
    ("mit_krb5.py", Needs::Example("kerberos_stdio"), MIT_KRB5),
    ("samba_krb5.py", Needs::Example("kerberos_stdio"), SAMBA_DC),
    ("samba_ntlm.py", Needs::Example("ntlm_stdio"), SAMBA_DC),
    ("ntlm_peers.py", Needs::Example("ntlm_stdio"), &["gss-ntlmssp", "python3-gssapi", "winbind"]),
    ("lxml_cim.py", Needs::Example("wscim_stdio"), &[]),
    ("envelopes.py", Needs::Example("envelopes"), &[]),
    ("xpress_peers.py", Needs::Example("xpress_stdio"), &["wimtools"]),
    ("ndrdump_dcom.py", Needs::Example("dcom_stubs"), &["samba-testsuite"]),
    ("tshark_dcom.py", Needs::Example("dcom_conversation"), &["tshark"]),
    ("our_client.py", Needs::Example("interop_client"), &[]),
    ("mit_our_client.py", Needs::Example("interop_client"), MIT_KRB5),
    (
        "mit_host.py",
        Needs::Host,
        &["krb5-kdc", "krb5-admin-server", "krb5-user", "python3-gssapi", "libkrb5-dev", "gcc"],
    ),
    (
        "mit_apache.py",
        Needs::Example("interop_client"),
        &["krb5-kdc", "krb5-admin-server", "krb5-user", "apache2", "libapache2-mod-auth-gssapi"],
    ),
    (
        "apache_client.py",
        Needs::Example("interop_client"),
        &["apache2", "libapache2-mod-auth-gssapi", "gss-ntlmssp", "openssl"],
    ),
    (
        "gssapi_client.py",
        Needs::ExampleWith("windlass", "interop_client", "gssapi"),
        &[
            "libkrb5-dev",
            "libclang-dev",
            "krb5-kdc",
            "krb5-admin-server",
            "krb5-user",
            "python3-gssapi",
            "heimdal-kcm",
            "apache2",
            "libapache2-mod-auth-gssapi",
        ],
    ),
    ("proxies.py", Needs::Example("interop_client"), &["squid", "openssl"]),
    (
        "squid_krb5.py",
        Needs::Example("interop_client"),
        &["krb5-kdc", "krb5-admin-server", "krb5-user", "python3-gssapi", "squid"],
    ),
    ("samba_host.py", Needs::Host, SAMBA_DC),
    ("samba_dns.py", Needs::Host, SAMBA_DC),
    ("host_mechanisms.py", Needs::Host, &["curl"]),
    ("keyrings.py", Needs::Host, &["gnome-keyring", "libsecret-tools", "dbus-daemon", "pass"]),
    ("openssh.py", Needs::Host, &["openssh-server", "openssh-client"]),
    ("pypsrp_client.py", Needs::Host, &[]),
    ("pypsrp_disconnect.py", Needs::Host, &[]),
    ("pypsrp_copy.py", Needs::Host, &[]),
    ("record_between.py", Needs::Host, &[]),
    ("pypsrp_host.py", Needs::Scenario("pypsrp_host.json"), &[]),
    ("pypsrp_endpoint.py", Needs::Endpoints, &[]),
    ("pypsrp_own.py", Needs::Scenario("pypsrp_own.json"), &[]),
    ("pypsrp_wsman.py", Needs::Host, &[]),
    ("wsman_clients.py", Needs::Host, &[]),
    ("recorded_host.py", Needs::Example("recorded_host"), &["tshark", "libxml2-utils"]),
    ("pywinrm_client.py", Needs::Host, &[]),
    ("pywinrm_own.py", Needs::Host, &[]),
    ("masterzen.py", Needs::Host, &["golang-go", "golang-github-masterzen-winrm-dev"]),
    ("rpc_host.py", Needs::Host, &["smbclient"]),
    ("rpc_samba.py", Needs::Example("rpc_client"), SAMBA_DC),
    ("ansible_raw.py", Needs::Host, &[]),
    ("evil_winrm.py", Needs::Host, &[]),
    ("node_winrm.py", Needs::Host, &["nodejs", "npm"]),
    ("impacket_wmi.py", Needs::Host, &[]),
    ("sinks.py", Needs::Host, &[]),
    ("mit_dcom.py", Needs::Host, &["krb5-kdc", "krb5-admin-server", "krb5-user", "tshark"]),
];

/// Runs every script whose name contains `filter`.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    let chosen: Vec<_> =
        SCRIPTS.iter().filter(|(script, ..)| filter.is_none_or(|part| script.contains(part))).collect();
    if chosen.is_empty() {
        bail!("no script of xtask/interop has {} in its name", filter.unwrap_or_default());
    }
    let mut tally = Tally::default();
    match Python::prepare() {
        Ok(python) => {
            let ready = with_packages(chosen, &mut tally);
            build_programs(&ready)?;
            side_by_side(
                AT_ONCE,
                chains(ready),
                |chain| run_chain(&python, &chain),
                |outcomes| {
                    outcomes?.iter().for_each(|(script, outcome)| tally.script(script, outcome));
                    Ok(())
                },
            )?;
        }
        Err(error) => {
            for (script, ..) in chosen {
                tally.skip(script, &format!("no Python environment: {error:#}"));
            }
        }
    }
    tally.finish()
}

/// Those scripts whose Debian packages can be had; the others count as skipped.
fn with_packages(chosen: Vec<&'static Script>, tally: &mut Tally) -> Vec<&'static Script> {
    let all: BTreeSet<&str> = chosen.iter().flat_map(|(_, _, packages)| packages.iter().copied()).collect();
    // One installation is faster than many. Where it fails, the scripts find out which package it was.
    if debian::ensure(&all.into_iter().collect::<Vec<_>>()).is_ok() {
        return chosen;
    }
    let mut ready = Vec::new();
    for script in chosen {
        let (name, _, packages) = script;
        match debian::ensure(packages) {
            Ok(()) => ready.push(script),
            Err(error) => tally.skip(name, &format!("{error:#}")),
        }
    }
    ready
}

/// Builds the programs that the scripts need.
fn build_programs(scripts: &[&Script]) -> Result<()> {
    let with_feature = scripts.iter().filter_map(|(_, needs, _)| match needs {
        Needs::ExampleWith(package, name, feature) => Some((package, name, feature)),
        _ => None,
    });
    for (package, name, feature) in with_feature.collect::<BTreeSet<_>>() {
        build(["--example", name, "--features", &format!("{package}/{feature}")])?;
        // The example without the feature is going to take its place.
        fs::copy(example(name), example(&with(name, feature)))?;
    }
    build(["--bins", "--examples"])
}

/// What an example with a feature is called, to stand beside the one without.
fn with(example: &str, feature: &str) -> String {
    format!("{example}-{feature}")
}

/// The scripts as they may run side by side: those of a chain share something and follow each other.
fn chains(scripts: Vec<&'static Script>) -> Vec<Vec<&'static Script>> {
    // Samba's domain controller has one address and one folder. These take longest, and so come first.
    let (samba, others): (Vec<_>, Vec<_>) =
        scripts.into_iter().partition(|(_, _, packages)| packages.contains(&"samba"));
    std::iter::once(samba).chain(others.into_iter().map(|script| vec![script])).collect()
}

/// Runs the scripts of a chain, one after another.
fn run_chain(python: &Python, chain: &[&'static Script]) -> Result<Vec<(&'static str, Outcome)>> {
    chain.iter().map(|(script, needs, _)| Ok((*script, one(python, script, needs)?))).collect()
}

fn one(python: &Python, script: &str, needs: &Needs) -> Result<Outcome> {
    let more = match needs {
        Needs::Example(name) => return python.script(script, &["--bin".into(), example(name).into()]),
        Needs::ExampleWith(_, name, feature) => {
            return python.script(script, &["--bin".into(), example(&with(name, feature)).into()]);
        }
        Needs::Host => Vec::new(),
        Needs::Scenario(file) => vec!["--scenario".into(), root().join("xtask/interop").join(file).into()],
        Needs::Endpoints => endpoints(python),
    };
    let program = program("windlass");
    let host = Host::start(&program, &root(), &more)?;
    let mut arguments = host.arguments();
    arguments.extend(["--windlass".into(), program.into()]);
    let outcome = python.script(script, &arguments);
    host.stop()?;
    outcome
}

/// Programs for endpoints: psrpcore, the player of recordings, also as another user, and one that is not there.
fn endpoints(python: &Python) -> Vec<OsString> {
    let scripts = root().join("xtask/interop");
    let recorded = root().join("fixtures/recorded/psrp");
    let python = python.program().display().to_string();
    let player = |python: &str, name: &str| {
        let file = recorded.join(format!("{name}.jsonl"));
        format!("{python} {} {}", scripts.join("recording_player.py").display(), file.display())
    };
    let mut named = vec![
        format!("Psrpcore={python} {}", scripts.join("process_server.py").display()),
        "Missing=/no/such/program".to_owned(),
        // With a Python that is there for everybody.
        format!("Stranger={}", player("/usr/bin/python3", "open-close")),
    ];
    for name in ["output-simple", "streams", "errors", "open-close"] {
        named.push(format!("Recorded.{name}={}", player(&python, name)));
    }
    let endpoints = named.into_iter().map(|endpoint| ["--endpoint".to_owned(), endpoint]);
    let users = ["--endpoint-user".to_owned(), "Stranger=65534:65534".to_owned()];
    endpoints.chain([users]).flatten().map(OsString::from).collect()
}
