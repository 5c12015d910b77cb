//! The task that owns an association and its stream.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use windlass_core::SecretBytes;
use windlass_rpc::{CallRequest, ClientAssociation, ClientEvent, ClientSecurity, RpcError, SyntaxId};

use super::{RpcBinding, RpcOptions, is_refusal};
use crate::{BoxStream, Counters, Error, KdcMap, NameMap};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;

type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What a handle asks of its driver.
pub(super) enum Command {
    Bind { interfaces: Vec<SyntaxId>, security: Option<ClientSecurity>, reply: Reply<RpcBinding> },
    Call { request: CallRequest, reply: Reply<Vec<u8>> },
    SessionKey { security: u32, reply: oneshot::Sender<Option<SecretBytes>> },
}

/// Why the driver ends.
enum End {
    /// Nobody uses the association any more.
    Unused,
    Failed(Error),
}

/// The byte that every PDU starts with (\[C706\] 12.6.3.1, `rpc_vers`).
const VERSION: u8 = 5;

pub(super) struct Driver {
    peer: String,
    association: ClientAssociation,
    kdcs: KdcMap,
    names: NameMap,
    counters: Arc<Counters>,
    /// Binds in the order in which they were asked for: the association answers them in this order.
    binds: VecDeque<Reply<RpcBinding>>,
    calls: HashMap<u32, Reply<Vec<u8>>>,
    /// Whether the server has said anything.
    is_heard: bool,
}

impl Driver {
    pub(super) fn new(peer: &str, options: &RpcOptions) -> Self {
        Self {
            peer: peer.to_owned(),
            association: ClientAssociation::new(options.association.clone()),
            kdcs: options.kdcs.clone(),
            names: options.names.clone(),
            counters: Arc::clone(&options.counters),
            binds: VecDeque::new(),
            calls: HashMap::new(),
            is_heard: false,
        }
    }

    /// Serves the handle until it is dropped or the connection breaks.
    pub(super) async fn run(mut self, stream: BoxStream, mut commands: mpsc::UnboundedReceiver<Command>) {
        let (reader, writer) = tokio::io::split(stream);
        let (outgoing, lines) = mpsc::unbounded_channel();
        let writing = tokio::spawn(write(writer, lines));
        let end = self.serve(reader, &outgoing, &mut commands).await;
        // What was written last still has to leave, such as the news that a call was given up.
        drop(outgoing);
        finish(writing).await;
        if let End::Failed(error) = end {
            tracing::debug!(%error, peer = %self.peer, "an RPC connection failed");
            self.fail(&error);
            // A server that speaks first may be found out before anybody asks it for something.
            if matches!(error, Error::OtherProtocol { .. }) {
                while let Some(command) = commands.recv().await {
                    self.refuse(command, &error);
                }
            }
        }
    }

    async fn serve(
        &mut self,
        mut reader: ReadHalf<BoxStream>,
        outgoing: &mpsc::UnboundedSender<Vec<u8>>,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> End {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let dropped = self.given_up();
            let received = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.take(command),
                    None => return End::Unused,
                },
                call = dropped => {
                    if self.give_up(call) {
                        Ok(())
                    } else {
                        self.flush(outgoing);
                        return End::Failed(self.lost("a call was given up, and the server ends with it"));
                    }
                }
                read = reader.read(&mut buffer) => match read {
                    Ok(0) => return End::Failed(self.lost("the server closed it")),
                    Ok(read) => {
                        self.counters.received(read);
                        let bytes = buffer.get(..read).unwrap_or_default();
                        if !std::mem::replace(&mut self.is_heard, true) && bytes.first() != Some(&VERSION) {
                            return End::Failed(other_protocol(&self.peer));
                        }
                        self.association.receive(bytes)
                    }
                    Err(error) => return End::Failed(self.lost(&error.to_string())),
                },
            };
            let handled = self.events().await;
            if !self.flush(outgoing) {
                return End::Failed(self.lost("the server takes no more bytes"));
            }
            if let Err(source) = received {
                return End::Failed(self.rpc_error(source));
            }
            if let Err(error) = handled {
                return End::Failed(error);
            }
        }
    }

    fn take(&mut self, command: Command) -> Result<(), RpcError> {
        match command {
            Command::Bind { interfaces, security, reply } => {
                self.binds.push_back(reply);
                if let Err(source) = self.association.bind(&interfaces, security) {
                    let error = self.rpc_error(source);
                    if let Some(reply) = self.binds.pop_back() {
                        let _ = reply.send(Err(error));
                    }
                }
            }
            Command::Call { request, reply } => match self.association.call(request) {
                Ok(id) => {
                    self.calls.insert(id, reply);
                }
                Err(source) => {
                    let _ = reply.send(Err(self.rpc_error(source)));
                }
            },
            Command::SessionKey { security, reply } => {
                let _ = reply.send(self.association.session_key(security).cloned());
            }
        }
        Ok(())
    }

    /// Hands out what the association has to say. Nobody may be there any more to hear it.
    async fn events(&mut self) -> Result<(), Error> {
        while let Some(event) = self.association.poll_event() {
            match event {
                ClientEvent::AskKdc(request) => {
                    let asked = self.kdcs.ask(&request.realm, &request.message, &self.names).await;
                    let taken = match asked {
                        Ok(answer) => self.association.kdc_reply(&answer),
                        Err(error) => self.association.kdc_unreachable(&error.to_string()),
                    };
                    taken.map_err(|source| self.rpc_error(source))?;
                }
                ClientEvent::Bound { interfaces, security } => {
                    if let Some(reply) = self.binds.pop_front() {
                        let _ = reply.send(Ok(RpcBinding { interfaces, security }));
                    }
                }
                ClientEvent::BindFailed(source) => {
                    let error = self.rpc_error(source);
                    if let Some(reply) = self.binds.pop_front() {
                        let _ = reply.send(Err(error));
                    }
                }
                ClientEvent::Response { call, stub } => {
                    if let Some(reply) = self.calls.remove(&call) {
                        let _ = reply.send(Ok(stub));
                    }
                }
                ClientEvent::Fault { call, status, did_not_execute } => {
                    let error = Error::Fault { peer: self.peer.clone(), status, did_not_execute };
                    if let Some(reply) = self.calls.remove(&call) {
                        let _ = reply.send(Err(error));
                    }
                }
                ClientEvent::Shutdown if self.calls.is_empty() => {
                    return Err(self.lost("the server asked for it to be closed"));
                }
                // Calls under way are waited for; and nothing to do for what this crate does not know.
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits until nobody waits any more for one of the calls, and gives its number.
    fn given_up(&mut self) -> impl Future<Output = u32> {
        std::future::poll_fn(|context| {
            for (id, reply) in &mut self.calls {
                if reply.poll_closed(context).is_ready() {
                    return std::task::Poll::Ready(*id);
                }
            }
            std::task::Poll::Pending
        })
    }

    fn give_up(&mut self, call: u32) -> bool {
        self.calls.remove(&call);
        self.association.cancel(call);
        self.association.orphan(call)
    }

    fn flush(&mut self, outgoing: &mpsc::UnboundedSender<Vec<u8>>) -> bool {
        while let Some(bytes) = self.association.poll_transmit() {
            self.counters.sent(bytes.len());
            if outgoing.send(bytes).is_err() {
                return false;
            }
        }
        true
    }

    /// Tells everybody who waits.
    fn fail(&mut self, error: &Error) {
        for reply in self.binds.drain(..) {
            let _ = reply.send(Err(again(error, &self.peer, false)));
        }
        for (_, reply) in self.calls.drain() {
            let _ = reply.send(Err(again(error, &self.peer, true)));
        }
    }

    /// Tells one who comes late.
    fn refuse(&self, command: Command, error: &Error) {
        match command {
            Command::Bind { reply, .. } => drop(reply.send(Err(again(error, &self.peer, false)))),
            Command::Call { reply, .. } => drop(reply.send(Err(again(error, &self.peer, false)))),
            Command::SessionKey { reply, .. } => drop(reply.send(None)),
        }
    }

    fn lost(&self, reason: &str) -> Error {
        let executed = !self.calls.is_empty();
        Error::Lost { peer: self.peer.clone(), reason: reason.to_owned(), executed }
    }

    fn rpc_error(&self, source: RpcError) -> Error {
        rpc_error(&self.peer, source)
    }
}

/// The error where the server is none of RPC.
fn other_protocol(peer: &str) -> Error {
    Error::OtherProtocol { peer: peer.to_owned(), wanted: "RPC" }
}

/// An RPC error as this crate reports it: logons that fail apart from malformed traffic.
fn rpc_error(peer: &str, source: RpcError) -> Error {
    let refused = match &source {
        RpcError::Auth(error) => error.is_logon_failure(),
        RpcError::AlterRefused(status) => is_refusal(*status),
        _ => false,
    };
    let peer = peer.to_owned();
    if refused { Error::RpcRefused { peer, source } } else { Error::Rpc { peer, source } }
}

/// The same error for one more of those who wait.
fn again(error: &Error, peer: &str, executed: bool) -> Error {
    match error {
        Error::Rpc { source, .. } | Error::RpcRefused { source, .. } => rpc_error(peer, source.clone()),
        Error::Fault { status, did_not_execute, .. } => {
            Error::Fault { peer: peer.to_owned(), status: *status, did_not_execute: *did_not_execute }
        }
        Error::OtherProtocol { .. } => other_protocol(peer),
        other => Error::Lost { peer: peer.to_owned(), reason: other.reason(), executed },
    }
}

/// Writes what comes, so that reading never waits for it.
async fn write(mut writer: WriteHalf<BoxStream>, mut lines: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = lines.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

/// Lets the writer end by itself for a moment.
async fn finish(writing: JoinHandle<()>) {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
    let abort = writing.abort_handle();
    if tokio::time::timeout(PATIENCE, writing).await.is_err() {
        abort.abort();
    }
}
