//! PowerShell sessions that block.

use std::sync::Arc;

use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::CreatePipeline;

use super::{forward, forward_target, step, wait};
use crate::error::Result;
use crate::{
    Availability, Collected, DisconnectOptions, FoundSession, Host, InvokeOptions, PipelineEvent,
    ProcessCommand, PsSessionOptions, Secret, SessionState, SessionTicket, Statistics, Stopper,
};

/// The parameters of a new PowerShell session: [`crate::PsSessionBuilder`].
#[derive(Clone)]
pub struct PsSessionBuilder(crate::PsSessionBuilder);

impl PsSessionBuilder {
    forward_target!();

    forward! {
        /// The endpoint (`-ConfigurationName`), with or without the prefix of its URI.
        configuration_name(name: &str);
        /// The session's name; otherwise `Runspace` and its number.
        name(name: &str);
        /// All options at once.
        options(options: PsSessionOptions);
        /// How many pipelines may run at once.
        runspaces(min: i32, max: i32);
        /// Who answers when a script prompts. Without a host, prompts fail.
        host(host: Arc<dyn Host>);
    }

    /// Opens the session.
    ///
    /// # Errors
    /// As [`crate::PsSessionBuilder::connect`] says, and the caller is in an async runtime.
    pub fn connect(self) -> Result<PsSession> {
        wait(self.0.connect()).map(PsSession)
    }

    /// Comes to a session that was left, and to the pipelines that run in it.
    ///
    /// # Errors
    /// As [`crate::PsSessionBuilder::connect_to`] says, and the caller is in an async runtime.
    pub fn connect_to(self, ticket: &SessionTicket) -> Result<(PsSession, Vec<Invocation>)> {
        let (session, running) = wait(self.0.connect_to(ticket))?;
        Ok((PsSession(session), running.into_iter().map(Invocation::new).collect()))
    }

    /// The shells that the host has for this user at this endpoint.
    ///
    /// # Errors
    /// As [`crate::PsSessionBuilder::find`] says, and the caller is in an async runtime.
    pub fn find(self) -> Result<Vec<FoundSession>> {
        wait(self.0.find())
    }
}

/// A PowerShell session on a remote computer: [`crate::PsSession`]. Dropping it closes it in the background,
/// which a program that ends at once does not wait for: [`close`](Self::close) does.
pub struct PsSession(crate::PsSession);

impl PsSession {
    /// A session on a computer.
    pub fn builder(computer: &str) -> PsSessionBuilder {
        PsSessionBuilder(crate::PsSession::builder(computer))
    }

    /// A session with a program that speaks PowerShell's out-of-process framing: see [`crate::PsSession::process`].
    pub fn process(command: ProcessCommand) -> PsSessionBuilder {
        PsSessionBuilder(crate::PsSession::process(command))
    }

    /// A session like this one, to be opened: see [`crate::PsSession::another`].
    pub fn another(&self) -> PsSessionBuilder {
        PsSessionBuilder(self.0.another())
    }

    /// The session's number in this process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The computer it is on, as the caller named it.
    pub fn computer_name(&self) -> &str {
        self.0.computer_name()
    }

    /// The endpoint.
    pub fn configuration_name(&self) -> &str {
        self.0.configuration_name()
    }

    /// The id of the runspace pool, which is that of the shell.
    pub fn instance_id(&self) -> Uuid {
        self.0.instance_id()
    }

    /// The state.
    pub fn state(&self) -> SessionState {
        self.0.state()
    }

    /// Whether a pipeline would run at once, as far as this client knows.
    pub fn availability(&self) -> Availability {
        self.0.availability()
    }

    /// What went over the wire until now.
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    /// Starts a pipeline without input. It starts at once, before anything is read from it.
    pub fn invoke(&self, pipeline: impl Into<CreatePipeline>) -> Invocation {
        Invocation::new(self.0.invoke(pipeline))
    }

    /// Starts a script, which an endpoint without the full language refuses.
    pub fn invoke_script(&self, script: &str) -> Invocation {
        Invocation::new(self.0.invoke_script(script))
    }

    /// Starts a pipeline without input, with options.
    pub fn invoke_with(&self, pipeline: impl Into<CreatePipeline>, options: &InvokeOptions) -> Invocation {
        Invocation::new(self.0.invoke_with(pipeline, options))
    }

    /// Starts a pipeline with input: its commands see the objects as they are sent. A host whose output nobody
    /// reads stops to take input: send much of it from a thread of its own.
    pub fn invoke_with_input(&self, pipeline: impl Into<CreatePipeline>) -> (PipelineInput, Invocation) {
        let (input, running) = self.0.invoke_with_input(pipeline);
        (PipelineInput(input), Invocation::new(running))
    }

    /// The value that stands for a secret among parameters and input: [`crate::PsSession::protect`].
    ///
    /// # Errors
    /// As that says.
    pub fn protect(&self, secret: &Secret) -> Result<PsValue> {
        self.0.protect(secret)
    }

    /// The same as a `PSCredential`.
    ///
    /// # Errors
    /// As [`crate::PsSession::protect_credential`] says.
    pub fn protect_credential(&self, user_name: &str, password: &Secret) -> Result<PsValue> {
        self.0.protect_credential(user_name, password)
    }

    /// The secret in a value that came from this session.
    ///
    /// # Errors
    /// As [`crate::PsSession::reveal`] says, and the caller is in an async runtime.
    pub fn reveal(&self, value: &PsValue) -> Result<Secret> {
        wait(self.0.reveal(value))
    }

    /// Leaves the session, which lives on at the host.
    ///
    /// # Errors
    /// As [`crate::PsSession::disconnect`] says, and the caller is in an async runtime.
    pub fn disconnect(&self, options: DisconnectOptions) -> Result<()> {
        wait(self.0.disconnect(options))
    }

    /// Comes back to the session that this client left, and to its pipelines.
    ///
    /// # Errors
    /// As [`crate::PsSession::reconnect`] says, and the caller is in an async runtime.
    pub fn reconnect(&self) -> Result<()> {
        wait(self.0.reconnect())
    }

    /// What another client needs to come to this session once it is disconnected.
    pub fn ticket(&self) -> SessionTicket {
        self.0.ticket()
    }

    /// Ends the pipelines and closes the session on the host.
    ///
    /// # Errors
    /// As [`crate::PsSession::close`] says, and the caller is in an async runtime.
    pub fn close(self) -> Result<()> {
        wait(self.0.close())
    }
}

/// A running pipeline: what it says, in order. Dropping it ends the pipeline.
pub struct Invocation {
    running: crate::Invocation,
    is_over: bool,
}

impl Invocation {
    fn new(running: crate::Invocation) -> Self {
        Self { running, is_over: false }
    }

    /// The pipeline's id.
    pub fn id(&self) -> Uuid {
        self.running.id()
    }

    /// Waits until the host has the pipeline, or it could not be started.
    ///
    /// # Errors
    /// It was not started, or the caller is in an async runtime.
    pub fn started(&self) -> Result<()> {
        wait(self.running.started())
    }

    /// Stops the pipeline. It goes on to tell what it has to say and ends as stopped.
    ///
    /// # Errors
    /// The host was not reached or refused, or the caller is in an async runtime.
    pub fn stop(&self) -> Result<()> {
        wait(self.running.stop())
    }

    /// What stops the pipeline from an async task.
    pub fn stopper(&self) -> Stopper {
        self.running.stopper()
    }

    /// Collects everything until the pipeline ends.
    ///
    /// # Errors
    /// As [`crate::Invocation::collect`] says, and the caller is in an async runtime.
    pub fn collect(self) -> Result<Collected> {
        wait(self.running.collect())
    }
}

impl Iterator for Invocation {
    type Item = Result<PipelineEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.is_over, self.running.next())
    }
}

/// The input of a running pipeline. Dropping it ends the input.
pub struct PipelineInput(crate::PipelineInput);

impl PipelineInput {
    /// Gives the pipeline one object, waiting for room.
    ///
    /// # Errors
    /// As [`crate::PipelineInput::send`] says, and the caller is in an async runtime.
    pub fn send(&mut self, object: PsValue) -> Result<()> {
        wait(self.0.send(object))
    }

    /// Ends the input and waits until the host has all of it.
    ///
    /// # Errors
    /// As [`crate::PipelineInput::close`] says, and the caller is in an async runtime.
    pub fn close(self) -> Result<()> {
        wait(self.0.close())
    }
}
