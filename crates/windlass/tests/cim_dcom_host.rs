//! The host's side of DCOM, called by hand: who may do what, what enumerations remember, and what comes back
//! for calls that make no sense.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

#[path = "support/raw_dcom.rs"]
mod raw_dcom;

use std::time::Duration;

use raw_dcom::{Client, ipid, security};
use uuid::Uuid;
use windlass::net::Error;
use windlass_core::status::Hresult;
use windlass_dcom::activation::{RemoteCreateInstance, opnum};
use windlass_dcom::exporter::{
    ComplexPing, ComplexPinged, OR_INVALID_SET, ServerAlive2, Status, opnum as exporter_opnum,
};
use windlass_dcom::remunknown::{InterfaceRefs, RemReferences, opnum as unknown_opnum};
use windlass_dcom::{
    ComVersion, Nothing, ObjRef, OrpcThis, ResultOnly, Stub, decode, decode_response, encode, encode_request,
    ids as dcom_ids,
};
use windlass_mock::{Authentication, MockHost};
use windlass_rpc::pdu::{AuthLevel, FaultStatus};
use windlass_wmi::stubs::{
    Enumerate, Given, LookedUp, Lookup, Next, NextObjects, Out, Query, Skip, ToSink, enumeration_opnum,
    login_opnum, services_opnum,
};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, ids, object};

async fn host() -> MockHost {
    let host = MockHost::builder().user("alice", "secret".to_owned()).user("bob", "hidden".to_owned());
    host.rpc("127.0.0.1:0").start().await.unwrap()
}

impl Client {
    async fn enumerate(&self, services: Uuid, flags: u32) -> Uuid {
        let request = Enumerate { class: Some("Test_Item".to_owned()), flags, context: None };
        let opnum = services_opnum::CREATE_INSTANCE_ENUM;
        ipid(&self.call(ids::SERVICES, services, opnum, &request).await.unwrap())
    }

    async fn next(&self, enumeration: Uuid, timeout: i32, count: u32) -> (Vec<String>, Hresult) {
        let request = Next { timeout, count };
        let opnum = enumeration_opnum::NEXT;
        let given: NextObjects =
            self.call(ids::ENUM_CLASS_OBJECT, enumeration, opnum, &request).await.unwrap();
        (given.objects.iter().flatten().map(name).collect(), given.result)
    }

    async fn ping(&self, ping: &ComplexPing) -> ComplexPinged {
        let stub = encode(ping).unwrap();
        let answer = self.send(dcom_ids::OBJECT_EXPORTER, exporter_opnum::COMPLEX_PING, None, stub).await;
        decode(&answer.unwrap()).unwrap()
    }

    async fn on<Q: Stub>(&self, enumeration: Uuid, opnum: u16, request: &Q) -> Hresult {
        self.call::<Q, ResultOnly>(ids::ENUM_CLASS_OBJECT, enumeration, opnum, request).await.unwrap().0
    }
}

fn name(reference: &ObjRef) -> String {
    match object::unmarshal(reference).unwrap() {
        WmiObject::Instance(instance) => instance.get("Name").unwrap().as_str().unwrap().to_owned(),
        WmiObject::Class(class) => class.name.to_string(),
    }
}

#[tokio::test]
async fn whoever_is_not_logged_on_well_enough_learns_that_there_is_a_resolver() {
    let host = host().await;
    let connect = security("alice", AuthLevel::Connect);
    let packet = security("alice", AuthLevel::Packet);
    for security in [None, Some(&connect), Some(&packet)] {
        let client = Client::new(&host, security).await;
        let alive =
            client.send(dcom_ids::OBJECT_EXPORTER, exporter_opnum::SERVER_ALIVE2, None, Vec::new()).await;
        assert!(alive.is_ok());
        let wanted = RemoteCreateInstance::new(ids::CLSID_LEVEL1_LOGIN, vec![ids::LEVEL1_LOGIN]);
        let activation = encode_request(&OrpcThis::new(Uuid::new_v4()), &wanted).unwrap();
        let ping = encode(&ComplexPing { set: 0, sequence: 1, add: Vec::new(), remove: Vec::new() }).unwrap();
        for (iid, opnum, stub) in [
            (dcom_ids::REMOTE_SCM_ACTIVATOR, opnum::REMOTE_CREATE_INSTANCE, activation),
            (dcom_ids::OBJECT_EXPORTER, exporter_opnum::COMPLEX_PING, ping),
            (dcom_ids::OBJECT_EXPORTER, exporter_opnum::RESOLVE_OXID2, vec![0; 16]),
            (dcom_ids::REM_UNKNOWN2, unknown_opnum::REM_RELEASE, vec![0; 64]),
            (ids::LEVEL1_LOGIN, login_opnum::NTLM_LOGIN, vec![0; 64]),
        ] {
            let error = client.send(iid, opnum, Some(Uuid::new_v4()), stub).await.unwrap_err();
            let denied = matches!(error, Error::Fault { status: FaultStatus::ACCESS_DENIED, .. });
            assert!(denied, "{iid} {opnum}: {error}");
        }
    }
    assert_eq!(host.statistics().open_objects, 0);
}

#[tokio::test]
async fn objects_belong_to_the_user_for_whom_they_were_made() {
    let host = host().await;
    let alice = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let entered = alice.enter("root/test").await;
    let enumeration = alice.enumerate(entered.services, 0).await;
    let bob = Client::new(&host, Some(&security("bob", AuthLevel::Privacy))).await;
    // Knowing an interface gives no right to it.
    let request = Next { timeout: -1, count: 1 };
    let opnum = enumeration_opnum::NEXT;
    let refused = bob.call::<_, NextObjects>(ids::ENUM_CLASS_OBJECT, enumeration, opnum, &request).await;
    assert_eq!(refused.unwrap_err(), FaultStatus::ACCESS_DENIED.0);
    let all = [enumeration, entered.services, entered.login];
    let release = RemReferences(all.map(|ipid| InterfaceRefs { ipid, public: 5, private: 0 }).to_vec());
    let (iid, unknown) = (dcom_ids::REM_UNKNOWN2, entered.remote_unknown);
    let released: ResultOnly = bob.call(iid, unknown, unknown_opnum::REM_RELEASE, &release).await.unwrap();
    assert_eq!((released.0, host.statistics().open_objects), (Hresult::S_OK, 3));
    // Nor are the sets of others pinged.
    let add = ComplexPing { set: 0, sequence: 1, add: Vec::new(), remove: Vec::new() };
    let set = alice.ping(&add).await.set;
    let stub = encode(&windlass_dcom::exporter::SimplePing { set }).unwrap();
    let answer = bob.send(dcom_ids::OBJECT_EXPORTER, exporter_opnum::SIMPLE_PING, None, stub).await.unwrap();
    assert_eq!(decode::<Status>(&answer).unwrap().0, OR_INVALID_SET);
    // The owner may, over any connection, and twice.
    let other = Client::new(&host, Some(&security("alice", AuthLevel::Integrity))).await;
    assert_eq!(other.next(enumeration, -1, 1).await.0, ["first"]);
    for _ in 0..2 {
        other.call::<_, ResultOnly>(iid, unknown, unknown_opnum::REM_RELEASE, &release).await.unwrap();
        assert_eq!(host.statistics().open_objects, 0);
    }
    let gone = alice.call::<_, NextObjects>(ids::ENUM_CLASS_OBJECT, enumeration, opnum, &request).await;
    assert_eq!(gone.unwrap_err(), Hresult::RPC_E_DISCONNECTED.0);
}

#[tokio::test]
async fn a_clone_stands_where_its_original_stands() {
    let host = host().await;
    let client = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let entered = client.enter("root/test").await;
    let all = ["first", "second", "a \"third\" & <more>"];
    let original = client.enumerate(entered.services, 0).await;
    assert_eq!(client.next(original, -1, 1).await, (vec![all[0].to_owned()], Hresult::S_OK));
    let clone = |ipid| {
        let client = &client;
        async move {
            let opnum = enumeration_opnum::CLONE;
            client.call::<_, Given>(ids::ENUM_CLASS_OBJECT, ipid, opnum, &Nothing).await.unwrap()
        }
    };
    let second = ipid(&clone(original).await);
    assert_eq!(client.next(second, -1, 1).await.0, [all[1]]);
    assert_eq!(
        client.next(original, -1, 5).await,
        (vec![all[1].to_owned(), all[2].to_owned()], Hresult::S_FALSE)
    );
    // The end is a place, too.
    let ended = ipid(&clone(original).await);
    assert_eq!(client.next(ended, -1, 1).await, (Vec::new(), Hresult::S_FALSE));
    // What one does, the others do not notice.
    assert_eq!(client.on(original, enumeration_opnum::RESET, &Nothing).await, Hresult::S_OK);
    assert_eq!(
        client.on(original, enumeration_opnum::SKIP, &Skip { timeout: -1, count: 2 }).await,
        Hresult::S_OK
    );
    let third = ipid(&clone(original).await);
    assert_eq!(client.next(third, -1, 1).await.0, [all[2]]);
    assert_eq!(client.next(second, -1, 1).await.0, [all[2]]);
    // Neither can be had of enumerations that go forward alone.
    let forward = client.enumerate(entered.services, flags::FORWARD_ONLY).await;
    assert_eq!(clone(forward).await.result, Hresult::WBEM_E_INVALID_OPERATION);
    assert_eq!(
        client.on(forward, enumeration_opnum::RESET, &Nothing).await,
        Hresult::WBEM_E_INVALID_OPERATION
    );
}

#[tokio::test]
async fn an_event_query_is_fetched_once_and_waits_as_long_as_it_is_told() {
    let host = host().await;
    let client = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let entered = client.enter("root/test").await;
    let ask = |query: &str, flags: u32| {
        let query = Some(query.to_owned());
        let request = Query { language: Some("WQL".to_owned()), query, flags, context: None };
        let client = &client;
        async move {
            let opnum = services_opnum::EXEC_NOTIFICATION_QUERY;
            client.call::<_, Given>(ids::SERVICES, entered.services, opnum, &request).await.unwrap()
        }
    };
    const BOTH: u32 = flags::RETURN_IMMEDIATELY | flags::FORWARD_ONLY;
    let query = "SELECT * FROM Test_Notice";
    for (query, flags, expected) in [
        (query, 0, Hresult::WBEM_E_INVALID_PARAMETER),
        (query, flags::FORWARD_ONLY, Hresult::WBEM_E_INVALID_PARAMETER),
        ("SELECT * FROM Nothing", BOTH, Hresult::WBEM_E_INVALID_CLASS),
        ("SELECT * FROM Test_Item", BOTH, Hresult::WBEM_E_INVALID_QUERY),
    ] {
        assert_eq!(ask(query, flags).await.result, expected, "{query}");
    }
    let events = ipid(&ask(query, BOTH).await);
    for timeout in [0, 50] {
        let waited = tokio::time::timeout(Duration::from_secs(20), client.next(events, timeout, 3)).await;
        assert_eq!(waited.unwrap(), (Vec::new(), Hresult::WBEM_S_TIMEDOUT));
    }
    assert_eq!(client.next(events, -2, 1).await.1, Hresult::WBEM_E_INVALID_PARAMETER);
    let gone =
        client.call::<_, Given>(ids::ENUM_CLASS_OBJECT, events, enumeration_opnum::CLONE, &Nothing).await;
    assert_eq!(gone.unwrap().result, Hresult::WBEM_E_INVALID_OPERATION);
}

#[tokio::test]
async fn calls_that_make_no_sense_have_their_faults() {
    let host = host().await;
    let client = Client::new(&host, Some(&security("alice", AuthLevel::Integrity))).await;
    let entered = client.enter("root/test").await;
    let fault = |sent: Result<Vec<u8>, Error>| match sent {
        Err(Error::Fault { status, .. }) => status.0,
        other => panic!("{other:?}"),
    };
    let lookup = |this: OrpcThis| {
        let wanted = Lookup { name: Some("Test_Item".to_owned()), found: Out::WANTED, ..Lookup::default() };
        encode_request(&this, &wanted).unwrap()
    };
    let good = OrpcThis::new(Uuid::new_v4());
    let get = services_opnum::GET_OBJECT;
    for (object, opnum, stub, expected) in [
        (Some(Uuid::new_v4()), get, lookup(good.clone()), Hresult::RPC_E_DISCONNECTED.0),
        (None, get, lookup(good.clone()), Hresult::RPC_E_INVALID_OBJECT.0),
        // An interface of another object.
        (Some(entered.login), get, lookup(good.clone()), Hresult::RPC_E_INVALID_OBJECT.0),
        (Some(entered.services), 200, lookup(good.clone()), FaultStatus::OP_RANGE.0),
        (Some(entered.services), get, Vec::new(), FaultStatus::BAD_STUB_DATA.0),
        (
            Some(entered.services),
            get,
            lookup(OrpcThis { version: ComVersion { major: 6, minor: 0 }, ..good.clone() }),
            Hresult::RPC_E_VERSION_MISMATCH.0,
        ),
        (
            Some(entered.services),
            get,
            lookup(OrpcThis { flags: 2, ..good.clone() }),
            Hresult::RPC_E_INVALID_HEADER.0,
        ),
    ] {
        assert_eq!(
            fault(client.send(ids::SERVICES, opnum, object, stub).await),
            expected,
            "{object:?} {opnum}"
        );
    }
    // A request cut anywhere is a fault or does without its end; the host goes on.
    let whole = lookup(good);
    for length in 0..whole.len() {
        match client.send(ids::SERVICES, get, Some(entered.services), whole[..length].to_vec()).await {
            Err(Error::Fault { status: FaultStatus::BAD_STUB_DATA, .. }) => {}
            Ok(answer) => {
                let (_, answer) = decode_response::<LookedUp>(&answer).unwrap();
                // What is left out at the end is not wanted.
                assert!(answer.found.get().is_none() || length >= whole.len() - 4, "{length}");
            }
            other => panic!("{length}: {other:?}"),
        }
    }
    assert!(client.send(ids::SERVICES, get, Some(entered.services), whole).await.is_ok());
}

#[tokio::test]
async fn clients_are_told_how_they_may_log_on() {
    const KNOWN: [(&str, &[u16]); 5] = [
        ("ntlm", &[10]),
        ("negotiate", &[9]),
        // Without a keytab there is no Kerberos.
        ("kerberos", &[]),
        ("basic", &[]),
        ("negotiate ntlm", &[10, 9]),
    ];
    for (offered, expected) in KNOWN {
        let builder = MockHost::builder().user("alice", "secret".to_owned()).rpc("127.0.0.1:0");
        let host =
            builder.authentication(Authentication::offering(offered.split(' '))).start().await.unwrap();
        let client = Client::new(&host, None).await;
        let alive = exporter_opnum::SERVER_ALIVE2;
        let answer = client.send(dcom_ids::OBJECT_EXPORTER, alive, None, Vec::new()).await.unwrap();
        let bindings = decode::<ServerAlive2>(&answer).unwrap().bindings.unwrap();
        let told: Vec<u16> = bindings.security.iter().map(|binding| binding.authentication).collect();
        assert_eq!(told, expected, "{offered}");
    }
}

#[tokio::test]
async fn calls_that_need_a_sink_are_refused_without_one() {
    let host = host().await;
    let alice = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let services = alice.enter("root/test").await.services;
    let opnum = services_opnum::QUERY_OBJECT_SINK;
    let given: Given = alice.call(ids::SERVICES, services, opnum, &Nothing).await.unwrap();
    assert_eq!(given.result, Hresult::WBEM_E_NOT_SUPPORTED);
    for opnum in services_opnum::CANCEL_ASYNC_CALL..=services_opnum::LAST {
        // Beside each method stands one with a sink.
        if opnum == services_opnum::CANCEL_ASYNC_CALL || opnum > 6 && opnum % 2 == 1 {
            let refused = alice.call::<_, ResultOnly>(ids::SERVICES, services, opnum, &Nothing).await;
            assert_eq!(refused.unwrap_err(), FaultStatus::BAD_STUB_DATA.0, "{opnum}");
        }
    }
    let none = ToSink { request: Enumerate::default(), sink: None };
    let opnum = services_opnum::CREATE_CLASS_ENUM + 1;
    let ResultOnly(result) = alice.call(ids::SERVICES, services, opnum, &none).await.unwrap();
    assert_eq!(result, Hresult::WBEM_E_INVALID_PARAMETER);
}

#[tokio::test]
async fn classes_come_with_their_texts_to_those_who_ask_for_them() {
    let host = host().await;
    let alice = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let services = alice.enter("root/cimv2").await.services;
    for (asked, expected) in [(0, false), (flags::USE_AMENDED_QUALIFIERS, true)] {
        let name = Some("Win32_OperatingSystem".to_owned());
        let lookup = Lookup {
            name: name.clone(),
            flags: asked,
            context: None,
            found: Out::WANTED,
            call: Out::Unwanted,
        };
        let looked_up: LookedUp =
            alice.call(ids::SERVICES, services, services_opnum::GET_OBJECT, &lookup).await.unwrap();
        let class = object::unmarshal_class(looked_up.found.get().unwrap()).unwrap();
        let request = Enumerate { class: name, flags: asked, context: None };
        let started =
            alice.call(ids::SERVICES, services, services_opnum::CREATE_INSTANCE_ENUM, &request).await;
        let (next, opnum) = (Next { timeout: -1, count: 1 }, enumeration_opnum::NEXT);
        let fetched: NextObjects =
            alice.call(ids::ENUM_CLASS_OBJECT, ipid(&started.unwrap()), opnum, &next).await.unwrap();
        let instance = object::unmarshal_instance(fetched.objects[0].as_ref().unwrap()).unwrap();
        for class in [&class, instance.class.as_ref().unwrap()] {
            let qualifiers = &class.property("Caption").unwrap().qualifiers;
            assert_eq!(qualifiers.contains("Description"), expected);
            assert!(qualifiers.contains("MaxLen"));
        }
    }
}
