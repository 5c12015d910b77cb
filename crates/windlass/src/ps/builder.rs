//! Opening a PowerShell session.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::host::HostInfo;
use windlass_psrp::payload::primitive_dictionary;
use windlass_psrp::{ApartmentState, ClientLimits, ClientPool, PoolOptions, ProtocolVersion, ThreadOptions};
use windlass_soap::OptionSet;
use windlass_wsman::client::guid;
use windlass_wsman::{BufferMode, Shell, uri};

use super::host::Host;
use super::machine::Machine;
use super::session::PsSession;
use super::shared::Shared;
use crate::Target;
use crate::error::{Error, Layer, Result};
use crate::options::WsmanOptions;
use crate::shell::RemoteShell;
use crate::target::target_setters;
use crate::tasks::Tasks;

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
    /// Ask for a token of an interactive logon (`-EnableNetworkAccess`), on loopback only.
    pub enable_network_access: bool,
    /// What scripts find in `$PSSenderInfo.ApplicationArguments`.
    pub application_arguments: Vec<(String, PsValue)>,
    /// Fewest and most runspaces: how many pipelines run at once.
    pub runspaces: (i32, i32),
    /// Which threads run pipelines.
    pub thread_options: ThreadOptions,
    /// Their COM apartment.
    pub apartment_state: ApartmentState,
    /// The version of the remoting protocol that is offered.
    pub protocol_version: ProtocolVersion,
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
            protocol_version: ProtocolVersion::V2_3,
            park_after: Duration::from_secs(2),
        }
    }
}

/// The parameters of a new PowerShell session (`New-PSSession`).
#[derive(Clone)]
pub struct PsSessionBuilder {
    target: Target,
    configuration: String,
    name: Option<String>,
    options: PsSessionOptions,
    host: Option<Arc<dyn Host>>,
}

impl PsSessionBuilder {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            configuration: "Microsoft.PowerShell".to_owned(),
            name: None,
            options: PsSessionOptions::default(),
            host: None,
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

    /// Opens the session.
    ///
    /// # Errors
    /// Parameters that do not fit, a host that is not reached, or a fault. A session that was opened
    /// for a caller who left in the meantime is closed again.
    pub async fn connect(self) -> Result<PsSession> {
        self.check()?;
        let tasks = Tasks::current()?;
        let name = self.name.clone();
        let computer = self.target.computer_name().to_owned();
        let configuration = configuration_name(&self.configuration).to_owned();
        let work_tasks = tasks.clone();
        let opened = tasks
            .carry_through(async move { self.open(work_tasks).await }, |opened| async move {
                if let Ok(shared) = opened {
                    shared.close().await.ok();
                }
            })
            .await;
        let shared = opened.map_err(|error| error.while_doing("opening a session"))?;
        shared.park_later();
        Ok(PsSession::new(shared, name, computer, configuration))
    }

    fn check(&self) -> Result<()> {
        if self.options.idle_timeout.is_some_and(|timeout| timeout < MIN_IDLE_TIMEOUT) {
            return Err(Error::usage("an idle time-out is at least 60 seconds"));
        }
        let (min, max) = self.options.runspaces;
        if min < 1 || max < min {
            return Err(Error::usage(format!("a session cannot have from {min} to {max} runspaces")));
        }
        Ok(())
    }

    /// Opens the session, again where the host was busy or not there.
    async fn open(self, tasks: Tasks) -> Result<Arc<Shared>> {
        let mut retries = self.options.max_connection_retry_count;
        let mut pause = Duration::from_millis(250);
        loop {
            match self.open_once(tasks.clone()).await {
                Err(error) if retries > 0 && is_worth_retry(&error) => {
                    tracing::debug!(%error, "opening the session is tried again");
                    retries -= 1;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                outcome => return outcome,
            }
        }
    }

    async fn open_once(&self, tasks: Tasks) -> Result<Arc<Shared>> {
        let pool = self.target.pool(self.options.wsman.open_timeout)?;
        let client = Arc::new(self.options.wsman.client(pool));
        let id = Uuid::new_v4();
        let host = client.host().to_owned();
        let protocol = |error: windlass_psrp::PsrpError| Error::protocol(Layer::Psrp, &host, error);

        let resource_uri = uri::powershell(&self.configuration);
        let options = self.shell_options();
        let session = client.session();
        let envelope = usize::try_from(session.max_envelope_size).unwrap_or(usize::MAX);
        let mut psrp = ClientPool::new(self.pool_options(id));
        let room = session.create_capacity(&resource_uri, &options, envelope);
        let fragments = psrp.creation_fragments(room).map_err(protocol)?;

        let mut shell = Shell::powershell(guid(id), &fragments);
        shell.name.clone_from(&self.name);
        shell.idle_timeout = self.options.idle_timeout;
        shell.buffer_mode = self.options.output_buffering;
        let shell = RemoteShell::open(Arc::clone(&client), &resource_uri, shell, options).await?;
        let shared = Arc::new(Shared::new(
            shell,
            tasks,
            Machine::new(psrp),
            self.host.clone(),
            self.options.wsman.cancel_timeout,
            self.options.park_after,
        ));
        match Self::finish_opening(&shared).await {
            Ok(()) => Ok(shared),
            Err(error) => {
                shared.close().await.ok();
                Err(error)
            }
        }
    }

    /// What did not fit the Create, and the negotiation.
    async fn finish_opening(shared: &Arc<Shared>) -> Result<()> {
        shared.flush().await?;
        shared.wait_open().await
    }

    fn pool_options(&self, id: Uuid) -> PoolOptions {
        let options = &self.options;
        let arguments = options.application_arguments.iter();
        PoolOptions {
            id,
            min_runspaces: options.runspaces.0,
            max_runspaces: options.runspaces.1,
            thread_options: options.thread_options,
            apartment_state: options.apartment_state,
            host_info: self.host.as_ref().map_or_else(HostInfo::none, |host| host.info()),
            application_arguments: match options.application_arguments.is_empty() {
                true => PsValue::Null,
                false => primitive_dictionary(arguments.map(|(name, value)| (name.clone(), value.clone()))),
            },
            protocol_version: options.protocol_version,
            transport_encrypts: self.target.encrypts(),
            limits: ClientLimits {
                object: options.max_received_object_size,
                pipeline: options.max_received_data_size_per_command.unwrap_or(u64::MAX),
                ..ClientLimits::default()
            },
            ..PoolOptions::default()
        }
    }

    fn shell_options(&self) -> OptionSet {
        let mut options = OptionSet::new();
        options.push("protocolversion", self.options.protocol_version.to_string(), true);
        if self.options.no_machine_profile {
            options.push("WINRS_NOPROFILE", "1", false);
        }
        if self.options.enable_network_access {
            options.push("USE_INTERACTIVE_TOKEN", "1", false);
        }
        options
    }
}

/// Failures of Create that a short wait may cure. One that may have been carried out is not repeated.
fn is_worth_retry(error: &Error) -> bool {
    error.is_retryable() && error.fault().is_some()
}

/// The name of an endpoint without the prefix of its URI.
fn configuration_name(configuration: &str) -> &str {
    uri::powershell_configuration(configuration).unwrap_or(configuration)
}
