//! Pipelines of a client.

use uuid::Uuid;
use windlass_clixml::{Decoder, PsValue, READABLE_LEVELS, Trimmed, trim};

use super::{ClientEvent, ClientPool};
use crate::error::PsrpError;
use crate::fragment::{Defragmenter, FragmentLimits};
use crate::host::{HostCall, HostReply, HostResponse};
use crate::message::MessageType;
use crate::outbox::Stream;
use crate::payload::{CreatePipeline, GetCommandMetadata, InformationalRecord, Payload};
use crate::state::{PipelineState, PoolState};

/// One pipeline.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) state: PipelineState,
    pub(super) inbox: Defragmenter,
    /// Whether more input may be given.
    takes_input: bool,
    /// This side gave it up: what still comes is dropped.
    pub(super) given_up: bool,
}

impl Pipeline {
    pub(super) fn new(limits: FragmentLimits, takes_input: bool) -> Self {
        Self {
            state: PipelineState::NotStarted,
            inbox: Defragmenter::new(limits),
            takes_input,
            given_up: false,
        }
    }

    pub(super) fn fail(&mut self) {
        self.state = PipelineState::Failed;
        self.given_up = true;
    }
}

impl ClientPool {
    /// Makes a pipeline and gives its id. Nothing is sent before [`ClientPool::command_arguments`].
    ///
    /// # Errors
    /// When the pool is not open, nothing is to be run, or the version agreed on cannot say it.
    pub fn create_pipeline(&mut self, create: impl Into<CreatePipeline>) -> Result<Uuid, PsrpError> {
        let id = Uuid::new_v4();
        self.create_pipeline_with_id(id, &create.into())?;
        Ok(id)
    }

    /// Makes a pipeline whose id the caller chooses. Objects in its arguments that are deeper than the other
    /// side reads are replaced by their texts, and a [`ClientEvent::Warning`] says so.
    ///
    /// # Errors
    /// Those of [`ClientPool::create_pipeline`], and when the id is taken.
    pub fn create_pipeline_with_id(&mut self, id: Uuid, create: &CreatePipeline) -> Result<(), PsrpError> {
        let commands = &create.power_shell.statements;
        if commands.is_empty() || commands.iter().any(Vec::is_empty) {
            return Err(PsrpError::MissingProperty { structure: "statement", property: "Cmds" });
        }
        let value = create.to_value(self.agreed())?;
        self.add_pipeline(id, !create.no_input)?;
        let value = self.readable(id, &value);
        self.push(MessageType::CreatePipeline, Some(id), &value);
        Ok(())
    }

    /// Asks for commands, as a pipeline whose output they are. Nothing is sent before
    /// [`ClientPool::command_arguments`].
    ///
    /// # Errors
    /// When the pool is not open.
    pub fn get_command_metadata(&mut self, request: &GetCommandMetadata) -> Result<Uuid, PsrpError> {
        let id = Uuid::new_v4();
        self.get_command_metadata_with_id(id, request)?;
        Ok(id)
    }

    /// Asks for commands under an id that the caller chooses.
    ///
    /// # Errors
    /// When the pool is not open, or the id is taken.
    pub fn get_command_metadata_with_id(
        &mut self,
        id: Uuid,
        request: &GetCommandMetadata,
    ) -> Result<(), PsrpError> {
        let value = request.to_value(self.agreed())?;
        self.add_pipeline(id, false)?;
        self.push(MessageType::GetCommandMetadata, Some(id), &value);
        Ok(())
    }

    /// The first fragments of a pipeline, at most `max` bytes, for the command that carries it; the
    /// rest comes from [`ClientPool::poll_send`]. `None` while the pipeline holds secrets that wait
    /// for the session key: ask again after [`ClientEvent::SessionKey`].
    ///
    /// # Errors
    /// When there is no such pipeline, or it was started before.
    pub fn command_arguments(&mut self, id: Uuid, max: usize) -> Result<Option<Vec<u8>>, PsrpError> {
        self.require(&[PoolState::Opened], "starting a pipeline")?;
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        if pipeline.state != PipelineState::NotStarted {
            let state = pipeline.state;
            return Err(PsrpError::PipelineState { action: "starting it", pipeline: id, state });
        }
        let Some(data) = self.outbox.take_first(id, max) else { return Ok(None) };
        pipeline.state = PipelineState::Running;
        self.outbox.release(id);
        Ok(Some(data))
    }

    /// The state of a pipeline.
    pub fn pipeline_state(&self, id: Uuid) -> Option<PipelineState> {
        self.pipelines.get(&id).map(|pipeline| pipeline.state)
    }

    /// The pipelines that were neither closed nor dropped.
    pub fn pipelines(&self) -> impl Iterator<Item = Uuid> {
        self.pipelines.keys().copied()
    }

    /// Whether a pipeline takes an object now: otherwise send first, or its input has ended.
    pub fn takes_input(&self, id: Uuid) -> bool {
        let open = self
            .pipelines
            .get(&id)
            .is_some_and(|pipeline| pipeline.takes_input && !pipeline.state.is_final());
        open && self.outbox.queued_bytes(Some(id)) < self.options.limits.waiting_input
    }

    /// How many bytes of messages wait to be sent for a pipeline.
    pub fn waiting_bytes(&self, id: Uuid) -> usize {
        self.outbox.queued_bytes(Some(id))
    }

    /// Gives a pipeline one object. It waits in memory until it is sent: ask
    /// [`ClientPool::takes_input`] first to hold no more than the limit says.
    ///
    /// # Errors
    /// When the pipeline takes no input, or its input has ended.
    pub fn send_input(&mut self, id: Uuid, value: &PsValue) -> Result<(), PsrpError> {
        self.input_pipeline(id)?;
        if value.as_object().is_none() {
            self.push(MessageType::PipelineInput, Some(id), value);
        } else {
            let value = self.readable(id, value);
            self.push(MessageType::PipelineInput, Some(id), &value);
        }
        Ok(())
    }

    /// The value as deep as the other side reads; a warning among what the pipeline says tells of a cut.
    fn readable(&mut self, pipeline: Uuid, value: &PsValue) -> PsValue {
        let Trimmed { value, cut } = trim(value, READABLE_LEVELS);
        if cut > 0 {
            let text = format!(
                "Objects below {READABLE_LEVELS} levels are sent as their texts, as the other side does not read \
                 more: {cut} of them."
            );
            let record = InformationalRecord::new(text);
            self.events.push_back(ClientEvent::Warning { pipeline, record });
        }
        value
    }

    /// Ends the input of a pipeline.
    ///
    /// # Errors
    /// When the pipeline takes no input, or its input has ended before.
    pub fn end_input(&mut self, id: Uuid) -> Result<(), PsrpError> {
        self.input_pipeline(id)?.takes_input = false;
        self.push(MessageType::EndOfPipelineInput, Some(id), &PsValue::Null);
        Ok(())
    }

    /// A pipeline is to stop: what was not sent is dropped. The caller signals the transport
    /// (`powershell/signal/crtl_c`) where this says true; it says false for a pipeline that has ended,
    /// or was never started.
    ///
    /// # Errors
    /// When there is no such pipeline.
    pub fn stop(&mut self, id: Uuid) -> Result<bool, PsrpError> {
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        match pipeline.state {
            PipelineState::NotStarted => {
                pipeline.fail();
                pipeline.state = PipelineState::Stopped;
                self.outbox.remove_pipeline(id);
                let state = PipelineState::Stopped;
                self.events.push_back(ClientEvent::PipelineState { pipeline: id, state, error: None });
                Ok(false)
            }
            PipelineState::Running | PipelineState::Disconnected => {
                pipeline.state = PipelineState::Stopping;
                pipeline.takes_input = false;
                self.outbox.drop_waiting(id);
                let state = PipelineState::Stopping;
                self.events.push_back(ClientEvent::PipelineState { pipeline: id, state, error: None });
                Ok(true)
            }
            PipelineState::Stopping => Ok(true),
            PipelineState::Stopped | PipelineState::Completed | PipelineState::Failed => Ok(false),
        }
    }

    /// The transport ended the command of a pipeline, which is forgotten. What still comes for it is
    /// an error that changes nothing.
    pub fn close_pipeline(&mut self, id: Uuid) {
        self.pipelines.remove(&id);
        self.outbox.remove_pipeline(id);
        if self.pipelines.is_empty() {
            // Sessions that wait keep nothing of what they have read.
            self.decoder = Decoder::default();
        }
    }

    /// Answers a call of the host. Calls that nobody waits for are not answered.
    ///
    /// # Errors
    /// When the call belongs to a pipeline that is not known.
    pub fn host_response(
        &mut self,
        pipeline: Option<Uuid>,
        call: &HostCall,
        reply: HostReply,
    ) -> Result<(), PsrpError> {
        if !call.expects_reply() {
            return Ok(());
        }
        if let Some(id) = pipeline.filter(|id| !self.pipelines.contains_key(id)) {
            return Err(PsrpError::UnknownPipeline(id));
        }
        let reply = match reply {
            HostReply::Error(error) => HostReply::Error(Box::new(error.without_type())),
            value @ HostReply::Value(_) => value,
        };
        let response = HostResponse { call_id: call.call_id, method: call.method.id(), reply };
        let kind = match pipeline {
            Some(_) => MessageType::PipelineHostResponse,
            None => MessageType::RunspacePoolHostResponse,
        };
        let value = response.to_value(self.agreed())?;
        let (bytes, waits) = self.encode(kind, pipeline, &value);
        self.outbox.push(pipeline, Stream::PromptResponse, bytes, waits);
        Ok(())
    }

    pub(super) fn add_pipeline(&mut self, id: Uuid, takes_input: bool) -> Result<(), PsrpError> {
        self.require(&[PoolState::Opened], "creating a pipeline")?;
        if self.pipelines.contains_key(&id) || id.is_nil() {
            return Err(PsrpError::PipelineExists(id));
        }
        self.pipelines.insert(id, Pipeline::new(self.pipeline_limits(), takes_input));
        self.outbox.add_pipeline(id, true);
        Ok(())
    }

    pub(super) fn pipeline_limits(&self) -> FragmentLimits {
        FragmentLimits { object: self.options.limits.object, total: self.options.limits.pipeline }
    }

    fn input_pipeline(&mut self, id: Uuid) -> Result<&mut Pipeline, PsrpError> {
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        if !pipeline.takes_input {
            return Err(PsrpError::NoInput(id));
        }
        if pipeline.state.is_final() {
            let state = pipeline.state;
            return Err(PsrpError::PipelineState { action: "input", pipeline: id, state });
        }
        Ok(pipeline)
    }
}
