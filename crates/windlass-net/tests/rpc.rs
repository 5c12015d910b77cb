//! RPC connections against the embedded host, and against servers that fall silent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use uuid::Uuid;
use windlass_auth::Credential;
use windlass_mock::MockHost;
use windlass_mock::rpc::{EchoService, RpcCall, RpcReply, RpcService};
use windlass_net::{Error, RpcConnection, RpcOptions, RpcSecurity, Stage};
use windlass_rpc::ndr::{Limits, Reader, Writer};
use windlass_rpc::pdu::{AuthLevel, AuthType, FaultStatus};
use windlass_rpc::{CallRequest, SyntaxId};

/// Takes calls and never answers them; notices when one is dropped.
#[derive(Default)]
struct Silent {
    begun: Notify,
    dropped: Arc<Dropped>,
}

#[derive(Default)]
struct Dropped {
    count: AtomicUsize,
    changed: Notify,
}

struct Guard(Arc<Dropped>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_one();
    }
}

const SILENT: SyntaxId = SyntaxId::new(Uuid::from_u128(0x77), 1, 0);

impl RpcService for Silent {
    fn interfaces(&self) -> Vec<SyntaxId> {
        vec![SILENT]
    }

    fn call(&self, _call: RpcCall) -> RpcReply<'_> {
        let guard = Guard(Arc::clone(&self.dropped));
        self.begun.notify_one();
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok(Vec::new())
        })
    }
}

async fn host(silent: &Arc<Silent>) -> MockHost {
    let builder = MockHost::builder().user("alice", "secret".to_owned()).rpc("127.0.0.1:0");
    builder.rpc_service(silent.clone()).start().await.unwrap()
}

async fn connect(host: &MockHost) -> RpcConnection {
    let address = host.rpc_addr().unwrap();
    RpcConnection::connect(&address.ip().to_string(), address.port(), RpcOptions::default()).await.unwrap()
}

fn security(password: &str) -> RpcSecurity {
    RpcSecurity::new(Credential::password("alice", password.to_owned()), "RPCSS/localhost")
}

fn echo(context: u16, security: Option<u32>, data: &[u8]) -> CallRequest {
    let mut writer = Writer::new();
    writer.count(data.len());
    writer.conformant_bytes(data);
    CallRequest { context, security, opnum: 1, object: None, stub: writer.into_bytes() }
}

fn echoed(stub: &[u8]) -> Vec<u8> {
    Reader::new(stub, Limits::default()).conformant_bytes("out_data").unwrap().to_vec()
}

#[tokio::test]
async fn every_provider_and_level_in_any_size() {
    let host = host(&Arc::default()).await;
    for auth_type in [AuthType::NTLM, AuthType::SPNEGO] {
        for level in [AuthLevel::Connect, AuthLevel::Packet, AuthLevel::Integrity, AuthLevel::Privacy] {
            let connection = connect(&host).await;
            let security = security("secret").with_auth_type(auth_type).with_level(level);
            let (context, security) =
                connection.bind_one(&EchoService::INTERFACE, Some(&security)).await.unwrap();
            for size in [0, 1, 6000, 1_000_000] {
                let data = vec![0x5a; size];
                let answer = connection.call(echo(context, security, &data)).await.unwrap();
                assert_eq!(echoed(&answer), data, "{auth_type} {level} {size}");
            }
        }
    }
    host.shutdown().await;
}

#[tokio::test]
async fn the_endpoint_mapper_knows_the_port() {
    let host = host(&Arc::default()).await;
    let connection = connect(&host).await;
    let port = connection.map_port(&EchoService::INTERFACE, None).await.unwrap();
    assert_eq!(port, Some(host.rpc_addr().unwrap().port()));
    let unknown = SyntaxId::new(Uuid::from_u128(0xdead), 1, 0);
    assert_eq!(connection.map_port(&unknown, None).await.unwrap(), None);
    let error = connection.bind_one(&unknown, None).await.unwrap_err();
    assert!(matches!(error, Error::NoInterface { .. }), "{error}");
    host.shutdown().await;
}

#[tokio::test]
async fn in_memory_as_over_tcp() {
    let host = MockHost::builder().user("alice", "secret".to_owned()).start().await.unwrap();
    let stream = Box::new(host.rpc_in_memory());
    let connection = RpcConnection::over(stream, "local", RpcOptions::default());
    let (context, security) =
        connection.bind_one(&EchoService::INTERFACE, Some(&security("secret"))).await.unwrap();
    let calls = (0..10u8).map(|number| {
        let data = vec![number; 20_000];
        connection.call(echo(context, security, &data))
    });
    let calls: Vec<_> = calls.collect();
    for (number, call) in (0..10u8).zip(calls) {
        assert_eq!(echoed(&call.await.unwrap()), vec![number; 20_000]);
    }
    host.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_from_all_else() {
    let host = host(&Arc::default()).await;
    let connection = connect(&host).await;
    let error = connection.bind_one(&EchoService::INTERFACE, Some(&security("wrong"))).await.unwrap_err();
    assert!(matches!(error, Error::RpcRefused { .. } | Error::Rpc { .. }), "{error}");

    let connection = connect(&host).await;
    let ntlm = security("wrong").with_auth_type(AuthType::NTLM);
    let (context, security) = connection.bind_one(&EchoService::INTERFACE, Some(&ntlm)).await.unwrap();
    let error = connection.call(echo(context, security, &[])).await.unwrap_err();
    assert!(matches!(error, Error::Fault { status: FaultStatus::ACCESS_DENIED, .. }), "{error}");
    assert!(!error.may_have_executed());
    host.shutdown().await;
}

#[tokio::test]
async fn a_service_names_the_least_level() {
    let silent = Arc::new(Silent::default());
    let host = host(&silent).await;
    for (level, taken) in
        [(AuthLevel::Connect, false), (AuthLevel::Packet, false), (AuthLevel::Integrity, true)]
    {
        let connection = connect(&host).await;
        let security = security("secret").with_level(level);
        let (context, security) = connection.bind_one(&SILENT, Some(&security)).await.unwrap();
        let call = connection.call_within(
            CallRequest { context, security, opnum: 0, object: None, stub: Vec::new() },
            Some(Duration::from_millis(200)),
        );
        let error = call.await.unwrap_err();
        let refused = matches!(error, Error::Fault { status: FaultStatus::ACCESS_DENIED, .. });
        assert_eq!(refused, !taken, "{level}: {error}");
    }
    host.shutdown().await;
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_is_given_up_at_the_server() {
    let silent = Arc::new(Silent::default());
    let host = host(&silent).await;
    let connection = connect(&host).await;
    let (context, security) = connection.bind_one(&SILENT, Some(&security("secret"))).await.unwrap();
    let request = CallRequest { context, security, opnum: 0, object: None, stub: Vec::new() };
    let limit = Some(Duration::from_millis(100));
    let error = connection.call_within(request, limit).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { stage: Stage::Operation, .. }), "{error}");
    silent.begun.notified().await;
    silent.dropped.changed.notified().await;
    assert_eq!(silent.dropped.count.load(Ordering::SeqCst), 1);
    // The connection lives on.
    let (context, security) = connection.bind_one(&EchoService::INTERFACE, None).await.unwrap();
    assert!(connection.call(echo(context, security, b"x")).await.is_err(), "unsigned beside signed");
    host.shutdown().await;
}

/// A server that accepts, reads, and says `answers` one after the other.
async fn scripted(answers: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 8192];
        for answer in answers {
            if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
            if answer.is_empty() {
                return;
            }
            stream.write_all(&answer).await.unwrap();
        }
        while stream.read(&mut buffer).await.unwrap_or(0) > 0 {}
    });
    port
}

#[tokio::test]
async fn every_stage_has_a_deadline_of_its_own() {
    let mut options = RpcOptions::default();
    options.timeouts.authenticate = Some(Duration::from_millis(100));
    let port = scripted(Vec::new()).await;
    let connection = RpcConnection::connect("127.0.0.1", port, options.clone()).await.unwrap();
    let error = connection.bind(&[SILENT], None).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { stage: Stage::Authenticate, .. }), "{error}");

    // Nothing answers on this address of the documentation network; some systems refuse it at once.
    options.timeouts.connect = Some(Duration::from_millis(100));
    let error = RpcConnection::connect("192.0.2.1", 135, options.clone()).await.err().unwrap();
    assert!(
        matches!(error, Error::TimedOut { stage: Stage::Connect, .. } | Error::Connect { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_says_so_to_all_who_wait() {
    let port = scripted(vec![Vec::new()]).await;
    let connection = RpcConnection::connect("127.0.0.1", port, RpcOptions::default()).await.unwrap();
    let error = connection.bind(&[SILENT], None).await.unwrap_err();
    assert!(matches!(error, Error::Lost { executed: false, .. }), "{error}");
    let error = connection.bind(&[SILENT], None).await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");

    let port = scripted(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]).await;
    let connection = RpcConnection::connect("127.0.0.1", port, RpcOptions::default()).await.unwrap();
    let error = connection.bind(&[SILENT], None).await.unwrap_err();
    assert!(matches!(error, Error::OtherProtocol { wanted: "RPC", .. }), "{error}");
}
