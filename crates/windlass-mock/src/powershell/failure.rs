//! What goes wrong in a command, before it becomes an error record on the wire.

use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

/// The .NET exception that an error is reported as: its types, most derived first, without
/// `System.Object`.
pub type ExceptionTypes = &'static [&'static str];

/// Chains of exception types as .NET derives them.
pub mod exceptions {
    use super::ExceptionTypes;

    macro_rules! chain {
        ($($(#[$doc:meta])* $name:ident = [$($type:literal),*];)*) => {
            $($(#[$doc])* pub const $name: ExceptionTypes = &[$($type,)* "System.SystemException", "System.Exception"];)*
        };
    }

    chain! {
        /// What `Write-Error` writes.
        WRITE_ERROR = ["Microsoft.PowerShell.Commands.WriteErrorException"];
        /// The commonest one.
        RUNTIME = ["System.Management.Automation.RuntimeException"];
        /// There is no such command.
        COMMAND_NOT_FOUND = ["System.Management.Automation.CommandNotFoundException", "System.Management.Automation.RuntimeException"];
        /// The text is not what it should be.
        PARSE = ["System.Management.Automation.ParseException", "System.Management.Automation.RuntimeException"];
        /// The text lacks its end.
        INCOMPLETE_PARSE = ["System.Management.Automation.IncompleteParseException", "System.Management.Automation.ParseException", "System.Management.Automation.RuntimeException"];
        /// Parameters do not fit.
        PARAMETER_BINDING = ["System.Management.Automation.ParameterBindingException", "System.Management.Automation.RuntimeException"];
        /// A parameter's value is out of bounds.
        PARAMETER_VALIDATION = ["System.Management.Automation.ParameterBindingValidationException", "System.Management.Automation.ParameterBindingException", "System.Management.Automation.RuntimeException"];
        /// A preference turned something into an error.
        ACTION_PREFERENCE_STOP = ["System.Management.Automation.ActionPreferenceStopException", "System.Management.Automation.RuntimeException"];
        /// There is no such file or drive.
        ITEM_NOT_FOUND = ["System.Management.Automation.ItemNotFoundException", "System.Management.Automation.SessionStateException", "System.Management.Automation.RuntimeException"];
        /// The pipeline was stopped.
        PIPELINE_STOPPED = ["System.Management.Automation.PipelineStoppedException", "System.Management.Automation.RuntimeException"];
        /// There is no such process.
        PROCESS = ["Microsoft.PowerShell.Commands.ProcessCommandException"];
        /// Not allowed by the file system.
        UNAUTHORIZED = ["System.UnauthorizedAccessException"];
        /// Reading or writing failed.
        IO = ["System.IO.IOException"];
        /// There is no such file.
        FILE_NOT_FOUND = ["System.IO.FileNotFoundException", "System.IO.IOException"];
        /// There is no such directory.
        DIRECTORY_NOT_FOUND = ["System.IO.DirectoryNotFoundException", "System.IO.IOException"];
        /// A text is not written as it should be.
        FORMAT = ["System.FormatException"];
        /// An argument is wrong.
        ARGUMENT = ["System.ArgumentException"];
        /// An object is not in the right state.
        INVALID_OPERATION = ["System.InvalidOperationException"];
        /// The client's host cannot do it.
        HOST = ["System.Management.Automation.Host.HostException", "System.Management.Automation.RuntimeException"];
        /// Something is not done here.
        NOT_SUPPORTED = ["System.Management.Automation.PSNotSupportedException", "System.NotSupportedException"];
    }
}

/// What went wrong in a command. The host completes it to an error record with the command's name and
/// place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The exception's types.
    pub exception: ExceptionTypes,
    /// What went wrong, in a sentence.
    pub message: String,
    /// The identifier. The command's implementing type is appended after a comma.
    pub id: String,
    /// Whether the identifier stands as it is.
    pub bare_id: bool,
    /// The category.
    pub category: ErrorCategory,
    /// The object that it is about.
    pub target: PsValue,
    /// The activity, if not the command's name.
    pub activity: Option<String>,
    /// The reason, if not the exception's name.
    pub reason: Option<String>,
    /// The target's name, if not its text.
    pub target_name: Option<String>,
    /// The target's type, if not its own.
    pub target_type: Option<String>,
    /// A message for people in place of the exception's.
    pub details: Option<String>,
    /// What to do about it.
    pub recommended_action: Option<String>,
}

impl Failure {
    /// A failure with the parts that every failure has.
    pub fn new(
        exception: ExceptionTypes,
        id: &str,
        category: ErrorCategory,
        message: impl Into<String>,
    ) -> Self {
        Self {
            exception,
            message: message.into(),
            id: id.to_owned(),
            bare_id: false,
            category,
            target: PsValue::Null,
            activity: None,
            reason: None,
            target_name: None,
            target_type: None,
            details: None,
            recommended_action: None,
        }
    }

    /// The failure for a name that is no command's.
    pub(super) fn command_not_found(name: &str) -> Self {
        let message = format!(
            "The term '{name}' is not recognized as a name of a cmdlet, function, script file, or executable \
             program.\nCheck the spelling of the name, or if a path was included, verify that the path is correct \
             and try again."
        );
        let category = ErrorCategory::ObjectNotFound;
        Self::new(exceptions::COMMAND_NOT_FOUND, "CommandNotFoundException", category, message).about(name)
    }

    /// With the object that it is about.
    #[must_use]
    pub fn about(mut self, target: impl Into<PsValue>) -> Self {
        self.target = target.into();
        self
    }

    /// With an identifier to which no command's name is appended.
    #[must_use]
    pub fn with_bare_id(mut self) -> Self {
        self.bare_id = true;
        self
    }

    /// The last part of the exception's name.
    pub fn exception_name(&self) -> &'static str {
        let full = self.exception.first().copied().unwrap_or("System.Exception");
        full.rsplit('.').next().unwrap_or(full)
    }
}
