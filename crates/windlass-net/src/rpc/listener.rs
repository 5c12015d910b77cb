//! The server's side of RPC over TCP, for clients that are called back: one peer is let in, and nobody proves
//! who he is.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use windlass_auth::SecurityContext;
use windlass_rpc::pdu::{AuthType, FaultStatus};
use windlass_rpc::{
    Endpoint, IncomingCall, RpcError, ServerAssociation, ServerEvent, ServerOptions, SyntaxId,
};

/// Connections at once.
const CONNECTIONS: usize = 4;
/// Calls at once of one connection.
const CALLS: usize = 2;
/// Presentation contexts of one connection.
const CONTEXTS: usize = 16;
/// How long a connection may take to its first bind, and to take an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The only association group.
const GROUP: u32 = 1;
/// How much is read at once.
const READ_SIZE: usize = 64 << 10;

/// The results of a call on their way, or the fault that it ends with.
pub type RpcAnswer = Pin<Box<dyn Future<Output = Result<Vec<u8>, FaultStatus>> + Send>>;

/// What a [`RpcListener`] serves.
pub trait RpcHandler: Send + Sync + 'static {
    /// Whether an interface is served.
    fn serves(&self, interface: &SyntaxId) -> bool;

    /// Executes a call. What it returns is dropped when the caller gives the call up or hangs up.
    fn call(self: Arc<Self>, call: IncomingCall) -> RpcAnswer;
}

/// A listening socket.
pub struct RpcListener(TcpListener);

impl RpcListener {
    /// Listens.
    ///
    /// # Errors
    /// The address is taken, or not one of this computer.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// The address, with the port that the system chose where none was asked for.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves whoever connects from this address, until what it returns is dropped: everything is closed then.
    /// Others are hung up on. Nobody can log on.
    pub async fn serve(self, from: IpAddr, handler: Arc<dyn RpcHandler>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.0.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((stream, peer)) if peer.ip().to_canonical() == from => {
                        connections.spawn(serve(stream, Arc::clone(&handler)));
                    }
                    Ok((_, peer)) => tracing::debug!(%peer, "a connection from elsewhere was closed"),
                    // Such as too many open files: others may go away.
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Interfaces without logon.
struct Anonymous(Arc<dyn RpcHandler>);

impl Endpoint for Anonymous {
    fn serves(&self, interface: &SyntaxId) -> bool {
        self.0.serves(interface)
    }

    fn acceptor(&self, _auth_type: AuthType) -> Option<Box<dyn SecurityContext>> {
        None
    }

    fn join_group(&self, wanted: u32) -> Option<u32> {
        (wanted == 0 || wanted == GROUP).then_some(GROUP)
    }
}

async fn serve(stream: TcpStream, handler: Arc<dyn RpcHandler>) {
    let peer = stream.peer_addr().ok();
    let mut options = ServerOptions::default();
    options.secondary_address =
        stream.local_addr().map_or_else(|_| String::new(), |own| own.port().to_string());
    (options.max_calls, options.max_contexts, options.max_security_contexts) = (CALLS, CONTEXTS, 1);
    let association = ServerAssociation::new(Arc::new(Anonymous(Arc::clone(&handler))), options);
    let _ = stream.set_nodelay(true);
    if let Err(reason) = run(stream, association, handler).await {
        tracing::debug!(reason, ?peer, "a connection of a server ended");
    }
}

/// What a call has come to.
type Outcome = (u32, Result<Vec<u8>, FaultStatus>);

async fn run(
    stream: TcpStream,
    mut association: ServerAssociation,
    handler: Arc<dyn RpcHandler>,
) -> Result<(), String> {
    let (mut reader, mut writer) = stream.into_split();
    let mut calls = JoinSet::new();
    let mut handles: HashMap<u32, AbortHandle> = HashMap::new();
    let mut buffer = vec![0; READ_SIZE];
    let mut is_bound = false;
    // However often it says something meanwhile.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let received = tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(0) => return Ok(()),
                Ok(read) => association.receive(buffer.get(..read).unwrap_or_default()),
                Err(error) => return Err(error.to_string()),
            },
            Some(done) = calls.join_next() => finish(done, &mut handles, &mut association),
            () = sleep_until(deadline), if !is_bound => return Err("nothing was bound in time".to_owned()),
        };
        while let Some(event) = association.poll_event() {
            match event {
                ServerEvent::Call(call) => {
                    let (id, handler) = (call.id, Arc::clone(&handler));
                    let task = calls.spawn(async move { (id, handler.call(call).await) });
                    handles.insert(id, task);
                }
                ServerEvent::Orphaned(id) => {
                    if let Some(task) = handles.remove(&id) {
                        task.abort();
                    }
                }
                // Calls end as soon as they can in any case.
                _ => {}
            }
        }
        while let Some(bytes) = association.poll_transmit() {
            is_bound = true;
            let written = timeout(PATIENCE, writer.write_all(&bytes)).await;
            written.map_err(|_| "the peer does not read".to_owned())?.map_err(|error| error.to_string())?;
        }
        received.map_err(|error| error.to_string())?;
    }
}

fn finish(
    done: Result<Outcome, JoinError>,
    handles: &mut HashMap<u32, AbortHandle>,
    association: &mut ServerAssociation,
) -> Result<(), RpcError> {
    // A task that was given up has no answer.
    let Ok((id, outcome)) = done else { return Ok(()) };
    handles.remove(&id);
    match outcome {
        Ok(stub) => association.respond(id, &stub),
        Err(status) => {
            association.fault(id, status, true);
            Ok(())
        }
    }
}
