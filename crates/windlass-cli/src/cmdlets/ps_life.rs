//! `Disconnect-PSSession`, `Connect-PSSession` and `Receive-PSSession`.

use std::sync::Arc;
use std::time::Duration;

use windlass::{DisconnectOptions, SessionState};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Cmdlet, Context, Halt, Outcome};
use windlass_wsman::BufferMode;

use super::invoke_work::{Origin, drain, follow};
use super::ps_session::{Wanted, chosen, not_found};
use super::{cmdlet, each};
use crate::runspace::{Local, Reach, SessionEntry, argument, job_value, of_error, places};

/// Seconds that hosts keep a session at least.
const LEAST_IDLE: u64 = 60;

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(
            local,
            "Disconnect-PSSession",
            "Leaves sessions, whose commands go on at their hosts.",
            |l, c, x| each(l, c, x, disconnect),
        ),
        cmdlet(local, "Connect-PSSession", "Comes back to sessions that were left.", |l, c, x| {
            each(l, c, x, connect)
        }),
        cmdlet(
            local,
            "Receive-PSSession",
            "Comes back to a session that was left, and gives what its command has said.",
            |l, c, x| each(l, c, x, receive),
        ),
    ]
}

fn disconnect(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let mut options = DisconnectOptions::default();
    if let Some(seconds) = call.integer("IdleTimeoutSec") {
        let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds >= LEAST_IDLE);
        let seconds = seconds.ok_or_else(|| {
            let message = format!("-IdleTimeoutSec is at least {LEAST_IDLE} seconds: hosts keep no less");
            cx.fail(*argument(local, "InvalidIdleTimeout", message))
        })?;
        options.idle_timeout = Some(Duration::from_secs(seconds));
    }
    options.buffering = match call.text("OutputBufferingMode").as_deref() {
        Some("Drop") => Some(BufferMode::Drop),
        Some("Block") => Some(BufferMode::Block),
        _ => None,
    };
    for entry in chosen(local, call, cx)? {
        if entry.session.state() != SessionState::Disconnected {
            let left = local.wait(cx, entry.session.disconnect(options))?;
            if let Err(error) = left {
                cx.error(of_error(
                    local,
                    &error,
                    "PSSessionDisconnectFailed",
                    entry.session.computer_name(),
                ))?;
                continue;
            }
        }
        cx.write(entry.value())?;
    }
    Ok(())
}

fn connect(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    for entry in reconnected(local, call, cx)? {
        cx.write(entry.value())?;
    }
    Ok(())
}

/// The sessions that a call names, connected.
fn reconnected(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
) -> Result<Vec<Arc<SessionEntry>>, Halt> {
    let mut connected = Vec::new();
    if call.has("ComputerName") || call.has("ConnectionUri") {
        for entry in at_hosts(local, call, cx)? {
            connected.push(entry);
        }
        return Ok(connected);
    }
    for value in call.list("Session") {
        if local.sessions.of(&value).is_none() {
            match value.get("InstanceId").and_then(PsValue::as_guid) {
                Some(instance) if local.sessions.remembered(instance).is_some() => {
                    connected.extend(join(local, instance, cx)?);
                }
                _ => cx.error(not_found("the session is closed, or is not known to this process", value))?,
            }
        }
    }
    for entry in chosen(local, call, cx)? {
        if entry.session.state() == SessionState::Disconnected {
            let back = local.wait(cx, entry.session.reconnect())?;
            if let Err(error) = back {
                cx.error(of_error(local, &error, "PSSessionConnectFailed", entry.session.computer_name()))?;
                continue;
            }
        }
        connected.push(entry);
    }
    Ok(connected)
}

/// Connects to sessions that a host has.
fn at_hosts(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Result<Vec<Arc<SessionEntry>>, Halt> {
    let recipes =
        Reach::of(local, call).and_then(|reach| reach.recipes(local, cx, call, &places(local, call)));
    let recipes = recipes.map_err(|failure| cx.fail(*failure))?;
    let wanted = Wanted::of(call);
    let mut connected = Vec::new();
    for recipe in recipes {
        let found = match local.wait(cx, recipe.builder(None).find())? {
            Ok(found) => found,
            Err(error) => {
                cx.error(of_error(local, &error, "PSSessionQueryFailed", &recipe.computer))?;
                continue;
            }
        };
        let mut any = false;
        for session in found {
            let ticket = session.ticket;
            if !wanted.takes(&ticket.name, None, ticket.instance_id) || !session.is_disconnected {
                continue;
            }
            any = true;
            let instance = ticket.instance_id;
            match local.sessions.by_instance(instance) {
                Some(entry) => match local.wait(cx, entry.session.reconnect())? {
                    Ok(()) => connected.push(entry),
                    Err(error) => {
                        cx.error(of_error(local, &error, "PSSessionConnectFailed", &recipe.computer))?;
                    }
                },
                None => {
                    local.sessions.remember(ticket, recipe.clone());
                    connected.extend(join(local, instance, cx)?);
                }
            }
        }
        if !any {
            let message = format!("{} has no disconnected session that fits", recipe.computer);
            cx.error(not_found(&message, recipe.computer.as_str().into()))?;
        }
    }
    Ok(connected)
}

/// Connects to a session that another client left.
fn join(
    local: &Arc<Local>,
    instance: uuid::Uuid,
    cx: &mut Context<'_>,
) -> Result<Option<Arc<SessionEntry>>, Halt> {
    let Some((ticket, recipe)) = local.sessions.remembered(instance) else { return Ok(None) };
    match local.wait(cx, recipe.builder(None).connect_to(&ticket))? {
        Ok((session, running)) => {
            let entry = local.sessions.add(session, recipe);
            local.handle.block_on(async { entry.running.lock().await.extend(running) });
            Ok(Some(entry))
        }
        Err(error) => {
            cx.error(of_error(local, &error, "PSSessionConnectFailed", &recipe.computer))?;
            Ok(None)
        }
    }
}

fn receive(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let as_job = call.text("OutTarget").is_some_and(|target| target == "Job") || call.has("JobName");
    for entry in reconnected(local, call, cx)? {
        let running = local.handle.block_on(async { std::mem::take(&mut *entry.running.lock().await) });
        let origin = Origin::of(&entry, false);
        if as_job {
            let computers = vec![entry.session.computer_name().to_owned()];
            let job = local.jobs.start(call.text("JobName"), computers, String::new(), false);
            let worker = Arc::clone(&job);
            let task = local.handle.spawn(async move {
                for invocation in running {
                    follow(invocation, |event| worker.keep(&origin.computer, event)).await;
                }
                worker.end();
            });
            job.works_in(task);
            cx.write(job_value(&job))?;
            continue;
        }
        for invocation in running {
            drain(local, cx, &origin, invocation)?;
        }
    }
    Ok(())
}
