//! Names that resolve as the user says.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use thiserror::Error;

use crate::Endpoint;

/// Names with fixed addresses, like those of curl's `--resolve`. The name itself stays what it is in
/// URLs, certificates and service principal names. Clones share the entries.
#[derive(Debug, Clone, Default)]
pub struct NameMap {
    entries: Arc<HashMap<String, (IpAddr, Option<u16>)>>,
}

/// An entry that is not `NAME=ADDRESS` or `NAME=ADDRESS:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{entry:?} is not NAME=ADDRESS or NAME=ADDRESS:PORT")]
pub struct NameMapError {
    entry: String,
}

impl NameMap {
    /// A map without entries: every name resolves as the system says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps a name, whatever its case, to an address, and to a port where one is given.
    pub fn insert(&mut self, name: &str, address: IpAddr, port: Option<u16>) {
        Arc::make_mut(&mut self.entries).insert(name.to_ascii_lowercase(), (address, port));
    }

    /// Adds an entry written `NAME=ADDRESS[:PORT]`; an IPv6 address with a port stands in brackets.
    ///
    /// # Errors
    /// The entry has another form.
    pub fn parse_entry(&mut self, entry: &str) -> Result<(), NameMapError> {
        let refused = || NameMapError { entry: entry.to_owned() };
        let (name, address) = entry.split_once('=').ok_or_else(refused)?;
        if name.is_empty() {
            return Err(refused());
        }
        if let Ok(address) = address.parse::<SocketAddr>() {
            self.insert(name, address.ip(), Some(address.port()));
            return Ok(());
        }
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address = bare.parse::<IpAddr>().map_err(|_| refused())?;
        self.insert(name, address, None);
        Ok(())
    }

    /// Where the name leads if it is asked for with this port.
    pub fn lookup(&self, name: &str, port: u16) -> Option<SocketAddr> {
        if self.entries.is_empty() {
            return None;
        }
        let (address, fixed) = self.entries.get(&name.to_ascii_lowercase())?;
        Some(SocketAddr::new(*address, fixed.unwrap_or(port)))
    }

    /// Host and port of an endpoint, and where they lead if the user says so: what errors call the peer.
    pub fn describe(&self, endpoint: &Endpoint) -> String {
        let authority = endpoint.authority();
        match self.lookup(endpoint.host(), endpoint.port()) {
            Some(address) => format!("{authority} (at {address})"),
            None => authority,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_called_by_name_and_by_the_address_that_was_given() {
        let mut names = NameMap::new();
        names.parse_entry("srv1=127.0.0.1:8080").unwrap();
        let peer = |host: &str| names.describe(&Endpoint::winrm(host, true));
        assert_eq!(peer("srv1"), "srv1:5986 (at 127.0.0.1:8080)");
        assert_eq!(peer("srv2"), "srv2:5986");
    }

    #[test]
    fn entries_read_and_found_in_any_case() {
        for (entry, expected) in [
            ("srv1=10.0.0.1", Some("10.0.0.1:5985")),
            ("SRV1=10.0.0.1:80", Some("10.0.0.1:80")),
            ("srv1=::1", Some("[::1]:5985")),
            ("srv1=[::1]", Some("[::1]:5985")),
            ("srv1=[::1]:81", Some("[::1]:81")),
            ("srv1", None),
            ("=10.0.0.1", None),
            ("srv1=elsewhere", None),
            ("srv1=10.0.0.1:99999", None),
        ] {
            let mut names = NameMap::new();
            let read = names.parse_entry(entry);
            let found = names.lookup("Srv1", 5985).map(|address| address.to_string());
            assert_eq!((read.is_ok(), found.as_deref()), (expected.is_some(), expected), "{entry}");
        }
    }
}
