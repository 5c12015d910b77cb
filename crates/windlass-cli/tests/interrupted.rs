//! A command that is cut off closes what it has opened before its process ends.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use support::{PASSWORD, PROGRAM};
use tokio::runtime::Runtime;
use windlass_mock::MockHost;

/// A host in this process, which tells what is open.
struct Watched {
    runtime: Runtime,
    host: MockHost,
}

impl Watched {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let host =
            MockHost::builder().user("alice", PASSWORD.to_owned()).allow_exec(true).http("127.0.0.1:0");
        let host = runtime.block_on(host.start()).unwrap();
        Self { runtime, host }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        let resolve = format!("srv1=127.0.0.1:{}", self.host.http_addr().unwrap().port());
        command
            .arg(arguments[0])
            .args(["--resolve", &resolve, "--credential", "alice"])
            .args(&arguments[1..]);
        command.envs([("WINDLASS_PASSWORD", PASSWORD), ("WINDLASS_CONFIG", ""), ("WINDLASS_AGENT", "off")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a command, and waits until it has written its first line.
    fn begin(&self, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.contains("begun"), "{line}");
        assert_eq!(self.host.statistics().open_shells, 1);
        (child, output)
    }

    /// Waits until a command has a shell open.
    fn wait_for_shell(&self) {
        self.runtime.block_on(async {
            let opened = self.host.wait_until(|statistics| statistics.open_shells == 1);
            tokio::time::timeout(Duration::from_secs(60), opened).await.expect("no shell is opened");
        });
    }

    /// The child's status and what it said; nothing is open when it has ended.
    fn end(&self, mut child: Child) -> (Option<i32>, String) {
        let status = child.wait().unwrap().code();
        assert_eq!(self.host.statistics().open_shells, 0, "{:?}", self.host.statistics());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

const WAITING: &str = "Write-Output begun; Start-Sleep 600";

#[test]
fn signals_close_what_is_open() {
    let watched = Watched::start();
    let invoke = ["Invoke-Command", "-ComputerName", "srv1", WAITING];
    let in_console = format!("Invoke-Command srv1 {{ {WAITING} }}; Write-Output 'never'");
    let session = format!("$s = New-PSSession srv1\nInvoke-Command $s {{ {WAITING} }}");
    for arguments in [
        &invoke[..],
        &["console", "--command", &in_console],
        &["console", "--command", &session],
        &["winrs", "-r", "srv1", "echo begun; exec sleep 600"],
    ] {
        for name in ["-INT", "-TERM", "-HUP"] {
            let (child, mut output) = watched.begin(arguments);
            signal(&child, name);
            let (status, said) = watched.end(child);
            assert_eq!(status, Some(130), "{name} {arguments:?}: {said}");
            let mut rest = String::new();
            output.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "", "{name} {arguments:?}");
        }
    }
}

#[test]
fn a_console_that_waits_for_a_line_ends() {
    let watched = Watched::start();
    let mut command = watched.command(&["Enter-PSSession", "srv1"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"Write-Output begun\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    signal(&child, "-TERM");
    assert_eq!(watched.end(child).0, Some(130));
    drop(input);
}

#[test]
fn a_console_whose_reader_does_not_read_ends() {
    let watched = Watched::start();
    // More than the pipe holds.
    let lines = format!("$s = New-PSSession srv1\nWrite-Output '{}'", "x".repeat(100_000));
    let mut child = watched.command(&["console", "--command", &lines]).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    watched.wait_for_shell();
    signal(&child, "-TERM");
    assert_eq!(watched.end(child).0, Some(130));
    drop(output);
}

#[test]
fn a_reader_that_leaves_closes_what_is_open() {
    let watched = Watched::start();
    // More than the pipe holds, so that the command is at it when the reader goes.
    let long = "x".repeat(100_000);
    let (child, output) = watched.begin(&[
        "Invoke-Command",
        "-ComputerName",
        "srv1",
        "{",
        "Write-Output begun,",
        &long,
        ",",
        &long,
        "; Start-Sleep 600",
        "}",
    ]);
    drop(output);
    assert_eq!(watched.end(child), (Some(0), String::new()));
}

#[test]
fn jobs_close_what_is_open_when_the_console_ends() {
    let watched = Watched::start();
    // More than the pipe holds, so that the console waits for its reader.
    let long = "x".repeat(100_000);
    let lines = format!("$j = Invoke-Command srv1 {{ {WAITING} }} -AsJob\nWrite-Output '{long}'");
    let mut child = watched.command(&["console", "--command", &lines]).spawn().unwrap();
    watched.wait_for_shell();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains(&long), "{} bytes", said.len());
    assert_eq!(watched.end(child).0, Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn results_that_cannot_be_written_are_told() {
    let watched = Watched::start();
    for arguments in [
        &["Invoke-Command", "-ComputerName", "srv1", WAITING, "--output", "ndjson"][..],
        &["Invoke-Command", "-ComputerName", "srv1", "Get-Process", "--output", "table"],
        &["Get-CimInstance", "Win32_OperatingSystem", "-ComputerName", "srv1", "--output", "list"],
        &["Get-CimInstance", "Win32_OperatingSystem", "-ComputerName", "srv1", "--output", "csv"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let child = watched.command(arguments).stdout(full).spawn().unwrap();
        let (status, said) = watched.end(child);
        assert_eq!(status, Some(5), "{arguments:?}: {said}");
        assert_eq!(said.matches("results were lost").count(), 1, "{arguments:?}: {said}");
    }
}
