//! Leaving a pool and coming back to it ([MS-PSRP] 3.1.4.9 to 3.1.4.11).

use uuid::Uuid;

use super::pipeline::Pipeline;
use super::{ClientEvent, ClientPool};
use crate::error::PsrpError;
use crate::fragment::HEADER_LENGTH;
use crate::message::MessageType;
use crate::payload::{ConnectRunspacePool, Payload};
use crate::state::{PipelineState, PoolState};
use crate::version::ProtocolVersion;

impl ClientPool {
    /// The transport left the pool, which lives on: pipelines run without this side.
    ///
    /// # Errors
    /// When the pool is not open, or the protocol agreed on is older than 2.2.
    pub fn disconnected(&mut self) -> Result<(), PsrpError> {
        self.require(&[PoolState::Opened], "disconnecting")?;
        self.agreed().require(ProtocolVersion::V2_2, "disconnecting")?;
        self.set_state(PoolState::Disconnected);
        self.move_pipelines(PipelineState::Running, PipelineState::Disconnected);
        Ok(())
    }

    /// The transport came back to the pool that this side left.
    ///
    /// # Errors
    /// When the pool is not disconnected.
    pub fn reconnected(&mut self) -> Result<(), PsrpError> {
        self.require(&[PoolState::Disconnected], "reconnecting")?;
        self.set_state(PoolState::Opened);
        Ok(())
    }

    /// The transport came back to the command of a pipeline.
    ///
    /// # Errors
    /// When there is no such pipeline.
    pub fn pipeline_reconnected(&mut self, id: Uuid) -> Result<(), PsrpError> {
        let pipeline = self.pipelines.get_mut(&id).ok_or(PsrpError::UnknownPipeline(id))?;
        if pipeline.state == PipelineState::Disconnected {
            pipeline.state = PipelineState::Running;
            let state = PipelineState::Running;
            self.events.push_back(ClientEvent::PipelineState { pipeline: id, state, error: None });
        }
        Ok(())
    }

    /// Begins to connect to a pool that another client left, whose id the options name: what
    /// `connectXml` carries. The answer goes into [`ClientPool::connect_response`].
    ///
    /// # Errors
    /// When the pool was opened before, or `max` bytes do not hold both messages, each of which must
    /// be one fragment.
    pub fn connect_fragments(
        &mut self,
        limits: ConnectRunspacePool,
        max: usize,
    ) -> Result<Vec<u8>, PsrpError> {
        self.require(&[PoolState::BeforeOpen], "connecting")?;
        let version = self.options.protocol_version;
        version.require(ProtocolVersion::V2_2, "connecting")?;
        let capability = self.capability.to_value(version)?;
        let connect = limits.to_value(version)?;
        self.push(MessageType::SessionCapability, None, &capability);
        self.push(MessageType::ConnectRunspacePool, None, &connect);
        let needed = self.outbox.queued_bytes(None) + 2 * HEADER_LENGTH;
        if needed > max {
            self.outbox.clear();
            return Err(PsrpError::RunspaceLimits(
                "connecting needs more bytes than the transport has room for",
            ));
        }
        self.set_state(PoolState::Connecting);
        Ok(self.outbox.poll_for(None, max).map(|outgoing| outgoing.data).unwrap_or_default())
    }

    /// Takes what `connectResponseXml` carries. After it the pool is open, and its stream is read from
    /// the next message that starts.
    ///
    /// # Errors
    /// When the answer is not complete, or does not fit.
    pub fn connect_response(&mut self, data: &[u8]) -> Result<(), PsrpError> {
        self.require(&[PoolState::Connecting], "connecting")?;
        self.receive(None, data)?;
        if self.state != PoolState::Opened {
            let error = PsrpError::MissingProperty {
                structure: "answer to connecting",
                property: "RUNSPACEPOOL_INIT_DATA",
            };
            return Err(self.break_pool(error));
        }
        self.inbox.join_midway();
        Ok(())
    }

    /// Takes over a pipeline that another client left running. Its stream is read from the next
    /// message that starts.
    ///
    /// # Errors
    /// When the pool is not open, or the pipeline is known already.
    pub fn connect_pipeline(&mut self, id: Uuid) -> Result<(), PsrpError> {
        self.add_pipeline(id, false)?;
        self.outbox.release(id);
        let mut pipeline = Pipeline::new(self.pipeline_limits(), false);
        pipeline.inbox.join_midway();
        pipeline.state = PipelineState::Running;
        self.pipelines.insert(id, pipeline);
        Ok(())
    }

    fn move_pipelines(&mut self, from: PipelineState, to: PipelineState) {
        for (&pipeline, entry) in self.pipelines.iter_mut().filter(|(_, entry)| entry.state == from) {
            entry.state = to;
            self.events.push_back(ClientEvent::PipelineState { pipeline, state: to, error: None });
        }
    }
}
