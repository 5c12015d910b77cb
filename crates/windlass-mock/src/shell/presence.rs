//! Whether anybody is connected to a shell, and what happens to output meanwhile
//! ([MS-WSMV] 3.1.4.14 to 3.1.4.16).

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use windlass_wsman::BufferMode;

/// Whether the client of a shell is there.
pub(crate) struct Presence {
    state: Mutex<State>,
    /// Told when the client leaves.
    left: Notify,
}

struct State {
    connected: bool,
    /// Commands that nobody has come back to since the shell was left.
    lone_commands: HashSet<String>,
    idle_timeout: Duration,
    buffer_mode: BufferMode,
}

impl Presence {
    /// A shell that its client has just opened.
    pub(super) fn new(idle_timeout: Duration, buffer_mode: Option<BufferMode>) -> Self {
        let state = State {
            connected: true,
            lone_commands: HashSet::new(),
            idle_timeout,
            buffer_mode: buffer_mode.unwrap_or(BufferMode::Block),
        };
        Self { state: Mutex::new(state), left: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a client is connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.lock().connected
    }

    /// How long the shell may be idle.
    pub(super) fn idle_timeout(&self) -> Duration {
        self.lock().idle_timeout
    }

    /// What happens to output while the buffer is full and nobody is connected.
    pub(super) fn buffer_mode(&self) -> BufferMode {
        self.lock().buffer_mode
    }

    /// Whether the oldest output gives way now.
    pub(crate) fn drops_output(&self) -> bool {
        let state = self.lock();
        !state.connected && state.buffer_mode == BufferMode::Drop
    }

    /// The client leaves the shell and these commands.
    pub(super) fn leave(
        &self,
        commands: impl Iterator<Item = String>,
        idle_timeout: Option<Duration>,
        buffer_mode: Option<BufferMode>,
    ) {
        let mut state = self.lock();
        state.connected = false;
        state.lone_commands = commands.collect();
        state.idle_timeout = idle_timeout.unwrap_or(state.idle_timeout);
        state.buffer_mode = buffer_mode.unwrap_or(state.buffer_mode);
        drop(state);
        self.left.notify_waiters();
    }

    /// A client comes to the shell; its commands stay alone until somebody comes to each.
    pub(super) fn come(&self, buffer_mode: Option<BufferMode>) {
        let mut state = self.lock();
        state.connected = true;
        state.buffer_mode = buffer_mode.unwrap_or(state.buffer_mode);
    }

    /// A client comes to a command; true where it had been left.
    pub(super) fn come_to(&self, command: &str) -> bool {
        self.lock().lone_commands.remove(command)
    }

    /// Whether nobody has come back to a command since the shell was left.
    pub(super) fn is_alone(&self, command: &str) -> bool {
        self.lock().lone_commands.contains(command)
    }

    /// Waits until the client leaves; at once where it has left.
    pub(super) async fn left(&self) {
        let mut left = std::pin::pin!(self.left.notified());
        left.as_mut().enable();
        if self.is_connected() {
            left.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_back_one_by_one() {
        let presence = Presence::new(Duration::from_secs(1), None);
        assert!(presence.is_connected() && !presence.drops_output());
        presence.leave(["a".to_owned(), "b".to_owned()].into_iter(), None, Some(BufferMode::Drop));
        assert!(!presence.is_connected() && presence.drops_output());
        presence.come(None);
        assert!(presence.is_connected() && !presence.drops_output());
        assert!(presence.is_alone("a") && presence.come_to("a") && !presence.come_to("a"));
        assert!(presence.is_alone("b") && !presence.is_alone("c"));
    }
}
