//! Secrets that callers give to pipelines and read in their output.
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
use windlass::clixml::PsValue;
use windlass::{ErrorKind, InvokeOptions, PowerShell, PsSession, PsSessionOptions, Secret};

const WORD: &str = "geheim \u{2603}";

fn reads(secret: PsValue) -> PowerShell {
    PowerShell::new()
        .command("ConvertFrom-SecureString")
        .parameter("SecureString", secret)
        .switch("AsPlainText")
}

fn makes() -> PowerShell {
    PowerShell::new().command("ConvertTo-SecureString").argument(WORD).switch("AsPlainText").switch("Force")
}

#[tokio::test]
async fn they_go_as_parameters_and_come_as_output() {
    let host = host().start().await.unwrap();
    for target in [over_http(&host), over_https(&host)] {
        let session = PsSession::builder("").target(target).connect().await.unwrap();
        let secret = session.protect(&Secret::new(WORD)).unwrap();
        assert_eq!(session.invoke(reads(secret.clone())).collect().await.unwrap().output, [WORD.into()]);
        // Once made, it serves again.
        assert_eq!(session.invoke(reads(secret)).collect().await.unwrap().output, [WORD.into()]);

        let credential = session.protect_credential("carol", &Secret::new(WORD)).unwrap();
        let echo = PowerShell::new().command("Write-Output").argument(credential);
        let [back] = session.invoke(echo).collect().await.unwrap().output.try_into().unwrap();
        assert_eq!(back.get("UserName").and_then(PsValue::as_str), Some("carol"));
        let password = session.reveal(back.get("Password").unwrap()).await.unwrap();
        assert_eq!(password.expose(), WORD);
        session.close().await.unwrap();
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn the_key_is_agreed_on_when_a_secret_is_read() {
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let [secret] = session.invoke(makes()).collect().await.unwrap().output.try_into().unwrap();
    assert_eq!(session.reveal(&secret).await.unwrap().expose(), WORD);
    let plain = session.reveal(&PsValue::from(1)).await.err().unwrap();
    assert!(plain.to_string().contains("no secure string"), "{plain}");
    let other = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let foreign = other.reveal(&secret).await.err().unwrap();
    assert_eq!(foreign.kind(), ErrorKind::Protocol, "{foreign}");
    other.close().await.unwrap();
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn they_go_as_input() {
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let pipeline = PowerShell::new().command("ConvertFrom-SecureString").switch("AsPlainText");
    let (mut input, running) = session.invoke_with_input(pipeline);
    input.send(session.protect(&Secret::new(WORD)).unwrap()).await.unwrap();
    input.close().await.unwrap();
    assert_eq!(running.collect().await.unwrap().output, [WORD.into()]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

/// The server takes what is sent and answers none of it: neither the public key nor questions about the pool.
#[tokio::test(start_paused = true)]
async fn a_server_that_answers_nothing_is_not_waited_for() {
    let server = Wicked::new(Vice::None);
    let mut options = PsSessionOptions::default();
    options.wsman.operation_timeout = Duration::from_secs(20);
    options.retry_window = Duration::ZERO;
    let session = PsSession::builder("").target(server.target()).options(options).connect().await.unwrap();

    let asked = tokio::time::timeout(FOR_EVER, session.available_runspaces()).await.expect("an end");
    let error = asked.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(error.to_string().contains("about the runspaces"), "{error}");

    let secret = session.protect(&Secret::new(WORD)).unwrap();
    let mut short = InvokeOptions::default();
    short.timeout = Some(Duration::from_secs(5));
    for (options, part) in [(InvokeOptions::default(), "session's key"), (short, "the pipeline")] {
        let running = session.invoke_with(reads(secret.clone()), &options).collect();
        let error = tokio::time::timeout(FOR_EVER, running).await.expect("an end").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let foreign = PsValue::SecureString("AAAA".into());
    let reading = session.reveal(&foreign);
    let error = tokio::time::timeout(FOR_EVER, reading).await.expect("an end").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert_eq!(server.seen("Command"), 0);
    tokio::time::timeout(FOR_EVER, session.close()).await.expect("an end").unwrap();
    assert_eq!(server.seen("Delete"), 1);
}
