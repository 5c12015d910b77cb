//! Objects print as PowerShell printed them.
#![allow(missing_docs, reason = "test code")]

use std::path::Path;

use windlass_testkit::agree::display;

#[test]
fn displays_agree_with_the_recordings() {
    let reports = display::run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded"));
    let [report] = reports.as_slice() else { panic!("one kind of recording is expected") };
    assert!(report.agree > 0);
    assert_eq!(report.differ, []);
}
