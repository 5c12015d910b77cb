//! What the cmdlets of one process share: sessions, jobs, credentials and variables.
//!
//! Cmdlets run on a thread of their own, as the engine of `windlass-mock` asks for it; what they do over the
//! network runs on the process's runtime, and [`Local::wait`] joins the two so that Ctrl-C ends both.

mod asking;
mod cim_sessions;
mod credentials;
mod failures;
mod jobs;
mod options;
mod plain;
mod reach;
mod sessions;
mod ssh;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context as _, Result};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use windlass::Target;
use windlass::net::NameMap;
use windlass_clixml::PsValue;
use windlass_command::wildcard::Pattern;
use windlass_mock::Recorder;
use windlass_mock::powershell::{Commands, Context, Halt, LocalRunspace, Variables};

use crate::credential::{KeytabFile, Login};
use crate::exit::Exit;
use crate::failure::say;
use crate::host::LocalHost;
use crate::record::Redacting;
use crate::terminal::Terminal;

pub(crate) use asking::host_call;
pub(crate) use cim_sessions::{CimEntry, CimTable};
pub(crate) use credentials::CredentialTable;
pub(crate) use failures::{argument, of_error, remote};
pub(crate) use jobs::{Job, JobEvent, JobState, JobTable, job_value};
pub(crate) use options::{cim_options, dcom_options, ps_options, redirections, wants_dcom};
pub(crate) use plain::PlainWay;
pub(crate) use reach::{Place, Reach, Recipe, computers, credential_of, login_of, places};
pub(crate) use sessions::{SessionEntry, SessionTable, Working, found_value};
pub(crate) use ssh::{is_over_ssh, ssh_recipes};

/// The commands that need nothing of a process: made once, as the agent makes a runspace for each of its commands.
static BUILT_IN: OnceLock<Commands> = OnceLock::new();

/// The port of the resolver of RPC.
const RESOLVER_PORT: u16 = 135;

/// What holds for every connection of the process, unless a cmdlet says otherwise.
#[derive(Debug, Default, Clone)]
pub(crate) struct Defaults {
    /// Who logs on where no cmdlet names a credential.
    pub(crate) login: Option<Login>,
    /// Where names lead.
    pub(crate) names: NameMap,
    /// Where names lead over DCOM; the port is that of the resolver.
    pub(crate) rpc_names: NameMap,
    /// Certificate authorities to trust besides those of the system, in PEM.
    pub(crate) authorities: Vec<u8>,
    /// Revocation lists, in PEM.
    pub(crate) revocation_lists: Vec<u8>,
    pub(crate) no_encryption: bool,
    pub(crate) skip_ca_check: bool,
    pub(crate) skip_cn_check: bool,
    /// Whether Negotiate does without NTLM.
    pub(crate) forbid_ntlm: bool,
    /// The class of the service that Kerberos asks tickets for, where it is not HTTP.
    pub(crate) spn_class: Option<String>,
    /// Where the secrets of TLS connections are written to.
    pub(crate) tls_key_log: Option<PathBuf>,
    /// The computers that are trusted without TLS and Kerberos.
    pub(crate) trusted_hosts: Vec<String>,
    /// The folder in which the command was given, where that is not the process's own.
    pub(crate) folder: Option<PathBuf>,
    /// Passwords of users that cmdlets name.
    pub(crate) logins: Vec<Login>,
    /// Keys for Kerberos that take the place of passwords.
    pub(crate) keytab: Option<KeytabFile>,
    /// Who logs on with them where no cmdlet names a credential.
    pub(crate) keytab_user: Option<String>,
    /// Names that stand for several computers.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    /// Whether nothing is to be sent.
    pub(crate) what_if: bool,
    /// The folder where what is said is kept.
    pub(crate) record: Option<PathBuf>,
}

/// The session that lines are sent to, and whether it was opened for that alone.
struct Entered {
    entry: Arc<SessionEntry>,
    is_own: bool,
}

/// What the cmdlets share.
pub(crate) struct Local {
    pub(crate) handle: Handle,
    pub(crate) defaults: Defaults,
    pub(crate) sessions: Arc<SessionTable>,
    pub(crate) cim: Arc<CimTable>,
    pub(crate) jobs: Arc<JobTable>,
    pub(crate) credentials: Arc<CredentialTable>,
    /// Where questions of remote scripts are asked.
    pub(crate) terminal: Arc<dyn Terminal>,
    /// The session that lines are sent to.
    entered: Mutex<Option<Entered>>,
    /// A remote script wants that session to be left.
    leaving: AtomicBool,
    /// The process is asked to end.
    ending: AtomicBool,
    host: Arc<OnceCell<LocalHost>>,
    exit: Mutex<Exit>,
    /// Keeps what is said, from the first target on.
    tap: OnceLock<Arc<Redacting>>,
}

impl Local {
    /// Nothing yet.
    pub(crate) fn new(handle: Handle, defaults: Defaults, terminal: Arc<dyn Terminal>) -> Arc<Self> {
        Arc::new(Self {
            handle,
            defaults,
            sessions: Arc::default(),
            cim: Arc::default(),
            jobs: Arc::default(),
            credentials: Arc::default(),
            terminal,
            leaving: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            entered: Mutex::default(),
            host: Arc::new(OnceCell::new()),
            exit: Mutex::new(Exit::DONE),
            tap: OnceLock::new(),
        })
    }

    /// The same sessions, jobs and credentials for another command, with its own defaults and terminal.
    pub(crate) fn sharing(&self, defaults: Defaults, terminal: Arc<dyn Terminal>) -> Arc<Self> {
        Arc::new(Self {
            handle: self.handle.clone(),
            defaults,
            sessions: Arc::clone(&self.sessions),
            cim: Arc::clone(&self.cim),
            jobs: Arc::clone(&self.jobs),
            credentials: Arc::clone(&self.credentials),
            terminal,
            leaving: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            entered: Mutex::default(),
            host: Arc::clone(&self.host),
            exit: Mutex::new(Exit::DONE),
            tap: OnceLock::new(),
        })
    }

    /// A runspace with all cmdlets, which shows what it formats in so many columns.
    pub(crate) fn runspace(self: &Arc<Self>, width: usize) -> LocalRunspace {
        let mut commands = BUILT_IN.get_or_init(Commands::built_in).clone();
        crate::cmdlets::add_to(&mut commands, self);
        let weak = Arc::downgrade(self);
        let variables = Variables::refreshed_by(Box::new(move |value| weak.upgrade()?.refreshed(value)));
        LocalRunspace::new(commands, variables, width)
    }

    /// Waits for work on the network, or until the pipeline is stopped, which drops the work.
    pub(crate) fn wait<T>(&self, cx: &Context<'_>, work: impl Future<Output = T>) -> Result<T, Halt> {
        let stop = cx.runspace().stop().clone();
        self.handle.block_on(async {
            tokio::select! {
                done = work => Ok(done),
                () = stop.stopped() => Err(Halt::Stopped),
            }
        })
    }

    /// The embedded host that stands for the local computer.
    pub(crate) async fn host(&self) -> Result<&LocalHost> {
        self.host.get_or_try_init(LocalHost::start).await.context("the local host does not start")
    }

    /// Gives a target what holds for every connection.
    pub(crate) fn prepare(&self, target: &mut Target) -> Result<()> {
        let defaults = &self.defaults;
        target
            .set_names(defaults.names.clone())
            .set_allow_unencrypted(defaults.no_encryption)
            .set_skip_ca_check(defaults.skip_ca_check)
            .set_skip_cn_check(defaults.skip_cn_check)
            .set_forbid_ntlm(defaults.forbid_ntlm)
            .set_redirect_notice(Arc::new(|from, to| say(&format!("{from} sends this command on to {to}"))));
        if let Some(class) = &defaults.spn_class {
            target.set_spn_class(class);
        }
        if let Some(file) = &defaults.tls_key_log {
            target.set_key_log(file);
        }
        if !defaults.authorities.is_empty() {
            target.add_trusted_roots(&defaults.authorities).context("the file with authorities")?;
        }
        if !defaults.revocation_lists.is_empty() {
            let lists = target.add_revocation_lists(&defaults.revocation_lists);
            lists.context("the file with revocation lists")?;
        }
        if let Some(folder) = &defaults.record {
            target.set_tap(self.tap(folder)?);
        }
        Ok(())
    }

    fn tap(&self, folder: &Path) -> Result<Arc<Redacting>> {
        if let Some(tap) = self.tap.get() {
            return Ok(Arc::clone(tap));
        }
        let defaults = &self.defaults;
        let logins = defaults.login.iter().chain(&defaults.logins);
        let secrets = logins.map(|login| login.password.clone()).collect();
        let recorder = Recorder::new(folder).context("--record")?;
        let tap = Arc::new(Redacting::new(recorder, secrets, Arc::clone(&self.credentials)));
        Ok(Arc::clone(self.tap.get_or_init(|| tap)))
    }

    /// Gives a target over DCOM its address and the port of its resolver, unless a port was asked for.
    ///
    /// The resolver tells further ports, so a name leads to an address alone, and what is known of the ports of
    /// WS-Management does not count.
    pub(crate) fn prepare_rpc(&self, target: &mut Target, has_port: bool) {
        let name = target.computer_name().to_owned();
        let defaults = &self.defaults;
        let resolver = defaults.rpc_names.lookup(&name, RESOLVER_PORT);
        let Some(address) = resolver.or_else(|| defaults.names.lookup(&name, RESOLVER_PORT)) else { return };
        let mut names = defaults.names.clone();
        names.insert(&name, address.ip(), None);
        target.set_names(names);
        if let Some(resolver) = resolver.filter(|_| !has_port) {
            target.set_port(resolver.port());
        }
    }

    /// Whether a name is led over DCOM to an address of the user's choice.
    pub(crate) fn is_resolved_over_rpc(&self, name: &str) -> bool {
        self.defaults.rpc_names.lookup(name, RESOLVER_PORT).is_some()
    }

    /// Whether it is said who logs on where no cmdlet names a credential.
    pub(crate) fn logs_on(&self) -> bool {
        self.defaults.login.is_some() || self.defaults.keytab_user.is_some()
    }

    /// Whether a name is led to an address of the user's choice.
    pub(crate) fn is_resolved(&self, name: &str) -> bool {
        self.defaults.names.lookup(name, 0).is_some()
    }

    /// A path from the folder in which the command was given: the agent works in another.
    pub(crate) fn path_of(&self, path: impl AsRef<Path>) -> PathBuf {
        match &self.defaults.folder {
            Some(folder) => folder.join(path),
            None => path.as_ref().to_owned(),
        }
    }

    /// The session that lines are sent to, if one was entered.
    pub(crate) fn entered(&self) -> Option<Arc<SessionEntry>> {
        lock(&self.entered).as_ref().map(|entered| Arc::clone(&entered.entry))
    }

    /// Enters a session; one that was opened for that alone is closed when it is left.
    pub(crate) fn enter(&self, entry: Arc<SessionEntry>, is_own: bool) {
        self.leaving.store(false, Ordering::Relaxed);
        *lock(&self.entered) = Some(Entered { entry, is_own });
    }

    /// Leaves the session that was entered. Waits for the network, so not from a task.
    pub(crate) fn leave(&self) {
        let Some(Entered { entry, is_own }) = lock(&self.entered).take() else { return };
        if is_own {
            self.sessions.remove(&entry);
            if let Err(error) = self.handle.block_on(entry.close()) {
                tracing::warn!(%error, "the session that was entered could not be closed");
            }
        }
    }

    /// Notes that the session that was entered is to be left when its line has ended.
    pub(crate) fn ask_to_leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether it is to be left.
    pub(crate) fn is_to_leave(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// From now on nothing more is to be started.
    pub(crate) fn begin_to_end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Whether nothing more is to be started.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Remembers how the process is to end.
    pub(crate) fn note(&self, exit: Exit) {
        let mut known = lock(&self.exit);
        *known = (*known).max(exit);
    }

    /// Forgets what failed or was interrupted: the user at the terminal saw it, went on, and left when all was done.
    pub(crate) fn forgive(&self) {
        *lock(&self.exit) = Exit::DONE;
    }

    /// How the process is to end. A signal that ends it has the last word.
    pub(crate) fn exit(&self) -> Exit {
        if self.is_ending() { Exit::INTERRUPTED } else { *lock(&self.exit) }
    }

    /// Sessions and jobs as they are now, where a value stands for one.
    fn refreshed(&self, value: &PsValue) -> Option<PsValue> {
        self.sessions.refreshed(value).or_else(|| self.jobs.refreshed(value))
    }

    /// Closes every session.
    pub(crate) async fn close(&self) {
        lock(&self.entered).take();
        self.jobs.close().await;
        self.sessions.close().await;
        self.cim.close().await;
    }
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether names fit a pattern with wildcards; one that is no pattern fits its own text.
pub(crate) fn matcher(text: &str) -> impl Fn(&str) -> bool + use<> {
    let (pattern, literal) = (Pattern::new(text).ok(), text.to_owned());
    move |name| match &pattern {
        Some(pattern) => pattern.matches(name),
        None => name.eq_ignore_ascii_case(&literal),
    }
}
