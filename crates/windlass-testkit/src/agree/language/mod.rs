//! `language/*`: parsing, conversion and wildcards against PowerShell's own.

mod conversions;
mod tree;

use std::fs;
use std::path::Path;

use serde_json::Value;
use windlass_command::wildcard::Pattern;
use windlass_command::{Language, ParseErrorKind};

use super::KindReport;

/// Compares the part `language` of the recordings in `dir`.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let dir = dir.join("language");
    type Compare = fn(&[Value]) -> KindReport;
    let kinds: [(&str, Compare); 3] =
        [("parse", parse), ("conversions", conversions::compare), ("wildcards", wildcards)];
    kinds
        .iter()
        .filter_map(|(kind, compare)| Some(compare(&cases(&dir.join(format!("{kind}.jsonl")))?)))
        .collect()
}

/// The lines of a file of cases; `None` where there is none.
fn cases(path: &Path) -> Option<Vec<Value>> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn parse(cases: &[Value]) -> KindReport {
    let mut report = KindReport::new("language/parse");
    let (mut same, mut refused, mut outside, mut outside_same) = (0, 0, 0, 0);
    for case in cases {
        let text = case["text"].as_str().unwrap_or_default();
        let whole = windlass_command::parse_script_block(text);
        let outcome = if case["errors"].as_array().is_some_and(|errors| !errors.is_empty()) {
            match windlass_command::parse(text, Language::CONSOLE) {
                Ok(_) => Err(format!("accepted, though refused with {}", case["errors"][0]["id"])),
                Err(error) => {
                    refused += 1;
                    match error.kind {
                        // Recognised as something else before PowerShell's error was reached.
                        ParseErrorKind::Outside(_) => Ok(()),
                        _ => more_input_helps(case, error.incomplete),
                    }
                }
            }
        } else {
            let tree = whole.map_err(|error| format!("refused: {error}"));
            let tree = tree.and_then(|block| tree::compare(text, &block, &case["ast"]));
            match windlass_command::parse(text, Language::CONSOLE) {
                Ok(_) => {
                    same += usize::from(tree.is_ok());
                    tree
                }
                Err(error) if matches!(error.kind, ParseErrorKind::Outside(_)) => {
                    outside += 1;
                    outside_same += usize::from(tree.is_ok());
                    Ok(())
                }
                Err(error) => Err(format!("refused: {error}")),
            }
        };
        report.count(text, outcome);
    }
    report.note = Some(format!(
        "{same} the same tree, {refused} refused by both, {outside} outside the language \
         ({outside_same} of them the same tree)"
    ));
    report
}

/// Whether both say the same about more input mending the text.
fn more_input_helps(case: &Value, ours: bool) -> Result<(), String> {
    let theirs = case["errors"][0]["incomplete"].as_bool().unwrap_or_default();
    if theirs == ours { Ok(()) } else { Err(format!("incomplete: {theirs}, ours {ours}")) }
}

/// The first line names the strings, each other line a pattern and which of them it matches.
fn wildcards(cases: &[Value]) -> KindReport {
    let mut report = KindReport::new("language/wildcards");
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut all = Vec::new();
    for case in cases {
        if case.get("strings").is_some() {
            all = strings(&case["strings"]);
            continue;
        }
        let text = case["pattern"].as_str().unwrap_or_default();
        let refused = case.get("refused").is_some();
        let outcome = match Pattern::new(text) {
            Err(_) if refused => Ok(()),
            Err(error) => Err(format!("refused: {error}")),
            Ok(_) if refused => Err("accepted, though refused".to_owned()),
            Ok(pattern) => {
                let ours: Vec<String> = all.iter().filter(|text| pattern.matches(text)).cloned().collect();
                let theirs = strings(&case["matches"]);
                if ours == theirs { Ok(()) } else { Err(format!("{theirs:?}, ours {ours:?}")) }
            }
        };
        report.count(text, outcome);
    }
    report
}
