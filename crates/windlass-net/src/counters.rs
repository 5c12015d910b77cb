//! What went over the wire, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that the connections of one session share.
#[derive(Debug, Default)]
pub struct Counters {
    http_requests: AtomicU64,
    connections: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// HTTP requests sent, those that only authenticate included.
    pub http_requests: u64,
    /// Connections opened.
    pub connections: u64,
    /// Bytes of HTTP sent, before TLS.
    pub bytes_sent: u64,
    /// Bytes of HTTP received, after TLS.
    pub bytes_received: u64,
}

impl Counters {
    /// The counts now.
    pub fn snapshot(&self) -> Counts {
        Counts {
            http_requests: self.http_requests.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn requests(&self, count: u64) {
        self.http_requests.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_received.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
