//! The server's machine: one pool and the pipelines that a client runs in it ([MS-PSRP] 3.2).
//!
//! Bytes that came go into [`ServerPool::receive`]; what the client wants comes from
//! [`ServerPool::poll_event`]; what pipelines write goes into the `write_` functions; bytes to send
//! come from [`ServerPool::poll_send`]. Running the pipelines is the caller's.

mod event;
mod pipeline;
mod receive;
mod secrets;

pub use event::ServerEvent;

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;
use windlass_clixml::{Decoder, PsValue};

use crate::error::PsrpError;
use crate::fragment::{Defragmenter, FragmentLimits};
use crate::host::{HostCall, HostCallId, HostMethod, HostMethodId};
use crate::message::{Destination, Message, MessageType};
use crate::outbox::{Outbox, Outgoing, Stream};
use crate::payload::{
    Availability, ErrorRecord, Payload, PoolStateMessage, RunspaceAvailability, SessionCapability, UserEvent,
};
use crate::secrets::Secrets;
use crate::state::PoolState;
use crate::version::ProtocolVersion;
use pipeline::Pipeline;

/// How a pool is served.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// What the server tells of itself: a dictionary, `PSVersionTable` in it; see
    /// [`crate::payload::primitive_dictionary`].
    pub application_private_data: PsValue,
    /// The latest version that is served. With 2.4, secrets travel as the transport protects them.
    pub protocol_version: ProtocolVersion,
    /// Whether the transport encrypts. Otherwise secrets are refused where protocol 2.4 was agreed on.
    pub transport_encrypts: bool,
    /// Whether the transport carries whole fragments, so that a part of one is an error.
    pub whole_fragments: bool,
    /// What the client may make this side hold.
    pub limits: ServerLimits,
}

/// What a client may make a server hold.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Longest message, in bytes (PSMaximumReceivedObjectSizeMB).
    pub object: usize,
    /// All messages for a pipeline together, in bytes (PSMaximumReceivedDataSizePerCommandMB).
    pub pipeline: u64,
    /// How many pipelines there may be at once, run or waiting.
    pub pipelines: usize,
    /// Most runspaces of a pool.
    pub runspaces: i32,
    /// What a message may contain.
    pub clixml: windlass_clixml::Limits,
}

impl Default for ServerLimits {
    /// Those of Windows: 10 MB a message, 50 MB a pipeline.
    fn default() -> Self {
        Self {
            object: 10 * 1024 * 1024,
            pipeline: 50 * 1024 * 1024,
            pipelines: 1000,
            runspaces: i32::MAX,
            clixml: windlass_clixml::Limits::default(),
        }
    }
}

impl Default for ServerOptions {
    /// Protocol 2.3, nothing told.
    fn default() -> Self {
        Self {
            application_private_data: crate::payload::primitive_dictionary::<&str>([]),
            protocol_version: ProtocolVersion::V2_3,
            transport_encrypts: false,
            whole_fragments: true,
            limits: ServerLimits::default(),
        }
    }
}

/// A pool that a client opens.
#[derive(Debug)]
pub struct ServerPool {
    options: ServerOptions,
    capability: SessionCapability,
    state: PoolState,
    version: Option<ProtocolVersion>,
    id: Option<Uuid>,
    runspaces: (i32, i32),
    inbox: [Defragmenter; 2],
    decoder: Decoder,
    outbox: Outbox,
    pipelines: BTreeMap<Uuid, Pipeline>,
    events: VecDeque<ServerEvent>,
    calls: Calls,
    secrets: Secrets,
}

/// Calls of the host that have not been answered.
#[derive(Debug, Default)]
struct Calls {
    last: HostCallId,
    open: BTreeMap<HostCallId, HostMethodId>,
}

impl ServerPool {
    /// A pool that no client has opened yet.
    pub fn new(options: ServerOptions) -> Self {
        let limits = FragmentLimits { object: options.limits.object, total: u64::MAX };
        Self {
            capability: SessionCapability::new(options.protocol_version),
            state: PoolState::BeforeOpen,
            version: None,
            id: None,
            runspaces: (1, 1),
            inbox: [Defragmenter::new(limits), Defragmenter::new(limits)],
            decoder: Decoder::default(),
            outbox: Outbox::default(),
            pipelines: BTreeMap::new(),
            events: VecDeque::new(),
            calls: Calls::default(),
            secrets: Secrets::default(),
            options,
        }
    }

    /// The pool's id, once the client named it.
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// The pool's state.
    pub fn state(&self) -> PoolState {
        self.state
    }

    /// The version that was agreed on, once it was.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// Fewest and most runspaces: how many pipelines are to run at once.
    pub fn runspaces(&self) -> (i32, i32) {
        self.runspaces
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// Whole fragments to send next, at most `max` bytes of one stream; streams take turns.
    pub fn poll_send(&mut self, max: usize) -> Option<Outgoing> {
        self.outbox.poll(max)
    }

    /// Whole fragments to send next on the stream of a pipeline, or of the pool.
    pub fn poll_send_for(&mut self, pipeline: Option<Uuid>, max: usize) -> Option<Outgoing> {
        self.outbox.poll_for(pipeline, max)
    }

    /// Whether the stream of a pipeline, or of the pool, has something to send.
    pub fn has_output(&self, pipeline: Option<Uuid>) -> bool {
        self.outbox.is_ready(pipeline)
    }

    /// How many bytes of messages wait on the stream of a pipeline, or of the pool: producers should
    /// wait when they are many.
    pub fn queued_bytes(&self, pipeline: Option<Uuid>) -> usize {
        self.outbox.queued_bytes(pipeline)
    }

    /// Drops the oldest output and records of a pipeline until at most `keep` bytes wait: for buffers
    /// that drop while the client is away. Calls of the host and the pipeline's end stay.
    pub fn drop_oldest(&mut self, pipeline: Uuid, keep: usize) {
        self.outbox.drop_oldest(pipeline, keep);
    }

    /// Sends a message that was begun on the stream of a pipeline, or of the pool, once more from its
    /// start: for a client that took over and has not seen the beginning.
    pub fn repeat_begun(&mut self, pipeline: Option<Uuid>) {
        self.outbox.repeat_begun(pipeline);
    }

    /// The client closes the pool: it is told Closing, then Closed. Pipelines that run are told of by
    /// [`ServerEvent::Stop`].
    pub fn close(&mut self) {
        if self.state.is_final() {
            return;
        }
        let was_open = self.state == PoolState::Opened;
        self.stop_all();
        self.state = PoolState::Closed;
        if was_open {
            for state in [PoolState::Closing, PoolState::Closed] {
                self.tell_state(state, None);
            }
        }
    }

    /// The pool is of no more use: the client is told so, with the reason.
    pub fn fail(&mut self, error: Option<ErrorRecord>) {
        if !self.state.is_final() {
            self.break_quietly();
            self.tell_state(PoolState::Broken, error);
        }
    }

    /// The transport is lost, and the pool with it. Pipelines that run are told of by
    /// [`ServerEvent::Stop`].
    pub fn transport_failed(&mut self) {
        if !self.state.is_final() {
            self.break_quietly();
        }
        self.outbox.clear();
    }

    /// Answers [`ServerEvent::ResetRunspaceState`].
    ///
    /// # Errors
    /// When the answer cannot be encoded, which does not happen.
    pub fn reset_done(&mut self, call_id: i64, done: bool) -> Result<(), PsrpError> {
        self.answer(call_id, Availability::Done(done))
    }

    /// Tells the client of an event.
    ///
    /// # Errors
    /// When the pool is not open.
    pub fn write_user_event(&mut self, event: &UserEvent) -> Result<(), PsrpError> {
        self.require_open("forwarding an event")?;
        let value = event.to_value(self.agreed())?;
        self.push(MessageType::UserEvent, None, &value);
        Ok(())
    }

    /// Calls the client's host for the pool and gives the number of the call, by which
    /// [`ServerEvent::HostResponse`] answers it where the method is answered.
    ///
    /// # Errors
    /// When the pool is not open.
    pub fn pool_host_call(&mut self, method: HostMethod) -> Result<HostCallId, PsrpError> {
        self.require_open("calling the host")?;
        let call = self.calls.open_call(method);
        let value = call.to_value(self.agreed())?;
        self.push(MessageType::RunspacePoolHostCall, None, &value);
        Ok(call.call_id)
    }

    /// Sends any message, also one that the protocol does not allow now: to test clients.
    pub fn write_raw(&mut self, kind: MessageType, pipeline: Option<Uuid>, value: &PsValue) {
        self.push(kind, pipeline, value);
    }

    fn agreed(&self) -> ProtocolVersion {
        self.version.unwrap_or(self.options.protocol_version)
    }

    fn require_open(&self, action: &'static str) -> Result<(), PsrpError> {
        if self.state == PoolState::Opened {
            return Ok(());
        }
        Err(PsrpError::PoolState { action, state: self.state })
    }

    fn answer(&mut self, call_id: i64, answer: Availability) -> Result<(), PsrpError> {
        let value = RunspaceAvailability { call_id, answer }.to_value(self.agreed())?;
        self.push(MessageType::RunspaceAvailability, None, &value);
        Ok(())
    }

    fn tell_state(&mut self, state: PoolState, error: Option<ErrorRecord>) {
        if let Ok(value) = (PoolStateMessage { state, error }).to_value(self.agreed()) {
            self.push(MessageType::RunspacePoolState, None, &value);
        }
    }

    /// Ends the pool without telling the client.
    fn break_quietly(&mut self) {
        self.stop_all();
        self.state = PoolState::Broken;
    }

    fn push(&mut self, kind: MessageType, pipeline: Option<Uuid>, value: &PsValue) {
        let (bytes, waits) = self.encode(kind, pipeline, value);
        self.outbox.push(pipeline, Stream::Default, bytes, waits);
        if kind.is_output() {
            self.outbox.may_drop_last(pipeline);
        }
    }

    fn encode(&self, kind: MessageType, pipeline: Option<Uuid>, value: &PsValue) -> (Vec<u8>, bool) {
        // PowerShell's server leaves the pool out of these two.
        let nameless = matches!(kind, MessageType::SessionCapability | MessageType::EncryptedSessionKey);
        let message = Message {
            destination: Destination::Client,
            kind,
            pool: if nameless { Uuid::nil() } else { self.id.unwrap_or_default() },
            pipeline: pipeline.unwrap_or_default(),
            byte_order_mark: false,
            data: "",
        };
        let mut bytes = message.encode_with(value);
        let waits = self.secrets.fill(&mut bytes);
        (bytes, waits)
    }
}

impl Calls {
    /// Numbers a call and remembers it where it is answered.
    fn open_call(&mut self, method: HostMethod) -> HostCall {
        let id = method.id();
        let call = HostCall::new(self.last + 1, method);
        if call.expects_reply() {
            self.last += 1;
            self.open.insert(call.call_id, id);
        }
        call
    }

    /// Closes the call that an answer names.
    fn close_call(&mut self, call_id: HostCallId, method: HostMethodId) -> Result<(), PsrpError> {
        let unknown = PsrpError::UnknownCall { what: "host response", call_id };
        match self.open.get(&call_id) {
            Some(&called) if called == method => {
                self.open.remove(&call_id);
                Ok(())
            }
            _ => Err(unknown),
        }
    }
}
