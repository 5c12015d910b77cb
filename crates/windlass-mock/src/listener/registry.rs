//! The listeners for WS-Man: those that the host was started with, and those that clients add and remove.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Transport, accept};
use crate::Error;
use crate::host::Host;
use crate::powershell::Stop;

/// What runs on behalf of a host.
pub(crate) type Tasks = Mutex<JoinSet<()>>;

/// The listeners of a host.
pub(crate) struct Listeners {
    known: Mutex<Vec<Listener>>,
    /// Held by a client's change from its first look to its last step.
    changing: tokio::sync::Mutex<()>,
    /// Gone when the host is.
    tasks: Weak<Tasks>,
    /// Set where the host has a certificate.
    tls: OnceLock<Transport>,
}

/// A listener. Its address and scheme tell it from the others.
#[derive(Clone)]
pub(crate) struct Listener {
    /// `*` or `IP:` and an address, as [MS-WSMV] 2.2.4.19 writes it.
    pub(crate) address: String,
    pub(crate) scheme: Scheme,
    pub(crate) host_name: String,
    /// Where it listens; nowhere while it is not enabled.
    pub(crate) socket: Option<SocketAddr>,
    /// Where it listened last: where it is to listen when it is enabled again.
    pub(crate) place: Option<IpAddr>,
    /// The port that it was given.
    pub(crate) port: u16,
    close: Stop,
}

/// How a listener is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// Reads `HTTP` or `HTTPS`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(text))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Http => 5985,
            Self::Https => 5986,
        }
    }
}

impl Listener {
    /// A listener that does not listen yet.
    pub(crate) fn new(address: &str, scheme: Scheme, port: u16) -> Self {
        let (address, host_name) = (address.to_owned(), String::new());
        Self { address, scheme, host_name, socket: None, place: None, port, close: Stop::default() }
    }

    /// The same, listening nowhere.
    pub(crate) fn closed(&self) -> Self {
        Self { socket: None, close: Stop::default(), ..self.clone() }
    }

    /// Whether it is the one of this address and scheme.
    pub(crate) fn is(&self, address: &str, scheme: Scheme) -> bool {
        self.scheme == scheme && self.address.eq_ignore_ascii_case(address)
    }
}

impl Listeners {
    pub(crate) fn new(tasks: &Arc<Tasks>) -> Self {
        let (known, changing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { known, changing, tasks: Arc::downgrade(tasks), tls: OnceLock::new() }
    }

    /// Begins a change that waits between its look at the listeners and its last step. Other changes wait for it.
    pub(crate) async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// TLS with the certificate of the host, for all listeners of HTTPS.
    pub(crate) fn set_tls(&self, transport: Transport) {
        // The only place that sets it.
        let _ = self.tls.set(transport);
    }

    /// Whether listeners of this scheme can be opened.
    pub(crate) fn can_serve(&self, scheme: Scheme) -> bool {
        scheme == Scheme::Http || self.tls.get().is_some()
    }

    /// Those that there are.
    pub(crate) fn all(&self) -> Vec<Listener> {
        self.lock().clone()
    }

    /// The addresses of the computer that a listener may be opened on: those that are listened on.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let mut found: Vec<IpAddr> =
            self.lock().iter().filter_map(|listener| Some(listener.socket?.ip())).collect();
        found.push(Ipv4Addr::LOCALHOST.into());
        found
    }

    /// Accepts connections for a listener, and takes it as [`Listeners::put`] does.
    ///
    /// # Errors
    /// It needs a certificate, and there is none.
    pub(crate) fn open(
        &self,
        host: &Arc<Host>,
        mut listener: Listener,
        bound: TcpListener,
    ) -> Result<(), Error> {
        listener.socket = bound.local_addr().ok();
        listener.place = listener.socket.map(|socket| socket.ip());
        listener.port = listener.socket.map_or(listener.port, |socket| socket.port());
        let transport = match listener.scheme {
            Scheme::Http => Transport::Plain,
            Scheme::Https => self
                .tls
                .get()
                .cloned()
                .ok_or_else(|| Error::Certificate("the host has none to listen with".to_owned()))?,
        };
        let accepting = accept(Arc::clone(host), bound, transport, listener.close.clone());
        if let Some(tasks) = self.tasks.upgrade() {
            tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(accepting);
        }
        self.put(listener);
        Ok(())
    }

    /// Takes a listener. One that was there with its address and scheme is closed, unless it goes on in
    /// the new one; its connections stay.
    pub(crate) fn put(&self, listener: Listener) {
        let mut known = self.lock();
        match known.iter_mut().find(|old| old.is(&listener.address, listener.scheme)) {
            Some(place) => {
                let goes_on = place.socket == listener.socket;
                let old = std::mem::replace(place, listener);
                if !goes_on {
                    old.close.stop();
                }
            }
            None => known.push(listener),
        }
    }

    /// Closes a listener and removes it; its connections stay. False if there is none.
    pub(crate) fn remove(&self, address: &str, scheme: Scheme) -> bool {
        let mut known = self.lock();
        let Some(at) = known.iter().position(|listener| listener.is(address, scheme)) else { return false };
        known.remove(at).close.stop();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
