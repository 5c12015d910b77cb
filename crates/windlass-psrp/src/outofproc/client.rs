//! The client's end of the framing.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{ERROR_PREFIX, LineBuffer, Packet};
use crate::client::ClientPool;
use crate::error::PsrpError;
use crate::fragment::DEFAULT_FRAGMENT_LENGTH;
use crate::outbox::Stream;
use crate::payload::CreatePipeline;
use crate::state::{PipelineState, PoolState};

/// A [`ClientPool`] that speaks the framing: bytes of the other program's output go in, bytes for its
/// input come out.
#[derive(Debug)]
pub struct ClientLink {
    /// The pool. Pipelines are started, stopped and closed through the link.
    pub pool: ClientPool,
    lines: LineBuffer,
    output: String,
    commands: BTreeMap<Uuid, Command>,
    pool_waits: bool,
    closing: bool,
}

/// What the other side knows of a pipeline.
#[derive(Debug, Default)]
struct Command {
    /// It was acknowledged; data may follow.
    made: bool,
    /// Data were sent and not acknowledged.
    waits: bool,
    /// Its creation was sent.
    started: bool,
    signalled: bool,
    closing: bool,
}

impl ClientLink {
    /// A link for a pool that is not open yet.
    pub fn new(pool: ClientPool) -> Self {
        Self {
            pool,
            lines: LineBuffer::new(),
            output: String::new(),
            commands: BTreeMap::new(),
            pool_waits: false,
            closing: false,
        }
    }

    /// Opens the pool.
    ///
    /// # Errors
    /// Those of [`ClientPool::creation_fragments`].
    pub fn open(&mut self) -> Result<(), PsrpError> {
        let data = self.pool.creation_fragments(DEFAULT_FRAGMENT_LENGTH)?;
        self.pool_waits = true;
        self.send(&Packet::Data { id: None, stream: Stream::Default, data });
        Ok(())
    }

    /// Makes a pipeline and starts it.
    ///
    /// # Errors
    /// Those of [`ClientPool::create_pipeline`].
    pub fn create_pipeline(&mut self, create: impl Into<CreatePipeline>) -> Result<Uuid, PsrpError> {
        let id = self.pool.create_pipeline(create)?;
        self.start(id);
        Ok(id)
    }

    /// Starts a pipeline that was made in the pool.
    pub fn start(&mut self, id: Uuid) {
        self.commands.insert(id, Command::default());
        self.send(&Packet::Command(Some(id)));
    }

    /// Stops a pipeline.
    ///
    /// # Errors
    /// When there is no such pipeline.
    pub fn stop(&mut self, id: Uuid) -> Result<(), PsrpError> {
        if self.pool.stop(id)? {
            let command = self.commands.entry(id).or_default();
            if !std::mem::replace(&mut command.signalled, true) {
                self.send(&Packet::Signal(Some(id)));
            }
        }
        Ok(())
    }

    /// Ends a pipeline, which must be done for each, also for one that has completed. It is forgotten
    /// when the other side has ended it too.
    pub fn close_pipeline(&mut self, id: Uuid) {
        if let Some(command) = self.commands.get_mut(&id)
            && !std::mem::replace(&mut command.closing, true)
        {
            self.send(&Packet::Close(Some(id)));
        }
    }

    /// Closes the pool. It is closed when the other side says so, or ends.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.closing, true) && !self.pool.state().is_final() {
            self.pool.closing();
            self.send(&Packet::Close(None));
        }
    }

    /// Takes bytes that the other side wrote.
    ///
    /// # Errors
    /// When they are not of this framing, or the pool cannot read them. The pool is broken then.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), PsrpError> {
        self.lines.push(bytes);
        loop {
            let packets = match self.lines.next_line() {
                Ok(None) => return Ok(()),
                Ok(Some(line)) => match line.strip_prefix(ERROR_PREFIX) {
                    Some(_) if self.pool.state().is_final() => continue,
                    Some(reason) => {
                        Err(format!("the other side reports: {}", crate::host::strip_controls(reason)))
                    }
                    None => Packet::decode_line(line),
                },
                Err(error) => return Err(self.fail(error)),
            };
            match packets {
                Ok(packets) => packets.into_iter().try_for_each(|packet| self.packet(packet))?,
                Err(reason) => {
                    let error = self.lines.error(reason);
                    return Err(self.fail(error));
                }
            }
        }
    }

    /// The other side ended.
    pub fn receive_eof(&mut self) {
        self.pool.transport_failed();
    }

    /// Bytes for the other side.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.fill();
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output).into_bytes())
    }

    fn packet(&mut self, packet: Packet) -> Result<(), PsrpError> {
        match packet {
            Packet::Data { id, data, .. } => match self.pool.receive(id, &data) {
                // The pipeline was closed here before all of it had come.
                Err(PsrpError::UnknownPipeline(_)) => {}
                Err(PsrpError::PoolState { .. }) if self.pool.state() == PoolState::Closed => {}
                other => return other,
            },
            Packet::DataAck(None) => self.pool_waits = false,
            Packet::DataAck(Some(id)) => {
                if let Some(command) = self.commands.get_mut(&id) {
                    command.waits = false;
                }
            }
            Packet::CommandAck(Some(id)) => {
                if let Some(command) = self.commands.get_mut(&id) {
                    command.made = true;
                }
            }
            Packet::CloseAck(Some(id)) => {
                self.commands.remove(&id);
                self.pool.close_pipeline(id);
            }
            Packet::CloseAck(None) => self.pool.closed(),
            Packet::SignalAck(_) => {}
            Packet::CommandAck(None) | Packet::Command(_) | Packet::Signal(_) | Packet::Close(_) => {
                let error = self.lines.error("the element is not for a client");
                return Err(self.fail(error));
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: PsrpError) -> PsrpError {
        self.pool.transport_failed();
        error
    }

    /// Turns what the pool has to send into lines, one for each stream that is not waiting.
    fn fill(&mut self) {
        if !self.pool_waits
            && let Some(outgoing) = self.pool.poll_send_for(None, DEFAULT_FRAGMENT_LENGTH)
        {
            self.pool_waits = true;
            self.send(&Packet::Data { id: None, stream: outgoing.stream, data: outgoing.data });
        }
        let mut packets = Vec::new();
        for (&id, command) in &mut self.commands {
            if !command.made || command.waits || command.closing {
                continue;
            }
            let (stream, data) = if command.started {
                match self.pool.poll_send_for(Some(id), DEFAULT_FRAGMENT_LENGTH) {
                    Some(outgoing) => (outgoing.stream, outgoing.data),
                    None => continue,
                }
            } else if self.pool.pipeline_state(id) == Some(PipelineState::NotStarted) {
                match self.pool.command_arguments(id, DEFAULT_FRAGMENT_LENGTH) {
                    Ok(Some(data)) => (Stream::Default, data),
                    Ok(None) | Err(_) => continue,
                }
            } else {
                continue;
            };
            command.started = true;
            command.waits = true;
            packets.push(Packet::Data { id: Some(id), stream, data });
        }
        packets.iter().for_each(|packet| self.send(packet));
    }

    fn send(&mut self, packet: &Packet) {
        packet.encode_into(&mut self.output);
        self.output.push('\n');
    }
}
