//! The recordings of WS-Man, replayed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::path::Path;

use windlass_testkit::agree;

#[test]
fn recordings_of_wsman_agree() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let reports = agree::wsman::run(&dir);
    let count = |kind: &str| {
        let report = reports.iter().find(|report| report.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(report.differ, [], "{kind}");
        report.agree
    };
    assert!(count("wsman/requests") > 500);
    assert!(count("wsman/responses") > 500);
    assert!(count("omi/requests") >= 30);
    assert!(count("omi/responses") >= 30);
    assert!(count("omi/faults") > 5);
}
