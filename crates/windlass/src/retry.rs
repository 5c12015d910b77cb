//! How long a failed network is tried again ([MS-PSRP] 3.1.4, robust connections).

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// How long a failed network is tried again unless said otherwise, as Windows does.
pub(crate) const DEFAULT_WINDOW: Duration = Duration::from_secs(240);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Counts the time since the network failed.
#[derive(Debug)]
pub(crate) struct Retry {
    window: Duration,
    failed_at: Option<Instant>,
    pause: Duration,
}

impl Retry {
    /// Nothing has failed yet. A window of zero allows nothing.
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, failed_at: None, pause: FIRST_PAUSE }
    }

    /// Whether to try again after this error.
    pub(crate) fn allows(&mut self, error: &Error) -> bool {
        if !error.is_network_failure() {
            return false;
        }
        self.failed_at.get_or_insert_with(Instant::now).elapsed() < self.window
    }

    /// Whether the network has failed and not come back.
    pub(crate) fn is_trying(&self) -> bool {
        self.failed_at.is_some()
    }

    /// Waits before the next attempt, longer each time.
    pub(crate) async fn pause(&mut self) {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
    }

    /// The network works. Says whether it had failed before.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.pause = FIRST_PAUSE;
        self.failed_at.take().is_some()
    }
}
