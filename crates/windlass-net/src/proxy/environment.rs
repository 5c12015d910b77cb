//! The proxy that the environment names, by the conventions that curl and most programs share.

use std::net::IpAddr;

use super::Proxy;
use crate::{Endpoint, Error};

/// The proxy for this endpoint, where the variables name one and do not exclude the endpoint.
pub(super) fn proxy(
    variable: impl Fn(&str) -> Option<String>,
    endpoint: &Endpoint,
) -> Result<Option<Proxy>, Error> {
    let either = |name: &str| {
        [name.to_ascii_lowercase(), name.to_ascii_uppercase()]
            .iter()
            .filter_map(|name| variable(name))
            .find(|value| !value.trim().is_empty())
    };
    let scheme = if endpoint.is_secure() { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some(address) = either(scheme).or_else(|| either("ALL_PROXY")) else { return Ok(None) };
    if either("NO_PROXY").is_some_and(|list| excludes(&list, endpoint)) {
        return Ok(None);
    }
    Proxy::parse(address.trim()).map(Some)
}

/// Whether the list names the endpoint: `*`, a name and all below it, an address, an address range, each
/// with a port where it is for that port alone.
fn excludes(list: &str, endpoint: &Endpoint) -> bool {
    let host = endpoint.host().trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Some((network, bits)), Some(address)) = (entry.split_once('/'), address) {
            return in_range(address, network, bits);
        }
        let (name, port) = match crate::endpoint::split_authority(entry) {
            Some((name, port)) => (name, port),
            None => (entry, None),
        };
        if port.is_some_and(|port| port.parse() != Ok(endpoint.port())) {
            return false;
        }
        let name = name.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
        let name = name.to_ascii_lowercase();
        match (name.parse::<IpAddr>(), address) {
            (Ok(excluded), Some(address)) => excluded == address,
            _ => host == name || host.strip_suffix(&name).is_some_and(|before| before.ends_with('.')),
        }
    })
}

fn in_range(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)], uri: &str) -> Option<String> {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        proxy(find, &Endpoint::from_uri(uri).unwrap()).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn variables_in_both_cases_for_each_scheme() {
        let http = [("http_proxy", "p1:1")];
        assert_eq!(chosen(&http, "http://srv:5985").as_deref(), Some("http://p1:1"));
        assert_eq!(chosen(&http, "https://srv:5986"), None);
        let all = [("HTTPS_PROXY", "http://p2:2"), ("ALL_PROXY", "socks5h://p3:3")];
        assert_eq!(chosen(&all, "https://srv").as_deref(), Some("http://p2:2"));
        assert_eq!(chosen(&all, "http://srv").as_deref(), Some("socks5h://p3:3"));
        assert_eq!(chosen(&[("HTTP_PROXY", " ")], "http://srv"), None);
    }

    #[test]
    fn exclusions() {
        for (list, uri, excluded) in [
            ("*", "http://srv", true),
            ("srv", "http://SRV", true),
            ("corp.example", "http://a.corp.example", true),
            (".corp.example", "http://a.corp.example", true),
            ("*.corp.example", "http://a.corp.example", true),
            ("corp.example", "http://acorp.example", false),
            ("a,srv:5985", "http://srv:5985", true),
            ("srv:5986", "http://srv:5985", false),
            ("10.0.0.0/8", "http://10.1.2.3", true),
            ("10.0.0.0/8", "http://11.1.2.3", false),
            ("0.0.0.0/0", "http://11.1.2.3", true),
            ("fd00::/8", "http://[fd12::1]", true),
            ("127.0.0.1 ::1", "http://[::1]", true),
            ("", "http://srv", false),
        ] {
            let found = chosen(&[("http_proxy", "p:1"), ("no_proxy", list)], uri);
            assert_eq!(found.is_none(), excluded, "{list} {uri}");
        }
    }
}
