//! The tests, and how many of them tested nothing.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::command::{PACKAGES, cargo_command};
use crate::fixtures;

/// How a test says that it tested nothing, after its name.
const SKIPPED: &str = ": skipped: ";

/// The README's test command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut command = cargo_command();
    command.arg("test").args(PACKAGES).args(arguments).stderr(Stdio::piped());
    if std::io::stderr().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().context("cannot run cargo test")?;
    let told = child.stderr.take().context("cargo test has no error output")?;
    let skipped = pass_on(BufReader::new(told), &mut std::io::stderr())?;
    let status = child.wait().context("cannot wait for cargo test")?;
    if !status.success() {
        bail!("cargo test failed: {status}");
    }
    fixtures::tell_missing();
    for test in &skipped {
        println!("{test}");
    }
    println!("{} tests skipped", skipped.len());
    Ok(())
}

/// Passes on what is told, and keeps what tests said that tested nothing.
fn pass_on(mut told: impl BufRead, on: &mut impl Write) -> Result<BTreeSet<String>> {
    let mut skipped = BTreeSet::new();
    let mut line = Vec::new();
    while told.read_until(b'\n', &mut line).context("cannot read what cargo test says")? > 0 {
        on.write_all(&line).context("cannot pass on what cargo test says")?;
        let text = String::from_utf8_lossy(&line);
        if text.split_once(SKIPPED).is_some_and(|(test, _)| !test.is_empty() && !test.contains(' ')) {
            skipped.insert(text.trim_end().to_owned());
        }
        line.clear();
    }
    Ok(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_counted_once() {
        let told = "   Compiling x\nb::c: skipped: no file\na: skipped: no file\na: skipped: no file\n\
                    warning: it was: skipped: not\n: skipped: nameless";
        let mut passed = Vec::new();
        let skipped = pass_on(told.as_bytes(), &mut passed).unwrap();
        assert_eq!(
            skipped.into_iter().collect::<Vec<_>>(),
            ["a: skipped: no file", "b::c: skipped: no file"]
        );
        assert_eq!(passed, told.as_bytes());
    }
}
