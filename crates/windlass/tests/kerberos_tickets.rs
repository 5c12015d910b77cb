//! What the connections of one session ask a KDC for.
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

#[path = "../../windlass-auth/tests/support/kdc.rs"]
mod kdc;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kdc::{Kdc, PASSWORD, REALM, service_entry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use windlass::net::{KdcMap, NameMap};
use windlass::{Authentication, Credential, PowerShell, PsSession, Target};
use windlass_auth::kerberos::Keytab;
use windlass_mock::MockHost;

/// Connections of the session, each with a security context of its own.
const CONNECTIONS: i32 = 100;

/// Serves a KDC over TCP. Gives its address.
async fn serve(kdc: Arc<Mutex<Kdc>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u32().await.unwrap();
            let mut message = vec![0; length.try_into().unwrap()];
            stream.read_exact(&mut message).await.unwrap();
            let answer = kdc.lock().unwrap().answer(&message);
            stream.write_u32(answer.len().try_into().unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_connections_of_a_session_take_one_initial_and_one_service_ticket() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let kdc = Arc::new(Mutex::new(Kdc::at(now.try_into().unwrap())));
    let keytab = Keytab::new(vec![service_entry(&["HTTP", "srv"])]);
    let host = MockHost::builder().keytab(keytab).http("127.0.0.1:0").start().await.unwrap();

    let mut kdcs = KdcMap::default();
    kdcs.insert(REALM, &format!("tcp/{}", serve(Arc::clone(&kdc)).await));
    let mut names = NameMap::new();
    names.parse_entry(&format!("srv={}", host.http_addr().unwrap())).unwrap();
    let mut target = Target::computer("srv");
    target
        .set_authentication(Authentication::Kerberos)
        .set_credential(Credential::password(&format!("alice@{REALM}"), PASSWORD.to_owned()))
        .set_kdcs(kdcs)
        .set_names(names);

    let session = PsSession::builder("").target(target).runspaces(1, CONNECTIONS).connect().await.unwrap();
    // The session itself waits for messages on a connection, and each pipeline for its output on another.
    session.available_runspaces().await.unwrap();
    let sleep = || PowerShell::new().command("Start-Sleep").parameter("Seconds", 600);
    let running: Vec<_> = (1..CONNECTIONS).map(|_| session.invoke(sleep())).collect();
    let most = usize::try_from(CONNECTIONS).unwrap();
    let all = host.wait_until(|now| now.connections == most && now.open_commands == most - 1);
    if tokio::time::timeout(Duration::from_secs(60), all).await.is_err() {
        panic!("not {most} connections: {:?}", host.statistics());
    }
    {
        let kdc = kdc.lock().unwrap();
        assert_eq!((kdc.initial, kdc.service), (1, 1));
    }
    drop(running);
    session.close().await.unwrap();
    host.shutdown().await;
}
