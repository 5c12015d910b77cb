//! Events over both protocols, against the embedded host: those that a method raises and those of real processes.
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

use support::{host, nothing_left, over_dcom, over_https};
use windlass::model::{CimInstance, CimStatus, CimValue, ObjectPath};
use windlass::{CimSession, ErrorKind, EventStream, OperationOptions, Subscription};
use windlass_mock::MockHost;

const NOTICES: &str = "SELECT * FROM Test_Notice WHERE Number < 100";

async fn session(host: &MockHost) -> CimSession {
    let builder = CimSession::builder("").target(over_https(host)).skip_test_connection(true);
    builder.namespace("root/test").connect().await.unwrap()
}

/// A host that speaks both protocols, and a session over each.
async fn both() -> (MockHost, [CimSession; 2]) {
    let host = host().rpc("127.0.0.1:0").start().await.unwrap();
    let dcom = over_dcom(&host).namespace("root/test").connect().await.unwrap();
    let wsman = session(&host).await;
    (host, [wsman, dcom])
}

async fn notify(session: &CimSession, text: &str, count: u32) {
    let input = CimInstance::new("").with("Text", text).with("Count", count);
    session.invoke(&ObjectPath::class("Test_Methods"), "Notify", &input).await.unwrap();
}

async fn next(events: &mut EventStream) -> CimInstance {
    tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn events_that_a_method_raises_come_in_order() {
    let (host, sessions) = both().await;
    for session in sessions {
        let held = || (host.statistics().open_subscriptions, host.statistics().open_objects);
        let before = held();
        let mut events = session.subscribe(Subscription::query(NOTICES)).await.unwrap();
        assert_ne!(held(), before);
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
        assert_eq!(held(), before);

        let by_class = session.subscribe(Subscription::class("Test_Notice")).await.unwrap();
        drop(by_class);
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_bookmark_leads_on() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let mut events = session.subscribe(Subscription::query(NOTICES).with_bookmarks()).await.unwrap();
    notify(&session, "seen", 2).await;
    next(&mut events).await;
    next(&mut events).await;
    let bookmark = events.bookmark().unwrap().to_owned();
    assert!(bookmark.contains("RecordId"), "{bookmark}");
    events.close().await;
    notify(&session, "missed", 1).await;
    let again = Subscription::query(NOTICES).from_bookmark(&bookmark);
    let mut events = session.subscribe(again).await.unwrap();
    assert_eq!(next(&mut events).await.get("Text"), Some(&"missed".into()));
    drop(events);
    let error = session.subscribe(Subscription::query(NOTICES).from_bookmark("<x/>")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Fault, "{error}");
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn heartbeats_time_outs_and_renewals_keep_a_subscription_alive() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let impatient = session.with_options(OperationOptions::default().timeout(Duration::from_millis(300)));
    for subscription in [
        Subscription::query(NOTICES).expires(Duration::from_secs(2)),
        Subscription::query(NOTICES).heartbeats(Duration::from_millis(200)).expires(Duration::from_secs(2)),
    ] {
        let mut events = impatient.subscribe(subscription).await.unwrap();
        let started = std::time::Instant::now();
        // Longer than the subscription lives without renewal.
        while started.elapsed() < Duration::from_secs(3) {
            let none = tokio::time::timeout(Duration::from_millis(500), events.next()).await;
            assert!(none.is_err(), "{none:?}");
        }
        notify(&session, "alive", 1).await;
        assert_eq!(next(&mut events).await.get("Text"), Some(&"alive".into()));
        events.close().await;
    }
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn processes_come_and_go() {
    let (host, sessions) = both().await;
    let own = std::process::id();
    let condition = format!("TargetInstance ISA 'Win32_Process' AND TargetInstance.ParentProcessId = {own}");
    let query = format!("SELECT * FROM __InstanceOperationEvent WITHIN 0.2 WHERE {condition}");
    for session in sessions {
        let subscription = Subscription::query(&query).namespace("root/cimv2");
        let mut events = session.subscribe(subscription).await.unwrap();
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
        let target = event.get("TargetInstance").unwrap().as_instance().unwrap();
        assert_eq!(target.get("Handle"), Some(&child.id().to_string().into()));
        drop(events);
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn changes_of_instances_are_told_with_both_states() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let query = "SELECT * FROM __InstanceOperationEvent WITHIN 0.1 WHERE TargetInstance ISA 'Test_Item'";
    let mut events = session.subscribe(Subscription::query(query)).await.unwrap();
    let path = ObjectPath::class("Test_Item").with_key("Name", "second");
    session.set_property(&path, "Count", 9_u32).await.unwrap();
    let event = next(&mut events).await;
    assert_eq!(event.class_name.as_str(), "__InstanceModificationEvent");
    let count = |name: &str| event.get(name).unwrap().as_instance().unwrap().get("Count").cloned();
    assert_eq!(
        (count("PreviousInstance"), count("TargetInstance")),
        (Some(2_u32.into()), Some(9_u32.into()))
    );
    session.delete(&path).await.unwrap();
    assert_eq!(next(&mut events).await.class_name.as_str(), "__InstanceDeletionEvent");
    session.create("", &CimInstance::new("Test_Item").with("Name", "new")).await.unwrap();
    assert_eq!(next(&mut events).await.class_name.as_str(), "__InstanceCreationEvent");
    drop(events);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn events_are_gathered_and_counted() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let query = "SELECT Text FROM Test_Notice WHERE Number < 100 GROUP WITHIN 1 BY Text \
                 HAVING NumberOfEvents > 1 AND Representative.Text <> 'nobody'";
    let mut events = session.subscribe(Subscription::query(query)).await.unwrap();
    for (text, count) in [("one", 3), ("alone", 1), ("nobody", 5), ("two", 2), ("ONE", 4)] {
        notify(&session, text, count).await;
    }
    let counted = |event: &CimInstance| {
        assert_eq!(event.class_name.as_str(), "__AggregateEvent");
        let first = event.get("Representative").unwrap().as_instance().unwrap();
        assert_eq!((first.class_name.as_str(), first.get("Number")), ("Test_Notice", None));
        let text = first.get("Text").unwrap().as_str().unwrap().to_owned();
        (text, event.get("NumberOfEvents").unwrap().as_u64().unwrap())
    };
    // On a slow machine a group may be over before its last event has come.
    let mut of_one = 0;
    let mut of_two = 0;
    while of_two < 2 || of_one < 7 {
        let (text, count) = counted(&next(&mut events).await);
        assert!(count > 1, "{text}: {count}");
        match text.to_lowercase().as_str() {
            "one" => of_one += count,
            "two" => of_two += count,
            other => panic!("{other} was not asked for"),
        }
    }
    assert_eq!((of_one, of_two), (7, 2));
    events.close().await;
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn queries_that_make_no_sense_are_refused() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    for (query, words) in [
        ("SELECT * FROM Test_Item", "no events"),
        ("SELECT * FROM Test_Nothing", "Test_Nothing"),
        ("SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'Test_Item'", "WITHIN"),
        ("SELECT * FROM __InstanceCreationEvent WITHIN 1", "ISA"),
        ("SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'Nothing'", "Nothing"),
        ("SELECT * FROM Test_Notice WHERE Colour = 1", "Colour"),
        ("SELECT * FROM Test_Notice GROUP WITHIN 1 BY Colour", "Colour"),
        ("SELECT * FROM Test_Notice GROUP WITHIN 1 HAVING Number > 1", "Number"),
        ("SELECT * FROM Test_Notice GROUP BY Text", "WITHIN"),
        ("SELECT * FROM Test_Notice WHERE", "query"),
    ] {
        let error = session.subscribe(Subscription::query(query)).await.err().unwrap();
        assert!(error.to_string().contains(words), "{query}: {error}");
    }
    let xpath = Subscription::query("x").dialect("http://www.w3.org/TR/1999/REC-xpath-19991116");
    assert_eq!(session.subscribe(xpath).await.err().unwrap().kind(), ErrorKind::Fault);
    session.close().await;
    nothing_left(&host).await;
}

/// The same events reach subscribers over both protocols, equal to each other.
#[tokio::test]
async fn both_protocols_tell_the_same() {
    let (host, [wsman, dcom]) = both().await;
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
