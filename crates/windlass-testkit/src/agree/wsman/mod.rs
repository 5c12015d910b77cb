//! WS-Man as a real PowerShell client and Microsoft's open-source servers speak it (`wsman/`), and
//! Microsoft's MI client with its CIM server (`omi/`): plain HTTP.
//!
//! Every message must decode, its response as the answer to its request; what was decoded, encoded
//! again, must hold the same header blocks and the same body as the recording.

mod canonical;
mod http;

use std::path::Path;

use windlass_wsman::{Expectation, Limits, Reply, decode_request, decode_response};

use super::KindReport;
pub use canonical::first_difference;
pub use http::{Exchange, exchanges};

/// Compares what `dir/wsman` and `dir/omi` hold.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let mut reports = Vec::new();
    if dir.join("wsman").is_dir() {
        reports.extend(messages(&dir.join("wsman"), "wsman"));
    }
    if dir.join("omi").is_dir() {
        reports.extend(messages(&dir.join("omi"), "omi"));
        reports.push(faults(&dir.join("omi")));
    }
    reports
}

/// The requests and the responses of every recording in a folder, as kinds of `part`.
pub fn messages(dir: &Path, part: &str) -> [KindReport; 2] {
    let mut requests = KindReport::new(format!("{part}/requests"));
    let mut responses = KindReport::new(format!("{part}/responses"));
    for (case, recording) in recordings(dir) {
        let exchanges = match recording.and_then(|text| exchanges(&text)) {
            Ok(exchanges) => exchanges,
            Err(error) => {
                requests.count(&case, Err(error));
                continue;
            }
        };
        for (at, exchange) in exchanges.iter().enumerate() {
            let name = format!("{case}/{}", at + 1);
            let mut expectation = Expectation::unchecked();
            requests.count(&name, request(&exchange.request).map(|found| expectation = found));
            if let Some(text) = &exchange.response {
                responses.count(&name, response(text, &expectation));
            }
        }
    }
    [requests, responses]
}

/// Decodes a request, encodes it again and compares; returns what its response must be.
///
/// # Errors
/// Why it was refused, or the first difference.
pub fn request(text: &str) -> Result<Expectation, String> {
    let limits = Limits::default();
    let request = decode_request(text, &limits).map_err(|error| format!("request refused: {error}"))?;
    let encoded = request.encode();
    let again =
        decode_request(&encoded, &limits).map_err(|error| format!("our own request refused: {error}"))?;
    if again != request {
        return Err("decoded again, the request differs".to_owned());
    }
    match first_difference(text, &encoded)? {
        Some(difference) => Err(difference),
        None => Ok(request.expectation()),
    }
}

/// Decodes a response, encodes it again and compares.
///
/// # Errors
/// Why it was refused, or the first difference.
pub fn response(text: &str, expectation: &Expectation) -> Result<(), String> {
    let limits = Limits::default();
    let response =
        decode_response(text, expectation, &limits).map_err(|error| format!("response refused: {error}"))?;
    let encoded = response.encode();
    let again = decode_response(&encoded, expectation, &limits)
        .map_err(|error| format!("our own response refused: {error}"))?;
    if again != response {
        return Err("decoded again, the response differs".to_owned());
    }
    first_difference(text, &encoded)?.map_or(Ok(()), Err)
}

/// The faults that the MI client was answered with: the text that we find in each is what that client
/// printed.
fn faults(dir: &Path) -> KindReport {
    let mut report = KindReport::new("omi/faults");
    for (case, recording) in recordings(dir) {
        let Ok(exchanges) = recording.and_then(|text| exchanges(&text)) else { continue };
        let Ok(told) = std::fs::read_to_string(dir.join(format!("{case}.json"))) else { continue };
        let printed = serde_json::from_str::<serde_json::Value>(&told)
            .ok()
            .and_then(|told| Some(told.get("printed")?.as_str()?.to_owned()))
            .unwrap_or_default();
        for exchange in exchanges {
            let Some(text) = exchange.response else { continue };
            let decoded = decode_response(&text, &Expectation::unchecked(), &Limits::default());
            if let Ok(Reply::Fault(fault)) = decoded.map(|response| response.reply) {
                report.count(&case, printed_says(&printed, fault.message()));
            }
        }
    }
    report
}

/// The client prints the message of the CIM error, to which the reason of the fault may add the
/// status in front.
fn printed_says(printed: &str, message: &str) -> Result<(), String> {
    let said = printed.lines().filter_map(|line| line.strip_prefix("result: "));
    match said.into_iter().any(|line| !line.is_empty() && message.ends_with(line)) {
        true => Ok(()),
        false => Err(format!("the client printed {printed:?}, the fault says {message:?}")),
    }
}

/// Case name and text of every `.jsonl` in a folder, by name.
pub fn recordings(dir: &Path) -> Vec<(String, Result<String, String>)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let name = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    paths.iter().map(|path| (name(path).unwrap_or_default(), read(path))).collect()
}
