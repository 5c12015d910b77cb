//! The parameters of a PowerShell session.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::host::HostInfo;
use windlass_psrp::payload::primitive_dictionary;
use windlass_psrp::{ApartmentState, ClientLimits, PoolOptions, ProtocolVersion, ThreadOptions};
use windlass_soap::OptionSet;
use windlass_wsman::{BufferMode, uri};

use super::host::Host;
use super::invocation::Invocation;
use super::life::SessionTicket;
use super::open::{self, FoundSession};
use super::process::ProcessCommand;
use super::session::{PsSession, next_id};
use super::shared::{Answerer, Timing};
use crate::error::{Error, Result};
use crate::options::WsmanOptions;
use crate::retry::DEFAULT_WINDOW;
use crate::target::{Target, target_setters};

/// The shortest idle time-out that hosts accept.
const MIN_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What `New-PSSessionOption` offers beside the parameters of a [`Target`] and of [`WsmanOptions`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PsSessionOptions {
    /// Time-outs, languages and sizes.
    pub wsman: WsmanOptions,
    /// How long the host keeps the session while nothing happens, at least 60 s; otherwise the host
    /// decides.
    pub idle_timeout: Option<Duration>,
    /// How often opening is tried again when the host was not reached or is busy.
    pub max_connection_retry_count: u32,
    /// The longest object that is accepted, in bytes.
    pub max_received_object_size: usize,
    /// How many bytes one pipeline may send; unlimited where absent.
    pub max_received_data_size_per_command: Option<u64>,
    /// What happens to output while the session is disconnected.
    pub output_buffering: Option<BufferMode>,
    /// Do not load the user's profile.
    pub no_machine_profile: bool,
    /// Ask for a token of an interactive logon (`-EnableNetworkAccess`). It says nothing to other computers
    /// than this one.
    pub enable_network_access: bool,
    /// What scripts find in `$PSSenderInfo.ApplicationArguments`.
    pub application_arguments: Vec<(String, PsValue)>,
    /// Fewest and most runspaces: how many pipelines run at once.
    pub runspaces: (i32, i32),
    /// Which threads run pipelines.
    pub thread_options: ThreadOptions,
    /// Their COM apartment.
    pub apartment_state: ApartmentState,
    /// The time zone that is stated, as .NET Framework serializes a System.CurrentSystemTimeZone.
    pub time_zone: Option<Arc<[u8]>>,
    /// The version of the remoting protocol that is offered.
    pub protocol_version: ProtocolVersion,
    /// How long a failed network is tried again before the session counts as disconnected; zero gives up
    /// at once.
    pub retry_window: Duration,
    /// How long a session may be open before it parks a Receive for its own messages, on a connection
    /// of its own.
    pub park_after: Duration,
}

impl Default for PsSessionOptions {
    fn default() -> Self {
        Self {
            wsman: WsmanOptions::default(),
            idle_timeout: None,
            max_connection_retry_count: 5,
            max_received_object_size: 200 << 20,
            max_received_data_size_per_command: None,
            output_buffering: None,
            no_machine_profile: false,
            enable_network_access: false,
            application_arguments: Vec::new(),
            runspaces: (1, 1),
            thread_options: ThreadOptions::Default,
            apartment_state: ApartmentState::Unknown,
            time_zone: None,
            protocol_version: ProtocolVersion::V2_3,
            retry_window: DEFAULT_WINDOW,
            park_after: Duration::from_secs(2),
        }
    }
}

/// The parameters of a new PowerShell session (`New-PSSession`).
#[derive(Clone)]
pub struct PsSessionBuilder {
    pub(super) target: Target,
    pub(super) configuration: String,
    pub(super) name: Option<String>,
    pub(super) id: Option<u32>,
    pub(super) options: PsSessionOptions,
    pub(super) host: Option<Arc<dyn Host>>,
    host_events: Option<HostInfo>,
    pub(super) process: Option<ProcessCommand>,
}

impl PsSessionBuilder {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            configuration: "Microsoft.PowerShell".to_owned(),
            name: None,
            id: None,
            options: PsSessionOptions::default(),
            host: None,
            host_events: None,
            process: None,
        }
    }

    target_setters!();

    /// The endpoint (`-ConfigurationName`), with or without the prefix of its URI.
    #[must_use]
    pub fn configuration_name(mut self, name: &str) -> Self {
        self.configuration = name.to_owned();
        self
    }

    /// The session's name; otherwise `Runspace` and its number.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Takes the session's number now: sessions that are opened side by side have theirs in the order in which
    /// they were asked for, not in that in which hosts answer.
    #[must_use]
    pub fn reserve_id(mut self) -> Self {
        self.id = Some(next_id());
        self
    }

    /// All options at once.
    #[must_use]
    pub fn options(mut self, options: PsSessionOptions) -> Self {
        self.options = options;
        self
    }

    /// How many pipelines may run at once.
    #[must_use]
    pub fn runspaces(mut self, min: i32, max: i32) -> Self {
        self.options.runspaces = (min, max);
        self
    }

    /// Who answers when a script prompts. Without a host, prompts fail.
    #[must_use]
    pub fn host(mut self, host: Arc<dyn Host>) -> Self {
        self.host = Some(host);
        self
    }

    /// Calls of the host come among the events of the pipelines that make them, as
    /// [`PipelineEvent::HostCall`](crate::PipelineEvent::HostCall): in order with what the pipelines say, and
    /// no faster than these are read. `info` is what the remote side is told about the host. Takes the place
    /// of [`host`](Self::host).
    #[must_use]
    pub fn host_events(mut self, info: HostInfo) -> Self {
        self.host_events = Some(info);
        self
    }

    /// Reaches the pool through a program instead of WS-Management.
    #[must_use]
    pub(super) fn through(mut self, command: ProcessCommand) -> Self {
        self.process = Some(command);
        self
    }

    /// Opens the session.
    ///
    /// # Errors
    /// Parameters that do not fit, a host that is not reached, or a fault. A session that was opened
    /// for a caller who left in the meantime is closed again.
    pub async fn connect(mut self) -> Result<PsSession> {
        self.check()?;
        let session_id = self.id.unwrap_or_else(next_id);
        // The host tells it to those who look for the session.
        self.name.get_or_insert_with(|| format!("Runspace{session_id}"));
        let (name, computer, configuration) = self.labels();
        let span = tracing::debug_span!("open", computer, configuration);
        let model = Arc::new(self);
        let opening = open::carried_through(|tasks| open::create(Arc::clone(&model), tasks).instrument(span));
        let shared = opening.await.map_err(|error| error.while_doing("opening a session"))?;
        Ok(PsSession::new(shared, model, name, computer, configuration, session_id))
    }

    /// Comes to a session that was left, by this client or another of the same user. Pipelines that
    /// run in it come with it.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect), and the host does not know the session, or it is in use.
    pub async fn connect_to(mut self, ticket: &SessionTicket) -> Result<(PsSession, Vec<Invocation>)> {
        self.configuration.clone_from(&ticket.configuration_name);
        self.check()?;
        let (name, computer, configuration) = self.labels();
        let session_id = self.id.unwrap_or_else(next_id);
        let id = ticket.instance_id;
        let span = tracing::debug_span!("connect", computer, configuration, session = %id);
        let model = Arc::new(self);
        let opening =
            open::carried_through(|tasks| open::join(Arc::clone(&model), tasks, id).instrument(span));
        let joined = opening.await.map_err(|error| error.while_doing("connecting to a session"))?;
        let name = name.or_else(|| Some(ticket.name.clone())).filter(|name| !name.is_empty());
        let session = PsSession::new(Arc::clone(&joined.0), model, name, computer, configuration, session_id);
        Ok((session, joined.1))
    }

    /// The shells that the host has for this user at this endpoint.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub async fn find(self) -> Result<Vec<FoundSession>> {
        self.check()?;
        open::find(&self).await.map_err(|error| error.while_doing("looking for sessions"))
    }

    fn labels(&self) -> (Option<String>, String, String) {
        let configuration = configuration_name(&self.configuration).to_owned();
        let computer = match &self.process {
            Some(command) => command.computer_name().to_owned(),
            None => self.target.computer_name().to_owned(),
        };
        (self.name.clone(), computer, configuration)
    }

    fn check(&self) -> Result<()> {
        check_idle_timeout(self.options.idle_timeout)?;
        let (min, max) = self.options.runspaces;
        if min < 1 || max < min {
            return Err(Error::usage(format!("a session cannot have from {min} to {max} runspaces")));
        }
        Ok(())
    }

    pub(super) fn resource_uri(&self) -> String {
        uri::powershell(&self.configuration)
    }

    pub(super) fn pool_options(&self, id: Uuid) -> PoolOptions {
        let options = &self.options;
        let arguments = options.application_arguments.iter();
        PoolOptions {
            id,
            min_runspaces: options.runspaces.0,
            max_runspaces: options.runspaces.1,
            thread_options: options.thread_options,
            apartment_state: options.apartment_state,
            host_info: match (&self.host_events, &self.host) {
                (Some(info), _) => info.clone(),
                (None, Some(host)) => host.info(),
                (None, None) => HostInfo::none(),
            },
            application_arguments: match options.application_arguments.is_empty() {
                true => PsValue::Null,
                false => primitive_dictionary(arguments.map(|(name, value)| (name.clone(), value.clone()))),
            },
            time_zone: options.time_zone.clone(),
            protocol_version: options.protocol_version,
            transport_encrypts: self.process.is_some() || self.target.encrypts(),
            limits: ClientLimits {
                object: options.max_received_object_size,
                pipeline: options.max_received_data_size_per_command.unwrap_or(u64::MAX),
                ..ClientLimits::default()
            },
            ..PoolOptions::default()
        }
    }

    pub(super) fn shell_options(&self) -> OptionSet {
        let mut options = OptionSet::new();
        options.push("protocolversion", self.options.protocol_version.to_string(), true);
        if self.options.no_machine_profile {
            options.push("WINRS_NOPROFILE", "1", false);
        }
        if self.target.is_this_computer() {
            let wanted = if self.options.enable_network_access { "1" } else { "0" };
            options.push("USE_INTERACTIVE_TOKEN", wanted, false);
        }
        options
    }

    /// Who answers calls of the host.
    pub(super) fn answerer(&self) -> Answerer {
        match (&self.host_events, &self.host) {
            (Some(_), _) => Answerer::Events,
            (None, Some(host)) => Answerer::Host(Arc::clone(host)),
            (None, None) => Answerer::Nobody,
        }
    }

    pub(super) fn timing(&self) -> Timing {
        Timing {
            answer_timeout: self.options.wsman.operation_timeout,
            cancel_timeout: self.options.wsman.cancel_timeout,
            park_after: self.options.park_after,
            retry_window: self.options.retry_window,
        }
    }
}

/// Refuses an idle time-out that is shorter than hosts take.
pub(super) fn check_idle_timeout(wanted: Option<Duration>) -> Result<()> {
    match wanted {
        Some(wanted) if wanted < MIN_IDLE_TIMEOUT => {
            Err(Error::usage("an idle time-out is at least 60 seconds"))
        }
        _ => Ok(()),
    }
}

/// The name of an endpoint without the prefix of its URI.
pub(super) fn configuration_name(configuration: &str) -> &str {
    uri::powershell_configuration(configuration).unwrap_or(configuration)
}
