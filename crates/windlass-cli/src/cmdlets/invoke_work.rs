//! What a running pipeline says, on its way to the console.

use std::sync::Arc;

use windlass::{Invocation, PipelineEvent, PipelineState};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Context, Emission, Outcome};
use windlass_psrp::payload::ErrorDetails;
use windlass_psrp::{ErrorRecord, InformationalKind};

use crate::exit::Exit;
use crate::output::from_computer;
use crate::runspace::{Local, SessionEntry, of_error, remote};

/// Where results come from, as they are marked with it.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) computer: String,
    instance: Option<uuid::Uuid>,
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
    origin: &Origin,
    mut invocation: Invocation,
) -> Outcome {
    loop {
        let next = local.wait(cx, invocation.next());
        match next {
            Ok(Some(event)) => tell(local, cx, origin, event)?,
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
    let told = |kind, record| Emission::Informational(kind, Box::new(record));
    match event {
        Ok(PipelineEvent::Output(value)) => cx.write(origin.mark(value)),
        Ok(PipelineEvent::Error(record)) => cx.error_record(located(*record, origin)),
        Ok(PipelineEvent::Warning(record)) => cx.emit(told(InformationalKind::Warning, record)),
        Ok(PipelineEvent::Verbose(record)) => cx.emit(told(InformationalKind::Verbose, record)),
        Ok(PipelineEvent::Debug(record)) => cx.emit(told(InformationalKind::Debug, record)),
        Ok(PipelineEvent::Information(record)) => cx.emit(Emission::Information(record)),
        Ok(PipelineEvent::Progress(record)) => cx.emit(Emission::Progress(record)),
        Ok(PipelineEvent::Network(event)) => network(cx, origin, &event),
        Ok(PipelineEvent::Finished(PipelineState::Failed, Some(record))) => {
            local.note(Exit::REMOTE_ERRORS);
            cx.error_record(located(*record, origin))
        }
        Ok(PipelineEvent::Finished(PipelineState::Failed, None)) => {
            cx.error(remote(local, &origin.computer, "the command failed and does not say why"))
        }
        Ok(_) => Ok(()),
        Err(error) => cx.error(of_error(local, &error, "PSSessionStateBroken", &origin.computer)),
    }
}

fn network(cx: &mut Context<'_>, origin: &Origin, event: &windlass::NetworkEvent) -> Outcome {
    use windlass::NetworkEvent;
    let computer = &origin.computer;
    let message = match event {
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
        _ => return Ok(()),
    };
    cx.warning(message)
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
