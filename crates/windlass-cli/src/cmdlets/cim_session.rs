//! `New-CimSession`, `Get-CimSession` and `Remove-CimSession`.

use std::sync::Arc;

use windlass::Protocol;
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Halt, Outcome, exceptions};
use windlass_psrp::ErrorCategory;

use super::abreast::in_order;
use super::cim_reach::{Opening, openings};
use super::{cmdlet, each, throttle};
use crate::runspace::{CimEntry, Local, computers, of_error};

/// The parameters by which sessions of this process are named.
pub(super) const BY: [&str; 4] = ["Name", "Id", "InstanceId", "ComputerName"];

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "New-CimSession", "Opens CIM sessions with computers.", new),
        cmdlet(local, "Get-CimSession", "Tells the CIM sessions of this process.", |l, c, x| {
            each(l, c, x, get)
        }),
        cmdlet(local, "Remove-CimSession", "Closes CIM sessions.", |l, c, x| each(l, c, x, remove)),
    ]
}

fn new(local: &Arc<Local>, calls: &[Bound], cx: &mut Context<'_>) -> Outcome {
    let mut all: Vec<Opening> = Vec::new();
    for call in calls {
        let more = openings(local, call, &computers(local, call), Protocol::Dcom);
        all.extend(more.map_err(|failure| cx.fail(*failure))?);
    }
    let Some(first) = calls.first() else { return Ok(()) };
    let results = in_order(local, cx, all, throttle(first), |opening: Opening| async move {
        let Opening { builder, computer, name, protocol } = opening;
        (builder.connect().await, computer, name, protocol)
    })?;
    let mut opened = Vec::new();
    for (result, computer, name, protocol) in results {
        match result {
            Ok(session) => {
                let protocol = if protocol == Protocol::Dcom { "DCOM" } else { "WSMAN" };
                opened.push(local.cim.add(session, name, protocol, computer.is_none()));
            }
            Err(error) => {
                let computer = computer.unwrap_or_default();
                cx.error(of_error(local, &error, "CimSessionOpenFailed", &computer))?;
            }
        }
    }
    opened.into_iter().try_for_each(|entry| cx.write(entry.value()))
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let entries =
        if BY.iter().any(|name| call.has(name)) { chosen(local, call, cx)? } else { local.cim.all() };
    entries.iter().try_for_each(|entry| cx.write(entry.value()))
}

/// The sessions that a call names.
pub(super) fn chosen(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
) -> Result<Vec<Arc<CimEntry>>, Halt> {
    let mut entries = Vec::new();
    entries.extend(call.list("CimSession").iter().filter_map(|value| local.cim.of(value)));
    for name in call.texts("Name") {
        let found = local.cim.named(&name);
        if found.is_empty() && !windlass_command::wildcard::has_wildcards(&name) {
            cx.error(not_found(format!("no CIM session is called '{name}'")))?;
        }
        entries.extend(found);
    }
    for id in call.list("Id").iter().filter_map(PsValue::as_i64) {
        match local.cim.by_id(id) {
            Some(entry) => entries.push(entry),
            None => cx.error(not_found(format!("no CIM session has the id {id}")))?,
        }
    }
    for instance in call.list("InstanceId").iter().filter_map(PsValue::as_guid) {
        match local.cim.by_instance(instance) {
            Some(entry) => entries.push(entry),
            None => cx.error(not_found(format!("no CIM session has the instance id {instance}")))?,
        }
    }
    for computer in call.texts("ComputerName") {
        let found = local.cim.on(&computer);
        if found.is_empty() {
            let reason = format!(
                "no CIM session leads to a computer called {computer}: -Name finds sessions by their own names"
            );
            cx.error(not_found(reason))?;
        }
        entries.extend(found);
    }
    Ok(entries)
}

fn not_found(message: String) -> Failure {
    Failure::new(exceptions::ARGUMENT, "CimSessionNotFound", ErrorCategory::ObjectNotFound, message)
}

fn remove(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let entries = chosen(local, call, cx)?;
    entries.iter().for_each(|entry| local.cim.remove(entry));
    in_order(local, cx, entries, throttle(call), CimEntry::close).map(|_| ())
}
