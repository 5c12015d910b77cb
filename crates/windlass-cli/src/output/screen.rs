//! Where the output of local pipelines goes: results to standard output, everything else to standard error.

use std::io::{self, Write};
use std::sync::Arc;

use windlass_clixml::{ProgressKind, ProgressRecord, PsValue, to_text};
use windlass_mock::powershell::{Emission, Outcome, Sink};
use windlass_psrp::host::HostMethod;
use windlass_psrp::{ConsoleColor, ErrorRecord, HostMessage, InformationRecord, InformationalKind};

use super::{Paper, Printer, View, printable};
use crate::cli::Format;
use crate::exit::Exit;
use crate::runspace::Local;
use crate::terminal::{coloured, legible};

/// PowerShell's colours for its streams.
const RED: &str = "\u{1b}[31;1m";
const YELLOW: &str = "\u{1b}[33;1m";
const RESET: &str = "\u{1b}[0m";

/// The screen, or the pipes in its place.
pub(crate) struct Screen {
    local: Arc<Local>,
    view: View,
    paper: Paper,
    printer: Option<Printer<Paper>>,
    /// Whether anything was printed on standard output.
    has_printed: bool,
    /// Whether it was said that standard output takes nothing.
    is_lost: bool,
    progress_is_shown: bool,
    /// What `Write-Host` wrote with the record before, of which the call that follows says the same.
    drawn: Option<(String, bool)>,
}

impl Screen {
    /// A screen with nothing on it.
    pub(crate) fn new(local: &Arc<Local>, view: View, paper: Paper) -> Self {
        Self {
            local: Arc::clone(local),
            view,
            paper,
            printer: None,
            has_printed: false,
            is_lost: false,
            progress_is_shown: false,
            drawn: None,
        }
    }

    /// Prints the rest of what came of a pipeline.
    pub(crate) fn finish(&mut self) {
        self.clear_progress();
        if let Some(printer) = self.printer.take()
            && let Err(error) = printer.finish()
        {
            self.lose(&error);
        }
    }

    /// Prints a document without results where nothing was printed: readers of one expect it.
    pub(crate) fn conclude(&mut self) {
        let is_document = matches!(self.view.format, Format::Json | Format::Clixml);
        if is_document && !self.has_printed && self.local.exit() <= Exit::REMOTE_ERRORS {
            self.printer = Some(self.new_printer());
            self.finish();
        }
    }

    /// Prints the rows so far, before something else is shown. A document is not cut in two: what is shown
    /// stands beside it.
    fn flush(&mut self) {
        match self.view.format {
            Format::Table | Format::List | Format::Ndjson => self.finish(),
            Format::Json | Format::Csv | Format::Clixml => self.clear_progress(),
        }
    }

    fn new_printer(&self) -> Printer<Paper> {
        Printer::new(self.view.format, self.view.columns, self.paper.clone()).seen(self.view.is_seen)
    }

    /// Notes that results were lost. One who stops reading, as `head` does, has what they want.
    fn lose(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            tracing::debug!(%error, "standard output is closed");
        } else if !std::mem::replace(&mut self.is_lost, true) {
            self.local.note(Exit::PROTOCOL);
            self.line(RED, &format!("windlass: results were lost: cannot write standard output: {error}"));
        }
    }

    /// Shows an error of a text that was not run.
    pub(crate) fn refuse(&mut self, message: &str) {
        self.flush();
        self.local.note(Exit::USAGE);
        self.line(RED, message);
    }

    /// Shows what went wrong between the computers.
    pub(crate) fn complain(&mut self, message: &str) {
        self.flush();
        self.line(RED, message);
    }

    /// Shows a warning of this side.
    pub(crate) fn warn(&mut self, message: &str) {
        self.flush();
        self.line(YELLOW, &format!("WARNING: {message}"));
    }

    fn output(&mut self, value: PsValue) -> io::Result<()> {
        self.clear_progress();
        self.has_printed = true;
        let mut printer = self.printer.take().unwrap_or_else(|| self.new_printer());
        let printed = printer.result(value);
        self.printer = Some(printer);
        printed
    }

    fn error(&mut self, record: &ErrorRecord) {
        self.flush();
        if self.local.exit() == Exit::DONE {
            let is_usage = ["ParameterBinding", "CommandNotFound", "Parse"]
                .iter()
                .any(|kind| record.exception_type().contains(kind));
            self.local.note(if is_usage { Exit::USAGE } else { Exit::REMOTE_ERRORS });
        }
        let message = record.message();
        let text = match record.activity.as_str() {
            "" => message.to_string(),
            activity => format!("{activity}: {message}"),
        };
        self.line(RED, &text);
    }

    fn information(&mut self, record: &InformationRecord) {
        self.flush();
        match record.host_message() {
            Some(HostMessage { message, no_new_line, foreground, background }) => {
                let unset = ConsoleColor::Unset;
                self.say(&message, !no_new_line, foreground.unwrap_or(unset), background.unwrap_or(unset));
                self.drawn = Some((message.to_string(), no_new_line));
            }
            None => self.write(&format!("{}\n", printable(&to_text(&record.message_data)))),
        }
    }

    fn progress(&mut self, record: &ProgressRecord) {
        if !self.view.shows_progress {
            return;
        }
        self.clear_progress();
        if record.kind == ProgressKind::Processing {
            self.write(&super::progress::line(record, self.view.columns));
            self.progress_is_shown = true;
        }
    }

    /// Shows a call that a script made to the host's screen.
    fn host_call(&mut self, method: &HostMethod) {
        use HostMethod as M;
        let unset = ConsoleColor::Unset;
        if let Some((text, no_new_line)) = self.drawn.take() {
            let repeats = match method {
                M::Write1 { value } | M::Write2 { value, .. } => no_new_line && value.as_str() == text,
                M::WriteLine2 { value } | M::WriteLine3 { value, .. } => {
                    !no_new_line && value.as_str() == text
                }
                _ => false,
            };
            if repeats {
                return;
            }
        }
        match method {
            M::WriteProgress { record, .. } => return self.progress(record),
            M::SetShouldExit { .. } | M::PopRunspace => return self.local.ask_to_leave(),
            _ => self.flush(),
        }
        match method {
            M::Write1 { value } => self.say(value, false, unset, unset),
            M::Write2 { foreground, background, value } => self.say(value, false, *foreground, *background),
            M::WriteLine1 => self.say("", true, unset, unset),
            M::WriteLine2 { value } => self.say(value, true, unset, unset),
            M::WriteLine3 { foreground, background, value } => {
                self.say(value, true, *foreground, *background);
            }
            M::WriteErrorLine { value } => {
                self.local.note(Exit::REMOTE_ERRORS);
                self.line(RED, value);
            }
            M::WriteWarningLine { message } => self.line(YELLOW, &format!("WARNING: {message}")),
            M::WriteVerboseLine { message } => self.line(YELLOW, &format!("VERBOSE: {message}")),
            M::WriteDebugLine { message } => self.line(YELLOW, &format!("DEBUG: {message}")),
            other => {
                if let Err(reason) = self.local.terminal.window(other, &|| true) {
                    tracing::debug!(reason, "a call of the host is not carried out");
                }
            }
        }
    }

    /// Writes what a script wrote to the screen. In a session that was entered, that is what its commands
    /// give, and goes where results go.
    fn say(&mut self, text: &str, ends_line: bool, foreground: ConsoleColor, background: ConsoleColor) {
        let mut text = legible(text, self.view.is_colourful);
        if self.view.is_colourful {
            text = coloured(&text, foreground, background);
        }
        if ends_line {
            text.push('\n');
        }
        if self.local.entered().is_none() {
            return self.write(&text);
        }
        let written = self.paper.write_all(text.as_bytes()).and_then(|()| self.paper.flush());
        if let Err(error) = written {
            self.lose(&error);
        }
    }

    fn clear_progress(&mut self) {
        if self.progress_is_shown {
            self.progress_is_shown = false;
            self.write("\r\u{1b}[K");
        }
    }

    fn line(&self, colour: &str, text: &str) {
        let text = legible(text, false);
        match self.view.is_colourful {
            true => self.write(&format!("{colour}{text}{RESET}\n")),
            false => self.write(&format!("{text}\n")),
        }
    }

    /// A stream that cannot be shown, because nobody reads standard error, is no reason to stop.
    fn write(&self, text: &str) {
        if let Err(error) = self.paper.error(text) {
            tracing::debug!(%error, "standard error is closed");
        }
    }
}

impl Sink for Screen {
    fn emit(&mut self, emission: Emission) -> Outcome {
        if !matches!(emission, Emission::HostCall(_)) {
            self.drawn = None;
        }
        match emission {
            Emission::Output(value) => {
                if let Err(error) = self.output(value) {
                    self.lose(&error);
                    return Err(windlass_mock::powershell::Halt::Stopped);
                }
            }
            Emission::Error(record) => self.error(&record),
            Emission::Informational(kind, record) => {
                self.flush();
                let word = match kind {
                    InformationalKind::Warning => "WARNING",
                    InformationalKind::Verbose => "VERBOSE",
                    InformationalKind::Debug => "DEBUG",
                };
                self.line(YELLOW, &format!("{word}: {}", record.message));
            }
            Emission::Information(record) => self.information(&record),
            Emission::Progress(record) => self.progress(&record),
            Emission::HostCall(method) => self.host_call(&method),
            Emission::Raw(_) => {}
        }
        Ok(())
    }
}
