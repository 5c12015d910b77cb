//! Prints how the implementation compares with the recordings in a folder; called by
//! `cargo xtask agree`.
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use windlass_testkit::agree;

fn main() -> ExitCode {
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("fixtures/recorded"), PathBuf::from);
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
    if reports.is_empty() {
        println!("no recordings in {}", dir.display());
    }
    ExitCode::from(u8::from(reports.is_empty() || reports.iter().any(|report| !report.differ.is_empty())))
}
