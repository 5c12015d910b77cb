//! The host: who answers when a remote script prompts, asks or writes to the screen
//! ([MS-PSRP] 2.2.2.27).

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use uuid::Uuid;

use windlass_clixml::PsString;
use windlass_core::Secret;
use windlass_psrp::host::{HostCall, HostInfo, HostMethod, HostReply, HostReturn, guard};
use windlass_psrp::{ErrorCategory, ErrorRecord};

use super::shared::Shared;
use crate::error::Result;

/// What a host answers to one call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HostAnswer {
    /// A value, or nothing where the method returns nothing.
    Value(HostReturn),
    /// A line that was typed unseen.
    Secret(Secret),
    /// A user's name and password.
    Credential(String, Secret),
    /// What was filled in, by the fields' names.
    Fields(Vec<(PsString, HostAnswer)>),
    /// The host cannot do this; the reason goes to the script.
    Unsupported(String),
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = HostAnswer> + Send + 'a>>;

/// Answers the calls that remote scripts make to the screen and keyboard of the caller.
///
/// Calls come as the host sends them, one at a time for each pipeline; prompts are marked with the
/// remote computer's name already and hold no control characters.
pub trait Host: Send + Sync {
    /// What the remote side is told about this host when the session opens.
    fn info(&self) -> HostInfo;

    /// Answers one call. `warning` is to be shown first, where there is one.
    fn call(&self, method: HostMethod, warning: Option<String>) -> Answering<'_>;
}

/// A call of the host among the events of the pipeline that makes it, for sessions that were opened with
/// [`PsSessionBuilder::host_events`](crate::PsSessionBuilder::host_events).
///
/// Cheap to clone; the first answer counts. A call that is dropped without one is refused.
#[derive(Debug, Clone)]
pub struct HostRequest(Arc<Request>);

/// What PowerShell says where a prompt finds nobody.
const NOBODY: &str = "A command that prompts the user failed because the host program or the command type does \
                      not support user interaction.";

struct Request {
    shared: Weak<Shared>,
    pipeline: Uuid,
    call: HostCall,
    method: HostMethod,
    warning: Option<String>,
    is_answered: AtomicBool,
}

impl HostRequest {
    pub(super) fn new(shared: &Arc<Shared>, pipeline: Uuid, call: HostCall) -> Self {
        let guarded = guard(call.method.clone(), computer(shared.host_name()));
        Self(Arc::new(Request {
            shared: Arc::downgrade(shared),
            pipeline,
            call,
            method: guarded.method,
            warning: guarded.warning,
            is_answered: AtomicBool::new(false),
        }))
    }

    /// What is called. Prompts are marked with the remote computer's name and hold no control characters.
    pub fn method(&self) -> &HostMethod {
        &self.0.method
    }

    /// What to show first, where there is something.
    pub fn warning(&self) -> Option<&str> {
        self.0.warning.as_deref()
    }

    /// Whether the pipeline waits for an answer.
    pub fn expects_answer(&self) -> bool {
        self.0.call.expects_reply()
    }

    /// Whether an answer would still find its pipeline.
    pub fn is_wanted(&self) -> bool {
        let request = &self.0;
        !request.is_answered.load(Ordering::Relaxed)
            && request.shared.upgrade().is_some_and(|shared| shared.runs(request.pipeline))
    }

    /// Answers the call; a further answer does nothing. It is sent in the background.
    pub fn answer(&self, answer: HostAnswer) {
        self.0.answer(answer);
    }
}

/// Requests are equal that are the same.
impl PartialEq for HostRequest {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Request {
    fn answer(&self, answer: HostAnswer) {
        if self.is_answered.swap(true, Ordering::Relaxed) || !self.call.expects_reply() {
            return;
        }
        let Some(shared) = self.shared.upgrade() else { return };
        let (call, pipeline) = (self.call.clone(), self.pipeline);
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            if !shared.runs(pipeline) {
                return;
            }
            let answer = refuse_screen(&call, answer);
            shared.reply(Some(pipeline), &call, reply(&shared, &call, answer)).await;
        });
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.answer(HostAnswer::Unsupported(NOBODY.to_owned()));
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method.id().name()).finish_non_exhaustive()
    }
}

/// The screen of the client is nothing that a remote computer may read, whatever the host says.
fn refuse_screen(call: &HostCall, answer: HostAnswer) -> HostAnswer {
    match call.method {
        HostMethod::GetBufferContents { .. } => {
            HostAnswer::Unsupported("the screen of the client is not shown to remote computers".to_owned())
        }
        _ => answer,
    }
}

/// The reply to a call; none where nobody waits for one.
pub(super) async fn answer(
    host: Option<&dyn Host>,
    shared: &Arc<Shared>,
    call: &HostCall,
) -> Option<HostReply> {
    let answer = match host {
        None => HostAnswer::Unsupported("the client has no host".to_owned()),
        Some(_) if matches!(call.method, HostMethod::GetBufferContents { .. }) => {
            refuse_screen(call, HostAnswer::Value(HostReturn::Null))
        }
        Some(host) => {
            let guarded = guard(call.method.clone(), computer(shared.host_name()));
            host.call(guarded.method, guarded.warning).await
        }
    };
    call.expects_reply().then(|| reply(shared, call, answer))
}

fn reply(shared: &Arc<Shared>, call: &HostCall, answer: HostAnswer) -> HostReply {
    match protect(shared, answer) {
        Ok(value) => HostReply::Value(value),
        Err(reason) => HostReply::Error(Box::new(refusal(call, &reason))),
    }
}

/// Puts secrets under the session's key. The answer waits in the machine until there is one.
fn protect(shared: &Arc<Shared>, answer: HostAnswer) -> Result<HostReturn, String> {
    match answer {
        HostAnswer::Value(value) => Ok(value),
        HostAnswer::Unsupported(reason) => Err(reason),
        HostAnswer::Fields(fields) => {
            let protected =
                fields.into_iter().map(|(name, answer)| Ok((name, protect(shared, answer)?.into_value())));
            protected.collect::<Result<_, _>>().map(HostReturn::Fields)
        }
        HostAnswer::Secret(secret) => {
            shared.park();
            shared
                .with_machine(|machine| machine.pool.protect(&secret))
                .map_or_else(|error| Err(error.to_string()), |value| Ok(HostReturn::Secret(value)))
        }
        HostAnswer::Credential(user_name, password) => {
            shared.park();
            shared.with_machine(|machine| machine.pool.protect(&password)).map_or_else(
                |error| Err(error.to_string()),
                |password| Ok(HostReturn::Credential { user_name: user_name.into(), password }),
            )
        }
    }
}

fn refusal(call: &HostCall, reason: &str) -> ErrorRecord {
    tracing::debug!(method = call.method.id().name(), reason, "a call of the host is refused");
    ErrorRecord::new("System.Management.Automation.Host.HostException", reason, ErrorCategory::NotImplemented)
}

/// The name without the port, and without the address that it was led to.
fn computer(place: &str) -> &str {
    let authority = place.split_once(" (at ").map_or(place, |(authority, _)| authority);
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_marked_with_the_name_alone() {
        for (place, name) in [
            ("srv1:5985", "srv1"),
            ("srv1:5985 (at 127.0.0.1:15985)", "srv1"),
            ("[::1]:5986", "[::1]"),
            ("pwsh", "pwsh"),
        ] {
            assert_eq!(computer(place), name);
        }
    }
}
