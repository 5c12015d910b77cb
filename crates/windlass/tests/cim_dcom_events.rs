//! Events over DCOM, against the embedded host: the same API as over WS-Management.
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

use std::process::{Command, Stdio};
use std::time::Duration;

use support::{PASSWORD, USER, credential, over_https};
use windlass::model::{CimInstance, CimStatus, CimValue, ObjectPath};
use windlass::{Authentication, CimSession, ErrorKind, EventStream, Protocol, Subscription};
use windlass_mock::MockHost;

const NOTICES: &str = "SELECT * FROM Test_Notice WHERE Number < 100";

async fn host() -> MockHost {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned());
    host.rpc("127.0.0.1:0").https("127.0.0.1:0").start().await.unwrap()
}

async fn session(host: &MockHost) -> CimSession {
    CimSession::builder("127.0.0.1")
        .port(host.rpc_addr().unwrap().port())
        .credential(credential(PASSWORD))
        .authentication(Authentication::Ntlm)
        .protocol(Protocol::Dcom)
        .namespace("root/test")
        .connect()
        .await
        .unwrap()
}

async fn notify(session: &CimSession, text: &str, count: u32) {
    let input = CimInstance::new("").with("Text", text).with("Count", count);
    session.invoke(&ObjectPath::class("Test_Methods"), "Notify", &input).await.unwrap();
}

async fn next(events: &mut EventStream) -> CimInstance {
    tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap().unwrap().unwrap()
}

async fn nothing_left(host: &MockHost) {
    let gone = host.wait_until(|left| left.open_objects == 0 && left.connections == 0);
    if tokio::time::timeout(Duration::from_secs(10), gone).await.is_err() {
        panic!("left open: {:?}", host.statistics());
    }
}

#[tokio::test]
async fn events_that_a_method_raises_come_in_order() {
    let host = host().await;
    let session = session(&host).await;
    let mut events = session.subscribe(Subscription::query(NOTICES)).await.unwrap();
    notify(&session, "one", 200).await;
    for number in 1..=99_u32 {
        let event = next(&mut events).await;
        assert_eq!(event.class_name.as_str(), "Test_Notice");
        assert_eq!((event.get("Text"), event.get("Number")), (Some(&"one".into()), Some(&number.into())));
    }
    // Work goes on while the next event is waited for, and events after that come, too.
    notify(&session, "two", 1).await;
    assert_eq!(next(&mut events).await.get("Text"), Some(&"two".into()));
    events.close().await;
    // The login and the namespace are left.
    assert_eq!(host.statistics().open_objects, 2);

    let by_class = session.subscribe(Subscription::class("Test_Notice")).await.unwrap();
    drop(by_class);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn processes_come_and_go() {
    let host = host().await;
    let session = session(&host).await;
    let own = std::process::id();
    let condition = format!("TargetInstance ISA 'Win32_Process' AND TargetInstance.ParentProcessId = {own}");
    let query = format!("SELECT * FROM __InstanceOperationEvent WITHIN 0.2 WHERE {condition}");
    let mut events = session.subscribe(Subscription::query(&query).namespace("root/cimv2")).await.unwrap();
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let event = next(&mut events).await;
    assert_eq!(event.class_name.as_str(), "__InstanceCreationEvent");
    let target = event.get("TargetInstance").unwrap().as_instance().unwrap().clone();
    assert_eq!(target.class_name.as_str(), "Win32_Process");
    assert_eq!(target.get("ProcessId"), Some(&CimValue::UInt32(child.id())));
    child.kill().unwrap();
    child.wait().unwrap();
    // Its figures may change before its end.
    let event = loop {
        let event = next(&mut events).await;
        if event.class_name.as_str() != "__InstanceModificationEvent" {
            break event;
        }
    };
    assert_eq!(event.class_name.as_str(), "__InstanceDeletionEvent");
    drop(events);
    session.close().await;
    nothing_left(&host).await;
}

/// The same events reach subscribers over both protocols, equal to each other.
#[tokio::test]
async fn both_protocols_tell_the_same() {
    let host = host().await;
    let dcom = session(&host).await;
    let builder = CimSession::builder("").target(over_https(&host)).skip_test_connection(true);
    let wsman = builder.namespace("root/test").connect().await.unwrap();
    let changes = "SELECT * FROM __InstanceOperationEvent WITHIN 0.1 WHERE TargetInstance ISA 'Test_Item'";
    let columns = "SELECT Text FROM Test_Notice";
    let path = ObjectPath::class("Test_Item").with_key("Name", "second");
    for query in [changes, NOTICES, columns] {
        let mut over_dcom = dcom.subscribe(Subscription::query(query)).await.unwrap();
        let mut over_wsman = wsman.subscribe(Subscription::query(query)).await.unwrap();
        notify(&dcom, "both", 2).await;
        dcom.set_property(&path, "Count", 9_u32).await.unwrap();
        wsman.set_property(&path, "Count", 2_u32).await.ok();
        let (left, right) = (next(&mut over_dcom).await, next(&mut over_wsman).await);
        // WS-Management does not say of what class a projection is.
        assert!(query == columns || left.class_name == right.class_name, "{query}");
        assert_eq!(shown(&left), shown(&right), "{query}");
        over_dcom.close().await;
        over_wsman.close().await;
    }
    for wrong in ["SELECT * FROM Nothing", "SELECT * FROM Test_Item", "SELEC"] {
        let mut statuses = Vec::new();
        for session in [&dcom, &wsman] {
            let error = session.subscribe(Subscription::query(wrong)).await.err().unwrap();
            statuses.push(error.cim_status().unwrap().0);
        }
        assert_eq!(statuses[0], statuses[1], "{wrong}");
        assert_ne!(statuses[0], CimStatus::FAILED, "{wrong}");
    }
    let bookmark = Subscription::query(NOTICES).from_bookmark("<BookmarkList/>");
    assert_eq!(dcom.subscribe(bookmark).await.err().unwrap().kind(), ErrorKind::Usage);
    dcom.close().await;
    wsman.close().await;
    nothing_left(&host).await;
}

/// Names and values, those of embedded instances, too. Which of two changes an event is about depends on who
/// looked when.
fn shown(instance: &CimInstance) -> Vec<String> {
    let shown = instance.properties.iter().filter(|property| !property.value.is_null());
    shown
        .map(|property| match property.value.as_instance() {
            Some(inner) => format!("{} {}", property.name, inner.class_name),
            None => format!("{} {:?}", property.name, property.value),
        })
        .collect()
}
