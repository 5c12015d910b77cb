//! The states of pools and pipelines ([MS-PSRP] 2.2.3.4 and 2.2.3.5).

use std::fmt;

/// The state of a pool as its own side sees it.
///
/// The first six travel in RUNSPACEPOOL_STATE; the others are known to one side alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolState {
    /// Nothing was sent.
    BeforeOpen,
    /// Negotiation has begun.
    Opening,
    /// Pipelines can run.
    Opened,
    /// Over.
    Closed,
    /// On the way to [`PoolState::Closed`].
    Closing,
    /// Over, and not as wanted.
    Broken,
    /// The client is connecting to a pool that another client left.
    Connecting,
    /// The pool lives on at the server, without its client.
    Disconnected,
}

impl PoolState {
    /// The number on the wire; `None` for states that do not travel.
    pub const fn code(self) -> Option<i32> {
        match self {
            Self::BeforeOpen => Some(0),
            Self::Opening => Some(1),
            Self::Opened => Some(2),
            Self::Closed => Some(3),
            Self::Closing => Some(4),
            Self::Broken => Some(5),
            Self::Connecting | Self::Disconnected => None,
        }
    }

    /// The state that a number on the wire stands for.
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            0 => Some(Self::BeforeOpen),
            1 => Some(Self::Opening),
            2 => Some(Self::Opened),
            3 => Some(Self::Closed),
            4 => Some(Self::Closing),
            5 => Some(Self::Broken),
            _ => None,
        }
    }

    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Broken)
    }

    /// The name that PowerShell prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeOpen => "BeforeOpen",
            Self::Opening => "Opening",
            Self::Opened => "Opened",
            Self::Closed => "Closed",
            Self::Closing => "Closing",
            Self::Broken => "Broken",
            Self::Connecting => "Connecting",
            Self::Disconnected => "Disconnected",
        }
    }
}

impl fmt::Display for PoolState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The state of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PipelineState {
    /// Waits for a runspace.
    NotStarted,
    /// Runs.
    Running,
    /// Was asked to stop.
    Stopping,
    /// Ended because it was asked to.
    Stopped,
    /// Ended by itself.
    Completed,
    /// Ended with an error.
    Failed,
    /// Runs on at the server, without its client.
    Disconnected,
}

impl PipelineState {
    /// The number on the wire.
    pub const fn code(self) -> i32 {
        match self {
            Self::NotStarted => 0,
            Self::Running => 1,
            Self::Stopping => 2,
            Self::Stopped => 3,
            Self::Completed => 4,
            Self::Failed => 5,
            Self::Disconnected => 6,
        }
    }

    /// The state that a number on the wire stands for.
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            0 => Some(Self::NotStarted),
            1 => Some(Self::Running),
            2 => Some(Self::Stopping),
            3 => Some(Self::Stopped),
            4 => Some(Self::Completed),
            5 => Some(Self::Failed),
            6 => Some(Self::Disconnected),
            _ => None,
        }
    }

    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Completed | Self::Failed)
    }

    /// The name that PowerShell prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Disconnected => "Disconnected",
        }
    }
}

impl fmt::Display for PipelineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for code in 0..=5 {
            assert_eq!(PoolState::from_code(code).unwrap().code(), Some(code));
        }
        for code in 0..=6 {
            assert_eq!(PipelineState::from_code(code).unwrap().code(), code);
        }
        assert_eq!(PoolState::from_code(9), None);
        assert_eq!(PipelineState::from_code(7), None);
        assert_eq!(PoolState::Disconnected.code(), None);
    }
}
