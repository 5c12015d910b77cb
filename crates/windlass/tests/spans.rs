//! What is told by `tracing` while sessions work.
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

use std::io::Write;
use std::sync::{Arc, Mutex};

use support::{PASSWORD, host, nothing_left, over_http};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use windlass::{CimSession, PowerShell, PsSession};

/// Text that is written by parts of a program.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Text {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn spans_carry_host_session_and_request() {
    let text = Text::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(EnvFilter::new("windlass=trace"))
        .with_span_events(FmtSpan::NEW)
        .with_writer(text.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let host = host().start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let secret = PowerShell::new().command("Write-Output").argument("a private matter");
    let running = session.invoke(secret);
    let pipeline = running.id();
    running.collect().await.unwrap();
    let id = session.instance_id();
    session.close().await.unwrap();
    let cim = CimSession::builder("").target(over_http(&host)).connect().await.unwrap();
    cim.enumerate("", "Win32_OperatingSystem").collect().await.unwrap();
    cim.close().await;
    nothing_left(&host).await;
    drop(guard);

    let told = String::from_utf8(text.0.lock().unwrap().clone()).unwrap();
    let at = format!("localhost:{}", host.http_addr().unwrap().port());
    let line = |parts: &[&str]| {
        assert!(told.lines().any(|line| parts.iter().all(|part| line.contains(part))), "{parts:?}: {told}");
    };
    line(&["open{computer=\"localhost\"", "request{", &at, "session=", "request=\"uuid:", "transfer/Create"]);
    line(&["pipeline{", &at, &format!("session={id}"), &format!("pipeline={pipeline}"), "shell/Command"]);
    line(&["request{", &at, "session=", "enumeration/Enumerate"]);
    for private in [PASSWORD, "a private matter"] {
        assert!(!told.contains(private));
    }
}
