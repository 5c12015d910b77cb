//! Prints how the implementation compares with the recordings in a folder; called by
//! `cargo xtask agree`.
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use windlass_testkit::agree;

fn main() -> ExitCode {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    // The list is of the project's own recordings: others need not have every case of it.
    let complete = given.is_none();
    let dir = given.unwrap_or_else(|| PathBuf::from("fixtures/recorded"));
    let reports = agree::run(&dir);
    for report in &reports {
        println!(
            "{}: {} agree, {} listed, {} differ",
            report.kind,
            report.agree,
            report.listed,
            report.differ.len()
        );
        if let Some(note) = &report.note {
            println!("  {note}");
        }
    }
    for report in &reports {
        for difference in &report.differ {
            println!("{}/{}: {}", report.kind, difference.name, difference.first);
        }
    }
    let stale = agree::stale(&reports, complete);
    for (kind, case) in &stale {
        println!("stale: {kind}/{case}: listed, but it does not differ");
    }
    if reports.is_empty() {
        println!("no recordings in {}", dir.display());
    }
    let differs = reports.iter().any(|report| !report.differ.is_empty());
    ExitCode::from(u8::from(reports.is_empty() || differs || !stale.is_empty()))
}
