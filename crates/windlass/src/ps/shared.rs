//! What a PowerShell session, its pipelines and its background work share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;
use windlass_psrp::PoolState;
use windlass_psrp::host::{HostCall, HostReply};

use super::host::{self, Host};
use super::link::{Incoming, Inlet, Link};
use super::machine::Machine;
use super::release::Releases;
use super::turns::Turns;
use crate::error::{Error, Layer, Result};
use crate::retry::Retry;
use crate::shell::is_gone;
use crate::tasks::Tasks;

/// How long the background work of a closed session may take to notice.
const SETTLE: Duration = Duration::from_secs(2);

/// The life of a session, in the order of its stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Pipelines can be started.
    Open,
    /// The pool lives on at the host, without this client.
    Disconnected,
    /// The pool is about to be closed.
    Closing,
    /// The pool is gone, or another's: whatever still waits for it ends.
    Closed,
}

/// The parts of a session's options that count while it lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// How long the host may take to answer a question about the pool, and to agree on a key.
    pub(super) answer_timeout: Duration,
    /// How long closing and stopping may take.
    pub(super) cancel_timeout: Duration,
    /// When the pool's own messages are received in the background.
    pub(super) park_after: Duration,
    /// How long a failed network is tried again.
    pub(super) retry_window: Duration,
}

/// Who answers calls of the host.
pub(super) enum Answerer {
    Nobody,
    Host(Arc<dyn Host>),
    /// Whoever reads the pipelines' events.
    Events,
}

pub(super) struct Shared {
    pub(super) link: Link,
    pub(super) tasks: Tasks,
    machine: Mutex<Machine>,
    /// Whose turn it is to send.
    pub(super) turns: Turns,
    stage: watch::Sender<Stage>,
    /// The pool's own messages are received in the background.
    parked: AtomicBool,
    /// The way in for them, while nobody receives.
    pool_inlet: Mutex<Option<Inlet>>,
    /// Something happened to the pool as a whole.
    pub(super) pool_changed: Notify,
    pub(super) releases: Releases,
    host: Option<Arc<dyn Host>>,
    /// Pipelines' calls of the host come among their events.
    has_host_events: bool,
    pub(super) timing: Timing,
    /// How long the host keeps the session while nothing happens; `None` is the host's own limit.
    idle_timeout: Mutex<Option<Duration>>,
}

impl Shared {
    pub(super) fn new(
        link: Link,
        tasks: Tasks,
        machine: Machine,
        host: Answerer,
        timing: Timing,
    ) -> Arc<Self> {
        let (host, has_host_events) = match host {
            Answerer::Nobody => (None, false),
            Answerer::Host(host) => (Some(host), false),
            Answerer::Events => (None, true),
        };
        let pool_inlet = Mutex::new(Some(link.inlet(None)));
        Arc::new(Self {
            link,
            tasks,
            machine: Mutex::new(machine),
            turns: Turns::default(),
            stage: watch::Sender::new(Stage::Open),
            parked: AtomicBool::new(false),
            pool_inlet,
            pool_changed: Notify::new(),
            releases: Releases::default(),
            host,
            has_host_events,
            timing,
            idle_timeout: Mutex::default(),
        })
    }

    /// The machine. Never held across an await.
    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the host keeps the session while nothing happens, as far as was agreed.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        *self.idle_timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_idle_timeout(&self, agreed: Option<Duration>) {
        *self.idle_timeout.lock().unwrap_or_else(PoisonError::into_inner) = agreed;
    }

    /// The stage of the session's life.
    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Waits until the session is at this stage, or past it.
    pub(super) async fn reached(&self, stage: Stage) {
        let mut current = self.stage.subscribe();
        // The sender is part of `self`.
        current.wait_for(|&current| current >= stage).await.ok();
    }

    /// Waits until the session is disconnected, or will not be any more: whether it is.
    pub(super) async fn disconnected(&self) -> bool {
        let mut current = self.stage.subscribe();
        let stage = current.wait_for(|&current| current > Stage::Open).await.map(|stage| *stage);
        stage.is_ok_and(|stage| stage == Stage::Disconnected)
    }

    /// Waits while the session is disconnected, and tells the stage after that.
    pub(super) async fn connected_again(&self) -> Stage {
        let mut current = self.stage.subscribe();
        let stage = current.wait_for(|&current| current != Stage::Disconnected).await.map(|stage| *stage);
        stage.unwrap_or(Stage::Closed)
    }

    /// The host's name, as errors name it.
    pub(super) fn host_name(&self) -> &str {
        self.link.host()
    }

    /// An error of the remoting protocol.
    pub(super) fn protocol_error(&self, reason: impl std::fmt::Display) -> Error {
        Error::protocol(Layer::Psrp, self.host_name(), reason)
    }

    /// Does something to the machine, then sorts what it has to say and starts answering its calls.
    pub(super) fn with_machine<T>(self: &Arc<Self>, act: impl FnOnce(&mut Machine) -> T) -> T {
        let (outcome, pool_changed, calls) = {
            let mut machine = self.machine();
            let outcome = act(&mut machine);
            let pool_changed = machine.sort(self.has_host_events.then_some(self));
            (outcome, pool_changed, machine.take_host_calls())
        };
        if pool_changed {
            self.pool_changed.notify_waiters();
        }
        for (pipeline, call) in calls {
            self.answer(pipeline, call);
        }
        outcome
    }

    /// Feeds what came in to the machine.
    pub(super) fn feed(self: &Arc<Self>, pipeline: Option<Uuid>, incoming: &Incoming) -> Result<()> {
        let fed = self.with_machine(|machine| {
            incoming.pieces.iter().try_for_each(|piece| machine.pool.receive(pipeline, piece))
        });
        fed.map_err(|error| self.protocol_error(error))
    }

    /// The host did not agree on a key in time.
    pub(super) fn no_key(&self) -> Error {
        let limit = self.timing.answer_timeout;
        Error::timed_out(Layer::Psrp, self.host_name(), "agreeing on the session's key", limit)
    }

    /// Receives until the pool is open.
    pub(super) async fn wait_open(self: &Arc<Self>) -> Result<()> {
        let mut inlet = self.take_pool_inlet();
        let outcome = loop {
            let state = self.machine().pool.state();
            match state {
                PoolState::Opened => break Ok(()),
                PoolState::Broken | PoolState::Closed => break Err(self.pool_error()),
                _ => {}
            }
            let fed = match self.link.receive(&mut inlet, false).await {
                Ok(incoming) => self.feed(None, &incoming),
                Err(error) => Err(error),
            };
            if let Err(error) = fed {
                break Err(error);
            }
        };
        self.put_pool_inlet(inlet);
        outcome
    }

    /// How many bytes fit one message to the host.
    pub(super) fn capacity(&self) -> usize {
        let version = self.machine().pool.protocol_version();
        self.link.capacity(version)
    }

    /// Why the pool is not open any more.
    pub(super) fn pool_error(&self) -> Error {
        let machine = self.machine();
        match &machine.pool_error {
            Some(record) => self.protocol_error(record),
            None if machine.pool.state() == PoolState::Broken => self.protocol_error("the session is broken"),
            None if machine.pool.state() == PoolState::Disconnected => {
                Error::closed(self.host_name(), "the session is disconnected")
            }
            None => Error::closed(self.host_name(), "the session is closed"),
        }
    }

    /// Parks a Receive for the pool's messages in a while, if the session still lives: a session that
    /// runs one command and closes has no use for a second connection.
    pub(super) fn park_later(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(shared.timing.park_after) => shared.park(),
                () = shared.reached(Stage::Closing) => {}
            }
        });
    }

    /// Parks a Receive for the pool's messages now, on a connection of its own. It is taken up again
    /// for as long as the session lives.
    pub(super) fn park(self: &Arc<Self>) {
        if self.parked.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut inlet = shared.take_pool_inlet();
            let outcome = tokio::select! {
                outcome = shared.receive_for_ever(&mut inlet) => outcome,
                () = shared.reached(Stage::Closed) => Ok(()),
            };
            if let Err(error) = outcome
                && shared.stage() == Stage::Open
            {
                tracing::warn!(%error, "the session is lost");
                shared.with_machine(|machine| machine.pool.transport_failed());
            }
        });
    }

    async fn receive_for_ever(self: &Arc<Self>, inlet: &mut Inlet) -> Result<()> {
        let mut retry = Retry::new(self.timing.retry_window);
        loop {
            match self.link.receive(inlet, retry.is_trying()).await {
                Ok(incoming) => {
                    retry.succeeded();
                    self.feed(None, &incoming)?;
                    if incoming.is_last || self.machine().pool.state().is_final() {
                        return Ok(());
                    }
                    // What had to wait for the session key waits no longer.
                    self.flush().await?;
                }
                Err(_) if self.stage() == Stage::Disconnected => {
                    if self.connected_again().await > Stage::Open {
                        return Ok(());
                    }
                }
                Err(error) if self.stage() == Stage::Open && retry.allows(&error) => retry.pause().await,
                // The network stays away: the session can be come back to.
                Err(error)
                    if self.stage() == Stage::Open
                        && error.is_network_failure()
                        && !self.timing.retry_window.is_zero()
                        && self.auto_disconnect() =>
                {
                    retry.succeeded();
                    if self.connected_again().await > Stage::Open {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the host answer a call, in the background: the pipeline waits, the session does not.
    fn answer(self: &Arc<Self>, pipeline: Option<Uuid>, call: HostCall) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let reply = tokio::select! {
                reply = host::answer(shared.host.as_deref(), &shared, &call) => reply,
                () = shared.reached(Stage::Closing) => return,
            };
            let Some(reply) = reply else { return };
            shared.reply(pipeline, &call, reply).await;
        });
    }

    /// Sends the answer to a call.
    pub(super) async fn reply(self: &Arc<Self>, pipeline: Option<Uuid>, call: &HostCall, reply: HostReply) {
        let queued = self.with_machine(|machine| machine.pool.host_response(pipeline, call, reply));
        let outcome = match queued {
            Ok(()) => self.flush().await,
            Err(error) => Err(self.protocol_error(error)),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "an answer of the host could not be sent");
        }
    }

    /// Whether a pipeline has not ended, as far as this client knows.
    pub(super) fn runs(&self, pipeline: Uuid) -> bool {
        let state = self.machine().pool.pipeline_state(pipeline);
        self.stage() < Stage::Closing && state.is_some_and(|state| !state.is_final())
    }

    /// Ends everything and closes the pool.
    pub(super) async fn close(self: &Arc<Self>) -> Result<()> {
        self.set_stage(Stage::Closing);
        self.with_machine(|machine| machine.pool.closing());
        let closed = self.link.close(self.timing.cancel_timeout).await;
        self.with_machine(|machine| machine.pool.closed());
        // What is parked at the host comes back by itself when the pool is gone.
        let settled = self.tasks.settled(SETTLE).await;
        self.abandon();
        if !settled {
            self.tasks.settled(SETTLE).await;
        }
        self.link.rest();
        closed.map_err(|error| error.while_doing("closing the session"))
    }

    /// Ends everything here and leaves the host as it is.
    pub(super) fn abandon(&self) {
        self.set_stage(Stage::Closed);
    }

    fn take_pool_inlet(&self) -> Inlet {
        let mut inlet = self.pool_inlet.lock().unwrap_or_else(PoisonError::into_inner);
        inlet.take().unwrap_or_else(|| self.link.inlet(None))
    }

    fn put_pool_inlet(&self, inlet: Inlet) {
        *self.pool_inlet.lock().unwrap_or_else(PoisonError::into_inner) = Some(inlet);
    }
}

/// Whether an error only says that what this side closed is gone.
pub(super) fn is_farewell(error: &Error, stage: Stage) -> bool {
    stage >= Stage::Closing && (is_gone(error) || error.is_network_failure())
}
