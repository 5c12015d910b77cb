//! Listening and accepting.

mod connection;
mod registry;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use windlass_auth::{AccountStore as _, ChannelBinding};
use windlass_http::{Limits, Scheme, ServerConfig};

pub(crate) use connection::serve;
pub(crate) use registry::{Listener, Listeners, Scheme as ListenerScheme, Tasks};

use crate::Error;
use crate::auth::Certificates;
use crate::certificate::Certificate;
use crate::host::Host;
use crate::powershell::Stop;
use crate::rpc;
use crate::statistics::count;

/// How much is read at once from below TLS, which would itself read a quarter of a record at a time.
const READ_AHEAD: usize = 64 << 10;

/// What lies between the socket and HTTP.
#[derive(Clone)]
pub(crate) enum Transport {
    /// Nothing.
    Plain,
    /// TLS with this certificate.
    Tls { acceptor: TlsAcceptor, binding: Option<ChannelBinding> },
    /// Nothing, and it is not HTTP that follows.
    Rpc,
    /// No socket at all.
    InProcess,
}

impl Transport {
    /// TLS with this certificate.
    pub(crate) fn tls(certificate: &Certificate, clients: &Certificates) -> Result<Self, Error> {
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config(clients)?));
        let binding = ChannelBinding::tls_server_end_point(&certificate.der).ok();
        Ok(Self::Tls { acceptor, binding })
    }
}

/// Binds a socket.
pub(crate) async fn bind(address: &str) -> Result<TcpListener, Error> {
    let failed = |source| Error::Listen { address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(failed)
}

/// Accepts connections until the listener is closed or the host ends; those that were accepted last until
/// the host ends. As long as there are as many connections as there may be, none is accepted.
pub(crate) async fn accept(host: Arc<Host>, listener: TcpListener, transport: Transport, close: Stop) {
    let places = Arc::new(Semaphore::new(host.config.limits.connections));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = close.stopped() => break,
            () = host.stop.stopped() => break,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = close.stopped() => break,
            () = host.stop.stopped() => break,
        };
        while tasks.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let (host, transport) = (Arc::clone(&host), transport.clone());
                tasks.spawn(async move {
                    connect(&host, stream, transport, &peer.ip().to_string()).await;
                    drop(place);
                });
            }
            // Such as too many open files: others may go away.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = host.stop.stopped() => {}
    }
    tasks.shutdown().await;
}

async fn connect(host: &Arc<Host>, stream: TcpStream, transport: Transport, peer: &str) {
    let _ = stream.set_nodelay(true);
    count(&host.counters.accepted);
    if let Transport::Rpc = transport {
        let (local, peer) = (stream.local_addr().ok(), stream.peer_addr().ok());
        return rpc::serve(host, stream, local, peer).await;
    }
    let mut config = server_config(host, &transport);
    match transport {
        Transport::Plain | Transport::Rpc | Transport::InProcess => serve(host, stream, config, peer).await,
        Transport::Tls { acceptor, .. } => {
            let stream = BufReader::with_capacity(READ_AHEAD, stream);
            let accepted = tokio::time::timeout(host.config.limits.request_timeout, acceptor.accept(stream));
            match accepted.await {
                Ok(Ok(stream)) => {
                    let shown = stream.get_ref().1.peer_certificates();
                    let known = |user: &str| host.config.accounts.password(user).is_some();
                    config.certificate = host.config.certificates.user(shown, known);
                    serve(host, stream, config, peer).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, peer, "the TLS handshake failed"),
                Err(_) => tracing::debug!(peer, "the TLS handshake took too long"),
            }
        }
    }
}

/// How the HTTP side of a new connection is set up.
pub(crate) fn server_config(host: &Host, transport: &Transport) -> ServerConfig {
    let config = &host.config;
    let scheme = if matches!(transport, Transport::Plain) { Scheme::Http } else { Scheme::Https };
    let mut http = ServerConfig::new(scheme, Arc::clone(&host.gate.accounts), config.computer.as_str());
    http.basic = config.authentication.basic;
    http.digest = config.authentication.digest.then(|| Arc::clone(&host.gate.digest));
    http.credssp = config.authentication.credssp.then(|| host.gate.credssp.clone());
    http.kerberos = host.gate.kerberos.clone().filter(|_| config.authentication.kerberos);
    http.negotiate = config.authentication.negotiate;
    http.ntlm = config.authentication.ntlm;
    http.allow_unencrypted = config.allow_unencrypted;
    http.anonymous_identify = true;
    http.now = file_time(SystemTime::now());
    // Base64, sealing and other framing take room beside the envelope.
    let body = config.limits.envelope.saturating_mul(2).max(1 << 20);
    http.limits = Limits { body, ..Limits::default() };
    http.binding_policy = config.binding_policy;
    if let Transport::Tls { binding, .. } = transport {
        http.channel_binding.clone_from(binding);
    }
    http
}

/// A time in units of 100 ns since 1601.
pub(crate) fn file_time(time: SystemTime) -> u64 {
    const EPOCH: u64 = 116_444_736_000_000_000;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ticks = u64::try_from(since.as_nanos() / 100).unwrap_or_default();
    ticks.saturating_add(EPOCH)
}
