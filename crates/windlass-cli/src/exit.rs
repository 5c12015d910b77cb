//! How a command ended, as scripts see it.

use std::process::ExitCode;

/// The exit statuses of the command line. They are a contract: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// The remote command reported errors.
    RemoteErrors,
    /// The command line was wrong.
    Usage,
    /// The computer could not be reached.
    NotConnected,
    /// Authentication or authorisation was refused.
    Refused,
    /// The peer broke the protocol.
    Protocol,
    /// The user interrupted the command.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::RemoteErrors => 1,
            Exit::Usage => 2,
            Exit::NotConnected => 3,
            Exit::Refused => 4,
            Exit::Protocol => 5,
            Exit::Interrupted => 130,
        })
    }
}
