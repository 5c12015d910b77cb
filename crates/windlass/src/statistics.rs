//! What a session cost.

use windlass_net::Counts;

/// What went over the wire for a session until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// HTTP requests, those that only authenticate included.
    pub http_requests: u64,
    /// Connections opened.
    pub connections: u64,
    /// Bytes of HTTP sent, before TLS.
    pub bytes_sent: u64,
    /// Bytes of HTTP received, after TLS.
    pub bytes_received: u64,
    /// Requests over RPC that waited for an answer: binds and calls.
    pub rpc_exchanges: u64,
}

impl From<Counts> for Statistics {
    fn from(counts: Counts) -> Self {
        Self {
            http_requests: counts.http_requests,
            connections: counts.connections,
            bytes_sent: counts.bytes_sent,
            bytes_received: counts.bytes_received,
            rpc_exchanges: 0,
        }
    }
}
