//! `Enter-PSSession` and `Exit-PSSession`: which session the console's lines are sent to.

use std::sync::Arc;

use windlass::{PsSession, SessionState};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome, exceptions, text};
use windlass_psrp::{ErrorCategory, GetCommandMetadata};

use super::ps_session::{chosen, open};
use super::{cmdlet, each};
use crate::runspace::{Local, Reach, argument, of_error};

/// Parameters for virtual machines, containers and Windows PowerShell, which PowerShell has and this does not.
const OTHER_TRANSPORTS: [&str; 5] =
    ["VMId", "VMName", "ContainerId", "UseWindowsPowerShell", "RunAsAdministrator"];

/// The commands by which an interactive session shows output and is left.
const NEEDED: [&str; 2] = ["Out-Default", "Exit-PSSession"];

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "Enter-PSSession", "Sends the lines that follow to a session.", |l, c, x| {
            each(l, c, x, enter)
        }),
        cmdlet(local, "Exit-PSSession", "Leaves the session that lines are sent to.", |local, _, _| {
            local.leave();
            Ok(())
        }),
    ]
}

/// Refuses what only other transports than WS-Management and SSH have.
pub(super) fn refuse_other_transports(local: &Local, call: &Bound) -> Result<(), Box<Failure>> {
    match OTHER_TRANSPORTS.iter().find(|name| call.has(name)) {
        None => Ok(()),
        Some(name) => Err(argument(
            local,
            "TransportNotSupported",
            format!(
                "-{name} is for another transport than WS-Management and SSH, which are those that windlass has"
            ),
        )),
    }
}

fn enter(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    refuse_other_transports(local, call).map_err(|failure| cx.fail(*failure))?;
    let named = ["Session", "Name", "Id", "InstanceId"].iter().any(|name| call.has(name));
    let entry = if named {
        chosen(local, call, cx)?.into_iter().next()
    } else {
        let recipes = Reach::sessions(local, cx, call).map_err(|failure| cx.fail(*failure))?;
        open(local, cx, recipes, &[], 1)?.into_iter().next()
    };
    let Some(entry) = entry else { return Ok(()) };
    if entry.session.state() != SessionState::Opened {
        let message =
            format!("the session {} is not Opened: Connect-PSSession comes back to it", entry.session.name());
        let failure = Failure::new(
            exceptions::INVALID_OPERATION,
            "PSSessionNotOpened",
            ErrorCategory::InvalidOperation,
            message,
        );
        return Err(cx.fail(failure));
    }
    let missing = match local.wait(cx, missing_commands(&entry.session))? {
        Ok(missing) => missing,
        Err(error) => {
            let computer = entry.session.computer_name().to_owned();
            return Err(cx.fail(of_error(local, &error, "PSSessionNotEntered", &computer)));
        }
    };
    local.leave();
    local.enter(Arc::clone(&entry), !named);
    if missing.is_empty() {
        return Ok(());
    }
    local.leave();
    let message = format!(
        "the endpoint {} on {} cannot be entered, as it lacks {}: use Invoke-Command",
        entry.session.configuration_name(),
        entry.session.computer_name(),
        missing.join(" and ")
    );
    let category = ErrorCategory::InvalidOperation;
    Err(cx.fail(Failure::new(exceptions::INVALID_OPERATION, "PSSessionNotEntered", category, message)))
}

/// Which of the commands that an interactive session needs the endpoint does not have.
async fn missing_commands(session: &PsSession) -> windlass::Result<Vec<&'static str>> {
    let request = GetCommandMetadata::new(NEEDED);
    let found = session.command_metadata(&request).collect().await?;
    let has = |name: &&str| {
        let mut names = found.output.iter().filter_map(|command| command.get("Name").map(text));
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    Ok(NEEDED.into_iter().filter(|name| !has(name)).collect())
}
