//! The host: who answers when a remote script prompts, asks or writes to the screen
//! ([MS-PSRP] 2.2.2.27).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

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

/// The reply to a call; none where nobody waits for one.
pub(super) async fn answer(
    host: Option<&dyn Host>,
    shared: &Arc<Shared>,
    call: &HostCall,
) -> Option<HostReply> {
    let answer = match host {
        None => HostAnswer::Unsupported("the client has no host".to_owned()),
        Some(_) if matches!(call.method, HostMethod::GetBufferContents { .. }) => {
            HostAnswer::Unsupported("the screen of the client is not shown to remote computers".to_owned())
        }
        Some(host) => {
            let guarded = guard(call.method.clone(), computer(shared.host_name()));
            host.call(guarded.method, guarded.warning).await
        }
    };
    if !call.expects_reply() {
        return None;
    }
    Some(match protect(shared, answer) {
        Ok(value) => HostReply::Value(value),
        Err(reason) => HostReply::Error(Box::new(refusal(call, &reason))),
    })
}

/// Puts secrets under the session's key. The answer waits in the machine until there is one.
fn protect(shared: &Arc<Shared>, answer: HostAnswer) -> Result<HostReturn, String> {
    match answer {
        HostAnswer::Value(value) => Ok(value),
        HostAnswer::Unsupported(reason) => Err(reason),
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
    let message = format!("{}: {reason}", call.method.id().name());
    ErrorRecord::new(
        "System.Management.Automation.Host.HostException",
        message,
        ErrorCategory::NotImplemented,
    )
}

/// The name without the port.
fn computer(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}
