//! The server's side of an association, as a state machine without I/O.

mod calls;
mod contexts;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;
use windlass_auth::{Principal, SecurityContext};

use crate::client::MUST_RECEIVE;
use crate::frames::FrameReader;
use crate::pdu::{
    AuthLevel, AuthType, BindNakReason, Body, Fault, FaultStatus, Header, Pdu, PduFlags, PduType,
};
use crate::{RpcError, SyntaxId};
use calls::{Assembly, Running};
use contexts::ServerSecurity;

/// What associations are served from.
pub trait Endpoint: Send + Sync {
    /// Whether an interface is served here.
    fn serves(&self, interface: &SyntaxId) -> bool;

    /// An acceptor of that security provider, if clients may use it.
    fn acceptor(&self, auth_type: AuthType) -> Option<Box<dyn SecurityContext>>;

    /// The association group that a client joins: a new one for 0, otherwise the one of that number if it
    /// exists.
    fn join_group(&self, wanted: u32) -> Option<u32>;
}

/// What a server lets a client do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The port, in decimal digits, told in a bind_ack.
    pub secondary_address: String,
    /// The largest fragment that is sent and taken, in bytes; at least 1,432.
    pub max_fragment: u16,
    /// The most that one request may have in all its fragments, in bytes.
    pub max_request: usize,
    /// The most that all requests that are not whole yet may have, in bytes.
    pub max_buffered: usize,
    /// Calls at once, those whose parameters are still arriving included.
    pub max_calls: usize,
    /// Presentation contexts.
    pub max_contexts: usize,
    /// Security contexts.
    pub max_security_contexts: usize,
}

impl Default for ServerOptions {
    /// Fragments as Windows has them (5,840 bytes), requests up to 16 MiB, 64 calls, and as many contexts
    /// as [MS-RPCE] 3.3.3.4 wants of a server (2,000 security contexts).
    fn default() -> Self {
        Self {
            secondary_address: String::new(),
            max_fragment: 5840,
            max_request: 16 << 20,
            max_buffered: 32 << 20,
            max_calls: 64,
            max_contexts: 2000,
            max_security_contexts: 2000,
        }
    }
}

/// Who makes a call, and how it is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// How much the call is protected. [`AuthLevel::None`] for an anonymous call.
    pub level: AuthLevel,
    /// The security provider, if there is a security context.
    pub auth_type: Option<AuthType>,
    /// Who logged on.
    pub principal: Option<Principal>,
}

impl Caller {
    /// Somebody who said nothing about himself.
    pub fn anonymous() -> Self {
        Self { level: AuthLevel::None, auth_type: None, principal: None }
    }
}

/// A whole call.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// Its number, for [`ServerAssociation::respond`] and [`ServerAssociation::fault`].
    pub id: u32,
    /// The interface, as the client named it in its bind.
    pub interface: SyntaxId,
    /// The operation.
    pub opnum: u16,
    /// The object; for DCOM the IPID.
    pub object: Option<Uuid>,
    /// The parameters.
    pub stub: Vec<u8>,
    /// Who calls.
    pub caller: Caller,
}

/// What an association tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Execute this and answer it.
    Call(IncomingCall),
    /// The client would like this call to end early. It still wants an answer.
    Cancelled(u32),
    /// The client has given this call up: stop it, an answer is not sent any more.
    Orphaned(u32),
    /// A logon has failed. Calls with it are refused.
    LogonFailed(RpcError),
}

/// The server's side of one association. Bytes go in through [`receive`](Self::receive) and come out of
/// [`poll_transmit`](Self::poll_transmit); calls come out of [`poll_event`](Self::poll_event).
///
/// After an error of `receive`, send what `poll_transmit` still gives and close the connection.
pub struct ServerAssociation {
    endpoint: Arc<dyn Endpoint>,
    options: ServerOptions,
    frames: FrameReader,
    outbox: VecDeque<Vec<u8>>,
    events: VecDeque<ServerEvent>,
    phase: Phase,
    presentations: BTreeMap<u16, SyntaxId>,
    securities: BTreeMap<u32, ServerSecurity>,
    /// The security context that speaks for calls without a verifier: the last one of level connect.
    connect: Option<u32>,
    assemblies: BTreeMap<u32, Assembly>,
    /// Bytes in all assemblies.
    buffered: usize,
    running: BTreeMap<u32, Running>,
    max_xmit: usize,
    header_signing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Open,
    Failed,
}

impl ServerAssociation {
    /// An association on a connection that was just made.
    pub fn new(endpoint: Arc<dyn Endpoint>, mut options: ServerOptions) -> Self {
        options.max_fragment = options.max_fragment.max(MUST_RECEIVE);
        Self {
            endpoint,
            frames: FrameReader::new(options.max_fragment),
            options,
            outbox: VecDeque::new(),
            events: VecDeque::new(),
            phase: Phase::New,
            presentations: BTreeMap::new(),
            securities: BTreeMap::new(),
            connect: None,
            assemblies: BTreeMap::new(),
            buffered: 0,
            running: BTreeMap::new(),
            max_xmit: usize::from(MUST_RECEIVE),
            header_signing: false,
        }
    }

    /// Takes bytes from the connection.
    ///
    /// # Errors
    /// What the client did wrong. The association is over then.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), RpcError> {
        if self.phase == Phase::Failed {
            return Err(RpcError::Failed);
        }
        self.frames.push(bytes);
        let result = self.take_frames();
        if result.is_err() {
            self.phase = Phase::Failed;
        }
        result
    }

    /// Answers a call. An answer to a call that was given up is dropped.
    ///
    /// # Errors
    /// The security context cannot sign any more. The association is over then.
    pub fn respond(&mut self, call: u32, stub: &[u8]) -> Result<(), RpcError> {
        let Some(running) = self.running.remove(&call) else { return Ok(()) };
        let result = self.send_response(call, &running, stub);
        if result.is_err() {
            self.phase = Phase::Failed;
        }
        result
    }

    /// Answers a call with a failure. `executed` tells the client that the call has begun.
    pub fn fault(&mut self, call: u32, status: FaultStatus, executed: bool) {
        if let Some(running) = self.running.remove(&call)
            && !running.maybe
        {
            self.send_fault(call, running.context, status, running.cancels, executed);
        }
    }

    /// Asks the client to close the association.
    pub fn shutdown(&mut self) {
        if self.phase == Phase::Open {
            self.send(PduFlags::WHOLE, 0, Body::Shutdown);
        }
    }

    /// The next bytes for the connection.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// Calls that were given out and not answered.
    pub fn calls_under_way(&self) -> usize {
        self.running.len()
    }

    fn take_frames(&mut self) -> Result<(), RpcError> {
        while let Some((header, pdu)) = self.frames.next()? {
            self.take(&header, pdu)?;
        }
        Ok(())
    }

    fn take(&mut self, header: &Header, pdu: Vec<u8>) -> Result<(), RpcError> {
        let name = header.kind.name();
        match (header.kind, self.phase) {
            (PduType::Bind, Phase::New) => self.take_bind(&Pdu::decode(&pdu)?),
            (PduType::Bind, _) => {
                self.refuse_bind(header.call_id, BindNakReason::UNSPECIFIED);
                Err(RpcError::Unexpected { pdu: name, reason: "the association is open" })
            }
            (PduType::AlterContext, Phase::Open) => self.take_alter(&Pdu::decode(&pdu)?),
            (PduType::Auth3, Phase::Open) => self.take_auth3(&Pdu::decode(&pdu)?),
            (PduType::Request, Phase::Open) => self.take_request(header, pdu),
            (PduType::Cancel, Phase::Open) => {
                if let Some(running) = self.running.get_mut(&header.call_id) {
                    running.cancels = running.cancels.saturating_add(1);
                    self.events.push_back(ServerEvent::Cancelled(header.call_id));
                }
                Ok(())
            }
            (PduType::Orphaned, Phase::Open) => {
                self.forget_assembly(header.call_id);
                if self.running.remove(&header.call_id).is_some() {
                    self.events.push_back(ServerEvent::Orphaned(header.call_id));
                }
                Ok(())
            }
            (_, Phase::New) => Err(RpcError::Unexpected { pdu: name, reason: "a bind is due" }),
            _ => Err(RpcError::Unexpected { pdu: name, reason: "only servers send it" }),
        }
    }

    fn send(&mut self, flags: PduFlags, call_id: u32, body: Body<'_>) {
        // Small bodies always fit.
        self.outbox.extend(Pdu { flags, call_id, body, auth: None }.encode().ok());
    }

    /// A fault is not signed: clients take it as it is, at any level.
    fn send_fault(
        &mut self,
        call_id: u32,
        context_id: u16,
        status: FaultStatus,
        cancel_count: u8,
        executed: bool,
    ) {
        let flags = PduFlags::WHOLE.with_if(PduFlags::DID_NOT_EXECUTE, !executed);
        let fault =
            Fault { alloc_hint: 32, context_id, cancel_count, flags: 0, status, reserved: 0, stub: &[] };
        self.send(flags, call_id, Body::Fault(fault));
    }
}
