//! What can go wrong.

use thiserror::Error;
use uuid::Uuid;
use windlass_core::cursor::ReadError;

use crate::message::MessageType;
use crate::state::{PipelineState, PoolState};
use crate::version::ProtocolVersion;

/// An error of the remoting protocol. No text in it comes from data that could be secret.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PsrpError {
    /// A fragment ends before its header or its piece does.
    #[error("fragment is cut short: {0}")]
    ShortFragment(#[from] ReadError),
    /// A fragment has an object id that is not allowed.
    #[error("object id {object} is not in 1 to 2^63 - 1")]
    ObjectId {
        /// The id.
        object: u64,
    },
    /// A message starts in the middle.
    #[error("object {object} begins with fragment {fragment}, which is not marked as its start")]
    NoStart {
        /// The message.
        object: u64,
        /// Its first fragment.
        fragment: u64,
    },
    /// A fragment is missing, repeated or out of order.
    #[error("object {object}: fragment {expected} expected, {found} found")]
    FragmentOrder {
        /// The message.
        object: u64,
        /// The fragment that has to come.
        expected: u64,
        /// The fragment that came.
        found: u64,
    },
    /// A fragment of another message came in between.
    #[error("fragment of object {expected} expected, of {found} found")]
    ObjectOrder {
        /// The message in progress.
        expected: u64,
        /// The other message.
        found: u64,
    },
    /// A message starts before the one in progress ended.
    #[error("object {object} has no end: object {next} starts")]
    ObjectCutOff {
        /// The message in progress.
        object: u64,
        /// The other message.
        next: u64,
    },
    /// A fragment brings nothing.
    #[error("object {object}: fragment {fragment} is empty")]
    EmptyFragment {
        /// The message.
        object: u64,
        /// The fragment.
        fragment: u64,
    },
    /// A message is longer than this side takes.
    #[error("object {object} is longer than {limit} bytes")]
    ObjectTooLong {
        /// The message.
        object: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A stream is longer than this side takes.
    #[error("stream is longer than {limit} bytes")]
    StreamTooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// A transport that carries whole fragments brought a part of one.
    #[error("data end in the middle of a fragment")]
    OpenFragment,

    /// A message ends before its header does.
    #[error("message header is cut short: {0}")]
    ShortMessage(ReadError),
    /// A message type is not known.
    #[error("message type 0x{code:08x} is unknown")]
    UnknownMessage {
        /// The type.
        code: u32,
    },
    /// A destination is not known.
    #[error("{kind} has destination {code}, 1 or 2 expected")]
    UnknownDestination {
        /// The message.
        kind: MessageType,
        /// The destination.
        code: u32,
    },
    /// A message is for the other side.
    #[error("{kind} came to the wrong side")]
    WrongDestination {
        /// The message.
        kind: MessageType,
    },
    /// A message belongs to another pool.
    #[error("{kind} is for pool {found}, {expected} expected")]
    WrongPool {
        /// The message.
        kind: MessageType,
        /// This pool.
        expected: Uuid,
        /// The other pool.
        found: Uuid,
    },
    /// A message belongs to another pipeline than the stream that brought it, or to none.
    #[error("{kind} for {} came on the stream of {}", pipeline_name(found), pipeline_name(expected))]
    WrongPipeline {
        /// The message.
        kind: MessageType,
        /// Whose stream it is; `None` for the pool's.
        expected: Option<Uuid>,
        /// Whose message it is; `None` for the pool's.
        found: Option<Uuid>,
    },
    /// The data of a message are not text.
    #[error("data of {kind} are not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The message.
        kind: MessageType,
        /// Where, in bytes from the start of the data.
        offset: usize,
    },
    /// The data of a message are not CLIXML.
    #[error("data of {kind} cannot be read: {source}")]
    Clixml {
        /// The message.
        kind: MessageType,
        /// What is wrong.
        source: windlass_clixml::Error,
    },

    /// A message lacks a property.
    #[error("{structure} has no property {property}")]
    MissingProperty {
        /// The structure that should have it.
        structure: &'static str,
        /// The property.
        property: &'static str,
    },
    /// A property has a value of the wrong type.
    #[error("{structure}.{property} is {found}, {expected} expected")]
    PropertyType {
        /// The structure that has it.
        structure: &'static str,
        /// The property.
        property: &'static str,
        /// The type that it should have.
        expected: &'static str,
        /// The kind of value that it has.
        found: &'static str,
    },
    /// A property has a value that is not allowed.
    #[error("{structure}.{property} is {found}, {expected} expected")]
    PropertyValue {
        /// The structure that has it.
        structure: &'static str,
        /// The property.
        property: &'static str,
        /// What it should be.
        expected: &'static str,
        /// The number that it is.
        found: i64,
    },

    /// The versions of both sides do not fit.
    #[error("{what} {theirs} of the other side does not fit {ours}")]
    Incompatible {
        /// Which version.
        what: &'static str,
        /// This side's.
        ours: String,
        /// The other side's.
        theirs: String,
    },
    /// What was asked for needs a later version of the protocol than the one agreed on.
    #[error("{what} needs protocol {needed}, {agreed} was agreed on")]
    VersionTooOld {
        /// What was asked for.
        what: &'static str,
        /// The version it needs.
        needed: ProtocolVersion,
        /// The version agreed on.
        agreed: ProtocolVersion,
    },
    /// A message came at a time when it may not.
    #[error("{kind} came while the pool was {state}")]
    UnexpectedInPool {
        /// The message.
        kind: MessageType,
        /// The pool's state.
        state: PoolState,
    },
    /// A message came at a time when it may not.
    #[error("{kind} came while pipeline {pipeline} was {state}")]
    UnexpectedInPipeline {
        /// The message.
        kind: MessageType,
        /// The pipeline.
        pipeline: Uuid,
        /// Its state.
        state: PipelineState,
    },
    /// This side cannot do that now.
    #[error("{action} is not possible while the pool is {state}")]
    PoolState {
        /// What was asked for.
        action: &'static str,
        /// The pool's state.
        state: PoolState,
    },
    /// This side cannot do that now.
    #[error("{action} is not possible while pipeline {pipeline} is {state}")]
    PipelineState {
        /// What was asked for.
        action: &'static str,
        /// The pipeline.
        pipeline: Uuid,
        /// Its state.
        state: PipelineState,
    },
    /// There is no such pipeline, or no longer.
    #[error("pipeline {0} is not known")]
    UnknownPipeline(Uuid),
    /// There is such a pipeline already.
    #[error("pipeline {0} exists already")]
    PipelineExists(Uuid),
    /// The other side keeps more pipelines than it may.
    #[error("more than {limit} pipelines at once")]
    TooManyPipelines {
        /// The limit.
        limit: usize,
    },
    /// Input was given to a pipeline that takes none, or takes no more.
    #[error("pipeline {0} takes no input")]
    NoInput(Uuid),
    /// An answer names a call that was not made, or was answered before.
    #[error("{what} answers call {call_id}, which is not open")]
    UnknownCall {
        /// What came.
        what: &'static str,
        /// The call that it names.
        call_id: i64,
    },
    /// A limit of the pool is not allowed.
    #[error("{0}")]
    RunspaceLimits(&'static str),
    /// The arguments of a host call do not fit its method.
    #[error("host call {method}: argument {index} is {found}, {expected} expected")]
    HostArgument {
        /// The method.
        method: &'static str,
        /// Which argument, from 0.
        index: usize,
        /// What it should be.
        expected: &'static str,
        /// The kind of value that it is.
        found: &'static str,
    },

    /// A key or what it protects is not what the protocol asks for.
    #[error("{what}: {reason}")]
    Key {
        /// Which key or text.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no session key yet.
    #[error("there is no session key yet")]
    NoSessionKey,
    /// Protocol 2.4 sends secrets in the clear, and nobody said that the transport encrypts.
    #[error("protocol 2.4 sends secrets unprotected, and the transport does not encrypt")]
    UnprotectedSecret,
    /// A line of the out-of-process framing cannot be read.
    #[error("line {line}: {reason}")]
    Line {
        /// Which line of the stream, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl PsrpError {
    /// Whether a limit of this side was reached, as opposed to data that are wrong.
    pub fn is_quota(&self) -> bool {
        matches!(
            self,
            Self::ObjectTooLong { .. } | Self::StreamTooLong { .. } | Self::TooManyPipelines { .. }
        )
    }
}

fn pipeline_name(id: &Option<Uuid>) -> String {
    id.map_or_else(|| "the pool".to_owned(), |id| format!("pipeline {id}"))
}
