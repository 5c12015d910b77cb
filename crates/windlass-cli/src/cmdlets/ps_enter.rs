//! `Enter-PSSession` and `Exit-PSSession`: which session the console's lines are sent to.

use std::sync::Arc;

use windlass::SessionState;
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome, exceptions};
use windlass_psrp::ErrorCategory;

use super::ps_session::{chosen, open};
use super::{cmdlet, each};
use crate::runspace::{Local, Reach, argument, places};

/// Parameters for virtual machines, containers and SSH, which PowerShell has and this does not.
const OTHER_TRANSPORTS: [&str; 8] = [
    "VMId",
    "VMName",
    "ContainerId",
    "HostName",
    "SSHConnection",
    "SSHTransport",
    "UseWindowsPowerShell",
    "RunAsAdministrator",
];

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "Enter-PSSession", "Sends the lines that follow to a session.", |l, c, x| {
            each(l, c, x, enter)
        }),
        cmdlet(local, "Exit-PSSession", "Leaves the session that lines are sent to.", |local, _, _| {
            local.enter(None);
            Ok(())
        }),
    ]
}

/// Refuses what only other transports than WS-Management have.
pub(super) fn refuse_other_transports(local: &Local, call: &Bound) -> Result<(), Box<Failure>> {
    match OTHER_TRANSPORTS.iter().find(|name| call.has(name)) {
        None => Ok(()),
        Some(name) => Err(argument(
            local,
            "TransportNotSupported",
            format!(
                "-{name} is for another transport than WS-Management, which is the one that windlass speaks"
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
        let recipes = Reach::of(local, call).and_then(|reach| reach.recipes(local, cx, call, &places(call)));
        let recipes = recipes.map_err(|failure| cx.fail(*failure))?;
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
    local.enter(Some(entry));
    Ok(())
}
