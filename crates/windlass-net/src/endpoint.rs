//! Where a service is.

use std::fmt;
use std::net::Ipv6Addr;

/// The port of WinRM over HTTP.
const HTTP_PORT: u16 = 5985;
/// The port of WinRM over HTTPS.
const HTTPS_PORT: u16 = 5986;
/// The path of WinRM's listener.
const PATH: &str = "/wsman";

/// The address of an HTTP service: scheme, host, port and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Endpoint {
    /// WinRM on its usual port, 5985 or with TLS 5986, at `/wsman`. The host is a name or an address;
    /// an IPv6 address may stand in brackets.
    pub fn winrm(host: &str, secure: bool) -> Self {
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        Self {
            secure,
            host: host.to_owned(),
            port: if secure { HTTPS_PORT } else { HTTP_PORT },
            path: PATH.to_owned(),
        }
    }

    /// Another port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Another path. A missing slash at its start is added.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        self.path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        self
    }

    /// Reads a connection URI as `New-PSSession -ConnectionUri` does: without a port it means 80 or 443,
    /// an empty path means `/wsman`. `None` where it is not an `http` or `https` URI with a host.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = split_authority(authority)?;
        let port = match port {
            Some(port) => port.parse::<u16>().ok().filter(|&port| port != 0)?,
            None if secure => 443,
            None => 80,
        };
        let path = if path.is_empty() || path == "/" { PATH } else { path };
        let host = host.replacen("%25", "%", 1);
        Some(Self { secure, host, port, path: String::new() }.with_path(path))
    }

    /// Whether the service is behind TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as the user named it, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host as others are told of it: without the zone of an IPv6 address, which means something on
    /// this computer alone.
    pub fn public_host(&self) -> &str {
        self.host.split_once('%').map_or(&self.host, |(address, _)| address)
    }

    /// [`public_host`](Self::public_host) and port, for the HTTP header `Host`.
    pub(crate) fn public_authority(&self) -> String {
        Self { host: self.public_host().to_owned(), ..self.clone() }.authority()
    }

    /// Where a redirection from here leads: a URI, or a path on the same host.
    pub(crate) fn redirected(&self, location: &str) -> Option<Self> {
        match location.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => Some(self.clone().with_path(location)),
            _ => Self::from_uri(location),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path with its query, if any.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and port in one piece, as in a URI or the HTTP header `Host`.
    pub fn authority(&self) -> String {
        if self.host.parse::<Ipv6Addr>().is_ok() || self.host.contains('%') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn split_authority(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        // A zone may follow the address, in URIs after %25 ([RFC 6874]).
        host.split_once('%').map_or(host, |(address, _)| address).parse::<Ipv6Addr>().ok()?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return None,
        }
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let plain = !host.is_empty() && !host.contains(['@', ' ', '\\']);
    plain.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_uris_read_as_powershell_reads_them() {
        for (uri, expected) in [
            ("http://srv1", Some("http://srv1:80/wsman")),
            ("https://srv1/", Some("https://srv1:443/wsman")),
            ("HTTP://srv1:5985/WSMAN", Some("http://srv1:5985/WSMAN")),
            ("http://[::1]:5985", Some("http://[::1]:5985/wsman")),
            ("https://outlook.example/powershell?x=1", Some("https://outlook.example:443/powershell?x=1")),
            ("https://h?x=1", Some("https://h:443/?x=1")),
            ("ftp://srv1", None),
            ("srv1:5985", None),
            ("http://", None),
            ("http://srv1:0", None),
            ("http://srv1:70000", None),
            ("http://user@srv1", None),
            ("http://[::1", None),
            ("http://[fe80::1%25eth0]:5985", Some("http://[fe80::1%eth0]:5985/wsman")),
        ] {
            assert_eq!(Endpoint::from_uri(uri).map(|e| e.to_string()).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn addresses_are_bracketed_only_where_they_are_printed() {
        let endpoint = Endpoint::winrm("[fe80::1]", true);
        assert_eq!((endpoint.host(), endpoint.authority().as_str()), ("fe80::1", "[fe80::1]:5986"));
        let zoned = Endpoint::winrm("[fe80::1%eth0]", false);
        assert_eq!((zoned.host(), zoned.public_authority().as_str()), ("fe80::1%eth0", "[fe80::1]:5985"));
        assert_eq!(Endpoint::winrm("srv1", false).with_path("x").to_string(), "http://srv1:5985/x");
    }
}
