//! One piece of work on many computers, so many at once.

use std::collections::VecDeque;
use std::future::Future;

use tokio::task::JoinSet;

/// Runs `work` for each item, at most `limit` at a time, and hands each outcome to `done` as it comes.
/// Work that is still running when the caller goes away is cancelled.
pub(crate) async fn fan_out<I, F, O>(
    items: impl IntoIterator<Item = I>,
    limit: usize,
    work: impl Fn(I) -> F,
    mut done: impl FnMut(O),
) where
    F: Future<Output = O> + Send + 'static,
    O: Send + 'static,
{
    let mut waiting: VecDeque<I> = items.into_iter().collect();
    let mut running = JoinSet::new();
    loop {
        while running.len() < limit.max(1)
            && let Some(item) = waiting.pop_front()
        {
            running.spawn(work(item));
        }
        match running.join_next().await {
            Some(Ok(outcome)) => done(outcome),
            Some(Err(error)) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_than_the_limit_run_at_once() {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let mut outcomes = Vec::new();
        let work = |item: usize| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                item
            }
        };
        fan_out(0..50, 4, work, |item| outcomes.push(item)).await;
        outcomes.sort_unstable();
        assert_eq!(outcomes, (0..50).collect::<Vec<_>>());
        assert!(most.load(Ordering::SeqCst) <= 4);
    }
}
