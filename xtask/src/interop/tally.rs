//! Counting what the scripts print.

use anyhow::{Result, bail};

use super::matrix::Matrix;
use super::python::Outcome;

/// How the cases ended so far.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    matrix: Matrix,
}

impl Tally {
    /// Prints what a script printed and counts its cases. A script that ended badly, or reported no case, counts as
    /// failed.
    pub(crate) fn script(&mut self, script: &str, outcome: &Outcome) {
        let before = self.cases();
        outcome.lines.lines().for_each(|line| self.line(script, line));
        if !outcome.status.success() {
            self.fail(script, &outcome.status.to_string());
        } else if self.cases() == before {
            self.fail(script, "it reported no case");
        }
    }

    /// Prints a script's line and counts it where it reports a case.
    fn line(&mut self, script: &str, line: &str) {
        println!("{line}");
        self.matrix.line(script, line);
        // The names of cases may have colons of their own.
        if line.ends_with(": passed") {
            self.passed += 1;
        } else if line.contains(": failed: ") || line.ends_with(": failed") {
            self.failed += 1;
        } else if line.contains(": skipped: ") {
            self.skipped += 1;
        }
    }

    /// Counts a script that could not run at all.
    pub(crate) fn skip(&mut self, script: &str, why: &str) {
        self.line(script, &format!("{script}: all cases: skipped: {why}"));
    }

    /// Counts a script that broke.
    fn fail(&mut self, script: &str, why: &str) {
        self.line(script, &format!("{script}: the script itself: failed: {why}"));
    }

    /// How many lines reported a case.
    fn cases(&self) -> usize {
        self.passed + self.failed + self.skipped
    }

    /// Prints the matrix and the sum; any failed case is an error.
    pub(crate) fn finish(self) -> Result<()> {
        self.matrix.print();
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        if self.failed > 0 {
            bail!("{} cases with foreign peers failed", self.failed);
        }
        Ok(())
    }
}
