//! Opening connections to one endpoint as one user.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustls::ClientConfig;
use tokio::net::TcpStream;
use windlass_auth::{ChannelBinding, Credential};
use windlass_http::AuthMethod;

use crate::connection::filetime_now;
use crate::proxy::{Opener, Way};
use crate::timeouts::within;
use crate::{
    BoxStream, Connection, Counters, Dial, Endpoint, Error, KdcMap, Kerberos, NameMap, ProxyAccess, Stage,
    Timeouts, TlsOptions, dial, proxy, tls,
};

/// Hears where the client was and where it is sent to, before anything is sent there.
pub type RedirectNotice = Arc<dyn Fn(&Endpoint, &Endpoint) + Send + Sync>;

/// Servers, by authority, that do not read a message beside the last token of a handshake. It is remembered
/// for all connections of the process: the next session need not learn it again.
static EMPTY_LOGONS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Most servers that are remembered.
const MOST_REMEMBERED: usize = 4096;

/// How connections are opened and what they authenticate with.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectorOptions {
    /// Where the service is.
    pub endpoint: Endpoint,
    /// Who logs on. Without one, requests go out anonymously.
    pub credential: Option<Credential>,
    /// How to log on.
    pub auth: AuthMethod,
    /// Names that do not resolve as the system says.
    pub names: NameMap,
    /// Where KDCs are; those that the configuration of Kerberos names besides.
    pub kdcs: KdcMap,
    /// What Kerberos needs; without it, it is not tried.
    pub kerberos: Option<Kerberos>,
    /// Whether Negotiate does without NTLM.
    pub forbid_ntlm: bool,
    /// Time limits before a request is answered.
    pub timeouts: Timeouts,
    /// What is checked of the server's certificate.
    pub tls: TlsOptions,
    /// Where connections go first.
    pub proxy: ProxyAccess,
    /// How many redirections are followed (`-AllowRedirection`, `MaximumRedirectionCount`). A server that
    /// redirects further is an error.
    pub max_redirections: u32,
    /// Who is told of redirections.
    pub redirect_notice: Option<RedirectNotice>,
    /// Allow requests and answers to travel unencrypted over plain HTTP.
    pub allow_unencrypted: bool,
    /// The lowest version of CredSSP that the server may speak: 5 unless said otherwise.
    pub credssp_min_version: u32,
    /// The class of the service principal name: `HTTP`, `WSMAN`, `HOST` or another.
    pub spn_class: String,
    /// Whether the service principal name carries the port.
    pub port_in_spn: bool,
    /// The largest body of an answer, in bytes.
    pub max_response: usize,
}

impl ConnectorOptions {
    /// The defaults for an endpoint: no credential, sealing demanded on plain HTTP, answers up to 64 MiB.
    pub fn new(endpoint: Endpoint, auth: AuthMethod, credential: Option<Credential>) -> Self {
        Self {
            endpoint,
            credential,
            auth,
            names: NameMap::new(),
            kdcs: KdcMap::default(),
            kerberos: None,
            forbid_ntlm: false,
            timeouts: Timeouts::default(),
            tls: TlsOptions::default(),
            proxy: ProxyAccess::Direct,
            max_redirections: 0,
            redirect_notice: None,
            allow_unencrypted: false,
            credssp_min_version: windlass_auth::credssp::SAFE_VERSION,
            spn_class: "HTTP".to_owned(),
            port_in_spn: false,
            max_response: 64 << 20,
        }
    }

    /// Whether messages are sealed, and everything else on the wire can be written by anyone.
    pub(crate) fn seals(&self) -> bool {
        !self.endpoint.is_secure() && !self.allow_unencrypted
    }

    /// The name of the service, as Kerberos and NTLM want it: `HTTP/srv1`.
    pub(crate) fn service_principal(&self) -> String {
        let host = self.endpoint.public_host();
        if self.port_in_spn {
            format!("{}/{host}:{}", self.spn_class, self.endpoint.port())
        } else {
            format!("{}/{host}", self.spn_class)
        }
    }
}

/// Opens connections to one endpoint. Cheap to clone; clones share counters and TLS tickets.
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    options: ConnectorOptions,
    dial: Option<Arc<dyn Dial>>,
    counters: Arc<Counters>,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Connector {
    /// Connections over TCP.
    pub fn new(options: ConnectorOptions) -> Self {
        Self::build(options, None, Arc::default())
    }

    /// Connections over whatever `dial` opens.
    pub fn over(options: ConnectorOptions, dial: Arc<dyn Dial>) -> Self {
        Self::build(options, Some(dial), Arc::default())
    }

    fn build(mut options: ConnectorOptions, dial: Option<Arc<dyn Dial>>, counters: Arc<Counters>) -> Self {
        if let Some(kerberos) = &options.kerberos {
            options.kdcs.add_config(kerberos.config());
        }
        Self { shared: Arc::new(Shared { options, dial, counters, tls: OnceLock::new() }) }
    }

    /// The options that connections are opened with.
    pub fn options(&self) -> &ConnectorOptions {
        &self.shared.options
    }

    /// The counts of all connections of this connector.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// What errors call the peer: host and port, with the address that the user gave for them; where something
    /// else than TCP leads there, the host alone.
    pub(crate) fn peer(&self) -> String {
        let Shared { options, dial, .. } = &*self.shared;
        match dial {
            Some(_) => options.endpoint.host().to_owned(),
            None => options.names.describe(&options.endpoint),
        }
    }

    /// Opens a connection: the name, TCP, TLS. Authentication waits for the first request, which rides
    /// on its last exchange.
    ///
    /// # Errors
    /// The stage that failed, with the peer and the reason.
    pub async fn connect(&self) -> Result<Connection, Error> {
        let options = &self.shared.options;
        let peer = self.peer();
        let Way { stream, forwarder } = self.open_way(&peer).await?;
        let (stream, binding) = self.secure(&peer, stream).await?;
        self.shared.counters.connected();
        tracing::debug!(%peer, tls = options.endpoint.is_secure(), "connected");
        let authenticate_empty = empty_logons().contains(&options.endpoint.authority());
        let counters = Arc::clone(&self.shared.counters);
        let mut connection = Connection::new(stream, peer, options, binding, authenticate_empty, counters)?;
        if let Some(forwarder) = forwarder {
            connection.forward_through(forwarder);
        }
        Ok(connection)
    }

    /// Remembers for further connections how the peer of this one likes its logon.
    pub(crate) fn learn_from(&self, connection: &Connection) {
        if connection.authenticates_empty() {
            let mut known = empty_logons();
            if known.len() < MOST_REMEMBERED {
                known.insert(self.shared.options.endpoint.authority());
            }
        }
    }

    /// A connector for the place that the server redirects to, which shares nothing but the counts with
    /// this one.
    ///
    /// # Errors
    /// The place is none, or less safe than the one that redirects.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, Error> {
        let mut options = self.shared.options.clone();
        let from = options.endpoint.clone();
        let refused =
            |reason| Error::Redirect { peer: from.authority(), location: location.to_owned(), reason };
        let to = from.redirected(location).ok_or_else(|| refused("that is not an http or https URI"))?;
        if from.is_secure() && !to.is_secure() {
            return Err(refused("that is without TLS"));
        }
        let elsewhere = !from.host().eq_ignore_ascii_case(to.host());
        if elsewhere && !to.is_secure() && options.auth == AuthMethod::Basic {
            return Err(refused("that would show the password to another computer without TLS"));
        }
        if elsewhere && options.auth == AuthMethod::CredSsp {
            return Err(refused("that would hand the password to another computer"));
        }
        if self.shared.dial.is_some() {
            return Err(refused("there is no network here"));
        }
        if let Some(notice) = &options.redirect_notice {
            notice(&from, &to);
        }
        tracing::info!(from = %from, to = %to, "redirected");
        options.endpoint = to;
        Ok(Self::build(options, None, Arc::clone(&self.shared.counters)))
    }

    /// What leads to the server, and not to a proxy that hands requests on.
    pub(crate) async fn open_stream(&self, peer: &str) -> Result<BoxStream, Error> {
        let Way { stream, forwarder } = self.open_way(peer).await?;
        match forwarder {
            None => Ok(stream),
            Some(_) => Err(Error::ProxyOptions {
                reason: "what a server shows is not seen through a proxy that hands requests on".to_owned(),
            }),
        }
    }

    async fn open_way(&self, peer: &str) -> Result<Way, Error> {
        let options = &self.shared.options;
        if let Some(dial) = &self.shared.dial {
            return within(Stage::Connect, peer, options.timeouts.connect, async {
                let dialled = dial.dial().await.map(Way::from);
                dialled.map_err(|source| Error::Connect { peer: peer.to_owned(), source })
            })
            .await;
        }
        match proxy::choose(&options.proxy, &options.endpoint)? {
            None => self.dial_tcp(&options.endpoint).await.map(Way::from),
            Some(proxy) => {
                let opener = Opener { connector: self.clone(), proxy: proxy.endpoint() };
                let way = proxy::pass(&proxy, &options.endpoint, filetime_now(), &opener);
                within(Stage::Proxy, peer, options.timeouts.proxy, way).await
            }
        }
    }

    pub(crate) async fn dial_tcp(&self, endpoint: &Endpoint) -> Result<BoxStream, Error> {
        let options = &self.shared.options;
        let stream: TcpStream = dial::dial(endpoint, &options.names, &options.timeouts).await?;
        Ok(Box::new(stream))
    }

    pub(crate) async fn secure(
        &self,
        peer: &str,
        stream: BoxStream,
    ) -> Result<(BoxStream, Option<ChannelBinding>), Error> {
        let options = &self.shared.options;
        if !options.endpoint.is_secure() {
            return Ok((stream, None));
        }
        let config = match self.shared.tls.get() {
            Some(config) => config,
            None => {
                let built = options.tls.client_config()?;
                self.shared.tls.get_or_init(|| built)
            }
        };
        let shaken = tls::handshake(config, &options.endpoint, peer, stream);
        let secured = within(Stage::Tls, peer, options.timeouts.tls, shaken).await?;
        let identity = options.tls.identity.as_ref().filter(|_| options.auth == AuthMethod::Certificate);
        if identity.is_some_and(|identity| !identity.was_asked_for()) {
            return Err(Error::CertificateNotAsked { peer: peer.to_owned() });
        }
        Ok(secured)
    }
}

fn empty_logons() -> MutexGuard<'static, BTreeSet<String>> {
    EMPTY_LOGONS.lock().unwrap_or_else(PoisonError::into_inner)
}
