//! A server that goes silent: every stage of an operation over DCOM has a deadline and an error of its own.
//! The clock stands still except where everybody waits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;
use windlass::{CimSession, CimSessionOptions, ErrorKind, Layer, OperationOptions};
use windlass_mock::MockHost;

/// How long reaching the host may take, and how long an operation.
const OPENING: Duration = Duration::from_secs(7);
const OPERATION: Duration = Duration::from_secs(30);

/// A way to the host on which so many answers pass, then none.
fn silenced(host: &Arc<MockHost>, answers: &Arc<AtomicUsize>) -> DuplexStream {
    let (client, proxy) = tokio::io::duplex(256 * 1024);
    let (mut from_client, mut to_client) = tokio::io::split(proxy);
    let (mut from_host, mut to_host) = tokio::io::split(host.rpc_in_memory());
    let answers = Arc::clone(answers);
    tokio::spawn(async move {
        tokio::io::copy(&mut from_client, &mut to_host).await.ok();
        to_host.shutdown().await.ok();
    });
    tokio::spawn(async move {
        let mut header = [0; 16];
        while from_host.read_exact(&mut header).await.is_ok() {
            let length = usize::from(u16::from_le_bytes([header[8], header[9]]));
            let mut pdu = header.to_vec();
            pdu.resize(length, 0);
            from_host.read_exact(&mut pdu[16..]).await.unwrap();
            let left = answers.load(Ordering::SeqCst);
            if left == 0 {
                // Silence, not a closed connection.
                std::future::pending::<()>().await;
            }
            answers.store(left - 1, Ordering::SeqCst);
            to_client.write_all(&pdu).await.ok();
        }
    });
    client
}

fn options() -> CimSessionOptions {
    let mut options = CimSessionOptions::default();
    options.wsman.open_timeout = Some(OPENING);
    options.wsman.operation_timeout = OPERATION;
    options
}

#[tokio::test(start_paused = true)]
async fn every_stage_has_a_deadline_and_an_error_of_its_own() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let grace = Duration::from_secs(2);
    for (answers, doing, limit) in [
        (0, "binding to the resolver", OPENING),
        (1, "activating WMI", OPENING),
        (2, "binding to the exporter", OPENING),
        (3, "logging in to root/cimv2", OPERATION),
        (4, "starting the enumeration", OPERATION),
        (5, "fetching objects", OPERATION + grace),
    ] {
        let left = Arc::new(AtomicUsize::new(answers));
        let dialled = Arc::clone(&host);
        let local = CimSession::local_dcom(Arc::new(move || Ok(silenced(&dialled, &left))));
        let mut dcom = windlass::DcomOptions::default();
        dcom.smart_enumeration = false;
        let session =
            local.options(options()).dcom_options(dcom).skip_test_connection(true).connect().await.unwrap();
        let started = Instant::now();
        let error = session.enumerate("", "Win32_ComputerSystem").collect().await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{text}");
        assert!(text.contains(doing), "{answers}: {text}");
        assert!((limit..limit + grace).contains(&started.elapsed()), "{text}: {:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_that_leads_nowhere_is_given_up() {
    struct Nowhere;
    impl windlass::net::Dial for Nowhere {
        fn dial(&self) -> windlass::net::Dialing<'_> {
            Box::pin(std::future::pending())
        }
    }
    let started = Instant::now();
    let local = CimSession::local_dcom(Arc::new(Nowhere)).options(options()).skip_test_connection(false);
    let error = local.connect().await.err().unwrap();
    assert_eq!((error.kind(), error.layer()), (ErrorKind::Unreachable, Layer::Connect), "{error}");
    assert_eq!(started.elapsed(), OPENING);
}

/// `-OperationTimeoutSec` of one operation in place of that of the session.
#[tokio::test(start_paused = true)]
async fn an_operation_has_a_limit_of_its_own() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let (dialled, answers) = (Arc::clone(&host), Arc::clone(&left));
    let local = CimSession::local_dcom(Arc::new(move || Ok(silenced(&dialled, &answers))));
    let session = local.options(options()).skip_test_connection(false).connect().await.unwrap();
    let hurried = session.with_options(OperationOptions::default().timeout(Duration::from_secs(3)));
    left.store(0, Ordering::SeqCst);
    let started = Instant::now();
    let path = windlass::model::ObjectPath::class("Win32_ComputerSystem").with_key("Name", "x");
    assert_eq!(hurried.get(&path).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}
