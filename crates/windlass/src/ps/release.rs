//! Freeing the places of commands that have ended.
//!
//! A command holds its place in the shell until it is signalled, also when it is done. Nobody waits for
//! that: the places of finished commands are freed a little later, together, and not at all if the
//! session closes in the meantime, because closing the pool frees them all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::shared::{Shared, Stage};

/// How long a finished command may keep its place.
const DELAY: Duration = Duration::from_millis(500);

/// The pipelines whose places are to be freed.
#[derive(Default)]
pub(super) struct Releases {
    waiting: Mutex<Vec<Uuid>>,
}

impl Shared {
    /// Frees the place of a pipeline a little later.
    pub(super) fn release_later(self: &Arc<Self>, pipeline: Uuid) {
        let is_first = {
            let mut waiting = self.releases.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(pipeline);
            waiting.len() == 1
        };
        if !is_first {
            return;
        }
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(DELAY) => shared.release_waiting().await,
                () = shared.reached(Stage::Closing) => {}
            }
        });
    }

    async fn release_waiting(self: &Arc<Self>) {
        let pipelines = {
            let mut waiting = self.releases.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        for pipeline in pipelines {
            if self.connected_again().await > Stage::Open {
                return;
            }
            self.release_now(pipeline).await;
        }
    }

    /// Ends a pipeline, whether it still runs or not, and frees its place.
    pub(super) async fn release_now(&self, pipeline: Uuid) {
        let freed = self.link.release(pipeline, self.timing.cancel_timeout).await;
        if let Err(error) = freed
            && self.stage() == Stage::Open
        {
            tracing::warn!(%error, %pipeline, "the place of a pipeline could not be freed");
        }
    }
}
