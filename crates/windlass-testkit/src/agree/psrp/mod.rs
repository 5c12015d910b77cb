//! Whole sessions between a real PowerShell client and server (`psrp/CASE.jsonl`, `psrp/CASE.json`)
//! and wrong input for a real server (`psrp/server-bad-input.jsonl`).
//!
//! - `psrp/lines`: every line is read and written again to the same bytes, down to the properties of
//!   each message.
//! - `psrp/streams`: what the messages say is what PowerShell says it saw.
//! - `psrp/client`: our client, driven as theirs was and fed their server's lines, sends their
//!   client's messages and sees what theirs saw.
//! - `psrp/server`: our server, fed their client's lines, sends their server's messages.
//! - `psrp/bad-input`: our server refuses what theirs refuses.

mod bad_input;
mod client;
mod host_calls;
mod lines;
mod recording;
mod records;
mod server;
mod streams;

use std::path::Path;

use super::KindReport;
use recording::Recording;

/// Compares every case in the folder `psrp` of `dir`.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let folder = dir.join("psrp");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned))
        .filter(|name| !name.ends_with("bad-input"))
        .collect();
    names.sort();
    let recordings: Vec<(String, Result<Recording, String>)> =
        names.into_iter().map(|name| (name.clone(), Recording::load(&folder, &name))).collect();
    type Check = fn(&Recording) -> Result<(), String>;
    let kinds: [(&str, Check); 4] = [
        ("psrp/lines", lines::check),
        ("psrp/streams", streams::check),
        ("psrp/client", client::check),
        ("psrp/server", server::check),
    ];
    let mut reports: Vec<KindReport> = kinds
        .iter()
        .map(|(kind, check)| {
            let mut report = KindReport::new(*kind);
            for (name, recording) in &recordings {
                report.count(name, recording.as_ref().map_err(Clone::clone).and_then(check));
            }
            report
        })
        .collect();
    reports.extend(bad_input::run(&folder));
    reports
}
