//! Requests that foreign clients wrote, answered by the host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Wire, fault_code, host, request};
use windlass_wsman::Operation;

/// The bodies that the client of a recording sent, in order.
fn bodies(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut connections: std::collections::BTreeMap<u64, String> = Default::default();
    let mut bodies = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["from"] != "client" {
            continue;
        }
        let Some(data) = record["data"].as_str() else { continue };
        let stream = connections.entry(record["connection"].as_u64().unwrap()).or_default();
        stream.push_str(data);
        // A body may come apart from its head.
        while let Some((head, rest)) = stream.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            let Some(body) = rest.get(..length) else { break };
            bodies.push(body.to_owned());
            *stream = rest.get(length..).unwrap().to_owned();
        }
    }
    bodies
}

/// The request with a short time-out in place of its own.
fn in_haste(body: &str) -> String {
    let Some((before, rest)) = body.split_once("<w:OperationTimeout>") else { return body.to_owned() };
    let (_, after) = rest.split_once('<').unwrap();
    format!("{before}<w:OperationTimeout>PT0.01S<{after}")
}

fn recordings(part: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded").join(part);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// PowerShell's own WS-Man client opens a pool, runs its pipelines and closes: every request is answered,
/// and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_powershell_are_answered() {
    for path in recordings("wsman") {
        let host = host().start().await.unwrap();
        let mut wire = Wire::new(&host);
        let mut answered = 0;
        for body in bodies(&path) {
            // Receives that were parked when they were recorded shall not hold up the test.
            let body = in_haste(&body);
            let (status, answer) = wire.post(&body).await;
            let code = fault_code(&answer);
            // Timed out, or sent after the end of what it is about.
            let expected = [None, Some(0x8033_8029), Some(0x8033_805B), Some(995)];
            assert!(expected.contains(&code), "{}: {code:x?} for {body}", path.display());
            assert_eq!(status, if code.is_none() { 200 } else { 500 });
            answered += 1;
        }
        assert!(answered > 3, "{}", path.display());
        let left = host.statistics();
        assert_eq!((left.open_shells, left.open_commands), (0, 0), "{}", path.display());
        host.shutdown().await;
    }
}

/// Every request of the MI client is understood: where the host lacks the classes, that is what it says.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_mi_client_are_answered() {
    let host = host().start().await.unwrap();
    let mut wire = Wire::new(&host);
    for path in recordings("omi") {
        for body in bodies(&path) {
            let (_, answer) = wire.post(&body).await;
            let code = fault_code(&answer);
            // No such namespace or class, a query that is none, a context that the host did not give.
            assert!(
                matches!(code, Some(0x8004_100E | 0x8004_1010 | 0x8004_1017 | 0x8033_801B)),
                "{}: {code:x?}",
                path.display()
            );
        }
    }
}

/// As OMI does it: the MI client, which does not say who it is, takes an element within a property for an instance,
/// and of a fault's words reads those of the provider or those beside it, not both.
#[tokio::test(flavor = "multi_thread")]
async fn the_mi_client_reads_datetimes_and_faults() {
    let host = host().start().await.unwrap();
    let mut wire = Wire::new(&host);
    let body = |class: &str| {
        let uri = format!("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/{class}");
        request(&uri, &[("__cimnamespace", "root/cimv2")], Operation::Get)
    };
    let (_, plain) = wire.post(&body("Win32_OperatingSystem")).await;
    let (_, named) =
        wire.post_with("User-Agent: Microsoft WinRM Client\r\n", &body("Win32_OperatingSystem")).await;
    assert!(plain.contains("<p:LocalDateTime>2") && !plain.contains("cim:Datetime>"), "{plain}");
    assert!(named.contains("<p:LocalDateTime><cim:Datetime>2"), "{named}");

    let (_, fault) = wire.post(&body("NoSuchClass")).await;
    assert!(fault.contains("<f:Message><f:ProviderFault provider="), "{fault}");
}
