//! Requests that are made ready before it is their turn.

use std::sync::Arc;

use tokio::sync::watch;

/// Holds back the last bytes of a request until it is opened. Everything before them is sealed and sent
/// meanwhile; without them the peer has no request that it could carry out.
///
/// A client whose requests must be carried out in order gives the next one a gate, on a connection of its own,
/// and opens it when the last one is answered. Who gives the next one up drops its future instead.
#[derive(Debug, Clone)]
pub struct Gate {
    is_open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self { is_open: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets the request, and all that share this gate, go.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Waits until it is open.
    pub(crate) async fn opened(&self) {
        // The sender is part of `self`.
        self.is_open.subscribe().wait_for(|is_open| *is_open).await.ok();
    }
}
