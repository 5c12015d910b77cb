//! The host: its listeners, its state and its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::io::DuplexStream;
use tokio::task::JoinSet;

use crate::Error;
use crate::auth::Gate;
use crate::certificate::Certificate;
use crate::cim::testing::{self, NumbersProvider};
use crate::cim::{CimProvider, CimRequest, Events, Repository};
use crate::config::{Config, MockHostBuilder};
use crate::dcom::{Dcom, DcomService};
use crate::facts::Facts;
use crate::listener::{self, Listener, ListenerScheme, Listeners, Tasks, Transport};
use crate::operations::Operations;
use crate::powershell::{Commands, Stop};
use crate::recording::{Player, Recorder};
use crate::rpc::{self, Groups, Services};
use crate::settings::Settings;
use crate::shell::Shells;
use crate::statistics::{Counters, Statistics};
use crate::trouble::Troubles;
use crate::wsman::{Enumerations, Subscriptions};

/// A host that serves WS-Man over HTTP, HTTPS and in-process pipes, and RPC over TCP.
///
/// Dropping it stops it at once; [`MockHost::shutdown`] waits until everything has ended.
pub struct MockHost {
    host: Arc<Host>,
    tasks: Arc<Tasks>,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    rpc: Option<SocketAddr>,
    certificate: Option<Arc<Certificate>>,
    certificate_path: Option<PathBuf>,
}

/// What every connection of the host shares.
pub(crate) struct Host {
    pub(crate) config: Config,
    pub(crate) gate: Gate,
    pub(crate) commands: Arc<Commands>,
    pub(crate) facts: Facts,
    pub(crate) counters: Counters,
    pub(crate) shells: Shells,
    pub(crate) cim: Repository,
    pub(crate) events: Events,
    pub(crate) settings: Settings,
    pub(crate) listeners: Listeners,
    pub(crate) enumerations: Enumerations,
    pub(crate) subscriptions: Subscriptions,
    /// Set once it is known where they are served.
    pub(crate) rpc_services: OnceLock<Services>,
    pub(crate) rpc_groups: Groups,
    pub(crate) operations: Operations,
    pub(crate) troubles: Troubles,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) player: Option<Player>,
    pub(crate) dcom: Dcom,
    /// Given when the host is to end.
    pub(crate) stop: Stop,
}

impl MockHost {
    /// A host to be set up.
    pub fn builder() -> MockHostBuilder {
        MockHostBuilder::default()
    }

    pub(crate) async fn start(config: Config) -> Result<Self, Error> {
        let mut cim = Repository::default();
        let built_in: [Arc<dyn CimProvider>; 2] = [Arc::new(testing::provider()?), Arc::new(NumbersProvider)];
        for provider in config.providers.iter().chain(&built_in) {
            cim.add(provider)?;
        }
        cim.add(&crate::dcom::subscriptions()?)?;
        let tasks: Arc<Tasks> = Arc::new(Mutex::new(JoinSet::new()));
        let host = Arc::new(Host {
            cim,
            events: Events::default(),
            settings: Settings::new(&config.limits),
            listeners: Listeners::new(&tasks),
            enumerations: Enumerations::default(),
            subscriptions: Subscriptions::default(),
            rpc_services: OnceLock::new(),
            rpc_groups: Groups::default(),
            operations: Operations::default(),
            troubles: Troubles::new(&config.troubles),
            recorder: config.record.as_deref().map(Recorder::new).transpose()?,
            player: config.replay.as_deref().map(Player::new).transpose()?,
            dcom: Dcom::default(),
            commands: Arc::new(config.commands.clone()),
            facts: Facts::default(),
            counters: Counters::default(),
            shells: Shells::default(),
            stop: Stop::default(),
            gate: Gate::new(&config)?,
            config,
        });
        let mut started = Self {
            tasks,
            http: None,
            https: None,
            rpc: None,
            certificate: None,
            certificate_path: None,
            host: Arc::clone(&host),
        };
        if let Some(address) = &host.config.http {
            let bound = listener::bind(address).await?;
            started.http = bound.local_addr().ok();
            host.listeners.open(&host, Listener::new("*", ListenerScheme::Http, 0), bound)?;
        }
        if let Some(address) = &host.config.https {
            let bound = listener::bind(address).await?;
            started.https = bound.local_addr().ok();
            let certificate = Arc::new(started.make_certificate()?);
            host.listeners.set_tls(Transport::tls(&certificate, &host.config.certificates)?);
            host.listeners.open(&host, Listener::new("*", ListenerScheme::Https, 0), bound)?;
            started.certificate = Some(certificate);
        }
        let mut rpc = None;
        if let Some(address) = &host.config.rpc {
            let listener = listener::bind(address).await?;
            started.rpc = listener.local_addr().ok();
            rpc = Some(listener);
        }
        let mut services = host.config.rpc_services.clone();
        services.push(Arc::new(DcomService::new(&host)));
        let services = Services::new(services, started.rpc.map(|rpc| rpc.port()));
        // The only place that sets it.
        let _ = host.rpc_services.set(services);
        if let Some(listener) = rpc {
            let close = Stop::default();
            started.spawn(listener::accept(Arc::clone(&host), listener, Transport::Rpc, close));
        }
        started.spawn(crate::shell::expire(Arc::clone(&host)));
        Ok(started)
    }

    /// The address that HTTP is served on.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The address that HTTPS is served on.
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.https
    }

    /// The address that RPC is served on, the endpoint mapper included.
    pub fn rpc_addr(&self) -> Option<SocketAddr> {
        self.rpc
    }

    /// The certificate of the HTTPS listener, for clients to trust.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.pem.as_str())
    }

    /// The same as DER.
    pub fn certificate_der(&self) -> Option<&[u8]> {
        self.certificate.as_ref().map(|certificate| certificate.der.as_ref())
    }

    /// The file that the certificate was written to.
    pub fn certificate_path(&self) -> Option<&Path> {
        self.certificate_path.as_deref()
    }

    /// What is open and what has happened.
    pub fn statistics(&self) -> Statistics {
        self.host.statistics()
    }

    /// Waits until `holds` is true of the statistics. It is asked again whenever a message was answered, a
    /// pipeline or connection ended or a shell expired; whoever calls this sets the deadline.
    pub async fn wait_until(&self, holds: impl Fn(&Statistics) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.host.counters.changed.notified());
            // From here on no change is missed, however soon it comes.
            changed.as_mut().enable();
            if holds(&self.statistics()) {
                return;
            }
            changed.await;
        }
    }

    /// A connection that is served in this process, without a network. The client logs on as over TLS:
    /// nothing can listen, so Basic and readable messages are accepted.
    pub fn in_memory(&self) -> DuplexStream {
        const BUFFER: usize = 256 * 1024;
        let (client, server) = tokio::io::duplex(BUFFER);
        let host = Arc::clone(&self.host);
        tokio::spawn(async move {
            let config = listener::server_config(&host, &Transport::InProcess);
            listener::serve(&host, server, config, "in-process").await;
        });
        client
    }

    /// An RPC connection that is served in this process, without a network. Clients log on as over TCP.
    pub fn rpc_in_memory(&self) -> DuplexStream {
        const BUFFER: usize = 256 * 1024;
        let (client, server) = tokio::io::duplex(BUFFER);
        let host = Arc::clone(&self.host);
        tokio::spawn(async move { rpc::serve(&host, server, None, None).await });
        client
    }

    /// Stops listening, ends all shells and waits until everything has ended.
    pub async fn shutdown(self) {
        self.host.stop.stop();
        self.host.shells.close_all();
        self.host.enumerations.clear();
        self.host.subscriptions.clear();
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    fn make_certificate(&mut self) -> Result<Certificate, Error> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let computer = &self.host.config.computer;
        if !computer.is_empty() && !names.contains(computer) {
            names.push(computer.clone());
        }
        if let Some(address) = self.https.filter(|address| !address.ip().is_unspecified()) {
            names.push(address.ip().to_string());
        }
        names.dedup();
        let certificate = Certificate::self_signed(&names)?;
        if let Some(path) = self.host.config.certificate_path.clone() {
            std::fs::write(&path, &certificate.pem)
                .map_err(|source| Error::File { path: path.display().to_string(), source })?;
            self.certificate_path = Some(path);
        }
        Ok(certificate)
    }
}

impl Drop for MockHost {
    fn drop(&mut self) {
        self.host.stop.stop();
        self.host.shells.close_all();
    }
}

impl Host {
    /// What providers are told with each request of this user.
    pub(crate) fn cim_request<'h>(&'h self, user: &'h str) -> CimRequest<'h> {
        CimRequest {
            user,
            computer: &self.config.computer,
            facts: &self.facts,
            allow_exec: self.config.allow_exec,
            events: &self.events,
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let Counters {
            connections,
            accepted,
            http_requests,
            messages,
            finished_pipelines,
            rpc_calls,
            failed_logons,
            ..
        } = &self.counters;
        Statistics {
            open_shells: self.shells.len(),
            open_commands: self.shells.commands(),
            open_enumerations: self.enumerations.len(),
            open_subscriptions: self.subscriptions.len(),
            open_objects: self.dcom.objects(),
            open_sinks: self.dcom.sinks(),
            connections: connections.get(),
            accepted: accepted.load(Ordering::Relaxed),
            http_requests: http_requests.load(Ordering::Relaxed),
            messages: messages.load(Ordering::Relaxed),
            finished_pipelines: finished_pipelines.load(Ordering::Relaxed),
            rpc_calls: rpc_calls.load(Ordering::Relaxed),
            failed_logons: failed_logons.load(Ordering::Relaxed),
        }
    }
}
