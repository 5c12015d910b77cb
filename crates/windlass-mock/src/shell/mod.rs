//! Shells: what a client opens, runs commands in and deletes.

mod answered;
mod packing;
mod presence;
pub(crate) mod psrp;
mod registry;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use windlass_auth::Principal;
use windlass_wsman::{
    BufferMode, CommandInfo, CommandLine, Connect, ConnectResponse, Disconnect, Fault, FaultCode, OptionSet,
    Payload, Reconnect, RunState, ShellInfo, SignalCode,
};

pub(crate) use answered::{Answered, Ask, Known};
use packing::Packing;
pub(crate) use presence::Presence;
pub(crate) use registry::{Shells, expire};

use crate::config::HostLimits;
use crate::endpoint::ProgramShell;
use crate::exec::CmdShell;
use crate::host::Host;
use crate::powershell::PoolShell;
use crate::wsman::Caller;

/// What kind of shell is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Programs.
    Cmd,
    /// PowerShell pipelines.
    PowerShell,
    /// The program of the endpoint at this place.
    Program(usize),
}

/// What a client says when it opens a shell.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) id: String,
    pub(crate) resource_uri: String,
    pub(crate) kind: Kind,
    pub(crate) name: Option<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) working_directory: Option<String>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) idle_timeout: Duration,
    pub(crate) buffer_mode: Option<BufferMode>,
    pub(crate) input_streams: Vec<String>,
    pub(crate) output_streams: Vec<String>,
    pub(crate) locale: Option<String>,
    pub(crate) data_locale: Option<String>,
    pub(crate) confidential: bool,
    /// Whether streams are compressed.
    pub(crate) compressed: bool,
}

/// A shell.
pub(crate) struct Shell {
    opening: Opening,
    user: Principal,
    /// The account that it belongs to.
    owner: String,
    client: String,
    opened: Instant,
    last_used: Mutex<Instant>,
    operations: AtomicUsize,
    presence: Arc<Presence>,
    max_idle_timeout: Duration,
    /// The output that was sent last, should it have been lost.
    pub(crate) answered: Answered,
    pub(crate) packing: Packing,
    body: Body,
}

enum Body {
    Cmd(CmdShell),
    PowerShell(Arc<PoolShell>),
    Program(Arc<ProgramShell>),
}

/// Marks the shell as in use, so that it does not expire.
pub(crate) struct Busy<'s>(&'s Shell);

/// Output for one Receive.
pub(crate) struct Received {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) state: RunState,
    pub(crate) exit_code: Option<i32>,
}

/// A piece of one stream.
pub(crate) struct Piece {
    pub(crate) stream: &'static str,
    pub(crate) data: Vec<u8>,
    pub(crate) end: bool,
}

impl Shell {
    fn new(host: &Arc<Host>, opening: Opening, caller: &Caller) -> Option<Self> {
        let presence = Arc::new(Presence::new(opening.idle_timeout, opening.buffer_mode));
        let body = match opening.kind {
            Kind::Cmd => Body::Cmd(CmdShell::new(host, &opening, &presence)),
            Kind::PowerShell => Body::PowerShell(PoolShell::new(host, &opening, &caller.user, &presence)),
            Kind::Program(place) => {
                Body::Program(ProgramShell::new(host, host.config.endpoints.get(place)?, &presence))
            }
        };
        let now = Instant::now();
        Some(Self {
            opening,
            user: caller.user.clone(),
            owner: caller.owner.clone(),
            client: caller.peer.clone(),
            opened: now,
            last_used: Mutex::new(now),
            operations: AtomicUsize::new(0),
            presence,
            max_idle_timeout: host.config.limits.max_idle_timeout,
            answered: Answered::default(),
            packing: Packing::default(),
            body,
        })
    }

    /// The id.
    pub(crate) fn id(&self) -> &str {
        &self.opening.id
    }

    /// Whether its streams are compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.opening.compressed
    }

    /// Whether it belongs to this account.
    pub(crate) fn is_owned_by(&self, owner: &str) -> bool {
        self.owner == owner
    }

    /// Marks it as in use for as long as the result lives.
    pub(crate) fn busy(&self) -> Busy<'_> {
        self.operations.fetch_add(1, Ordering::AcqRel);
        Busy(self)
    }

    /// Whether it has been idle, or alive, for longer than it may.
    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        if self.opening.lifetime.is_some_and(|lifetime| now.duration_since(self.opened) > lifetime) {
            return true;
        }
        self.operations.load(Ordering::Acquire) == 0
            && now.duration_since(self.last_used()) > self.presence.idle_timeout()
    }

    /// Leaves a shell whose client has not been heard of for that long, so that another can connect.
    pub(crate) fn leave_if_silent(&self, now: Instant, keep_alive: Duration) {
        if self.presence.is_connected()
            && self.operations.load(Ordering::Acquire) == 0
            && now.duration_since(self.last_used()) > keep_alive
        {
            tracing::debug!(shell = self.id(), "the client of a shell is gone");
            self.leave(None, None);
        }
    }

    fn last_used(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many commands it has that were not terminated.
    pub(crate) fn commands(&self) -> usize {
        match &self.body {
            Body::Cmd(shell) => shell.commands(),
            Body::PowerShell(shell) => shell.commands(),
            Body::Program(shell) => shell.commands(),
        }
    }

    /// Id, line and state of each command.
    fn list(&self) -> Vec<(String, String, &'static str)> {
        match &self.body {
            Body::Cmd(shell) => shell.list(),
            Body::PowerShell(shell) => shell.list(),
            Body::Program(shell) => shell.list(),
        }
    }

    /// Its commands as they are listed.
    pub(crate) fn command_list(&self) -> Vec<CommandInfo> {
        let described = self.list().into_iter().map(|(id, line, state)| CommandInfo {
            shell_id: Some(self.opening.id.clone()),
            command_id: Some(id),
            command_line: Some(line),
            state: Some(state.to_owned()),
        });
        described.collect()
    }

    /// What it says about itself.
    pub(crate) fn info(&self) -> ShellInfo {
        let Opening { id, resource_uri, name, locale, data_locale, .. } = &self.opening;
        let compression = if self.opening.compressed { "XpressCompression" } else { "NoCompression" };
        ShellInfo {
            shell_id: Some(id.clone()),
            name: name.clone(),
            resource_uri: Some(resource_uri.clone()),
            owner: Some(self.user.to_string()),
            client_ip: self.client.parse::<IpAddr>().ok().map(|address| address.to_string()),
            process_id: Some(std::process::id()),
            idle_timeout: Some(self.presence.idle_timeout()),
            max_idle_timeout: Some(self.max_idle_timeout),
            input_streams: self.opening.input_streams.clone(),
            output_streams: self.opening.output_streams.clone(),
            locale: locale.clone(),
            data_locale: data_locale.clone(),
            compression_mode: Some(compression.to_owned()),
            profile_loaded: Some("No".to_owned()),
            encoding: Some("UTF8".to_owned()),
            buffer_mode: Some(self.presence.buffer_mode().name().to_owned()),
            state: Some(if self.presence.is_connected() { "Connected" } else { "Disconnected" }.to_owned()),
            run_time: Some(self.opened.elapsed()),
            inactivity: Some(self.last_used().elapsed()),
            ..ShellInfo::default()
        }
    }

    /// Takes what came with the Create.
    pub(crate) fn begin(&self, creation: &[u8]) -> Result<(), Box<Fault>> {
        match &self.body {
            Body::Cmd(_) => Ok(()),
            Body::PowerShell(shell) => shell.begin(creation),
            Body::Program(shell) => shell.begin(creation.to_vec()),
        }
    }

    /// Starts a command and returns its id.
    pub(crate) async fn start_command(
        &self,
        host: &Arc<Host>,
        id: Option<String>,
        command: &CommandLine<'_>,
        options: &OptionSet,
        caller: &Caller,
    ) -> Result<String, Box<Fault>> {
        if self.commands() >= host.config.limits.commands_per_shell {
            let text = "The shell has as many commands as it may have. Terminate some.";
            return Err(Box::new(Fault::quota(FaultCode::QUOTA_MAX_OPERATIONS, text)));
        }
        self.require_connected()?;
        match &self.body {
            Body::Cmd(shell) => shell.start(id, command, options),
            Body::PowerShell(shell) => shell.start(id, command, caller).await,
            Body::Program(shell) => shell.start(id, command, caller).await,
        }
    }

    /// Takes input for a command, or for the shell itself.
    pub(crate) async fn send(
        &self,
        command: Option<&str>,
        stream: &str,
        data: Vec<u8>,
        end: bool,
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        self.require_connected()?;
        match &self.body {
            Body::Cmd(shell) => shell.send(command, stream, data, end, caller).await,
            Body::PowerShell(shell) => shell.send(command, stream, &data, caller).await,
            Body::Program(shell) => shell.send(command, stream, data, caller).await,
        }
    }

    /// Waits for output of a command, or of the shell itself.
    pub(crate) async fn receive(
        &self,
        command: Option<&str>,
        streams: &[String],
        caller: &Caller,
    ) -> Result<Received, Box<Fault>> {
        self.require_connected()?;
        if command.is_some_and(|command| self.presence.is_alone(command)) {
            return Err(Box::new(Fault::shell_disconnected()));
        }
        let received = async {
            match &self.body {
                Body::Cmd(shell) => shell.receive(command, streams, caller).await,
                Body::PowerShell(shell) => shell.receive(command, streams, caller).await,
                Body::Program(shell) => shell.receive(command, streams, caller).await,
            }
        };
        tokio::select! {
            biased;
            () = self.presence.left() => Err(Box::new(Fault::new(FaultCode::SERVICE_STREAM_DISCONNECTED))),
            received = received => received,
        }
    }

    /// Signals a command, or the shell itself.
    pub(crate) async fn signal(
        &self,
        command: Option<&str>,
        code: &SignalCode,
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        self.require_connected()?;
        match &self.body {
            Body::Cmd(shell) => shell.signal(command, code),
            Body::PowerShell(shell) => shell.signal(command, code),
            Body::Program(shell) => shell.signal(command, code, caller).await,
        }
    }

    /// The client leaves; the shell and its commands live on.
    pub(crate) fn disconnect(&self, request: &Disconnect, host: &Host) -> Result<(), Box<Fault>> {
        if !self.presence.is_connected() {
            return Err(Box::new(Fault::new(FaultCode::SHELL_DISCONNECT_OPERATION_NOT_VALID)));
        }
        check_idle_timeout(request.idle_timeout, &host.config.limits)?;
        self.leave(request.idle_timeout, request.buffer_mode);
        Ok(())
    }

    fn leave(&self, idle_timeout: Option<Duration>, buffer_mode: Option<BufferMode>) {
        self.presence.leave(self.list().into_iter().map(|(id, ..)| id), idle_timeout, buffer_mode);
        // Producers that wait for room may go on where output is dropped.
        match &self.body {
            Body::Cmd(shell) => shell.wake(),
            Body::PowerShell(shell) => shell.wake(),
            Body::Program(shell) => shell.wake(),
        }
    }

    /// The client that left comes back, to the shell or to one of its commands. A shell that the host
    /// never saw left is as good: its client lost the network and comes back.
    pub(crate) fn reconnect(&self, request: &Reconnect) -> Result<(), Box<Fault>> {
        match &request.command_id {
            None => self.presence.come(request.buffer_mode),
            Some(command) => {
                self.require_connected()?;
                self.require_command(command)?;
                self.presence.come_to(command);
            }
        }
        Ok(())
    }

    /// Another client comes, to the shell or to one of its commands.
    pub(crate) fn connect(&self, request: &Connect<'_>) -> Result<ConnectResponse<'static>, Box<Fault>> {
        if let Some(command) = &request.command_id {
            self.require_connected()?;
            self.require_command(command)?;
            if let (true, Body::PowerShell(shell)) = (self.presence.come_to(command), &self.body) {
                shell.repeat_begun(Some(command));
            }
            return Ok(ConnectResponse::default());
        }
        if self.presence.is_connected() {
            return Err(Box::new(Fault::new(FaultCode::SHELL_CONNECTED_TO_DIFFERENT_CLIENT)));
        }
        let data = match &request.connect_xml {
            Some(payload) => payload.to_vec().map_err(|error| Box::new(error.to_fault()))?,
            None if matches!(self.body, Body::Cmd(_)) => Vec::new(),
            None => {
                let text = "A runspace pool cannot be connected to without connectXml.";
                return Err(Box::new(Fault::new(FaultCode::INVALID_PARAMETER).with_message(text)));
            }
        };
        let answer = match &self.body {
            Body::Cmd(_) => None,
            Body::PowerShell(shell) => Some(shell.connect(&data)?),
            Body::Program(shell) => Some(shell.connect(&data)?),
        };
        self.presence.come(None);
        drop(self.busy());
        Ok(ConnectResponse {
            input_streams: self.opening.input_streams.clone(),
            output_streams: self.opening.output_streams.clone(),
            connect_response_xml: answer.map(|data| Payload::Bytes(data.into())),
        })
    }

    fn require_connected(&self) -> Result<(), Box<Fault>> {
        if self.presence.is_connected() { Ok(()) } else { Err(Box::new(Fault::shell_disconnected())) }
    }

    fn require_command(&self, command: &str) -> Result<(), Box<Fault>> {
        match self.list().iter().any(|(id, ..)| id == command) {
            true => Ok(()),
            false => Err(Box::new(Fault::unexpected_selectors())),
        }
    }

    /// Ends all commands.
    pub(crate) fn close(&self) {
        match &self.body {
            Body::Cmd(shell) => shell.close(),
            Body::PowerShell(shell) => shell.close(),
            Body::Program(shell) => shell.close(),
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.operations.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Refuses an idle time-out that is shorter or longer than is allowed.
pub(crate) fn check_idle_timeout(wanted: Option<Duration>, limits: &HostLimits) -> Result<(), Box<Fault>> {
    let (least, most) = (limits.min_idle_timeout, limits.max_idle_timeout);
    match wanted {
        Some(wanted) if wanted < least || wanted > most => {
            let [wanted, least, most] = [wanted, least, most].map(|time| time.as_millis());
            let text = format!(
                "The idle time-out of {wanted} ms is not between the {least} and {most} ms that are allowed."
            );
            Err(Box::new(Fault::new(FaultCode::INVALID_PARAMETER).with_message(text)))
        }
        _ => Ok(()),
    }
}
