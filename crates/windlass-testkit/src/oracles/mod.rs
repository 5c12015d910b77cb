//! One function a decoder: decode, and where that succeeds check what must hold.
//!
//! An oracle panics when an invariant breaks; refusing the input is never a failure.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how an oracle reports"
)]

mod auth;
mod cim;
mod clixml;
mod command;
mod credssp;
mod dcom;
mod display;
mod http;
mod kerberos;
mod logon;
mod psrp;
mod rpc;
mod soap;
mod wmi;
mod wsman;
mod xml;

/// An oracle: takes arbitrary bytes, panics when an invariant is broken.
pub type Oracle = fn(&[u8]);

/// Every oracle by the name of its fuzz target.
pub const ORACLES: &[(&str, Oracle)] = &[
    ("certificate_binding", auth::certificate_binding),
    ("cimxml", cim::cimxml),
    ("clixml", clixml::clixml),
    ("command_language", command::command_language),
    ("conversions", command::conversions),
    ("credssp_acceptor", credssp::credssp_acceptor),
    ("credssp_initiator", credssp::credssp_initiator),
    ("credssp_messages", credssp::credssp_messages),
    ("datetime", cim::datetime),
    ("dcom_activation", dcom::dcom_activation),
    ("dcom_calls", dcom::dcom_calls),
    ("dcom_objref", dcom::dcom_objref),
    ("digest_headers", logon::digest_headers),
    ("display", display::display),
    ("http_client", http::http_client),
    ("http_heads", http::http_heads),
    ("http_overheard", http::http_overheard),
    ("http_server", http::http_server),
    ("kerberos_acceptor", kerberos::kerberos_acceptor),
    ("kerberos_ccache", kerberos::kerberos_ccache),
    ("kerberos_initiator", kerberos::kerberos_initiator),
    ("kerberos_inside", kerberos::kerberos_inside),
    ("kerberos_keytab", kerberos::kerberos_keytab),
    ("kerberos_messages", kerberos::kerberos_messages),
    ("kerberos_wrap", kerberos::kerberos_wrap),
    ("krb5_conf", kerberos::krb5_conf),
    ("mof", cim::mof),
    ("multipart_framing", http::multipart_framing),
    ("ntlm_messages", auth::ntlm_messages),
    ("object_path", cim::object_path),
    ("psrp_client", psrp::psrp_client),
    ("psrp_fragments", psrp::fragments),
    ("psrp_lines", psrp::psrp_lines),
    ("psrp_message", psrp::psrp_message),
    ("psrp_server", psrp::psrp_server),
    ("rpc_client", rpc::rpc_client),
    ("rpc_epm", rpc::rpc_epm),
    ("rpc_ndr", rpc::rpc_ndr),
    ("rpc_pdu", rpc::rpc_pdu),
    ("rpc_server", rpc::rpc_server),
    ("rpc_tower", rpc::rpc_tower),
    ("soap", soap::soap),
    ("spnego_acceptor", auth::spnego_acceptor),
    ("spnego_initiator", auth::spnego_initiator),
    ("spnego_tokens", auth::spnego_tokens),
    ("wildcards", command::wildcards),
    ("wmi_array", wmi::wmi_array),
    ("wmi_calls", wmi::wmi_calls),
    ("wmi_context", wmi::wmi_context),
    ("wmio", wmi::wmio),
    ("wql", cim::wql),
    ("wscim", cim::wscim),
    ("wsman_request", wsman::wsman_request),
    ("wsman_response", wsman::wsman_response),
    ("wsman_texts", wsman::wsman_texts),
    ("xml", xml::xml),
    ("xpress", wsman::xpress),
];

/// The oracle of that name.
pub fn oracle(name: &str) -> Option<Oracle> {
    ORACLES.iter().find(|(known, _)| *known == name).map(|(_, oracle)| *oracle)
}
