//! Sinks among liars: clients that would have the host call others or never answer it, and servers that call what
//! is not theirs, say too much, or never come to an end.
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

#[path = "support/raw_dcom.rs"]
mod raw_dcom;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raw_dcom::{Client, security};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use uuid::Uuid;
use windlass::net::{Error, RpcAnswer, RpcConnection, RpcHandler, RpcListener, RpcOptions};
use windlass::{
    Authentication, CimSession, Credential, ErrorKind, OperationOptions, Protocol, SinkCall, SinkListener,
    SinkOptions, SinkStream,
};
use windlass_core::status::Hresult;
use windlass_dcom::activation::{PropsOut, RemoteCreatedInstance, RemoteReply};
use windlass_dcom::exporter::{ResolveOxid, ResolvedOxid2, opnum as exporter_opnum};
use windlass_dcom::{
    ComVersion, DualStringArray, ObjRef, OrpcThat, OrpcThis, ResultOnly, StdObjRef, StringBinding, Stub,
    decode, decode_request, decode_response, encode, encode_request, encode_response, ids as dcom_ids,
};
use windlass_mock::rpc::{RpcCall, RpcReply, RpcService};
use windlass_mock::{HostLimits, MockHost};
use windlass_rpc::pdu::{AuthLevel, FaultStatus};
use windlass_rpc::{CallRequest, IncomingCall, SyntaxId};
use windlass_wmi::stubs::{
    CancelAsyncCall, Given, Indicate, Query, SetStatus, ToSink, services_opnum, sink_opnum,
};
use windlass_wmi::{ids, object};

const OXID: u64 = 0x77;
const OID: u64 = 0x78;
const SINK: Uuid = Uuid::from_u128(0x79);

async fn host() -> MockHost {
    let mut limits = HostLimits::default();
    limits.sink_timeout = Duration::from_secs(5);
    let host = MockHost::builder().user("alice", "secret".to_owned()).user("bob", "hidden".to_owned());
    host.rpc("127.0.0.1:0").limits(limits).start().await.unwrap()
}

fn at(address: &str, port: u16) -> DualStringArray {
    DualStringArray { addresses: vec![StringBinding::tcp_port(address, port)], security: Vec::new() }
}

fn sink(resolver: DualStringArray) -> ObjRef {
    let reference = StdObjRef { flags: 0, public_refs: 5, oxid: OXID, oid: OID, ipid: SINK };
    ObjRef::standard(ids::OBJECT_SINK, reference, resolver)
}

fn query(sink: Option<ObjRef>) -> ToSink<Query> {
    let (language, query) = (Some("WQL".to_owned()), Some("SELECT * FROM Test_Item".to_owned()));
    ToSink { request: Query { language, query, ..Query::default() }, sink }
}

/// What a client's exporter does with the calls to its sink.
#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Answers(Hresult),
    Hangs,
    Faults,
}

/// A client's exporter.
struct Exporter {
    /// Where it says that it is.
    bindings: Mutex<DualStringArray>,
    conduct: Conduct,
    /// What the sink was called with: the number of the method, and the status of SetStatus.
    called: mpsc::UnboundedSender<(u16, Option<Hresult>)>,
}

impl RpcHandler for Exporter {
    fn serves(&self, _interface: &SyntaxId) -> bool {
        true
    }

    fn call(self: Arc<Self>, call: IncomingCall) -> RpcAnswer {
        Box::pin(async move {
            if call.interface.uuid == dcom_ids::OBJECT_EXPORTER {
                let asked: ResolveOxid = decode(&call.stub).unwrap();
                assert_eq!((call.opnum, asked.oxid), (exporter_opnum::RESOLVE_OXID2, OXID));
                let bindings = Some(self.bindings.lock().unwrap().clone());
                return Ok(encode(&ResolvedOxid2 {
                    bindings,
                    remote_unknown: Uuid::from_u128(1),
                    authentication_hint: 1,
                    version: ComVersion::CURRENT,
                    status: 0,
                })
                .unwrap());
            }
            let mut result = Hresult::S_OK;
            if call.interface.uuid == ids::OBJECT_SINK {
                let ended = (call.opnum == sink_opnum::SET_STATUS)
                    .then(|| decode_request::<SetStatus>(&call.stub).unwrap().1.result);
                self.called.send((call.opnum, ended)).unwrap();
                match self.conduct {
                    Conduct::Answers(answer) => result = answer,
                    Conduct::Hangs => std::future::pending().await,
                    Conduct::Faults => return Err(FaultStatus::ACCESS_DENIED),
                }
            }
            Ok(encode_response(&OrpcThat::default(), &ResultOnly(result)).unwrap())
        })
    }
}

type Calls = mpsc::UnboundedReceiver<(u16, Option<Hresult>)>;

/// An exporter on loopback.
async fn exporter(conduct: Conduct) -> (SocketAddr, Arc<Exporter>, Calls) {
    let listener = RpcListener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let (called, calls) = mpsc::unbounded_channel();
    let bindings = Mutex::new(at("127.0.0.1", address.port()));
    let exporter = Arc::new(Exporter { bindings, conduct, called });
    let handler: Arc<dyn RpcHandler> = Arc::<Exporter>::clone(&exporter);
    tokio::spawn(listener.serve("127.0.0.1".parse().unwrap(), handler));
    (address, exporter, calls)
}

async fn ask<Q: Stub>(client: &Client, services: Uuid, opnum: u16, request: &Q) -> Hresult {
    let answer: ResultOnly = client.call(ids::SERVICES, services, opnum, request).await.unwrap();
    answer.0
}

const EXEC_QUERY_ASYNC: u16 = services_opnum::EXEC_QUERY + 1;

#[tokio::test]
async fn the_host_connects_to_nobody_but_its_client() {
    let host = host().await;
    let client = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let services = client.enter("root/test").await.services;
    // Somebody else, at an address of which the client speaks.
    let other = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let unreachable =
        ask(&client, services, EXEC_QUERY_ASYNC, &query(Some(sink(at("127.0.0.2", port))))).await;
    assert_eq!(unreachable, Hresult::RPC_S_SERVER_UNAVAILABLE);
    // The same from the client's own resolver, about the exporter.
    let (address, exporter, mut calls) = exporter(Conduct::Answers(Hresult::S_OK)).await;
    *exporter.bindings.lock().unwrap() = at("127.0.0.2", port);
    let own = Some(sink(at("127.0.0.1", address.port())));
    let unreachable = ask(&client, services, EXEC_QUERY_ASYNC, &query(own)).await;
    assert_eq!(unreachable, Hresult::RPC_S_SERVER_UNAVAILABLE);
    // A foreign address with the client's own port leads to the client.
    *exporter.bindings.lock().unwrap() = at("127.0.0.2", address.port());
    let foreign = Some(sink(at("127.0.0.2", address.port())));
    assert_eq!(ask(&client, services, EXEC_QUERY_ASYNC, &query(foreign)).await, Hresult::S_OK);
    assert_eq!(calls.recv().await, Some((sink_opnum::INDICATE, None)));
    let knocked =
        std::future::poll_fn(|context| std::task::Poll::Ready(other.poll_accept(context).is_ready()));
    assert!(!knocked.await);
    host.wait_until(|left| left.open_sinks == 0).await;
}

#[tokio::test]
async fn a_sink_that_does_not_answer_or_refuses_ends_its_operation() {
    let host = host().await;
    let client = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let services = client.enter("root/test").await.services;
    for (conduct, last) in [
        (Conduct::Hangs, None),
        (Conduct::Faults, None),
        (Conduct::Answers(Hresult::WBEM_E_FAILED), Some(Hresult::WBEM_E_CALL_CANCELLED)),
    ] {
        let (address, _, mut calls) = exporter(conduct).await;
        let request = query(Some(sink(at("127.0.0.1", address.port()))));
        assert_eq!(ask(&client, services, EXEC_QUERY_ASYNC, &request).await, Hresult::S_OK);
        assert_eq!(calls.recv().await, Some((sink_opnum::INDICATE, None)));
        host.wait_until(|left| left.open_sinks == 0).await;
        match last {
            Some(last) => assert_eq!(calls.recv().await, Some((sink_opnum::SET_STATUS, Some(last)))),
            None => assert!(calls.try_recv().is_err()),
        }
    }
}

#[tokio::test]
async fn what_is_no_sink_and_what_is_anothers_is_refused() {
    let host = host().await;
    let alice = Client::new(&host, Some(&security("alice", AuthLevel::Privacy))).await;
    let services = alice.enter("root/test").await.services;
    let (address, _, mut calls) = exporter(Conduct::Hangs).await;
    let own = sink(at("127.0.0.1", address.port()));
    let wrong = ObjRef { iid: ids::SERVICES, ..own.clone() };
    for none in [None, Some(wrong), Some(object::marshal_unit(Vec::new()))] {
        let result = ask(&alice, services, EXEC_QUERY_ASYNC, &query(none.clone())).await;
        assert_eq!(result, Hresult::WBEM_E_INVALID_PARAMETER);
        let cancel = CancelAsyncCall { sink: none };
        let result = ask(&alice, services, services_opnum::CANCEL_ASYNC_CALL, &cancel).await;
        assert_eq!(result, Hresult::WBEM_E_INVALID_PARAMETER);
    }
    let waits = Query { flags: windlass_wmi::flags::RETURN_IMMEDIATELY, ..query(None).request };
    let request = ToSink { request: waits, sink: Some(own.clone()) };
    assert_eq!(ask(&alice, services, EXEC_QUERY_ASYNC, &request).await, Hresult::WBEM_E_INVALID_PARAMETER);

    assert_eq!(ask(&alice, services, EXEC_QUERY_ASYNC, &query(Some(own.clone()))).await, Hresult::S_OK);
    assert_eq!(calls.recv().await, Some((sink_opnum::INDICATE, None)));
    let bob = Client::new(&host, Some(&security("bob", AuthLevel::Privacy))).await;
    let bobs = bob.enter("root/test").await.services;
    let cancel = CancelAsyncCall { sink: Some(own) };
    let found = ask(&bob, bobs, services_opnum::CANCEL_ASYNC_CALL, &cancel).await;
    assert_eq!(found, Hresult::WBEM_E_NOT_FOUND);
    assert_eq!(ask(&alice, services, services_opnum::CANCEL_ASYNC_CALL, &cancel).await, Hresult::S_OK);
    host.wait_until(|left| left.open_sinks == 0).await;
}

/// A server that says S_OK to asynchronous calls, and leaves it to the test what it does with their sinks.
struct Server {
    sinks: mpsc::UnboundedSender<ObjRef>,
    cancelled: mpsc::UnboundedSender<ObjRef>,
}

fn orpc<T: Stub>(stub: &T) -> Result<Vec<u8>, FaultStatus> {
    Ok(encode_response(&OrpcThat::default(), stub).unwrap())
}

impl Server {
    fn answer(&self, call: &RpcCall) -> Result<Vec<u8>, FaultStatus> {
        let bindings = at("127.0.0.1", call.connection.local.unwrap().port());
        let reference = |iid, ipid| {
            let reference =
                StdObjRef { flags: 0, public_refs: 5, oxid: 1, oid: 2, ipid: Uuid::from_u128(ipid) };
            ObjRef::standard(iid, reference, bindings.clone())
        };
        match (call.interface.uuid, call.opnum) {
            (dcom_ids::REMOTE_SCM_ACTIVATOR, _) => {
                let login = reference(ids::LEVEL1_LOGIN, 0xA);
                let out = PropsOut { interfaces: vec![(ids::LEVEL1_LOGIN, Hresult::S_OK, Some(login))] };
                let reply = RemoteReply {
                    oxid: 1,
                    bindings: Some(bindings.clone()),
                    remote_unknown: Uuid::from_u128(0xC),
                    authentication_hint: 5,
                    version: ComVersion::CURRENT,
                };
                orpc(&RemoteCreatedInstance::new(out, reply))
            }
            (ids::LEVEL1_LOGIN, _) => orpc(&Given::from(reference(ids::SERVICES, 0xB))),
            (ids::SERVICES, EXEC_QUERY_ASYNC) => {
                let (_, asked) = decode_request::<ToSink<Query>>(&call.stub).unwrap();
                self.sinks.send(asked.sink.unwrap()).unwrap();
                orpc(&ResultOnly(Hresult::S_OK))
            }
            (ids::SERVICES, services_opnum::CANCEL_ASYNC_CALL) => {
                let (_, asked) = decode_request::<CancelAsyncCall>(&call.stub).unwrap();
                self.cancelled.send(asked.sink.unwrap()).unwrap();
                orpc(&ResultOnly(Hresult::S_OK))
            }
            _ => orpc(&ResultOnly(Hresult::S_OK)),
        }
    }
}

impl RpcService for Server {
    fn interfaces(&self) -> Vec<SyntaxId> {
        let own = [dcom_ids::REMOTE_SCM_ACTIVATOR, dcom_ids::REM_UNKNOWN2, ids::LEVEL1_LOGIN, ids::SERVICES];
        own.map(|uuid| SyntaxId::new(uuid, 0, 0)).to_vec()
    }

    fn call(&self, call: RpcCall) -> RpcReply<'_> {
        Box::pin(std::future::ready(self.answer(&call)))
    }
}

/// A session with such a server, one operation of it, and what the server knows of that.
struct Stage {
    host: MockHost,
    session: CimSession,
    listener: SinkListener,
    stream: SinkStream,
    sink: ObjRef,
    cancelled: mpsc::UnboundedReceiver<ObjRef>,
}

async fn stage(limit: Duration) -> Stage {
    let (sinks, mut told) = mpsc::unbounded_channel();
    let (cancels, cancelled) = mpsc::unbounded_channel();
    let server = Arc::new(Server { sinks, cancelled: cancels });
    let host = MockHost::builder().user("alice", "secret".to_owned()).rpc("127.0.0.1:0").rpc_service(server);
    let host = host.start().await.unwrap();
    let session = CimSession::builder("127.0.0.1")
        .port(host.rpc_addr().unwrap().port())
        .credential(Credential::password("alice", "secret".to_owned()))
        .authentication(Authentication::Ntlm)
        .protocol(Protocol::Dcom)
        .connect()
        .await
        .unwrap();
    let patient = session.with_options(OperationOptions::default().timeout(limit));
    let options = SinkOptions::new("127.0.0.1:0".parse().unwrap());
    let listener = patient.listen_for_results(options).await.unwrap();
    let stream = listener.start(SinkCall::query("SELECT * FROM Any")).await.unwrap();
    let sink = told.recv().await.unwrap();
    Stage { host, session, listener, stream, sink, cancelled }
}

const LONG: Duration = Duration::from_secs(60);

/// The server's connection to a sink.
struct Caller(RpcConnection, u16);

impl Caller {
    async fn new(stage: &Stage) -> Self {
        let address = stage.listener.address();
        let connection =
            RpcConnection::connect("127.0.0.1", address.port(), RpcOptions::default()).await.unwrap();
        let (context, _) = connection.bind_one(&SyntaxId::new(ids::OBJECT_SINK, 0, 0), None).await.unwrap();
        Self(connection, context)
    }

    async fn send(&self, ipid: Uuid, opnum: u16, stub: Vec<u8>) -> Result<Hresult, Error> {
        let request = CallRequest { context: self.1, security: None, opnum, object: Some(ipid), stub };
        let answer = self.0.call(request).await?;
        Ok(decode_response::<ResultOnly>(&answer).unwrap().1.0)
    }

    async fn call<Q: Stub>(&self, ipid: Uuid, opnum: u16, request: &Q) -> Result<Hresult, u32> {
        let stub = encode_request(&OrpcThis::new(Uuid::new_v4()), request).unwrap();
        match self.send(ipid, opnum, stub).await {
            Ok(result) => Ok(result),
            Err(Error::Fault { status, .. }) => Err(status.0),
            Err(error) => panic!("{error}"),
        }
    }
}

fn over(kind: u32, result: Hresult) -> SetStatus {
    SetStatus { kind, result, text: None, error: None }
}

fn ipid(sink: &ObjRef) -> Uuid {
    sink.remote().unwrap().ipid
}

impl Stage {
    /// Closes all of it, and finds nobody listening.
    async fn close(self) {
        let address = self.listener.address();
        drop(self.stream);
        self.listener.close().await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        self.session.close().await;
        self.host.shutdown().await;
    }
}

#[tokio::test]
async fn only_the_sink_of_an_operation_that_goes_on_is_called() {
    let mut stage = stage(LONG).await;
    let caller = Caller::new(&stage).await;
    let own = ipid(&stage.sink);
    assert_ne!(own, Uuid::nil());
    let gone = Err(Hresult::RPC_E_DISCONNECTED.0);
    let nothing = Indicate::default();
    for other in [Uuid::nil(), Uuid::new_v4(), Uuid::from_u128(own.as_u128() ^ 1)] {
        assert_eq!(caller.call(other, sink_opnum::INDICATE, &nothing).await, gone);
        assert_eq!(caller.call(other, sink_opnum::SET_STATUS, &over(0, Hresult::S_OK)).await, gone);
    }
    assert!(caller.call(own, 5, &nothing).await.is_err());
    // What the specification leaves out, and what it lets nobody send.
    assert_eq!(caller.call(own, sink_opnum::SET_STATUS, &over(1, Hresult::S_OK)).await, Ok(Hresult::S_OK));
    let unknown = caller.call(own, sink_opnum::SET_STATUS, &over(3, Hresult::S_OK)).await;
    assert_eq!(unknown, Ok(Hresult::WBEM_E_INVALID_PARAMETER));
    // The last word is the last.
    assert_eq!(caller.call(own, sink_opnum::SET_STATUS, &over(0, Hresult::S_OK)).await, Ok(Hresult::S_OK));
    assert_eq!(caller.call(own, sink_opnum::INDICATE, &nothing).await, gone);
    assert_eq!(caller.call(own, sink_opnum::SET_STATUS, &over(0, Hresult::S_OK)).await, gone);
    assert!(stage.stream.next().await.is_none());
    drop(caller);
    // Nobody cancels what is over.
    assert!(stage.cancelled.try_recv().is_err());
    stage.close().await;
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    let stage = stage(LONG).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut connection = socket.connect(stage.listener.address()).await.unwrap();
    let mut byte = [0];
    // Closed or reset.
    assert!(matches!(connection.read(&mut byte).await, Ok(0) | Err(_)));
    // Nobody can log on: there is nothing that a logon would prove.
    let port = stage.listener.address().port();
    let caller = RpcConnection::connect("127.0.0.1", port, RpcOptions::default()).await.unwrap();
    let interface = SyntaxId::new(ids::OBJECT_SINK, 0, 0);
    assert!(caller.bind_one(&interface, Some(&security("alice", AuthLevel::Connect))).await.is_err());
    stage.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_ends_the_stream() {
    for broken in [Some(object::marshal_unit(vec![0; 64])), Some(sink(DualStringArray::default()))] {
        let mut stage = stage(LONG).await;
        let caller = Caller::new(&stage).await;
        let own = ipid(&stage.sink);
        let indicate = Indicate { objects: vec![broken] };
        let refused = caller.call(own, sink_opnum::INDICATE, &indicate).await;
        assert_eq!(refused, Ok(Hresult::WBEM_E_INVALID_OBJECT));
        let error = stage.stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(stage.stream.next().await.is_none());
        drop(stage.stream);
        let cancelled = stage.cancelled.recv().await.unwrap();
        assert_eq!(ipid(&cancelled), own);
        stage.listener.close().await;
        stage.session.close().await;
    }
}

#[tokio::test]
async fn too_much_at_once_is_cut_off() {
    let mut stage = stage(LONG).await;
    let own = ipid(&stage.sink);
    // More than one request may have.
    let caller = Caller::new(&stage).await;
    let huge = caller.send(own, sink_opnum::INDICATE, vec![0; 17 << 20]).await.unwrap_err();
    assert!(matches!(huge, Error::Lost { .. } | Error::Fault { .. }), "{huge}");
    // More than one delivery may have, as null pointers.
    let caller = Caller::new(&stage).await;
    let many = Indicate { objects: vec![None; 100_001] };
    let refused = caller.call(own, sink_opnum::INDICATE, &many).await;
    assert_eq!(refused, Ok(Hresult::WBEM_E_INVALID_PARAMETER));
    let error = stage.stream.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("100000"), "{error}");
    // Counts that promise more than there is.
    let caller = Caller::new(&stage).await;
    let mut stub = encode_request(&OrpcThis::new(Uuid::nil()), &Indicate::default()).unwrap();
    stub[32..].fill(0xFF);
    let refused = caller.send(own, sink_opnum::INDICATE, stub).await.unwrap_err();
    assert!(matches!(refused, Error::Fault { status: FaultStatus::BAD_STUB_DATA, .. }), "{refused}");
    drop(caller);
    stage.close().await;
}

#[tokio::test]
async fn a_server_that_never_comes_to_an_end_is_not_waited_for() {
    let mut stage = stage(Duration::from_millis(200)).await;
    let error = stage.stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(stage.stream.next().await.is_none());
    let own = ipid(&stage.sink);
    drop(stage.stream);
    assert_eq!(ipid(&stage.cancelled.recv().await.unwrap()), own);
    stage.listener.close().await;
    stage.session.close().await;
}

#[tokio::test]
async fn a_delivery_waits_for_room_and_ends_with_its_reader() {
    let stage = stage(LONG).await;
    let caller = Caller::new(&stage).await;
    let own = ipid(&stage.sink);
    let nothing = Indicate { objects: vec![None] };
    assert_eq!(caller.call(own, sink_opnum::INDICATE, &nothing).await, Ok(Hresult::S_OK));
    // There is no room for a second until the first was read.
    let second = caller.call(own, sink_opnum::INDICATE, &nothing);
    let (second, ()) = tokio::join!(second, async { drop(stage.stream) });
    // Either the reader had left when it came, or while it waited.
    assert!(matches!(second, Ok(Hresult::WBEM_E_CALL_CANCELLED) | Err(_)), "{second:?}");
    drop(caller);
    stage.listener.close().await;
    stage.session.close().await;
}
