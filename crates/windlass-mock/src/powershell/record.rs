//! Records on their way out of a pipeline.

use windlass_clixml::{Base, ProgressRecord, PsObject, PsValue};
use windlass_core::Secret;
use windlass_psrp::host::{HostMethod, HostReply};
use windlass_psrp::payload::{ErrorDetails, progress_to_value};
use windlass_psrp::{
    ErrorCategory, ErrorRecord, InformationRecord, InformationalKind, InformationalRecord, MessageType,
    Payload, ProtocolVersion, payload::UserEvent,
};

use super::cmdlet::{Halt, Outcome};
use super::failure::Failure;
use super::pipeline::Call;
use super::text::{short_type_name, text};

/// One thing that leaves a pipeline.
#[derive(Debug, Clone)]
pub enum Emission {
    /// An object.
    Output(PsValue),
    /// An error that did not end the pipeline.
    Error(Box<ErrorRecord>),
    /// A warning, verbose or debug record.
    Informational(InformationalKind, Box<InformationalRecord>),
    /// A record of the information stream.
    Information(Box<InformationRecord>),
    /// A progress record.
    Progress(Box<ProgressRecord>),
    /// A call of the client's host that gets no answer.
    HostCall(Box<HostMethod>),
    /// Any message, whether the protocol allows it now or not.
    Raw(Box<RawMessage>),
}

/// A message as a scenario has it.
#[derive(Debug, Clone)]
pub struct RawMessage {
    /// Its kind.
    pub kind: MessageType,
    /// Whether it goes out on the pool's stream.
    pub pool: bool,
    /// What it carries.
    pub value: PsValue,
}

/// Where a pipeline's output and records go.
pub trait Sink {
    /// Takes one; may block while the client does not keep up.
    ///
    /// # Errors
    /// The pipeline is to end.
    fn emit(&mut self, emission: Emission) -> Outcome;

    /// Calls the client's host and waits for its answer, where there is one.
    ///
    /// # Errors
    /// The pipeline is to end.
    fn call_host(&mut self, method: HostMethod) -> Result<HostReply, Halt> {
        let message = format!("There is no host for {}.", method.id().name());
        let exception = "System.Management.Automation.Host.HostException";
        Ok(HostReply::Error(Box::new(ErrorRecord::new(exception, message, ErrorCategory::NotImplemented))))
    }

    /// The value that stands for a secret.
    ///
    /// # Errors
    /// Why there is none.
    fn protect(&mut self, _secret: &Secret) -> Result<PsValue, String> {
        Err("secrets are kept in sessions alone".to_owned())
    }

    /// The secret that a value stands for.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn reveal(&mut self, _value: &PsValue) -> Result<Secret, String> {
        Err("secrets are kept in sessions alone".to_owned())
    }

    /// Tells the client of an event.
    ///
    /// # Errors
    /// The pipeline is to end.
    fn forward(&mut self, _event: &UserEvent) -> Outcome {
        Ok(())
    }

    /// An error happened that nobody is to see.
    fn silent_error(&mut self) {}
}

impl Emission {
    /// The object for the output stream, where the record's own stream is merged into it.
    pub(crate) fn into_value(self) -> PsValue {
        const VERSION: ProtocolVersion = ProtocolVersion::V2_3;
        match self {
            Self::Output(value) => value,
            Self::Error(record) => record.to_value(VERSION).unwrap_or_default(),
            Self::Informational(kind, record) => record.to_value(kind),
            Self::Information(record) => record.to_value(VERSION).unwrap_or_default(),
            Self::Progress(record) => progress_to_value(&record),
            Self::HostCall(_) | Self::Raw(_) => PsValue::Null,
        }
    }
}

/// An error as the value of a variable: the record as it travels, and what PowerShell's own has beside that.
pub(crate) fn error_value(record: &ErrorRecord) -> PsValue {
    let value = Emission::Error(Box::new(record.clone())).into_value();
    let PsValue::Object(object) = &value else { return value };
    let category = PsObject::typed(["System.Management.Automation.ErrorCategoryInfo", "System.Object"])
        .with_to_string(record.category_message.clone())
        .with_adapted("Category", record.category.to_string())
        .with_adapted("Activity", record.activity.clone())
        .with_adapted("Reason", record.reason.clone())
        .with_adapted("TargetName", record.target_name.clone())
        .with_adapted("TargetType", record.target_type.clone());
    PsObject::clone(object).with("CategoryInfo", category).into()
}

/// A warning as the value of a variable, with the property that PowerShell's own has.
pub(crate) fn warning_value(record: &InformationalRecord) -> PsValue {
    let value = record.to_value(InformationalKind::Warning);
    let PsValue::Object(object) = &value else { return value };
    PsObject::clone(object).with("Message", record.message.clone()).into()
}

/// Completes a failure with the name and the place of the command it happened in.
pub(crate) fn error_record(failure: Failure, call: &Call) -> ErrorRecord {
    let id = match call.command.as_ref().filter(|_| !failure.bare_id) {
        Some(command) => format!("{},{}", failure.id, command.info().implementing_type()),
        None => failure.id.clone(),
    };
    let activity = failure.activity.clone().unwrap_or_else(|| match &call.command {
        Some(command) => command.info().name().to_owned(),
        None => String::new(),
    });
    let mut record = bare_error_record(failure).with_id(id).with_activity(activity);
    if call.with_invocation {
        record = record.with_invocation(call.invocation.clone());
    }
    record.category_message = category_message(&record).into();
    record
}

/// The error record of what happened outside any command.
pub(crate) fn bare_error_record(failure: Failure) -> ErrorRecord {
    let target_name = failure.target_name.clone().unwrap_or_else(|| text(&failure.target));
    let target_type = failure.target_type.clone().unwrap_or_else(|| short_type_name(&failure.target));
    let mut record = ErrorRecord::new(failure.exception_name(), failure.message.clone(), failure.category);
    record.exception = exception(&failure);
    record.fully_qualified_error_id = failure.id.into();
    if let Some(reason) = failure.reason {
        record.reason = reason.into();
    }
    if failure.details.is_some() || failure.recommended_action.is_some() {
        record.details = Some(ErrorDetails {
            message: failure.details.unwrap_or_else(|| failure.message.clone()).into(),
            recommended_action: failure.recommended_action.map(Into::into),
        });
    }
    let mut record = record.with_target(failure.target, target_name, target_type);
    record.category_message = category_message(&record).into();
    record
}

/// The line that sums up the category; long names are shortened in it.
fn category_message(record: &ErrorRecord) -> String {
    let ErrorRecord { category, activity, reason, target_name, target_type, .. } = record;
    let (name, kind) = (shorten(target_name), shorten(target_type));
    format!("{category}: ({name}:{kind}) [{activity}], {reason}")
}

/// The exception as .NET would show it.
fn exception(failure: &Failure) -> PsValue {
    let full = failure.exception.first().copied().unwrap_or("System.Exception");
    let types = failure.exception.iter().copied().chain(["System.Object"]);
    let data = PsObject::typed(["System.Collections.ListDictionaryInternal", "System.Object"])
        .with_base(Base::Dictionary(Vec::new()));
    let mut object = PsObject::typed(types).with_to_string(format!("{full}: {}", failure.message));
    if failure.exception.contains(&"System.Management.Automation.RuntimeException") {
        object = object
            .with_adapted("ErrorRecord", failure.message.as_str())
            .with_adapted("WasThrownFromThrowStatement", false);
    }
    object
        .with_adapted("TargetSite", PsValue::Null)
        .with_adapted("Message", failure.message.as_str())
        .with_adapted("Data", data)
        .with_adapted("InnerException", PsValue::Null)
        .with_adapted("HelpLink", PsValue::Null)
        .with_adapted("Source", PsValue::Null)
        // COR_E_SYSTEM
        .with_adapted("HResult", -2_146_233_087)
        .with_adapted("StackTrace", PsValue::Null)
        .into()
}

/// The names of targets keep their ends: of more than 40 characters 39 are left.
fn shorten(name: &str) -> String {
    const KEPT: usize = 19;
    let count = name.chars().count();
    if count <= 2 * KEPT + 2 {
        return name.to_owned();
    }
    let first: String = name.chars().take(KEPT).collect();
    let last: String = name.chars().skip(count - KEPT).collect();
    format!("{first}…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(
            shorten("$ExecutionContext.SessionState.LanguageMode"),
            "$ExecutionContext.S…nState.LanguageMode"
        );
        assert_eq!(shorten("short"), "short");
    }
}
