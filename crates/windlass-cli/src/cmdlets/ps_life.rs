//! `Disconnect-PSSession`, `Connect-PSSession` and `Receive-PSSession`.

use std::sync::Arc;
use std::time::Duration;

use windlass::{DisconnectOptions, Invocation, PsSession, SessionState, SessionTicket};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Cmdlet, Context, Halt, Outcome};
use windlass_wsman::BufferMode;

use super::abreast::in_order;
use super::invoke_work::{Origin, drain, follow};
use super::ps_session::{Wanted, chosen, not_found};
use super::{cmdlet, each, throttle};
use crate::runspace::{Local, Reach, Recipe, SessionEntry, argument, job_value, of_error, places};

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
    let entries = chosen(local, call, cx)?;
    let left = in_order(local, cx, entries, throttle(call), |entry: Arc<SessionEntry>| async move {
        let left = match entry.session.state() {
            SessionState::Disconnected => Ok(()),
            _ => entry.session.disconnect(options).await,
        };
        (left, entry)
    })?;
    left.into_iter().try_for_each(|(left, entry)| match left {
        Ok(()) => cx.write(entry.value()),
        Err(error) => {
            let computer = entry.session.computer_name();
            cx.error(of_error(local, &error, "PSSessionDisconnectFailed", computer))
        }
    })
}

fn connect(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    for entry in reconnected(local, call, cx)? {
        cx.write(entry.value())?;
    }
    Ok(())
}

/// A session that was left.
enum Left {
    /// By this process.
    Here(Arc<SessionEntry>),
    /// By another client, as a host told.
    There(SessionTicket, Box<Recipe>),
}

/// What came of coming back to it.
enum Back {
    Here(Arc<SessionEntry>, windlass::Result<()>),
    There(Box<Recipe>, windlass::Result<(PsSession, Vec<Invocation>)>),
}

/// The sessions that a call names, connected.
fn reconnected(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
) -> Result<Vec<Arc<SessionEntry>>, Halt> {
    let mut left = Vec::new();
    if call.has("ComputerName") || call.has("ConnectionUri") {
        left = at_hosts(local, call, cx)?;
    } else {
        for value in call.list("Session") {
            if local.sessions.of(&value).is_some() {
                continue;
            }
            let instance = value.get("InstanceId").and_then(PsValue::as_guid);
            match instance.and_then(|instance| local.sessions.remembered(instance)) {
                Some((ticket, recipe)) => left.push(Left::There(ticket, Box::new(recipe))),
                None => {
                    cx.error(not_found("the session is closed, or is not known to this process", value))?;
                }
            }
        }
        left.extend(chosen(local, call, cx)?.into_iter().map(Left::Here));
    }
    let back = in_order(local, cx, left, throttle(call), |left: Left| async move {
        match left {
            Left::Here(entry) => {
                let back = match entry.session.state() {
                    SessionState::Disconnected => entry.session.reconnect().await,
                    _ => Ok(()),
                };
                Back::Here(entry, back)
            }
            Left::There(ticket, recipe) => {
                let back = recipe.builder(None).connect_to(&ticket).await;
                Back::There(recipe, back)
            }
        }
    })?;
    let mut connected = Vec::new();
    for back in back {
        let (error, computer) = match back {
            Back::Here(entry, Ok(())) => {
                connected.push(entry);
                continue;
            }
            Back::There(recipe, Ok((session, running))) => {
                let entry = local.sessions.add(session, *recipe);
                local.handle.block_on(async { entry.running.lock().await.extend(running) });
                connected.push(entry);
                continue;
            }
            Back::Here(entry, Err(error)) => (error, entry.session.computer_name().to_owned()),
            Back::There(recipe, Err(error)) => (error, recipe.computer),
        };
        cx.error(of_error(local, &error, "PSSessionConnectFailed", &computer))?;
    }
    Ok(connected)
}

/// The sessions that hosts have and that nobody is connected to.
fn at_hosts(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Result<Vec<Left>, Halt> {
    let recipes =
        Reach::of(local, call).and_then(|reach| reach.recipes(local, cx, call, &places(local, call)));
    let recipes = recipes.map_err(|failure| cx.fail(*failure))?;
    let wanted = Wanted::of(call);
    let found = in_order(local, cx, recipes, throttle(call), |recipe: Recipe| async move {
        (recipe.builder(None).find().await, recipe)
    })?;
    let mut left = Vec::new();
    for (found, recipe) in found {
        let mut found = match found {
            Ok(found) => found,
            Err(error) => {
                cx.error(of_error(local, &error, "PSSessionQueryFailed", &recipe.computer))?;
                continue;
            }
        };
        found.retain(|session| wanted.takes(&session.ticket.name, None, session.ticket.instance_id));
        let (found, taken): (Vec<_>, Vec<_>) = found.into_iter().partition(|session| session.is_disconnected);
        let elsewhere = taken
            .into_iter()
            .find(|session| local.sessions.by_instance(session.ticket.instance_id).is_none())
            .map(|session| session.ticket.name);
        if found.is_empty() {
            let message = match elsewhere {
                Some(name) => format!(
                    "the session {name} on {} is Busy: another client is connected to it. Of one that was killed hosts \
                     let go after some minutes",
                    recipe.computer
                ),
                None => format!("{} has no disconnected session that fits", recipe.computer),
            };
            cx.error(not_found(&message, recipe.computer.as_str().into()))?;
        }
        left.extend(found.into_iter().map(|session| {
            match local.sessions.by_instance(session.ticket.instance_id) {
                Some(entry) => Left::Here(entry),
                None => {
                    local.sessions.remember(session.ticket.clone(), recipe.clone());
                    Left::There(session.ticket, Box::new(recipe.clone()))
                }
            }
        }));
    }
    Ok(left)
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
                    follow(invocation, |event| worker.keep(&origin.computer, origin.instance, event)).await;
                }
                worker.end();
            });
            job.works_in(task);
            cx.write(job_value(&job))?;
            continue;
        }
        for invocation in running {
            drain(local, cx, &entry, invocation)?;
        }
    }
    Ok(())
}
