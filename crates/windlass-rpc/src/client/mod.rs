//! The client's side of an association, as a state machine without I/O.

mod calls;
mod handshake;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use uuid::Uuid;
use windlass_auth::{KdcRequest, SecurityContext};

use crate::frames::FrameReader;
use crate::pdu::{
    AuthLevel, AuthType, BindFeatures, Body, ContextOutcome, FaultStatus, Header, Pdu, PduFlags, PduType,
};
use crate::protect::Protection;
use crate::{RpcError, SyntaxId};
use calls::Call;
use handshake::Handshake;

/// What a client wants of its associations.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// The largest fragment that is sent and taken, in bytes; at least 1,432.
    pub max_fragment: u16,
    /// The most that one response may have in all its fragments, in bytes.
    pub max_response: usize,
    /// Calls under way at once.
    pub max_calls: usize,
    /// The association group to join: that of an association with the same server; 0 for none.
    pub association_group: u32,
    /// Whether requests that are signed without their headers carry a verification trailer.
    pub verification_trailer: bool,
}

impl Default for ClientOptions {
    /// Fragments as Windows has them (5,840 bytes), responses up to 64 MiB, 256 calls.
    fn default() -> Self {
        Self {
            max_fragment: 5840,
            max_response: 64 << 20,
            max_calls: 256,
            association_group: 0,
            verification_trailer: true,
        }
    }
}

/// How a client proves itself and protects its calls.
pub struct ClientSecurity {
    /// The security provider.
    pub auth_type: AuthType,
    /// How much is protected.
    pub level: AuthLevel,
    /// The initiator, which has not said anything yet.
    pub context: Box<dyn SecurityContext>,
}

/// A call to be made.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The presentation context, from [`ClientEvent::Bound`].
    pub context: u16,
    /// The security context, from [`ClientEvent::Bound`]; `None` sends the call unprotected.
    pub security: Option<u32>,
    /// The operation.
    pub opnum: u16,
    /// The object; for DCOM the IPID.
    pub object: Option<Uuid>,
    /// The parameters.
    pub stub: Vec<u8>,
}

/// What became of an interface in a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundInterface {
    /// The interface.
    pub interface: SyntaxId,
    /// The presentation context to call it by, if it was accepted.
    pub context: u16,
    /// Whether it was.
    pub outcome: ContextOutcome,
}

/// What an association tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// Ask a KDC this and bring its answer to [`ClientAssociation::kdc_reply`].
    AskKdc(KdcRequest),
    /// A [`bind`](ClientAssociation::bind) is done.
    Bound {
        /// The interfaces in the order in which they were given.
        interfaces: Vec<BoundInterface>,
        /// The security context, if one was asked for. Nothing says yet that the server took the last
        /// token: the first call does.
        security: Option<u32>,
    },
    /// A bind was refused. Calls on earlier contexts go on, unless it was the first.
    BindFailed(RpcError),
    /// A call has its results.
    Response {
        /// Which call.
        call: u32,
        /// The results.
        stub: Vec<u8>,
    },
    /// A call failed at the server.
    Fault {
        /// Which call.
        call: u32,
        /// Why.
        status: FaultStatus,
        /// The server says that it did not begin to execute the call.
        did_not_execute: bool,
    },
    /// The server would like the association to be closed when no call is under way.
    Shutdown,
}

/// The client's side of one association. Bytes go in through [`receive`](Self::receive) and come out of
/// [`poll_transmit`](Self::poll_transmit); what happened comes out of [`poll_event`](Self::poll_event).
///
/// After an error of `receive` the association is dead: no call that was under way has an answer.
pub struct ClientAssociation {
    options: ClientOptions,
    frames: FrameReader,
    outbox: VecDeque<Vec<u8>>,
    events: VecDeque<ClientEvent>,
    phase: Phase,
    handshake: Option<Handshake>,
    /// Binds and calls that wait for their turn.
    waiting: VecDeque<Waiting>,
    presentations: BTreeMap<u16, SyntaxId>,
    securities: BTreeMap<u32, Protection>,
    calls: BTreeMap<u32, Call>,
    /// Calls that were given up and may still be answered.
    abandoned: BTreeSet<u32>,
    next_call: u32,
    next_presentation: u16,
    next_security: u32,
    agreed: Agreed,
}

/// What the first bind settled.
#[derive(Debug, Clone, Copy, Default)]
struct Agreed {
    max_xmit: usize,
    group: u32,
    header_signing: bool,
    multiplex: bool,
    features: BindFeatures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was sent.
    New,
    /// The first bind is under way.
    Binding,
    Open,
    Failed,
}

enum Waiting {
    Bind(Box<Handshake>),
    Call(u32, CallRequest),
}

/// The least that both sides have to take (C706 12.6.3.1, MustRecvFragSize).
pub(crate) const MUST_RECEIVE: u16 = 1432;
/// Calls that were given up and are remembered.
const MAX_ABANDONED: usize = 1024;

impl ClientAssociation {
    /// An association that has not said anything.
    pub fn new(mut options: ClientOptions) -> Self {
        options.max_fragment = options.max_fragment.max(MUST_RECEIVE);
        Self {
            frames: FrameReader::new(options.max_fragment),
            options,
            outbox: VecDeque::new(),
            events: VecDeque::new(),
            phase: Phase::New,
            handshake: None,
            waiting: VecDeque::new(),
            presentations: BTreeMap::new(),
            securities: BTreeMap::new(),
            calls: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            next_call: 1,
            next_presentation: 0,
            next_security: 0,
            agreed: Agreed::default(),
        }
    }

    /// Binds interfaces, and makes a security context if `security` is given: with a bind the first time,
    /// with an alter_context from then on. [`ClientEvent::Bound`] or [`ClientEvent::BindFailed`] follows.
    ///
    /// # Errors
    /// There is no interface or there are too many, or the initiator fails at once.
    pub fn bind(
        &mut self,
        interfaces: &[SyntaxId],
        security: Option<ClientSecurity>,
    ) -> Result<(), RpcError> {
        self.alive()?;
        let handshake = self.handshake_for(interfaces, security)?;
        if self.may_bind() {
            self.start(handshake)
        } else {
            self.waiting.push_back(Waiting::Bind(Box::new(handshake)));
            Ok(())
        }
    }

    /// Brings the answer to a [`ClientEvent::AskKdc`].
    ///
    /// # Errors
    /// The initiator does not take it. The bind has failed then; so has the association, if it was the
    /// first.
    pub fn kdc_reply(&mut self, reply: &[u8]) -> Result<(), RpcError> {
        self.alive()?;
        self.continue_with_kdc(reply)
    }

    /// No KDC can be asked what the last [`ClientEvent::AskKdc`] wants to know. SPNEGO goes on with its next
    /// mechanism; other logons fail.
    ///
    /// # Errors
    /// As [`kdc_reply`](Self::kdc_reply).
    pub fn kdc_unreachable(&mut self, reason: &str) -> Result<(), RpcError> {
        self.alive()?;
        self.continue_without_kdc(reason)
    }

    /// Makes a call and returns its number. [`ClientEvent::Response`] or [`ClientEvent::Fault`] follows.
    /// Where the server takes one call at a time, further ones wait here.
    ///
    /// # Errors
    /// The contexts do not exist, or there are too many calls.
    pub fn call(&mut self, request: CallRequest) -> Result<u32, RpcError> {
        self.alive()?;
        self.enqueue_call(request)
    }

    /// Asks the server to end a call early. The call still gets an answer.
    pub fn cancel(&mut self, call: u32) {
        if self.calls.contains_key(&call) {
            self.send_plain(call, Body::Cancel);
        }
    }

    /// Gives a call up: no event about it will come. Returns whether the association may be used further;
    /// if not, the server does not bear with this, and the connection has to be closed.
    pub fn orphan(&mut self, call: u32) -> bool {
        let waits = |waiting: &Waiting| matches!(waiting, Waiting::Call(id, _) if *id == call);
        if let Some(at) = self.waiting.iter().position(waits) {
            self.waiting.remove(at);
            return true;
        }
        if self.calls.remove(&call).is_none() {
            return true;
        }
        self.abandoned.insert(call);
        // Most servers never answer these calls: the oldest are forgotten.
        if self.abandoned.len() > MAX_ABANDONED {
            self.abandoned.pop_first();
        }
        self.send_plain(call, Body::Orphaned);
        if self.pump().is_err() {
            self.phase = Phase::Failed;
        }
        self.agreed.features.contains(BindFeatures::KEEP_CONNECTION_ON_ORPHAN)
    }

    /// Takes bytes from the connection.
    ///
    /// # Errors
    /// What the server did wrong. The association is dead then.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), RpcError> {
        self.alive()?;
        self.frames.push(bytes);
        let result = self.take_frames();
        if result.is_err() {
            self.phase = Phase::Failed;
        }
        result
    }

    /// The next bytes for the connection.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Whether the first bind is done.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the server takes several calls at once.
    pub fn is_multiplexed(&self) -> bool {
        self.agreed.multiplex
    }

    /// The association group, once the association is open. Other associations with the same server may
    /// join it, and then share its context handles.
    pub fn association_group(&self) -> u32 {
        self.agreed.group
    }

    /// Calls without an answer, waiting ones included.
    pub fn calls_under_way(&self) -> usize {
        let waiting = self.waiting.iter().filter(|waiting| matches!(waiting, Waiting::Call(..))).count();
        self.calls.len() + waiting
    }

    /// The session key of a security context, for interfaces that encrypt parameters with it.
    pub fn session_key(&self, security: u32) -> Option<&windlass_core::SecretBytes> {
        self.securities.get(&security)?.context.session_key()
    }

    fn take_frames(&mut self) -> Result<(), RpcError> {
        while let Some((header, pdu)) = self.frames.next()? {
            self.take(&header, pdu)?;
        }
        Ok(())
    }

    fn take(&mut self, header: &Header, pdu: Vec<u8>) -> Result<(), RpcError> {
        match header.kind {
            PduType::Response => self.take_response(header, pdu),
            // The answer to a handshake is a fault where there is no call of that number.
            PduType::Fault if !self.is_handshake(header.call_id) => self.take_fault(header, pdu),
            PduType::BindAck | PduType::BindNak | PduType::AlterContextResponse | PduType::Fault => {
                self.take_handshake(&Pdu::decode(&pdu)?)
            }
            PduType::Shutdown => {
                Pdu::decode(&pdu)?;
                self.events.push_back(ClientEvent::Shutdown);
                Ok(())
            }
            kind => Err(RpcError::Unexpected { pdu: kind.name(), reason: "only clients send it" }),
        }
    }

    /// Starts what waits, as far as the server takes it.
    fn pump(&mut self) -> Result<(), RpcError> {
        while self.phase == Phase::Open {
            match self.waiting.front() {
                Some(Waiting::Bind(_)) if !self.may_bind() => break,
                Some(Waiting::Call(..)) if !self.may_call() => break,
                _ => {}
            }
            match self.waiting.pop_front() {
                Some(Waiting::Bind(handshake)) => self.start(*handshake)?,
                Some(Waiting::Call(id, request)) => self.start_call(id, request)?,
                None => break,
            }
        }
        Ok(())
    }

    fn may_bind(&self) -> bool {
        match self.phase {
            Phase::New => true,
            Phase::Open => self.handshake.is_none() && (self.agreed.multiplex || self.calls.is_empty()),
            Phase::Binding | Phase::Failed => false,
        }
    }

    fn may_call(&self) -> bool {
        self.agreed.multiplex || self.calls.is_empty() && self.handshake.is_none()
    }

    fn alive(&self) -> Result<(), RpcError> {
        if self.phase == Phase::Failed { Err(RpcError::Failed) } else { Ok(()) }
    }

    fn next_call_id(&mut self) -> u32 {
        let id = self.next_call;
        self.next_call = self.next_call.checked_add(1).unwrap_or(1);
        id
    }

    /// A PDU without content and protection.
    fn send_plain(&mut self, call_id: u32, body: Body<'static>) {
        let pdu = Pdu { flags: PduFlags::WHOLE, call_id, body, auth: None };
        // Sixteen bytes always fit.
        self.outbox.extend(pdu.encode().ok());
    }
}
