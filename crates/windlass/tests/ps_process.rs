//! PSSessions behind programs that fail: what is told of them, and that none is left over. psrpcore behind a program,
//! and behind OpenSSH, is in `cargo xtask interop`.
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

use std::time::Duration;

use windlass::{Error, ErrorKind, ProcessCommand, PsSession};

async fn open(command: ProcessCommand) -> Error {
    PsSession::process(command).connect().await.map(|_| ()).expect_err("there is no PowerShell")
}

fn shell(script: &str) -> ProcessCommand {
    ProcessCommand::new("sh").argument("-c").argument(script).named("srv1")
}

#[tokio::test]
async fn what_a_program_says_of_its_failure_is_told() {
    let cases = [
        (
            ProcessCommand::new("/no/such/program").named("srv1"),
            ErrorKind::Unreachable,
            "/no/such/program cannot be started",
        ),
        (
            shell("printf 'warning\\033[2J: x\\n\\nPermission denied (publickey).\\n' >&2; exit 255"),
            ErrorKind::Unreachable,
            "the process has ended: warning[2J: x; Permission denied (publickey).",
        ),
        (shell("exit 0"), ErrorKind::Unreachable, "the process has ended"),
        (shell("echo Welcome to srv1; cat >/dev/null"), ErrorKind::Protocol, "line 1"),
        // What went before the last words is dropped.
        (shell("yes gone | head -c 100000 >&2; echo the end >&2"), ErrorKind::Unreachable, "gone; the end"),
    ];
    for (command, kind, part) in cases {
        let shown = command.to_string();
        let error = open(command).await;
        assert_eq!(error.kind(), kind, "{shown}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("srv1: ") && text.contains(part) && text.len() < 1500, "{shown}: {text}");
    }
}

#[tokio::test]
async fn a_program_that_fails_is_started_once() {
    let path = std::env::temp_dir().join(format!("windlass-started-{}", std::process::id()));
    open(shell(&format!("echo started >> {}", path.display()))).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "started\n");
    std::fs::remove_file(path).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_program_that_neither_speaks_nor_ends_is_killed() {
    let seconds = format!("864{:05}", std::process::id());
    let is_there = || {
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines.any(|line| line.split(|&byte| byte == 0).any(|word| word == seconds.as_bytes()))
    };
    let error = open(ProcessCommand::new("sleep").argument(&seconds)).await;
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    // The clock does not wait, but the end of the process takes its time.
    for _ in 0..1_000_000 {
        if !is_there() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the program was left over");
}
