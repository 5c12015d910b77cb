//! Events that go to the client: `Register-EngineEvent -Forward`, `New-Event`.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;
use windlass_clixml::{PsObject, PsValue};
use windlass_psrp::ErrorCategory;
use windlass_psrp::payload::UserEvent;

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::text::local_time;

/// Most names of events that a session forwards.
const MOST_NAMES: usize = 1000;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        function(
            declare(
                "Register-EngineEvent",
                UTILITY,
                "RegisterEngineEventCommand",
                &["[-SourceIdentifier] <string> [-Forward]"],
            )
            .synopsis("Sends events of a name to the client."),
            register,
        ),
        function(
            declare(
                "New-Event",
                UTILITY,
                "NewEventCommand",
                &["[-SourceIdentifier] <string> [[-Sender] <psobject>] [[-EventArguments] <psobject[]>] \
                   [[-MessageData] <psobject>]"],
            )
            .synopsis("Raises an event."),
            raise,
        ),
    ]
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn register(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let name = call.text("SourceIdentifier").unwrap_or_default().to_lowercase();
    if !call.switch("Forward") {
        return Ok(());
    }
    let too_many = {
        let mut events = cx.runspace().events();
        events.forwarded.len() >= MOST_NAMES || {
            events.forwarded.insert(name);
            false
        }
    };
    match too_many {
        true => {
            let message = format!("The session forwards {MOST_NAMES} events already.");
            let category = ErrorCategory::LimitsExceeded;
            Err(cx.fail(Failure::new(exceptions::INVALID_OPERATION, "TooManyEvents", category, message)))
        }
        false => Ok(()),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn raise(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let name = call.text("SourceIdentifier").unwrap_or_default();
    let (number, forwarded) = {
        let mut events = cx.runspace().events();
        events.raised = events.raised.saturating_add(1);
        (events.raised, events.forwarded.contains(&name.to_lowercase()))
    };
    let event = UserEvent {
        event_identifier: number,
        source_identifier: name.into(),
        time_generated: local_time(Timestamp::now()),
        sender: call.get("Sender").cloned().unwrap_or_default(),
        source_args: PsValue::list(call.list("EventArguments")),
        message_data: call.get("MessageData").cloned().unwrap_or_default(),
        computer_name: None,
        runspace_id: Uuid::nil(),
    };
    if forwarded {
        cx.forward(&event)?;
    }
    let object =
        PsObject::typed(["System.Management.Automation.PSEventArgs", "System.EventArgs", "System.Object"])
            .with_adapted("ComputerName", PsValue::Null)
            .with_adapted("RunspaceId", event.runspace_id)
            .with_adapted("EventIdentifier", event.event_identifier)
            .with_adapted("Sender", event.sender)
            .with_adapted("SourceArgs", event.source_args)
            .with_adapted("SourceIdentifier", event.source_identifier)
            .with_adapted("TimeGenerated", event.time_generated)
            .with_adapted("MessageData", event.message_data);
    cx.write(object)
}
