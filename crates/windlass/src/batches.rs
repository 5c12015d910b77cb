//! Results on their way from a session's task to the caller, a batch at a time.
//!
//! A batch is what one answer of the host held. The channel is short, so a caller who reads slowly
//! makes the task ask slowly, and the host hold back.

use std::task::{Context, Poll, ready};
use std::vec;

use tokio::sync::mpsc;

use crate::error::{Error, Result};

/// Answers that may wait for the caller: one is read while the next is on its way.
const DEPTH: usize = 1;

/// The caller's end.
#[derive(Debug)]
pub(crate) struct Batches<T> {
    channel: mpsc::Receiver<Result<Vec<T>>>,
    current: vec::IntoIter<T>,
}

/// The task's end.
pub(crate) struct Outlet<T> {
    channel: mpsc::Sender<Result<Vec<T>>>,
}

/// Both ends of a new channel.
pub(crate) fn channel<T>() -> (Outlet<T>, Batches<T>) {
    let (sender, receiver) = mpsc::channel(DEPTH);
    (Outlet { channel: sender }, Batches { channel: receiver, current: Vec::new().into_iter() })
}

impl<T> Batches<T> {
    pub(crate) async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if let Some(item) = self.current.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.channel.poll_recv(context)) {
                Some(Ok(batch)) => self.current = batch.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T> Outlet<T> {
    /// Hands a batch over, waiting until there is room. `false` if nobody wants it any more.
    pub(crate) async fn send(&self, batch: Vec<T>) -> bool {
        batch.is_empty() || self.channel.send(Ok(batch)).await.is_ok()
    }

    /// Hands over the error that ends the stream.
    pub(crate) async fn fail(&self, error: Error) {
        // Nobody left to tell is fine, too.
        self.channel.send(Err(error)).await.ok();
    }

    /// Waits until the caller has gone.
    pub(crate) async fn abandoned(&self) {
        self.channel.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn items_come_in_order_and_a_full_channel_waits() {
        let (outlet, mut batches) = channel();
        let task = tokio::spawn(async move {
            for first in [0, 10, 20] {
                assert!(outlet.send(vec![first, first + 1]).await);
            }
            assert!(outlet.send(Vec::new()).await);
            outlet.fail(Error::usage("the end")).await;
        });
        let mut seen = Vec::new();
        let error = loop {
            match batches.next().await.unwrap() {
                Ok(item) => seen.push(item),
                Err(error) => break error,
            }
        };
        assert_eq!(seen, [0, 1, 10, 11, 20, 21]);
        assert_eq!(error.to_string(), "the end");
        assert!(batches.next().await.is_none());
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_leaves_is_noticed() {
        let (outlet, batches) = channel::<u8>();
        drop(batches);
        outlet.abandoned().await;
        assert!(!outlet.send(vec![1]).await);
    }
}
