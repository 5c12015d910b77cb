//! A pipeline as its caller sees it.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use uuid::Uuid;

use super::event::{Collected, NetworkEvent, PipelineEvent};
use super::pipeline::Progress;
use super::shared::{Shared, Stage};
use crate::batches::Batches;
use crate::error::{Error, Result};

/// A running pipeline: a stream of what it says. A caller who reads slowly makes the host hold back.
/// Dropping it ends the pipeline.
pub struct Invocation {
    pub(super) events: Batches<PipelineEvent>,
    pub(super) stopper: Stopper,
}

/// Stops a pipeline from elsewhere, for example when Ctrl-C is pressed. Cheap to clone.
#[derive(Clone)]
pub struct Stopper {
    pub(super) shared: Arc<Shared>,
    pub(super) id: Uuid,
    pub(super) progress: watch::Receiver<Progress>,
}

impl Invocation {
    /// The pipeline's id.
    pub fn id(&self) -> Uuid {
        self.stopper.id
    }

    /// What the pipeline said next; `None` after the last event. An error is the last thing that comes:
    /// the pipeline could not be followed to its end.
    pub async fn next(&mut self) -> Option<Result<PipelineEvent>> {
        self.events.next().await
    }

    /// Waits until the host has the pipeline, or it could not be started.
    ///
    /// # Errors
    /// It was not started: [`next`](Self::next) says why.
    pub async fn started(&self) -> Result<()> {
        self.stopper.wait_started().await
    }

    /// Stops the pipeline. It goes on to tell what it has to say and ends as stopped.
    ///
    /// # Errors
    /// The host was not reached or refused. A pipeline that has ended is no error.
    pub async fn stop(&self) -> Result<()> {
        self.stopper.stop().await
    }

    /// What stops the pipeline from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Collects everything until the pipeline ends. How it ended stands in the result: a pipeline that
    /// failed is no error here.
    ///
    /// # Errors
    /// The pipeline could not be followed to its end. Where the network fails for longer than
    /// [`retry_window`](crate::PsSessionOptions::retry_window) the session is disconnected, and what the pipeline says
    /// from then on waits at the host: to come back to it with [`PsSession::reconnect`](crate::PsSession::reconnect),
    /// follow the events with [`next`](Self::next) instead.
    pub async fn collect(mut self) -> Result<Collected> {
        let mut collected = Collected::new(self.stopper.shared.host_name());
        while let Some(event) = self.next().await {
            let event = event?;
            if event == PipelineEvent::Network(NetworkEvent::AutoDisconnected) {
                let reason = "the network did not come back in time: the session is disconnected";
                return Err(Error::unreachable(self.stopper.shared.host_name(), reason));
            }
            collected.add(event);
        }
        Ok(collected)
    }
}

impl futures_core::Stream for Invocation {
    type Item = Result<PipelineEvent>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next(context)
    }
}

impl Stopper {
    /// Stops the pipeline, as [`Invocation::stop`] does.
    ///
    /// # Errors
    /// The session is disconnected, or the host was not reached or refused.
    pub async fn stop(&self) -> Result<()> {
        // A signal that overtakes the command would find nothing to stop.
        if self.wait_started().await.is_err() || *self.progress.borrow() == Progress::Ended {
            return Ok(());
        }
        if self.shared.stage() == Stage::Disconnected {
            let reason = "the session is disconnected; its pipelines can be stopped when it is reconnected";
            return Err(Error::closed(self.shared.host_name(), reason));
        }
        let stopping = self.shared.with_machine(|machine| machine.pool.stop(self.id));
        match stopping {
            Ok(true) => {}
            // It has ended in the meantime.
            Ok(false) | Err(windlass_psrp::PsrpError::UnknownPipeline(_)) => return Ok(()),
            Err(error) => return Err(self.shared.protocol_error(error)),
        }
        let signalled = self.shared.link.stop(self.id, self.shared.timing.cancel_timeout).await;
        signalled.map_err(|error| error.while_doing("stopping a pipeline"))
    }

    async fn wait_started(&self) -> Result<()> {
        let mut progress = self.progress.clone();
        let started = progress.wait_for(|&progress| progress > Progress::Starting).await;
        started
            .map(|_| ())
            .map_err(|_| Error::closed(self.shared.host_name(), "the pipeline was not started"))
    }
}
