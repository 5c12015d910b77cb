//! Every option of `New-PSSessionOption` and `New-CimSessionOption` does something: a test for each, which shows
//! what, and a table that has no holes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod dcom;
mod network;
mod requests;
mod ways;

/// Which test shows what an option does.
const TESTS: [(&str, &str, &str); 43] = [
    ("New-PSSessionOption", "ApplicationArguments", "application_arguments_reach_the_host"),
    ("New-PSSessionOption", "CancelTimeout", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "Culture", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "IdleTimeout", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "IncludePortInSPN", "the_port_is_part_of_the_service_name"),
    ("New-PSSessionOption", "MaxConnectionRetryCount", "opening_is_tried_again"),
    ("New-PSSessionOption", "MaximumReceivedDataSizePerCommand", "too_much_is_not_taken"),
    ("New-PSSessionOption", "MaximumReceivedObjectSize", "too_much_is_not_taken"),
    ("New-PSSessionOption", "MaximumRedirection", "redirections_are_counted"),
    ("New-PSSessionOption", "NoCompression", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "NoEncryption", "messages_travel_readable"),
    ("New-PSSessionOption", "NoMachineProfile", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "OpenTimeout", "a_host_that_says_nothing_is_given_up"),
    ("New-PSSessionOption", "OperationTimeout", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "OutputBufferingMode", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "ProxyAccessType", "proxies_are_asked_for_a_way"),
    ("New-PSSessionOption", "ProxyAuthentication", "proxies_are_asked_for_a_way"),
    ("New-PSSessionOption", "ProxyCredential", "proxies_are_asked_for_a_way"),
    ("New-PSSessionOption", "RetryWindow", "a_network_that_fails_is_tried_again"),
    ("New-PSSessionOption", "SkipCACheck", "certificates_are_checked"),
    ("New-PSSessionOption", "SkipCNCheck", "certificates_are_checked"),
    ("New-PSSessionOption", "SkipRevocationCheck", "certificates_are_checked"),
    ("New-PSSessionOption", "UICulture", "options_stand_in_the_requests_of_ps_sessions"),
    ("New-PSSessionOption", "UseUTF16", "envelopes_are_utf_16"),
    ("New-CimSessionOption", "Culture", "options_stand_in_the_requests_of_cim_sessions"),
    ("New-CimSessionOption", "EncodePortInServicePrincipalName", "the_port_is_part_of_the_service_name"),
    ("New-CimSessionOption", "Encoding", "envelopes_are_utf_16"),
    ("New-CimSessionOption", "HttpPrefix", "options_stand_in_the_requests_of_cim_sessions"),
    ("New-CimSessionOption", "Impersonation", "impersonation_over_dcom"),
    ("New-CimSessionOption", "MaxEnvelopeSizeKB", "options_stand_in_the_requests_of_cim_sessions"),
    ("New-CimSessionOption", "NoEncryption", "messages_travel_readable"),
    ("New-CimSessionOption", "PacketIntegrity", "packets_over_dcom_are_protected"),
    ("New-CimSessionOption", "PacketPrivacy", "packets_over_dcom_are_protected"),
    ("New-CimSessionOption", "Protocol", "the_protocol_is_chosen"),
    ("New-CimSessionOption", "ProxyAuthentication", "proxies_are_asked_for_a_way"),
    ("New-CimSessionOption", "ProxyCertificateThumbprint", "certificates_for_proxies_are_refused"),
    ("New-CimSessionOption", "ProxyCredential", "proxies_are_asked_for_a_way"),
    ("New-CimSessionOption", "ProxyType", "proxies_are_asked_for_a_way"),
    ("New-CimSessionOption", "SkipCACheck", "certificates_are_checked"),
    ("New-CimSessionOption", "SkipCNCheck", "certificates_are_checked"),
    ("New-CimSessionOption", "SkipRevocationCheck", "certificates_are_checked"),
    ("New-CimSessionOption", "UICulture", "options_stand_in_the_requests_of_cim_sessions"),
    ("New-CimSessionOption", "UseSsl", "certificates_are_checked"),
];

/// The tables by which the cmdlets bind their parameters.
const CMDLETS: [&str; 2] = [
    include_str!("../../../windlass-mock/src/powershell/table/sessions.txt"),
    include_str!("../../../windlass-mock/src/powershell/table/cim.txt"),
];

/// Where the tests stand.
const SOURCES: [&str; 4] = [
    include_str!("dcom.rs"),
    include_str!("network.rs"),
    include_str!("requests.rs"),
    include_str!("ways.rs"),
];

/// The parameters of a cmdlet.
fn parameters(cmdlet: &str) -> Vec<&'static str> {
    let title = format!("cmdlet {cmdlet} ");
    let lines = CMDLETS.iter().flat_map(|table| table.lines());
    let block = lines.skip_while(|line| !line.starts_with(&title)).skip(1);
    let block = block.take_while(|line| !line.starts_with("cmdlet "));
    block.filter_map(|line| line.strip_prefix("param ")?.split(' ').next()).collect()
}

#[test]
fn every_option_has_a_test() {
    let mut holes = Vec::new();
    for cmdlet in ["New-PSSessionOption", "New-CimSessionOption"] {
        let options = parameters(cmdlet);
        assert!(options.len() > 10, "the table of {cmdlet} was not found");
        for option in &options {
            match TESTS.iter().find(|(of, name, _)| (of, name) == (&cmdlet, option)) {
                None => holes.push(format!("{cmdlet} -{option} has no test")),
                Some((_, _, test)) => {
                    let head = format!("#[test]\nfn {test}(");
                    let source = SOURCES.iter().find(|source| source.contains(&head));
                    // The test speaks of the option, too.
                    if !source.is_some_and(|source| source.contains(option)) {
                        holes.push(format!("{cmdlet} -{option}: no test {test} names it"));
                    }
                }
            }
        }
        for (of, name, _) in TESTS.iter().filter(|(of, ..)| *of == cmdlet) {
            if !options.contains(name) {
                holes.push(format!("{of} has no option -{name}"));
            }
        }
    }
    assert!(holes.is_empty(), "{}", holes.join("\n"));
}
