//! What a command sees of its pipeline: where it writes to, and where it runs.

use std::time::Duration;

use jiff::Timestamp;
use windlass_clixml::{ProgressRecord, PsString, PsValue};
use windlass_core::Secret;
use windlass_psrp::host::{HostMethod, HostReply, HostReturn};
use windlass_psrp::payload::UserEvent;
use windlass_psrp::{
    ConsoleColor, ErrorCategory, ErrorRecord, HostMessage, InformationRecord, InformationalKind,
    InformationalRecord, InvocationInfo,
};

use super::cmdlet::{Halt, Outcome};
use super::failure::{Failure, exceptions};
use super::pipeline::{Call, Slot};
use super::preference::Action;
use super::record::{Emission, Sink, error_record, error_value, warning_value};
use super::runspace::Runspace;
use super::text::local_time;

/// What a command sees of its pipeline.
pub struct Context<'p> {
    pub(super) call: &'p Call,
    pub(super) downstream: &'p mut [Slot],
    pub(super) sink: &'p mut dyn Sink,
    pub(super) runspace: &'p Runspace,
}

impl Context<'_> {
    /// Writes an object to the next command, or to the client.
    pub fn write(&mut self, value: impl Into<PsValue>) -> Outcome {
        self.write_value(value.into())
    }

    /// Writes the items of a list one by one; what is no list is written as it is.
    pub fn write_each(&mut self, value: PsValue) -> Outcome {
        let PsValue::Object(object) = &value else { return self.write_value(value) };
        match object.items() {
            Some(items) => items.iter().try_for_each(|item| self.write_value(item.clone())),
            None => self.write_value(value),
        }
    }

    /// Reports an error that does not end the pipeline, unless the caller's preference makes it do so.
    pub fn error(&mut self, failure: Failure) -> Outcome {
        let record = error_record(failure, self.call);
        self.error_record(record)
    }

    /// The halt for an error that ends the pipeline.
    #[must_use]
    pub fn fail(&self, failure: Failure) -> Halt {
        Halt::Failed(Box::new(error_record(failure, self.call)))
    }

    /// Writes a warning.
    pub fn warning(&mut self, message: impl Into<PsString>) -> Outcome {
        let chosen = self.call.preferences.warning;
        let action = chosen.or_else(|| self.runspace.preference("WarningPreference")).unwrap_or_default();
        self.informational(InformationalKind::Warning, action, message.into())
    }

    /// Writes a line for those who asked for details.
    pub fn verbose(&mut self, message: impl Into<PsString>) -> Outcome {
        let chosen = self.call.preferences.verbose;
        let action = chosen.or_else(|| self.runspace.preference("VerbosePreference"));
        let action = action.unwrap_or(Action::SilentlyContinue);
        self.informational(InformationalKind::Verbose, action, message.into())
    }

    /// Writes a line for programmers.
    pub fn debug(&mut self, message: impl Into<PsString>) -> Outcome {
        let chosen = self.call.preferences.debug;
        let action = chosen.or_else(|| self.runspace.preference("DebugPreference"));
        let action = action.unwrap_or(Action::SilentlyContinue);
        self.informational(InformationalKind::Debug, action, message.into())
    }

    /// Writes to the information stream. Other than verbose lines these records travel unless they are
    /// to be ignored: whether they are shown is the client's business.
    pub fn information(&mut self, data: PsValue, source: &str, tags: Vec<PsString>) -> Outcome {
        let action = self.call.preferences.information.unwrap_or(Action::SilentlyContinue);
        match action {
            Action::Ignore => return Ok(()),
            Action::Stop => return Err(self.stopped_by("InformationPreference", &super::text::text(&data))),
            _ => {}
        }
        let record = InformationRecord {
            message_data: data,
            source: source.into(),
            time_generated: local_time(Timestamp::now()),
            tags,
            user: self.runspace.user().into(),
            computer: self.runspace.computer().into(),
            process_id: std::process::id(),
            native_thread_id: 0,
            managed_thread_id: 0,
        };
        let kept = || Emission::Information(Box::new(record.clone())).into_value();
        self.call.copy("InformationVariable", self.runspace, kept);
        self.emit(Emission::Information(Box::new(record)))
    }

    /// Reports progress.
    pub fn progress(&mut self, record: ProgressRecord) -> Outcome {
        match self.call.preferences.progress.unwrap_or_default() {
            Action::Ignore | Action::SilentlyContinue => Ok(()),
            _ => {
                self.emit(Emission::Progress(Box::new(record.clone())))?;
                if self.runspace.host().is_ui_null {
                    return Ok(());
                }
                // As PowerShell does: the record for the stream, the call for the screen.
                self.emit(Emission::HostCall(Box::new(HostMethod::WriteProgress { source_id: 0, record })))
            }
        }
    }

    /// Writes to the client's screen, and to the information stream.
    pub fn write_host(&mut self, mut message: HostMessage) -> Outcome {
        let host = self.runspace.host();
        let (has_ui, screen) = (!host.is_ui_null, host.default_data.as_ref());
        if let Some(screen) = screen {
            message.foreground = message.foreground.or(Some(screen.foreground));
            message.background = message.background.or(Some(screen.background));
        }
        self.information((&message).into(), "Write-Host", vec!["PSHOST".into()])?;
        if !has_ui || self.call.preferences.information == Some(Action::Ignore) {
            return Ok(());
        }
        let HostMessage { message: value, no_new_line, foreground, background } = message;
        let method = match (foreground, background) {
            (None, None) if no_new_line => HostMethod::Write1 { value },
            (None, None) => HostMethod::WriteLine2 { value },
            (foreground, background) => {
                let foreground = foreground.unwrap_or(ConsoleColor::Gray);
                let background = background.unwrap_or(ConsoleColor::Black);
                match no_new_line {
                    true => HostMethod::Write2 { foreground, background, value },
                    false => HostMethod::WriteLine3 { foreground, background, value },
                }
            }
        };
        self.emit(Emission::HostCall(Box::new(method)))
    }

    /// Asks the user through the client's host and waits for the answer.
    ///
    /// # Errors
    /// The client has nobody to ask, its host refused, or the pipeline was stopped.
    pub fn ask(&mut self, method: HostMethod) -> Result<HostReturn, Halt> {
        if self.runspace.host().is_ui_null {
            let message = "A command that prompts the user failed because the host program or the command type \
                           does not support user interaction. The host was attempting to request confirmation \
                           with the following message: ";
            let category = ErrorCategory::NotImplemented;
            let failure = Failure::new(exceptions::HOST, "HostFunctionNotImplemented", category, message);
            return Err(self.fail(failure));
        }
        match self.sink.call_host(method)? {
            HostReply::Value(value) => Ok(value),
            HostReply::Error(record) => {
                let id = record.fully_qualified_error_id.to_string();
                let failure = Failure::new(exceptions::HOST, &id, record.category, record.to_string());
                Err(self.fail(failure))
            }
        }
    }

    /// The value that stands for a secret in output.
    ///
    /// # Errors
    /// When the secret would travel unprotected.
    pub fn protect(&mut self, secret: &Secret) -> Result<PsValue, Halt> {
        self.sink.protect(secret).map_err(|reason| self.refused_secret(reason))
    }

    /// The secret that a secure string from the client stands for.
    ///
    /// # Errors
    /// When the value is no secure string, or no key was exchanged.
    pub fn reveal(&mut self, value: &PsValue) -> Result<Secret, Halt> {
        self.sink.reveal(value).map_err(|reason| self.refused_secret(reason))
    }

    fn refused_secret(&self, reason: String) -> Halt {
        let category = ErrorCategory::SecurityError;
        self.fail(Failure::new(exceptions::INVALID_OPERATION, "SecureStringNotAvailable", category, reason))
    }

    /// Tells the client of an event.
    pub(crate) fn forward(&mut self, event: &UserEvent) -> Outcome {
        self.sink.forward(event)
    }

    /// Leaves the interactive session that the client is in.
    pub(crate) fn exit_session(&mut self) -> Outcome {
        self.emit(Emission::HostCall(Box::new(HostMethod::PopRunspace)))
    }

    /// The halt of a command that wants no more input.
    #[must_use]
    pub fn enough(&self) -> Halt {
        Halt::Enough(self.call.position)
    }

    /// Waits for that long, or until the pipeline is stopped.
    pub fn sleep(&self, time: Duration) -> Outcome {
        if self.runspace.stop().wait_for(time) { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Whether the pipeline goes on. Long work without output shall ask now and then.
    pub fn check(&self) -> Outcome {
        if self.runspace.stop().is_stopped() { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Where the pipeline runs: session, computer, user, commands.
    pub fn runspace(&self) -> &Runspace {
        self.runspace
    }

    /// How the command was called.
    pub fn invocation(&self) -> &InvocationInfo {
        &self.call.invocation
    }

    /// Whether errors that do not end the pipeline are written.
    pub fn shows_errors(&self) -> bool {
        let chosen = self.call.preferences.error;
        let action = chosen.or_else(|| self.runspace.preference("ErrorActionPreference"));
        !matches!(action, Some(Action::Ignore | Action::SilentlyContinue))
    }

    fn write_value(&mut self, value: PsValue) -> Outcome {
        self.call.copy("OutVariable", self.runspace, || value.clone());
        match self.downstream.split_first_mut() {
            Some((next, rest)) => next.process(rest, self.sink, self.runspace, Some(value)),
            None => self.sink.emit(Emission::Output(value)),
        }
    }

    /// Reports an error whose record is complete, as [`error`](Self::error) does.
    pub fn error_record(&mut self, record: ErrorRecord) -> Outcome {
        let chosen = self.call.preferences.error;
        let action = chosen.or_else(|| self.runspace.preference("ErrorActionPreference")).unwrap_or_default();
        self.call.copy("ErrorVariable", self.runspace, || error_value(&record));
        if action != Action::Ignore {
            self.runspace.remember(&record);
        }
        match action {
            Action::Stop => Err(Halt::Final(Box::new(record))),
            Action::Ignore => Ok(()),
            Action::SilentlyContinue => {
                self.sink.silent_error();
                Ok(())
            }
            Action::Continue | Action::Inquire => self.emit(Emission::Error(Box::new(record))),
        }
    }

    /// Hands on what a command elsewhere wrote to one of its streams, or keeps it back where the caller does not want
    /// to see it: only what was said here counts, as the other side has asked its own preferences already.
    pub fn relay(&mut self, emission: Emission) -> Outcome {
        let preferences = self.call.preferences;
        let (chosen, name, variable) = match &emission {
            Emission::Informational(InformationalKind::Warning, _) => {
                (preferences.warning, "WarningPreference", "WarningVariable")
            }
            Emission::Informational(InformationalKind::Verbose, _) => {
                (preferences.verbose, "VerbosePreference", "")
            }
            Emission::Informational(InformationalKind::Debug, _) => {
                (preferences.debug, "DebugPreference", "")
            }
            Emission::Information(_) => {
                (preferences.information, "InformationPreference", "InformationVariable")
            }
            Emission::Progress(_) => (preferences.progress, "ProgressPreference", ""),
            _ => return self.emit(emission),
        };
        self.call.copy(variable, self.runspace, || match &emission {
            Emission::Informational(_, record) => warning_value(record),
            other => other.clone().into_value(),
        });
        match chosen.or_else(|| self.runspace.preference(name)).unwrap_or_default() {
            Action::Ignore | Action::SilentlyContinue => Ok(()),
            Action::Continue | Action::Inquire => self.emit(emission),
            Action::Stop => {
                let message = match &emission {
                    Emission::Informational(_, record) => record.message.to_string(),
                    Emission::Information(record) => super::text::text(&record.message_data),
                    _ => String::new(),
                };
                self.emit(emission)?;
                Err(self.stopped_by(name, &message))
            }
        }
    }

    fn informational(&mut self, kind: InformationalKind, action: Action, message: PsString) -> Outcome {
        if kind == InformationalKind::Warning && action != Action::Ignore {
            let kept = || warning_value(&InformationalRecord::new(message.clone()));
            self.call.copy("WarningVariable", self.runspace, kept);
        }
        match action {
            Action::Ignore | Action::SilentlyContinue => Ok(()),
            Action::Stop => Err(self.stopped_by(
                match kind {
                    InformationalKind::Warning => "WarningPreference",
                    InformationalKind::Verbose => "VerbosePreference",
                    InformationalKind::Debug => "DebugPreference",
                },
                &message,
            )),
            Action::Continue | Action::Inquire => {
                let record = InformationalRecord::new(message).with_invocation(self.call.invocation.clone());
                self.emit(Emission::Informational(kind, Box::new(record)))
            }
        }
    }

    /// Sends a record where the command's stream is merged to.
    pub fn emit(&mut self, emission: Emission) -> Outcome {
        match self.call.merged(&emission) {
            super::pipeline::Goes::Nowhere => Ok(()),
            super::pipeline::Goes::Output => self.write_value(emission.into_value()),
            super::pipeline::Goes::ItsOwnWay => self.sink.emit(emission),
        }
    }

    fn stopped_by(&self, variable: &str, message: &str) -> Halt {
        let text = format!(
            "The running command stopped because the preference variable \"{variable}\" or common parameter is \
             set to Stop: {message}"
        );
        let failure = Failure::new(
            exceptions::ACTION_PREFERENCE_STOP,
            "ActionPreferenceStop",
            ErrorCategory::OperationStopped,
            text,
        );
        match self.fail(failure) {
            Halt::Failed(record) => {
                self.runspace.remember(&record);
                Halt::Final(record)
            }
            halt => halt,
        }
    }
}
