//! What the host counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde::Serialize;
use tokio::sync::Notify;

/// What is open and what has happened. Tests compare it with what they expect to be left over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Shells that were created and not deleted.
    pub open_shells: usize,
    /// Commands and pipelines that were started and not terminated.
    pub open_commands: usize,
    /// Enumerations that neither came to their end nor were released.
    pub open_enumerations: usize,
    /// Subscriptions that were not ended.
    pub open_subscriptions: usize,
    /// Objects that clients over DCOM hold references to.
    pub open_objects: usize,
    /// Sinks of clients over DCOM into which the host delivers results.
    pub open_sinks: usize,
    /// Connections.
    pub connections: usize,
    /// Connections so far.
    pub accepted: u64,
    /// HTTP requests so far, those of logons included.
    pub http_requests: u64,
    /// Messages of WS-Man so far.
    pub messages: u64,
    /// Pipelines so far that came to their end, whether or not anybody fetched their output.
    pub finished_pipelines: u64,
    /// Calls over RPC so far that were executed.
    pub rpc_calls: u64,
    /// Logons that failed so far.
    pub failed_logons: u64,
}

/// The counters behind [`Statistics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: Gauge,
    pub(crate) accepted: AtomicU64,
    pub(crate) http_requests: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) finished_pipelines: AtomicU64,
    pub(crate) rpc_calls: AtomicU64,
    pub(crate) failed_logons: AtomicU64,
    /// Wakes those who wait for a state of the statistics, after every change that they may wait for.
    pub(crate) changed: Arc<Notify>,
}

impl Counters {
    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connect(&self) -> Held {
        self.connections.0.fetch_add(1, Ordering::Relaxed);
        Held { gauge: self.connections.clone(), changed: Arc::clone(&self.changed) }
    }
}

/// A number that goes up and down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge(Arc<AtomicUsize>);

/// One unit of a [`Gauge`], given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    gauge: Gauge,
    changed: Arc<Notify>,
}

impl Gauge {
    /// How many units are held.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.0.fetch_sub(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }
}

/// Adds one to a counter that only goes up.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
