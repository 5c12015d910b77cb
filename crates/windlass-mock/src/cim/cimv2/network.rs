//! `Win32_NetworkAdapterConfiguration`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use windlass_cim::{CimClass, CimInstance, CimValue};

use super::{instance, optional, text, texts};
use crate::cim::CimRequest;
use crate::facts::Adapter;

pub(super) fn configurations(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    let servers = request.facts.name_servers();
    let adapters = request.facts.adapters().into_iter();
    adapters.map(|adapter| configuration(request, class, &adapter, &servers)).collect()
}

fn configuration(
    request: &CimRequest<'_>,
    class: &Arc<CimClass>,
    adapter: &Adapter,
    servers: &[String],
) -> CimInstance {
    let enabled = adapter.up && !(adapter.ipv4.is_empty() && adapter.ipv6.is_empty());
    let addresses = adapter.ipv4.iter().map(|(address, _)| address.to_string());
    let addresses = addresses.chain(adapter.ipv6.iter().map(|(address, _)| address.to_string()));
    let masks = adapter.ipv4.iter().map(|(_, prefix)| mask(*prefix).to_string());
    let masks = masks.chain(adapter.ipv6.iter().map(|(_, prefix)| prefix.to_string()));
    // An adapter without addresses has no lists of them at all.
    let list = |values: Vec<String>| if values.is_empty() { CimValue::Null } else { texts(values) };
    let mac = adapter.mac.as_ref().map(|mac| mac.to_uppercase());
    let gateways = adapter.gateways.iter().map(ToString::to_string).collect();
    instance(
        class,
        [
            ("Index", CimValue::UInt32(adapter.index)),
            ("InterfaceIndex", CimValue::UInt32(adapter.index)),
            ("Caption", text(format!("[{:08}] {}", adapter.index, adapter.name))),
            ("Description", text(adapter.name.as_str())),
            ("SettingID", text(adapter.name.as_str())),
            ("DefaultIPGateway", list(gateways)),
            ("DNSHostName", text(request.computer)),
            ("DNSDomain", optional(request.facts.domain())),
            (
                "DNSServerSearchOrder",
                if enabled && !adapter.loopback { list(servers.to_vec()) } else { CimValue::Null },
            ),
            ("IPAddress", list(addresses.collect())),
            ("IPEnabled", CimValue::Boolean(enabled)),
            ("IPSubnet", list(masks.collect())),
            ("MACAddress", optional(mac)),
            ("MTU", CimValue::UInt32(adapter.mtu)),
            ("ServiceName", optional(adapter.driver.as_deref())),
        ],
    )
}

fn mask(prefix: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_follow_from_prefixes() {
        assert_eq!(mask(24), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(mask(0), Ipv4Addr::UNSPECIFIED);
        assert_eq!(mask(32), Ipv4Addr::BROADCAST);
    }
}
