//! The recordings of CLIXML in the repository, compared as `cargo xtask agree` does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::path::Path;

#[test]
fn clixml_agrees_with_powershell() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let reports = windlass_testkit::agree::clixml::run(&dir);
    assert_eq!(reports.len(), 3, "a part of the recordings is missing");
    let mut differences = Vec::new();
    for report in &reports {
        println!(
            "{}: {} agree, {} listed, {} differ",
            report.kind,
            report.agree,
            report.listed,
            report.differ.len()
        );
        differences.extend(
            report.differ.iter().map(|case| format!("{} {}: {}", report.kind, case.name, case.first)),
        );
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
