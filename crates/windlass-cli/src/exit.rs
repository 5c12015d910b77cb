//! How a command ended, as scripts see it.

use std::process::ExitCode;

/// An exit status of the command line. The numbers are a contract: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exit(u8);

impl Exit {
    /// Everything was done.
    pub(crate) const DONE: Self = Self(0);
    /// The remote command reported errors.
    pub(crate) const REMOTE_ERRORS: Self = Self(1);
    /// The command line was wrong.
    pub(crate) const USAGE: Self = Self(2);
    /// There is no connection, or none any more.
    pub(crate) const NOT_CONNECTED: Self = Self(3);
    /// What was read or received breaks its format, or something local failed.
    pub(crate) const PROTOCOL: Self = Self(5);
    /// The user interrupted the command.
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// The status that an error of a session stands for.
    pub(crate) fn of(error: &windlass::Error) -> Self {
        Self(error.exit_status())
    }
}

impl Exit {
    /// The status of this number.
    pub(crate) fn from_code(code: u8) -> Self {
        Self(code)
    }

    /// The number.
    pub(crate) fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
