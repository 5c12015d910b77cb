//! CLIXML as PowerShell writes it and reads it (`clixml/values.jsonl`, `objects.jsonl`,
//! `edges.jsonl`).
//!
//! Each value that PowerShell wrote reads to what PowerShell says it read from it, and is written
//! again to the same bytes; its indented form reads to the same value. Each odd document is read to
//! the same values or refused, as PowerShell does.

mod berlin;
pub(super) mod compare;
mod describe;

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use windlass_clixml::{Limits, StreamValue, decode_document, encode_document, encode_document_indented};

use super::KindReport;

pub use describe::describe;

/// Compares every case in the folder `clixml` of `dir`.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let folder = dir.join("clixml");
    type Check = fn(&Value) -> Result<(), String>;
    let kinds: [(&str, Check); 3] = [("values", written), ("objects", written), ("edges", edge)];
    kinds.iter().filter_map(|(kind, check)| kind_report(&folder, kind, *check)).collect()
}

fn kind_report(folder: &Path, kind: &str, check: fn(&Value) -> Result<(), String>) -> Option<KindReport> {
    let lines = std::fs::read_to_string(folder.join(format!("{kind}.jsonl"))).ok()?;
    let mut report = KindReport::new(format!("clixml/{kind}"));
    let mut names = HashMap::new();
    for (index, line) in lines.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        let outcome = parse(line);
        let name =
            outcome.as_ref().map_or_else(|_| format!("line {}", index + 1), |case| name_of(case, &mut names));
        report.count(&name, outcome.map_err(|error| error.to_string()).and_then(|case| check(&case)));
    }
    Some(report)
}

/// Reads a line; descriptions nest deeper than a JSON reader usually goes.
fn parse(line: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(line);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader)
}

/// The case's name, made unique by the depth and a number where the same expression comes again.
fn name_of(case: &Value, seen: &mut HashMap<String, usize>) -> String {
    let text = |key: &str| case.get(key).and_then(Value::as_str);
    let mut name = text("name").or_else(|| text("source")).unwrap_or("unnamed").to_owned();
    if let Some(depth) = case.get("depth").and_then(Value::as_i64).filter(|depth| *depth != 1) {
        name.push_str(&format!(" (depth {depth})"));
    }
    let count = seen.entry(name.clone()).or_insert(0);
    *count += 1;
    if *count > 1 { format!("{name} (no. {count})") } else { name }
}

fn written(case: &Value) -> Result<(), String> {
    let wire = case.get("wire").and_then(Value::as_str).ok_or("the recording has no wire form")?;
    let Some(values) = read_as_recorded(wire, case)? else { return Ok(()) };
    same_text("written again", wire, &encode_document(&values))?;
    if let Some(pretty) = case.get("pretty").and_then(Value::as_str) {
        let again = read_as_recorded(pretty, case).map_err(|error| format!("the indented form: {error}"))?;
        same_text("written indented", pretty, &encode_document_indented(&again.unwrap_or_default()))?;
    }
    Ok(())
}

fn edge(case: &Value) -> Result<(), String> {
    let xml = case.get("xml").and_then(Value::as_str).ok_or("the recording has no document")?;
    read_as_recorded(xml, case).map(|_| ())
}

/// Reads a document and compares what comes with what PowerShell read; `None` where both refuse it.
fn read_as_recorded(xml: &str, case: &Value) -> Result<Option<Vec<StreamValue>>, String> {
    match (decode_document(xml, &Limits::default()), case.get("values"), case.get("refused")) {
        (Ok(values), Some(expected), _) => {
            let ours: Vec<Value> = values.iter().map(|item| describe(&item.value)).collect();
            compare::documents(expected, &Value::Array(ours))?;
            Ok(Some(values))
        }
        (Err(_), None, Some(_)) => Ok(None),
        (Ok(_), None, Some(reason)) => Err(format!("read, but PowerShell refuses it: {reason}")),
        (Err(error), Some(_), _) => Err(format!("refused, but PowerShell reads it: {error}")),
        (_, None, None) => Err("the recording says neither values nor refused".to_owned()),
    }
}

pub(super) fn same_text(what: &str, expected: &str, ours: &str) -> Result<(), String> {
    if expected == ours {
        return Ok(());
    }
    let at = expected.bytes().zip(ours.bytes()).take_while(|(left, right)| left == right).count();
    let part = |text: &str| {
        let from =
            text.char_indices().map(|(index, _)| index).take_while(|index| *index <= at).last().unwrap_or(0);
        text.get(from..).unwrap_or_default().chars().take(60).collect::<String>()
    };
    Err(format!("{what}, at byte {at}: {:?}, PowerShell {:?}", part(ours), part(expected)))
}
