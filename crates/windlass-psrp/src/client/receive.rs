//! What a client makes of what came.

use std::mem;

use uuid::Uuid;
use windlass_clixml::{Decoder, PsValue};

use super::{ClientEvent, ClientPool};
use crate::error::PsrpError;
use crate::fields::{Fields, decode_data};
use crate::fragment::{Defragmenter, FragmentLimits};
use crate::host::HostCall;
use crate::message::{Destination, Message, MessageType, Scope};
use crate::payload::{
    ErrorRecord, InformationRecord, InformationalRecord, Payload, PipelineStateMessage, PoolStateMessage,
    RunspaceAvailability, RunspacePoolInitData, SessionCapability, UserEvent, progress_from_value,
};
use crate::secrets::Secrets;
use crate::state::{PipelineState, PoolState};

impl ClientPool {
    /// Takes bytes of the stream of a pipeline, or of the pool.
    ///
    /// What cannot be read of a pipeline fails that pipeline alone, which
    /// [`ClientEvent::PipelineFailed`] tells.
    ///
    /// # Errors
    /// When the pipeline is not known, which changes nothing; or when the pool's own stream cannot be
    /// read, which breaks the pool.
    pub fn receive(&mut self, pipeline: Option<Uuid>, data: &[u8]) -> Result<(), PsrpError> {
        match pipeline {
            Some(id) => self.receive_pipeline(id, data),
            None => self.receive_pool(data),
        }
    }

    /// Breaks the pool and gives the reason back.
    pub(super) fn break_pool(&mut self, error: PsrpError) -> PsrpError {
        if !self.state.is_final() {
            self.end(PoolState::Broken, None);
        }
        error
    }

    fn receive_pool(&mut self, data: &[u8]) -> Result<(), PsrpError> {
        if self.state.is_final() {
            return Err(PsrpError::PoolState { action: "receiving", state: self.state });
        }
        let mut inbox = mem::replace(&mut self.inbox, Defragmenter::new(FragmentLimits::default()));
        let outcome = self.read_pool(&mut inbox, data);
        self.inbox = inbox;
        outcome.map_err(|error| self.break_pool(error))
    }

    fn read_pool(&mut self, inbox: &mut Defragmenter, data: &[u8]) -> Result<(), PsrpError> {
        let mut objects = inbox.push(data);
        while let Some(object) = objects.next()? {
            let message = Message::decode(object.data)?;
            self.check(&message, None)?;
            self.pool_message(&message)?;
        }
        drop(objects);
        self.check_border(inbox)
    }

    fn receive_pipeline(&mut self, id: Uuid, data: &[u8]) -> Result<(), PsrpError> {
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        if pipeline.given_up {
            return Ok(());
        }
        let mut inbox = mem::replace(&mut pipeline.inbox, Defragmenter::new(FragmentLimits::default()));
        let outcome = self.read_pipeline(id, &mut inbox, data);
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.inbox = inbox;
            if let Err(error) = outcome
                && !pipeline.given_up
            {
                pipeline.fail();
                self.outbox.drop_waiting(id);
                self.events.push_back(ClientEvent::PipelineFailed { pipeline: id, error });
            }
        }
        Ok(())
    }

    fn read_pipeline(&mut self, id: Uuid, inbox: &mut Defragmenter, data: &[u8]) -> Result<(), PsrpError> {
        let mut objects = inbox.push(data);
        while let Some(object) = objects.next()? {
            let message = Message::decode(object.data)?;
            self.check(&message, Some(id))?;
            self.pipeline_message(id, &message)?;
        }
        drop(objects);
        self.check_border(inbox)
    }

    fn check_border(&self, inbox: &Defragmenter) -> Result<(), PsrpError> {
        if self.options.whole_fragments && !inbox.is_at_fragment_border() {
            return Err(PsrpError::OpenFragment);
        }
        Ok(())
    }

    /// Checks that a message is for this side, this pool and the owner of the stream.
    fn check(&self, message: &Message<'_>, stream: Option<Uuid>) -> Result<(), PsrpError> {
        let kind = message.kind;
        let for_client = kind.destination().is_none_or(|side| side == Destination::Client);
        if message.destination != Destination::Client || !for_client {
            return Err(PsrpError::WrongDestination { kind });
        }
        // PowerShell's server leaves the pool out while it negotiates; others name one of their own
        // before they have learnt which it is.
        let may_differ = kind == MessageType::SessionCapability
            || (kind.scope() == Scope::Session && message.pool.is_nil());
        if message.pool != self.options.id && !may_differ {
            return Err(PsrpError::WrongPool { kind, expected: self.options.id, found: message.pool });
        }
        let found = message.pipeline();
        let wrong_scope = (kind.scope() == Scope::Pipeline) != stream.is_some();
        if found != stream || wrong_scope {
            return Err(PsrpError::WrongPipeline { kind, expected: stream, found });
        }
        Ok(())
    }

    fn data(&mut self, message: &Message<'_>) -> Result<PsValue, PsrpError> {
        let limits = &self.options.limits.clixml;
        match message.pipeline() {
            Some(_) => decode_data(&mut self.decoder, message.kind, message.data, limits),
            // What a decoder learns of the few messages of the pool is of no use for later ones.
            None => decode_data(&mut Decoder::default(), message.kind, message.data, limits),
        }
    }

    fn pool_message(&mut self, message: &Message<'_>) -> Result<(), PsrpError> {
        let kind = message.kind;
        let unexpected = PsrpError::UnexpectedInPool { kind, state: self.state };
        let negotiated = self.version.is_some();
        let opened = matches!(self.state, PoolState::Opened | PoolState::Closing | PoolState::Disconnected);
        match kind {
            MessageType::SessionCapability => {
                if negotiated || !matches!(self.state, PoolState::Opening | PoolState::Connecting) {
                    return Err(unexpected);
                }
                let value = self.data(message)?;
                self.capability_came(&value)
            }
            _ if !negotiated => Err(unexpected),
            MessageType::RunspacePoolState => {
                let state = PoolStateMessage::from_value(&self.data(message)?)?;
                self.state_came(state, unexpected)
            }
            MessageType::ApplicationPrivateData => {
                let value = self.data(message)?;
                let fields = Fields::new("APPLICATION_PRIVATE_DATA", &value)?;
                let data = fields.present("ApplicationPrivateData")?.clone();
                self.events.push_back(ClientEvent::ApplicationPrivateData(data));
                Ok(())
            }
            MessageType::RunspacePoolInitData => {
                if self.state != PoolState::Connecting {
                    return Err(unexpected);
                }
                let data = RunspacePoolInitData::from_value(&self.data(message)?)?;
                let RunspacePoolInitData { min_runspaces: min, max_runspaces: max } = data;
                (self.options.min_runspaces, self.options.max_runspaces) = (min, max);
                self.events.push_back(ClientEvent::Runspaces { min, max });
                self.set_state(PoolState::Opened);
                Ok(())
            }
            _ if !opened => Err(unexpected),
            MessageType::RunspaceAvailability => {
                let answer = RunspaceAvailability::from_value(&self.data(message)?)?;
                self.answered(answer)
            }
            MessageType::UserEvent => {
                let event = UserEvent::from_value(&self.data(message)?)?;
                self.events.push_back(ClientEvent::UserEvent(Box::new(event)));
                Ok(())
            }
            MessageType::PublicKeyRequest => match self.state {
                PoolState::Opened => self.request_session_key(),
                _ => Ok(()),
            },
            MessageType::EncryptedSessionKey => {
                let value = self.data(message)?;
                self.session_key_came(&value)
            }
            MessageType::RunspacePoolHostCall => {
                let call = HostCall::from_value(&self.data(message)?)?;
                self.events.push_back(ClientEvent::HostCall { pipeline: None, call });
                Ok(())
            }
            _ => Err(unexpected),
        }
    }

    fn capability_came(&mut self, value: &PsValue) -> Result<(), PsrpError> {
        let theirs = SessionCapability::from_value(value)?;
        let version = self.capability.agree(&theirs)?;
        self.secrets = Secrets::new(version, self.options.transport_encrypts);
        self.version = Some(version);
        Ok(())
    }

    fn state_came(&mut self, message: PoolStateMessage, unexpected: PsrpError) -> Result<(), PsrpError> {
        let PoolStateMessage { state, error } = message;
        match state {
            PoolState::Opened if self.state == PoolState::Opening => self.set_state(state),
            // A server that was asked to close still tells what it was.
            PoolState::Opened if matches!(self.state, PoolState::Opened | PoolState::Closing) => {}
            PoolState::Closing => self.set_state(state),
            PoolState::Closed | PoolState::Broken => self.end(state, error.map(Box::new)),
            _ => return Err(unexpected),
        }
        Ok(())
    }

    fn pipeline_message(&mut self, id: Uuid, message: &Message<'_>) -> Result<(), PsrpError> {
        let kind = message.kind;
        let state = self.pipeline_state(id).ok_or(PsrpError::UnknownPipeline(id))?;
        if state.is_final() || state == PipelineState::NotStarted {
            return Err(PsrpError::UnexpectedInPipeline { kind, pipeline: id, state });
        }
        let value = self.data(message)?;
        let pipeline = id;
        let event = match kind {
            MessageType::PipelineOutput => ClientEvent::PipelineOutput { pipeline, value },
            MessageType::ErrorRecord => {
                ClientEvent::PipelineError { pipeline, error: Box::new(ErrorRecord::from_value(&value)?) }
            }
            MessageType::WarningRecord => {
                ClientEvent::Warning { pipeline, record: InformationalRecord::from_value(&value)? }
            }
            MessageType::VerboseRecord => {
                ClientEvent::Verbose { pipeline, record: InformationalRecord::from_value(&value)? }
            }
            MessageType::DebugRecord => {
                ClientEvent::Debug { pipeline, record: InformationalRecord::from_value(&value)? }
            }
            MessageType::InformationRecord => ClientEvent::Information {
                pipeline,
                record: Box::new(InformationRecord::from_value(&value)?),
            },
            MessageType::ProgressRecord => {
                ClientEvent::Progress { pipeline, record: Box::new(progress_from_value(&value)?) }
            }
            MessageType::PipelineHostCall => {
                ClientEvent::HostCall { pipeline: Some(id), call: HostCall::from_value(&value)? }
            }
            MessageType::PipelineState => {
                return self.pipeline_state_came(id, PipelineStateMessage::from_value(&value)?);
            }
            _ => return Err(PsrpError::UnexpectedInPipeline { kind, pipeline: id, state }),
        };
        self.events.push_back(event);
        Ok(())
    }

    fn pipeline_state_came(&mut self, id: Uuid, message: PipelineStateMessage) -> Result<(), PsrpError> {
        let PipelineStateMessage { state, error } = message;
        let Some(pipeline) = self.pipelines.get_mut(&id) else { return Ok(()) };
        if state == PipelineState::NotStarted {
            let kind = MessageType::PipelineState;
            return Err(PsrpError::UnexpectedInPipeline { kind, pipeline: id, state: pipeline.state });
        }
        pipeline.state = state;
        if state.is_final() {
            self.outbox.drop_waiting(id);
        }
        self.events.push_back(ClientEvent::PipelineState { pipeline: id, state, error: error.map(Box::new) });
        Ok(())
    }
}
