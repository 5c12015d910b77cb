//! PowerShell sessions: a runspace pool behind a shell of WS-Management ([MS-PSRP] 3.1).

mod builder;
mod event;
mod host;
mod input;
mod invocation;
mod machine;
mod pipeline;
mod release;
mod session;
mod shared;

pub use builder::{PsSessionBuilder, PsSessionOptions};
pub use event::{Collected, NetworkEvent, PipelineEvent};
pub use host::{Answering, Host, HostAnswer};
pub use input::PipelineInput;
pub use invocation::{Invocation, Stopper};
pub use session::{Availability, PsSession, SessionState};
