//! What was asked and answered in recorded connections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A request and its answer, where one came.
pub(crate) struct Exchange {
    pub(crate) request: String,
    pub(crate) answer: Option<String>,
}

/// The recordings of a part, by name.
pub(crate) fn recordings(part: &str) -> Vec<PathBuf> {
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

/// The exchanges of all connections of a recording, in the order in which the requests were complete.
pub(crate) fn exchanges(path: &Path) -> Vec<Exchange> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut streams: BTreeMap<(u64, bool), String> = BTreeMap::new();
    // Of each connection, the exchange whose answer is to come.
    let mut open: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut exchanges: Vec<Exchange> = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let is_client = match record["from"].as_str() {
            Some("client") => true,
            Some("server") => false,
            _ => continue,
        };
        let Some(data) = record["data"].as_str() else { continue };
        let connection = record["connection"].as_u64().unwrap();
        let stream = streams.entry((connection, is_client)).or_default();
        stream.push_str(data);
        for body in bodies(stream) {
            if is_client {
                open.entry(connection).or_default().push(exchanges.len());
                exchanges.push(Exchange { request: body, answer: None });
            } else {
                let asked = open.get_mut(&connection).unwrap().remove(0);
                exchanges[asked].answer = Some(body);
            }
        }
    }
    exchanges
}

/// Takes the messages that are complete off a stream. A body may come apart from its head.
fn bodies(stream: &mut String) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Some((head, rest)) = stream.split_once("\r\n\r\n") {
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        let Some(body) = rest.get(..length) else { break };
        bodies.push(body.to_owned());
        *stream = rest.get(length..).unwrap().to_owned();
    }
    bodies
}
