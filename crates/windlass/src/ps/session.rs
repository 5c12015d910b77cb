//! An open PowerShell session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::watch;
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::{CreatePipeline, PoolState, PowerShell, ProtocolVersion};

use super::builder::PsSessionBuilder;
use super::input::PipelineInput;
use super::invocation::{Invocation, Stopper};
use super::pipeline::{Progress, Run};
use super::shared::Shared;
use crate::Target;
use crate::batches;
use crate::error::{Error, Layer, Result};
use crate::statistics::Statistics;

/// The number of the session that was opened last.
static LAST_ID: AtomicU32 = AtomicU32::new(0);

/// A PowerShell session on a remote computer. Pipelines run in it one after the other, or side by side
/// if it has several runspaces. Closed when dropped; [`PsSession::close`] also says whether that worked.
pub struct PsSession {
    shared: Arc<Shared>,
    id: u32,
    name: String,
    computer: String,
    configuration: String,
    is_closed: bool,
}

/// What a session is ready for, as `Get-PSSession` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// Pipelines can be started.
    Opened,
    /// It lives on the host without this client.
    Disconnected,
    /// It was closed.
    Closed,
    /// It was lost.
    Broken,
}

/// Whether a session takes a pipeline now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Availability {
    /// A runspace is free.
    Available,
    /// All runspaces are at work.
    Busy,
    /// It is not open.
    None,
}

impl PsSession {
    /// A session on a computer.
    pub fn builder(computer: &str) -> PsSessionBuilder {
        PsSessionBuilder::new(Target::computer(computer))
    }

    pub(super) fn new(
        shared: Arc<Shared>,
        name: Option<String>,
        computer: String,
        configuration: String,
    ) -> Self {
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let name = name.unwrap_or_else(|| format!("Runspace{id}"));
        Self { shared, id, name, computer, configuration, is_closed: false }
    }

    /// The session's number in this process.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The computer it is on, as the caller named it.
    pub fn computer_name(&self) -> &str {
        &self.computer
    }

    /// The endpoint.
    pub fn configuration_name(&self) -> &str {
        &self.configuration
    }

    /// The id of the runspace pool, which is that of the shell.
    pub fn instance_id(&self) -> Uuid {
        self.shared.machine().pool.id()
    }

    /// The state.
    pub fn state(&self) -> SessionState {
        match self.shared.machine().pool.state() {
            PoolState::Opened => SessionState::Opened,
            PoolState::Disconnected | PoolState::Connecting => SessionState::Disconnected,
            PoolState::Broken => SessionState::Broken,
            _ => SessionState::Closed,
        }
    }

    /// Whether a pipeline would run at once, as far as this client knows.
    pub fn availability(&self) -> Availability {
        let machine = self.shared.machine();
        if machine.pool.state() != PoolState::Opened {
            return Availability::None;
        }
        let running = machine
            .pool
            .pipelines()
            .filter(|&id| machine.pool.pipeline_state(id).is_some_and(|state| !state.is_final()))
            .count();
        let most = usize::try_from(machine.pool.runspaces().1).unwrap_or(1);
        if running < most { Availability::Available } else { Availability::Busy }
    }

    /// The version of the remoting protocol that was agreed on.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.shared.machine().pool.protocol_version()
    }

    /// What the host tells of itself: a dictionary with `PSVersionTable` and more, or null.
    pub fn application_private_data(&self) -> PsValue {
        self.shared.machine().private_data.clone()
    }

    /// What went over the wire until now.
    pub fn statistics(&self) -> Statistics {
        self.shared.shell.client().counts().into()
    }

    /// Starts a pipeline without input. It starts at once, before anything is read from it.
    pub fn invoke(&self, pipeline: impl Into<CreatePipeline>) -> Invocation {
        let mut create = pipeline.into();
        create.no_input = true;
        self.start(&create)
    }

    /// Starts a script, which an endpoint without the full language refuses.
    pub fn invoke_script(&self, script: &str) -> Invocation {
        self.invoke(PowerShell::script(script))
    }

    /// Starts a pipeline with input: its commands see the objects as they are sent.
    pub fn invoke_with_input(&self, pipeline: impl Into<CreatePipeline>) -> (PipelineInput, Invocation) {
        let create = pipeline.into().with_input();
        let invocation = self.start(&create);
        let Stopper { id, progress, .. } = invocation.stopper();
        (PipelineInput::start(&self.shared, id, progress), invocation)
    }

    fn start(&self, create: &CreatePipeline) -> Invocation {
        let shared = Arc::clone(&self.shared);
        let id = Uuid::new_v4();
        let (outlet, events) = batches::channel();
        let progress = watch::Sender::new(Progress::Starting);
        let stopper = Stopper { shared: Arc::clone(&shared), id, progress: progress.subscribe() };
        let created = shared.with_machine(|machine| {
            machine.pool.create_pipeline_with_id(id, create).map(|()| machine.open_box(id))
        });
        match created {
            Ok(changed) => {
                let run = Run { shared: Arc::clone(&shared), id, outlet, progress, changed };
                shared.tasks.spawn(run.carry_out());
            }
            Err(error) => {
                let error = match self.state() {
                    SessionState::Opened => Error::protocol(Layer::Psrp, shared.host_name(), error),
                    _ => shared.pool_error(),
                };
                shared.tasks.spawn(async move {
                    outlet.fail(error).await;
                    drop(progress);
                });
            }
        }
        Invocation { events, stopper }
    }

    /// Ends the pipelines and closes the session on the host.
    ///
    /// # Errors
    /// The host did not close it.
    pub async fn close(mut self) -> Result<()> {
        self.is_closed = true;
        let shared = Arc::clone(&self.shared);
        // Carried through even if the caller does not wait.
        self.shared.tasks.finish(async move { shared.close().await }).await
    }
}

impl Drop for PsSession {
    fn drop(&mut self) {
        if !self.is_closed {
            let shared = Arc::clone(&self.shared);
            self.shared.tasks.detach(async move {
                if let Err(error) = shared.close().await {
                    tracing::warn!(%error, "a dropped session could not be closed");
                }
            });
        }
    }
}
