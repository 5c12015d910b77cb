//! An open PowerShell session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::Instrument as _;
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::{CreatePipeline, PoolState, PowerShell, ProtocolVersion, PsrpError};

use super::builder::PsSessionBuilder;
use super::input::PipelineInput;
use super::invocation::{Invocation, Stopper};
use super::machine::Machine;
use super::pipeline::{Progress, Run};
use super::process::ProcessCommand;
use super::shared::{Shared, Stage};
use crate::batches;
use crate::error::{Error, Result};
use crate::statistics::Statistics;
use crate::target::Target;

/// The number that a session was given last.
static LAST_ID: AtomicU32 = AtomicU32::new(0);

/// The next number of a session.
pub(super) fn next_id() -> u32 {
    LAST_ID.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// A PowerShell session on a remote computer. Pipelines run in it one after the other, or side by side
/// if it has several runspaces. Closed when dropped; [`PsSession::close`] also says whether that worked.
pub struct PsSession {
    pub(super) shared: Arc<Shared>,
    id: u32,
    name: String,
    computer: String,
    configuration: String,
    is_closed: bool,
    /// What it was made from.
    model: Arc<PsSessionBuilder>,
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

/// How a pipeline is run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InvokeOptions {
    /// How long it may take. Then it is stopped; its stream ends in an error that says so.
    pub timeout: Option<Duration>,
    /// Whether it is left to itself: nothing of its output is fetched before the session was disconnected, so
    /// that whoever connects next gets all of it (`-InDisconnectedSession`).
    pub is_left: bool,
    /// Whether somebody watches it who may stop it any moment: a connection is kept ready for the order, which
    /// then takes one round trip. It costs a logon while the pipeline runs for longer than a moment.
    pub is_watched: bool,
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

    /// A session with a program that speaks PowerShell's out-of-process framing on its standard streams.
    pub fn process(command: ProcessCommand) -> PsSessionBuilder {
        PsSessionBuilder::new(Target::computer("localhost")).through(command)
    }

    pub(super) fn new(
        shared: Arc<Shared>,
        model: Arc<PsSessionBuilder>,
        name: Option<String>,
        computer: String,
        configuration: String,
        id: u32,
    ) -> Self {
        let name = name.unwrap_or_else(|| format!("Runspace{id}"));
        Self { shared, id, name, computer, configuration, is_closed: false, model }
    }

    /// A session like this one, to be opened: the same computer, endpoint, credential and options, with a
    /// name and an id of its own (`New-PSSession -Session`).
    pub fn another(&self) -> PsSessionBuilder {
        let mut builder = PsSessionBuilder::clone(&self.model);
        (builder.name, builder.id) = (None, None);
        builder
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

    /// How long the host keeps the session while nothing happens, as was asked for when it was opened or
    /// left; `None` is the host's own limit.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.shared.idle_timeout()
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

    /// Waits until the session is disconnected: by this client, by another, or as the network stayed away. False where
    /// it is closed instead.
    pub async fn disconnected(&self) -> bool {
        self.shared.disconnected().await
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
        self.shared.link.statistics()
    }

    /// Starts a pipeline without input. It starts at once, before anything is read from it.
    pub fn invoke(&self, pipeline: impl Into<CreatePipeline>) -> Invocation {
        self.invoke_with(pipeline, &InvokeOptions::default())
    }

    /// Starts a script, which an endpoint without the full language refuses.
    pub fn invoke_script(&self, script: &str) -> Invocation {
        self.invoke(PowerShell::script(script))
    }

    /// Starts a pipeline without input, with options.
    pub fn invoke_with(&self, pipeline: impl Into<CreatePipeline>, options: &InvokeOptions) -> Invocation {
        let mut create = pipeline.into();
        create.no_input = true;
        self.pipelines().start(&create, options)
    }

    /// Starts a pipeline with input: its commands see the objects as they are sent.
    pub fn invoke_with_input(&self, pipeline: impl Into<CreatePipeline>) -> (PipelineInput, Invocation) {
        self.pipelines().invoke_with_input(pipeline)
    }

    /// What starts pipelines and does not hold the session open.
    pub(crate) fn pipelines(&self) -> Pipelines {
        Pipelines(Arc::clone(&self.shared))
    }

    /// Pipelines that run at once.
    pub(crate) fn most_pipelines(&self) -> usize {
        usize::try_from(self.shared.machine().pool.runspaces().1).unwrap_or(1)
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

/// Starts the pipelines of a session. The session can be closed meanwhile.
#[derive(Clone)]
pub(crate) struct Pipelines(Arc<Shared>);

impl Pipelines {
    /// Starts a pipeline without input.
    pub(crate) fn invoke(&self, pipeline: impl Into<CreatePipeline>) -> Invocation {
        let mut create = pipeline.into();
        create.no_input = true;
        self.start(&create, &InvokeOptions::default())
    }

    /// Starts a pipeline with input.
    pub(crate) fn invoke_with_input(
        &self,
        pipeline: impl Into<CreatePipeline>,
    ) -> (PipelineInput, Invocation) {
        let create = pipeline.into().with_input();
        let invocation = self.start(&create, &InvokeOptions::default());
        let Stopper { id, progress, .. } = invocation.stopper();
        (PipelineInput::start(&self.0, id, progress), invocation)
    }

    /// The host, as errors name it.
    pub(crate) fn host_name(&self) -> &str {
        self.0.host_name()
    }

    fn start(&self, create: &CreatePipeline, options: &InvokeOptions) -> Invocation {
        let id = Uuid::new_v4();
        let make = |machine: &mut Machine| machine.pool.create_pipeline_with_id(id, create).map(|()| id);
        self.start_made(make, options)
    }

    /// Starts what `make` makes in the pool.
    pub(super) fn start_made(
        &self,
        make: impl FnOnce(&mut Machine) -> Result<Uuid, PsrpError>,
        options: &InvokeOptions,
    ) -> Invocation {
        let shared = &self.0;
        let made = shared.with_machine(|machine| {
            let id = make(machine)?;
            Ok((id, machine.open_box(id)))
        });
        match made {
            Ok((id, changed)) => {
                let (mut run, invocation) = follow(shared, id, changed, options.timeout);
                run.is_held = options.is_left;
                run.is_watched = options.is_watched;
                let span = tracing::debug_span!(
                    "pipeline",
                    host = shared.host_name(),
                    session = %shared.machine().pool.id(),
                    pipeline = %id,
                );
                shared.tasks.spawn(run.carry_out().instrument(span));
                invocation
            }
            Err(PsrpError::PoolState { .. }) => refused(shared, shared.pool_error()),
            Err(error) => refused(shared, shared.protocol_error(error)),
        }
    }
}

/// Both ends of a pipeline: its task's and its caller's.
pub(super) fn follow(
    shared: &Arc<Shared>,
    id: Uuid,
    changed: Arc<Notify>,
    timeout: Option<Duration>,
) -> (Run, Invocation) {
    let (outlet, events) = batches::channel();
    let progress = watch::Sender::new(Progress::Starting);
    let stopper = Stopper { shared: Arc::clone(shared), id, progress: progress.subscribe() };
    let shared = Arc::clone(shared);
    let run = Run { shared, id, outlet, progress, changed, timeout, is_held: false, is_watched: false };
    (run, Invocation { events, stopper })
}

/// A pipeline that never starts.
fn refused(shared: &Arc<Shared>, error: Error) -> Invocation {
    let (Run { outlet, progress, .. }, invocation) = follow(shared, Uuid::nil(), Arc::default(), None);
    shared.tasks.spawn(async move {
        outlet.fail(error.while_doing("running a pipeline")).await;
        drop(progress);
    });
    invocation
}

impl Drop for PsSession {
    fn drop(&mut self) {
        if self.shared.stage() == Stage::Disconnected {
            self.shared.abandon();
        } else if !self.is_closed {
            let shared = Arc::clone(&self.shared);
            self.shared.tasks.clean_up(async move {
                if let Err(error) = shared.close().await {
                    tracing::warn!(%error, "a dropped session could not be closed");
                }
            });
        }
    }
}
