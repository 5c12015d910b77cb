//! The streams other than output, on standard error as PowerShell shows them.

use std::io::{self, Write};

use windlass::PipelineEvent;
use windlass_clixml::to_text;
use windlass_psrp::{ErrorRecord, PipelineState};

use super::printable;
use crate::exit::Exit;

/// Shows one event and says what it means for the exit status.
pub(crate) fn show(event: &PipelineEvent, computer: &str) -> Exit {
    match event {
        PipelineEvent::Error(record) => {
            line(&format!("[{computer}] {}", error_text(record)));
            Exit::REMOTE_ERRORS
        }
        PipelineEvent::Finished(state, reason) => match (state, reason) {
            (PipelineState::Failed, Some(record)) => {
                line(&format!("[{computer}] {}", error_text(record)));
                Exit::REMOTE_ERRORS
            }
            (PipelineState::Failed, None) => {
                line(&format!("[{computer}] the command failed"));
                Exit::REMOTE_ERRORS
            }
            _ => Exit::DONE,
        },
        other => {
            if let Some(text) = informational(other) {
                line(&text);
            }
            Exit::DONE
        }
    }
}

fn informational(event: &PipelineEvent) -> Option<String> {
    Some(match event {
        PipelineEvent::Warning(record) => format!("WARNING: {}", record.message),
        PipelineEvent::Verbose(record) => format!("VERBOSE: {}", record.message),
        PipelineEvent::Debug(record) => format!("DEBUG: {}", record.message),
        PipelineEvent::Information(record) => to_text(&record.message_data),
        PipelineEvent::Progress(record) if record.percent_complete >= 0 => {
            format!("{}: {} {}%", record.activity, record.status_description, record.percent_complete)
        }
        PipelineEvent::Progress(record) => format!("{}: {}", record.activity, record.status_description),
        _ => return None,
    })
}

/// `Get-Item: Cannot find path ...`
fn error_text(record: &ErrorRecord) -> String {
    let message = record.message();
    if record.activity.is_empty() { message.to_string() } else { format!("{}: {message}", record.activity) }
}

/// A stream that cannot be shown, because nobody reads standard error, is no reason to stop.
fn line(text: &str) {
    let written = writeln!(io::stderr(), "{}", printable(text));
    if let Err(error) = written {
        tracing::debug!(%error, "standard error is closed");
    }
}
