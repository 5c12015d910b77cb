//! Listening to what a client and a service say to each other over WS-Management.

/// Hears each message and its answer: the envelopes before they are sealed, and after they were opened.
///
/// What it hears may hold secrets, such as scripts and arguments.
pub trait Tap: Send + Sync {
    /// A message was answered, with this status of HTTP.
    fn exchanged(&self, request: &str, status: u16, answer: &str);
}
