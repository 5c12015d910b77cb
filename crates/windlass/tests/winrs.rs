//! `cmd` shells against the embedded host, which runs programs of this computer.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use support::{host, nothing_left, over_http, over_https};
use windlass::{ErrorKind, ShellEvent, WinRsCommand, WinRsShell, WinRsSignal};

#[tokio::test]
async fn streams_and_exit_codes_come_back() {
    let host = host().allow_exec(true).start().await.unwrap();
    for target in [over_http(&host), over_https(&host)] {
        let shell = WinRsShell::builder("").target(target).open().await.unwrap();
        let command = WinRsCommand::new("echo out; echo err >&2; exit 7");
        let output = shell.run(command).output().await.unwrap();
        assert_eq!((output.stdout_text().trim(), output.stderr_text().trim()), ("out", "err"));
        assert_eq!(output.exit_code, 7);
        shell.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn output_outlives_a_network_that_is_away_for_a_while() {
    for (window, outcome) in
        [(Duration::from_secs(240), Ok("out")), (Duration::ZERO, Err(ErrorKind::Protocol))]
    {
        let mut builder = host().allow_exec(true);
        // The connection is lost again and again: one more try at once is not enough.
        for number in 1..=4 {
            builder = builder.trouble(format!("cut@Receive#{number}").parse().unwrap());
        }
        let host = builder.start().await.unwrap();
        let shell =
            WinRsShell::builder("").target(over_http(&host)).retry_window(window).open().await.unwrap();
        let output = shell.run(WinRsCommand::new("echo out")).output().await;
        let found = output.map(|output| output.stdout_text().trim().to_owned()).map_err(|error| error.kind());
        assert_eq!(found, outcome.map(str::to_owned), "{window:?}");
        shell.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn one_command_takes_five_authenticated_requests() {
    let host = host().allow_exec(true).start().await.unwrap();
    let before = host.statistics().http_requests;
    let shell = WinRsShell::builder("").target(over_https(&host)).open().await.unwrap();
    // Without output there is one Receive: output may come a Receive ahead of the end.
    let output = shell.run(WinRsCommand::new("exit 3")).output().await.unwrap();
    assert_eq!(output.exit_code, 3);
    shell.close().await.unwrap();
    assert_eq!(host.statistics().http_requests - before, 5);
    nothing_left(&host).await;
}

#[tokio::test]
async fn input_goes_in_and_its_end_too() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = WinRsShell::builder("").target(over_http(&host)).open().await.unwrap();
    let running = shell.run(WinRsCommand::new("cat").with_input());
    running.write("gr\u{fc}\u{df}e ".as_bytes()).await.unwrap();
    running.write(b"again").await.unwrap();
    running.close_input().await.unwrap();
    assert_eq!(running.output().await.unwrap().stdout_text(), "gr\u{fc}\u{df}e again");
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn programs_do_not_see_the_environment_of_the_host() {
    // Which cargo sets for tests.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let host = host().allow_exec(true).start().await.unwrap();
    let shell =
        WinRsShell::builder("").target(over_http(&host)).environment("GIVEN", "1").open().await.unwrap();
    let seen = shell.run(WinRsCommand::new("env")).output().await.unwrap();
    let names: Vec<_> =
        seen.stdout_text().lines().filter_map(|l| Some(l.split_once('=')?.0.to_owned())).collect();
    assert!(["PATH", "GIVEN"].iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
    shell.close().await.unwrap();
}

#[tokio::test]
async fn environment_and_directory_reach_the_program() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = WinRsShell::builder("").target(over_http(&host));
    let shell = shell.environment("GREETING", "hello there").working_directory("/").open().await.unwrap();
    let output = shell.run(WinRsCommand::new("echo $GREETING; pwd")).output().await.unwrap();
    assert_eq!(output.stdout_text().split_whitespace().collect::<Vec<_>>(), ["hello", "there", "/"]);
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_running_command_is_ended_by_signal_drop_and_close() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = WinRsShell::builder("").target(over_http(&host)).open().await.unwrap();
    // A shell that is just starting a program loses a signal that comes between.
    let endless = || WinRsCommand::new("echo begin; exec sleep 600");

    let mut running = shell.run(endless());
    assert!(matches!(running.next().await, Some(Ok(ShellEvent::Stdout(_)))));
    running.signal(WinRsSignal::CtrlC).await.unwrap();
    let mut exited = false;
    while let Some(event) = running.next().await {
        exited |= matches!(event.unwrap(), ShellEvent::Exited(_));
    }
    assert!(exited);

    let mut dropped = shell.run(endless());
    assert!(matches!(dropped.next().await, Some(Ok(ShellEvent::Stdout(_)))));
    drop(dropped);

    let mut closed = shell.run(endless());
    assert!(matches!(closed.next().await, Some(Ok(ShellEvent::Stdout(_)))));
    shell.close().await.unwrap();
    let error = closed.output().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    nothing_left(&host).await;
}

#[tokio::test]
async fn programs_are_refused_where_they_are_not_allowed() {
    let host = host().start().await.unwrap();
    let opened = WinRsShell::builder("").target(over_http(&host)).open().await;
    let error = match opened {
        Err(error) => error,
        Ok(shell) => {
            let error = shell.run(WinRsCommand::new("echo x")).output().await.unwrap_err();
            shell.close().await.unwrap();
            error
        }
    };
    assert_eq!((error.kind(), error.exit_status()), (ErrorKind::Refused, 4), "{error}");
    nothing_left(&host).await;
}
