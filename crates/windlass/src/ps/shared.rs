//! What a PowerShell session, its pipelines and its background work share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;
use windlass_psrp::PoolState;
use windlass_psrp::host::HostCall;
use windlass_wsman::client::guid;

use super::host::{self, Host};
use super::machine::Machine;
use super::release::Releases;
use crate::error::{Error, Layer, Result};
use crate::shell::{Received, RemoteShell, is_gone};
use crate::tasks::Tasks;

/// The streams of a shell and of a command.
pub(super) const STREAMS: &[&str] = &["stdout"];
/// How long the background work of a closed session may take to notice.
const SETTLE: Duration = Duration::from_secs(2);

/// The life of a session, in the order of its stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Pipelines can be started.
    Open,
    /// The shell is about to be deleted, or left.
    Closing,
    /// The shell is gone, or another's: whatever still waits for it ends.
    Closed,
}

pub(super) struct Shared {
    pub(super) shell: RemoteShell,
    pub(super) tasks: Tasks,
    machine: Mutex<Machine>,
    /// Held while something is sent, so that fragments of one stream stay in order.
    sending: tokio::sync::Mutex<()>,
    stage: watch::Sender<Stage>,
    /// The pool's own messages are received in the background.
    parked: AtomicBool,
    /// Something happened to the pool.
    pub(super) pool_changed: Notify,
    pub(super) releases: Releases,
    host: Option<Arc<dyn Host>>,
    pub(super) cancel_timeout: Duration,
    pub(super) park_after: Duration,
}

impl Shared {
    pub(super) fn new(
        shell: RemoteShell,
        tasks: Tasks,
        machine: Machine,
        host: Option<Arc<dyn Host>>,
        cancel_timeout: Duration,
        park_after: Duration,
    ) -> Self {
        Self {
            shell,
            tasks,
            machine: Mutex::new(machine),
            sending: tokio::sync::Mutex::new(()),
            stage: watch::Sender::new(Stage::Open),
            parked: AtomicBool::new(false),
            pool_changed: Notify::new(),
            releases: Releases::default(),
            host,
            cancel_timeout,
            park_after,
        }
    }

    /// The machine. Never held across an await.
    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stage of the session's life.
    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Waits until the session is at this stage, or past it.
    pub(super) async fn reached(&self, stage: Stage) {
        let mut current = self.stage.subscribe();
        // The sender is part of `self`.
        current.wait_for(|&current| current >= stage).await.ok();
    }

    /// The host's name, as errors name it.
    pub(super) fn host_name(&self) -> &str {
        self.shell.client().host()
    }

    /// Does something to the machine, then sorts what it has to say and starts answering its calls.
    pub(super) fn with_machine<T>(self: &Arc<Self>, act: impl FnOnce(&mut Machine) -> T) -> T {
        let (outcome, pool_changed, calls) = {
            let mut machine = self.machine();
            let outcome = act(&mut machine);
            let pool_changed = machine.sort();
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

    /// Feeds what was received to the machine.
    pub(super) fn feed(self: &Arc<Self>, pipeline: Option<Uuid>, received: &Received) -> Result<()> {
        let fed = self.with_machine(|machine| {
            received.pieces.iter().try_for_each(|piece| machine.pool.receive(pipeline, &piece.data))
        });
        fed.map_err(|error| Error::protocol(Layer::Psrp, self.host_name(), error))
    }

    /// Sends what the machine wants sent, in order.
    pub(super) async fn flush(self: &Arc<Self>) -> Result<()> {
        let _in_order = self.sending.lock().await;
        let capacity = self.shell.send_capacity();
        loop {
            let Some(outgoing) = self.machine().pool.poll_send(capacity) else { return Ok(()) };
            let command = outgoing.pipeline.map(guid);
            let stream = outgoing.stream.shell_input_name();
            self.shell.send(command.as_deref(), stream, &outgoing.data, false).await?;
        }
    }

    /// Sends in the background what the machine wants sent.
    pub(super) fn flush_soon(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(error) = shared.flush().await {
                tracing::warn!(%error, "a message of the session could not be sent");
            }
        });
    }

    /// Receives until the pool is open.
    pub(super) async fn wait_open(self: &Arc<Self>) -> Result<()> {
        loop {
            match self.machine().pool.state() {
                PoolState::Opened => return Ok(()),
                PoolState::Broken | PoolState::Closed => return Err(self.pool_error()),
                _ => {}
            }
            let received = self.shell.receive(None, STREAMS).await?;
            self.feed(None, &received)?;
        }
    }

    /// Why the pool is not open any more.
    pub(super) fn pool_error(&self) -> Error {
        let machine = self.machine();
        match &machine.pool_error {
            Some(record) => Error::protocol(Layer::Psrp, self.host_name(), record.to_string()),
            None if machine.pool.state() == PoolState::Broken => {
                Error::protocol(Layer::Psrp, self.host_name(), "the session is broken")
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
                () = tokio::time::sleep(shared.park_after) => shared.park(),
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
            let outcome = tokio::select! {
                outcome = shared.receive_for_ever() => outcome,
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

    async fn receive_for_ever(self: &Arc<Self>) -> Result<()> {
        loop {
            let received = self.shell.receive(None, STREAMS).await?;
            self.feed(None, &received)?;
            if received.is_done() || self.machine().pool.state().is_final() {
                return Ok(());
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
            let queued = shared.with_machine(|machine| machine.pool.host_response(pipeline, &call, reply));
            let outcome = match queued {
                Ok(()) => shared.flush().await,
                Err(error) => Err(Error::protocol(Layer::Psrp, shared.host_name(), error)),
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "an answer of the host could not be sent");
            }
        });
    }

    /// Ends everything and deletes the shell.
    pub(super) async fn close(self: &Arc<Self>) -> Result<()> {
        self.stage.send_replace(Stage::Closing);
        self.with_machine(|machine| machine.pool.closing());
        let deleted = self.shell.delete(Some(self.cancel_timeout)).await;
        self.with_machine(|machine| machine.pool.closed());
        // Receives that are parked at the host come back by themselves when the shell is gone.
        if !self.tasks.settled(SETTLE).await {
            self.stage.send_replace(Stage::Closed);
            self.tasks.settled(SETTLE).await;
        }
        self.stage.send_replace(Stage::Closed);
        self.shell.client().close_idle();
        deleted.map_err(|error| error.while_doing("closing the session"))
    }
}

/// Whether an error only says that what this side closed is gone.
pub(super) fn is_farewell(error: &Error, stage: Stage) -> bool {
    stage > Stage::Open && (is_gone(error) || error.is_network_failure())
}
