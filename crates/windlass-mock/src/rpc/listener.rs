//! One RPC connection: bytes to calls, calls to services, answers to bytes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use windlass_rpc::pdu::FaultStatus;
use windlass_rpc::{IncomingCall, ServerAssociation, ServerEvent, ServerOptions};

use super::{RpcCall, RpcConnectionInfo};
use crate::host::Host;
use crate::powershell::Stop;
use crate::statistics::count;

/// How much is read at once.
const READ_SIZE: usize = 64 * 1024;

/// Tells connections apart.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What a call has come to.
type Outcome = (u32, Result<Vec<u8>, FaultStatus>);

/// The calls of a connection that are being executed.
#[derive(Default)]
struct Calls {
    tasks: JoinSet<Outcome>,
    handles: HashMap<u32, (AbortHandle, Stop)>,
}

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(host: &Arc<Host>, stream: S, local: Option<SocketAddr>, peer: Option<SocketAddr>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _held = host.counters.connect();
    let connection = RpcConnectionInfo { id: NEXT.fetch_add(1, Ordering::Relaxed), local, peer };
    let mut options = ServerOptions::default();
    options.secondary_address = local.map(|local| local.port().to_string()).unwrap_or_default();
    let endpoint = Arc::clone(host);
    let association = ServerAssociation::new(endpoint, options);
    if let Err(reason) = run(host, stream, association, connection).await {
        tracing::debug!(reason, ?peer, "an RPC connection ended");
    }
}

async fn run<S>(
    host: &Arc<Host>,
    stream: S,
    mut association: ServerAssociation,
    connection: RpcConnectionInfo,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &host.config.limits;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut calls = Calls::default();
    let mut buffer = vec![0; READ_SIZE];
    let mut bound = false;
    loop {
        let idle = if bound { limits.connection_timeout } else { limits.request_timeout };
        // A connection with calls under way is not idle.
        let busy = !calls.tasks.is_empty();
        let received = tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(0) => return Ok(()),
                Ok(read) => association.receive(buffer.get(..read).unwrap_or_default()),
                Err(error) => return Err(error.to_string()),
            },
            Some(done) = calls.tasks.join_next() => calls.finish(done, &mut association),
            () = tokio::time::sleep(idle), if !busy => return Err("it was silent for too long".to_owned()),
            () = host.stop.stopped() => {
                association.shutdown();
                Ok(())
            }
        };
        while let Some(event) = association.poll_event() {
            bound = true;
            calls.take(host, event, connection, &mut association);
        }
        while let Some(bytes) = association.poll_transmit() {
            bound = true;
            let written = timeout(limits.request_timeout, writer.write_all(&bytes)).await;
            written.map_err(|_| "the client does not read".to_owned())?.map_err(|error| error.to_string())?;
        }
        received.map_err(|error| error.to_string())?;
        if host.stop.is_stopped() {
            return Ok(());
        }
    }
}

impl Calls {
    fn take(
        &mut self,
        host: &Arc<Host>,
        event: ServerEvent,
        connection: RpcConnectionInfo,
        association: &mut ServerAssociation,
    ) {
        match event {
            ServerEvent::Call(call) => self.start(host, call, connection, association),
            ServerEvent::Cancelled(id) => {
                if let Some((_, cancelled)) = self.handles.get(&id) {
                    cancelled.stop();
                }
            }
            ServerEvent::Orphaned(id) => {
                if let Some((task, cancelled)) = self.handles.remove(&id) {
                    cancelled.stop();
                    task.abort();
                }
            }
            ServerEvent::LogonFailed(error) => {
                tracing::debug!(%error, "an RPC logon failed");
                count(&host.counters.failed_logons);
                host.counters.changed.notify_waiters();
            }
            // Nothing to do for what this crate does not know.
            _ => {}
        }
    }

    fn start(
        &mut self,
        host: &Arc<Host>,
        call: IncomingCall,
        connection: RpcConnectionInfo,
        association: &mut ServerAssociation,
    ) {
        let IncomingCall { id, interface, opnum, object, stub, caller } = call;
        let Some(service) = host.rpc_services.get().and_then(|services| services.find(&interface)) else {
            return association.fault(id, FaultStatus::UNKNOWN_INTERFACE, false);
        };
        if caller.level < service.minimum_level(&interface, opnum) {
            return association.fault(id, FaultStatus::ACCESS_DENIED, false);
        }
        count(&host.counters.rpc_calls);
        host.counters.changed.notify_waiters();
        let cancelled = Stop::default();
        let call =
            RpcCall { interface, opnum, object, stub, caller, connection, cancelled: cancelled.clone() };
        let service = Arc::clone(service);
        let task = self.tasks.spawn(async move { (id, service.call(call).await) });
        self.handles.insert(id, (task, cancelled));
    }

    fn finish(
        &mut self,
        done: Result<Outcome, tokio::task::JoinError>,
        association: &mut ServerAssociation,
    ) -> Result<(), windlass_rpc::RpcError> {
        // A task that was given up has no answer.
        let Ok((id, outcome)) = done else { return Ok(()) };
        self.handles.remove(&id);
        match outcome {
            Ok(stub) => association.respond(id, &stub),
            Err(status) => {
                association.fault(id, status, true);
                Ok(())
            }
        }
    }
}
