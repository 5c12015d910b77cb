//! The same work on many computers, some at a time.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::error::{Error, Layer, Result};

/// How many computers are worked on at a time where nothing else is said (`-ThrottleLimit`).
pub const DEFAULT_THROTTLE: usize = 32;

/// Work on many computers. Results come as they are ready, each with the number of its computer.
/// Dropping it ends what runs; sessions that were open are closed, which [`settled`](crate::settled) waits for.
pub struct Fleet<C, R, F> {
    waiting: VecDeque<(usize, C)>,
    running: JoinSet<(usize, R)>,
    throttle: usize,
    work: F,
}

/// Starts work on many computers, at most `throttle` at a time; 0 means [`DEFAULT_THROTTLE`].
pub fn fleet<C, R, F, W>(computers: impl IntoIterator<Item = C>, throttle: usize, work: F) -> Fleet<C, R, F>
where
    F: Fn(C) -> W,
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    Fleet {
        waiting: computers.into_iter().enumerate().collect(),
        running: JoinSet::new(),
        throttle: if throttle == 0 { DEFAULT_THROTTLE } else { throttle },
        work,
    }
}

impl<C, R, F, W> Fleet<C, R, F>
where
    F: Fn(C) -> W,
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    /// The next result, with the number of its computer from 0; `None` when all have answered. Work
    /// that panicked gives none.
    pub async fn next(&mut self) -> Option<(usize, R)> {
        loop {
            while self.running.len() < self.throttle
                && let Some((number, computer)) = self.waiting.pop_front()
            {
                let work = (self.work)(computer);
                let left = crate::tasks::left();
                self.running.spawn(async move {
                    // Dropped after the work, also where that is cut off: what it closes counts by then.
                    let _left = left;
                    (number, work.await)
                });
            }
            match self.running.join_next().await? {
                Ok(result) => return Some(result),
                Err(error) => tracing::error!(%error, "work on a computer was cut off"),
            }
        }
    }
}

/// Work on one computer that may take no longer than this: what has not ended by then is dropped, which stops
/// its commands and closes the sessions that it opened.
///
/// ```no_run
/// # use std::time::Duration;
/// # use windlass::{PsSession, fleet, within};
/// # async fn example() {
/// let minute = Duration::from_secs(60);
/// let everywhere = fleet(["srv1", "srv2"], 32, move |name| {
///     within(name, minute, async move { PsSession::builder(name).connect().await?.close().await })
/// });
/// # drop(everywhere);
/// # }
/// ```
///
/// # Errors
/// Those of the work, and [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) with the computer's name.
pub async fn within<T>(computer: &str, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::timed_out(Layer::Remote, computer, "the work on this computer", limit)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test(start_paused = true)]
    async fn a_slow_computer_ends_at_its_own_deadline() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let began = tokio::time::Instant::now();
        // The last one waits for a place before its time begins.
        let mut everywhere = fleet([1, 9, 3], 2, move |length| {
            within("srv1", minutes(4), async move {
                tokio::time::sleep(minutes(length)).await;
                Ok(length)
            })
        });
        let mut ended = Vec::new();
        while let Some((number, outcome)) = everywhere.next().await {
            let outcome = outcome.map_err(|error| (error.kind(), error.host().to_owned()));
            ended.push((number, outcome, began.elapsed().as_secs() / 60));
        }
        ended.sort_by_key(|(number, ..)| *number);
        let late = Err((ErrorKind::TimedOut, "srv1".to_owned()));
        assert_eq!(ended, [(0, Ok(1), 1), (1, late, 4), (2, Ok(3), 4)]);
    }

    #[tokio::test]
    async fn no_more_than_the_throttle_run_at_once() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counter, peak) = (Arc::clone(&now), Arc::clone(&most));
        let mut fleet = fleet(0..20, 3, move |number| {
            let (now, most) = (Arc::clone(&counter), Arc::clone(&peak));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                number * 2
            }
        });
        let mut results = Vec::new();
        while let Some((number, result)) = fleet.next().await {
            assert_eq!(result, number * 2);
            results.push(number);
        }
        results.sort_unstable();
        assert_eq!(results, (0..20).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}
