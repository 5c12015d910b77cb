//! Opening a session ends when its time is over, whatever the host does, and says at which stage it was. The
//! clock stands still except where everybody waits.
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

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::time::Instant;
use windlass::net::{BoxStream, Dial, Dialing};
use windlass::{
    Authentication, CimSession, CimSessionOptions, Error, ErrorKind, Layer, PsSession, PsSessionOptions,
    Target, WinRsShell, WsmanOptions,
};

/// More than one attempt takes where the stages alone have limits, and no multiple of it.
const OPENING: Duration = Duration::from_secs(150);

/// A host that takes connections and says nothing.
#[derive(Default)]
struct Silent(Mutex<Vec<DuplexStream>>);

impl Dial for Silent {
    fn dial(&self) -> Dialing<'_> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        self.0.lock().unwrap().push(theirs);
        let stream: BoxStream = Box::new(ours);
        Box::pin(std::future::ready(Ok(stream)))
    }
}

/// A way that leads nowhere.
struct Nowhere;

impl Dial for Nowhere {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(std::future::pending())
    }
}

fn wsman() -> WsmanOptions {
    let mut options = WsmanOptions::default();
    options.open_timeout = Some(OPENING);
    options
}

async fn open_powershell(target: Target) -> Error {
    let mut options = PsSessionOptions::default();
    options.wsman = wsman();
    PsSession::builder("").target(target).options(options).connect().await.err().unwrap()
}

async fn open_winrs(target: Target) -> Error {
    WinRsShell::builder("").target(target).options(wsman()).open().await.err().unwrap()
}

async fn open_cim(target: Target) -> Error {
    let mut options = CimSessionOptions::default();
    options.wsman = wsman();
    CimSession::builder("").target(target).options(options).connect().await.err().unwrap()
}

async fn open_dcom(dial: Arc<dyn Dial>) -> Error {
    let mut options = CimSessionOptions::default();
    options.wsman = wsman();
    let local = CimSession::local_dcom(dial).options(options).skip_test_connection(false);
    local.connect().await.err().unwrap()
}

fn target(dial: Arc<dyn Dial>, authentication: Authentication) -> Target {
    let mut target = Target::computer("srv1");
    target
        .set_dial(dial)
        .set_authentication(authentication)
        .set_credential(support::credential("x"))
        .set_allow_unencrypted(true);
    target
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_does_not_hold_up_opening() {
    let at_logon = || target(Arc::new(Silent::default()), Authentication::Ntlm);
    let at_request = || target(Arc::new(Silent::default()), Authentication::Basic);
    let on_the_way = || target(Arc::new(Nowhere), Authentication::Ntlm);
    let stages: [(&dyn Fn() -> Target, &str, Layer); 3] = [
        (&at_logon, "authentication with", Layer::Auth),
        (&at_request, "waiting for an answer of", Layer::Http),
        (&on_the_way, "connecting to", Layer::Connect),
    ];
    for (target, stage, layer) in stages {
        for protocol in ["PowerShell", "winrs", "CIM"] {
            let started = Instant::now();
            let error = match protocol {
                "PowerShell" => open_powershell(target()).await,
                "winrs" => open_winrs(target()).await,
                _ => open_cim(target()).await,
            };
            assert!(started.elapsed() <= OPENING, "{protocol}: {:?}, {error}", started.elapsed());
            assert!(error.to_string().contains(stage), "{protocol}: {error}");
            assert_eq!(error.layer(), layer, "{protocol}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_does_not_hold_up_opening_over_dcom() {
    let started = Instant::now();
    let error = open_dcom(Arc::new(Silent::default())).await;
    assert_eq!((error.kind(), error.layer()), (ErrorKind::TimedOut, Layer::Auth), "{error}");
    assert!(error.to_string().contains("binding to the resolver"), "{error}");
    let error = open_dcom(Arc::new(Nowhere)).await;
    assert_eq!((error.kind(), error.layer()), (ErrorKind::Unreachable, Layer::Connect), "{error}");
    assert!(started.elapsed() <= 2 * OPENING, "{:?}", started.elapsed());
}

/// A session is tried again where its host was silent, but in the same time.
#[tokio::test(start_paused = true)]
async fn attempts_share_the_time_of_opening() {
    let silent = Arc::new(Silent::default());
    let started = Instant::now();
    let dial: Arc<dyn Dial> = silent.clone();
    open_powershell(target(dial, Authentication::Ntlm)).await;
    assert_eq!(started.elapsed(), OPENING);
    assert_eq!(silent.0.lock().unwrap().len(), 3, "attempts of a minute each");
}
