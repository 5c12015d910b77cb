//! Work that outlives the future which started it.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Result};

/// How much work of all sessions of the process has not ended.
static LEFT: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// Waits until no session of this process has anything left to do or to close, at most for `limit`. Says
/// whether that is so.
///
/// Sessions and pipelines that are dropped close in the background what they opened on their hosts. A program
/// waits for it here before it ends its runtime, which would cut it off. Sessions that are still open count:
/// close or drop them first.
pub async fn settled(limit: Duration) -> bool {
    ended(&LEFT, limit).await
}

async fn ended(running: &watch::Sender<usize>, limit: Duration) -> bool {
    let mut running = running.subscribe();
    tokio::time::timeout(limit, running.wait_for(|&count| count == 0)).await.is_ok()
}

/// Counts a piece of work for [`settled`] until it is dropped.
pub(crate) fn left() -> Running {
    Running::count(LEFT.clone())
}

/// Spawns a session's background work on the runtime in which the session was opened, and knows when
/// all of it is done. Everything that leaves something behind on the host runs here, so that it is
/// carried through when the caller loses interest.
#[derive(Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    running: watch::Sender<usize>,
}

impl Tasks {
    /// On the runtime of the caller.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn current() -> Result<Self> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::usage("a session must be opened within a tokio runtime"))?;
        Ok(Self { runtime, running: watch::Sender::new(0) })
    }

    /// Starts a piece of work. It runs to its end unless the runtime is shut down.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let running = (Running::count(self.running.clone()), left());
        // In a box: what stands around it would hold it twice.
        let work = Box::pin(work);
        self.runtime.spawn(async move {
            work.await;
            drop(running);
        });
    }

    /// Starts work that closes something. The session does not wait for it, since it may itself wait for the
    /// session's [other work](Self::settled); the [end of the process](settled) does.
    pub(crate) fn clean_up(&self, work: impl Future<Output = ()> + Send + 'static) {
        let running = left();
        let work = Box::pin(work);
        self.runtime.spawn(async move {
            work.await;
            drop(running);
        });
    }

    /// Starts work that ends with what it serves. Nobody waits for it.
    pub(crate) fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Runs `work` to its end even if the caller drops the returned future in the meantime. The work may
    /// wait for all others to be settled.
    ///
    /// # Errors
    /// Those of the work; it ended without any outcome.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.clean_up(async move {
            // A caller who left does not want to know.
            sender.send(work.await).ok();
        });
        receiver.await.unwrap_or_else(|_| Err(ended_early()))
    }

    /// Runs `work` to its end even if the caller drops the returned future in the meantime; then
    /// `undo` gets what it made.
    ///
    /// # Errors
    /// Those of the work; it ended without any outcome.
    pub(crate) async fn carry_through<T, U>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
        undo: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        U: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let tasks = self.clone();
        self.spawn(async move {
            let made = work.await.map(|made| Made { tasks, made: Some((made, undo)) });
            // Nobody may take it, now or later: it undoes itself then.
            sender.send(made).ok();
        });
        let mut made: Made<T, _, U> = receiver.await.unwrap_or_else(|_| Err(ended_early()))?;
        made.made.take().map(|(made, _)| made).ok_or_else(ended_early)
    }

    /// Waits until no work is left, at most for `limit`. Says whether all is done.
    pub(crate) async fn settled(&self, limit: Duration) -> bool {
        ended(&self.running, limit).await
    }
}

/// What is told of work that panicked, or whose runtime ended.
fn ended_early() -> Error {
    Error::closed("", "the work ended before its time")
}

/// What a piece of work made, on its way to the caller. Dropped on the way, it is undone.
struct Made<T, F, U>
where
    F: FnOnce(T) -> U,
    U: Future<Output = ()> + Send + 'static,
{
    tasks: Tasks,
    made: Option<(T, F)>,
}

impl<T, F, U> Drop for Made<T, F, U>
where
    F: FnOnce(T) -> U,
    U: Future<Output = ()> + Send + 'static,
{
    fn drop(&mut self) {
        if let Some((unwanted, undo)) = self.made.take() {
            // The undoing may itself wait for all other work.
            self.tasks.clean_up(undo(unwanted));
        }
    }
}

/// Counts one piece of work until it is dropped, also by a panic or the end of the runtime.
pub(crate) struct Running(watch::Sender<usize>);

impl Running {
    fn count(running: watch::Sender<usize>) -> Self {
        running.send_modify(|count| *count += 1);
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settles_when_the_last_work_is_done() {
        let tasks = Tasks::current().unwrap();
        assert!(tasks.settled(Duration::ZERO).await);
        let (go, gone) = oneshot::channel::<()>();
        tasks.spawn(async move {
            gone.await.ok();
        });
        assert!(!tasks.settled(Duration::from_millis(1)).await);
        go.send(()).unwrap();
        assert!(tasks.settled(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn what_nobody_takes_is_undone() {
        let tasks = Tasks::current().unwrap();
        // Dropped while the work runs, and when it is done but not taken.
        for done_first in [false, true] {
            let (undone, seen) = oneshot::channel();
            let made = tasks.carry_through(async { Ok(7) }, move |made| async move {
                undone.send(made).unwrap();
            });
            let mut made = Box::pin(made);
            std::future::poll_fn(|context| {
                assert!(made.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            if done_first {
                assert!(tasks.settled(Duration::from_secs(5)).await);
            }
            drop(made);
            assert_eq!(seen.await, Ok(7));
        }
        let taken = tasks.carry_through(async { Ok(8) }, |_| async { panic!("it was taken") }).await;
        assert_eq!(taken.unwrap(), 8);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_to_its_caller() {
        let tasks = Tasks::current().unwrap();
        let work = || async { if true { panic!("on purpose") } else { Ok(7) } };
        for error in [
            tasks.finish(work()).await.unwrap_err(),
            tasks.carry_through(work(), |_| async { panic!("it was made") }).await.unwrap_err(),
        ] {
            assert!(error.to_string().contains("before its time"), "{error}");
        }
        assert!(tasks.settled(Duration::from_secs(5)).await);
    }

    #[test]
    fn needs_a_runtime() {
        assert!(Tasks::current().is_err());
    }
}
