//! Whom a process acts for.

use anyhow::{Context, Result, bail, ensure};
use winsafe::co::{PROCESS, TOKEN, TOKEN_INFORMATION_CLASS};
use winsafe::{ConvertSidToStringSid, HPROCESS, TokenInfo};

/// A process's user, and whether it acts as an administrator.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The user's SID, as text.
    pub(super) user: String,
    pub(super) is_elevated: bool,
}

impl Identity {
    /// This process's own.
    pub(super) fn own() -> Result<Self> {
        Self::behind(&HPROCESS::GetCurrentProcess()).context("cannot tell which user this is")
    }

    /// That of the process with this number.
    pub(super) fn of(process: u32) -> Result<Self> {
        let found = HPROCESS::OpenProcess(PROCESS::QUERY_LIMITED_INFORMATION, false, process);
        found
            .map_err(anyhow::Error::from)
            .and_then(|process| Self::behind(&process))
            .with_context(|| format!("cannot tell whose process {process} is"))
    }

    /// Refuses one that is not this process's own.
    pub(super) fn must_be_own(&self) -> Result<()> {
        let own = Self::own()?;
        ensure!(self.user == own.user, "it belongs to another user");
        ensure!(self.is_elevated == own.is_elevated, "its rights are not those of this process");
        Ok(())
    }

    fn behind(process: &HPROCESS) -> Result<Self> {
        let token = process.OpenProcessToken(TOKEN::QUERY)?;
        let user = token.GetTokenInformation(TOKEN_INFORMATION_CLASS::User)?;
        let elevation = token.GetTokenInformation(TOKEN_INFORMATION_CLASS::Elevation)?;
        let (TokenInfo::User(user), TokenInfo::Elevation(elevation)) = (user, elevation) else {
            bail!("the system answers another question");
        };
        let user = ConvertSidToStringSid(user.User.Sid().context("a process without a user")?)?;
        Ok(Self { user, is_elevated: elevation.TokenIsElevated() })
    }
}
