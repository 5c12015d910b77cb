//! Where the output of local pipelines goes: results to standard output, everything else to standard error.

use std::io;
use std::sync::Arc;

use windlass_clixml::{ProgressRecord, PsValue, to_text};
use windlass_mock::powershell::{Emission, Outcome, Sink};
use windlass_psrp::{ErrorRecord, InformationRecord, InformationalKind};

use super::{Paper, Printer, View, printable};
use crate::exit::Exit;
use crate::runspace::Local;

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
    progress_is_shown: bool,
}

impl Screen {
    /// A screen with nothing on it.
    pub(crate) fn new(local: &Arc<Local>, view: View, paper: Paper) -> Self {
        Self { local: Arc::clone(local), view, paper, printer: None, progress_is_shown: false }
    }

    /// Prints what was held back: tables need all their rows.
    pub(crate) fn flush(&mut self) {
        self.clear_progress();
        if let Some(printer) = self.printer.take()
            && let Err(error) = printer.finish()
        {
            tracing::debug!(%error, "standard output is closed");
        }
    }

    /// Shows an error of a text that was not run.
    pub(crate) fn refuse(&mut self, message: &str) {
        self.flush();
        self.local.note(Exit::USAGE);
        self.line(RED, message);
    }

    fn output(&mut self, value: PsValue) -> io::Result<()> {
        self.clear_progress();
        let (view, paper) = (self.view, &self.paper);
        let printer =
            self.printer.get_or_insert_with(|| Printer::new(view.format, view.columns, paper.clone()));
        printer.result(value)
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
            Some(message) => {
                let end = if message.no_new_line { "" } else { "\n" };
                self.write(&format!("{}{end}", printable(message.message.as_ref())));
            }
            None => self.write(&format!("{}\n", printable(&to_text(&record.message_data)))),
        }
    }

    fn progress(&mut self, record: &ProgressRecord) {
        if !self.view.shows_progress {
            return;
        }
        self.clear_progress();
        let percent = match record.percent_complete {
            percent if percent >= 0 => format!(" {percent}%"),
            _ => String::new(),
        };
        let text = format!("{} [{}]{percent}", record.activity, record.status_description);
        let text: String =
            printable(&text).chars().filter(|character| *character != '\n').take(100).collect();
        self.write(&format!("{YELLOW}{text}{RESET}"));
        self.progress_is_shown = true;
    }

    fn clear_progress(&mut self) {
        if self.progress_is_shown {
            self.progress_is_shown = false;
            self.write("\r\u{1b}[K");
        }
    }

    fn line(&self, colour: &str, text: &str) {
        let text = printable(text);
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
        match emission {
            Emission::Output(value) => {
                if let Err(error) = self.output(value) {
                    tracing::debug!(%error, "standard output is closed");
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
            Emission::HostCall(_) | Emission::Raw(_) => {}
        }
        Ok(())
    }
}
