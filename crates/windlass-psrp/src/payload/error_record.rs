//! ERROR_RECORD, and errors inside other messages ([MS-PSRP] 2.2.2.20 and 2.2.3.15).

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use super::invocation_info::int_collection;
use super::{InvocationInfo, Payload};
use crate::enums::ErrorCategory;
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::version::ProtocolVersion;

/// An error of the remote side.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorRecord {
    /// The exception: an object whose type names say which, with `Message` among its properties.
    pub exception: PsValue,
    /// The object that the error is about.
    pub target_object: PsValue,
    /// Which error it is, such as `PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand`.
    pub fully_qualified_error_id: PsString,
    /// Where it comes from, as an object; null where the server leaves it out.
    pub invocation_info: PsValue,
    /// What kind of error it is.
    pub category: ErrorCategory,
    /// What was being done.
    pub activity: PsString,
    /// Which exception, by its short name.
    pub reason: PsString,
    /// The name of the object that the error is about.
    pub target_name: PsString,
    /// The type of that object.
    pub target_type: PsString,
    /// The category as PowerShell prints it; see [`ErrorRecord::category_text`].
    pub category_message: PsString,
    /// A message that replaces the exception's.
    pub details: Option<ErrorDetails>,
    /// Where it comes from, property by property, where it was asked for.
    pub invocation: Option<Box<InvocationInfo>>,
    /// How many objects each command had seen: a list of I32, sent along with `invocation`.
    pub pipeline_iteration: PsValue,
    /// The calls that led to it.
    pub script_stack_trace: Option<PsString>,
    /// What the record is as text. Errors of the error stream have it; those that hosts answer with
    /// do not.
    pub text: Option<PsString>,
    /// Whether it ends with the null that PowerShell puts at the end of records of the error stream.
    pub message_details: bool,
}

/// A message that replaces the exception's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorDetails {
    /// The message.
    pub message: PsString,
    /// What to do.
    pub recommended_action: Option<PsString>,
}

impl ErrorRecord {
    /// An error with an exception of that type, derived from `System.Exception`, and that message.
    pub fn new(exception_type: &str, message: impl Into<PsString>, category: ErrorCategory) -> Self {
        let message = message.into();
        let exception = PsObject::typed([exception_type, "System.Exception", "System.Object"])
            .with_to_string(format!("{exception_type}: {message}"))
            .with_adapted("Message", message.clone());
        let reason = exception_type.rsplit('.').next().unwrap_or(exception_type);
        let mut record = Self {
            exception: exception.into(),
            target_object: PsValue::Null,
            fully_qualified_error_id: reason.into(),
            invocation_info: PsValue::Null,
            category,
            activity: PsString::default(),
            reason: reason.into(),
            target_name: PsString::default(),
            target_type: PsString::default(),
            category_message: PsString::default(),
            details: None,
            invocation: None,
            pipeline_iteration: PsValue::Null,
            script_stack_trace: None,
            text: Some(message),
            message_details: false,
        };
        record.category_message = record.category_text().into();
        record
    }

    /// With this id, such as `CommandNotFoundException`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<PsString>) -> Self {
        self.fully_qualified_error_id = id.into();
        self
    }

    /// With the object that it is about.
    #[must_use]
    pub fn with_target(
        mut self,
        value: impl Into<PsValue>,
        name: impl Into<PsString>,
        type_name: impl Into<PsString>,
    ) -> Self {
        (self.target_object, self.target_name, self.target_type) =
            (value.into(), name.into(), type_name.into());
        self.category_message = self.category_text().into();
        self
    }

    /// With what was being done, which is the command's name.
    #[must_use]
    pub fn with_activity(mut self, activity: impl Into<PsString>) -> Self {
        self.activity = activity.into();
        self.category_message = self.category_text().into();
        self
    }

    /// With where it comes from.
    #[must_use]
    pub fn with_invocation(mut self, invocation: InvocationInfo) -> Self {
        if self.pipeline_iteration.is_null() {
            self.pipeline_iteration = int_collection(&[0, 0]);
        }
        self.invocation = Some(Box::new(invocation));
        self
    }

    /// The error of a pipeline that was asked to stop.
    pub fn stopped() -> Self {
        const MESSAGE: &str = "The pipeline has been stopped.";
        let types = [
            "System.Management.Automation.PipelineStoppedException",
            "System.Management.Automation.RuntimeException",
            "System.SystemException",
            "System.Exception",
            "System.Object",
        ];
        let exception = PsObject::typed(types)
            .with_to_string(
                "System.Management.Automation.PipelineStoppedException: The pipeline has been stopped.",
            )
            .with_adapted("ErrorRecord", MESSAGE)
            .with_adapted("WasThrownFromThrowStatement", false)
            .with_adapted("Message", MESSAGE);
        let record = Self::new("PipelineStoppedException", MESSAGE, ErrorCategory::OperationStopped);
        Self { exception: exception.into(), ..record.with_id("PipelineStopped") }
    }

    /// What the user should read: the message of the details, of the exception, or the text.
    pub fn message(&self) -> &str {
        let details = self.details.as_ref().map(|details| details.message.as_str());
        details
            .filter(|message| !message.is_empty())
            .or_else(|| self.exception.get("Message")?.as_str())
            .or(self.text.as_deref())
            .unwrap_or_default()
    }

    /// The type of the exception, without `Deserialized.`; empty where it has none.
    pub fn exception_type(&self) -> &str {
        let name = self.exception.as_object().map_or("", |object| object.type_names.most_derived());
        name.strip_prefix("Deserialized.").unwrap_or(name)
    }

    /// Category, target, activity and reason as PowerShell prints them.
    pub fn category_text(&self) -> String {
        let Self { category, activity, reason, target_name, target_type, .. } = self;
        format!("{category}: ({target_name}:{target_type}) [{activity}], {reason}")
    }
}

const TYPE_NAMES: [&str; 2] = ["System.Management.Automation.ErrorRecord", "System.Object"];

impl Payload for ErrorRecord {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("ERROR_RECORD", value)?;
        let text = |name| fields.text(name).unwrap_or_default();
        let category: i32 = fields.required("ErrorCategory_Category")?;
        let message = fields.text("ErrorDetails_Message");
        let action = fields.text("ErrorDetails_RecommendedAction");
        let details = (message.is_some() || action.is_some())
            .then(|| ErrorDetails { message: message.unwrap_or_default(), recommended_action: action });
        let extended = fields.optional("SerializeExtendedInfo")?.unwrap_or(false);
        Ok(Self {
            exception: fields.any("Exception"),
            target_object: fields.any("TargetObject"),
            fully_qualified_error_id: text("FullyQualifiedErrorId"),
            invocation_info: fields.any("InvocationInfo"),
            category: ErrorCategory::from_code(category).ok_or_else(|| {
                fields.wrong_value("ErrorCategory_Category", "0 to 31", i64::from(category))
            })?,
            activity: text("ErrorCategory_Activity"),
            reason: text("ErrorCategory_Reason"),
            target_name: text("ErrorCategory_TargetName"),
            target_type: text("ErrorCategory_TargetType"),
            category_message: text("ErrorCategory_Message"),
            details,
            invocation: if extended { Some(Box::new(InvocationInfo::from_fields(&fields)?)) } else { None },
            pipeline_iteration: fields.any("PipelineIterationInfo"),
            script_stack_trace: fields.text("ErrorDetails_ScriptStackTrace"),
            text: value.as_object().and_then(|object| object.to_string.clone()),
            message_details: fields.value("PSMessageDetails").is_some(),
        })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let object = match &self.text {
            Some(text) => PsObject::typed(TYPE_NAMES).with_to_string(text.clone()),
            None => PsObject::untyped(),
        };
        let mut object = object
            .with("Exception", self.exception.clone())
            .with("TargetObject", self.target_object.clone())
            .with("FullyQualifiedErrorId", self.fully_qualified_error_id.clone())
            .with("InvocationInfo", self.invocation_info.clone())
            .with("ErrorCategory_Category", self.category.code())
            .with("ErrorCategory_Activity", self.activity.clone())
            .with("ErrorCategory_Reason", self.reason.clone())
            .with("ErrorCategory_TargetName", self.target_name.clone())
            .with("ErrorCategory_TargetType", self.target_type.clone())
            .with("ErrorCategory_Message", self.category_message.clone());
        if let Some(details) = &self.details {
            object = object
                .with("ErrorDetails_Message", details.message.clone())
                .with("ErrorDetails_RecommendedAction", details.recommended_action.clone());
        }
        object = object.with("SerializeExtendedInfo", self.invocation.is_some());
        if let Some(invocation) = &self.invocation {
            object = invocation.add_to(object).with("PipelineIterationInfo", self.pipeline_iteration.clone());
        }
        if let Some(trace) = &self.script_stack_trace {
            object = object.with("ErrorDetails_ScriptStackTrace", trace.clone());
        }
        if self.message_details {
            object = object.with("PSMessageDetails", PsValue::Null);
        }
        Ok(object.into())
    }
}

impl std::fmt::Display for ErrorRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl ErrorRecord {
    /// What an exception that a host threw becomes when it is answered: no type names, no text.
    pub(crate) fn without_type(mut self) -> Self {
        self.text = None;
        if let PsValue::Object(exception) = &self.exception
            && exception.adapted.get("Message").is_none()
            && matches!(exception.base, Base::None)
        {
            self.exception = exception.as_ref().clone().with_adapted("Message", self.message()).into();
        }
        self
    }
}
