//! Hosts that answer again and again that they have nothing yet.

use std::time::Duration;

/// Slows down a client whose host answers at once that it has nothing.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    hasty_answers: u32,
}

impl Patience {
    /// An answer that took at least this long was waited for by the host.
    const HASTY: Duration = Duration::from_millis(100);
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    /// Waits before the next request, the longer the more answers came at once.
    pub(crate) async fn after(&mut self, answered_within: Duration) {
        if answered_within >= Self::HASTY {
            self.hasty_answers = 0;
            return;
        }
        self.hasty_answers = self.hasty_answers.saturating_add(1).min(16);
        let pause = Duration::from_millis(1 << self.hasty_answers).min(Self::LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
    }
}
