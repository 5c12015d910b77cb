//! PowerShell sessions: a runspace pool behind a shell of WS-Management ([MS-PSRP] 3.1).

mod builder;
mod event;
mod host;
mod input;
mod invocation;
mod life;
mod link;
mod machine;
mod open;
mod pipeline;
mod process;
mod release;
mod runspaces;
mod secrets;
mod session;
mod shared;
mod ssh;
mod turns;

pub use builder::{PsSessionBuilder, PsSessionOptions};
pub use event::{Collected, NetworkEvent, PipelineEvent};
pub use host::{Answering, Host, HostAnswer, HostRequest};
pub use input::PipelineInput;
pub use invocation::{Invocation, Stopper};
pub use life::{DisconnectOptions, SessionTicket};
pub use open::FoundSession;
pub use process::ProcessCommand;
pub(crate) use session::Pipelines;
pub use session::{Availability, InvokeOptions, PsSession, SessionState};
pub use ssh::SshConnection;
