//! Shells: what a client opens, runs commands in and deletes.

mod registry;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use windlass_auth::Principal;
use windlass_wsman::{
    CommandInfo, CommandLine, Fault, FaultCode, OptionSet, RunState, ShellInfo, SignalCode,
};

pub(crate) use registry::{Shells, expire};

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
    pub(crate) input_streams: Vec<String>,
    pub(crate) output_streams: Vec<String>,
    pub(crate) locale: Option<String>,
    pub(crate) data_locale: Option<String>,
    pub(crate) confidential: bool,
}

/// A shell.
pub(crate) struct Shell {
    opening: Opening,
    owner: Principal,
    client: String,
    opened: Instant,
    last_used: Mutex<Instant>,
    operations: AtomicUsize,
    body: Body,
}

enum Body {
    Cmd(CmdShell),
    PowerShell(Arc<PoolShell>),
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
    fn new(host: &Arc<Host>, opening: Opening, caller: &Caller) -> Self {
        let body = match opening.kind {
            Kind::Cmd => Body::Cmd(CmdShell::new(host, &opening)),
            Kind::PowerShell => Body::PowerShell(PoolShell::new(host, &opening, &caller.user)),
        };
        let now = Instant::now();
        Self {
            opening,
            owner: caller.user.clone(),
            client: caller.peer.clone(),
            opened: now,
            last_used: Mutex::new(now),
            operations: AtomicUsize::new(0),
            body,
        }
    }

    /// The id.
    pub(crate) fn id(&self) -> &str {
        &self.opening.id
    }

    /// Whether it is this user's.
    pub(crate) fn is_owned_by(&self, user: &Principal) -> bool {
        self.owner.user.eq_ignore_ascii_case(&user.user)
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
            && now.duration_since(self.last_used()) > self.opening.idle_timeout
    }

    fn last_used(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many commands it has that were not terminated.
    pub(crate) fn commands(&self) -> usize {
        match &self.body {
            Body::Cmd(shell) => shell.commands(),
            Body::PowerShell(shell) => shell.commands(),
        }
    }

    /// Its commands as they are listed.
    pub(crate) fn command_list(&self) -> Vec<CommandInfo> {
        let commands = match &self.body {
            Body::Cmd(shell) => shell.list(),
            Body::PowerShell(shell) => shell.list(),
        };
        let described = commands.into_iter().map(|(id, line, state)| CommandInfo {
            shell_id: Some(self.opening.id.clone()),
            command_id: Some(id),
            command_line: Some(line),
            state: Some(state.to_owned()),
        });
        described.collect()
    }

    /// What it says about itself.
    pub(crate) fn info(&self) -> ShellInfo {
        let Opening { id, resource_uri, name, idle_timeout, locale, data_locale, .. } = &self.opening;
        ShellInfo {
            shell_id: Some(id.clone()),
            name: name.clone(),
            resource_uri: Some(resource_uri.clone()),
            owner: Some(self.owner.to_string()),
            client_ip: self.client.parse::<IpAddr>().ok().map(|address| address.to_string()),
            process_id: Some(std::process::id()),
            idle_timeout: Some(*idle_timeout),
            max_idle_timeout: Some(Duration::from_secs(2_147_483)),
            input_streams: self.opening.input_streams.clone(),
            output_streams: self.opening.output_streams.clone(),
            locale: locale.clone(),
            data_locale: data_locale.clone(),
            compression_mode: Some("NoCompression".to_owned()),
            profile_loaded: Some("No".to_owned()),
            encoding: Some("UTF8".to_owned()),
            buffer_mode: Some("Block".to_owned()),
            state: Some("Connected".to_owned()),
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
        match &self.body {
            Body::Cmd(shell) => shell.start(id, command, options),
            Body::PowerShell(shell) => shell.start(id, command, caller).await,
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
        match &self.body {
            Body::Cmd(shell) => shell.send(command, stream, data, end, caller).await,
            Body::PowerShell(shell) => shell.send(command, stream, &data, caller).await,
        }
    }

    /// Waits for output of a command, or of the shell itself.
    pub(crate) async fn receive(
        &self,
        command: Option<&str>,
        streams: &[String],
        caller: &Caller,
    ) -> Result<Received, Box<Fault>> {
        match &self.body {
            Body::Cmd(shell) => shell.receive(command, streams, caller).await,
            Body::PowerShell(shell) => shell.receive(command, streams, caller).await,
        }
    }

    /// Signals a command, or the shell itself.
    pub(crate) fn signal(&self, command: Option<&str>, code: &SignalCode) -> Result<(), Box<Fault>> {
        match &self.body {
            Body::Cmd(shell) => shell.signal(command, code),
            Body::PowerShell(shell) => shell.signal(command, code),
        }
    }

    /// Ends all commands.
    pub(crate) fn close(&self) {
        match &self.body {
            Body::Cmd(shell) => shell.close(),
            Body::PowerShell(shell) => shell.close(),
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.operations.fetch_sub(1, Ordering::AcqRel);
    }
}
