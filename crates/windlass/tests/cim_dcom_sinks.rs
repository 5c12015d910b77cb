//! Results that the host delivers by calling the client, over DCOM: every asynchronous call, and that nothing is
//! left on either side.
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

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{PASSWORD, USER, over_dcom, over_http};
use tokio::net::TcpStream;
use windlass::model::{CimClass, CimInstance, CimStatus, CimType, CimValue, ObjectPath, PropertyDecl};
use windlass::{CimSession, Delivered, ErrorKind, SinkCall, SinkListener, SinkOptions, SinkStream};
use windlass_core::status::Hresult;
use windlass_mock::cim::{CimFailure, CimProvider, CimRequest, Instances};
use windlass_mock::{HostLimits, MockHost};

const NOTICES: &str = "SELECT * FROM Test_Notice";

async fn host() -> MockHost {
    MockHost::builder().user(USER, PASSWORD.to_owned()).rpc("127.0.0.1:0").start().await.unwrap()
}

fn loopback() -> SinkOptions {
    SinkOptions::new("127.0.0.1:0".parse().unwrap())
}

async fn session(host: &MockHost) -> (CimSession, SinkListener) {
    let session = over_dcom(host).namespace("root/test").connect().await.unwrap();
    let listener = session.listen_for_results(loopback()).await.unwrap();
    (session, listener)
}

/// Closes both, and finds nothing left on either side.
async fn close(host: MockHost, session: CimSession, listener: SinkListener) {
    let address = listener.address();
    listener.close().await;
    nobody_listens(address).await;
    session.close().await;
    host.wait_until(|left| left.open_sinks == 0 && left.open_objects == 0 && left.connections == 0).await;
    host.shutdown().await;
}

async fn nobody_listens(address: SocketAddr) {
    let refused = TcpStream::connect(address).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

async fn instances(stream: &mut SinkStream) -> Vec<CimInstance> {
    stream.instances().await.unwrap()
}

async fn only(stream: &mut SinkStream) -> Delivered {
    let delivered = stream.next().await.unwrap().unwrap();
    assert!(stream.next().await.is_none());
    delivered
}

#[tokio::test]
async fn queries_and_enumerations_deliver_what_they_find() {
    let host = host().await;
    let (session, listener) = session(&host).await;
    let query = "SELECT Number, Text FROM Test_Number WHERE Number <= 250";
    let mut query = listener.start(SinkCall::query(query)).await.unwrap();
    assert_eq!(host.statistics().open_sinks, 1);
    let found = instances(&mut query).await;
    let numbers: Vec<_> = found.iter().filter_map(|found| found.get("Number")?.as_u64()).collect();
    assert_eq!(numbers, (1..=250).collect::<Vec<u64>>());
    assert!(found.iter().all(|found| found.properties.len() == 2 && found.path().is_some()));

    let call = SinkCall::instances("Win32_OperatingSystem").namespace("root/cimv2");
    let mut systems = listener.start(call).await.unwrap();
    let by_next = session.enumerate("root/cimv2", "Win32_OperatingSystem").collect().await.unwrap();
    assert_eq!(instances(&mut systems).await[0].get("CSName"), by_next[0].get("CSName"));

    let mut classes = listener.start(SinkCall::classes("__Event")).await.unwrap();
    let mut names = Vec::new();
    while let Some(delivered) = classes.next().await {
        let Delivered::Class(class) = delivered.unwrap() else { panic!("no class") };
        names.push(class.name.to_string());
    }
    assert!(names.iter().any(|name| name == "__InstanceCreationEvent"), "{names:?}");

    let mut none =
        listener.start(SinkCall::query("SELECT * FROM Test_Number WHERE Number = 0")).await.unwrap();
    assert!(none.next().await.is_none());
    drop((query, systems, classes, none));
    close(host, session, listener).await;
}

#[tokio::test]
async fn single_objects_come_go_and_are_called() {
    let host = host().await;
    let (session, listener) = session(&host).await;
    let class = ObjectPath::class("Test_Number");
    let mut got = listener.start(SinkCall::get(&class.clone().with_key("Number", 7_u32))).await.unwrap();
    let Delivered::Instance(seven) = only(&mut got).await else { panic!("no instance") };
    assert_eq!(seven.get("Text"), Some(&"number 7".into()));
    let mut got_class = listener.start(SinkCall::get(&class)).await.unwrap();
    let Delivered::Class(class) = only(&mut got_class).await else { panic!("no class") };
    assert!(class.property("IsOdd").is_some());

    let filter = CimInstance::new("__EventFilter").with("Name", "async").with("Query", "SELECT * FROM X");
    let create = SinkCall::create(&filter).namespace("root/subscription");
    let mut created = listener.start(create.clone()).await.unwrap();
    assert!(created.next().await.is_none());
    let path = created.path().unwrap().to_owned();
    assert!(path.contains("async"), "{path}");
    let mut again = listener.start(create).await.unwrap();
    let error = again.next().await.unwrap().unwrap_err();
    assert_eq!(error.hresult(), Some(Hresult::WBEM_E_ALREADY_EXISTS));
    let details = again.details().unwrap();
    assert_eq!(details.class_name.as_str(), "__ExtendedStatus");
    assert_eq!(details.get("Operation"), Some(&"PutInstance".into()));
    assert_eq!(details.get("StatusCode"), Some(&Hresult::WBEM_E_ALREADY_EXISTS.0.into()));
    let filter = ObjectPath::class("__EventFilter").in_namespace("root/subscription");
    let filter = filter.with_key("Name", "async");
    let mut deleted = listener.start(SinkCall::delete(&filter)).await.unwrap();
    assert!(deleted.next().await.is_none());
    assert_eq!(session.get(&filter).await.unwrap_err().cim_status().unwrap().0, CimStatus::NOT_FOUND);

    let input = CimInstance::new("__PARAMETERS").with("Left", 2_i32).with("Right", 40_i32);
    let call = SinkCall::invoke(&ObjectPath::class("Test_Methods"), "Add", &input);
    let Delivered::Instance(output) = only(&mut listener.start(call).await.unwrap()).await else {
        panic!("no outputs")
    };
    assert_eq!(output.get("ReturnValue").and_then(CimValue::as_i64), Some(0));
    drop((got, got_class, created, again, deleted));
    close(host, session, listener).await;
}

#[tokio::test]
async fn classes_are_made_changed_and_deleted() {
    let host = host().await;
    let (session, listener) = session(&host).await;
    let mut class = CimClass::new("Test_Made");
    class.properties.insert(PropertyDecl::new("Text", CimType::String));
    for call in [SinkCall::put_class(&class, true), SinkCall::put_class(&class, false)] {
        assert!(listener.start(call).await.unwrap().next().await.is_none());
    }
    assert!(session.get_class("", "Test_Made").await.unwrap().property("Text").is_some());
    let mut again = listener.start(SinkCall::put_class(&class, true)).await.unwrap();
    let error = again.next().await.unwrap().unwrap_err();
    assert_eq!(error.hresult(), Some(Hresult::WBEM_E_ALREADY_EXISTS), "{error}");
    assert!(listener.start(SinkCall::delete_class("Test_Made")).await.unwrap().next().await.is_none());
    let mut gone = listener.start(SinkCall::delete_class("Test_Made")).await.unwrap();
    assert!(gone.next().await.unwrap().is_err());
    drop((again, gone));
    close(host, session, listener).await;
}

async fn notify(session: &CimSession, text: &str, count: u32) {
    let input = CimInstance::new("__PARAMETERS").with("Text", text).with("Count", count);
    let path = ObjectPath::class("Test_Methods").in_namespace("root/test");
    session.invoke(&path, "Notify", &input).await.unwrap();
}

#[tokio::test]
async fn events_come_until_nobody_wants_them() {
    let host = host().await;
    let (session, listener) = session(&host).await;
    let mut events = listener.start(SinkCall::events(NOTICES)).await.unwrap();
    notify(&session, "one", 150).await;
    for number in 1..=150_u32 {
        let event = events.next().await.unwrap().unwrap().into_instance().unwrap();
        assert_eq!((event.get("Text"), event.get("Number")), (Some(&"one".into()), Some(&number.into())));
    }
    notify(&session, "two", 1).await;
    let event = events.next().await.unwrap().unwrap().into_instance().unwrap();
    assert_eq!(event.get("Text"), Some(&"two".into()));
    assert_eq!(host.statistics().open_sinks, 1);
    drop(events);
    host.wait_until(|left| left.open_sinks == 0).await;
    // Cancelled while deliveries wait.
    let events = listener.start(SinkCall::events(NOTICES)).await.unwrap();
    notify(&session, "many", 900).await;
    drop(events);
    host.wait_until(|left| left.open_sinks == 0).await;
    close(host, session, listener).await;
}

#[tokio::test]
async fn progress_is_told_on_request() {
    let host = host().await;
    let (session, listener) = session(&host).await;
    let query = SinkCall::query("SELECT Number FROM Test_Number WHERE Number <= 250");
    for (call, expected) in [(query.clone(), vec![]), (query.with_progress(), vec![100, 200, 250])] {
        let mut stream = listener.start(call).await.unwrap();
        let (mut told, mut count) = (Vec::new(), 0);
        while let Some(delivered) = stream.next().await {
            match delivered.unwrap() {
                Delivered::Progress(progress) => told.push(progress),
                _ => count += 1,
            }
        }
        assert_eq!((told, count), (expected, 250));
    }
    close(host, session, listener).await;
}

/// Counts the instances that were made of its class.
struct Counted(Arc<AtomicUsize>);

const MADE: usize = 5000;

impl CimProvider for Counted {
    fn namespace(&self) -> windlass::model::Namespace {
        "root/counted".into()
    }

    fn classes(&self) -> Result<Vec<CimClass>, windlass::model::Error> {
        Ok(windlass::model::mof::parse("class Counted { [key] uint32 Number; };")?.classes)
    }

    fn enumerate(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        _condition: Option<&windlass::model::wql::Condition>,
    ) -> Result<Instances, CimFailure> {
        let (made, class) = (Arc::clone(&self.0), Arc::clone(class));
        Ok(Box::new((0..MADE).map(move |number| {
            made.fetch_add(1, Ordering::SeqCst);
            let mut instance = CimInstance::of_class(&class);
            instance.set("Number", u32::try_from(number).unwrap()).unwrap();
            Ok(instance)
        })))
    }
}

#[tokio::test]
async fn the_host_waits_for_whoever_reads_slowly() {
    let made = Arc::new(AtomicUsize::new(0));
    let host = MockHost::builder()
        .user(USER, PASSWORD.to_owned())
        .rpc("127.0.0.1:0")
        .provider(Arc::new(Counted(Arc::clone(&made))))
        .start()
        .await
        .unwrap();
    let (session, listener) = session(&host).await;
    let call = SinkCall::instances("Counted").namespace("root/counted");
    let mut stream = listener.start(call).await.unwrap();
    for read in 1..=MADE {
        stream.next().await.unwrap().unwrap();
        // Of a hundred each: what is read from, what waits behind it, and what the host would like to deliver.
        let ahead = made.load(Ordering::SeqCst) - read;
        assert!(ahead < 300, "{ahead} ahead of {read}");
    }
    assert!(stream.next().await.is_none());
    // One that is left alone half-way ends at the host.
    let call = SinkCall::instances("Counted").namespace("root/counted");
    let mut left = listener.start(call).await.unwrap();
    left.next().await.unwrap().unwrap();
    drop(left);
    drop(stream);
    host.wait_until(|left| left.open_sinks == 0).await;
    assert!(made.load(Ordering::SeqCst) < MADE + 500);
    close(host, session, listener).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_at_once() {
    let mut limits = HostLimits::default();
    limits.sinks_per_user = 2;
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).rpc("127.0.0.1:0").limits(limits);
    let host = host.start().await.unwrap();
    let (session, listener) = session(&host).await;
    for (call, expected) in [
        (SinkCall::query("SELECT"), Hresult::WBEM_E_INVALID_QUERY),
        (SinkCall::instances(""), Hresult::WBEM_E_INVALID_CLASS),
        (SinkCall::events("SELECT * FROM Test_Number"), Hresult::WBEM_E_INVALID_QUERY),
    ] {
        let error = listener.start(call).await.err().unwrap();
        assert_eq!(error.hresult(), Some(expected), "{error}");
    }
    // What only the provider finds out comes as the last word.
    let mut unknown = listener.start(SinkCall::query("SELECT * FROM Nothing")).await.unwrap();
    let error = unknown.next().await.unwrap().unwrap_err();
    assert_eq!(error.hresult(), Some(Hresult::WBEM_E_INVALID_CLASS), "{error}");
    assert!(unknown.next().await.is_none());
    host.wait_until(|left| left.open_sinks == 0).await;

    let events = [
        listener.start(SinkCall::events(NOTICES)).await.unwrap(),
        listener.start(SinkCall::events(NOTICES)).await.unwrap(),
    ];
    let error = listener.start(SinkCall::events(NOTICES)).await.err().unwrap();
    assert_eq!(error.hresult(), Some(Hresult::WBEM_E_QUOTA_VIOLATION), "{error}");
    drop((events, unknown));
    close(host, session, listener).await;
}

#[tokio::test]
async fn only_sessions_over_dcom_and_tcp_are_called_back() {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).http("127.0.0.1:0").rpc("127.0.0.1:0");
    let host = Arc::new(host.start().await.unwrap());
    let over_http = CimSession::builder("localhost").target(over_http(&host)).connect().await.unwrap();
    let within = Arc::clone(&host);
    let local = CimSession::local_dcom(Arc::new(move || Ok(within.rpc_in_memory()))).connect().await.unwrap();
    for session in [over_http, local] {
        let error = session.listen_for_results(loopback()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        session.close().await;
    }
    let session = over_dcom(&host).connect().await.unwrap();
    let anywhere = SinkOptions::new("0.0.0.0:0".parse().unwrap());
    let error = session.listen_for_results(anywhere).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    // As many operations as were agreed on.
    let mut options = loopback();
    options.operations = 1;
    let listener = session.listen_for_results(options).await.unwrap();
    let stream = listener.start(SinkCall::events(
        "SELECT * FROM __InstanceCreationEvent WITHIN 9 WHERE TargetInstance ISA 'Win32_Process'",
    ));
    let stream = stream.await.unwrap();
    let error = listener.start(SinkCall::query("SELECT * FROM Win32_Process")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    drop(stream);
    let address = listener.address();
    listener.close().await;
    nobody_listens(address).await;
    session.close().await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_noticed() {
    let host = host().await;
    let address = {
        let (session, listener) = session(&host).await;
        let stream = listener.start(SinkCall::events(NOTICES)).await.unwrap();
        let address = listener.address();
        assert_eq!(host.statistics().open_sinks, 1);
        // All at once, in any order.
        drop((session, stream, listener));
        address
    };
    host.wait_until(|left| left.open_sinks == 0 && left.open_objects == 0 && left.connections == 0).await;
    assert!(windlass::settled(std::time::Duration::from_secs(10)).await);
    nobody_listens(address).await;
    host.shutdown().await;
}
