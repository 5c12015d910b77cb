//! What a pipeline says while it runs.

use windlass_clixml::{ProgressRecord, PsValue};
use windlass_psrp::{ErrorRecord, InformationRecord, InformationalRecord, PipelineState};

use super::host::HostRequest;
use crate::error::{Error, Result};

/// One thing that a pipeline said, in the order in which it said it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PipelineEvent {
    /// An object of the output stream.
    Output(PsValue),
    /// A record of the error stream. The pipeline may go on.
    Error(Box<ErrorRecord>),
    /// A warning.
    Warning(InformationalRecord),
    /// A verbose text.
    Verbose(InformationalRecord),
    /// A debug text.
    Debug(InformationalRecord),
    /// A record of the information stream; `Write-Host` writes here, too.
    Information(Box<InformationRecord>),
    /// How far something has come.
    Progress(Box<ProgressRecord>),
    /// A call of the host, where the session was opened with
    /// [`host_events`](crate::PsSessionBuilder::host_events).
    HostCall(HostRequest),
    /// The network failed or came back; the pipeline goes on. See [`NetworkEvent`].
    Network(NetworkEvent),
    /// The pipeline ended: the last event. A pipeline that failed or was stopped says why.
    Finished(PipelineState, Option<Box<ErrorRecord>>),
}

/// What happens to a session when the network fails.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkEvent {
    /// The network failed; the session tries to go on where it was.
    Retrying {
        /// Why, in words.
        reason: String,
    },
    /// The session goes on.
    Reconnected,
    /// The network did not come back in time: the session is given up for now.
    AutoDisconnecting,
    /// The session is disconnected: the host keeps it, and it can be reconnected.
    AutoDisconnected,
}

/// All that a pipeline said, sorted by stream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Collected {
    /// The output.
    pub output: Vec<PsValue>,
    /// The error stream.
    pub errors: Vec<ErrorRecord>,
    /// The warning stream.
    pub warnings: Vec<InformationalRecord>,
    /// The verbose stream.
    pub verbose: Vec<InformationalRecord>,
    /// The debug stream.
    pub debug: Vec<InformationalRecord>,
    /// The information stream.
    pub information: Vec<InformationRecord>,
    /// The progress stream.
    pub progress: Vec<ProgressRecord>,
    /// How it ended.
    pub state: PipelineState,
    /// Why it failed or stopped.
    pub reason: Option<Box<ErrorRecord>>,
    host: String,
}

impl Collected {
    pub(crate) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            output: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            verbose: Vec::new(),
            debug: Vec::new(),
            information: Vec::new(),
            progress: Vec::new(),
            state: PipelineState::NotStarted,
            reason: None,
        }
    }

    pub(crate) fn add(&mut self, event: PipelineEvent) {
        match event {
            PipelineEvent::Output(value) => self.output.push(value),
            PipelineEvent::Error(record) => self.errors.push(*record),
            PipelineEvent::Warning(record) => self.warnings.push(record),
            PipelineEvent::Verbose(record) => self.verbose.push(record),
            PipelineEvent::Debug(record) => self.debug.push(record),
            PipelineEvent::Information(record) => self.information.push(*record),
            PipelineEvent::Progress(record) => self.progress.push(*record),
            // A call that nobody answers is refused when it is dropped.
            PipelineEvent::HostCall(_) | PipelineEvent::Network(_) => {}
            PipelineEvent::Finished(state, reason) => {
                self.state = state;
                self.reason = reason;
            }
        }
    }

    /// Whether the command reported an error, or ended by one.
    pub fn had_errors(&self) -> bool {
        !self.errors.is_empty() || self.state != PipelineState::Completed
    }

    /// The output, if the pipeline came to its end.
    ///
    /// # Errors
    /// The pipeline failed or was stopped. Records of the error stream alone are no failure.
    pub fn into_output(self) -> Result<Vec<PsValue>> {
        if self.state == PipelineState::Completed {
            return Ok(self.output);
        }
        let reason = match &self.reason {
            Some(record) => record.to_string(),
            None => format!("the pipeline ended as {}", self.state.name()),
        };
        Err(Error::remote(&self.host, reason))
    }
}
