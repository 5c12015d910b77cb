//! The messages in a recording of HTTP connections.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request and its response, bodies only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The envelope of the request.
    pub request: String,
    /// The envelope of the response, where there was one.
    pub response: Option<String>,
}

/// The exchanges of a recording, connection by connection. Each line of the recording is an object
/// with `connection`, `from` and `data`.
///
/// # Errors
/// A line that is no such object, a message that is cut short.
pub fn exchanges(recording: &str) -> Result<Vec<Exchange>, String> {
    let mut connections: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for (at, line) in recording.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        let line: Value = serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))?;
        let connection = line.get("connection").and_then(Value::as_u64).unwrap_or_default();
        let (client, server) = connections.entry(connection).or_default();
        let data = line.get("data").and_then(Value::as_str).unwrap_or_default();
        match line.get("from").and_then(Value::as_str) {
            Some("client") => client.push_str(data),
            Some("server") => server.push_str(data),
            _ => {}
        }
    }
    let mut exchanges = Vec::new();
    for (client, server) in connections.values() {
        let mut responses = bodies(server)?.into_iter();
        for request in bodies(client)? {
            exchanges.push(Exchange { request, response: responses.next() });
        }
    }
    Ok(exchanges)
}

/// The bodies of the messages of one direction.
fn bodies(mut stream: &str) -> Result<Vec<String>, String> {
    let mut bodies = Vec::new();
    while !stream.is_empty() {
        let (head, rest) = stream.split_once("\r\n\r\n").ok_or("a message ends in its head")?;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(Ok(0), |(_, length)| length.trim().parse::<usize>())
            .map_err(|error| format!("Content-Length: {error}"))?;
        let (body, later) = rest.split_at_checked(length).ok_or("a message is cut short")?;
        bodies.push(body.to_owned());
        stream = later;
    }
    Ok(bodies)
}
