//! The same work on many computers, some at a time.

use std::collections::VecDeque;
use std::future::Future;

use tokio::task::JoinSet;

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

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
