//! Command lines, conversions and wildcards against the recordings of PowerShell.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::path::Path;

use windlass_testkit::agree::language;

#[test]
fn language_agrees_with_powershell() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let reports = language::run(&dir);
    assert!(!reports.is_empty(), "the recordings are there");
    for report in &reports {
        println!(
            "{}: {} agree, {} listed: {}",
            report.kind,
            report.agree,
            report.listed,
            report.note.as_deref().unwrap_or_default()
        );
    }
    let differ: Vec<String> = reports
        .iter()
        .flat_map(|report| report.differ.iter().map(|d| format!("{}/{:?}: {}", report.kind, d.name, d.first)))
        .collect();
    assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
}
