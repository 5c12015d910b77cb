//! CIM over DCOM: activation, namespaces and objects of WMI ([MS-DCOM] 3.2, [MS-WMI] 3.2).
//!
//! A session has one connection to the resolver while it activates or pings, and one to the exporter; each
//! subscription has one of its own, on which it waits. What the server says of addresses is not believed: the
//! computer that was dialled is dialled again, only the port is taken. References outlive connections: a
//! broken one is replaced with the next call.

mod activation;
mod classes;
mod enumeration;
mod exporter;
mod notification;
mod operations;
mod pings;
mod resolver;
mod setup;
mod sinks;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::ObjRef;
use windlass_wmi::context::Context;
use windlass_wmi::ids;
use windlass_wmi::stubs::{EstablishPosition, Given, NtlmLogin, PositionEstablished, login_opnum};

use self::exporter::{Exporter, Method};
use crate::error::{Error, Result};
use crate::tasks::Tasks;

pub(crate) use enumeration::Wanted;
pub use resolver::{ResolverSight, greet_resolver};
pub use setup::DcomOptions;
pub(crate) use setup::{RESOLVER_PORT, Setup};
pub(crate) use sinks::{Exported, Heard, Inbox};

/// A client of WMI on one computer, with what its calls do otherwise than others of the session.
pub(crate) struct DcomClient {
    core: Arc<Core>,
    calls: CallOptions,
}

/// How calls are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallOptions {
    /// How long the server may work at one call.
    pub(crate) timeout: Option<Duration>,
    /// The language by which data is formatted, if not the server's own.
    pub(crate) culture: Option<String>,
    /// The language of texts, if not the server's own.
    pub(crate) ui_culture: Option<String>,
}

/// A namespace as it was opened: its name and the language, in lower case.
type Opened = (String, Option<String>);

/// What the calls of a session share.
struct Core {
    setup: Arc<Setup>,
    tasks: Tasks,
    /// The exporter of the login.
    exporter: Mutex<Option<Arc<Exporter>>>,
    /// Those that other objects turned out to be at, by their numbers.
    others: Mutex<HashMap<u64, Arc<Exporter>>>,
    /// The namespaces that are open, with the exporter that they are at.
    namespaces: Mutex<HashMap<Opened, (Arc<Exporter>, Uuid)>>,
    exchanges: Arc<AtomicU64>,
}

impl Drop for Core {
    /// Nobody uses the session any more: the references go back in the background.
    fn drop(&mut self) {
        let others = std::mem::take(self.others.get_mut()).into_values();
        let exporters: Vec<_> = others.chain(self.exporter.get_mut().take()).collect();
        if !exporters.is_empty() {
            self.tasks.spawn(async move { release(exporters).await });
        }
    }
}

impl DcomClient {
    pub(crate) fn new(setup: Setup, calls: CallOptions, tasks: Tasks) -> Self {
        let core = Core {
            setup: Arc::new(setup),
            tasks,
            exporter: Mutex::default(),
            others: Mutex::default(),
            namespaces: Mutex::default(),
            exchanges: Arc::default(),
        };
        Self { core: Arc::new(core), calls }
    }

    /// The same session with other options where `calls` has some.
    pub(crate) fn with(&self, calls: CallOptions) -> Self {
        let calls = CallOptions {
            timeout: calls.timeout.or(self.calls.timeout),
            culture: calls.culture.or_else(|| self.calls.culture.clone()),
            ui_culture: calls.ui_culture.or_else(|| self.calls.ui_culture.clone()),
        };
        Self { core: Arc::clone(&self.core), calls }
    }

    /// Requests that waited for an answer so far: binds and calls.
    pub(crate) fn exchanges(&self) -> u64 {
        self.core.exchanges.load(Ordering::Relaxed)
    }

    /// What crossed the wire so far.
    pub(crate) fn counts(&self) -> windlass_net::Counts {
        self.core.setup.rpc.counters.snapshot()
    }

    pub(crate) fn broken(&self, reason: impl std::fmt::Display) -> Error {
        self.core.setup.broken(reason)
    }

    pub(crate) fn failed(&self, code: Hresult) -> Error {
        self.core.setup.failed(code)
    }

    /// The computer, as errors name it.
    pub(crate) fn host(&self) -> String {
        self.core.setup.host()
    }

    /// How long one call may take.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.calls.timeout
    }

    /// The context of a call: the language of data, where one is asked for.
    pub(super) fn context(&self, context: Option<Context>) -> Option<Context> {
        let Some(culture) = &self.calls.culture else { return context };
        Some(context.unwrap_or_default().with_data_locale(culture))
    }

    /// The exporter of the login, activated on first use and when the last one is gone.
    async fn exporter(&self) -> Result<Arc<Exporter>> {
        let mut slot = self.core.exporter.lock().await;
        if let Some(exporter) = slot.as_ref() {
            return Ok(Arc::clone(exporter));
        }
        let exporter = activation::activate(&self.core.setup, &self.core.exchanges).await?;
        pings::keep_alive(&exporter, &self.core.tasks);
        *slot = Some(Arc::clone(&exporter));
        Ok(exporter)
    }

    /// The IWbemServices of a namespace, opened on first use.
    async fn services(&self, namespace: &str) -> Result<(Arc<Exporter>, Uuid)> {
        let key = (namespace.to_lowercase(), self.calls.ui_culture.as_ref().map(|name| name.to_lowercase()));
        let exporter = self.exporter().await?;
        let mut namespaces = self.core.namespaces.lock().await;
        if let Some((at, ipid)) = namespaces.get(&key) {
            return Ok((Arc::clone(at), *ipid));
        }
        let logged_in = self.log_in(&exporter, namespace).await;
        let services = logged_in.map_err(|error| error.while_doing(&format!("logging in to {namespace}")))?;
        namespaces.insert(key, services.clone());
        Ok(services)
    }

    /// Takes over the references of an answer. They may be to an object of another exporter of the computer:
    /// the resolver knows where that is.
    async fn adopt(&self, exporter: &Arc<Exporter>, reference: &ObjRef) -> Result<(Arc<Exporter>, Uuid)> {
        let oxid = exporter.oxid_of(reference)?;
        if oxid == exporter.oxid() {
            return Ok((Arc::clone(exporter), exporter.hold(reference)?));
        }
        let mut others = self.core.others.lock().await;
        let other = match others.get(&oxid) {
            Some(other) => Arc::clone(other),
            None => {
                let Core { setup, exchanges, .. } = &*self.core;
                let resolved = activation::resolve(setup, exchanges, oxid).await;
                let place = resolved.map_err(|error| error.while_doing("resolving an exporter"))?;
                let other = Arc::new(Exporter::new(Arc::clone(setup), Arc::clone(exchanges), place));
                other.connect().await?;
                pings::keep_alive(&other, &self.core.tasks);
                others.insert(oxid, Arc::clone(&other));
                other
            }
        };
        let ipid = other.hold(reference)?;
        Ok((other, ipid))
    }

    async fn log_in(&self, exporter: &Arc<Exporter>, namespace: &str) -> Result<(Arc<Exporter>, Uuid)> {
        let locale = match &self.calls.ui_culture {
            Some(culture) => self.locale(exporter, culture).await?,
            None => None,
        };
        let computer = &self.core.setup.computer;
        let request = NtlmLogin {
            namespace: Some(format!(r"\\{computer}\{}", namespace.replace('/', r"\"))),
            locale,
            flags: 0,
            context: None,
        };
        let method = Method::new(ids::LEVEL1_LOGIN, exporter.login(), login_opnum::NTLM_LOGIN);
        let given: Given = exporter.call(method.within(self.limit()), &request).await?;
        self.adopt(exporter, &exporter.given(given)?).await
    }

    /// The language as the server takes it: a name with what to fall back to, where it knows such lists
    /// ([MS-WMI] 3.2.4.1.4); other servers keep their own language.
    async fn locale(&self, exporter: &Exporter, culture: &str) -> Result<Option<String>> {
        let method = Method::new(ids::LEVEL1_LOGIN, exporter.login(), login_opnum::ESTABLISH_POSITION);
        let request = EstablishPosition::default();
        let established: PositionEstablished = exporter.call(method.within(self.limit()), &request).await?;
        if established.result.is_failure() || established.locale_version == 0 {
            return Ok(None);
        }
        Ok(Some(match culture.split_once('-') {
            Some((language, _)) => format!("{culture},{language}"),
            None => culture.to_owned(),
        }))
    }

    /// Forgets an exporter that is not there any more. Says whether it was one that has gone: the call was
    /// not carried out then, and may find another.
    async fn forget(&self, error: &Error) -> bool {
        if error.is_gone() {
            *self.core.exporter.lock().await = None;
            self.core.others.lock().await.clear();
            self.core.namespaces.lock().await.clear();
        }
        error.hresult() == Some(Hresult::RPC_E_DISCONNECTED)
    }

    /// Opens a namespace: shows that the computer is reached and lets the user in.
    pub(crate) async fn open(&self, namespace: &str) -> Result<()> {
        self.services(namespace).await.map(|_| ())
    }

    /// Gives all references back and closes the connections.
    pub(crate) async fn close(&self) {
        self.core.namespaces.lock().await.clear();
        let others = std::mem::take(&mut *self.core.others.lock().await).into_values();
        let exporters: Vec<_> = others.chain(self.core.exporter.lock().await.take()).collect();
        release(exporters).await;
    }
}

async fn release(exporters: Vec<Arc<Exporter>>) {
    for exporter in exporters {
        exporter.release_all().await;
    }
}
