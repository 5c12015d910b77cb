//! What a server makes of what came.

use std::mem;

use uuid::Uuid;
use windlass_clixml::{Decoder, PsObject, PsValue};

use super::pipeline::Pipeline;
use super::{ServerEvent, ServerPool};
use crate::error::PsrpError;
use crate::fields::decode_data;
use crate::fragment::{Defragmenter, FragmentLimits};
use crate::host::HostResponse;
use crate::message::{Destination, Message, MessageType, Scope};
use crate::outbox::Stream;
use crate::payload::{
    Availability, ConnectRunspacePool, CreatePipeline, GetCommandMetadata, InitRunspacePool, Payload,
    PoolCall, RunspacePoolInitData, SessionCapability, SetRunspaces,
};
use crate::secrets::Secrets;
use crate::state::{PipelineState, PoolState};

impl ServerPool {
    /// Takes bytes of a stream of a pipeline, or of the pool. The first bytes for a pipeline that is not
    /// known make it.
    ///
    /// # Errors
    /// When what came is wrong; [`ServerPool::state`] says whether the pool lives on: a pool that is
    /// not open breaks, and so does one whose stream is out of order. A pipeline whose stream is out of
    /// order is closed. Other messages that are wrong change nothing.
    pub fn receive(&mut self, pipeline: Option<Uuid>, stream: Stream, data: &[u8]) -> Result<(), PsrpError> {
        if self.state.is_final() {
            return Err(PsrpError::PoolState { action: "receiving", state: self.state });
        }
        if let Some(id) = pipeline {
            self.admit_pipeline(id)?;
        }
        let index = usize::from(stream == Stream::PromptResponse);
        let Some(slot) = self.inbox_mut(pipeline, index) else { return Ok(()) };
        let mut inbox = mem::replace(slot, Defragmenter::new(FragmentLimits::default()));
        let outcome = self.read(&mut inbox, pipeline, stream, data);
        if let Some(slot) = self.inbox_mut(pipeline, index) {
            *slot = inbox;
        }
        outcome
    }

    /// Takes what `connectXml` carries: another client takes the pool over. Gives what
    /// `connectResponseXml` carries.
    ///
    /// # Errors
    /// When it is not complete, or does not fit the pool; the pool lives on.
    pub fn connect(&mut self, data: &[u8]) -> Result<Vec<u8>, PsrpError> {
        self.require_open("connecting")?;
        let limits = FragmentLimits { object: self.options.limits.object, total: u64::MAX };
        let mut inbox = Defragmenter::new(limits);
        let mut objects = inbox.push(data);
        let mut next = |kind: MessageType| {
            let missing = PsrpError::MissingProperty { structure: "connectXml", property: kind.name() };
            let object = objects.next()?.ok_or(missing)?;
            let message = Message::decode(object.data)?;
            self.check(&message, None)?;
            if message.kind != kind {
                return Err(PsrpError::UnexpectedInPool { kind: message.kind, state: self.state });
            }
            decode_data(&mut Decoder::default(), kind, message.data, &self.options.limits.clixml)
        };
        let theirs = SessionCapability::from_value(&next(MessageType::SessionCapability)?)?;
        let wish = ConnectRunspacePool::from_value(&next(MessageType::ConnectRunspacePool)?)?;
        let (min, max) = self.runspaces;
        if wish.min_runspaces.is_some_and(|wish| wish != min)
            || wish.max_runspaces.is_some_and(|wish| wish != max)
        {
            return Err(PsrpError::RunspaceLimits("the pool to connect to has other limits"));
        }
        let version = self.capability.agree(&theirs)?;
        self.version = Some(version);
        self.secrets = Secrets::new(version, self.options.transport_encrypts);
        let [default, prompt] = &mut self.inbox;
        (*default, *prompt) = (Defragmenter::new(limits), Defragmenter::new(limits));

        let answer = SessionCapability {
            protocol: self.capability.protocol.answer(theirs.protocol),
            ..self.capability.clone()
        };
        let init = RunspacePoolInitData { min_runspaces: min, max_runspaces: max };
        let mut out = Vec::new();
        for (kind, value) in [
            (MessageType::SessionCapability, answer.to_value(version)?),
            (MessageType::RunspacePoolInitData, init.to_value(version)?),
        ] {
            let (bytes, _) = self.encode(kind, None, &value);
            self.outbox.fragment_apart(&bytes, &mut out);
        }
        self.tell_private_data();
        // Clients that take their state from messages alone wait for it.
        self.tell_state(PoolState::Opened, None);
        self.events.push_back(ServerEvent::Connected);
        Ok(out)
    }

    fn inbox_mut(&mut self, pipeline: Option<Uuid>, index: usize) -> Option<&mut Defragmenter> {
        match pipeline {
            None => self.inbox.get_mut(index),
            Some(id) => self.pipelines.get_mut(&id)?.inbox.get_mut(index),
        }
    }

    fn admit_pipeline(&mut self, id: Uuid) -> Result<(), PsrpError> {
        if self.pipelines.contains_key(&id) {
            return Ok(());
        }
        self.require_open("creating a pipeline")?;
        let limit = self.options.limits.pipelines;
        if self.pipelines.len() >= limit {
            return Err(PsrpError::TooManyPipelines { limit });
        }
        let limits =
            FragmentLimits { object: self.options.limits.object, total: self.options.limits.pipeline };
        self.pipelines.insert(id, Pipeline::new(limits));
        self.outbox.add_pipeline(id, false);
        Ok(())
    }

    /// Reads messages until one is wrong. Nothing after a wrong message is read.
    fn read(
        &mut self,
        inbox: &mut Defragmenter,
        pipeline: Option<Uuid>,
        stream: Stream,
        data: &[u8],
    ) -> Result<(), PsrpError> {
        let mut objects = inbox.push(data);
        loop {
            let object = match objects.next() {
                Ok(Some(object)) => object,
                Ok(None) => break,
                Err(error) => return Err(self.stream_lost(pipeline, error)),
            };
            let message = Message::decode(object.data);
            // PowerShell's server passes over what it does not know, and there are clients that rely on it.
            if matches!(message, Err(PsrpError::UnknownMessage { .. })) {
                continue;
            }
            let outcome = message.and_then(|message| {
                // Some clients answer for pipelines on the stream of the pool.
                let answers = message.kind == MessageType::PipelineHostResponse;
                let owner = match pipeline {
                    None if answers && stream == Stream::PromptResponse => message.pipeline(),
                    owner => owner,
                };
                self.check(&message, owner)?;
                self.message(owner, stream, &message)
            });
            if let Err(error) = outcome {
                return Err(self.message_refused(pipeline, error));
            }
        }
        drop(objects);
        if self.options.whole_fragments && !inbox.is_at_fragment_border() {
            return Err(self.stream_lost(pipeline, PsrpError::OpenFragment));
        }
        Ok(())
    }

    /// Nothing more can be read from a stream.
    fn stream_lost(&mut self, pipeline: Option<Uuid>, error: PsrpError) -> PsrpError {
        match pipeline {
            None => self.break_quietly(),
            Some(id) => self.close_pipeline(id),
        }
        error
    }

    /// One message was wrong: a pool or a pipeline that has not begun does not begin.
    fn message_refused(&mut self, pipeline: Option<Uuid>, error: PsrpError) -> PsrpError {
        match pipeline {
            None if self.state != PoolState::Opened => self.break_quietly(),
            Some(id) if self.pipeline_state(id) == Some(PipelineState::NotStarted) => self.close_pipeline(id),
            _ => {}
        }
        error
    }

    /// Checks that a message is for this side, this pool and the owner of the stream.
    fn check(&self, message: &Message<'_>, stream: Option<Uuid>) -> Result<(), PsrpError> {
        let kind = message.kind;
        let for_server = kind.destination().is_none_or(|side| side == Destination::Server);
        if message.destination != Destination::Server || !for_server {
            return Err(PsrpError::WrongDestination { kind });
        }
        if let Some(expected) = self.id.filter(|&id| id != message.pool) {
            return Err(PsrpError::WrongPool { kind, expected, found: message.pool });
        }
        let found = message.pipeline();
        let wrong_scope = (kind.scope() == Scope::Pipeline) != stream.is_some();
        if found != stream || wrong_scope {
            return Err(PsrpError::WrongPipeline { kind, expected: stream, found });
        }
        Ok(())
    }

    fn data(&mut self, message: &Message<'_>) -> Result<PsValue, PsrpError> {
        decode_data(&mut self.decoder, message.kind, message.data, &self.options.limits.clixml)
    }

    fn message(
        &mut self,
        pipeline: Option<Uuid>,
        stream: Stream,
        message: &Message<'_>,
    ) -> Result<(), PsrpError> {
        let is_response =
            matches!(message.kind, MessageType::PipelineHostResponse | MessageType::RunspacePoolHostResponse);
        if stream == Stream::PromptResponse && !is_response && self.state == PoolState::Opened {
            return Err(PsrpError::UnexpectedInPool { kind: message.kind, state: self.state });
        }
        match pipeline {
            None => self.pool_message(message),
            Some(id) => self.pipeline_message(id, message),
        }
    }

    fn pool_message(&mut self, message: &Message<'_>) -> Result<(), PsrpError> {
        let kind = message.kind;
        let unexpected = PsrpError::UnexpectedInPool { kind, state: self.state };
        match (kind, self.state) {
            (MessageType::SessionCapability, PoolState::BeforeOpen) => {
                let theirs = SessionCapability::from_value(&self.data(message)?)?;
                self.id = Some(message.pool);
                self.capability_came(&theirs)
            }
            (MessageType::InitRunspacePool, PoolState::Opening) => {
                let init = InitRunspacePool::from_value(&self.data(message)?)?;
                self.init_came(init)
            }
            (MessageType::PublicKey, PoolState::Opened) => {
                let value = self.data(message)?;
                self.public_key_came(&value)
            }
            (MessageType::SetMaxRunspaces, PoolState::Opened) => {
                let change = SetRunspaces::max_from_value(&self.data(message)?)?;
                self.change_runspaces(change)
            }
            (MessageType::SetMinRunspaces, PoolState::Opened) => {
                let change = SetRunspaces::min_from_value(&self.data(message)?)?;
                self.change_runspaces(change)
            }
            (MessageType::GetAvailableRunspaces, PoolState::Opened) => {
                let PoolCall { call_id } = PoolCall::from_value(&self.data(message)?)?;
                let (_, max) = self.runspaces;
                let running = i64::try_from(self.running()).unwrap_or(i64::MAX);
                self.answer(call_id, Availability::Count((i64::from(max) - running).max(0)))
            }
            (MessageType::ResetRunspaceState, PoolState::Opened) => {
                let PoolCall { call_id } = PoolCall::from_value(&self.data(message)?)?;
                self.events.push_back(ServerEvent::ResetRunspaceState { call_id });
                Ok(())
            }
            (MessageType::RunspacePoolHostResponse, PoolState::Opened) => {
                let response = HostResponse::from_value(&self.data(message)?)?;
                self.calls.close_call(response.call_id, response.method)?;
                self.events.push_back(ServerEvent::HostResponse { pipeline: None, response });
                Ok(())
            }
            _ => Err(unexpected),
        }
    }

    fn capability_came(&mut self, theirs: &SessionCapability) -> Result<(), PsrpError> {
        let protocol = self.capability.protocol.answer(theirs.protocol);
        let answer = SessionCapability { protocol, ..self.capability.clone() };
        let value = answer.to_value(protocol)?;
        self.push(MessageType::SessionCapability, None, &value);
        let version = self.capability.agree(theirs)?;
        self.version = Some(version);
        self.secrets = Secrets::new(version, self.options.transport_encrypts);
        self.state = PoolState::Opening;
        Ok(())
    }

    fn init_came(&mut self, init: InitRunspacePool) -> Result<(), PsrpError> {
        let (min, max) = (init.min_runspaces, init.max_runspaces);
        if min < 1 {
            return Err(PsrpError::RunspaceLimits("a pool has at least one runspace"));
        }
        if min > max {
            return Err(PsrpError::RunspaceLimits("the fewest runspaces of a pool are more than the most"));
        }
        if max > self.options.limits.runspaces {
            return Err(PsrpError::RunspaceLimits("the pool has more runspaces than are allowed"));
        }
        self.runspaces = (min, max);
        self.tell_private_data();
        self.state = PoolState::Opened;
        self.tell_state(PoolState::Opened, None);
        self.events.push_back(ServerEvent::Opened(Box::new(init)));
        Ok(())
    }

    fn tell_private_data(&mut self) {
        let data = self.options.application_private_data.clone();
        let value = PsObject::untyped().with("ApplicationPrivateData", data).into();
        self.push(MessageType::ApplicationPrivateData, None, &value);
    }

    fn change_runspaces(&mut self, change: SetRunspaces) -> Result<(), PsrpError> {
        let (min, max) = self.runspaces;
        let (call_id, min, max) = match change {
            SetRunspaces::Max { count, call_id } => (call_id, min, count),
            SetRunspaces::Min { count, call_id } => (call_id, count, max),
        };
        let allowed = (1..=max).contains(&min) && max <= self.options.limits.runspaces;
        if allowed {
            self.runspaces = (min, max);
            self.events.push_back(ServerEvent::Runspaces { min, max });
        }
        self.answer(call_id, Availability::Done(allowed))
    }

    fn pipeline_message(&mut self, id: Uuid, message: &Message<'_>) -> Result<(), PsrpError> {
        let kind = message.kind;
        let state = self.pipeline_state(id).ok_or(PsrpError::UnknownPipeline(id))?;
        let unexpected = PsrpError::UnexpectedInPipeline { kind, pipeline: id, state };
        let begun = state != PipelineState::NotStarted;
        match kind {
            MessageType::CreatePipeline if !begun => {
                let create = CreatePipeline::from_value(&self.data(message)?)?;
                self.begin(id, !create.no_input);
                self.events.push_back(ServerEvent::CreatePipeline { id, create: Box::new(create) });
            }
            MessageType::GetCommandMetadata if !begun => {
                let request = GetCommandMetadata::from_value(&self.data(message)?)?;
                self.begin(id, false);
                self.events.push_back(ServerEvent::GetCommandMetadata { id, request: Box::new(request) });
            }
            _ if !begun => return Err(unexpected),
            // The client cannot know yet that the pipeline has ended.
            MessageType::PipelineInput | MessageType::EndOfPipelineInput if state.is_final() => {}
            MessageType::PipelineInput => {
                if !self.takes_input(id) {
                    return Err(PsrpError::NoInput(id));
                }
                let value = self.data(message)?;
                self.events.push_back(ServerEvent::Input { id, value });
            }
            MessageType::EndOfPipelineInput => {
                if !self.takes_input(id) {
                    return Err(PsrpError::NoInput(id));
                }
                if let Some(pipeline) = self.pipelines.get_mut(&id) {
                    pipeline.takes_input = false;
                }
                self.events.push_back(ServerEvent::EndOfInput { id });
            }
            MessageType::PipelineHostResponse => {
                let response = HostResponse::from_value(&self.data(message)?)?;
                if let Some(pipeline) = self.pipelines.get_mut(&id) {
                    pipeline.calls.close_call(response.call_id, response.method)?;
                }
                self.events.push_back(ServerEvent::HostResponse { pipeline: Some(id), response });
            }
            _ => return Err(unexpected),
        }
        Ok(())
    }

    fn begin(&mut self, id: Uuid, takes_input: bool) {
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.state = PipelineState::Running;
            pipeline.takes_input = takes_input;
        }
    }

    fn takes_input(&self, id: Uuid) -> bool {
        self.pipelines.get(&id).is_some_and(|pipeline| pipeline.takes_input)
    }
}
