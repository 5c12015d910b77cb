//! What a client learns.

use uuid::Uuid;
use windlass_clixml::{ProgressRecord, PsValue};

use crate::error::PsrpError;
use crate::host::HostCall;
use crate::payload::{Availability, ErrorRecord, InformationRecord, InformationalRecord, UserEvent};
use crate::state::{PipelineState, PoolState};

/// Something that happened in a pool, in the order in which it came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The pool changed its state.
    PoolState {
        /// The new state.
        state: PoolState,
        /// Why, where the server says so.
        error: Option<Box<ErrorRecord>>,
    },
    /// What the server tells of itself: a dictionary.
    ApplicationPrivateData(PsValue),
    /// The limits of a pool that was connected to.
    Runspaces {
        /// Fewest runspaces.
        min: i32,
        /// Most runspaces.
        max: i32,
    },
    /// The answer to a question about the runspaces.
    Availability {
        /// The number that asking gave.
        call_id: i64,
        /// The answer.
        answer: Availability,
    },
    /// An event that a script forwarded.
    UserEvent(Box<UserEvent>),
    /// There is a session key now: secrets that came can be revealed.
    SessionKey,
    /// The server calls the host.
    HostCall {
        /// For which pipeline; `None` for the pool.
        pipeline: Option<Uuid>,
        /// What it calls.
        call: HostCall,
    },
    /// A pipeline wrote an object.
    PipelineOutput {
        /// The pipeline.
        pipeline: Uuid,
        /// The object.
        value: PsValue,
    },
    /// A pipeline wrote an error and goes on.
    PipelineError {
        /// The pipeline.
        pipeline: Uuid,
        /// The error.
        error: Box<ErrorRecord>,
    },
    /// A pipeline wrote a warning.
    Warning {
        /// The pipeline.
        pipeline: Uuid,
        /// The record.
        record: InformationalRecord,
    },
    /// A pipeline wrote to the verbose stream.
    Verbose {
        /// The pipeline.
        pipeline: Uuid,
        /// The record.
        record: InformationalRecord,
    },
    /// A pipeline wrote to the debug stream.
    Debug {
        /// The pipeline.
        pipeline: Uuid,
        /// The record.
        record: InformationalRecord,
    },
    /// A pipeline wrote to the information stream.
    Information {
        /// The pipeline.
        pipeline: Uuid,
        /// The record.
        record: Box<InformationRecord>,
    },
    /// A pipeline told how far it is.
    Progress {
        /// The pipeline.
        pipeline: Uuid,
        /// The record.
        record: Box<ProgressRecord>,
    },
    /// A pipeline changed its state.
    PipelineState {
        /// The pipeline.
        pipeline: Uuid,
        /// The new state.
        state: PipelineState,
        /// Why, where it did not complete.
        error: Option<Box<ErrorRecord>>,
    },
    /// A pipeline cannot go on because of this side: what came for it cannot be read, or the pool
    /// ended. Its state is [`PipelineState::Failed`]; what still comes for it is dropped.
    PipelineFailed {
        /// The pipeline.
        pipeline: Uuid,
        /// What is wrong.
        error: PsrpError,
    },
}
