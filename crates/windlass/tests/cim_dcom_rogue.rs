//! A server that lies: over a connection that is as protected as can be, it says of its objects what it
//! likes. The client goes nowhere but to the computer that it was told to go to, and lowers nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::{Arc, Mutex};

use uuid::Uuid;
use windlass::{Authentication, CimSession, Credential, DcomOptions, Error, ErrorKind, Protocol};
use windlass_core::status::Hresult;
use windlass_dcom::activation::{PropsOut, RemoteCreatedInstance, RemoteReply};
use windlass_dcom::exporter::{OR_INVALID_OXID, ResolvedOxid2};
use windlass_dcom::{
    ComVersion, DualStringArray, ObjRef, OrpcThat, ResultOnly, StdObjRef, StringBinding, Stub, encode,
    encode_response, ids,
};
use windlass_mock::MockHost;
use windlass_mock::rpc::{RpcCall, RpcReply, RpcService};
use windlass_rpc::SyntaxId;
use windlass_rpc::pdu::{AuthLevel, FaultStatus};
use windlass_wmi::stubs::Given;

const OXID: u64 = 0x1111;
const LOGIN: Uuid = Uuid::from_u128(0xA);
const SERVICES: Uuid = Uuid::from_u128(0xB);

/// What a rogue server says.
#[derive(Clone)]
struct Story {
    /// Where its exporter is, as the activation says.
    addresses: Vec<StringBinding>,
    /// The level that it asks for.
    hint: u32,
    /// The exporter of the namespace.
    oxid: u64,
    /// Where the resolver says that one is.
    resolved: Option<Vec<StringBinding>>,
    activated: Hresult,
}

/// The interface of a call, its level, and the object.
type Called = (Uuid, AuthLevel, Option<Uuid>);

/// A server with a story, which notes who called what.
struct Rogue {
    story: Story,
    calls: Mutex<Vec<Called>>,
}

fn std_reference(oxid: u64, ipid: Uuid) -> StdObjRef {
    StdObjRef { flags: 0, public_refs: 5, oxid, oid: 7, ipid }
}

fn bindings(addresses: &[StringBinding]) -> DualStringArray {
    DualStringArray { addresses: addresses.to_vec(), security: Vec::new() }
}

fn orpc<T: Stub>(stub: &T) -> Result<Vec<u8>, FaultStatus> {
    Ok(encode_response(&OrpcThat::default(), stub).unwrap())
}

impl Rogue {
    fn new(story: Story) -> Arc<Self> {
        Arc::new(Self { story, calls: Mutex::default() })
    }

    fn answer(&self, call: &RpcCall) -> Result<Vec<u8>, FaultStatus> {
        let interface = call.interface.uuid;
        self.calls.lock().unwrap().push((interface, call.caller.level, call.object));
        let story = &self.story;
        match (interface, call.opnum) {
            (ids::REMOTE_SCM_ACTIVATOR, _) => {
                if story.activated.is_failure() {
                    return orpc(&RemoteCreatedInstance::failed(story.activated));
                }
                let iid = windlass_wmi::ids::LEVEL1_LOGIN;
                let login = ObjRef::standard(iid, std_reference(OXID, LOGIN), bindings(&story.addresses));
                let out = PropsOut { interfaces: vec![(iid, Hresult::S_OK, Some(login))] };
                let reply = RemoteReply {
                    oxid: OXID,
                    bindings: Some(bindings(&story.addresses)),
                    remote_unknown: Uuid::from_u128(0xC),
                    authentication_hint: story.hint,
                    version: ComVersion::CURRENT,
                };
                orpc(&RemoteCreatedInstance::new(out, reply))
            }
            (ids::OBJECT_EXPORTER, _) => {
                let resolved = story.resolved.as_ref();
                Ok(encode(&ResolvedOxid2 {
                    bindings: resolved.map(|addresses| bindings(addresses)),
                    remote_unknown: Uuid::from_u128(0xD),
                    authentication_hint: story.hint,
                    version: ComVersion::CURRENT,
                    status: if resolved.is_some() { 0 } else { OR_INVALID_OXID },
                })
                .unwrap())
            }
            (windlass_wmi::ids::LEVEL1_LOGIN, _) => {
                let iid = windlass_wmi::ids::SERVICES;
                let reference = std_reference(story.oxid, SERVICES);
                let services = ObjRef::standard(iid, reference, bindings(&story.addresses));
                orpc(&Given { interface: Some(services), result: Hresult::S_OK })
            }
            (ids::REM_UNKNOWN2, _) => orpc(&ResultOnly(Hresult::S_OK)),
            _ => orpc(&Given::failed(Hresult::WBEM_E_INVALID_CLASS)),
        }
    }

    fn called(&self, interface: Uuid) -> Vec<(AuthLevel, Option<Uuid>)> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.0 == interface).map(|call| (call.1, call.2)).collect()
    }
}

/// So that a test keeps the rogue that it gives to a host.
struct Served(Arc<Rogue>);

impl RpcService for Served {
    fn interfaces(&self) -> Vec<SyntaxId> {
        let own = [
            ids::REMOTE_SCM_ACTIVATOR,
            ids::OBJECT_EXPORTER,
            ids::REM_UNKNOWN2,
            windlass_wmi::ids::LEVEL1_LOGIN,
            windlass_wmi::ids::SERVICES,
        ];
        own.map(|uuid| SyntaxId::new(uuid, 0, 0)).to_vec()
    }

    fn call(&self, call: RpcCall) -> RpcReply<'_> {
        Box::pin(std::future::ready(self.0.answer(&call)))
    }
}

async fn host(rogue: &Arc<Rogue>) -> MockHost {
    let host = MockHost::builder().user("alice", "secret".to_owned()).rpc("127.0.0.1:0");
    host.rpc_service(Arc::new(Served(Arc::clone(rogue)))).start().await.unwrap()
}

async fn port_of(host: &MockHost) -> u16 {
    host.rpc_addr().unwrap().port()
}

/// Opens a session and asks for instances of a class.
async fn ask(host: &MockHost, privacy: bool) -> Error {
    let mut options = DcomOptions::default();
    options.packet_privacy = privacy;
    let session = CimSession::builder("127.0.0.1")
        .port(port_of(host).await)
        .credential(Credential::password("alice", "secret".to_owned()))
        .authentication(Authentication::Ntlm)
        .protocol(Protocol::Dcom)
        .dcom_options(options)
        .skip_test_connection(true)
        .connect()
        .await
        .unwrap();
    let error = session.enumerate("", "Any").collect().await.unwrap_err();
    session.close().await;
    error
}

/// A story with its exporter at a port of some other computer: 192.0.2.1 is nobody's.
fn elsewhere(port: u16) -> Story {
    Story {
        addresses: vec![
            StringBinding::tcp_port("192.0.2.1", port),
            StringBinding::tcp_port("evil.test", port),
        ],
        hint: 0,
        oxid: OXID,
        resolved: None,
        activated: Hresult::S_OK,
    }
}

#[tokio::test]
async fn foreign_addresses_and_lower_levels_are_not_believed() {
    for (privacy, hint, expected) in [
        (true, 0, AuthLevel::Privacy),
        (true, 1, AuthLevel::Privacy),
        (false, 2, AuthLevel::Integrity),
        (false, 6, AuthLevel::Privacy),
        (false, u32::MAX, AuthLevel::Privacy),
    ] {
        // The exporter: a second host on the computer that was dialled.
        let exporter = Rogue::new(elsewhere(1));
        let second = host(&exporter).await;
        let resolver = Rogue::new(Story { hint, ..elsewhere(port_of(&second).await) });
        let first = host(&resolver).await;
        let error = ask(&first, privacy).await;
        // It came there, and only the port was taken from what the resolver said.
        assert_eq!(error.hresult(), Some(Hresult::WBEM_E_INVALID_CLASS), "{error}");
        let login = exporter.called(windlass_wmi::ids::LEVEL1_LOGIN);
        assert_eq!(login, [(expected, Some(LOGIN))], "hint {hint}");
        let services = exporter.called(windlass_wmi::ids::SERVICES);
        assert_eq!(services, [(expected, Some(SERVICES))]);
        let least = if privacy { AuthLevel::Privacy } else { AuthLevel::Integrity };
        assert!(resolver.called(ids::REMOTE_SCM_ACTIVATOR).iter().all(|(level, _)| *level == least));
    }
}

#[tokio::test]
async fn an_object_at_another_exporter_is_found_through_the_resolver() {
    let third_story = Rogue::new(elsewhere(1));
    let third = host(&third_story).await;
    let second_story = Rogue::new(Story { oxid: 0x2222, ..elsewhere(1) });
    let second = host(&second_story).await;
    let first_story = Rogue::new(Story {
        resolved: Some(vec![StringBinding::tcp_port("192.0.2.9", port_of(&third).await)]),
        ..elsewhere(port_of(&second).await)
    });
    let first = host(&first_story).await;
    let error = ask(&first, true).await;
    assert_eq!(error.hresult(), Some(Hresult::WBEM_E_INVALID_CLASS), "{error}");
    assert_eq!(second_story.called(windlass_wmi::ids::SERVICES), []);
    assert_eq!(third_story.called(windlass_wmi::ids::SERVICES), [(AuthLevel::Privacy, Some(SERVICES))]);
    // Each exporter got its references back.
    for story in [&second_story, &third_story] {
        assert_eq!(story.called(ids::REM_UNKNOWN2).len(), 1);
    }
}

#[tokio::test]
async fn dead_exporters_and_empty_answers_are_errors_that_say_so() {
    let second_story = Rogue::new(Story { oxid: 0x2222, ..elsewhere(1) });
    let second = host(&second_story).await;
    let port = port_of(&second).await;
    for (story, kind, reason) in [
        // The resolver does not know the exporter of the namespace.
        (elsewhere(port), ErrorKind::Protocol, "1910"),
        // No way to the exporter, one over pipes, one to a port where nobody is.
        (Story { addresses: Vec::new(), ..elsewhere(port) }, ErrorKind::Protocol, "not reached over TCP"),
        (
            Story { addresses: vec![StringBinding::tcp("127.0.0.1")], ..elsewhere(port) },
            ErrorKind::Protocol,
            "not reached over TCP",
        ),
        (elsewhere(1), ErrorKind::Unreachable, "connecting to the exporter"),
        (
            Story { activated: Hresult::REGDB_E_CLASSNOTREG, ..elsewhere(port) },
            ErrorKind::Fault,
            "activating WMI",
        ),
        (
            Story { activated: Hresult::E_ACCESSDENIED, ..elsewhere(port) },
            ErrorKind::Refused,
            "activating WMI",
        ),
    ] {
        let first = host(&Rogue::new(story)).await;
        let error = ask(&first, true).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
