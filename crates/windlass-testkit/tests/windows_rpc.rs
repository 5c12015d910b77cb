//! DCE/RPC between real Windows computers: every PDU decodes and encodes again to the same bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "test code"
)]

#[path = "support/skipped.rs"]
mod skipped;

use std::collections::BTreeMap;
use std::path::PathBuf;

use skipped::skipped;
use windlass_rpc::SyntaxId;
use windlass_rpc::pdu::{AuthLevel, AuthType, BindFeatures, Body, ContextOutcome, Header, Pdu};
use windlass_testkit::pcap;

/// The captures of Windows 10 (OTRF Security-Datasets, MIT) and of zeek's tests (BSD).
const CAPTURES: [&str; 4] =
    ["dce_rpc_ntlm", "kerberos135_auth", "wmi_dcom_create_privacy", "wmi_dcom_execmethod_privacy"];

fn captures() -> Option<PathBuf> {
    let Some(fixtures) = std::env::var_os("WINDLASS_FIXTURES") else {
        skipped("WINDLASS_FIXTURES is not set");
        return None;
    };
    Some(PathBuf::from(fixtures).join("pcap"))
}

/// Every PDU of a capture, in order within its direction.
fn pdus(name: &str) -> Option<Vec<Vec<u8>>> {
    let capture = std::fs::read(captures()?.join(format!("{name}.pcapng"))).unwrap();
    let mut pdus = Vec::new();
    for (_, bytes) in pcap::tcp_flows(&capture).unwrap() {
        let mut rest = bytes.as_slice();
        while rest.starts_with(&[5]) && rest.len() >= Header::SIZE {
            let length = usize::from(Header::decode(rest).unwrap().frag_length);
            let Some((pdu, tail)) = rest.split_at_checked(length) else { break };
            pdus.push(pdu.to_vec());
            rest = tail;
        }
    }
    Some(pdus)
}

#[test]
fn every_pdu_is_read_and_written_byte_by_byte() {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for name in CAPTURES {
        let Some(pdus) = pdus(name) else { return };
        assert!(pdus.len() >= 5, "{name} has {} PDUs", pdus.len());
        for (at, bytes) in pdus.iter().enumerate() {
            let pdu = Pdu::decode(bytes).unwrap_or_else(|error| panic!("{name} {at}: {error}"));
            *kinds.entry(pdu.body.name()).or_default() += 1;
            assert_eq!(&pdu.encode().unwrap(), bytes, "{name} {at}: {}", pdu.body.name());
        }
    }
    println!("{kinds:?}");
    let expected = ["alter_context", "alter_context_resp", "bind", "bind_ack", "request", "response"];
    for kind in expected {
        assert!(kinds.contains_key(kind), "{kind}");
    }
}

#[test]
fn a_pdu_cut_anywhere_is_refused() {
    for name in CAPTURES {
        let Some(pdus) = pdus(name) else { return };
        for bytes in &pdus {
            let length = Header::decode(bytes).unwrap().frag_length;
            for cut in (0..bytes.len()).step_by(if length > 600 { 13 } else { 1 }) {
                assert!(Pdu::decode(&bytes[..cut]).is_err());
                // The same with a header that admits it.
                let mut admitted = bytes[..cut].to_vec();
                if cut >= Header::SIZE {
                    admitted[8..10].copy_from_slice(&u16::try_from(cut).unwrap().to_le_bytes());
                    if let Ok(pdu) = Pdu::decode(&admitted) {
                        assert_eq!(pdu.encode().unwrap(), admitted);
                    }
                }
            }
        }
    }
}

#[test]
fn what_windows_binds_and_answers() {
    let Some(pdus) = pdus("wmi_dcom_create_privacy") else { return };
    let decoded: Vec<Pdu<'_>> = pdus.iter().map(|bytes| Pdu::decode(bytes).unwrap()).collect();
    let bind = decoded
        .iter()
        .find_map(|pdu| match &pdu.body {
            Body::Bind(bind) if bind.contexts.len() == 3 => Some(bind),
            _ => None,
        })
        .unwrap();
    let transfer: Vec<SyntaxId> = bind.contexts.iter().map(|context| context.transfer_syntaxes[0]).collect();
    assert_eq!(transfer[..2], [SyntaxId::NDR, SyntaxId::NDR64]);
    assert_eq!(BindFeatures::from_syntax(&transfer[2]), Some(BindFeatures::ALL));
    let ack = decoded
        .iter()
        .find_map(|pdu| match &pdu.body {
            Body::BindAck(ack) if ack.results.len() == 3 && ack.secondary_address.len() == 6 => Some(ack),
            _ => None,
        })
        .unwrap();
    let outcomes: Vec<ContextOutcome> = ack.results.iter().map(|result| result.outcome).collect();
    assert_eq!(
        outcomes,
        [ContextOutcome::Accepted, ContextOutcome::NO_TRANSFER_SYNTAX, ContextOutcome::Features(3)]
    );
    let sealed = decoded.iter().find(|pdu| pdu.auth.is_some_and(|auth| auth.level == 6)).unwrap();
    let auth = sealed.auth.unwrap();
    assert_eq!(
        (auth.auth_type, AuthLevel::from_u8(auth.level)),
        (AuthType::SPNEGO, Some(AuthLevel::Privacy))
    );
}
