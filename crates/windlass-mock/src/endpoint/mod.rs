//! Endpoints that are programs: PSRP goes on unchanged between WS-Man and a program that speaks
//! PowerShell's out-of-process framing, such as `pwsh -s`. One process a shell.

mod account;
mod channel;
mod program;
mod takeover;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use uuid::Uuid;
use windlass_psrp::Stream;
use windlass_psrp::outofproc::Packet;
use windlass_wsman::{CommandLine, Fault, FaultCode, RunState, SignalCode};

use crate::config::Endpoint;
use crate::host::Host;
use crate::powershell::Stop;
use crate::shell::{Piece, Presence, Received, psrp};
use crate::wsman::{Caller, aborted};
pub use account::Account;
use channel::{Answer, Channel};
use takeover::Takeover;

/// Lines that wait for the program to read them.
const WAITING_LINES: usize = 16;

/// A shell with a program behind it.
pub(crate) struct ProgramShell {
    endpoint: Endpoint,
    state: Mutex<State>,
    /// Told when the client has fetched output.
    fetched: Notify,
    buffered_output: usize,
    presence: Arc<Presence>,
    closed: Stop,
}

#[derive(Default)]
struct State {
    lines: Option<mpsc::Sender<String>>,
    pool: Channel,
    pipelines: HashMap<Uuid, Channel>,
    takeover: Takeover,
    /// The program has ended, or what it wrote could not be read.
    ended: bool,
}

impl ProgramShell {
    pub(crate) fn new(host: &Host, endpoint: &Endpoint, presence: &Arc<Presence>) -> Arc<Self> {
        Arc::new(Self {
            endpoint: endpoint.clone(),
            state: Mutex::default(),
            fetched: Notify::new(),
            buffered_output: host.config.limits.buffered_output,
            presence: Arc::clone(presence),
            closed: Stop::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the program and hands it the first fragments.
    pub(crate) fn begin(self: &Arc<Self>, creation: Vec<u8>) -> Result<(), Box<Fault>> {
        let lines = program::start(self).map_err(|error| {
            tracing::warn!(%error, endpoint = %self.endpoint.name, "the program of an endpoint cannot be started");
            let text = format!("The program of the endpoint {} cannot be started: {error}.", self.endpoint.name);
            Box::new(Fault::access_denied().with_message(text))
        })?;
        let mut state = self.lock();
        state.takeover.client_sent(&creation);
        let packet = Packet::Data { id: None, stream: Stream::Default, data: creation };
        // There is room for the first line.
        let _ = lines.try_send(packet.encode());
        state.lines = Some(lines);
        Ok(())
    }

    /// Pipelines that were not terminated.
    pub(crate) fn commands(&self) -> usize {
        self.lock().pipelines.len()
    }

    /// Id, line and state of each pipeline.
    pub(crate) fn list(&self) -> Vec<(String, String, &'static str)> {
        let state = self.lock();
        let described = state.pipelines.values().map(|channel| {
            (channel.command_id.clone(), String::new(), if channel.has_ended() { "Done" } else { "Running" })
        });
        described.collect()
    }

    /// Starts a pipeline with the fragments in its first argument.
    pub(crate) async fn start(
        &self,
        id: Option<String>,
        command: &CommandLine<'_>,
        caller: &Caller,
    ) -> Result<String, Box<Fault>> {
        let data = command.fragments().map_err(|error| Box::new(error.to_fault()))?;
        let (pipeline, command_id) = psrp::new_pipeline(id, &data)?;
        {
            let mut state = self.lock();
            if state.pipelines.contains_key(&pipeline) {
                return Err(psrp::command_exists(&command_id));
            }
            state.pipelines.insert(pipeline, Channel::of_command(&command_id));
        }
        let id = Some(pipeline);
        let started = async {
            self.exchange(&Packet::Command(id), id, Answer::Command, caller).await?;
            self.exchange(&Packet::Data { id, stream: Stream::Default, data }, id, Answer::Data, caller).await
        };
        let started = started.await;
        if started.is_err() {
            self.lock().pipelines.remove(&pipeline);
        }
        started.map(|()| command_id)
    }

    /// Takes input for the pool or for one of its pipelines.
    pub(crate) async fn send(
        &self,
        command: Option<&str>,
        stream: &str,
        data: Vec<u8>,
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        let stream = psrp::input_stream(stream)?;
        let id = self.pipeline(command)?;
        if id.is_none() {
            self.lock().takeover.client_sent(&data);
        }
        self.exchange(&Packet::Data { id, stream, data }, id, Answer::Data, caller).await
    }

    /// Waits for output of the pool or of one of its pipelines.
    pub(crate) async fn receive(
        &self,
        command: Option<&str>,
        streams: &[String],
        caller: &Caller,
    ) -> Result<Received, Box<Fault>> {
        psrp::check_output_streams(streams)?;
        let id = self.pipeline(command)?;
        let budget = caller.payload_budget();
        loop {
            let ready = self.ready(id)?;
            let mut notified = std::pin::pin!(ready.notified());
            notified.as_mut().enable();
            if let Some(received) = self.fetch(id, budget)? {
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
    pub(crate) async fn signal(
        &self,
        command: Option<&str>,
        code: &SignalCode,
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        let Some(pipeline) = self.pipeline(command)? else { return Ok(()) };
        let id = Some(pipeline);
        if psrp::stops(code) {
            return self.exchange(&Packet::Signal(id), id, Answer::Signal, caller).await;
        }
        let closed = self.exchange(&Packet::Close(id), id, Answer::Close, caller).await;
        if let Some(channel) = self.lock().pipelines.remove(&pipeline) {
            channel.ready.notify_waiters();
        }
        self.fetched.notify_waiters();
        closed
    }

    /// Another client takes the pool over: what it sent, and what it is answered. The program knows
    /// nothing of it, as its framing has no such thing.
    pub(crate) fn connect(&self, data: &[u8]) -> Result<Vec<u8>, Box<Fault>> {
        let mut state = self.lock();
        let taken = state.takeover.take(data).map_err(psrp::cannot_connect)?;
        state.pool.give_first(taken.first_output);
        Ok(taken.answer)
    }

    /// Wakes the reader of the program's output where it waits for room.
    pub(crate) fn wake(&self) {
        self.fetched.notify_waiters();
    }

    /// Ends the program.
    pub(crate) fn close(&self) {
        let lines = self.lock().lines.take();
        if let Some(lines) = lines {
            // A program that does not read any more is killed in a while.
            let _ = lines.try_send(Packet::Close(None).encode());
        }
        self.closed.stop();
        self.fetched.notify_waiters();
    }

    /// Sends a packet and waits until the program has answered it.
    async fn exchange(
        &self,
        packet: &Packet,
        id: Option<Uuid>,
        answer: Answer,
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        let (turn, lines) = {
            let state = self.lock();
            let channel = state.channel(id).ok_or_else(aborted)?;
            (Arc::clone(&channel.turn), state.lines.clone().ok_or_else(|| state.gone())?)
        };
        let answered = async {
            // One packet of a stream is on its way at a time.
            let _turn = turn.lock().await;
            let before = self.lock().channel(id).ok_or_else(aborted)?.answers(answer);
            lines.send(packet.encode()).await.map_err(|_| self.lock().gone())?;
            loop {
                let ready = self.ready(id)?;
                let mut notified = std::pin::pin!(ready.notified());
                notified.as_mut().enable();
                {
                    let state = self.lock();
                    if state.channel(id).is_none_or(|channel| channel.answers(answer) > before) {
                        return Ok(());
                    }
                    if state.ended {
                        return Err(state.gone());
                    }
                }
                notified.await;
            }
        };
        tokio::time::timeout_at(caller.deadline, answered).await.map_err(|_| Box::new(Fault::timed_out()))?
    }

    fn ready(&self, id: Option<Uuid>) -> Result<Arc<Notify>, Box<Fault>> {
        self.lock().channel(id).map(|channel| Arc::clone(&channel.ready)).ok_or_else(aborted)
    }

    /// Takes output that is there, or tells that no more will come; `None` where there is nothing yet.
    fn fetch(&self, id: Option<Uuid>, budget: usize) -> Result<Option<Received>, Box<Fault>> {
        let mut state = self.lock();
        let ended = state.ended.then(|| state.gone());
        let channel = state.channel_mut(id).ok_or_else(aborted)?;
        let data = channel.take(budget);
        let done = id.is_some() && channel.has_ended() && channel.is_empty();
        drop(state);
        self.fetched.notify_waiters();
        match data {
            None if done => {}
            None if let Some(gone) = ended => return Err(gone),
            None => return Ok(None),
            Some(_) => {}
        }
        let pieces = data.into_iter().map(|data| Piece { stream: "stdout", data, end: false }).collect();
        let state = if done { RunState::Done } else { RunState::Running };
        Ok(Some(Received { pieces, state, exit_code: done.then_some(0) }))
    }

    /// The pipeline of a command id; ids are compared with regard to case.
    fn pipeline(&self, command: Option<&str>) -> Result<Option<Uuid>, Box<Fault>> {
        let Some(command) = command else { return Ok(None) };
        let state = self.lock();
        let found = state.pipelines.iter().find(|(_, channel)| channel.command_id == command);
        found.map(|(id, _)| Some(*id)).ok_or_else(|| Box::new(Fault::unexpected_selectors()))
    }
}

impl State {
    /// Why a program does not answer: Windows gives this number where the process behind a shell has died.
    fn gone(&self) -> Box<Fault> {
        if self.ended { Box::new(Fault::new(FaultCode::RPC_CALL_FAILED)) } else { aborted() }
    }

    fn channel(&self, id: Option<Uuid>) -> Option<&Channel> {
        match id {
            None => Some(&self.pool),
            Some(id) => self.pipelines.get(&id),
        }
    }

    fn channel_mut(&mut self, id: Option<Uuid>) -> Option<&mut Channel> {
        match id {
            None => Some(&mut self.pool),
            Some(id) => self.pipelines.get_mut(&id),
        }
    }
}
