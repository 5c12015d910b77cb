//! Objects on their way into a pipeline.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;
use windlass_clixml::PsValue;

use super::pipeline::Progress;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::shell::is_gone;

/// Objects that may wait to be sent.
const DEPTH: usize = 256;

/// The input of a running pipeline. Objects travel together where they are given quickly; a caller who
/// is faster than the host waits. Dropping it ends the input. Where some of it cannot be sent, the pipeline is
/// given up, and its [`Invocation`](super::Invocation) ends with the error.
pub struct PipelineInput {
    objects: mpsc::Sender<PsValue>,
    outcome: oneshot::Receiver<Result<()>>,
    host: String,
}

impl PipelineInput {
    /// Starts the task that sends.
    pub(super) fn start(shared: &Arc<Shared>, id: Uuid, progress: watch::Receiver<Progress>) -> Self {
        let (objects, given) = mpsc::channel(DEPTH);
        let (sender, outcome) = oneshot::channel();
        let host = shared.host_name().to_owned();
        let shared_by_task = Arc::clone(shared);
        shared.tasks.spawn(async move {
            let pumped = match pump(&shared_by_task, id, progress, given).await {
                // A pipeline that is gone says itself how it ended.
                Err(error) if is_gone(&error) => Ok(()),
                pumped => pumped,
            };
            if let Err(error) = &pumped {
                let failure = error.again().while_doing("sending input");
                shared_by_task.with_machine(|machine| machine.fail(id, failure));
            }
            // Who gave the input may have left: the pipeline fails all the same.
            sender.send(pumped).ok();
        });
        Self { objects, outcome, host }
    }

    /// Gives the pipeline one object, waiting for room.
    ///
    /// # Errors
    /// The pipeline takes no more input: it has ended, or what was given before could not be sent.
    pub async fn send(&mut self, object: PsValue) -> Result<()> {
        match self.objects.send(object).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.reason().await),
        }
    }

    /// Ends the input and waits until the host has all of it.
    ///
    /// # Errors
    /// Some of it could not be sent.
    pub async fn close(self) -> Result<()> {
        let Self { objects, outcome, host } = self;
        drop(objects);
        outcome.await.unwrap_or_else(|_| Err(Error::closed(&host, "the session was closed")))
    }

    /// Why the task ended before its time.
    async fn reason(&mut self) -> Error {
        match (&mut self.outcome).await {
            Ok(Err(error)) => error,
            _ => Error::closed(&self.host, "the pipeline takes no more input"),
        }
    }
}

/// Sends what is given, as much at once as is there, and then the end.
async fn pump(
    shared: &Arc<Shared>,
    id: Uuid,
    mut progress: watch::Receiver<Progress>,
    given: mpsc::Receiver<PsValue>,
) -> Result<()> {
    let started =
        progress.wait_for(|&progress| progress > Progress::Starting).await.map(|progress| *progress);
    if !matches!(started, Ok(Progress::Running)) {
        return Err(Error::closed(shared.host_name(), "the pipeline was not started"));
    }
    let mut feed = Feed { shared, id, given, is_over: false };
    while !feed.is_over {
        let changed = shared.pool_changed.notified();
        tokio::select! {
            () = feed.queue() => {}
            // Perhaps the session's key has come, for which what fills the queue waits.
            () = changed => {}
            _ = progress.wait_for(|&progress| progress == Progress::Ended) => return Ok(()),
        }
        while feed.send().await? {}
    }
    Ok(())
}

/// What is given, on its way through the machine.
struct Feed<'a> {
    shared: &'a Arc<Shared>,
    id: Uuid,
    given: mpsc::Receiver<PsValue>,
    /// The end has been queued, or the pipeline takes nothing more.
    is_over: bool,
}

impl Feed<'_> {
    /// Waits for objects and queues as many as are there, as long as there is room, and the end behind the last
    /// of them. Dropping it loses nothing.
    async fn queue(&mut self) {
        loop {
            let taken = self.shared.turns.taken.notified();
            if self.shared.machine().pool.takes_input(self.id) {
                break;
            }
            taken.await;
        }
        let first = self.given.recv().await;
        let queued = self.shared.with_machine(|machine| {
            let mut next = first;
            loop {
                match &next {
                    Some(object) => machine.pool.send_input(self.id, object)?,
                    None => {
                        self.is_over = true;
                        return machine.pool.end_input(self.id);
                    }
                }
                if !machine.pool.takes_input(self.id) {
                    return Ok(());
                }
                next = match self.given.try_recv() {
                    Ok(object) => Some(object),
                    Err(TryRecvError::Disconnected) => None,
                    Err(TryRecvError::Empty) => return Ok(()),
                };
            }
        });
        self.shared.turns.queued.notify_one();
        // A pipeline that has ended takes nothing more: `Select-Object -First` does so.
        self.is_over |= queued.is_err();
    }

    /// Sends what there is, and queues what is given meanwhile. False where there is nothing to send.
    async fn send(&mut self) -> Result<bool> {
        let shared = self.shared;
        let mut sending = std::pin::pin!(shared.send_next());
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return sent,
                () = self.queue() => {}
            }
        }
    }
}
