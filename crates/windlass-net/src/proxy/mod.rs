//! Ways through other computers: HTTP proxies and SOCKS.
//!
//! An HTTP proxy is asked for a tunnel ([RFC 9110] 9.3.6), whatever runs through it: a sealed conversation
//! belongs to one connection, and only a tunnel is sure to keep it so. Where a proxy opens none to a server
//! without TLS, or where that is asked for, it hands the requests on instead.

mod environment;
mod forward;
mod http;
mod logon;
mod socks;

use std::fmt;

use windlass_auth::{Credential, KdcRequest};
use windlass_http::{ForwardProxy, KerberosClient};

use crate::kerberos::ask_kdc;
use crate::{BoxStream, Connector, ConnectorOptions, Endpoint, Error, ProxyRefusal};
use forward::Forwarding;
use http::Outcome;

/// Where connections go first (`-ProxyAccessType`, `-ProxyType`).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ProxyAccess {
    /// Straight to the computer (`None`, `NoProxyServer`).
    #[default]
    Direct,
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, or straight where they say nothing:
    /// the settings of the system (`IEConfig`, `WinHttpConfig`, `AutoDetect`). The credential, if there is
    /// one, is for the proxy that they name.
    System(Option<Credential>, ProxyAuthentication),
    /// Through this proxy.
    Through(Proxy),
}

/// How to log on to an HTTP proxy (`-ProxyAuthentication`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ProxyAuthentication {
    /// Negotiate or NTLM, whichever the proxy offers.
    #[default]
    Negotiate,
    /// A hash of the password.
    Digest,
    /// Name and password as they are.
    Basic,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// HTTP with CONNECT.
    Http,
    /// SOCKS 5; names are resolved here.
    Socks5,
    /// SOCKS 5; the proxy resolves names.
    Socks5h,
}

/// One proxy.
#[derive(Clone)]
#[non_exhaustive]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs on to it, where it wants to know.
    pub credential: Option<Credential>,
    /// How; SOCKS has a way of its own.
    pub authentication: ProxyAuthentication,
    /// Whether an HTTP proxy hands requests to servers without TLS on, without being asked for a tunnel
    /// first.
    pub forwards: bool,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Its address, without the credential.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Socks5h => "socks5h",
        };
        let endpoint = Endpoint::winrm(&self.host, false).with_port(self.port);
        write!(f, "{scheme}://{}", endpoint.authority())
    }
}

impl Proxy {
    /// Reads `http://host:port`, `socks5://host:port`, `socks5h://host:port` or `host:port`, with
    /// `user:password@` before the host where the proxy wants a logon. Without a port it is 8080, or 1080
    /// for SOCKS.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| Error::ProxyOptions { reason: reason.to_owned() };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks" | "socks5" => ProxyKind::Socks5,
            "socks5h" => ProxyKind::Socks5h,
            _ => return Err(refused("a proxy starts with http://, socks5:// or socks5h://")),
        };
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, rest),
        };
        let address = address.trim_end_matches('/');
        let bad = || refused("a proxy is named host:port");
        let (host, port) = crate::endpoint::split_authority(address).ok_or_else(bad)?;
        let port = match (port, kind) {
            (Some(port), _) => port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?,
            (None, ProxyKind::Http) => 8080,
            (None, _) => 1080,
        };
        let credential = match login {
            None => None,
            Some(login) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let decode = |text| percent_decoded(text).ok_or_else(|| refused("malformed % in the login"));
                Some(Credential::password(&decode(user)?, decode(password)?))
            }
        };
        // A password that stands in the address is meant to be sent as it is.
        let authentication = match credential {
            Some(_) => ProxyAuthentication::Basic,
            None => ProxyAuthentication::default(),
        };
        Ok(Self { kind, host: host.to_owned(), port, credential, authentication, forwards: false })
    }

    /// Logs on to the proxy with this.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential, authentication: ProxyAuthentication) -> Self {
        (self.credential, self.authentication) = (Some(credential), authentication);
        self
    }

    /// Has it hand requests on, where the server is without TLS.
    #[must_use]
    pub fn forwarding(mut self) -> Self {
        self.forwards = true;
        self
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::winrm(&self.host, false).with_port(self.port)
    }

    pub(crate) fn refusal(&self, reason: impl Into<String>) -> Error {
        Error::Proxy { proxy: self.to_string(), reason: ProxyRefusal::Failed(reason.into()) }
    }
}

/// The proxy for this endpoint, if there is one.
///
/// # Errors
/// The environment names something that is no proxy.
pub(crate) fn choose(access: &ProxyAccess, endpoint: &Endpoint) -> Result<Option<Proxy>, Error> {
    match access {
        ProxyAccess::Direct => Ok(None),
        ProxyAccess::Through(proxy) => Ok(Some(proxy.clone())),
        ProxyAccess::System(credential, authentication) => {
            let found = environment::proxy(|name| std::env::var(name).ok(), endpoint)?;
            Ok(found.map(|proxy| match credential {
                Some(credential) => proxy.with_credential(credential.clone(), *authentication),
                None => proxy,
            }))
        }
    }
}

/// Connects to a proxy, again where it hangs up after it asked for a logon.
pub(crate) struct Opener {
    pub(crate) connector: Connector,
    pub(crate) proxy: Endpoint,
}

impl Opener {
    async fn open(&self) -> Result<BoxStream, Error> {
        self.connector.dial_tcp(&self.proxy).await
    }

    fn kerberos(&self) -> Option<KerberosClient> {
        self.connector.options().kerberos.as_ref().map(|kerberos| kerberos.client().clone())
    }

    async fn ask_kdc(&self, request: &KdcRequest) -> Result<Vec<u8>, String> {
        let ConnectorOptions { kerberos, kdcs, names, .. } = self.connector.options();
        ask_kdc(kerberos.as_ref(), kdcs, names, request).await.map_err(|error| error.to_string())
    }
}

/// A way to an endpoint.
pub(crate) struct Way {
    /// What leads there.
    pub(crate) stream: BoxStream,
    /// The proxy at its end, where that hands requests on.
    pub(crate) forwarder: Option<Box<dyn ForwardProxy>>,
}

impl From<BoxStream> for Way {
    fn from(stream: BoxStream) -> Self {
        Self { stream, forwarder: None }
    }
}

/// Opens a way to the endpoint through the proxy.
pub(crate) async fn pass(
    proxy: &Proxy,
    endpoint: &Endpoint,
    now: u64,
    opener: &Opener,
) -> Result<Way, Error> {
    if proxy.kind != ProxyKind::Http {
        return socks::connect(proxy, endpoint, opener.open().await?).await.map(Way::from);
    }
    if !proxy.forwards || endpoint.is_secure() {
        match http::connect(proxy, endpoint, now, opener).await? {
            Outcome::Tunnel(stream) => return Ok(stream.into()),
            Outcome::NoTunnel(error) if endpoint.is_secure() => return Err(error),
            Outcome::NoTunnel(error) => tracing::debug!(%error, "the proxy is asked to hand requests on"),
        }
    }
    let forwarder: Box<dyn ForwardProxy> = Box::new(Forwarding::new(proxy, endpoint, opener.kerberos(), now));
    Ok(Way { stream: opener.open().await?, forwarder: Some(forwarder) })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_proxies() {
        for (text, expected) in [
            ("http://proxy:3128", Some("http://proxy:3128")),
            ("proxy:3128", Some("http://proxy:3128")),
            ("http://proxy/", Some("http://proxy:8080")),
            ("SOCKS5://[::1]:9050", Some("socks5://[::1]:9050")),
            ("socks5h://u:p%40ss@proxy", Some("socks5h://proxy:1080")),
            ("https://proxy:3128", None),
            ("http://", None),
            ("http://proxy:0", None),
            ("http://u:%zz@proxy", None),
        ] {
            assert_eq!(Proxy::parse(text).ok().map(|proxy| proxy.to_string()).as_deref(), expected, "{text}");
        }
        let proxy = Proxy::parse("http://CORP%5Calice:p%40ss:w@proxy:1").unwrap();
        let credential = proxy.credential.clone().unwrap();
        assert_eq!(credential.qualified_name(), "CORP\\alice");
        assert_eq!(credential.secret().unwrap().expose(), "p@ss:w");
        assert!(!format!("{proxy:?} {proxy}").contains("ss"));
    }
}
