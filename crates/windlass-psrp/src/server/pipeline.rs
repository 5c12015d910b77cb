//! Pipelines of a server: what they write.

use uuid::Uuid;
use windlass_clixml::{ProgressRecord, PsValue};

use super::{Calls, ServerEvent, ServerPool};
use crate::error::PsrpError;
use crate::fragment::{Defragmenter, FragmentLimits};
use crate::host::{HostCallId, HostMethod};
use crate::message::MessageType;
use crate::payload::{
    ErrorRecord, InformationRecord, InformationalKind, InformationalRecord, Payload, PipelineStateMessage,
    progress_to_value,
};
use crate::state::PipelineState;
use crate::version::ProtocolVersion;

/// One pipeline.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) state: PipelineState,
    pub(super) inbox: [Defragmenter; 2],
    pub(super) takes_input: bool,
    pub(super) calls: Calls,
}

impl Pipeline {
    pub(super) fn new(limits: FragmentLimits) -> Self {
        Self {
            state: PipelineState::NotStarted,
            inbox: [Defragmenter::new(limits), Defragmenter::new(limits)],
            takes_input: false,
            calls: Calls::default(),
        }
    }
}

impl ServerPool {
    /// The state of a pipeline; [`PipelineState::NotStarted`] until its first message is complete.
    pub fn pipeline_state(&self, id: Uuid) -> Option<PipelineState> {
        self.pipelines.get(&id).map(|pipeline| pipeline.state)
    }

    /// The pipelines that were not closed.
    pub fn pipelines(&self) -> impl Iterator<Item = Uuid> {
        self.pipelines.keys().copied()
    }

    /// Whether a pipeline may write: it runs, or is asked to stop.
    pub fn may_write(&self, id: Uuid) -> bool {
        self.pipeline_state(id)
            .is_some_and(|state| matches!(state, PipelineState::Running | PipelineState::Stopping))
    }

    /// A pipeline writes an object.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_output(&mut self, id: Uuid, value: &PsValue) -> Result<(), PsrpError> {
        self.write(id, MessageType::PipelineOutput, value)
    }

    /// A pipeline writes an error and goes on.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_error(&mut self, id: Uuid, error: &ErrorRecord) -> Result<(), PsrpError> {
        let value = error.to_value(self.agreed())?;
        self.write(id, MessageType::ErrorRecord, &value)
    }

    /// A pipeline writes to the debug, verbose or warning stream.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_informational(
        &mut self,
        id: Uuid,
        kind: InformationalKind,
        record: &InformationalRecord,
    ) -> Result<(), PsrpError> {
        self.write(id, kind.message_type(), &record.to_value(kind))
    }

    /// A pipeline writes a warning.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_warning(&mut self, id: Uuid, record: &InformationalRecord) -> Result<(), PsrpError> {
        self.write_informational(id, InformationalKind::Warning, record)
    }

    /// A pipeline writes to the verbose stream.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_verbose(&mut self, id: Uuid, record: &InformationalRecord) -> Result<(), PsrpError> {
        self.write_informational(id, InformationalKind::Verbose, record)
    }

    /// A pipeline writes to the debug stream.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_debug(&mut self, id: Uuid, record: &InformationalRecord) -> Result<(), PsrpError> {
        self.write_informational(id, InformationalKind::Debug, record)
    }

    /// A pipeline writes to the information stream, which clients before protocol 2.3 do not have:
    /// those get nothing.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_information(&mut self, id: Uuid, record: &InformationRecord) -> Result<(), PsrpError> {
        if self.agreed() < ProtocolVersion::V2_3 {
            return Ok(());
        }
        let value = record.to_value(self.agreed())?;
        self.write(id, MessageType::InformationRecord, &value)
    }

    /// A pipeline tells how far it is.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn write_progress(&mut self, id: Uuid, record: &ProgressRecord) -> Result<(), PsrpError> {
        self.write(id, MessageType::ProgressRecord, &progress_to_value(record))
    }

    /// A pipeline calls the client's host. The number is that by which [`ServerEvent::HostResponse`]
    /// answers it, where the method is answered.
    ///
    /// # Errors
    /// When there is no such pipeline, or it has ended.
    pub fn host_call(&mut self, id: Uuid, method: HostMethod) -> Result<HostCallId, PsrpError> {
        let call = self.writing(id)?.calls.open_call(method);
        let value = call.to_value(self.agreed())?;
        self.push(MessageType::PipelineHostCall, Some(id), &value);
        Ok(call.call_id)
    }

    /// A pipeline has ended: the last that is sent for it. A stopped one carries
    /// [`ErrorRecord::stopped`], a failed one its error.
    ///
    /// # Errors
    /// When there is no such pipeline, it has ended before, or `state` is no end.
    pub fn complete(
        &mut self,
        id: Uuid,
        state: PipelineState,
        error: Option<ErrorRecord>,
    ) -> Result<(), PsrpError> {
        if !state.is_final() {
            return Err(PsrpError::PipelineState { action: "ending with that state", pipeline: id, state });
        }
        let value = PipelineStateMessage { state, error }.to_value(self.agreed())?;
        self.write(id, MessageType::PipelineState, &value)?;
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.state = state;
            pipeline.takes_input = false;
        }
        Ok(())
    }

    /// The client signals a pipeline to stop, which [`ServerEvent::Stop`] tells. Nothing comes of it
    /// where the pipeline has ended.
    ///
    /// # Errors
    /// When there is no such pipeline.
    pub fn stop(&mut self, id: Uuid) -> Result<(), PsrpError> {
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        if pipeline.state == PipelineState::Running {
            pipeline.state = PipelineState::Stopping;
            self.events.push_back(ServerEvent::Stop { id });
        }
        Ok(())
    }

    /// The client ends the command of a pipeline, which is forgotten with all that waits for it. Where
    /// it still runs, [`ServerEvent::Stop`] tells that nobody listens any more.
    pub fn close_pipeline(&mut self, id: Uuid) {
        if let Some(pipeline) = self.pipelines.remove(&id)
            && matches!(pipeline.state, PipelineState::Running)
        {
            self.events.push_back(ServerEvent::Stop { id });
        }
        self.outbox.remove_pipeline(id);
    }

    /// Asks every pipeline that runs to stop.
    pub(super) fn stop_all(&mut self) {
        for (&id, pipeline) in &mut self.pipelines {
            if pipeline.state == PipelineState::Running {
                pipeline.state = PipelineState::Stopping;
                self.events.push_back(ServerEvent::Stop { id });
            }
        }
    }

    /// How many pipelines run now.
    pub(super) fn running(&self) -> usize {
        let runs = |state| matches!(state, PipelineState::Running | PipelineState::Stopping);
        self.pipelines.values().filter(|pipeline| runs(pipeline.state)).count()
    }

    fn write(&mut self, id: Uuid, kind: MessageType, value: &PsValue) -> Result<(), PsrpError> {
        self.writing(id)?;
        self.push(kind, Some(id), value);
        Ok(())
    }

    fn writing(&mut self, id: Uuid) -> Result<&mut Pipeline, PsrpError> {
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        match pipeline.state {
            PipelineState::Running | PipelineState::Stopping => Ok(pipeline),
            state => Err(PsrpError::PipelineState { action: "writing", pipeline: id, state }),
        }
    }
}
