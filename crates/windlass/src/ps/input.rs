//! Objects on their way into a pipeline.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use uuid::Uuid;
use windlass_clixml::PsValue;

use super::pipeline::Progress;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::shell::is_gone;

/// Objects that may wait to be sent.
const DEPTH: usize = 256;
/// KiB of long texts and byte arrays that may wait to be sent: as much as a processor keeps at hand.
const ROOM: u32 = 512;

/// The input of a running pipeline. Objects travel together where they are given quickly; a caller who
/// is faster than the host waits. Dropping it ends the input. Where some of it cannot be sent, the pipeline is
/// given up, and its [`Invocation`](super::Invocation) ends with the error.
pub struct PipelineInput {
    objects: mpsc::Sender<Given>,
    room: Arc<Semaphore>,
    outcome: oneshot::Receiver<Result<()>>,
    host: String,
}

/// An object that waits, and the room that it takes up meanwhile.
struct Given {
    object: PsValue,
    _room: Option<OwnedSemaphorePermit>,
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
        let room = Arc::new(Semaphore::new(usize::try_from(ROOM).unwrap_or(DEPTH)));
        Self { objects, room, outcome, host }
    }

    /// Gives the pipeline one object, waiting for room.
    ///
    /// # Errors
    /// The pipeline takes no more input: it has ended, or what was given before could not be sent.
    pub async fn send(&mut self, object: PsValue) -> Result<()> {
        let wanted = kibibytes(&object).min(ROOM);
        let room = if wanted == 0 {
            None
        } else {
            tokio::select! {
                room = Arc::clone(&self.room).acquire_many_owned(wanted) => room.ok(),
                () = self.objects.closed() => None,
            }
        };
        match self.objects.send(Given { object, _room: room }).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.reason().await),
        }
    }

    /// Ends the input and waits until the host has all of it.
    ///
    /// # Errors
    /// Some of it could not be sent.
    pub async fn close(self) -> Result<()> {
        let Self { objects, outcome, host, .. } = self;
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

/// How long a text or a byte array is, in whole KiB.
fn kibibytes(object: &PsValue) -> u32 {
    let bytes = object.as_bytes().map(<[u8]>::len).or_else(|| object.as_str().map(str::len));
    u32::try_from(bytes.unwrap_or_default() / 1024).unwrap_or(u32::MAX)
}

/// Sends what is given, as much at once as is there, and then the end.
async fn pump(
    shared: &Arc<Shared>,
    id: Uuid,
    mut progress: watch::Receiver<Progress>,
    given: mpsc::Receiver<Given>,
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
    given: mpsc::Receiver<Given>,
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
                    Some(given) => machine.pool.send_input(self.id, &given.object)?,
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn long_objects_wait_for_room() {
        let (objects, mut given) = mpsc::channel(DEPTH);
        let (sender, outcome) = oneshot::channel();
        let room = Arc::new(Semaphore::new(usize::try_from(ROOM).unwrap()));
        let mut input = PipelineInput { objects, room, outcome, host: String::new() };
        let half = PsValue::bytes(vec![0; usize::try_from(ROOM).unwrap() * 512]);
        for _ in 0..2 {
            input.send(half.clone()).await.unwrap();
        }
        input.send(1.into()).await.unwrap();
        {
            let mut third = pin!(input.send(half.clone()));
            assert!(poll_fn(|context| Poll::Ready(third.as_mut().poll(context).is_pending())).await);
            drop(given.recv().await);
            third.await.unwrap();
        }
        let count = std::iter::from_fn(|| given.try_recv().ok()).count();
        assert_eq!(count, 3);
        // One that is longer than all room takes all of it.
        input.send(PsValue::bytes(vec![0; usize::try_from(ROOM).unwrap() * 2048])).await.unwrap();
        let mut next = pin!(input.send(half));
        assert!(poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await);
        drop((given, sender));
        assert!(next.await.is_err());
    }
}
