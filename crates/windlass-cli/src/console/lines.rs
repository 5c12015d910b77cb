//! Lines that make up what is to be run: a script block or a string may go on over several.

use windlass_command::{ParseError, Script};

/// What becomes of a line.
pub(super) enum Outcome {
    /// More lines belong to it.
    More,
    /// It is complete, with those before it.
    Run(String, Script),
    /// It cannot be read; why, and where.
    Refused(String),
}

/// Lines that wait for their end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    waiting: String,
    first: usize,
    count: usize,
}

impl Lines {
    /// Adds a line and says what is to be done.
    pub(super) fn add(
        &mut self,
        line: &str,
        parse: impl Fn(&str) -> Result<Script, Box<ParseError>>,
    ) -> Outcome {
        self.count += 1;
        if self.waiting.is_empty() {
            self.first = self.count;
        } else {
            self.waiting.push('\n');
        }
        self.waiting.push_str(line);
        match parse(&self.waiting) {
            Ok(script) => Outcome::Run(std::mem::take(&mut self.waiting), script),
            Err(error) if error.incomplete => Outcome::More,
            Err(error) => Outcome::Refused(self.refusal(&error)),
        }
    }

    /// Adds a line for a remote session, which may be in all of PowerShell's language; gives the text once
    /// it is complete, or cannot become so.
    pub(super) fn add_remote(&mut self, line: &str) -> Option<String> {
        self.count += 1;
        if !self.waiting.is_empty() {
            self.waiting.push('\n');
        }
        self.waiting.push_str(line);
        match windlass_command::parse_script_block(&self.waiting) {
            Err(error) if error.incomplete => None,
            _ => Some(std::mem::take(&mut self.waiting)),
        }
    }

    /// Whether lines wait for their end.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets the lines that wait.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Why the lines that wait cannot be run as they are.
    pub(super) fn unfinished(
        &mut self,
        parse: impl Fn(&str) -> Result<Script, Box<ParseError>>,
    ) -> Option<String> {
        if !self.is_waiting() {
            return None;
        }
        parse(&self.waiting).err().map(|error| self.refusal(&error))
    }

    /// The reason with its place: line, column, and the line with a mark.
    fn refusal(&mut self, error: &ParseError) -> String {
        let text = std::mem::take(&mut self.waiting);
        let start = error.span.start.min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line = self.first + before.matches('\n').count();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let shown = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let reason = error.to_string();
        let reason = reason.split_once(": ").map_or(reason.as_str(), |(_, reason)| reason);
        let mark = " ".repeat(column - 1);
        format!("line {line}, column {column}: {reason}\n  {shown}\n  {mark}^")
    }
}

#[cfg(test)]
mod tests {
    use windlass_command::{Language, parse};

    use super::*;

    fn console(text: &str) -> Result<Script, Box<ParseError>> {
        parse(text, Language::CONSOLE)
    }

    #[test]
    fn blocks_go_on_over_lines() {
        let mut lines = Lines::default();
        assert!(matches!(lines.add("Invoke-Command srv1 {", console), Outcome::More));
        assert!(matches!(lines.add("  Get-Process", console), Outcome::More));
        let Outcome::Run(text, _) = lines.add("}", console) else { panic!("a whole text") };
        assert_eq!(text, "Invoke-Command srv1 {\n  Get-Process\n}");
        assert!(!lines.is_waiting());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let mut lines = Lines::default();
        assert!(matches!(lines.add("Get-Date", console), Outcome::Run(..)));
        let Outcome::Refused(message) = lines.add("Get-Process > list.txt", console) else {
            panic!("refused")
        };
        assert_eq!(
            message,
            "line 2, column 13: redirection is outside the command language\n  Get-Process > list.txt\n              ^"
        );
        assert!(matches!(lines.add("Get-Date {", console), Outcome::More));
        assert!(lines.unfinished(console).is_some());
    }
}
