//! What a running pipeline says, on its way to the console.

use std::sync::Arc;

use windlass::{Invocation, NetworkEvent, PipelineEvent, PipelineState};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Context, Emission, Outcome};
use windlass_psrp::payload::ErrorDetails;
use windlass_psrp::{ErrorRecord, InformationalKind};

use crate::exit::Exit;
use crate::output::from_computer;
use crate::runspace::{Local, SessionEntry, host_call, of_error, remote};

/// Where results come from, as they are marked with it.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) computer: String,
    pub(super) instance: Option<uuid::Uuid>,
    is_shown: bool,
    is_marked: bool,
}

impl Origin {
    /// A session; with `hide` results do not show its computer.
    pub(super) fn of(entry: &SessionEntry, hide: bool) -> Self {
        Self {
            computer: entry.session.computer_name().to_owned(),
            instance: Some(entry.session.instance_id()),
            is_shown: !hide,
            is_marked: true,
        }
    }

    /// A computer by name.
    pub(super) fn computer(name: &str, hide: bool) -> Self {
        Self { computer: name.to_owned(), instance: None, is_shown: !hide, is_marked: true }
    }

    /// The same computer, with the id of the session there.
    pub(super) fn in_session(self, instance: Option<uuid::Uuid>) -> Self {
        Self { instance, ..self }
    }

    /// The local computer, whose results are not marked.
    pub(super) fn unmarked() -> Self {
        Self { computer: "localhost".to_owned(), instance: None, is_shown: false, is_marked: false }
    }

    /// Marks a result with where it comes from.
    fn mark(&self, value: PsValue) -> PsValue {
        if !self.is_marked {
            return value;
        }
        from_computer(value, &self.computer, self.instance, self.is_shown)
    }
}

/// Hands every event of a pipeline on, until nobody wants more: then the pipeline is stopped.
pub(super) async fn follow(
    mut invocation: Invocation,
    mut take: impl FnMut(Result<PipelineEvent, windlass::Error>) -> bool,
) {
    while let Some(event) = invocation.next().await {
        if !take(event) {
            return;
        }
    }
}

/// Writes what a pipeline says until it ends. Where the local pipeline is stopped, so is the remote one.
pub(super) fn drain(
    local: &Arc<Local>,
    cx: &mut Context<'_>,
    entry: &SessionEntry,
    mut invocation: Invocation,
) -> Outcome {
    let origin = &Origin::of(entry, false);
    loop {
        let next = local.wait(cx, invocation.next());
        match next {
            Ok(Some(event)) => {
                let is_lost = matches!(event, Ok(PipelineEvent::Network(NetworkEvent::AutoDisconnected)));
                tell(local, cx, origin, event)?;
                if is_lost {
                    local.handle.block_on(async { entry.running.lock().await.push(invocation) });
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(halt) => {
                if let Err(error) = local.handle.block_on(invocation.stop()) {
                    tracing::debug!(%error, "a pipeline could not be stopped");
                }
                return Err(halt);
            }
        }
    }
}

/// Writes one event.
pub(super) fn tell(
    local: &Arc<Local>,
    cx: &mut Context<'_>,
    origin: &Origin,
    event: Result<PipelineEvent, windlass::Error>,
) -> Outcome {
    match event.map(spoken) {
        Ok(Ok(Emission::Output(value))) => cx.write(origin.mark(value)),
        Ok(Ok(Emission::Error(record))) => {
            if cx.shows_errors() {
                // Whatever it is about: this side was used as it should be.
                local.note(Exit::REMOTE_ERRORS);
            }
            cx.error_record(located(*record, origin))
        }
        Ok(Ok(other)) => cx.relay(other),
        Ok(Err(event)) => tell_other(local, cx, origin, event),
        Err(error) => cx.error(of_error(local, &error, "PSSessionStateBroken", &origin.computer)),
    }
}

/// What a pipeline said on one of its streams; other events come back.
pub(crate) fn spoken(event: PipelineEvent) -> Result<Emission, PipelineEvent> {
    let told = |kind, record| Emission::Informational(kind, Box::new(record));
    Ok(match event {
        PipelineEvent::Output(value) => Emission::Output(value),
        PipelineEvent::Error(record) => Emission::Error(record),
        PipelineEvent::Warning(record) => told(InformationalKind::Warning, record),
        PipelineEvent::Verbose(record) => told(InformationalKind::Verbose, record),
        PipelineEvent::Debug(record) => told(InformationalKind::Debug, record),
        PipelineEvent::Information(record) => Emission::Information(record),
        PipelineEvent::Progress(record) => Emission::Progress(record),
        other => return Err(other),
    })
}

fn tell_other(local: &Arc<Local>, cx: &mut Context<'_>, origin: &Origin, event: PipelineEvent) -> Outcome {
    match event {
        PipelineEvent::HostCall(request) => {
            let stop = cx.runspace().stop().clone();
            let mark = origin.is_shown.then_some(origin.computer.as_str());
            host_call(local, &request, mark, &stop, &mut |emission| cx.emit(emission))
        }
        PipelineEvent::Network(event) => match network_message(&origin.computer, &event) {
            Some(message) => {
                if event == NetworkEvent::AutoDisconnected {
                    // What was asked for has not come.
                    local.note(Exit::NOT_CONNECTED);
                }
                cx.warning(message)
            }
            None => Ok(()),
        },
        PipelineEvent::Finished(PipelineState::Failed, Some(record)) => {
            local.note(Exit::REMOTE_ERRORS);
            cx.error_record(located(*record, origin))
        }
        PipelineEvent::Finished(PipelineState::Failed, None) => {
            cx.error(remote(local, &origin.computer, "the command failed and does not say why"))
        }
        _ => Ok(()),
    }
}

/// What the user is told when the network fails or comes back.
pub(crate) fn network_message(computer: &str, event: &NetworkEvent) -> Option<String> {
    Some(match event {
        NetworkEvent::Retrying { reason } => {
            format!(
                "The network connection to {computer} has been interrupted ({reason}). Attempting to reconnect..."
            )
        }
        NetworkEvent::Reconnected => format!("The network connection to {computer} has been restored."),
        NetworkEvent::AutoDisconnecting => {
            format!(
                "The network connection to {computer} could not be restored: the session is being disconnected."
            )
        }
        NetworkEvent::AutoDisconnected => {
            format!("The session on {computer} is disconnected. Connect-PSSession comes back to it.")
        }
        _ => return None,
    })
}

/// The record with the computer in its message, as there may be many.
fn located(mut record: ErrorRecord, origin: &Origin) -> ErrorRecord {
    if origin.is_marked && origin.is_shown {
        let message = format!("[{}] {}", origin.computer, record.message());
        let action = record.details.take().and_then(|details| details.recommended_action);
        record.details = Some(ErrorDetails { message: message.into(), recommended_action: action });
    }
    record
}
