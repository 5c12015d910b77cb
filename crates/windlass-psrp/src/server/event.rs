//! What a server learns.

use uuid::Uuid;
use windlass_clixml::PsValue;

use crate::host::HostResponse;
use crate::payload::{CreatePipeline, GetCommandMetadata, InitRunspacePool};

/// Something that a client wants, in the order in which it came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The pool is open.
    Opened(Box<InitRunspacePool>),
    /// Another client has taken the pool over.
    Connected,
    /// The limits of the pool changed, and the client was told so.
    Runspaces {
        /// Fewest runspaces.
        min: i32,
        /// Most runspaces.
        max: i32,
    },
    /// The runspace is to forget what it holds: answer with [`crate::ServerPool::reset_done`].
    ResetRunspaceState {
        /// The number to answer with.
        call_id: i64,
    },
    /// A pipeline is to run.
    CreatePipeline {
        /// The pipeline.
        id: Uuid,
        /// What it is to run, and how.
        create: Box<CreatePipeline>,
    },
    /// Commands are asked for: the answer is the output of the pipeline, first an object whose
    /// `Count` says how many follow.
    GetCommandMetadata {
        /// The pipeline.
        id: Uuid,
        /// Which commands.
        request: Box<GetCommandMetadata>,
    },
    /// A pipeline gets an object.
    Input {
        /// The pipeline.
        id: Uuid,
        /// The object.
        value: PsValue,
    },
    /// A pipeline gets no more objects.
    EndOfInput {
        /// The pipeline.
        id: Uuid,
    },
    /// A pipeline is to stop.
    Stop {
        /// The pipeline.
        id: Uuid,
    },
    /// The host answered.
    HostResponse {
        /// For which pipeline; `None` for the pool.
        pipeline: Option<Uuid>,
        /// The answer.
        response: HostResponse,
    },
    /// There is a session key now.
    SessionKey,
}
