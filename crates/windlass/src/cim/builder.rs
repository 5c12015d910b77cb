//! Opening a CIM session.

use std::sync::Arc;

use windlass_cim::Namespace;

use super::classes::ClassCache;
use super::operation::OperationOptions;
use super::resource::UriStyle;
use super::session::{CimSession, Shared};
use crate::dcom::{CallOptions, DcomClient, DcomOptions, RESOLVER_PORT, Setup};
use crate::error::{Error, Result};
use crate::identify;
use crate::options::WsmanOptions;
use crate::target::{Target, target_setters};
use crate::tasks::Tasks;

/// What `New-CimSessionOption` offers beside the parameters of a [`Target`] and of [`WsmanOptions`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CimSessionOptions {
    /// Time-outs, languages and sizes.
    pub wsman: WsmanOptions,
    /// How the URIs of classes are spelled.
    pub uri_style: UriStyle,
    /// The namespace of operations that name none.
    pub namespace: Namespace,
    /// How many instances one answer may hold at most. The session asks for as many as fit an answer of the
    /// size that it allows, judged by those that have come.
    pub max_elements: u32,
    /// Whether instances get the types of their classes, which are fetched once for each class.
    /// Otherwise values are text, except where the host states a type.
    pub typed: bool,
}

impl Default for CimSessionOptions {
    /// URIs of WMI, namespace `root/cimv2`, at most 32,000 instances an answer, typed.
    fn default() -> Self {
        Self {
            wsman: WsmanOptions::default(),
            uri_style: UriStyle::default(),
            namespace: Namespace::new("root/cimv2"),
            max_elements: 32_000,
            typed: true,
        }
    }
}

/// The language of sessions that name none. Over DCOM it goes without saying.
const LANGUAGE: &str = "en-US";

/// What a CIM session speaks (`New-CimSessionOption -Protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// WS-Management.
    #[default]
    Wsman,
    /// DCOM.
    Dcom,
}

/// The parameters of a new CIM session (`New-CimSession`).
#[derive(Clone)]
pub struct CimSessionBuilder {
    target: Target,
    name: Option<String>,
    options: CimSessionOptions,
    skip_test_connection: bool,
    protocol: Protocol,
    fall_back: Option<Option<u16>>,
    dcom: DcomOptions,
}

impl CimSessionBuilder {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            name: None,
            options: CimSessionOptions::default(),
            skip_test_connection: false,
            protocol: Protocol::default(),
            fall_back: None,
            dcom: DcomOptions::default(),
        }
    }

    target_setters!();

    /// The session's name; otherwise `CimSession` and its number.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// All options at once.
    #[must_use]
    pub fn options(mut self, options: CimSessionOptions) -> Self {
        self.options = options;
        self
    }

    /// The namespace of operations that name none: `root/cimv2` unless said otherwise.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.options.namespace = Namespace::new(namespace);
        self
    }

    /// What the session speaks. Over DCOM the port of the target is that of the resolver, 135 unless said
    /// otherwise.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Try the other protocol where the computer is not reached over this one, or does not speak it. The
    /// port is that of the other protocol; `None` is its usual one. Whoever refuses the user is not asked
    /// again.
    #[must_use]
    pub fn fall_back(mut self, port: Option<u16>) -> Self {
        self.fall_back = Some(port);
        self
    }

    /// How calls over DCOM are protected and instances fetched.
    #[must_use]
    pub fn dcom_options(mut self, options: DcomOptions) -> Self {
        self.dcom = options;
        self
    }

    /// How the URIs of classes are spelled.
    #[must_use]
    pub fn uri_style(mut self, style: UriStyle) -> Self {
        self.options.uri_style = style;
        self
    }

    /// Whether instances get the types of their classes.
    #[must_use]
    pub fn typed(mut self, typed: bool) -> Self {
        self.options.typed = typed;
        self
    }

    /// Leave out the Identify that otherwise checks port and credential (`-SkipTestConnection`).
    #[must_use]
    pub fn skip_test_connection(mut self, skip: bool) -> Self {
        self.skip_test_connection = skip;
        self
    }

    /// Opens the session. Nothing stays open on the host between operations.
    ///
    /// # Errors
    /// Parameters that do not fit, or a host that is not reached, refuses, or does not speak
    /// WS-Management.
    pub async fn connect(self) -> Result<CimSession> {
        if self.options.max_elements == 0 {
            return Err(Error::usage("an answer has to hold at least one instance"));
        }
        let options = self.options.wsman.clone();
        options.opening(self.reach()).await
    }

    /// Opens the session by one protocol or the other.
    async fn reach(mut self) -> Result<CimSession> {
        let Some(port) = self.fall_back.take() else { return self.open().await };
        // Only who tries knows whether the protocol leads there.
        self.skip_test_connection = false;
        let mut other = self.clone();
        other.protocol = match self.protocol {
            Protocol::Wsman => Protocol::Dcom,
            Protocol::Dcom => Protocol::Wsman,
        };
        other.target.choose_port(port);
        match self.open().await {
            Err(error) if error.suggests_another_protocol() => {
                tracing::debug!(%error, "falling back to the other protocol");
                other.open().await.map_err(|second| error.and_then(&second))
            }
            outcome => outcome,
        }
    }

    async fn open(self) -> Result<CimSession> {
        let tasks = Tasks::current()?;
        let pool = self.target.pool(self.options.wsman.open_timeout)?;
        let client = Arc::new(self.options.wsman.client(pool, self.target.tap()));
        let dcom = match self.protocol {
            Protocol::Wsman => None,
            Protocol::Dcom => Some(self.dcom_client(&tasks)?),
        };
        match &dcom {
            Some(dcom) if !self.skip_test_connection => {
                dcom.open(self.options.namespace.as_str()).await?;
            }
            None if !self.skip_test_connection => {
                identify::ask(&client).await?;
            }
            _ => {}
        }
        let shared = Shared {
            client,
            tasks,
            options: self.options,
            operation: OperationOptions::default(),
            classes: Arc::new(ClassCache::default()),
            dcom,
        };
        Ok(CimSession::new(Arc::new(shared), self.name, self.target.computer_name().to_owned()))
    }

    fn dcom_client(&self, tasks: &Tasks) -> Result<Arc<DcomClient>> {
        let level = self.dcom.level();
        let setup = Setup {
            computer: self.target.computer_name().to_owned(),
            port: self.target.stated_port().unwrap_or(RESOLVER_PORT),
            security: self.target.rpc_security(level)?,
            rpc: self.target.rpc_options(self.options.wsman.open_timeout)?,
            dial: self.target.own_dial(),
            options: self.dcom,
        };
        let WsmanOptions { operation_timeout, culture, ui_culture, .. } = &self.options.wsman;
        let other = |language: &str| (!language.eq_ignore_ascii_case(LANGUAGE)).then(|| language.to_owned());
        let calls = CallOptions {
            timeout: Some(*operation_timeout),
            culture: other(culture),
            ui_culture: other(ui_culture),
        };
        Ok(Arc::new(DcomClient::new(setup, calls, tasks.clone())))
    }
}
