//! A conversation is recorded and played back to another client, which learns the same.
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

use support::{host, over_http, over_https};
use windlass::clixml::PsValue;
use windlass::{PowerShell, PsSession, Target, WinRsCommand, WinRsShell};

/// What a client learns, and what the host said of itself.
async fn talk(target: Target) -> (Vec<PsValue>, String, String, i32) {
    let session = PsSession::builder("").target(target.clone()).connect().await.unwrap();
    let both = PowerShell::new().command("Write-Output").argument("one").statement().command("Get-Date");
    let output = session.invoke(both).collect().await.unwrap().output;
    session.close().await.unwrap();
    let shell = WinRsShell::builder("").target(target).open().await.unwrap();
    let ran = shell.run(WinRsCommand::new("echo $$; echo bad >&2; exit 3")).output().await.unwrap();
    shell.close().await.unwrap();
    (output, ran.stdout_text().into_owned(), ran.stderr_text().into_owned(), ran.exit_code)
}

#[tokio::test]
async fn what_was_recorded_is_played_back() {
    let folder = std::env::temp_dir().join(format!("windlass-recording-{}", std::process::id()));
    let first = host().allow_exec(true).record(&folder).start().await.unwrap();
    let learnt = talk(over_https(&first)).await;
    first.shutdown().await;
    // No program runs here, and the time stands still.
    let second = host().replay(&folder).start().await.unwrap();
    let again = talk(over_http(&second)).await;
    assert_eq!(again, learnt);
    let more = PsSession::builder("").target(over_http(&second)).connect().await;
    assert!(more.err().unwrap().to_string().contains("no more answer"));
    std::fs::remove_dir_all(&folder).unwrap();
}
