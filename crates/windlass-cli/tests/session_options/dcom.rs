//! Options for CIM over DCOM.

use super::bench::{Wire, cim, console};
use super::support::Host;

/// The levels of authentication that binds asked for ([MS-RPCE] 2.2.1.1.8): 5 is integrity, 6 privacy.
fn levels(sent: &[u8]) -> Vec<u8> {
    let (mut levels, mut rest) = (Vec::new(), sent);
    while rest.len() >= 16 {
        let number = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
        let (kind, length, token) = (rest[2], number(8), number(10));
        if kind == 11 && token > 0 {
            levels.push(rest[length - token - 7]);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    levels
}

#[test]
fn packets_over_dcom_are_protected() {
    let host = Host::start(&[]);
    // Packets without protection are more than today's Windows accepts: there is always integrity.
    for (options, level) in [
        ("-Protocol Dcom", 6),
        ("-PacketPrivacy", 6),
        ("-PacketPrivacy:$false", 5),
        ("-PacketPrivacy:$false -PacketIntegrity", 5),
        ("-PacketIntegrity:$false", 6),
        ("-PacketPrivacy:$false -PacketIntegrity:$false", 5),
    ] {
        let wire = Wire::to(&host.rpc, 0);
        let at = format!("srv1=127.0.0.1:{}", wire.port);
        let ran = console(&host.http, &["--resolve-rpc", &at], &[], &cim(options));
        ran.wrote("Win32_OperatingSystem", options);
        let levels = levels(&wire.sent());
        assert!(!levels.is_empty() && levels.iter().all(|asked| *asked == level), "{options}: {levels:?}");
    }
    host.stop();
}

#[test]
fn impersonation_over_dcom() {
    let host = Host::start(&[]);
    let at = format!("srv1=127.0.0.1:{}", host.rpc);
    for (kind, works) in
        [("Default", true), ("Impersonate", true), ("None", false), ("Identify", false), ("Delegate", false)]
    {
        let options = format!("-Impersonation {kind}");
        let ran = console(&host.http, &["--resolve-rpc", &at], &[], &cim(&options));
        match works {
            true => ran.wrote("Win32_OperatingSystem", &options),
            false => ran.failed(&format!("-Impersonation {kind} is not supported over DCOM"), &options),
        }
    }
    host.stop();
}

#[test]
fn the_protocol_is_chosen() {
    let host = Host::start(&[]);
    let http = Wire::to(&host.http, 0);
    let rpc = Wire::to(&host.rpc, 0);
    let at = format!("srv1=127.0.0.1:{}", rpc.port);
    for (options, is_rpc) in
        [("", false), ("-Protocol Default", false), ("-Protocol Wsman", false), ("-Protocol Dcom", true)]
    {
        let ran = console(&http.port, &["--resolve-rpc", &at], &[], &cim(options));
        ran.wrote("Win32_OperatingSystem", options);
        assert_eq!((http.sent().is_empty(), rpc.sent().is_empty()), (is_rpc, !is_rpc), "{options}");
    }
    host.stop();
}
