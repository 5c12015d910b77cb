//! What messages carry, as types ([MS-PSRP] 2.2.2).

mod capability;
mod create_pipeline;
mod error_record;
mod information;
mod informational;
mod init_pool;
mod invocation_info;
mod metadata;
mod pool;
mod progress;
mod rewrite;
mod states;
mod user_event;

pub use capability::SessionCapability;
pub use create_pipeline::CreatePipeline;
pub use error_record::{ErrorDetails, ErrorRecord};
pub use information::{HostMessage, InformationRecord};
pub use informational::{InformationalKind, InformationalRecord};
pub use init_pool::{ConnectRunspacePool, InitRunspacePool, RunspacePoolInitData, primitive_dictionary};
pub(crate) use invocation_info::int_array;
pub use invocation_info::{CommandInfo, InvocationInfo};
pub use metadata::GetCommandMetadata;
pub use pool::{Availability, PoolCall, RunspaceAvailability, SetRunspaces};
pub use progress::{progress_from_value, progress_to_value};
pub use rewrite::rewrite;
pub use states::{PipelineStateMessage, PoolStateMessage};
pub use user_event::UserEvent;

use windlass_clixml::PsValue;

use crate::error::PsrpError;
use crate::version::ProtocolVersion;

/// The data of one kind of message.
pub trait Payload: Sized {
    /// Reads the data.
    ///
    /// # Errors
    /// When a property is missing, doubled or of the wrong type.
    fn from_value(value: &PsValue) -> Result<Self, PsrpError>;

    /// The data as this version of the protocol has them, with the same properties in the same order
    /// as PowerShell's own.
    ///
    /// # Errors
    /// When the version has no way to say it.
    fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError>;
}
