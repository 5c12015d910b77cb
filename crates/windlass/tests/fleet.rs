//! Many computers at once, all of them one host at the addresses of loopback.
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

use std::collections::HashSet;
use std::net::Ipv4Addr;

use support::{host, nothing_left, over_http};
use windlass::{ErrorKind, PowerShell, PsSession, Target, fleet};
use windlass_mock::HostLimits;

const HOSTS: u32 = 300;
const HELD: u32 = 99;

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_sessions_leave_nothing_behind() {
    let mut limits = HostLimits::default();
    limits.shells_per_user = 500;
    let host = host().http("0.0.0.0:0").limits(limits).start().await.unwrap();
    let target = |number: u32| -> Target {
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 2, 0, 1).to_bits() + number);
        let mut target = Target::computer(&address.to_string());
        let near = over_http(&host);
        target
            .set_port(near.endpoint().unwrap().port())
            .set_authentication(windlass::Authentication::Ntlm)
            .set_credential(support::credential(support::PASSWORD));
        if number % 100 == 99 {
            target.set_credential(support::credential("wrong"));
        }
        target
    };
    let mut everywhere = fleet((0..HOSTS).map(target), 32, |target: Target| async move {
        let session = PsSession::builder("").target(target.clone()).connect().await?;
        let pipeline = PowerShell::new().command("Write-Output").argument(target.computer_name());
        let output = session.invoke(pipeline).collect().await?.output;
        session.close().await?;
        Ok::<_, windlass::Error>(output)
    });
    let (mut seen, mut refused) = (HashSet::new(), Vec::new());
    while let Some((number, outcome)) = everywhere.next().await {
        match outcome {
            Ok(output) => assert!(seen.insert(output[0].as_str().unwrap().to_owned())),
            // One that fails is told with its host, and is no matter of the others.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(error.host().starts_with("127.2.") && number % 100 == 99, "{error}");
                refused.push(number);
            }
        }
    }
    refused.sort_unstable();
    assert_eq!((seen.len(), refused.as_slice()), (297, &[99, 199, 299][..]));
    nothing_left(&host).await;

    // All at once, and dropped instead of closed.
    let mut everywhere =
        fleet((0..HELD).map(target), 64, |target| PsSession::builder("").target(target).connect());
    let mut sessions = Vec::new();
    while let Some((_, session)) = everywhere.next().await {
        sessions.push(session.unwrap());
    }
    assert_eq!(host.statistics().open_shells, sessions.len());
    drop(sessions);
    nothing_left(&host).await;
}
