//! PowerShell remoting as state machines, for clients and servers.
//!
//! Nothing here knows a transport: [`ClientPool`] and [`ServerPool`] take and give bytes of the streams
//! that a transport carries: WS-Man shells or the out-of-process framing.
//!
//! - [`fragment`]: messages cut into fragments and put together again.
//! - [`message`]: the header of a message and the kinds of messages.
//! - [`payload`]: what messages carry, as types.
//! - [`host`]: calls of the client's host.
//! - [`session_key`]: the key that protects secrets.
//! - [`outofproc`]: the framing that PowerShell uses over SSH and standard streams.
//!
//! Specification: [MS-PSRP]. Where PowerShell 7.6 does more than it says, PowerShell is followed.
#![forbid(unsafe_code)]

mod client;
mod enums;
mod error;
mod fields;
pub mod fragment;
pub mod host;
pub mod message;
mod outbox;
pub mod outofproc;
pub mod payload;
mod powershell;
mod secrets;
mod server;
pub mod session_key;
mod state;
mod version;

pub use client::{ClientEvent, ClientLimits, ClientPool, PoolOptions};
pub use enums::{
    ApartmentState, CommandOrigin, CommandTypes, ConsoleColor, ErrorCategory, PipelineResultTypes,
    RemoteStreamOptions, ThreadOptions, Visibility,
};
pub use error::PsrpError;
pub use message::{Message, MessageType};
pub use outbox::{Outgoing, Stream};
pub use payload::{
    CreatePipeline, ErrorRecord, GetCommandMetadata, HostMessage, InformationRecord, InformationalKind,
    InformationalRecord, InvocationInfo, Payload,
};
pub use powershell::{Command, Merge, Parameter, PowerShell};
pub use server::{ServerEvent, ServerLimits, ServerOptions, ServerPool};
pub use session_key::{KeyPair, SessionKey};
pub use state::{PipelineState, PoolState};
pub use version::ProtocolVersion;
