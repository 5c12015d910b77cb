//! Comparison with recordings of real peers.
//!
//! Each part of the recordings has a module with `run(dir)`, which compares every case it finds in the
//! part's folder and reports by kind. Differences that are meant stand in [`listed`] with their
//! reasons.

pub mod clixml;
pub mod cmdlets;
pub mod display;
pub mod language;
pub mod listed;
pub mod omi;
pub mod psrp;
pub mod wsman;

use std::path::Path;

/// How the cases of one kind compare.
#[derive(Debug, Clone, Default)]
pub struct KindReport {
    /// Part and kind, such as `clixml/values`.
    pub kind: String,
    /// How many cases agree.
    pub agree: usize,
    /// How many differ as [`listed`] says they may.
    pub listed: usize,
    /// Those that differ otherwise.
    pub differ: Vec<Difference>,
    /// Anything that the reader of the report should know, such as counts within the kind.
    pub note: Option<String>,
}

/// A case that differs from its recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The case, unique within its kind.
    pub name: String,
    /// The first difference.
    pub first: String,
}

impl KindReport {
    /// A report without cases.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// Counts a case: `Ok` agrees, `Err` says what the first difference is. A difference in the list
    /// of those that are meant is counted apart.
    pub fn count(&mut self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.agree += 1,
            Err(_) if listed::reason(&self.kind, name).is_some() => self.listed += 1,
            Err(first) => self.differ.push(Difference { name: name.to_owned(), first }),
        }
    }
}

/// Compares every part that `dir` holds. A part whose folder is missing gives no report.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let parts: [fn(&Path) -> Vec<KindReport>; 7] =
        [clixml::run, cmdlets::run, display::run, language::run, wsman::run, omi::run, psrp::run];
    parts.iter().flat_map(|part| part(dir)).collect()
}
