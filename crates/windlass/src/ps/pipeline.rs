//! The task that runs one pipeline from its start to its clean-up.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use uuid::Uuid;
use windlass_soap::OptionSet;
use windlass_wsman::CommandLine;
use windlass_wsman::client::guid;

use super::event::PipelineEvent;
use super::machine::Ending;
use super::shared::{STREAMS, Shared, Stage, is_farewell};
use crate::batches::Outlet;
use crate::error::{Error, Layer, Result};

/// How far a pipeline is, for those who want to stop it or to send it input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// The host does not have it yet.
    Starting,
    /// It runs.
    Running,
    /// It has ended.
    Ended,
}

/// What the task of one pipeline needs.
pub(super) struct Run {
    pub(super) shared: Arc<Shared>,
    pub(super) id: Uuid,
    pub(super) outlet: Outlet<PipelineEvent>,
    pub(super) progress: watch::Sender<Progress>,
    /// Something came for the pipeline that its own task did not cause.
    pub(super) changed: Arc<Notify>,
}

/// Why a pipeline's task stops following it.
enum End {
    /// It has ended by itself.
    Finished,
    /// Nobody wants its output any more.
    Abandoned,
}

impl Run {
    /// Runs the pipeline and frees its place, whatever happens in between.
    pub(super) async fn carry_out(self) {
        let command = guid(self.id);
        let outcome = match self.start(&command).await {
            Err(error) => {
                if error.may_have_executed() {
                    self.shared.release_now(&command).await;
                }
                Err(error)
            }
            Ok(()) => {
                self.progress.send_replace(Progress::Running);
                let outcome = self.follow(&command).await;
                self.progress.send_replace(Progress::Ended);
                match &outcome {
                    _ if self.shared.stage() > Stage::Open => {}
                    Ok(End::Finished) => self.shared.release_later(command),
                    Ok(End::Abandoned) | Err(_) => self.shared.release_now(&command).await,
                }
                outcome
            }
        };
        self.progress.send_replace(Progress::Ended);
        self.shared.with_machine(|machine| machine.close_pipeline(self.id));
        if let Err(error) = outcome {
            self.outlet.fail(error.while_doing("running a pipeline")).await;
        }
    }

    /// Sends the pipeline to the host.
    async fn start(&self, command: &str) -> Result<()> {
        let shared = &self.shared;
        let first = self.first_fragments().await?;
        let line = CommandLine::pipeline(command, &first);
        let given = shared.shell.command(line, OptionSet::new()).await?;
        if given != command {
            let reason = format!("the host calls the pipeline {given}, not {command}");
            return Err(Error::protocol(Layer::Psrp, shared.host_name(), reason));
        }
        if shared.machine().pool.waiting_bytes(self.id) > 0 {
            shared.flush().await?;
        }
        Ok(())
    }

    /// The fragments that fit the command. A pipeline with secrets in it waits for the session's key.
    async fn first_fragments(&self) -> Result<Vec<u8>> {
        let shared = &self.shared;
        loop {
            let changed = shared.pool_changed.notified();
            let capacity = shared.shell.send_capacity();
            let first = shared.with_machine(|machine| machine.pool.command_arguments(self.id, capacity));
            match first {
                Ok(Some(fragments)) => return Ok(fragments),
                Ok(None) => {
                    shared.park();
                    shared.flush().await?;
                    tokio::select! {
                        () = changed => {}
                        () = self.outlet.abandoned() => {
                            return Err(Error::closed(shared.host_name(), "the pipeline was given up"));
                        }
                    }
                }
                Err(error) => return Err(Error::protocol(Layer::Psrp, shared.host_name(), error)),
            }
        }
    }

    /// Hands on what the pipeline says, until it ends or nobody listens.
    async fn follow(&self, command: &str) -> Result<End> {
        loop {
            let received = tokio::select! {
                received = self.shared.shell.receive(Some(command), STREAMS) => Some(received),
                () = self.outlet.abandoned() => return Ok(End::Abandoned),
                () = self.changed.notified() => None,
            };
            let is_done = match received {
                None => false,
                Some(Err(error)) => return Err(self.explain(error)),
                Some(Ok(received)) => {
                    self.shared.feed(Some(self.id), &received)?;
                    received.is_done()
                }
            };
            let mail = self.shared.machine().take_mail(self.id);
            let mut events = mail.events;
            let ending = match mail.ending {
                Some(Ending::State(state, error)) => {
                    events.push(PipelineEvent::Finished(state, error));
                    Some(Ok(End::Finished))
                }
                Some(Ending::Failed(_)) if self.shared.stage() > Stage::Open => {
                    Some(Err(Error::closed(self.shared.host_name(), "the session was closed")))
                }
                Some(Ending::Failed(error)) => {
                    Some(Err(Error::protocol(Layer::Psrp, self.shared.host_name(), error)))
                }
                None if is_done => {
                    let reason = "the host ended the command without saying how the pipeline ended";
                    Some(Err(Error::protocol(Layer::Psrp, self.shared.host_name(), reason)))
                }
                None => None,
            };
            if !self.outlet.send(events).await {
                return Ok(if ending.is_some() { End::Finished } else { End::Abandoned });
            }
            if let Some(ending) = ending {
                return ending;
            }
        }
    }

    /// What a failed Receive means: after the session was closed, only that.
    fn explain(&self, error: Error) -> Error {
        if is_farewell(&error, self.shared.stage()) {
            return Error::closed(self.shared.host_name(), "the session was closed");
        }
        error
    }
}
