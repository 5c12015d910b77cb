//! Recordings as `windlass record` writes them: on each line a message and its answer.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// One line of a recording.
#[derive(Deserialize)]
struct Line {
    ms: u64,
    request: String,
    status: u16,
    response: String,
}

/// Every message with what is inside. A line that cannot be read, such as the last one of a command that was killed,
/// is told in its place.
pub(super) fn exchanges(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).context("this is no recording: it is not in UTF-8")?;
    let mut exchanges = Vec::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = place + 1;
        match serde_json::from_str::<Line>(line) {
            Ok(line) => exchanges.push(json!({
                "ms": line.ms,
                "request": message(&line.request),
                "status": line.status,
                "response": message(&line.response),
            })),
            Err(error) if exchanges.is_empty() => {
                return Err(error).with_context(|| format!("line {place} is not that of a recording"));
            }
            Err(error) => exchanges.push(json!({ "line": place, "error": error.to_string() })),
        }
    }
    Ok(json!({ "format": "recording", "exchanges": exchanges }))
}

/// What is inside a message, or why that is not known.
fn message(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Null;
    }
    super::message(text.as_bytes())
        .unwrap_or_else(|error| json!({ "error": format!("{error:#}"), "text": text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_shown_in_its_place() {
        let packet = "<Close PSGuid='00000000-0000-0000-0000-000000000000' />";
        let first = json!({ "ms": 5, "request": packet, "status": 200, "response": "" });
        // A message is never taken for a recording.
        let second = json!({ "ms": 6, "request": first.to_string(), "status": 500, "response": packet });
        let shown = super::super::value(format!("{first}\n\n{second}\n{{\"ms\": 7").as_bytes()).unwrap();
        assert_eq!(shown["format"], "recording");
        let of = |place: usize| &shown["exchanges"][place];
        assert_eq!(of(0)["request"]["packets"][0]["packet"], "Close");
        assert_eq!((&of(0)["ms"], &of(0)["response"]), (&json!(5), &Value::Null));
        assert_eq!(of(1)["request"]["text"], first.to_string());
        assert_eq!(
            (&of(1)["status"], &of(1)["response"]["packets"][0]["packet"]),
            (&json!(500), &json!("Close"))
        );
        assert_eq!(of(2)["line"], 4);
        let error = format!("{:#}", exchanges(b"{\"a\": 1}").unwrap_err());
        assert!(error.starts_with("line 1 is not that of a recording: "), "{error}");
    }
}
