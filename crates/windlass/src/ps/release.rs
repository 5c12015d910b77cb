//! Freeing the places of commands that have ended.
//!
//! A command holds its place in the shell until it is signalled, also when it is done. Nobody waits for
//! that: the places of finished commands are freed a little later, together, and not at all if the
//! session closes in the meantime, because deleting the shell frees them all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windlass_wsman::SignalCode;

use super::shared::{Shared, Stage};

/// How long a finished command may keep its place.
const DELAY: Duration = Duration::from_millis(500);

/// The commands whose places are to be freed.
#[derive(Default)]
pub(super) struct Releases {
    waiting: Mutex<Vec<String>>,
}

impl Shared {
    /// Frees the place of a command a little later.
    pub(super) fn release_later(self: &Arc<Self>, command: String) {
        let is_first = {
            let mut waiting = self.releases.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(command);
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
        let commands = {
            let mut waiting = self.releases.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        for command in commands {
            if self.stage() > Stage::Open {
                return;
            }
            self.release_now(&command).await;
        }
    }

    /// Ends a command, whether it still runs or not, and frees its place.
    pub(super) async fn release_now(&self, command: &str) {
        let freed = self.shell.signal(command, SignalCode::Terminate, Some(self.cancel_timeout)).await;
        if let Err(error) = freed
            && self.stage() == Stage::Open
        {
            tracing::warn!(%error, command, "the place of a command could not be freed");
        }
    }
}
