//! The life of `cmd` shells and their commands: side by side, signalled, cut off, and at their end.
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

use support::wicked::{FOR_EVER, Vice, Wicked};
use support::{host, nothing_left, over_http, over_https};
use windlass::{ErrorKind, RunningCommand, ShellEvent, TextDecoder, WinRsCommand, WinRsShell, WinRsSignal};
use windlass_mock::MockHost;

async fn open(host: &MockHost) -> WinRsShell {
    WinRsShell::builder("").target(over_https(host)).open().await.unwrap()
}

/// Nothing here takes long.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("an end")
}

/// A command that has said that it runs, and goes on for long.
async fn endless(shell: &WinRsShell) -> RunningCommand {
    // A shell that is just starting a program loses a signal that comes between.
    let mut running = shell.run(WinRsCommand::new("echo begin; exec sleep 600").with_input());
    assert!(matches!(running.next().await, Some(Ok(ShellEvent::Stdout(_)))));
    running
}

#[tokio::test]
async fn commands_of_one_shell_run_side_by_side() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = open(&host).await;
    let running: Vec<_> =
        (0..4).map(|code| shell.run(WinRsCommand::new(&format!("cat; exit {code}")).with_input())).collect();
    // Each waits for its input, which comes to the last one first.
    for (code, running) in running.iter().enumerate().rev() {
        running.write(format!("for {code}").as_bytes()).await.unwrap();
        running.close_input().await.unwrap();
    }
    for (code, running) in (0..).zip(running) {
        let output = in_time(running.output()).await.unwrap();
        assert_eq!((output.stdout_text(), output.exit_code), (format!("for {code}").into(), code));
    }
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn signals_end_commands_with_their_codes() {
    // What Windows gives for a program that Ctrl-C ended.
    const STATUS_CONTROL_C_EXIT: i32 = -1_073_741_510;
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = open(&host).await;
    for signal in [WinRsSignal::CtrlC, WinRsSignal::CtrlBreak] {
        let mut running = endless(&shell).await;
        in_time(running.signal(signal)).await.unwrap();
        let mut code = None;
        while let Some(event) = in_time(running.next()).await {
            if let ShellEvent::Exited(exit) = event.unwrap() {
                code = Some(exit);
            }
        }
        assert_eq!(code, Some(STATUS_CONTROL_C_EXIT), "{signal:?}");
    }
    // One that was terminated is gone, and with it how it ended.
    let running = endless(&shell).await;
    in_time(running.signal(WinRsSignal::Terminate)).await.unwrap();
    let error = in_time(running.output()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fault, "{error}");
    assert_eq!(in_time(shell.run(WinRsCommand::new("exit 5")).output()).await.unwrap().exit_code, 5);
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_signal_does_not_wait_behind_input() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = open(&host).await;
    let running = endless(&shell).await;
    // More than a pipe holds: the program never reads.
    let input = running.input();
    let feeding = tokio::spawn(async move { input.write(&vec![0; 4 << 20]).await });
    // Create, Command, two Receives and the first of the input, which waits.
    in_time(host.wait_until(|now| now.messages >= 5)).await;
    in_time(running.signal(WinRsSignal::CtrlC)).await.unwrap();
    in_time(running.output()).await.unwrap();
    in_time(feeding).await.unwrap().ok();
    in_time(shell.close()).await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn text_is_whole_however_its_bytes_come() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = open(&host).await;
    // The second half of the letter waits for input.
    let halves = "printf 'Stra\\303'; head -c 1 > /dev/null; printf '\\237e'; printf '\\342\\230' >&2";
    let mut running = shell.run(WinRsCommand::new(halves).with_input());
    let (mut out, mut err) = (TextDecoder::new(), TextDecoder::new());
    let (mut text, mut errors) = (String::new(), String::new());
    while let Some(event) = in_time(running.next()).await {
        match event.unwrap() {
            ShellEvent::Stdout(bytes) => {
                let is_first = text.is_empty();
                text.push_str(&out.push(&bytes));
                if is_first {
                    assert_eq!((&*bytes, text.as_str()), (&b"Stra\xC3"[..], "Stra"));
                    running.write(b"x").await.unwrap();
                }
            }
            ShellEvent::Stderr(bytes) => errors.push_str(&err.push(&bytes)),
            _ => {}
        }
    }
    text.push_str(&out.finish());
    errors.push_str(&err.finish());
    assert_eq!((text.as_str(), errors.as_str()), ("Straße", "\u{fffd}"));
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_command_whose_time_is_over_is_ended() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = open(&host).await;
    let late = WinRsCommand::new("echo begin; exec sleep 600").timeout(Duration::from_millis(300));
    let error = in_time(shell.run(late).output()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(error.to_string().contains("the command"), "{error}");
    in_time(host.wait_until(|now| now.open_commands == 0)).await;
    let quick = WinRsCommand::new("echo quick").timeout(Duration::from_secs(60));
    assert_eq!(in_time(shell.run(quick).output()).await.unwrap().stdout_text().trim(), "quick");
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_has_anything_is_left_in_time() {
    let server = Wicked::new(Vice::TimedOut("Receive"));
    let shell = WinRsShell::builder("").target(server.target()).open().await.unwrap();
    let command = WinRsCommand::new("x").timeout(Duration::from_secs(3600));
    let error = tokio::time::timeout(FOR_EVER, shell.run(command).output()).await.expect("an end");
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(server.seen("Receive") > 10);
    tokio::time::timeout(FOR_EVER, shell.close()).await.expect("an end").unwrap();
    assert_eq!((server.seen("Signal"), server.seen("Delete")), (1, 1));
}

#[tokio::test]
async fn shells_end_with_their_lifetime() {
    let host = host().allow_exec(true).start().await.unwrap();
    let builder = WinRsShell::builder("").target(over_http(&host));
    let shell = builder.lifetime(Duration::from_millis(300)).open().await.unwrap();
    let mut running = shell.run(WinRsCommand::new("echo begin; exec sleep 600"));
    assert!(matches!(running.next().await, Some(Ok(ShellEvent::Stdout(_)))));
    in_time(host.wait_until(|now| now.open_shells == 0)).await;
    // What ran in it is gone, and the shell with it.
    assert_eq!(in_time(running.output()).await.unwrap_err().kind(), ErrorKind::Fault);
    let error = in_time(shell.run(WinRsCommand::new("true")).output()).await.unwrap_err();
    assert!(error.hresult().is_some_and(|code| code.0 == 0x8033_805B), "{error}");
    in_time(shell.close()).await.ok();
    nothing_left(&host).await;
}

#[tokio::test]
async fn programs_start_with_and_without_a_shell() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = WinRsShell::builder("").target(over_https(&host)).environment("STONE", "Quartzite");
    let shell = shell.open().await.unwrap();
    let command = || WinRsCommand::new("printf").argument("%s").argument("$STONE");
    assert_eq!(in_time(shell.run(command()).output()).await.unwrap().stdout, b"Quartzite");
    let bare = in_time(shell.run(command().skip_cmd_shell()).output()).await.unwrap();
    assert_eq!(bare.stdout, b"$STONE");
    let error = in_time(shell.run(WinRsCommand::new("no-such-program").skip_cmd_shell()).output()).await;
    assert!(error.unwrap_err().to_string().contains("cannot find the file"));
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn without_input_what_reads_waits_until_its_time_is_over() {
    let host = host().allow_exec(true).start().await.unwrap();
    let shell = open(&host).await;
    let reads = WinRsCommand::new("cat").timeout(Duration::from_millis(300));
    assert_eq!(in_time(shell.run(reads).output()).await.unwrap_err().kind(), ErrorKind::TimedOut);
    let running = shell.run(WinRsCommand::new("exec sleep 600"));
    assert_eq!(in_time(running.write(b"x")).await.unwrap_err().kind(), ErrorKind::Usage);
    drop(running);
    in_time(host.wait_until(|now| now.open_commands == 0)).await;
    shell.close().await.unwrap();
    nothing_left(&host).await;
}
