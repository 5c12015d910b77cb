//! Counting what the scripts print.

use anyhow::{Result, bail};

use super::matrix::Matrix;

/// How the cases ended so far.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    matrix: Matrix,
}

impl Tally {
    /// Prints a script's line and counts it where it reports a case.
    pub(crate) fn line(&mut self, script: &str, line: &str) {
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
    pub(crate) fn fail(&mut self, script: &str, why: &str) {
        self.line(script, &format!("{script}: the script itself: failed: {why}"));
    }

    /// How many lines reported a case.
    pub(crate) fn cases(&self) -> usize {
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
