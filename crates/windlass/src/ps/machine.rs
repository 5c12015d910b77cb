//! The protocol machine of a session and where its events go.
//!
//! All pipelines feed one [`ClientPool`]; what it says is sorted here: to the pipelines' own boxes, to
//! those who asked a question, and to the session.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::host::HostCall;
use windlass_psrp::payload::{Availability, UserEvent};
use windlass_psrp::{ClientEvent, ClientPool, ErrorRecord, PipelineState, PoolState, PsrpError};

use super::event::PipelineEvent;
use super::host::HostRequest;
use super::shared::Shared;
use crate::error::Error;

/// User events that wait for a reader; older ones give way.
const MAX_USER_EVENTS: usize = 1024;

/// The machine, its pipelines' boxes and what waits for the session's owner.
pub(super) struct Machine {
    pub(super) pool: ClientPool,
    boxes: HashMap<Uuid, Mailbox>,
    questions: HashMap<i64, oneshot::Sender<Availability>>,
    host_calls: Vec<(Option<Uuid>, HostCall)>,
    pub(super) private_data: PsValue,
    pub(super) user_events: std::collections::VecDeque<UserEvent>,
    /// Why the host closed or broke the pool.
    pub(super) pool_error: Option<Box<ErrorRecord>>,
}

/// What came for one pipeline.
#[derive(Default)]
struct Mailbox {
    events: Vec<PipelineEvent>,
    ending: Option<Ending>,
    /// Why this side cannot go on with it.
    failure: Option<Error>,
    changed: Arc<Notify>,
}

/// How a pipeline ended.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// The host says so.
    State(PipelineState, Option<Box<ErrorRecord>>),
    /// This side says so: what came cannot be read, or the pool is gone.
    Failed(PsrpError),
}

/// What a pipeline's task takes out of its box.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) events: Vec<PipelineEvent>,
    pub(super) ending: Option<Ending>,
    pub(super) failure: Option<Error>,
}

impl Machine {
    pub(super) fn new(pool: ClientPool) -> Self {
        Self {
            pool,
            boxes: HashMap::new(),
            questions: HashMap::new(),
            host_calls: Vec::new(),
            private_data: PsValue::Null,
            user_events: std::collections::VecDeque::new(),
            pool_error: None,
        }
    }

    /// Makes the box of a pipeline. The notification fires when something comes that the pipeline's own
    /// task did not cause.
    pub(super) fn open_box(&mut self, id: Uuid) -> Arc<Notify> {
        Arc::clone(&self.boxes.entry(id).or_default().changed)
    }

    /// Forgets a pipeline.
    pub(super) fn close_pipeline(&mut self, id: Uuid) {
        self.pool.close_pipeline(id);
        self.boxes.remove(&id);
    }

    /// Takes what came for a pipeline.
    pub(super) fn take_mail(&mut self, id: Uuid) -> Mail {
        match self.boxes.get_mut(&id) {
            Some(mailbox) => Mail {
                events: std::mem::take(&mut mailbox.events),
                ending: mailbox.ending.clone(),
                failure: mailbox.failure.take(),
            },
            None => Mail::default(),
        }
    }

    /// This side cannot go on with a pipeline: its task gives it up with this error.
    pub(super) fn fail(&mut self, id: Uuid, error: Error) {
        if let Some(mailbox) = self.boxes.get_mut(&id) {
            mailbox.failure.get_or_insert(error);
            mailbox.changed.notify_one();
        }
    }

    /// Registers who wants the answer to a question about runspaces.
    pub(super) fn expect_answer(&mut self, call_id: i64) -> oneshot::Receiver<Availability> {
        let (sender, receiver) = oneshot::channel();
        self.questions.insert(call_id, sender);
        receiver
    }

    /// Nobody waits for the answer to a question any more.
    pub(super) fn forget_question(&mut self, call_id: i64) {
        self.questions.remove(&call_id);
    }

    /// Takes the calls of the host that came.
    pub(super) fn take_host_calls(&mut self) -> Vec<(Option<Uuid>, HostCall)> {
        std::mem::take(&mut self.host_calls)
    }

    /// Sorts what the machine has to say, after anything that was done to the pool. Tells whether
    /// something happened to the pool as a whole. Where a session is given, pipelines' calls of the host go
    /// to the pipelines' boxes.
    pub(super) fn sort(&mut self, host_events: Option<&Arc<Shared>>) -> bool {
        let mut pool_changed = false;
        while let Some(event) = self.pool.poll_event() {
            match event {
                ClientEvent::PoolState { state, error } => {
                    pool_changed = true;
                    self.pool_changed(state, error);
                }
                ClientEvent::SessionKey => pool_changed = true,
                ClientEvent::ApplicationPrivateData(data) => self.private_data = data,
                ClientEvent::Availability { call_id, answer } => {
                    if let Some(asker) = self.questions.remove(&call_id) {
                        asker.send(answer).ok();
                    }
                }
                ClientEvent::UserEvent(event) => {
                    if self.user_events.len() >= MAX_USER_EVENTS {
                        self.user_events.pop_front();
                    }
                    self.user_events.push_back(*event);
                    pool_changed = true;
                }
                ClientEvent::HostCall { pipeline, call } => match (pipeline, host_events) {
                    (Some(id), Some(shared)) => {
                        self.deliver(id, PipelineEvent::HostCall(HostRequest::new(shared, id, call)));
                    }
                    _ => self.host_calls.push((pipeline, call)),
                },
                ClientEvent::PipelineOutput { pipeline, value } => {
                    self.deliver(pipeline, PipelineEvent::Output(value));
                }
                ClientEvent::PipelineError { pipeline, error } => {
                    self.deliver(pipeline, PipelineEvent::Error(error));
                }
                ClientEvent::Warning { pipeline, record } => {
                    self.deliver(pipeline, PipelineEvent::Warning(record));
                }
                ClientEvent::Verbose { pipeline, record } => {
                    self.deliver(pipeline, PipelineEvent::Verbose(record));
                }
                ClientEvent::Debug { pipeline, record } => {
                    self.deliver(pipeline, PipelineEvent::Debug(record));
                }
                ClientEvent::Information { pipeline, record } => {
                    self.deliver(pipeline, PipelineEvent::Information(record));
                }
                ClientEvent::Progress { pipeline, record } => {
                    self.deliver(pipeline, PipelineEvent::Progress(record));
                }
                ClientEvent::PipelineState { pipeline, state, error } if state.is_final() => {
                    self.end(pipeline, Ending::State(state, error));
                }
                ClientEvent::PipelineFailed { pipeline, error } => self.end(pipeline, Ending::Failed(error)),
                // States on the way and limits: whoever needs them asks the pool.
                _ => {}
            }
        }
        pool_changed
    }

    fn pool_changed(&mut self, state: PoolState, error: Option<Box<ErrorRecord>>) {
        if state.is_final() {
            self.pool_error = error;
            self.questions.clear();
        }
    }

    fn deliver(&mut self, pipeline: Uuid, event: PipelineEvent) {
        if let Some(mailbox) = self.boxes.get_mut(&pipeline) {
            mailbox.events.push(event);
        }
    }

    fn end(&mut self, pipeline: Uuid, ending: Ending) {
        if let Some(mailbox) = self.boxes.get_mut(&pipeline) {
            mailbox.ending.get_or_insert(ending);
            mailbox.changed.notify_one();
        }
    }
}
