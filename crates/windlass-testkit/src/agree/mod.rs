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
    /// The cases of [`listed`] that were met, with whether each still differs.
    met: Vec<(String, bool)>,
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
        let is_listed = listed::reason(&self.kind, name).is_some();
        if is_listed {
            self.met.push((name.to_owned(), outcome.is_err()));
        }
        match outcome {
            Ok(()) => self.agree += 1,
            Err(_) if is_listed => self.listed += 1,
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

/// The differences of [`listed`] that these reports show to be none: cases that agree and, where the
/// recordings are `complete`, cases that there are none of.
pub fn stale(reports: &[KindReport], complete: bool) -> Vec<(&'static str, &'static str)> {
    let listed = listed::LISTED.iter().map(|(kind, case, _)| (*kind, *case));
    let is_stale = |(kind, case): &(&str, &str)| {
        let of_kind = reports.iter().filter(|report| report.kind == *kind);
        let mut met = of_kind.flat_map(|report| &report.met).filter(|(name, _)| name == case).peekable();
        if met.peek().is_none() { complete } else { !met.any(|(_, differs)| *differs) }
    };
    listed.filter(is_stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_longer_differs_is_stale() {
        let (kind, case, _) = listed::LISTED[0];
        let report = |outcome: Result<(), String>| {
            let mut report = KindReport::new(kind);
            report.count("another", Ok(()));
            report.count(case, outcome);
            [report]
        };
        let differs = report(Err("so".to_owned()));
        assert_eq!((differs[0].listed, stale(&differs, false)), (1, Vec::new()));
        assert_eq!(stale(&report(Ok(())), false), [(kind, case)]);
        // What was not compared may differ still, unless everything was.
        assert_eq!(stale(&[], false), []);
        assert_eq!(stale(&differs, true).len(), listed::LISTED.len() - 1);
    }
}
