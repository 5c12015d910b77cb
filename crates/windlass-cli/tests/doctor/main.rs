//! What `windlass doctor` tells of computers that are well, and of those that are not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

#[path = "../support/kdc.rs"]
mod kdc;
mod relay;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use kdc::{REALM, answers::UNKNOWN};
use serde_json::Value;
use support::{Host, PASSWORD, PROGRAM, errors, lines, windlass};

/// The layers without TLS, if nothing is wrong with any.
const PLAIN: [&str; 10] = [
    "name",
    "connection",
    "HTTP",
    "mechanisms",
    "service",
    "logon",
    "sealing",
    "PowerShell endpoint",
    "quota",
    "CIM",
];

/// The layers with this verdict.
fn such(layers: &[Value], verdict: impl Into<Value>) -> Vec<String> {
    let verdict = verdict.into();
    let such = layers.iter().filter(|layer| layer["passed"] == verdict);
    such.map(|layer| layer["layer"].as_str().unwrap().to_owned()).collect()
}

/// What is told of a layer.
fn told<'a>(layers: &'a [Value], layer: &str, field: &str) -> &'a str {
    layers.iter().find(|told| told["layer"] == layer).unwrap()[field].as_str().unwrap()
}

#[test]
fn a_host_that_is_well() {
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let at = ["--resolve", &resolve, "--credential", "alice"];
    let ran = windlass(PASSWORD, &["doctor", "--what-if", "nowhere.invalid", "--credential", "alice"]);
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));

    let ran = windlass(PASSWORD, &[&["doctor", "srv1", "--output", "json"], &at[..]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    let layers = lines(&ran);
    assert_eq!(such(&layers, true), PLAIN, "{layers:?}");
    assert_eq!(such(&layers, Value::Null), ["clock", "KDC and SPN"], "{layers:?}");

    let rpc = format!("localhost=127.0.0.1:{}", host.rpc);
    let over_tls = ["doctor", "localhost", "--output", "json", "--use-ssl", "--port", &host.https];
    let trusting = ["--ca-file", &host.certificate, "--dcom", "--resolve-rpc", &rpc, "--credential", "alice"];
    let ran = windlass(PASSWORD, &[&over_tls[..], &trusting].concat());
    let layers = lines(&ran);
    assert_eq!(ran.status.code(), Some(0), "{layers:?}");
    let secure = ["TLS", "TLS chain", "TLS name", "TLS expiry", "channel binding"];
    let all: Vec<&str> = PLAIN[..2].iter().chain(&secure).chain(&PLAIN[2..]).copied().collect();
    let all = [&all[..], &["DCOM resolver", "DCOM activation"]].concat();
    let all: Vec<&str> = all.into_iter().filter(|layer| *layer != "sealing").collect();
    assert_eq!(such(&layers, true), all, "{layers:?}");
    assert_eq!(told(&layers, "DCOM resolver", "detail"), "DCOM 5.7, offers NTLM, SPNEGO");
    host.stop();
}

#[test]
fn certificates_mechanisms_and_passwords_that_are_not_taken() {
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let at = ["--resolve", &resolve, "--credential", "alice"];
    // Nothing is trusted, and nothing that stands on TLS is tried.
    let over_tls = ["doctor", "localhost", "--output", "json", "--use-ssl", "--port", &host.https];
    let ran = windlass(PASSWORD, &[&over_tls[..], &["--credential", "alice"]].concat());
    let layers = lines(&ran);
    assert_eq!(ran.status.code(), Some(3), "{layers:?}");
    assert_eq!(such(&layers, false), ["TLS chain"], "{layers:?}");
    assert!(layers.iter().all(|layer| layer["passed"] != false || layer["remedy"].is_string()), "{layers:?}");
    assert_eq!(layers.last().unwrap()["layer"], "channel binding");

    let unfit = ["--authentication", "Basic", "--no-encryption"];
    let ran = windlass(PASSWORD, &[&["doctor", "srv1", "--output", "json"], &at[..], &unfit].concat());
    assert_eq!((ran.status.code(), such(&lines(&ran), false)), (Some(4), vec!["mechanisms".to_owned()]));

    let ran = windlass("wrong", &[&["doctor", "srv1"], &at[..]].concat());
    assert_eq!(ran.status.code(), Some(4));
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(text.contains("passed  service") && text.contains("failed  logon"), "{text}");
    host.stop();
}

/// What fails of DCOM is the resolver only where that does not answer.
#[test]
fn the_resolver_and_the_logon_to_dcom_are_told_apart() {
    let host = Host::start(&[]);
    let at = |rpc: &str, password: &str| {
        let (resolve, rpc) = (format!("srv1=127.0.0.1:{}", host.http), format!("srv1=127.0.0.1:{rpc}"));
        let to = ["--resolve", &resolve, "--resolve-rpc", &rpc, "--credential", "alice", "--output", "json"];
        windlass(password, &[&["doctor", "srv1", "--dcom"], &to[..]].concat())
    };
    let ran = at(&host.rpc, "wrong");
    assert_eq!(
        (ran.status.code(), such(&lines(&ran), false).join(", ")),
        (Some(4), "logon, DCOM activation".into())
    );
    let told = such(&lines(&ran), true);
    assert!(told.contains(&"DCOM resolver".to_owned()), "{told:?}");
    // The listener for HTTP does not speak DCOM.
    let ran = at(&host.http, PASSWORD);
    assert_eq!(such(&lines(&ran), false), ["DCOM resolver"]);
    assert_ne!(ran.status.code(), Some(0));
    host.stop();
}

/// As Microsoft's OMI does.
#[test]
fn a_service_that_hangs_up_on_strangers() {
    let host = Host::start(&[]);
    let port = relay::start(&host.http, |_, head| head.contains("\r\nauthorization:"));
    let resolve = format!("srv1=127.0.0.1:{port}");
    let at = ["doctor", "srv1", "--resolve", &resolve, "--output", "json"];
    let ran = windlass(PASSWORD, &[&at[..], &["--credential", "alice"]].concat());
    let layers = lines(&ran);
    assert_eq!(ran.status.code(), Some(0), "{layers:?}");
    assert_eq!(such(&layers, Value::Null), ["HTTP", "mechanisms", "clock", "service", "KDC and SPN"]);
    assert_eq!(told(&layers, "HTTP", "detail"), "the service hangs up on requests without a logon");
    assert_eq!(
        such(&layers, true),
        ["name", "connection", "logon", "sealing", "PowerShell endpoint", "quota", "CIM"]
    );

    // One that hangs up on everybody is found out by the logon.
    let port = relay::start(&host.http, |_, _| false);
    let resolve = format!("srv1=127.0.0.1:{port}");
    let at = ["doctor", "srv1", "--resolve", &resolve, "--output", "json"];
    let ran = windlass(PASSWORD, &[&at[..], &["--credential", "alice"]].concat());
    let layers = lines(&ran);
    assert_eq!((ran.status.code(), such(&layers, false)), (Some(5), vec!["logon".to_owned()]), "{layers:?}");
    assert!(told(&layers, "logon", "remedy").starts_with("is it the port of WinRM"), "{layers:?}");
    host.stop();
}

/// A folder with what Kerberos reads.
struct Realm {
    folder: PathBuf,
    config: PathBuf,
}

impl Realm {
    fn new(kdc: u16) -> Self {
        let folder = std::env::temp_dir().join(format!("windlass-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("krb5.conf");
        std::fs::write(&config, kdc::config(kdc)).unwrap();
        Self { folder, config }
    }

    fn host(&self, name: &str, keytab: &[u8]) -> Host {
        let path = self.folder.join(name);
        std::fs::write(&path, keytab).unwrap();
        Host::start(&["--auth", "kerberos", "--keytab", path.to_str().unwrap()])
    }

    fn doctor(&self, computer: &str, port: &str, password: &str) -> Output {
        let resolve = format!("{computer}=127.0.0.1:{port}");
        let who = format!("alice@{REALM}");
        Command::new(PROGRAM)
            .args(["doctor", computer, "--resolve", &resolve, "--output", "json"])
            .args(["--authentication", "Kerberos", "--credential", &who])
            .env("WINDLASS_PASSWORD", password)
            .env("WINDLASS_CONFIG", "")
            .env_remove("WINDLASS_USER")
            .env("KRB5_CONFIG", &self.config)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[test]
fn kerberos_fails_at_the_kdc_at_the_name_or_at_the_service() {
    let (port, kdc) = kdc::start();
    let realm = Realm::new(port);
    let host = realm.host("right", &kdc::keytab(&["srv1"], true));
    let other = realm.host("other", &kdc::keytab(&["srv1"], false));

    // The name is looked up, and then come: a connection, a stranger's request, a stranger's Identify, and the
    // logon, one. Were there another, it would fail.
    let relay = relay::start(&host.http, |number, _| number <= 4);
    let ran = realm.doctor("srv1", &relay, kdc::PASSWORD);
    let layers = lines(&ran);
    let passed = such(&layers, true);
    assert_eq!(passed[passed.len() - 4..], ["KDC", "SPN", "logon", "sealing"], "{layers:?}");
    assert_eq!(such(&layers, false), ["PowerShell endpoint", "quota", "CIM"], "{layers:?}");
    assert_eq!(kdc::given(&kdc), (1, 1));

    for (computer, port, password, passed, failed, remedy) in [
        ("srv1", &host.http, "wrong", "", "KDC", "port 88"),
        (UNKNOWN, &host.http, kdc::PASSWORD, "KDC", "SPN", "setspn"),
        ("127.0.0.1", &host.http, kdc::PASSWORD, "KDC", "SPN", "setspn"),
        ("srv1", &other.http, kdc::PASSWORD, "SPN", "logon", "user and password"),
    ] {
        let ran = realm.doctor(computer, port, password);
        let layers = lines(&ran);
        assert_eq!(such(&layers, false), [failed], "{layers:?}");
        assert!(told(&layers, failed, "remedy").contains(remedy), "{layers:?}");
        assert!(passed.is_empty() || such(&layers, true).contains(&passed.to_owned()), "{layers:?}");
        assert_eq!(ran.status.code(), Some(4), "{layers:?}");
    }
    host.stop();
    other.stop();
}
