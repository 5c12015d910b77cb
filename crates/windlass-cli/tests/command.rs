//! The binary as a user runs it: against its own host on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass");
const PASSWORD: &str = "Throw-away.1";

/// A `windlass mock` that ends with its input.
struct Host {
    child: Child,
    http: String,
    https: String,
    certificate: String,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["mock", "--tls-listen", "127.0.0.1:0", "--user"])
            .arg(format!("alice:{PASSWORD}"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        let port = |key: &str| text(key).rsplit_once(':').unwrap().1.to_owned();
        Self { child, http: port("http"), https: port("https"), certificate: text("certificate") }
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

fn windlass(password: &str, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env("WINDLASS_PASSWORD", password)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn cmdlets_against_the_host() {
    let host = Host::start(&[]);
    let http = ["-ComputerName", "localhost", "-Port", &host.http, "-Cred", "alice"];

    let ran =
        windlass(PASSWORD, &[&["invoke-command"], &http[..], &["{", "Write-Output", "1,two", "}"]].concat());
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let values: Vec<Value> = lines(&ran).iter().map(|line| line["value"].clone()).collect();
    assert_eq!(values, [Value::from(1), Value::from("two")]);

    let tls =
        ["-cn", "localhost", "-Port", &host.https, "-UseSSL", "-CAFile", &host.certificate, "-Cred", "alice"];
    let ran = windlass(
        PASSWORD,
        &[&["Get-CimInstance", "Win32_OperatingSystem", "-Authentication", "Basic"], &tls[..]].concat(),
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines(&ran).len(), 1);

    let ran = windlass(PASSWORD, &["Test-WSMan", "-ComputerName", "localhost", "-Port", &host.http]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    host.stop();
}

#[test]
fn exit_statuses_tell_failures_apart() {
    let host = Host::start(&[]);
    let at = |port: &str, more: &[&str]| -> Vec<String> {
        let base = ["Invoke-Command", "-ComputerName", "localhost", "-Port", port, "-Credential", "alice"];
        base.iter().chain(more).map(|word| (*word).to_owned()).collect()
    };
    for (password, arguments, status) in [
        (PASSWORD, at(&host.http, &["Write-Error oops"]), 1),
        (PASSWORD, at(&host.http, &["-Nonsense"]), 2),
        (PASSWORD, at("1", &["Get-Date"]), 3),
        (PASSWORD, at(&host.http, &["-UseSSL", "Get-Date"]), 3),
        ("wrong", at(&host.http, &["Get-Date"]), 4),
        (PASSWORD, at(&host.http, &["-ConfigurationName", "Nope", "Get-Date"]), 5),
    ] {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = windlass(password, &words);
        assert_eq!(ran.status.code(), Some(status), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(!String::from_utf8_lossy(&ran.stderr).contains(PASSWORD));
    }
    host.stop();
}

#[test]
fn the_local_computer_answers_in_process() {
    let ran = windlass(
        "",
        &["Get-CimInstance", "-Query", "SELECT ProcessId FROM Win32_Process WHERE ProcessId = 1"],
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines(&ran), [serde_json::json!({ "ProcessId": 1 })]);
}

#[test]
fn a_scenario_answers_scripts() {
    let file = std::env::temp_dir().join(format!("windlass-scenario-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"scripts":[{"script":"Get-Thing","output":[{"Name":"x"}]}]}"#).unwrap();
    let host = Host::start(&["--scenario", file.to_str().unwrap()]);
    let ran = windlass(
        PASSWORD,
        &["Invoke-Command", "-cn", "localhost", "-Port", &host.http, "-Cred", "alice", "Get-Thing"],
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines(&ran)[0]["Name"], "x");
    host.stop();
    std::fs::remove_file(file).unwrap();
}

#[test]
fn decode_shows_what_is_inside() {
    let mut child =
        Command::new(PROGRAM).arg("decode").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKALpHAAAADw==")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["format"], &shown["message"]), (&Value::from("ntlm"), &Value::from("NEGOTIATE")));
}
