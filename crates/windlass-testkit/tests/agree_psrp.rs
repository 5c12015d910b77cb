//! The recordings of PowerShell remoting in the repository, compared as `cargo xtask agree` does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "test code")]

use std::path::Path;

#[test]
fn sessions_agree_with_powershell() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let reports = windlass_testkit::agree::psrp::run(&dir);
    assert_eq!(reports.len(), 5, "a part of the recordings is missing");
    let mut differences = Vec::new();
    for report in &reports {
        println!(
            "{}: {} agree, {} listed, {} differ",
            report.kind,
            report.agree,
            report.listed,
            report.differ.len()
        );
        assert!(report.agree >= 39, "{} has lost cases", report.kind);
        differences.extend(
            report.differ.iter().map(|case| format!("{} {}: {}", report.kind, case.name, case.first)),
        );
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
