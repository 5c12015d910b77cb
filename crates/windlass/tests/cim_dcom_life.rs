//! How long references over DCOM live: pings, broken connections, hosts that forget. The clock stands still
//! except where everybody waits, so that hours pass at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use windlass::{CimSession, ErrorKind};
use windlass_mock::MockHost;

/// The way to a host in this process, which can be closed.
#[derive(Default)]
struct Way {
    closed: AtomicBool,
    dialled: AtomicUsize,
}

async fn session(host: &Arc<MockHost>, way: &Arc<Way>) -> CimSession {
    let (host, way) = (Arc::clone(host), Arc::clone(way));
    let dial = move || {
        if way.closed.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the way is closed"));
        }
        way.dialled.fetch_add(1, Ordering::SeqCst);
        Ok(host.rpc_in_memory())
    };
    CimSession::local_dcom(Arc::new(dial)).skip_test_connection(false).connect().await.unwrap()
}

async fn ask(session: &CimSession) -> Result<usize, windlass::Error> {
    Ok(session.enumerate("", "Win32_ComputerSystem").collect().await?.len())
}

async fn pass(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_pinged_also_after_the_connection_broke() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let way = Arc::new(Way::default());
    let session = session(&host, &way).await;
    let before = session.statistics().rpc_exchanges;
    pass(61).await;
    // The login and the namespace live on: a bind and a ping every two minutes.
    assert_eq!(host.statistics().open_objects, 2);
    assert_eq!(session.statistics().rpc_exchanges - before, 60);
    // The host has hung up on a connection so silent. The next call makes a new one and uses what is held.
    assert_eq!(host.statistics().connections, 0);
    let dialled = way.dialled.load(Ordering::SeqCst);
    assert_eq!(ask(&session).await.unwrap(), 1);
    assert_eq!(way.dialled.load(Ordering::SeqCst), dialled + 1);
    assert_eq!(host.statistics().open_objects, 2);
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
    // Nothing is left to ping.
    let dialled = way.dialled.load(Ordering::SeqCst);
    pass(10).await;
    assert_eq!(way.dialled.load(Ordering::SeqCst), dialled);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_pings_expires_by_the_clock_and_the_client_starts_anew() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let way = Arc::new(Way::default());
    let session = session(&host, &way).await;
    way.closed.store(true, Ordering::SeqCst);
    pass(5).await;
    assert_eq!(host.statistics().open_objects, 2);
    pass(2).await;
    // Nobody has called: the host's own clock did it.
    assert_eq!(host.statistics().open_objects, 0);
    // The connection stands, but leads to nothing any more; nor can another be made.
    assert_eq!(ask(&session).await.unwrap_err().kind(), ErrorKind::Unreachable);
    way.closed.store(false, Ordering::SeqCst);
    assert_eq!(ask(&session).await.unwrap(), 1);
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
}

#[tokio::test(start_paused = true)]
async fn pings_that_fail_are_tried_again_in_time() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let way = Arc::new(Way::default());
    let session = session(&host, &way).await;
    pass(3).await;
    for _ in 0..5 {
        way.closed.store(true, Ordering::SeqCst);
        pass(5).await;
        way.closed.store(false, Ordering::SeqCst);
        pass(1).await;
        assert_eq!(host.statistics().open_objects, 2);
    }
    session.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_gives_back_and_pings_no_more() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let way = Arc::new(Way::default());
    let session = session(&host, &way).await;
    let other = session.with_options(windlass::OperationOptions::default());
    drop(session);
    assert_eq!(ask(&other).await.unwrap(), 1);
    drop(other);
    host.wait_until(|left| left.open_objects == 0 && left.connections == 0).await;
    let dialled = way.dialled.load(Ordering::SeqCst);
    pass(10).await;
    assert_eq!(way.dialled.load(Ordering::SeqCst), dialled);
}
