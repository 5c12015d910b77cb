//! A runspace pool behind a shell: PSRP on one side, running pipelines on the other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::{Notify, mpsc};
use uuid::Uuid;
use windlass_auth::Principal;
use windlass_clixml::PsValue;
use windlass_psrp::host::{HostCallId, HostInfo, HostReply};
use windlass_psrp::payload::{InitRunspacePool, primitive_dictionary};
use windlass_psrp::{
    CreatePipeline, ErrorRecord, PipelineState, PoolState, PowerShell, ServerEvent, ServerLimits,
    ServerOptions, ServerPool, Stream,
};
use windlass_wsman::{CommandLine, Fault, FaultCode, RunState, SignalCode};

use super::engine::{End, execute};
use super::outlet::{Incoming, Outlet, metadata_query};
use super::runspace::{Client, Events, Runspace, Session, version_entries};
use super::stop::Stop;
use crate::host::Host;
use crate::shell::{Opening, Piece, Presence, Received, psrp};
use crate::statistics::count;
use crate::wsman::{Caller, aborted};

/// Objects of input that wait for a pipeline.
const WAITING_INPUT: usize = 256;

/// A runspace pool.
pub(crate) struct PoolShell {
    state: Mutex<State>,
    /// Told when output has been fetched, for pipelines that wait for room, and when their hosts answer.
    pub(super) fetched: Condvar,
    session: Arc<Session>,
    pub(super) buffered_output: usize,
    pub(super) presence: Arc<Presence>,
    closed: Stop,
    /// It counts the pipelines that end.
    host: Weak<Host>,
}

pub(super) struct State {
    pub(super) pool: ServerPool,
    pub(super) pipelines: HashMap<Uuid, Pipeline>,
    /// Pipelines that wait for a runspace.
    waiting: VecDeque<Uuid>,
    running: usize,
    /// Answers of hosts that pipelines have not taken yet.
    pub(super) host_replies: HashMap<(Uuid, HostCallId), HostReply>,
    /// Told when the pool itself has output.
    pub(super) ready: Arc<Notify>,
}

/// A pipeline that was not terminated.
pub(super) struct Pipeline {
    /// The id as the client writes it.
    command_id: String,
    pub(super) ready: Arc<Notify>,
    stop: Stop,
    /// What it is to run, until it does.
    work: Option<Work>,
    input: Option<mpsc::Sender<PsValue>>,
    /// Whether it waits for an answer of the client's host.
    host_awaited: bool,
    /// Why nothing more is taken for it.
    refused: Option<Fault>,
}

struct Work {
    power_shell: PowerShell,
    with_invocation: bool,
    host: HostInfo,
    /// Whether it takes no runspace, as it runs inside a pipeline that has one.
    is_nested: bool,
    input: Option<mpsc::Receiver<PsValue>>,
}

impl PoolShell {
    pub(crate) fn new(
        host: &Arc<Host>,
        opening: &Opening,
        user: &Principal,
        presence: &Arc<Presence>,
    ) -> Arc<Self> {
        let limits = &host.config.limits;
        let pool_limits = ServerLimits {
            object: limits.object,
            pipeline: limits.data_per_command,
            pipelines: limits.commands_per_shell,
            ..ServerLimits::default()
        };
        let table = primitive_dictionary(version_entries(&host.facts));
        let options = ServerOptions {
            application_private_data: primitive_dictionary([("PSVersionTable", table)]),
            transport_encrypts: opening.confidential,
            limits: pool_limits,
            ..ServerOptions::default()
        };
        let session = Session {
            commands: Arc::clone(&host.commands),
            scenario: Arc::clone(&host.config.scenario),
            files: host.config.files.clone(),
            reads_everything: host.config.allow_exec,
            facts: host.facts.clone(),
            user: user.to_string(),
            computer: host.config.computer.clone(),
            client: OnceLock::new(),
            events: Mutex::default(),
        };
        Arc::new(Self {
            state: Mutex::new(State {
                pool: ServerPool::new(options),
                pipelines: HashMap::new(),
                waiting: VecDeque::new(),
                running: 0,
                host_replies: HashMap::new(),
                ready: Arc::default(),
            }),
            fetched: Condvar::new(),
            session: Arc::new(session),
            buffered_output: limits.buffered_output,
            presence: Arc::clone(presence),
            closed: Stop::default(),
            host: Arc::downgrade(host),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pipelines that were not terminated.
    pub(crate) fn commands(&self) -> usize {
        self.lock().pipelines.len()
    }

    /// Id, line and state of each pipeline.
    pub(crate) fn list(&self) -> Vec<(String, String, &'static str)> {
        let state = self.lock();
        let described = state.pipelines.iter().map(|(id, pipeline)| {
            let ended = state.pool.pipeline_state(*id).is_none_or(is_final);
            (pipeline.command_id.clone(), String::new(), if ended { "Done" } else { "Running" })
        });
        described.collect()
    }

    /// Takes the first fragments, which open the pool. More may follow.
    pub(crate) fn begin(self: &Arc<Self>, creation: &[u8]) -> Result<(), Box<Fault>> {
        let events = self.take(None, Stream::Default, creation)?;
        // Nothing that a pool is opened with has to wait for anybody.
        for event in events {
            self.handle_now(event);
        }
        Ok(())
    }

    /// Starts a pipeline with the fragments in its first argument.
    pub(crate) async fn start(
        self: &Arc<Self>,
        id: Option<String>,
        command: &CommandLine<'_>,
        caller: &Caller,
    ) -> Result<String, Box<Fault>> {
        let fragments = command.fragments().map_err(|error| Box::new(error.to_fault()))?;
        let (pipeline, command_id) = psrp::new_pipeline(id, &fragments)?;
        {
            let mut state = self.lock();
            if state.pipelines.contains_key(&pipeline) {
                return Err(psrp::command_exists(&command_id));
            }
            let entry = Pipeline {
                command_id: command_id.clone(),
                ready: Arc::default(),
                stop: Stop::default(),
                work: None,
                input: None,
                host_awaited: false,
                refused: None,
            };
            state.pipelines.insert(pipeline, entry);
        }
        let started = match self.take(Some(pipeline), Stream::Default, &fragments) {
            Ok(events) => self.handle(events, caller).await,
            Err(fault) => Err(fault),
        };
        if started.is_err() {
            self.forget(pipeline);
        }
        started.map(|()| command_id)
    }

    /// Takes input for the pool or for one of its pipelines.
    pub(crate) async fn send(
        self: &Arc<Self>,
        command: Option<&str>,
        stream: &str,
        data: &[u8],
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        let stream = psrp::input_stream(stream)?;
        let pipeline = self.pipeline(command)?;
        let events = self.take(pipeline, stream, data)?;
        self.handle(events, caller).await
    }

    /// Waits for output of the pool or of one of its pipelines.
    pub(crate) async fn receive(
        &self,
        command: Option<&str>,
        streams: &[String],
        caller: &Caller,
    ) -> Result<Received, Box<Fault>> {
        psrp::check_output_streams(streams)?;
        let pipeline = self.pipeline(command)?;
        let budget = caller.payload_budget();
        loop {
            let ready = match pipeline {
                None => Arc::clone(&self.lock().ready),
                Some(id) => match self.lock().pipelines.get(&id) {
                    Some(entry) => Arc::clone(&entry.ready),
                    None => return Err(aborted()),
                },
            };
            let mut notified = std::pin::pin!(ready.notified());
            notified.as_mut().enable();
            if let Some(received) = self.fetch(pipeline, budget)? {
                return Ok(received);
            }
            tokio::select! {
                () = notified => {}
                () = self.closed.stopped() => return Err(aborted()),
                () = tokio::time::sleep_until(caller.deadline) => return Err(Box::new(Fault::timed_out())),
            }
        }
    }

    /// Signals a pipeline. As in PowerShell, whatever does not stop it closes it.
    pub(crate) fn signal(
        self: &Arc<Self>,
        command: Option<&str>,
        code: &SignalCode,
    ) -> Result<(), Box<Fault>> {
        let Some(pipeline) = self.pipeline(command)? else {
            return Ok(());
        };
        if !psrp::stops(code) {
            self.forget(pipeline);
            return Ok(());
        }
        let events = {
            let mut state = self.lock();
            let _ = state.pool.stop(pipeline);
            drain(&mut state.pool)
        };
        for event in events {
            self.handle_now(event);
        }
        Ok(())
    }

    /// Another client takes the pool over: what it sent, and what it is answered.
    pub(crate) fn connect(&self, data: &[u8]) -> Result<Vec<u8>, Box<Fault>> {
        let mut state = self.lock();
        let answer = state.pool.connect(data);
        if answer.is_ok() {
            // As in PowerShell: whoever had the rest of a pipeline's input is not there any more.
            for pipeline in state.pipelines.values_mut() {
                pipeline.input = None;
            }
        }
        self.announce(&state);
        drop(state);
        self.repeat_begun(None);
        answer.map_err(psrp::cannot_connect)
    }

    /// A new client has not seen the beginning of a message of which a part went to the old one.
    pub(crate) fn repeat_begun(&self, command: Option<&str>) {
        let mut state = self.lock();
        let pipeline = state.pipelines.iter().find(|(_, entry)| Some(&*entry.command_id) == command);
        let pipeline = pipeline.map(|(id, _)| *id);
        if command.is_none() || pipeline.is_some() {
            state.pool.repeat_begun(pipeline);
        }
    }

    /// Wakes pipelines that wait for room.
    pub(crate) fn wake(&self) {
        self.fetched.notify_all();
    }

    /// Ends all pipelines and the pool.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        for pipeline in state.pipelines.values_mut() {
            pipeline.stop.stop();
            pipeline.input = None;
            pipeline.work = None;
        }
        state.waiting.clear();
        state.pipelines.clear();
        state.pool.close();
        self.closed.stop();
        drop(state);
        self.fetched.notify_all();
    }

    /// The pipeline of a command id; ids are compared with regard to case.
    fn pipeline(&self, command: Option<&str>) -> Result<Option<Uuid>, Box<Fault>> {
        let Some(command) = command else { return Ok(None) };
        let state = self.lock();
        let found = state.pipelines.iter().find(|(_, entry)| entry.command_id == command);
        match found {
            Some((id, _)) => Ok(Some(*id)),
            None => Err(Box::new(Fault::unexpected_selectors())),
        }
    }

    /// Hands bytes to the pool and returns what they led to.
    fn take(
        &self,
        pipeline: Option<Uuid>,
        stream: Stream,
        data: &[u8],
    ) -> Result<Vec<ServerEvent>, Box<Fault>> {
        let mut state = self.lock();
        let received = state.pool.receive(pipeline, stream, data);
        let events = drain(&mut state.pool);
        self.announce(&state);
        if let Err(error) = received {
            tracing::debug!(%error, "a PSRP message was refused");
            let text = format!("The PSRP data were refused: {error}.");
            let code = if error.is_quota() { FaultCode::QUOTA_LIMIT } else { FaultCode::INVALID_PARAMETER };
            let fault = Fault::new(code).with_message(text);
            state.give_up(pipeline, &fault);
            return Err(Box::new(fault));
        }
        Ok(events)
    }

    /// Wakes those who wait for output that is there.
    fn announce(&self, state: &State) {
        if state.pool.has_output(None) || state.pool.state().is_final() {
            state.ready.notify_waiters();
        }
        for (id, pipeline) in &state.pipelines {
            if state.pool.has_output(Some(*id)) {
                pipeline.ready.notify_waiters();
            }
        }
    }

    /// Deals with what a client wants; waits for pipelines that do not keep up with their input.
    async fn handle(self: &Arc<Self>, events: Vec<ServerEvent>, caller: &Caller) -> Result<(), Box<Fault>> {
        for event in events {
            let ServerEvent::Input { id, value } = event else {
                self.handle_now(event);
                continue;
            };
            let sender = self.lock().pipelines.get(&id).and_then(|pipeline| pipeline.input.clone());
            let Some(sender) = sender else { continue };
            tokio::select! {
                // A pipeline that takes no more input is no error.
                _ = sender.send(value) => {}
                () = self.closed.stopped() => return Err(aborted()),
                () = tokio::time::sleep_until(caller.deadline) => {
                    let fault = Fault::timed_out();
                    self.lock().give_up(Some(id), &fault);
                    return Err(Box::new(fault));
                }
            }
        }
        Ok(())
    }

    fn handle_now(self: &Arc<Self>, event: ServerEvent) {
        match event {
            ServerEvent::CreatePipeline { id, create } => self.create(id, *create),
            ServerEvent::GetCommandMetadata { id, request } => {
                let create = CreatePipeline::from(metadata_query(&request));
                self.create(id, create);
            }
            ServerEvent::EndOfInput { id } => {
                if let Some(pipeline) = self.lock().pipelines.get_mut(&id) {
                    pipeline.input = None;
                }
            }
            ServerEvent::Stop { id } => self.stop(id),
            ServerEvent::ResetRunspaceState { call_id } => {
                let mut state = self.lock();
                // As PowerShell does: one runspace, and nothing that runs in it.
                let resets = state.pool.runspaces().1 == 1 && state.running == 0;
                if resets {
                    *self.session.events.lock().unwrap_or_else(PoisonError::into_inner) = Events::default();
                }
                let _ = state.pool.reset_done(call_id, resets);
                self.announce(&state);
            }
            ServerEvent::Runspaces { .. } => self.start_waiting(),
            ServerEvent::Opened(init) => {
                let InitRunspacePool { host_info, application_arguments, .. } = *init;
                // A pool opens once.
                let _ = self.session.client.set(Client { host: host_info, application_arguments });
            }
            ServerEvent::HostResponse { pipeline: Some(id), response } => {
                let mut state = self.lock();
                if state.pipelines.contains_key(&id) {
                    state.host_replies.insert((id, response.call_id), response.reply);
                }
                drop(state);
                self.fetched.notify_all();
            }
            ServerEvent::SessionKey => {
                let state = self.lock();
                self.announce(&state);
            }
            _ => {}
        }
    }

    fn create(self: &Arc<Self>, id: Uuid, create: CreatePipeline) {
        let (sender, receiver) = match create.no_input {
            true => (None, None),
            false => {
                let (sender, receiver) = mpsc::channel(WAITING_INPUT);
                (Some(sender), Some(receiver))
            }
        };
        {
            let mut state = self.lock();
            let Some(pipeline) = state.pipelines.get_mut(&id) else { return };
            pipeline.input = sender;
            pipeline.work = Some(Work {
                power_shell: create.power_shell,
                with_invocation: create
                    .remote_stream_options
                    .contains(windlass_psrp::RemoteStreamOptions::ERRORS),
                host: create.host_info,
                is_nested: create.is_nested,
                input: receiver,
            });
            state.waiting.push_back(id);
        }
        self.start_waiting();
    }

    /// Starts as many pipelines as there are runspaces for, and those that need none.
    fn start_waiting(self: &Arc<Self>) {
        let mut state = self.lock();
        let (_, most) = state.pool.runspaces();
        let most = usize::try_from(most).unwrap_or(1).max(1);
        let waiting = std::mem::take(&mut state.waiting);
        for id in waiting {
            let free = state.running < most;
            let Some(pipeline) = state.pipelines.get_mut(&id) else { continue };
            let Some(work) = pipeline.work.take_if(|work| free || work.is_nested) else {
                if pipeline.work.is_some() {
                    state.waiting.push_back(id);
                }
                continue;
            };
            let stop = pipeline.stop.clone();
            if !work.is_nested {
                state.running += 1;
            }
            let shell = Arc::clone(self);
            tokio::task::spawn_blocking(move || shell.run(id, work, stop));
        }
    }

    /// Runs a pipeline to its end, on a thread of its own.
    fn run(self: Arc<Self>, id: Uuid, work: Work, stop: Stop) {
        let runspace = Runspace::new(Arc::clone(&self.session), stop, work.host);
        let mut sink = Outlet { shell: &self, id, runspace: &runspace };
        let mut input = work.input.map(Incoming);
        let source = input.as_mut().map(|input| -> &mut dyn Iterator<Item = PsValue> { input });
        let end = execute(&work.power_shell, work.with_invocation, source, &mut sink, &runspace);
        let (end_state, error) = match end {
            End::Completed => (PipelineState::Completed, None),
            End::Failed(record) => (PipelineState::Failed, Some(*record)),
            End::Stopped => (PipelineState::Stopped, Some(ErrorRecord::stopped())),
        };
        {
            let mut state = self.lock();
            if !work.is_nested {
                state.running = state.running.saturating_sub(1);
            }
            let _ = state.pool.complete(id, end_state, error);
            if let Some(pipeline) = state.pipelines.get_mut(&id) {
                pipeline.input = None;
                pipeline.ready.notify_waiters();
            }
        }
        self.count_finished();
        self.start_waiting();
    }

    fn stop(&self, id: Uuid) {
        let mut state = self.lock();
        let Some(pipeline) = state.pipelines.get_mut(&id) else { return };
        pipeline.stop.stop();
        pipeline.input = None;
        // One that has not begun ends here.
        let ended = pipeline.work.take().is_some();
        if ended {
            let _ = state.pool.complete(id, PipelineState::Stopped, Some(ErrorRecord::stopped()));
            self.announce(&state);
        }
        drop(state);
        if ended {
            self.count_finished();
        }
        self.fetched.notify_all();
    }

    fn count_finished(&self) {
        if let Some(host) = self.host.upgrade() {
            count(&host.counters.finished_pipelines);
            host.counters.changed.notify_waiters();
        }
    }

    /// Forgets a pipeline; if it still runs, it is stopped.
    fn forget(&self, id: Uuid) {
        let mut state = self.lock();
        state.pool.close_pipeline(id);
        drain(&mut state.pool);
        state.host_replies.retain(|(owner, _), _| *owner != id);
        if let Some(pipeline) = state.pipelines.remove(&id) {
            pipeline.stop.stop();
            pipeline.ready.notify_waiters();
        }
        drop(state);
        self.fetched.notify_all();
    }

    /// Takes output that is there, or tells that no more will come; `None` where there is nothing yet.
    fn fetch(&self, pipeline: Option<Uuid>, budget: usize) -> Result<Option<Received>, Box<Fault>> {
        let mut state = self.lock();
        if pipeline.is_some_and(|id| !state.pipelines.contains_key(&id)) {
            return Err(aborted());
        }
        let entry = pipeline.and_then(|id| state.pipelines.get(&id));
        if let Some(fault) = entry.and_then(|entry| entry.refused.clone()) {
            return Err(Box::new(fault));
        }
        let mut pieces = Vec::new();
        if let Some(outgoing) = state.pool.poll_send_for(pipeline, budget) {
            pieces.push(Piece { stream: "stdout", data: outgoing.data, end: false });
        }
        let drained = !state.pool.has_output(pipeline);
        let ended = match pipeline {
            Some(id) => state.pool.pipeline_state(id).is_none_or(is_final),
            None => state.pool.state() == PoolState::Closed || state.pool.state() == PoolState::Broken,
        };
        let host_awaited =
            pipeline.and_then(|id| state.pipelines.get(&id)).is_some_and(|entry| entry.host_awaited);
        drop(state);
        self.fetched.notify_all();
        let done = drained && ended;
        if pieces.is_empty() && !done {
            return Ok(None);
        }
        let state = match pipeline {
            Some(_) if done => RunState::Done,
            Some(_) if host_awaited => RunState::Pending,
            _ => RunState::Running,
        };
        let exit_code = (state == RunState::Done).then_some(0);
        Ok(Some(Received { pieces, state, exit_code }))
    }
}

impl State {
    /// A pipeline that has lost some of what was sent to it ends; whoever waits for it learns why.
    fn give_up(&mut self, pipeline: Option<Uuid>, fault: &Fault) {
        let lost = pipeline.filter(|id| !self.pool.pipeline_state(*id).is_some_and(is_final));
        if let Some(pipeline) = lost.and_then(|id| self.pipelines.get_mut(&id)) {
            pipeline.refused = Some(fault.clone());
            pipeline.stop.stop();
            pipeline.input = None;
            pipeline.ready.notify_waiters();
        }
    }

    /// Whether a pipeline waits for an answer of the client's host, whose call is there to be fetched.
    pub(super) fn set_host_awaited(&mut self, id: Uuid, awaited: bool) {
        if let Some(pipeline) = self.pipelines.get_mut(&id) {
            pipeline.host_awaited = awaited;
            pipeline.ready.notify_waiters();
        }
    }
}

fn is_final(state: PipelineState) -> bool {
    matches!(state, PipelineState::Completed | PipelineState::Failed | PipelineState::Stopped)
}

fn drain(pool: &mut ServerPool) -> Vec<ServerEvent> {
    std::iter::from_fn(|| pool.poll_event()).collect()
}
