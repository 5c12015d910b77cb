//! The task that runs one pipeline from its start to its clean-up.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::event::{NetworkEvent, PipelineEvent};
use super::link::Inlet;
use super::machine::Ending;
use super::shared::{Shared, Stage, is_farewell};
use crate::batches::Outlet;
use crate::error::{Error, Layer, Result};
use crate::retry::Retry;

/// How long a watched pipeline runs before a connection is made ready for the order to stop it.
const A_MOMENT: Duration = Duration::from_millis(300);
/// How often that connection is looked after: hosts close those that are idle.
const LOOK_AFTER: Duration = Duration::from_secs(50);

/// How far a pipeline is, for those who want to stop it or to send it input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// The host does not have it yet.
    Starting,
    /// It runs.
    Running,
    /// It has ended.
    Ended,
}

/// What the task of one pipeline needs.
pub(super) struct Run {
    pub(super) shared: Arc<Shared>,
    pub(super) id: Uuid,
    pub(super) outlet: Outlet<PipelineEvent>,
    pub(super) progress: watch::Sender<Progress>,
    /// Something came for the pipeline that its own task did not cause.
    pub(super) changed: Arc<Notify>,
    /// How long it may take.
    pub(super) timeout: Option<Duration>,
    /// Nothing is received before the session has been disconnected.
    pub(super) is_held: bool,
    /// The order to stop it must not take long.
    pub(super) is_watched: bool,
}

/// Why a pipeline's task stops following it.
enum End {
    /// It has ended by itself.
    Finished,
    /// Nobody wants its output any more.
    Abandoned,
    /// The pool was left, and the pipeline with it.
    Left,
}

/// The time limit of a pipeline: first it is stopped, then given up.
struct Limit {
    timeout: Option<Duration>,
    next: Option<Instant>,
    stopping: bool,
}

impl Run {
    /// Starts the pipeline, runs it and frees its place, whatever happens in between.
    pub(super) async fn carry_out(self) {
        let mut inlet = self.shared.link.inlet(Some(self.id));
        let outcome = match self.start().await {
            Ok(()) => {
                self.hold().await;
                self.run(&mut inlet).await
            }
            Err(error) => {
                if error.may_have_executed() {
                    self.shared.release_now(self.id).await;
                }
                Err(error)
            }
        };
        self.conclude(outcome).await;
    }

    /// Runs a pipeline that the host has already, as this client came to it.
    pub(super) async fn take_over(self) {
        let mut inlet = self.shared.link.inlet(Some(self.id));
        let outcome = self.run(&mut inlet).await;
        self.conclude(outcome).await;
    }

    async fn hold(&self) {
        if self.is_held {
            self.progress.send_replace(Progress::Running);
            tokio::select! {
                () = self.shared.reached(Stage::Disconnected) => {}
                () = self.outlet.abandoned() => {}
            }
        }
    }

    async fn run(&self, inlet: &mut Inlet) -> Result<()> {
        self.progress.send_replace(Progress::Running);
        let outcome = tokio::select! {
            outcome = self.follow(inlet) => outcome,
            never = self.stay_ready() => match never {},
        };
        self.progress.send_replace(Progress::Ended);
        match &outcome {
            _ if self.shared.stage() != Stage::Open => {}
            Ok(End::Left) => {}
            Ok(End::Finished) => self.shared.release_later(self.id),
            Ok(End::Abandoned) | Err(_) => self.shared.release_now(self.id).await,
        }
        outcome.map(|_| ())
    }

    /// Keeps a connection ready for the order to stop. While the session is left there is none to give.
    async fn stay_ready(&self) -> Infallible {
        if !self.is_watched {
            return std::future::pending().await;
        }
        let mut pause = A_MOMENT;
        loop {
            tokio::time::sleep(pause).await;
            pause = LOOK_AFTER;
            if self.shared.stage() == Stage::Open
                && let Err(error) = self.shared.link.prepare_stop().await
            {
                tracing::debug!(%error, "no connection is ready for an order to stop");
            }
        }
    }

    async fn conclude(self, outcome: Result<()>) {
        self.progress.send_replace(Progress::Ended);
        self.shared.with_machine(|machine| machine.close_pipeline(self.id));
        if let Err(error) = outcome {
            self.outlet.fail(error.while_doing("running a pipeline")).await;
        }
    }

    /// Sends the pipeline to the host.
    async fn start(&self) -> Result<()> {
        let shared = &self.shared;
        let first = self.first_fragments().await?;
        shared.link.start(self.id, &first).await?;
        let more = shared.machine().pool.waiting_bytes(self.id) > 0;
        if more { shared.flush().await } else { Ok(()) }
    }

    /// The fragments that fit the command. A pipeline with secrets in it waits for the session's key.
    async fn first_fragments(&self) -> Result<Vec<u8>> {
        let shared = &self.shared;
        let limit = Limit::new(self.timeout);
        let agreed = tokio::time::sleep(shared.timing.answer_timeout);
        tokio::pin!(agreed);
        loop {
            let changed = shared.pool_changed.notified();
            let capacity = shared.capacity();
            let first = shared.with_machine(|machine| machine.pool.command_arguments(self.id, capacity));
            match first {
                Ok(Some(fragments)) => return Ok(fragments),
                Ok(None) => {
                    shared.park();
                    shared.flush().await?;
                    tokio::select! {
                        () = changed => {}
                        () = limit.passed() => return Err(self.took_too_long(&limit)),
                        () = &mut agreed => return Err(shared.no_key()),
                        () = self.outlet.abandoned() => {
                            return Err(Error::closed(shared.host_name(), "the pipeline was given up"));
                        }
                    }
                }
                Err(error) => return Err(shared.protocol_error(error)),
            }
        }
    }

    /// Hands on what the pipeline says, until it ends or nobody listens.
    async fn follow(&self, inlet: &mut Inlet) -> Result<End> {
        let shared = &self.shared;
        let mut retry = Retry::new(shared.timing.retry_window);
        let mut limit = Limit::new(self.timeout);
        loop {
            // The host takes its leave only when it is asked, after the stage has changed: a Receive would be
            // answered until then, with what the next client is to get.
            if shared.stage() == Stage::Disconnected {
                // The session itself, or another pipeline, has given the network up.
                if retry.succeeded() {
                    self.tell_disconnected().await;
                }
                if let Some(end) = self.wait_connected().await? {
                    return Ok(end);
                }
            }
            let received = tokio::select! {
                received = shared.link.receive(inlet, retry.is_trying()) => Some(received),
                () = self.outlet.abandoned() => return Ok(End::Abandoned),
                () = self.changed.notified() => None,
                () = limit.passed() => {
                    self.enforce(&mut limit).await?;
                    continue;
                }
            };
            let mut events = Vec::new();
            let is_last = match received {
                None => false,
                Some(Ok(incoming)) => {
                    if retry.succeeded() {
                        events.push(PipelineEvent::Network(NetworkEvent::Reconnected));
                    }
                    shared.feed(Some(self.id), &incoming)?;
                    incoming.is_last
                }
                Some(Err(_)) if shared.stage() == Stage::Disconnected => continue,
                Some(Err(error)) if shared.stage() == Stage::Open && error.is_network_failure() => {
                    match self.network_failed(error, &mut retry).await? {
                        Some(end) => return Ok(end),
                        None => continue,
                    }
                }
                Some(Err(error)) => return Err(self.explain(error)),
            };
            let mail = shared.machine().take_mail(self.id);
            events.extend(mail.events);
            let ending = self.ending(mail.ending, is_last, &mut events);
            if !self.outlet.send(events).await {
                return Ok(if ending.is_some() { End::Finished } else { End::Abandoned });
            }
            match (ending, mail.failure) {
                (None, Some(failure)) => return Err(failure),
                (Some(Ok(_)), _) if limit.stopping => return Err(self.took_too_long(&limit)),
                (Some(ending), _) => return ending,
                (None, None) => {}
            }
        }
    }

    /// What the end means, where it has come. The last event goes to the others.
    fn ending(
        &self,
        ending: Option<Ending>,
        is_last: bool,
        events: &mut Vec<PipelineEvent>,
    ) -> Option<Result<End>> {
        match ending {
            Some(Ending::State(state, error)) => {
                events.push(PipelineEvent::Finished(state, error));
                Some(Ok(End::Finished))
            }
            Some(Ending::Failed(_)) if self.shared.stage() >= Stage::Closing => Some(Err(self.closed())),
            Some(Ending::Failed(error)) => Some(Err(self.shared.protocol_error(error))),
            None if is_last => {
                let reason = "the host ended the command without saying how the pipeline ended";
                Some(Err(self.shared.protocol_error(reason)))
            }
            None => None,
        }
    }

    /// The session was disconnected: the pipeline waits with it.
    async fn wait_connected(&self) -> Result<Option<End>> {
        let stage = tokio::select! {
            stage = self.shared.connected_again() => stage,
            () = self.outlet.abandoned() => return Ok(Some(End::Left)),
        };
        if stage == Stage::Open { Ok(None) } else { Err(self.closed()) }
    }

    /// Tries again for a while; then the session counts as disconnected, and can be reconnected.
    async fn network_failed(&self, error: Error, retry: &mut Retry) -> Result<Option<End>> {
        let is_first = !retry.is_trying();
        let event = |event| vec![PipelineEvent::Network(event)];
        if retry.allows(&error) {
            let reason = error.reason().to_owned();
            if is_first && !self.outlet.send(event(NetworkEvent::Retrying { reason })).await {
                return Ok(Some(End::Abandoned));
            }
            retry.pause().await;
            return Ok(None);
        }
        if self.shared.timing.retry_window.is_zero() {
            return Err(error);
        }
        if !self.shared.auto_disconnect() {
            return Err(error);
        }
        Ok(None)
    }

    async fn tell_disconnected(&self) {
        let events = [NetworkEvent::AutoDisconnecting, NetworkEvent::AutoDisconnected];
        self.outlet.send(events.map(PipelineEvent::Network).into()).await;
    }

    /// Stops a pipeline whose time is up, and gives it up when it does not stop.
    async fn enforce(&self, limit: &mut Limit) -> Result<()> {
        let cancel = self.shared.timing.cancel_timeout;
        if limit.stopping {
            return Err(self.took_too_long(limit));
        }
        limit.stopping = true;
        limit.next = Some(Instant::now() + cancel);
        let stopping = self.shared.with_machine(|machine| machine.pool.stop(self.id));
        match stopping {
            Ok(true) => self.shared.link.stop(self.id, cancel).await,
            _ => Ok(()),
        }
    }

    fn took_too_long(&self, limit: &Limit) -> Error {
        let timeout = limit.timeout.unwrap_or_default();
        Error::timed_out(Layer::Remote, self.shared.host_name(), "the pipeline", timeout)
    }

    fn closed(&self) -> Error {
        Error::closed(self.shared.host_name(), "the session was closed")
    }

    /// What a failed Receive means: after the session was closed, only that.
    fn explain(&self, error: Error) -> Error {
        if is_farewell(&error, self.shared.stage()) { self.closed() } else { error }
    }
}

impl Limit {
    fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, next: timeout.map(|timeout| Instant::now() + timeout), stopping: false }
    }

    async fn passed(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}
