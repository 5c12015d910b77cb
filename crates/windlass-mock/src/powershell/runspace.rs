//! Where pipelines run: who and where they are, which commands there are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use windlass_clixml::{PsObject, PsValue, Version};
use windlass_psrp::ErrorRecord;
use windlass_psrp::host::HostInfo;

use super::preference::{Action, Preferences};
use super::record::error_value;
use super::registry::Commands;
use super::stop::Stop;
use super::variables::Variables;
use crate::facts::Facts;
use crate::files::Files;
use crate::scenario::Scenario;

/// What all runspaces of a pool share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) commands: Arc<Commands>,
    pub(crate) scenario: Arc<Scenario>,
    /// The files that clients may copy.
    pub(crate) files: Option<Arc<Files>>,
    /// Commands read every file that this process can read, not only [`files`](Self::files) and those whose
    /// permissions let everybody read them.
    pub(crate) reads_everything: bool,
    pub(crate) facts: Facts,
    /// The user, as `whoami` would print it.
    pub(crate) user: String,
    pub(crate) computer: String,
    /// What the client said when it opened the pool.
    pub(crate) client: OnceLock<Client>,
    /// Events that were raised, and which of them the client wants to hear of.
    pub(crate) events: Mutex<Events>,
}

/// The client as it described itself.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) host: HostInfo,
    pub(crate) application_arguments: PsValue,
}

/// The events of a session.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// How many there were.
    pub(crate) raised: i32,
    /// The names of those that go to the client, in lower case.
    pub(crate) forwarded: BTreeSet<String>,
}

/// Where a pipeline runs.
#[derive(Debug, Clone)]
pub struct Runspace {
    session: Arc<Session>,
    stop: Stop,
    /// Variables that commands and scripts can change; none in an endpoint without language.
    variables: Option<Variables>,
    /// Columns that formatted output may have.
    width: usize,
    host: HostInfo,
    /// What the runspace prefers where a command says nothing.
    pub(crate) preferences: Preferences,
}

impl Runspace {
    pub(crate) fn new(session: Arc<Session>, stop: Stop, host: HostInfo) -> Self {
        let host = match session.client.get() {
            Some(client) if host.use_runspace_host => client.host.clone(),
            _ => host,
        };
        Self { session, stop, variables: None, width: 120, host, preferences: Preferences::default() }
    }

    /// The same with variables and lines of this width.
    pub(crate) fn with_variables(self, variables: &Variables, width: usize) -> Self {
        Self { variables: Some(variables.clone()), width, ..self }
    }

    /// The variables that can be changed, where there are any.
    pub fn variables(&self) -> Option<&Variables> {
        self.variables.as_ref()
    }

    /// Columns that formatted output may have.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The client's host as the client described it.
    pub fn host(&self) -> &HostInfo {
        &self.host
    }

    /// The events of the session.
    pub(crate) fn events(&self) -> MutexGuard<'_, Events> {
        self.session.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user who opened the session.
    pub fn user(&self) -> &str {
        &self.session.user
    }

    /// The computer's name.
    pub fn computer(&self) -> &str {
        &self.session.computer
    }

    /// The facts of the computer.
    pub fn facts(&self) -> &Facts {
        &self.session.facts
    }

    /// The commands that can be called.
    pub fn commands(&self) -> &Commands {
        &self.session.commands
    }

    /// What is answered to certain scripts.
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.session.scenario
    }

    /// The files that clients may copy.
    pub(crate) fn files(&self) -> Option<&Arc<Files>> {
        self.session.files.as_ref()
    }

    /// Whether commands read every file that this process can read, not only those that clients may copy and
    /// those whose permissions let everybody read them.
    pub(crate) fn reads_everything(&self) -> bool {
        self.session.reads_everything
    }

    /// The order to stop.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// A variable: one that was set, or a constant.
    pub fn variable(&self, name: &str) -> Option<PsValue> {
        if let Some(variables) = &self.variables {
            if let Some((drive, rest)) = name.split_once(':')
                && drive.eq_ignore_ascii_case("env")
            {
                return Some(std::env::var(rest).map_or(PsValue::Null, PsValue::from));
            }
            if let Some(value) = variables.get(name) {
                return Some(value);
            }
        }
        let name = name.to_lowercase();
        let name = name.strip_prefix("global:").or_else(|| name.strip_prefix("script:")).unwrap_or(&name);
        Some(match name {
            "null" => PsValue::Null,
            "error" if self.variables.is_some() => PsValue::list([]),
            "true" => true.into(),
            "false" => false.into(),
            "pid" => i32::try_from(std::process::id()).unwrap_or_default().into(),
            "home" => std::env::var("HOME").unwrap_or_default().into(),
            "psedition" => "Core".into(),
            "psculture" | "psuiculture" => "en-US".into(),
            "psversiontable" => self.version_table(),
            "islinux" => cfg!(target_os = "linux").into(),
            "ismacos" => cfg!(target_os = "macos").into(),
            "iswindows" => cfg!(windows).into(),
            "iscoreclr" => true.into(),
            "pssenderinfo" => self.sender_info(),
            _ => return None,
        })
    }

    /// What a preference variable says, where somebody has set it.
    pub(crate) fn preference(&self, name: &str) -> Option<Action> {
        let value = self.variables.as_ref()?.get(name)?;
        match value.as_i64() {
            Some(code) => Action::from_code(code),
            None => Action::named(&super::text::text(&value)),
        }
    }

    /// Keeps an error for `$Error`, the last one first.
    pub(crate) fn remember(&self, record: &ErrorRecord) {
        /// What `$MaximumErrorCount` was.
        const MOST: usize = 256;
        let Some(variables) = &self.variables else { return };
        let held = variables.get("Error");
        let older = held.as_ref().and_then(PsValue::items).unwrap_or_default();
        let errors = std::iter::once(error_value(record)).chain(older.iter().take(MOST - 1).cloned());
        variables.set("Error", PsValue::list(errors));
    }

    /// `$PSVersionTable`.
    pub fn version_table(&self) -> PsValue {
        let table = version_entries(&self.session.facts);
        let entries = table.into_iter().map(|(key, value)| (PsValue::from(key), value)).collect();
        PsObject::typed([
            "System.Management.Automation.PSVersionHashTable",
            "System.Collections.Hashtable",
            "System.Object",
        ])
        .with_base(windlass_clixml::Base::Dictionary(entries))
        .into()
    }

    fn sender_info(&self) -> PsValue {
        let arguments = self.session.client.get().map(|client| client.application_arguments.clone());
        PsObject::new("System.Management.Automation.Remoting.PSSenderInfo")
            .with_adapted("UserInfo", self.user())
            .with_adapted("ConnectionString", "wsman")
            .with_adapted("ApplicationArguments", arguments.unwrap_or_default())
            .into()
    }
}

/// What `$PSVersionTable` holds, which is also what the host tells of itself when a pool opens.
pub(crate) fn version_entries(facts: &Facts) -> Vec<(&'static str, PsValue)> {
    let compatible = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 1), (6, 0), (7, 0)];
    let compatible = compatible.map(|(major, minor)| PsValue::Version(Version::new(major, minor)));
    let compatible = PsObject::typed(["System.Version[]", "System.Array", "System.Object"])
        .with_base(windlass_clixml::Base::List(compatible.to_vec()));
    let version = Version::new(7, 6).with_build(5, 0);
    vec![
        ("PSVersion", Version::parse("7.6.5").unwrap_or(version).into()),
        ("PSEdition", "Core".into()),
        ("GitCommitId", "7.6.5".into()),
        ("OS", facts.operating_system().caption.into()),
        ("Platform", if cfg!(windows) { "Win32NT" } else { "Unix" }.into()),
        ("PSCompatibleVersions", compatible.into()),
        ("PSRemotingProtocolVersion", Version::new(2, 3).into()),
        ("SerializationVersion", Version::new(1, 1).with_build(0, 1).into()),
        ("WSManStackVersion", Version::new(3, 0).into()),
        ("PSSemanticVersion", "7.6.5".into()),
    ]
}
