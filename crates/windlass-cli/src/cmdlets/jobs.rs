//! `Get-Job`, `Wait-Job`, `Receive-Job`, `Stop-Job` and `Remove-Job`.

use std::sync::Arc;
use std::time::Duration;

use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Halt, Outcome, exceptions, text};
use windlass_psrp::ErrorCategory;

use super::invoke_work::{Origin, tell};
use super::{cmdlet, each};
use crate::runspace::{Job, JobState, Local, job_value, matcher};

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "Get-Job", "Tells the jobs of this process.", |l, c, x| each(l, c, x, get)),
        cmdlet(local, "Wait-Job", "Waits until jobs have ended.", wait),
        cmdlet(local, "Receive-Job", "Gives what jobs have said until now.", |l, c, x| {
            each(l, c, x, receive)
        }),
        cmdlet(local, "Stop-Job", "Ends jobs.", |l, c, x| each(l, c, x, stop)),
        cmdlet(local, "Remove-Job", "Forgets jobs.", |l, c, x| each(l, c, x, remove)),
    ]
}

/// The jobs that a call names.
pub(super) fn chosen(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Result<Vec<Arc<Job>>, Halt> {
    let mut jobs = Vec::new();
    jobs.extend(call.list("Job").iter().filter_map(|value| local.jobs.of(value)));
    for name in call.texts("Name") {
        let found = local.jobs.named(&name);
        if found.is_empty() && !windlass_command::wildcard::has_wildcards(&name) {
            cx.error(not_found(format!("there is no job called '{name}'")))?;
        }
        jobs.extend(found);
    }
    for id in call.list("Id").iter().filter_map(PsValue::as_i64) {
        match local.jobs.by_id(id) {
            Some(job) => jobs.push(job),
            None => cx.error(not_found(format!("there is no job with the id {id}")))?,
        }
    }
    let instances: Vec<_> = call.list("InstanceId").iter().filter_map(PsValue::as_guid).collect();
    jobs.extend(local.jobs.all().into_iter().filter(|job| instances.contains(&job.instance())));
    if let Some(state) = call.text("State") {
        jobs.extend(
            local.jobs.all().into_iter().filter(|job| text(&state_of(job)).eq_ignore_ascii_case(&state)),
        );
    }
    for command in call.texts("Command") {
        let fits = matcher(&command);
        jobs.extend(local.jobs.all().into_iter().filter(|job| fits(job.command())));
    }
    Ok(jobs)
}

fn state_of(job: &Job) -> PsValue {
    job_value(job).get("State").cloned().unwrap_or_default()
}

fn not_found(message: String) -> Failure {
    Failure::new(exceptions::ARGUMENT, "JobWithSpecifiedNameNotFound", ErrorCategory::ObjectNotFound, message)
}

fn names_any(call: &Bound) -> bool {
    ["Job", "Name", "Id", "InstanceId", "State", "Command"].iter().any(|name| call.has(name))
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let jobs = if names_any(call) { chosen(local, call, cx)? } else { local.jobs.all() };
    let newest = call.count("Newest").unwrap_or(jobs.len());
    let left_out = jobs.len().saturating_sub(newest);
    jobs.iter().skip(left_out).try_for_each(|job| cx.write(job_value(job)))
}

fn wait(local: &Arc<Local>, calls: &[Bound], cx: &mut Context<'_>) -> Outcome {
    let mut jobs = Vec::new();
    for call in calls {
        jobs.extend(chosen(local, call, cx)?);
    }
    let Some(first) = calls.first() else { return Ok(()) };
    let limit =
        first.integer("Timeout").and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let any = first.switch("Any");
    let waiting = async {
        let mut ended = tokio::task::JoinSet::new();
        for job in &jobs {
            let job = Arc::clone(job);
            ended.spawn(async move { job.ended().await });
        }
        while ended.join_next().await.is_some() && !any {}
    };
    local.wait(cx, async {
        match limit {
            Some(limit) => tokio::time::timeout(limit, waiting).await.is_ok(),
            None => {
                waiting.await;
                true
            }
        }
    })?;
    let mut ended = jobs.iter().filter(|job| job.state() != JobState::Running);
    match any {
        true => ended.next().map_or(Ok(()), |job| cx.write(job_value(job))),
        false => ended.try_for_each(|job| cx.write(job_value(job))),
    }
}

fn receive(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    for job in chosen(local, call, cx)? {
        if call.switch("Wait") {
            local.wait(cx, job.ended())?;
        }
        let events = job.receive();
        if call.switch("Keep") {
            let again = events.iter().filter_map(|kept| match &kept.event {
                Ok(event) => Some(crate::runspace::JobEvent {
                    computer: kept.computer.clone(),
                    session: kept.session,
                    event: Ok(event.clone()),
                }),
                // An error of the session is told once.
                Err(_) => None,
            });
            job.put_back(again.collect());
        }
        for kept in events {
            let origin = Origin::computer(&kept.computer, job.hide_computer_name).in_session(kept.session);
            tell(local, cx, &origin, kept.event)?;
        }
        if call.switch("AutoRemoveJob") && job.state() != JobState::Running {
            local.jobs.remove(&job);
        }
    }
    Ok(())
}

fn stop(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    for job in chosen(local, call, cx)? {
        job.stop();
        if call.switch("PassThru") {
            cx.write(job_value(&job))?;
        }
    }
    Ok(())
}

fn remove(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    for job in chosen(local, call, cx)? {
        if job.state() == JobState::Running && !call.switch("Force") {
            let message = format!(
                "the job {} ({}) is still running: stop it with Stop-Job, or use -Force",
                job.name(),
                job.id()
            );
            cx.error(Failure::new(
                exceptions::INVALID_OPERATION,
                "JobRunning",
                ErrorCategory::InvalidOperation,
                message,
            ))?;
            continue;
        }
        job.stop();
        local.jobs.remove(&job);
    }
    Ok(())
}
