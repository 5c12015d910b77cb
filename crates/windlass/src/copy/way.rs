//! What an endpoint offers for copying.

use windlass_psrp::PowerShell;

use super::calls::{Calls, Carrier};
use super::helpers::Helpers;
use crate::error::{Error, Result};
use crate::ps::Pipelines;

/// The command of `windlass mock` and of those who embed it.
const COMMAND: &str = "Invoke-FileStream";
/// The functions that PowerShell's `Copy-Item` calls where it may not define them.
const TO_SESSION: &str = "PSCopyToSessionHelper";
const FROM_SESSION: &str = "PSCopyFromSessionHelper";
const UTILITIES: &str = "PSCopyRemoteUtils";

/// How files travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CopyWay {
    /// As streams through a command of the endpoint.
    Command,
    /// As streams through a script: the endpoint has the full language.
    Script,
    /// In pieces of 4 MiB through the functions that PowerShell publishes on endpoints with a drive for
    /// users. They tell no hash, so only lengths are compared, and a file to the session starts anew each
    /// time.
    Helpers,
}

/// The other side of a copy.
#[derive(Clone)]
pub(super) enum Remote {
    Stream(Calls),
    Helpers(Helpers),
}

impl Remote {
    /// Asks the endpoint what it offers: its commands, then its language.
    pub(super) async fn find(pipelines: Pipelines) -> Result<Self> {
        let names = [COMMAND, TO_SESSION, FROM_SESSION, UTILITIES];
        let ask = PowerShell::new()
            .command("Get-Command")
            .parameter("Name", windlass_clixml::PsValue::list(names.map(Into::into)))
            .parameter("ErrorAction", "SilentlyContinue");
        let found = pipelines.invoke(ask).collect().await?;
        let has = |name: &str| {
            let mut known = found.output.iter().filter_map(|command| command.get("Name")?.as_str());
            known.any(|known| known.eq_ignore_ascii_case(name))
        };
        if has(COMMAND) {
            return Ok(Self::Stream(Calls::new(pipelines, Carrier::Command(COMMAND))));
        }
        let ask = PowerShell::script("$ExecutionContext.SessionState.LanguageMode");
        let language = pipelines.invoke(ask).collect().await?.output;
        let is_full = language.first().is_some_and(|mode| windlass_clixml::to_text(mode) == "FullLanguage");
        if is_full {
            return Ok(Self::Stream(Calls::new(pipelines, Carrier::Script)));
        }
        if has(TO_SESSION) && has(FROM_SESSION) && has(UTILITIES) {
            return Ok(Self::Helpers(Helpers::new(pipelines)));
        }
        Err(Error::remote(
            pipelines.host_name(),
            format!(
                "files cannot be copied: the endpoint runs no script of ours and does not publish {TO_SESSION}, \
                 {FROM_SESSION} and {UTILITIES}, as one does that is registered with -MountUserDrive"
            ),
        ))
    }

    pub(super) fn way(&self) -> CopyWay {
        match self {
            Self::Stream(calls) => calls.way(),
            Self::Helpers(_) => CopyWay::Helpers,
        }
    }
}
