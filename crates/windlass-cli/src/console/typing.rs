//! Lines that are typed for a console of this process.

use anyhow::Result;

use super::Session;
use super::editor::{Complete, Partner};
use super::lines::Lines;
use super::remote::Remote;
use crate::complete::Words;

/// When the console takes no more lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// When `exit` is said to the console itself.
    Exit,
    /// When the session that was entered is left.
    Left,
}

/// A console at which somebody types.
pub(super) struct Typing<'s> {
    session: &'s mut Session,
    lines: Lines,
    until: Until,
    is_over: bool,
    has_lost: bool,
}

impl<'s> Typing<'s> {
    pub(super) fn new(session: &'s mut Session, until: Until) -> Self {
        Self { session, lines: Lines::default(), until, is_over: false, has_lost: false }
    }

    /// Whether the session that was entered ended before it was left.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost
    }
}

impl Partner for Typing<'_> {
    fn prompt(&mut self) -> Result<Option<String>> {
        if self.is_over {
            return Ok(None);
        }
        let prompt = self.session.entered_prompt(&self.lines);
        Ok(prompt.or_else(|| match self.until {
            Until::Left => None,
            Until::Exit if self.lines.is_waiting() => Some(">> ".to_owned()),
            Until::Exit => Some("windlass> ".to_owned()),
        }))
    }

    fn completer(&mut self) -> Box<dyn Complete> {
        match self.session.local.entered() {
            Some(entry) => Box::new(Remote { entry, handle: self.session.local.handle.clone() }),
            None => Box::new(Words::of(self.session)),
        }
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let leaves = ["exit", "quit"].iter().any(|word| line.trim().eq_ignore_ascii_case(word));
        let is_remote = self.session.local.entered().is_some();
        if leaves && !is_remote && !self.lines.is_waiting() {
            self.is_over = true;
        } else {
            let goes_on = self.session.take(&mut self.lines, line);
            self.has_lost = is_remote && !goes_on;
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<()> {
        self.lines.forget();
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        match self.session.local.entered() {
            Some(_) => self.session.local.leave(),
            None => self.is_over = true,
        }
        Ok(())
    }
}
