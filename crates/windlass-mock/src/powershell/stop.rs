//! The order to stop: given once, seen everywhere.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Whether a pipeline was told to stop. Clones are the same order.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stopped: Mutex<bool>,
    changed: Condvar,
    watch: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        let watch = watch::Sender::new(false);
        Self(Arc::new(Shared { stopped: Mutex::new(false), changed: Condvar::new(), watch }))
    }
}

impl Stop {
    /// Gives the order.
    pub fn stop(&self) {
        *self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
        self.0.watch.send_replace(true);
    }

    /// Whether the order was given.
    pub fn is_stopped(&self) -> bool {
        *self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks the thread for that long, or until the order is given; true if it was.
    pub fn wait_for(&self, time: Duration) -> bool {
        let deadline = Instant::now().checked_add(time);
        let mut stopped = self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return false;
            }
            let left = left.unwrap_or(Duration::from_secs(3600));
            (stopped, _) = self.0.changed.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Waits until the order is given.
    pub async fn stopped(&self) {
        let mut watch = self.0.watch.subscribe();
        // The sender lives as long as this does.
        let _ = watch.wait_for(|stopped| *stopped).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_time_or_the_order() {
        let stop = Stop::default();
        assert!(!stop.wait_for(Duration::from_millis(1)));
        let other = stop.clone();
        let thread = std::thread::spawn(move || other.wait_for(Duration::from_secs(60)));
        stop.stop();
        assert!(thread.join().unwrap());
        assert!(stop.is_stopped());
    }
}
