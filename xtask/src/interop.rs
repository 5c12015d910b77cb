//! Foreign peers against this project.
//!
//! Each peer is a Python script in `xtask/interop` that prints one line a case:
//! `peer: case: passed`, `failed: why` or `skipped: why`. The packages they use are pinned in
//! `xtask/interop/requirements.txt` and installed into a virtual environment under
//! `target/interop`; programs come from Debian packages. A peer that cannot be had is skipped by
//! name.

mod debian;
mod host;
mod matrix;
mod python;
mod tally;

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::command::{cargo, root, target};
pub(crate) use host::Host;
pub(crate) use python::Python;
use tally::Tally;

/// What a script needs from this side.
enum Needs {
    /// An example program of one of our crates: package and name.
    Example(&'static str, &'static str),
    /// The same with a cargo feature.
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
const SAMBA_DC: &[&str] = &["samba", "samba-ad-provision", "samba-dsdb-modules", "winbind", "python3-samba"];

/// The scripts in the order in which they run: codecs first, whole programs last.
const SCRIPTS: &[Script] = &[
    ("psrpcore_clixml.py", Needs::Example("windlass-clixml", "clixml_stdio"), &[]),
    ("psrpcore_pool.py", Needs::Example("windlass-psrp", "pool_stdio"), &[]),
    ("pyspnego_ntlm.py", Needs::Example("windlass-auth", "ntlm_stdio"), &[]),
    ("mit_krb5.py", Needs::Example("windlass-auth", "kerberos_stdio"), MIT_KRB5),
    ("samba_krb5.py", Needs::Example("windlass-auth", "kerberos_stdio"), SAMBA_DC),
    ("samba_ntlm.py", Needs::Example("windlass-auth", "ntlm_stdio"), SAMBA_DC),
    (
        "ntlm_peers.py",
        Needs::Example("windlass-auth", "ntlm_stdio"),
        &["gss-ntlmssp", "python3-gssapi", "winbind"],
    ),
    ("lxml_cim.py", Needs::Example("windlass-cim", "wscim_stdio"), &[]),
    ("envelopes.py", Needs::Example("windlass-wsman", "envelopes"), &[]),
    ("xpress_peers.py", Needs::Example("windlass-wsman", "xpress_stdio"), &["wimtools"]),
    ("ndrdump_dcom.py", Needs::Example("windlass-wmi", "dcom_stubs"), &["samba-testsuite"]),
    ("tshark_dcom.py", Needs::Example("windlass", "dcom_conversation"), &["tshark"]),
    ("our_client.py", Needs::Example("windlass", "interop_client"), &[]),
    ("mit_our_client.py", Needs::Example("windlass", "interop_client"), MIT_KRB5),
    (
        "mit_host.py",
        Needs::Host,
        &["krb5-kdc", "krb5-admin-server", "krb5-user", "python3-gssapi", "libkrb5-dev", "gcc"],
    ),
    (
        "mit_apache.py",
        Needs::Example("windlass", "interop_client"),
        &["krb5-kdc", "krb5-admin-server", "krb5-user", "apache2", "libapache2-mod-auth-gssapi"],
    ),
    (
        "apache_client.py",
        Needs::Example("windlass", "interop_client"),
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
    ("proxies.py", Needs::Example("windlass", "interop_client"), &["squid", "openssl"]),
    (
        "squid_krb5.py",
        Needs::Example("windlass", "interop_client"),
        &["krb5-kdc", "krb5-admin-server", "krb5-user", "python3-gssapi", "squid"],
    ),
    ("samba_host.py", Needs::Host, SAMBA_DC),
    ("host_mechanisms.py", Needs::Host, &["curl"]),
    ("pypsrp_client.py", Needs::Host, &[]),
    ("pypsrp_disconnect.py", Needs::Host, &[]),
    ("pypsrp_copy.py", Needs::Host, &[]),
    ("pypsrp_host.py", Needs::Scenario("pypsrp_host.json"), &[]),
    ("pypsrp_endpoint.py", Needs::Endpoints, &[]),
    ("pypsrp_own.py", Needs::Scenario("pypsrp_own.json"), &[]),
    ("pypsrp_wsman.py", Needs::Host, &[]),
    ("wsman_clients.py", Needs::Host, &[]),
    ("recorded_host.py", Needs::Example("windlass-mock", "recorded_host"), &["tshark", "libxml2-utils"]),
    ("pywinrm_client.py", Needs::Host, &[]),
    ("pywinrm_own.py", Needs::Host, &[]),
    ("masterzen.py", Needs::Host, &["golang-go", "golang-github-masterzen-winrm-dev"]),
    ("rpc_host.py", Needs::Host, &["smbclient"]),
    ("rpc_samba.py", Needs::Example("windlass-net", "rpc_client"), SAMBA_DC),
    ("ansible_raw.py", Needs::Host, &[]),
    ("evil_winrm.py", Needs::Host, &[]),
    ("node_winrm.py", Needs::Host, &["nodejs", "npm"]),
    ("impacket_wmi.py", Needs::Host, &[]),
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
            for (script, needs, packages) in chosen {
                match debian::ensure(packages) {
                    Ok(()) => one(&python, script, needs, &mut tally)?,
                    Err(error) => tally.skip(script, &format!("{error:#}")),
                }
            }
        }
        Err(error) => {
            for (script, ..) in chosen {
                tally.skip(script, &format!("no Python environment: {error:#}"));
            }
        }
    }
    tally.finish()
}

fn one(python: &Python, script: &str, needs: &Needs, tally: &mut Tally) -> Result<()> {
    match needs {
        Needs::Example(package, name) => {
            cargo(["build", "--quiet", "--package", package, "--example", name])?;
            let program = target().join("debug/examples").join(name);
            python.script(script, &["--bin".into(), program.into()], tally)
        }
        Needs::ExampleWith(package, name, feature) => {
            cargo(["build", "--quiet", "--package", package, "--example", name, "--features", feature])?;
            let program = target().join("debug/examples").join(name);
            python.script(script, &["--bin".into(), program.into()], tally)
        }
        Needs::Host | Needs::Scenario(_) | Needs::Endpoints => {
            cargo(["build", "--quiet", "--package", "windlass-cli"])?;
            let program = target().join("debug/windlass");
            let more = match needs {
                Needs::Scenario(file) => {
                    vec!["--scenario".into(), root().join("xtask/interop").join(file).into()]
                }
                Needs::Endpoints => endpoints(python),
                _ => Vec::new(),
            };
            let host = Host::start(&program, &root(), &more)?;
            let mut arguments = host.arguments();
            arguments.extend(["--windlass".into(), program.into()]);
            let outcome = python.script(script, &arguments, tally);
            host.stop()?;
            outcome
        }
    }
}

/// Programs for endpoints: psrpcore, the player of recordings, and one that is not there.
fn endpoints(python: &Python) -> Vec<OsString> {
    let scripts = root().join("xtask/interop");
    let recorded = root().join("fixtures/recorded/psrp");
    let python = python.program().display();
    let mut named = vec![
        format!("Psrpcore={python} {}", scripts.join("process_server.py").display()),
        "Missing=/no/such/program".to_owned(),
    ];
    for name in ["output-simple", "streams", "errors", "open-close"] {
        let (player, file) = (scripts.join("recording_player.py"), recorded.join(format!("{name}.jsonl")));
        named.push(format!("Recorded.{name}={python} {} {}", player.display(), file.display()));
    }
    named.into_iter().flat_map(|endpoint| ["--endpoint".into(), endpoint.into()]).collect()
}
