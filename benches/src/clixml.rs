//! CLIXML to measure with: recorded values and sessions, and process lists as `Get-Process` sends them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use windlass_clixml::{PsDateTime, PsObject, PsString, PsValue, TypeNames};
use windlass_psrp::Message;
use windlass_psrp::fragment::{Defragmenter, FragmentLimits};
use windlass_psrp::outofproc::Packet;

/// The values that a real PowerShell wrote, as messages of one element each.
///
/// # Panics
/// Where the recordings are missing: nothing can be measured then.
pub fn recorded_values() -> Vec<String> {
    let mut messages = Vec::new();
    for file in ["values.jsonl", "objects.jsonl"] {
        messages.extend(read(&folder("clixml").join(file)).lines().filter_map(message));
    }
    messages
}

/// The one element in a recorded document that could be read.
fn message(line: &str) -> Option<String> {
    let case: serde_json::Value = serde_json::from_str(line).ok()?;
    case.get("values")?;
    let (_, content) = case.get("wire")?.as_str()?.split_once('>')?;
    Some(content.strip_suffix("</Objs>")?.to_owned())
}

/// What is in the messages of sessions between a real PowerShell client and server, in both directions.
///
/// # Panics
/// Where the recordings are missing: nothing can be measured then.
#[allow(clippy::expect_used, reason = "a benchmark has nothing else to do with the error")]
pub fn recorded_sessions() -> Vec<String> {
    let entries = std::fs::read_dir(folder("psrp")).expect("the recordings are in the repository");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".jsonl") && !name.ends_with("bad-input.jsonl")
    });
    files.sort();
    files.iter().flat_map(|file| session(&read(file))).collect()
}

fn session(lines: &str) -> Vec<String> {
    let mut messages = Vec::new();
    let mut inboxes = HashMap::new();
    for line in lines.lines() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let text = |key: &str| line.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        for packet in Packet::decode_line(text("line")).unwrap_or_default() {
            let Packet::Data { id, data, .. } = packet else { continue };
            let inbox = inboxes
                .entry((text("from").to_owned(), id))
                .or_insert_with(|| Defragmenter::new(FragmentLimits::default()));
            let mut objects = inbox.push(&data);
            while let Ok(Some(object)) = objects.next() {
                let message = Message::decode(object.data).ok().filter(|message| !message.data.is_empty());
                messages.extend(message.map(|message| message.data.to_owned()));
            }
        }
    }
    messages
}

#[allow(clippy::expect_used, reason = "a benchmark has nothing else to do with the error")]
fn folder(name: &str) -> PathBuf {
    let parents = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = parents.map(|parent| parent.join("fixtures/recorded").join(name));
    folders.find(|folder| folder.is_dir()).expect("the recordings are in the repository")
}

#[allow(clippy::expect_used, reason = "a benchmark has nothing else to do with the error")]
fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a recording can be read")
}

/// One process of a list.
pub fn process(index: u32, types: &TypeNames) -> PsObject {
    let id = 1000 + index;
    let big = 40_960 * i64::from(index % 977 + 1);
    let name = format!("svc-host-{}", index % 97);
    let start = PsDateTime::from_unix(1_790_000_000 + i64::from(index) * 61, 123_456_700);
    let mut process = PsObject::untyped()
        .with_type_names(types)
        .with_to_string(format!("System.Diagnostics.Process ({name})"))
        .with_adapted("BasePriority", 8)
        .with_adapted("HasExited", false)
        .with_adapted("StartTime", start)
        .with_adapted("Id", id)
        .with_adapted("MachineName", ".")
        .with_adapted("MaxWorkingSet", PsValue::Null)
        .with_adapted("ProcessName", name.as_str())
        .with_adapted("SessionId", 1)
        .with_adapted("EnableRaisingEvents", false)
        .with_adapted("TotalProcessorTime", PsValue::TimeSpan(big))
        .with_adapted("UserProcessorTime", PsValue::TimeSpan(big / 3));
    for counter in COUNTERS {
        process.adapted.push(PsString::from_static(counter), big + i64::from(id));
    }
    process
        .with_adapted("MainWindowTitle", "")
        .with_adapted("Responding", true)
        .with_adapted("Path", format!("C:\\Program Files\\Example & Co\\{name}.exe"))
        .with("Name", name)
        .with("Handles", 17 * (index % 61))
        .with("CPU", 0.015_625 * f64::from(index))
        .with("__NounName", "Process")
}

const COUNTERS: [&str; 16] = [
    "Handles64",
    "NonpagedSystemMemorySize64",
    "NonpagedSystemMemorySize",
    "PagedMemorySize64",
    "PagedMemorySize",
    "PagedSystemMemorySize64",
    "PagedSystemMemorySize",
    "PeakPagedMemorySize64",
    "PeakPagedMemorySize",
    "PeakWorkingSet64",
    "PeakWorkingSet",
    "PeakVirtualMemorySize64",
    "PrivateMemorySize64",
    "VirtualMemorySize64",
    "WorkingSet64",
    "WorkingSet",
];

/// The type names of a process.
pub fn process_types() -> TypeNames {
    TypeNames::new([
        "System.Diagnostics.Process",
        "System.ComponentModel.Component",
        "System.MarshalByRefObject",
        "System.Object",
    ])
}

/// A list of processes, as one value.
pub fn process_list(count: u32) -> PsValue {
    let types = process_types();
    PsValue::list((0..count).map(|index| process(index, &types).into()))
}

/// Processes as they travel in a session: each a message of its own.
pub fn process_messages(count: u32) -> Vec<String> {
    let types = process_types();
    (0..count).map(|index| windlass_clixml::encode(&process(index, &types).into())).collect()
}
