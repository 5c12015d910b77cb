//! Network adapters and their addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Facts, names};

/// A network adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapter {
    /// The number that the system gave it.
    pub index: u32,
    /// The name: `eth0`.
    pub name: String,
    /// The driver, where there is one.
    pub driver: Option<String>,
    /// The hardware address, unless it has none: `52:54:00:12:34:56`.
    pub mac: Option<String>,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// Whether it is in operation.
    pub up: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Addresses with the length of their prefix.
    pub ipv4: Vec<(Ipv4Addr, u32)>,
    /// Addresses with the length of their prefix.
    pub ipv6: Vec<(Ipv6Addr, u32)>,
    /// The gateways of its default routes.
    pub gateways: Vec<Ipv4Addr>,
}

/// A route of IPv4: the adapter, the network, the mask and the gateway.
struct Route {
    adapter: String,
    network: Ipv4Addr,
    mask: Ipv4Addr,
    gateway: Ipv4Addr,
}

impl Facts {
    /// The adapters by ascending index.
    pub fn adapters(&self) -> Vec<Adapter> {
        let routes = parse_routes(&self.text("/proc/net/route").unwrap_or_default());
        let local = parse_local_addresses(&self.text("/proc/net/fib_trie").unwrap_or_default());
        let inet6 = self.text("/proc/net/if_inet6").unwrap_or_default();
        let class = self.path("/sys/class/net");
        let mut adapters: Vec<_> =
            names(&class).into_iter().map(|name| self.adapter(name, &routes, &local, &inet6)).collect();
        adapters.sort_by_key(|adapter| adapter.index);
        adapters
    }

    /// The name servers.
    pub fn name_servers(&self) -> Vec<String> {
        let text = self.text("/etc/resolv.conf").unwrap_or_default();
        let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
        servers.map(|server| server.trim().to_owned()).filter(|server| !server.is_empty()).collect()
    }

    fn adapter(&self, name: String, routes: &[Route], local: &[Ipv4Addr], inet6: &str) -> Adapter {
        let base = format!("/sys/class/net/{name}");
        let line = |file: &str| self.line(&format!("{base}/{file}"));
        let number = |file: &str| line(file).and_then(|value| value.parse().ok());
        // ARPHRD_LOOPBACK
        let loopback = line("type").as_deref() == Some("772");
        let own = || routes.iter().filter(|route| route.adapter == name);
        let ipv4 = if loopback {
            let addresses = local.iter().filter(|address| address.is_loopback());
            addresses.map(|address| (*address, 8)).collect()
        } else {
            own_addresses(own(), local)
        };
        let driver = std::fs::read_link(self.path(&format!("{base}/device/driver"))).ok();
        Adapter {
            index: number("ifindex").unwrap_or_default(),
            driver: driver.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())),
            mac: line("address").filter(|mac| !mac.is_empty() && mac != "00:00:00:00:00:00"),
            mtu: number("mtu").unwrap_or_default(),
            up: loopback || line("operstate").as_deref() == Some("up"),
            loopback,
            ipv4,
            ipv6: parse_inet6(inet6, &name),
            gateways: own()
                .filter(|route| !route.gateway.is_unspecified())
                .map(|route| route.gateway)
                .collect(),
            name,
        }
    }
}

/// The local addresses that lie in a network to which the adapter has a direct route.
fn own_addresses<'a>(routes: impl Iterator<Item = &'a Route>, local: &[Ipv4Addr]) -> Vec<(Ipv4Addr, u32)> {
    let mut found = Vec::new();
    for route in routes.filter(|route| route.gateway.is_unspecified() && !route.mask.is_unspecified()) {
        let prefix = route.mask.to_bits().leading_ones();
        let inside = local.iter().filter(|address| **address & route.mask == route.network);
        for address in inside {
            if !found.iter().any(|(known, _)| known == address) {
                found.push((*address, prefix));
            }
        }
    }
    found
}

/// Reads `/proc/net/route`: addresses are hexadecimal in the byte order of the machine.
fn parse_routes(text: &str) -> Vec<Route> {
    let address = |field: &str| {
        let value = u32::from_str_radix(field, 16).ok()?;
        Some(Ipv4Addr::from(value.to_ne_bytes()))
    };
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            Some(Route {
                adapter: (*fields.first()?).to_owned(),
                network: address(fields.get(1)?)?,
                gateway: address(fields.get(2)?)?,
                mask: address(fields.get(7)?)?,
            })
        })
        .collect()
}

/// The addresses of this computer: in `/proc/net/fib_trie` each stands on a line of its own, followed by
/// one that calls it a local host.
fn parse_local_addresses(text: &str) -> Vec<Ipv4Addr> {
    let mut found: Vec<Ipv4Addr> = Vec::new();
    let mut last = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last.take().filter(|address| !found.contains(address))
        {
            found.push(address);
        }
    }
    found
}

/// Reads `/proc/net/if_inet6`: address, index, prefix length, scope, flags, name.
fn parse_inet6(text: &str, adapter: &str) -> Vec<(Ipv6Addr, u32)> {
    text.lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            if fields.get(5) != Some(&adapter) {
                return None;
            }
            let bits = u128::from_str_radix(fields.first()?, 16).ok()?;
            let prefix = u32::from_str_radix(fields.get(2)?, 16).ok()?;
            Some((Ipv6Addr::from_bits(bits), prefix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_adapter_with_a_route_to_its_network() {
        let network = u32::from_ne_bytes([192, 168, 7, 0]);
        let mask = u32::from_ne_bytes([255, 255, 255, 0]);
        let gateway = u32::from_ne_bytes([192, 168, 7, 1]);
        let routes = format!(
            "Iface\tDestination\tGateway\n\
             eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth0\t{network:08X}\t00000000\t0001\t0\t0\t0\t{mask:08X}\t0\t0\t0\n"
        );
        let routes = parse_routes(&routes);
        let trie = "Local:\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.168.7.9\n        \
                    /32 host LOCAL\n     |-- 192.168.7.255\n        /32 link BROADCAST\n";
        let local = parse_local_addresses(trie);
        assert_eq!(local.len(), 2);
        assert_eq!(own_addresses(routes.iter(), &local), [(Ipv4Addr::new(192, 168, 7, 9), 24)]);
        assert_eq!(routes.first().map(|route| route.gateway), Some(Ipv4Addr::new(192, 168, 7, 1)));
    }

    #[test]
    fn ipv6_addresses_are_found_by_name() {
        let text = "fe800000000000000000000000000001 02 40 20 80     eth0\n\
                    00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(parse_inet6(text, "lo"), [(Ipv6Addr::LOCALHOST, 128)]);
    }
}
