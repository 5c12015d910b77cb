//! How a host is set up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use windlass_auth::kerberos::Keytab;
use windlass_auth::{Accounts, BindingPolicy};
use windlass_core::Secret;

use crate::auth::{Authentication, Certificates};
use crate::cim::{CimProvider, FactsProvider};
use crate::endpoint::Account;
use crate::files::Files;
use crate::powershell::{Cmdlet, Commands, copying};
use crate::rpc::{EchoService, RpcService};
use crate::{Error, MockHost, Scenario, Trouble};

/// Limits on what clients may have and send.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostLimits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Shells of one user at once.
    pub shells_per_user: usize,
    /// Commands of one shell at once.
    pub commands_per_shell: usize,
    /// Operations of one user under way at once, those that end something not counted.
    pub operations_per_user: usize,
    /// Enumerations of one user at once.
    pub enumerations_per_user: usize,
    /// Subscriptions of one user at once.
    pub subscriptions_per_user: usize,
    /// Sinks over DCOM of one user at once, into which the host delivers results.
    pub sinks_per_user: usize,
    /// How long one call to a sink may take before the operation is given up: whoever reads slowly answers late.
    pub sink_timeout: Duration,
    /// Bytes of one request, and the most that one answer may have.
    pub envelope: usize,
    /// Bytes of one PSRP message.
    pub object: usize,
    /// Bytes that one pipeline takes in all.
    pub data_per_command: u64,
    /// Bytes of output that wait for the client before a command is held up.
    pub buffered_output: usize,
    /// How long an operation may take where the client does not say.
    pub operation_timeout: Duration,
    /// How long a shell may be idle where the client does not say.
    pub idle_timeout: Duration,
    /// The shortest idle time-out that a client may ask for.
    pub min_idle_timeout: Duration,
    /// The longest idle time-out that a client may ask for.
    pub max_idle_timeout: Duration,
    /// How long the client of a shell may be silent before the shell counts as disconnected.
    pub keep_alive: Duration,
    /// How long an enumeration, or a subscription that does not expire, lives without a pull.
    pub enumeration_timeout: Duration,
    /// How long a request that has begun may take to arrive.
    pub request_timeout: Duration,
    /// How long a connection may be silent between requests.
    pub connection_timeout: Duration,
    /// How long a connection may take to its first request that is served: the TLS handshake not counted.
    pub logon_timeout: Duration,
    /// Failed logons on one connection before it is closed.
    pub failed_logons: u32,
    /// How long the answer to a failed logon is held back. Each further failure from the same address
    /// doubles it, up to five seconds.
    pub failed_logon_delay: Duration,
}

impl Default for HostLimits {
    /// The values of Windows where it has them.
    fn default() -> Self {
        Self {
            connections: 1000,
            shells_per_user: 25,
            commands_per_shell: 1000,
            operations_per_user: 1500,
            enumerations_per_user: 100,
            subscriptions_per_user: 100,
            sinks_per_user: 100,
            sink_timeout: Duration::from_secs(300),
            envelope: 512_000,
            object: 200 * 1024 * 1024,
            data_per_command: u64::MAX,
            buffered_output: 2 * 1024 * 1024,
            operation_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(7200),
            min_idle_timeout: Duration::from_secs(60),
            max_idle_timeout: Duration::from_secs(2_147_483),
            keep_alive: Duration::from_secs(240),
            enumeration_timeout: Duration::from_secs(600),
            request_timeout: Duration::from_secs(60),
            connection_timeout: Duration::from_secs(900),
            logon_timeout: Duration::from_secs(60),
            failed_logons: 10,
            failed_logon_delay: Duration::from_millis(50),
        }
    }
}

/// An endpoint that is a program which speaks PowerShell's out-of-process framing on its standard
/// streams, such as `pwsh -s -NoLogo`. Each shell gets a process of its own. Variables of the host's environment that
/// begin with `WINDLASS_` are kept from it, as they may hold passwords.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Endpoint {
    /// The name of the configuration that clients ask for.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The account that it runs as, where this is not the host's own.
    pub run_as: Option<Account>,
}

impl Endpoint {
    /// An endpoint with a program that runs as the host's own user.
    pub fn new(name: &str, program: impl Into<PathBuf>) -> Self {
        Self { name: name.to_owned(), program: program.into(), arguments: Vec::new(), run_as: None }
    }

    /// With one more argument for the program.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a program that runs as this account (Unix), in its home directory and with little of the host's
    /// environment: `PATH`, `TZ`, `LANG` and `LC_*`. Where the host may not do so, as it is not root's, shells are
    /// refused.
    #[must_use]
    pub fn run_as(mut self, account: Account) -> Self {
        self.run_as = Some(account);
        self
    }
}

/// What a host is made of.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) accounts: Accounts,
    pub(crate) keytab: Option<Arc<Keytab>>,
    pub(crate) ntlm_auth: Option<Vec<String>>,
    pub(crate) authentication: Authentication,
    pub(crate) certificates: Certificates,
    pub(crate) binding_policy: BindingPolicy,
    pub(crate) allow_unencrypted: bool,
    pub(crate) allow_exec: bool,
    pub(crate) limits: HostLimits,
    pub(crate) computer: String,
    pub(crate) commands: Commands,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) files: Option<Arc<Files>>,
    pub(crate) configurations: Vec<String>,
    pub(crate) url_prefixes: Vec<String>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) record: Option<PathBuf>,
    pub(crate) replay: Option<PathBuf>,
    pub(crate) providers: Vec<Arc<dyn CimProvider>>,
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    pub(crate) rpc: Option<String>,
    pub(crate) rpc_services: Vec<Arc<dyn RpcService>>,
    pub(crate) certificate_path: Option<PathBuf>,
}

/// Sets a host up.
#[derive(Clone)]
#[must_use]
pub struct MockHostBuilder {
    pub(crate) config: Config,
}

impl Default for MockHostBuilder {
    fn default() -> Self {
        let facts = crate::facts::Facts::default();
        Self {
            config: Config {
                accounts: Accounts::new(),
                keytab: None,
                ntlm_auth: None,
                authentication: Authentication::default(),
                certificates: Certificates::default(),
                binding_policy: BindingPolicy::default(),
                allow_unencrypted: false,
                allow_exec: false,
                limits: HostLimits::default(),
                computer: facts.host_name(),
                commands: Commands::built_in(),
                scenario: Arc::default(),
                files: None,
                configurations: Vec::new(),
                url_prefixes: Vec::new(),
                endpoints: Vec::new(),
                troubles: Vec::new(),
                record: None,
                replay: None,
                providers: vec![Arc::new(FactsProvider)],
                http: None,
                https: None,
                rpc: None,
                rpc_services: vec![Arc::new(EchoService)],
                certificate_path: None,
            },
        }
    }
}

impl MockHostBuilder {
    /// Adds a user who may log on.
    pub fn user(mut self, name: &str, password: impl Into<Secret>) -> Self {
        self.config.accounts.insert(name, password);
        self
    }

    /// Which mechanisms clients may log on with.
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.config.authentication = authentication;
        self
    }

    /// The keys of the host's services, with which clients can log on with Kerberos.
    pub fn keytab(mut self, keytab: Keytab) -> Self {
        self.config.keytab = Some(Arc::new(keytab));
        self
    }

    /// Asks a domain about users that the host does not know: through this program, which is Samba's
    /// `ntlm_auth --helper-protocol=ntlm-server-1` or speaks as it does.
    pub fn ntlm_auth(mut self, command: impl IntoIterator<Item = String>) -> Self {
        self.config.ntlm_auth = Some(command.into_iter().collect());
        self
    }

    /// Lets a user log on over HTTPS with this certificate, in PEM; it need not be anybody's but the
    /// user's own.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn client_certificate(mut self, user: &str, pem: &[u8]) -> Result<Self, Error> {
        self.config.certificates.pin(user, pem)?;
        Ok(self)
    }

    /// Lets users log on over HTTPS with certificates of this authority, in PEM, which hold `user@anything`
    /// as their principal name.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn client_authority(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.config.certificates.trust(pem)?;
        Ok(self)
    }

    /// What is demanded of the channel bindings of clients over HTTPS.
    pub fn binding_policy(mut self, policy: BindingPolicy) -> Self {
        self.config.binding_policy = policy;
        self
    }

    /// Whether messages may travel readable over plain HTTP.
    pub fn allow_unencrypted(mut self, allow: bool) -> Self {
        self.config.allow_unencrypted = allow;
        self
    }

    /// Whether clients may run programs. Without it, the commands of the PowerShell endpoints read only files
    /// whose own permissions let everybody read them, wherever they lie, and those of [`files`](Self::files).
    pub fn allow_exec(mut self, allow: bool) -> Self {
        self.config.allow_exec = allow;
        self
    }

    /// Listens for HTTP on this address; port 0 takes any free one.
    pub fn http(mut self, address: impl Into<String>) -> Self {
        self.config.http = Some(address.into());
        self
    }

    /// Listens for HTTPS on this address; port 0 takes any free one.
    pub fn https(mut self, address: impl Into<String>) -> Self {
        self.config.https = Some(address.into());
        self
    }

    /// Listens for RPC on this address; port 0 takes any free one, clients expect the endpoint mapper on
    /// port 135.
    pub fn rpc(mut self, address: impl Into<String>) -> Self {
        self.config.rpc = Some(address.into());
        self
    }

    /// Adds interfaces that are served over RPC.
    pub fn rpc_service(mut self, service: Arc<dyn RpcService>) -> Self {
        self.config.rpc_services.push(service);
        self
    }

    /// Writes the certificate of the HTTPS listener into this file, for clients to trust.
    pub fn certificate_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.certificate_path = Some(path.into());
        self
    }

    /// Limits on what clients may have and send.
    pub fn limits(mut self, limits: HostLimits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The name that the computer goes by.
    pub fn computer_name(mut self, name: &str) -> Self {
        self.config.computer = name.to_owned();
        self
    }

    /// Adds a command to the PowerShell endpoints, or replaces one.
    pub fn command(mut self, command: Arc<dyn Cmdlet>) -> Self {
        self.config.commands.add(command);
        self
    }

    /// Leaves only these commands in the PowerShell endpoints.
    pub fn only_commands(mut self, keep: impl FnMut(&str) -> bool) -> Self {
        self.config.commands.retain(keep);
        self
    }

    /// Answers certain scripts in the PowerShell endpoints as this scenario says; all else runs as usual.
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.config.scenario = Arc::new(scenario);
        self
    }

    /// Lets clients of the PowerShell endpoints copy files to and from this directory, and nowhere else: with
    /// the functions that PowerShell's `Copy-Item` calls, and with a command that takes and gives streams. The
    /// directory is their drive `User:`, where `Get-ChildItem`, `Get-Item` and `Get-Content` read, too.
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn files(mut self, directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let path = || directory.display().to_string();
        let files = Files::open(directory).map_err(|source| Error::Files { path: path(), source })?;
        let files = Arc::new(files);
        for command in copying::all(&files) {
            self.config.commands.add(command);
        }
        self.config.files = Some(files);
        Ok(self)
    }

    /// Serves at another path, too (`-ApplicationName`).
    pub fn url_prefix(mut self, path: &str) -> Self {
        self.config.url_prefixes.push(path.to_owned());
        self
    }

    /// Offers the PowerShell endpoint under another name, too (`-ConfigurationName`).
    pub fn configuration(mut self, name: &str) -> Self {
        self.config.configurations.push(name.to_owned());
        self
    }

    /// Puts a program behind an endpoint; one of the same name is replaced, also the host's own.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.config.endpoints.retain(|known| !known.name.eq_ignore_ascii_case(&endpoint.name));
        self.config.endpoints.push(endpoint);
        self
    }

    /// Writes every message over WS-Management and its answer into a file in this folder. What clients
    /// send stands in it as it was before sealing, texts of scripts and environments included.
    pub fn record(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.record = Some(folder.into());
        self
    }

    /// Answers from the recordings in this folder, in their order, and runs nothing. Ids that clients choose
    /// take the place of the recorded ones.
    pub fn replay(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.replay = Some(folder.into());
        self
    }

    /// Makes trouble for certain messages, to test clients.
    pub fn trouble(mut self, trouble: Trouble) -> Self {
        self.config.troubles.push(trouble);
        self
    }

    /// Adds a source of CIM objects.
    pub fn provider(mut self, provider: Arc<dyn CimProvider>) -> Self {
        self.config.providers.push(provider);
        self
    }

    /// Starts to listen.
    ///
    /// # Errors
    /// When an address cannot be listened on, or the certificate cannot be made or written.
    pub async fn start(self) -> Result<MockHost, Error> {
        MockHost::start(self.config).await
    }
}
