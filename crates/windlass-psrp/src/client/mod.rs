//! The client's machine: a pool of runspaces and its pipelines ([MS-PSRP] 3.1).
//!
//! Bytes that came go into [`ClientPool::receive`]; what they mean comes from
//! [`ClientPool::poll_event`]; bytes to send come from [`ClientPool::poll_send`]. What the transport
//! does besides (the commands and signals of a shell) the caller does, and tells.

mod calls;
mod connect;
mod event;
mod pipeline;
mod receive;
mod secrets;

pub use event::ClientEvent;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;
use windlass_clixml::{Decoder, PsValue};

use crate::enums::{ApartmentState, ThreadOptions};
use crate::error::PsrpError;
use crate::fragment::{DEFAULT_FRAGMENT_LENGTH, Defragmenter, FragmentLimits};
use crate::host::HostInfo;
use crate::message::{Destination, Message, MessageType};
use crate::outbox::{Outbox, Outgoing, Stream};
use crate::payload::{InitRunspacePool, Payload, SessionCapability};
use crate::secrets::Secrets;
use crate::session_key::KeyPair;
use crate::state::PoolState;
use crate::version::ProtocolVersion;
use calls::Question;
use pipeline::Pipeline;

/// How a pool is opened.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// The pool's id. WS-Man uses it as the id of the shell too.
    pub id: Uuid,
    /// Fewest runspaces.
    pub min_runspaces: i32,
    /// Most runspaces: how many pipelines run at once.
    pub max_runspaces: i32,
    /// Which threads run pipelines.
    pub thread_options: ThreadOptions,
    /// Their COM apartment.
    pub apartment_state: ApartmentState,
    /// The host of pipelines that have none of their own.
    pub host_info: HostInfo,
    /// What scripts find in `$PSSenderInfo.ApplicationArguments`; see
    /// [`crate::payload::primitive_dictionary`].
    pub application_arguments: PsValue,
    /// The client's time zone as .NET Framework serializes a System.CurrentSystemTimeZone, for servers that
    /// look at it.
    pub time_zone: Option<Arc<[u8]>>,
    /// The version that is offered. With 2.4, secrets travel as the transport protects them.
    pub protocol_version: ProtocolVersion,
    /// Whether the transport encrypts. Otherwise secrets are refused where protocol 2.4 was agreed on.
    pub transport_encrypts: bool,
    /// Whether the transport carries whole fragments, so that a part of one is an error: true for
    /// PowerShell's transports, where nobody would ever send the rest.
    pub whole_fragments: bool,
    /// What the server may make this side hold.
    pub limits: ClientLimits,
}

/// What a server may make a client hold.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// Longest message, in bytes (MaximumReceivedObjectSize).
    pub object: usize,
    /// All messages of a pipeline together, in bytes (MaximumReceivedDataSizePerCommand).
    pub pipeline: u64,
    /// What a message may contain.
    pub clixml: windlass_clixml::Limits,
    /// How many bytes of input wait for a pipeline before [`ClientPool::takes_input`] says no.
    pub waiting_input: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            object: FragmentLimits::default().object,
            pipeline: u64::MAX,
            clixml: windlass_clixml::Limits::default(),
            waiting_input: 1024 * 1024,
        }
    }
}

impl Default for PoolOptions {
    /// One runspace, no host, protocol 2.3.
    fn default() -> Self {
        Self {
            id: Uuid::new_v4(),
            min_runspaces: 1,
            max_runspaces: 1,
            thread_options: ThreadOptions::Default,
            apartment_state: ApartmentState::Unknown,
            host_info: HostInfo::none(),
            application_arguments: PsValue::Null,
            time_zone: None,
            protocol_version: ProtocolVersion::V2_3,
            transport_encrypts: false,
            whole_fragments: true,
            limits: ClientLimits::default(),
        }
    }
}

/// A pool of runspaces on a server.
#[derive(Debug)]
pub struct ClientPool {
    options: PoolOptions,
    capability: SessionCapability,
    state: PoolState,
    version: Option<ProtocolVersion>,
    inbox: Defragmenter,
    decoder: Decoder,
    outbox: Outbox,
    pipelines: BTreeMap<Uuid, Pipeline>,
    events: VecDeque<ClientEvent>,
    questions: BTreeMap<i64, Question>,
    last_question: i64,
    secrets: Secrets,
    key_pair: Option<KeyPair>,
    key_requested: bool,
}

impl ClientPool {
    /// A pool that is not open yet.
    pub fn new(options: PoolOptions) -> Self {
        let limits = FragmentLimits { object: options.limits.object, total: u64::MAX };
        Self {
            capability: SessionCapability {
                time_zone: options.time_zone.clone(),
                ..SessionCapability::new(options.protocol_version)
            },
            state: PoolState::BeforeOpen,
            version: None,
            inbox: Defragmenter::new(limits),
            decoder: Decoder::default(),
            outbox: Outbox::default(),
            pipelines: BTreeMap::new(),
            events: VecDeque::new(),
            questions: BTreeMap::new(),
            last_question: 0,
            secrets: Secrets::default(),
            key_pair: None,
            key_requested: false,
            options,
        }
    }

    /// The pool's id.
    pub fn id(&self) -> Uuid {
        self.options.id
    }

    /// The pool's state.
    pub fn state(&self) -> PoolState {
        self.state
    }

    /// The version that was agreed on, once it was.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// Fewest and most runspaces, as far as this side knows.
    pub fn runspaces(&self) -> (i32, i32) {
        (self.options.min_runspaces, self.options.max_runspaces)
    }

    /// Begins to open the pool: the first fragments, at most `max` bytes, for the `creationXml` of a
    /// shell or for the first piece of data of another transport. What does not fit comes from
    /// [`ClientPool::poll_send`].
    ///
    /// # Errors
    /// When the pool was opened before, or its limits are not allowed.
    pub fn creation_fragments(&mut self, max: usize) -> Result<Vec<u8>, PsrpError> {
        self.require(&[PoolState::BeforeOpen], "opening the pool")?;
        calls::check_limits(self.options.min_runspaces, self.options.max_runspaces)?;
        let version = self.options.protocol_version;
        let init = InitRunspacePool {
            min_runspaces: self.options.min_runspaces,
            max_runspaces: self.options.max_runspaces,
            thread_options: self.options.thread_options,
            apartment_state: self.options.apartment_state,
            application_arguments: self.options.application_arguments.clone(),
            host_info: self.options.host_info.clone(),
        };
        let capability = self.capability.to_value(version)?;
        let init = init.to_value(version)?;
        self.push(MessageType::SessionCapability, None, &capability);
        self.push(MessageType::InitRunspacePool, None, &init);
        self.set_state(PoolState::Opening);
        Ok(self.outbox.poll_for(None, max).map(|outgoing| outgoing.data).unwrap_or_default())
    }

    /// Whole fragments to send next, at most `max` bytes of one stream. `None` when there are none.
    /// Streams take turns, answers of the host first.
    pub fn poll_send(&mut self, max: usize) -> Option<Outgoing> {
        self.outbox.poll(max)
    }

    /// Whole fragments to send next on the streams of a pipeline, or of the pool.
    pub fn poll_send_for(&mut self, pipeline: Option<Uuid>, max: usize) -> Option<Outgoing> {
        self.outbox.poll_for(pipeline, max)
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// The caller begins to close the pool. Pipelines that run end with it.
    pub fn closing(&mut self) {
        if !self.state.is_final() {
            self.set_state(PoolState::Closing);
        }
    }

    /// The transport closed the pool, as it was asked to.
    pub fn closed(&mut self) {
        if !self.state.is_final() {
            self.end(PoolState::Closed, None);
        }
    }

    /// The transport is lost, and the pool with it.
    pub fn transport_failed(&mut self) {
        if !self.state.is_final() {
            self.end(PoolState::Broken, None);
        }
    }

    /// The largest fragments that are of use to PowerShell, in bytes.
    pub const FRAGMENT_LENGTH: usize = DEFAULT_FRAGMENT_LENGTH;

    fn agreed(&self) -> ProtocolVersion {
        self.version.unwrap_or(self.options.protocol_version)
    }

    fn require(&self, states: &[PoolState], action: &'static str) -> Result<(), PsrpError> {
        if states.contains(&self.state) {
            return Ok(());
        }
        Err(PsrpError::PoolState { action, state: self.state })
    }

    fn set_state(&mut self, state: PoolState) {
        if self.state != state {
            self.state = state;
            self.events.push_back(ClientEvent::PoolState { state, error: None });
        }
    }

    /// Ends the pool with all that runs in it.
    fn end(&mut self, state: PoolState, error: Option<Box<crate::payload::ErrorRecord>>) {
        self.state = state;
        self.outbox.clear();
        let reason = PsrpError::PoolState { action: "running a pipeline", state };
        for (&pipeline, entry) in &mut self.pipelines {
            if !entry.state.is_final() {
                entry.fail();
                self.events.push_back(ClientEvent::PipelineFailed { pipeline, error: reason.clone() });
            }
        }
        self.events.push_back(ClientEvent::PoolState { state, error });
    }

    /// Queues a message on the main stream of its scope.
    fn push(&mut self, kind: MessageType, pipeline: Option<Uuid>, value: &PsValue) {
        let (bytes, waits) = self.encode(kind, pipeline, value);
        self.outbox.push(pipeline, Stream::Default, bytes, waits);
    }

    /// Encodes a message; says whether it must wait for the session key.
    fn encode(&self, kind: MessageType, pipeline: Option<Uuid>, value: &PsValue) -> (Vec<u8>, bool) {
        let message = Message {
            destination: Destination::Server,
            kind,
            pool: self.options.id,
            pipeline: pipeline.unwrap_or_default(),
            byte_order_mark: false,
            data: "",
        };
        let mut bytes = message.encode_with(value);
        let waits = self.secrets.fill(&mut bytes);
        (bytes, waits)
    }
}
