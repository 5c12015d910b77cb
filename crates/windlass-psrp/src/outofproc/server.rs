//! The server's end of the framing.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use super::{ERROR_PREFIX, LineBuffer, Packet};
use crate::error::PsrpError;
use crate::fragment::DEFAULT_FRAGMENT_LENGTH;
use crate::server::ServerPool;
use crate::state::PipelineState;

/// A [`ServerPool`] that speaks the framing: bytes of this program's input go in, bytes for its output
/// come out.
#[derive(Debug)]
pub struct ServerLink {
    /// The pool. Pipelines run by its events and write into it.
    pub pool: ServerPool,
    lines: LineBuffer,
    output: String,
    commands: BTreeMap<Uuid, Command>,
    /// Acknowledgements that wait until a pipeline has ended and all of it is sent.
    waiting: VecDeque<Waiting>,
    finished: bool,
}

#[derive(Debug, Default)]
struct Command {
    /// Fragments came for it.
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Signal(Uuid),
    Close(Uuid),
}

impl ServerLink {
    /// A link for a pool that no client has opened yet.
    pub fn new(pool: ServerPool) -> Self {
        Self {
            pool,
            lines: LineBuffer::new(),
            output: String::new(),
            commands: BTreeMap::new(),
            waiting: VecDeque::new(),
            finished: false,
        }
    }

    /// Takes bytes that the client wrote. What is wrong is told to the client; where lines cannot be
    /// read any further, [`ServerLink::is_finished`] says so.
    ///
    /// # Errors
    /// The last thing that was wrong.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), PsrpError> {
        self.lines.push(bytes);
        let mut outcome = Ok(());
        while !self.finished {
            // What stands before the fault in a line counts.
            let (packets, fault) = match self.lines.next_line() {
                Ok(None) => break,
                Ok(Some(line)) => Packet::decode_until_fault(line),
                Err(error) => {
                    outcome = Err(self.fatal(error));
                    continue;
                }
            };
            for packet in packets {
                if let Err(error) = self.packet(packet) {
                    outcome = Err(error);
                }
            }
            if let Some(reason) = fault.filter(|_| !self.finished) {
                let error = self.lines.error(reason);
                outcome = Err(self.fatal(error));
            }
        }
        outcome
    }

    /// The client ended: the pool closes.
    pub fn receive_eof(&mut self) {
        if !self.finished {
            self.pool.close();
        }
        self.finished = true;
    }

    /// Whether the program is to end once everything is sent.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes for the client.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.fill();
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output).into_bytes())
    }

    fn packet(&mut self, packet: Packet) -> Result<(), PsrpError> {
        match packet {
            Packet::Data { id, stream, data } => {
                let outcome = match id.map(|id| (id, self.commands.get_mut(&id))) {
                    // No command, or none any more: PowerShell too acknowledges and drops.
                    Some((_, None)) => Ok(()),
                    Some((id, Some(command))) if command.begun && self.pool.pipeline_state(id).is_none() => {
                        Ok(())
                    }
                    Some((_, Some(command))) => {
                        command.begun = true;
                        self.pool.receive(id, stream, &data)
                    }
                    None => self.pool.receive(id, stream, &data),
                };
                // Answers to calls of a pipeline that has gone are nobody's fault.
                let outcome = match outcome {
                    Err(PsrpError::UnknownCall { .. } | PsrpError::UnknownPipeline(_)) => Ok(()),
                    other => other,
                };
                self.flush();
                if let Err(error) = &outcome {
                    self.report(error);
                }
                self.send(&Packet::DataAck(id));
                outcome
            }
            Packet::Command(Some(id)) => {
                if self.commands.contains_key(&id) {
                    return Err(self.fatal(PsrpError::PipelineExists(id)));
                }
                self.commands.insert(id, Command::default());
                self.send(&Packet::CommandAck(Some(id)));
                Ok(())
            }
            Packet::Signal(Some(id)) => {
                // A pipeline that is not known has stopped.
                let _ = self.pool.stop(id);
                self.waiting.push_back(Waiting::Signal(id));
                Ok(())
            }
            Packet::Close(Some(id)) => {
                let _ = self.pool.stop(id);
                self.waiting.push_back(Waiting::Close(id));
                Ok(())
            }
            Packet::Close(None) => {
                self.pool.close();
                self.flush();
                self.send(&Packet::CloseAck(None));
                Ok(())
            }
            Packet::Command(None)
            | Packet::Signal(None)
            | Packet::DataAck(_)
            | Packet::CommandAck(_)
            | Packet::SignalAck(_)
            | Packet::CloseAck(_) => {
                let error = self.lines.error("the element is not for a server");
                Err(self.fatal(error))
            }
        }
    }

    fn report(&mut self, error: &PsrpError) {
        self.output.push_str(ERROR_PREFIX);
        self.output.push_str(&error.to_string());
        self.output.push('\n');
    }

    /// Tells what is wrong; nothing more is read.
    fn fatal(&mut self, error: PsrpError) -> PsrpError {
        self.flush();
        self.report(&error);
        self.pool.transport_failed();
        self.finished = true;
        error
    }

    fn fill(&mut self) {
        self.flush();
        let mut still = VecDeque::new();
        while let Some(waiting) = self.waiting.pop_front() {
            let (Waiting::Signal(id) | Waiting::Close(id)) = waiting;
            let runs = |state| matches!(state, PipelineState::Running | PipelineState::Stopping);
            if self.pool.pipeline_state(id).is_some_and(runs) || self.pool.queued_bytes(Some(id)) > 0 {
                still.push_back(waiting);
                continue;
            }
            match waiting {
                Waiting::Signal(id) => self.send(&Packet::SignalAck(Some(id))),
                Waiting::Close(id) => {
                    self.pool.close_pipeline(id);
                    self.commands.remove(&id);
                    self.send(&Packet::CloseAck(Some(id)));
                }
            }
        }
        self.waiting = still;
    }

    /// Turns what the pool has to send into lines.
    fn flush(&mut self) {
        while let Some(outgoing) = self.pool.poll_send(DEFAULT_FRAGMENT_LENGTH) {
            self.send(&Packet::Data { id: outgoing.pipeline, stream: outgoing.stream, data: outgoing.data });
        }
    }

    fn send(&mut self, packet: &Packet) {
        packet.encode_into(&mut self.output);
        self.output.push('\n');
    }
}
