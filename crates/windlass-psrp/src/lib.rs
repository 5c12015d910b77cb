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
//! A client and a server, with nothing between them:
//!
//! ```
//! use windlass_psrp::*;
//!
//! # fn main() -> Result<(), PsrpError> {
//! let mut client = ClientPool::new(PoolOptions::default());
//! let mut server = ServerPool::new(ServerOptions::default());
//! let room = ClientPool::FRAGMENT_LENGTH;
//!
//! server.receive(None, Stream::Default, &client.creation_fragments(room)?)?;
//! while let Some(outgoing) = server.poll_send(room) {
//!     client.receive(outgoing.pipeline, &outgoing.data)?;
//! }
//! assert_eq!(client.state(), PoolState::Opened);
//!
//! let id = client.create_pipeline(PowerShell::new().command("Get-Date"))?;
//! let command = client.command_arguments(id, room)?.expect("no secret waits for a key");
//! server.receive(Some(id), Stream::Default, &command)?;
//! server.write_output(id, &"today".into())?;
//! server.complete(id, PipelineState::Completed, None)?;
//! while let Some(outgoing) = server.poll_send(room) {
//!     client.receive(outgoing.pipeline, &outgoing.data)?;
//! }
//! let mut events = std::iter::from_fn(|| client.poll_event());
//! assert!(events.any(|event| matches!(event, ClientEvent::PipelineOutput { value, .. } if value == "today".into())));
//! # Ok(())
//! # }
//! ```
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
