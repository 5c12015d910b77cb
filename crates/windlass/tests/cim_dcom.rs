//! CIM sessions over DCOM against the embedded host: the same operations as over WS-Management.
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

use std::sync::Arc;

use support::{PASSWORD, USER, credential, over_dcom};
use windlass::model::{CimClass, CimValue};
use windlass::model::{CimInstance, CimStatus, CimType, ObjectPath, PropertyDecl};
use windlass::{CimSession, DcomOptions, Enumeration, ErrorKind};
use windlass_mock::MockHost;
use windlass_mock::cim::{CimFailure, CimProvider, CimRequest, Instances};

async fn host() -> MockHost {
    MockHost::builder().user(USER, PASSWORD.to_owned()).rpc("127.0.0.1:0").start().await.unwrap()
}

fn options(smart: bool, privacy: bool) -> DcomOptions {
    let mut options = DcomOptions::default();
    options.smart_enumeration = smart;
    options.packet_privacy = privacy;
    options
}

/// Connect, query, fetch, release: bind and activate, bind and log in, query, fetch, release. Login and namespace
/// are kept for the next query; they go back together when the session is closed.
#[tokio::test]
async fn a_query_takes_seven_exchanges() {
    let host = host().await;
    let session = over_dcom(&host)
        .dcom_options(options(false, true))
        .skip_test_connection(true)
        .connect()
        .await
        .unwrap();
    let found = session.query("", "SELECT Caption FROM Win32_OperatingSystem").collect().await.unwrap();
    assert_eq!(found.len(), 1);
    let statistics = session.statistics();
    assert_eq!((statistics.rpc_exchanges, host.statistics().open_objects), (7, 2));
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
    host.shutdown().await;
}

#[tokio::test]
async fn enumerations_give_the_same_either_way_and_leave_nothing() {
    let host = host().await;
    for (smart, privacy) in [(false, false), (false, true), (true, false), (true, true)] {
        let session = over_dcom(&host).dcom_options(options(smart, privacy)).connect().await.unwrap();
        let processes = session.enumerate("", "Win32_Process").collect().await.unwrap();
        let own = std::process::id();
        let own = processes.iter().find(|process| process.get("ProcessId") == Some(&own.into())).unwrap();
        assert!(own.property("Handle").unwrap().is_key, "smart: {smart}");
        assert!(own.class.is_some());
        let got = session.get(&own.path().unwrap()).await.unwrap();
        assert_eq!(got.get("Handle"), own.get("Handle"));
        let named =
            session.instances(Enumeration::class("Win32_Process").properties(["Name"])).collect().await;
        assert!(named.unwrap().iter().all(|process| process.properties.len() == 1));
        session.close().await;
        assert_eq!(host.statistics().open_objects, 0);
    }
    host.shutdown().await;
}

#[tokio::test]
async fn errors_tell_code_and_status() {
    let host = host().await;
    let session = over_dcom(&host).connect().await.unwrap();
    let error = session.query("", "SELECT * FROM Nothing").collect().await.unwrap_err();
    assert_eq!(error.cim_status().unwrap().0, CimStatus::INVALID_CLASS, "{error}");
    let path = ObjectPath::class("Win32_Process").with_key("Handle", "99999999");
    let error = session.get(&path).await.unwrap_err();
    assert_eq!((error.kind(), error.cim_status().unwrap().0), (ErrorKind::Fault, CimStatus::NOT_FOUND));
    let refused = over_dcom(&host).credential(credential("wrong")).connect().await;
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::Refused);
    drop(session);
    host.shutdown().await;
}

#[tokio::test]
async fn instances_are_created_changed_and_deleted() {
    let host = host().await;
    let session = over_dcom(&host).namespace("root/subscription").connect().await.unwrap();
    let filter = CimInstance::new("__EventFilter").with("Name", "one").with("Query", "SELECT * FROM X");
    let path = session.create("", &filter).await.unwrap();
    assert_eq!(path.key("Name"), Some(&"one".into()));
    assert!(session.create("", &filter).await.is_err());
    session.set_property(&path, "QueryLanguage", "WQL").await.unwrap();
    let got = session.get(&path).await.unwrap();
    assert_eq!(
        (got.get("QueryLanguage"), got.get("Query")),
        (Some(&"WQL".into()), Some(&"SELECT * FROM X".into()))
    );
    session.delete(&path).await.unwrap();
    assert!(session.get(&path).await.is_err());
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
    host.shutdown().await;
}

#[tokio::test]
async fn classes_and_methods() {
    let host = MockHost::builder()
        .user(USER, PASSWORD.to_owned())
        .allow_exec(true)
        .rpc("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let session = over_dcom(&host).connect().await.unwrap();
    let class = session.get_class("", "Win32_Process").await.unwrap();
    assert!(class.method("Create").unwrap().is_static());
    let classes = session.classes("").await.unwrap();
    assert!(classes.iter().any(|class| class.name.is("Win32_OperatingSystem")));
    let input = CimInstance::new("").with("CommandLine", "/bin/true");
    let made = session.invoke(&ObjectPath::class("Win32_Process"), "Create", &input).await.unwrap();
    assert_eq!(made.return_value, CimValue::UInt32(0));
    assert!(made.output("ProcessId").unwrap().as_u64().unwrap() > 0);
    session.close().await;
    host.shutdown().await;
}

/// Many instances of a class of one's own.
struct Many(u32);

impl CimProvider for Many {
    fn namespace(&self) -> windlass::model::Namespace {
        "root/many".into()
    }

    fn classes(&self) -> Result<Vec<CimClass>, windlass::model::Error> {
        Ok(vec![
            CimClass::new("Thing")
                .with_property(PropertyDecl::key("Id", CimType::UInt32))
                .with_property(PropertyDecl::new("Name", CimType::String)),
        ])
    }

    fn enumerate(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        _condition: Option<&windlass::model::wql::Condition>,
    ) -> Result<Instances, CimFailure> {
        let class = Arc::clone(class);
        Ok(Box::new((0..self.0).map(move |id| {
            let mut instance = CimInstance::of_class(&class);
            instance.set("Id", id).unwrap();
            instance.set("Name", format!("thing {id}")).unwrap();
            Ok(instance)
        })))
    }
}

#[tokio::test]
async fn many_instances_come_in_order() {
    let provider = Arc::new(Many(2500));
    let host = MockHost::builder()
        .user(USER, PASSWORD.to_owned())
        .provider(provider)
        .rpc("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let session = over_dcom(&host).namespace("root/many").connect().await.unwrap();
    let things = session.enumerate("", "Thing").collect().await.unwrap();
    assert_eq!(things.len(), 2500);
    assert!(things.iter().zip(0_u32..).all(|(thing, id)| thing.get("Id") == Some(&id.into())));
    // Who leaves early leaves nothing behind.
    let mut some = session.enumerate("", "Thing");
    some.next().await.unwrap().unwrap();
    drop(some);
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
    host.shutdown().await;
}

/// The local computer: no network, no logon, the same PDUs.
#[tokio::test]
async fn the_local_computer_is_reached_in_process() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let dialled = Arc::clone(&host);
    let session =
        CimSession::local_dcom(Arc::new(move || Ok(dialled.rpc_in_memory()))).connect().await.unwrap();
    let found = session.enumerate("", "Win32_ComputerSystem").collect().await.unwrap();
    assert_eq!(found.len(), 1);
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
}
