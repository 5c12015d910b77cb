//! How a session reaches its runspace pool: through a shell of WS-Management or a child process.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use windlass_net::Gate;
use windlass_psrp::{Outgoing, ProtocolVersion};
use windlass_soap::OptionSet;
use windlass_wsman::client::guid;
use windlass_wsman::{CommandLine, Disconnect, SignalCode};

use super::process::{ProcessInlet, ProcessLink};
use crate::error::{Error, Layer, Result};
use crate::shell::{Receiving, RemoteShell};
use crate::statistics::Statistics;

/// What WinRM 2 takes in one envelope, in bytes: the PowerShell 2 with it speaks protocol 2.1.
const OLD_ENVELOPE: u64 = 153_600;

/// The streams that are received.
const STREAMS: &[&str] = &["stdout"];

/// The way to a pool.
pub(super) enum Link {
    Shell(RemoteShell),
    Process(Arc<ProcessLink>),
}

/// Where data of a pipeline, or of the pool itself, come in.
pub(super) enum Inlet {
    Shell(Receiving),
    Process(ProcessInlet),
}

/// Data that came in together.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) pieces: Vec<Vec<u8>>,
    /// Nothing will come after them.
    pub(super) is_last: bool,
}

impl Link {
    /// The host, as errors name it.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Shell(shell) => shell.client().host(),
            Self::Process(process) => process.name(),
        }
    }

    /// How many bytes fit one message to the host, once it has said which version it goes by.
    pub(super) fn capacity(&self, version: Option<ProtocolVersion>) -> usize {
        match self {
            Self::Shell(shell) if version.is_some_and(|version| version < ProtocolVersion::V2_2) => {
                shell.send_capacity_within(OLD_ENVELOPE)
            }
            Self::Shell(shell) => shell.send_capacity(),
            Self::Process(process) => process.capacity(),
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        match self {
            Self::Shell(shell) => shell.client().counts().into(),
            Self::Process(process) => process.statistics(),
        }
    }

    /// Opens the way in for a pipeline, or for the pool. Do so before anything can come.
    pub(super) fn inlet(&self, pipeline: Option<Uuid>) -> Inlet {
        match self {
            Self::Shell(_) => Inlet::Shell(Receiving::new(pipeline.map(guid), STREAMS)),
            Self::Process(process) => Inlet::Process(process.inlet(pipeline)),
        }
    }

    /// Waits for data. While the network is `failing`, an answer without any is told as well.
    pub(super) async fn receive(&self, inlet: &mut Inlet, failing: bool) -> Result<Incoming> {
        match (self, inlet) {
            (Self::Shell(shell), Inlet::Shell(receiving)) => {
                receiving.set_probing(failing);
                let received = shell.receive(receiving).await?;
                let is_last = received.is_done();
                Ok(Incoming {
                    pieces: received.pieces.into_iter().map(|piece| piece.data).collect(),
                    is_last,
                })
            }
            (Self::Process(process), Inlet::Process(inlet)) => process.receive(inlet).await,
            _ => Err(Error::protocol(Layer::Psrp, self.host(), "data are awaited on another way")),
        }
    }

    /// Starts a pipeline with its first fragments.
    pub(super) async fn start(&self, pipeline: Uuid, first: &[u8]) -> Result<()> {
        match self {
            Self::Shell(shell) => {
                let id = guid(pipeline);
                let given = shell.command(CommandLine::pipeline(&id, first), OptionSet::new()).await?;
                if given != id {
                    let reason = format!("the host calls the pipeline {given}, not {id}");
                    return Err(Error::protocol(Layer::Psrp, self.host(), reason));
                }
                Ok(())
            }
            Self::Process(process) => process.start(pipeline, first).await,
        }
    }

    /// Whether fragments can be made ready before it is their turn.
    pub(super) fn takes_gates(&self) -> bool {
        matches!(self, Self::Shell(_))
    }

    /// Sends fragments. The end of them waits for the gate, where there is one and gates are taken.
    pub(super) async fn send(&self, outgoing: &Outgoing, gate: Option<Gate>) -> Result<()> {
        match self {
            Self::Shell(shell) => {
                let command = outgoing.pipeline.map(guid);
                let stream = outgoing.stream.shell_input_name();
                shell.send(command.as_deref(), stream, (&outgoing.data, false), gate).await
            }
            Self::Process(process) => process.send(outgoing).await,
        }
    }

    /// Makes ready what an order to stop takes, so that it is one round trip.
    pub(super) async fn prepare_stop(&self) -> Result<()> {
        match self {
            Self::Shell(shell) => shell.client().prepare().await,
            Self::Process(_) => Ok(()),
        }
    }

    /// Stops a pipeline, which goes on to tell how it ended.
    pub(super) async fn stop(&self, pipeline: Uuid, limit: Duration) -> Result<()> {
        match self {
            Self::Shell(shell) => {
                shell.signal(&guid(pipeline), SignalCode::PowerShellStop, Some(limit)).await
            }
            Self::Process(process) => process.stop(pipeline).await,
        }
    }

    /// Ends a pipeline, whether it still runs or not, and frees its place.
    pub(super) async fn release(&self, pipeline: Uuid, limit: Duration) -> Result<()> {
        match self {
            Self::Shell(shell) => shell.signal(&guid(pipeline), SignalCode::Terminate, Some(limit)).await,
            Self::Process(process) => process.release(pipeline).await,
        }
    }

    /// Closes the pool.
    pub(super) async fn close(&self, limit: Duration) -> Result<()> {
        match self {
            Self::Shell(shell) => shell.delete(Some(limit)).await,
            Self::Process(process) => process.close(limit).await,
        }
    }

    /// Leaves the pool, which lives on at the host.
    pub(super) async fn disconnect(&self, disconnect: Disconnect) -> Result<()> {
        self.shell("left")?.disconnect(disconnect).await
    }

    /// Comes back to the pool, or to one of its pipelines.
    pub(super) async fn reconnect(&self, pipeline: Option<Uuid>) -> Result<()> {
        self.shell("come back to")?.reconnect(pipeline.map(guid)).await
    }

    /// Lets go of what nobody uses any more.
    pub(super) fn rest(&self) {
        if let Self::Shell(shell) = self {
            shell.client().close_idle();
        }
    }

    /// The shell, where there is one.
    pub(super) fn shell(&self, action: &str) -> Result<&RemoteShell> {
        match self {
            Self::Shell(shell) => Ok(shell),
            Self::Process(_) => {
                Err(Error::usage(format!("a session with a process cannot be {action}: it ends with it")))
            }
        }
    }
}
