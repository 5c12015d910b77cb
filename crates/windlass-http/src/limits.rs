//! What a peer may make this side keep.

/// Limits on what is received, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Request or status line and headers together. Tickets travel in headers.
    pub head: usize,
    /// One body.
    pub body: usize,
    /// One body from a client that has not logged on yet: the last token of a handshake may bring the
    /// first message along.
    pub body_before_logon: usize,
}

impl Default for Limits {
    /// 128 KiB of head, 64 MiB of body, 2 MiB before the logon.
    fn default() -> Self {
        Self { head: 128 * 1024, body: 64 * 1024 * 1024, body_before_logon: 2 * 1024 * 1024 }
    }
}
