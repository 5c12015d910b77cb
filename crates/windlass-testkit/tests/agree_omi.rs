//! The recordings of Microsoft's MI client and CIM server, read.
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
fn what_we_read_is_what_the_mi_client_printed() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let reports = agree::omi::run(&dir);
    let count = |kind: &str| {
        let report = reports.iter().find(|report| report.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(report.differ, [], "{kind}");
        report.agree
    };
    assert!(count("omi/answers") >= 17);
    assert!(count("omi/statuses") >= 13);
}
