//! `-WhatIf`: what a cmdlet would send, and where to; nothing is sent.

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Context, Emission, Outcome, text};
use windlass_psrp::host::HostMethod;

use super::cim_reach::marked_computer;
use crate::runspace::{Local, Place, Reach, Recipe, is_over_ssh, places, ssh_recipes};

/// Parameters that say where and how to connect; the others say what is sent.
const CONNECTING: [&str; 35] = [
    "ComputerName",
    "ConnectionUri",
    "HostName",
    "SSHConnection",
    "SSHTransport",
    "UserName",
    "KeyFilePath",
    "Subsystem",
    "ConnectingTimeout",
    "Options",
    "Session",
    "ToSession",
    "FromSession",
    "CimSession",
    "Job",
    "Credential",
    "Authentication",
    "CertificateThumbprint",
    "Port",
    "UseSSL",
    "ApplicationName",
    "SessionOption",
    "AllowRedirection",
    "ThrottleLimit",
    "OperationTimeoutSec",
    "SkipTestConnection",
    "Protocol",
    "EnableNetworkAccess",
    "HideComputerName",
    "AsJob",
    "JobName",
    "SessionName",
    "InDisconnectedSession",
    "PassThru",
    "WhatIf",
];
/// Longest text of a value that is shown.
const LONGEST: usize = 200;

/// Whether nothing is to be sent.
pub(super) fn is_asked(local: &Local, call: &Bound) -> bool {
    local.defaults.what_if || call.switch("WhatIf")
}

/// Tells what a call would do: one line for each place. What is wrong with its arguments is told as without
/// `-WhatIf`.
pub(super) fn tell(local: &Arc<Local>, name: &str, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let what = what(call);
    for place in targets(local, name, call, cx)? {
        let line = format!("What if: {name} on {place}{what}");
        cx.emit(Emission::HostCall(Box::new(HostMethod::WriteLine2 { value: line.into() })))?;
    }
    Ok(())
}

/// The arguments that say what is sent.
fn what(call: &Bound) -> String {
    let mut shown = String::new();
    for (name, value) in call.arguments() {
        if CONNECTING.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            continue;
        }
        let separator = if shown.is_empty() { ":" } else { "" };
        shown.push_str(&format!("{separator} -{name} {}", value_text(value)));
    }
    shown
}

fn value_text(value: &PsValue) -> String {
    let shown = match (value, value.entries(), value.items()) {
        (PsValue::ScriptBlock(block), _, _) => format!("{{ {} }}", block.trim()),
        (_, Some(entries), _) => {
            let entries = entries.iter().map(|(key, value)| format!("{} = {}", text(key), value_text(value)));
            format!("@{{ {} }}", entries.collect::<Vec<_>>().join("; "))
        }
        (_, None, Some(items)) => items.iter().map(value_text).collect::<Vec<_>>().join(","),
        _ => text(value),
    };
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

/// Where the call would go to.
fn targets(
    local: &Arc<Local>,
    name: &str,
    call: &Bound,
    cx: &mut Context<'_>,
) -> Result<Vec<String>, windlass_mock::powershell::Halt> {
    let names_any = |names: &[&str]| names.iter().any(|name| call.has(name));
    if name.ends_with("-Job") {
        let jobs = super::jobs::chosen(local, call, cx)?;
        return Ok(jobs.iter().map(|job| format!("the job {} ({})", job.name(), job.id())).collect());
    }
    if name.ends_with("-PSSession") && name != "New-PSSession" && names_any(&["Name", "Id", "InstanceId"]) {
        // With a computer they choose among the sessions that its host knows, which nothing is sent to find out.
        if !names_any(&["ComputerName", "ConnectionUri"]) {
            let entries = super::ps_session::chosen(local, call, cx)?;
            let session = |session: &windlass::PsSession| {
                format!("{}, in the session {}", session.computer_name(), session.name())
            };
            return Ok(entries.iter().map(|entry| session(&entry.session)).collect());
        }
    }
    if name.ends_with("-CimSession") && name != "New-CimSession" && names_any(&super::cim_session::BY) {
        let entries = super::cim_session::chosen(local, call, cx)?;
        let session = |entry: &crate::runspace::CimEntry| {
            format!("{}, in the session {}", entry.session.computer_name(), entry.name)
        };
        return Ok(entries.iter().map(|entry| session(entry)).collect());
    }
    let mut found = Vec::new();
    for name in ["Session", "ToSession", "FromSession", "CimSession"] {
        found.extend(call.list(name).iter().map(|session| {
            let computer = session.get("ComputerName").map(text).unwrap_or_default();
            format!("{computer}, in the session {}", session.get("Name").map(text).unwrap_or_default())
        }));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if is_over_ssh(call) {
        let recipes = ssh_recipes(local, call).map_err(|failure| cx.fail(*failure))?;
        let program = |recipe: &Recipe| recipe.program.as_ref().map(ToString::to_string).unwrap_or_default();
        return Ok(recipes
            .iter()
            .map(|recipe| format!("{} ({})", recipe.computer, program(recipe)))
            .collect());
    }
    let reach = Reach::of(local, call).map_err(|failure| cx.fail(*failure))?;
    let places = match call.get("InputObject").and_then(marked_computer) {
        // What came from a computer is changed there.
        Some(computer) if name.contains("-Cim") && !call.has("ComputerName") => {
            if let Some(entry) = local.cim.on(&computer).into_iter().next() {
                return Ok(vec![format!("{computer}, in the session {}", entry.name)]);
            }
            vec![Place::Computer(Some(computer))]
        }
        _ => places(local, call),
    };
    for place in places {
        let shown = match &place {
            Place::Computer(None) if !local.is_resolved("localhost") => "this computer".to_owned(),
            _ => reach.described(local, call, &place).map_err(|failure| cx.fail(*failure))?,
        };
        found.push(shown);
    }
    Ok(found)
}
