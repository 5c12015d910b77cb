//! DEBUG_RECORD, VERBOSE_RECORD and WARNING_RECORD ([MS-PSRP] 2.2.2.22 to 2.2.2.24 and 2.2.3.16).

use windlass_clixml::{PsObject, PsString, PsValue};

use super::InvocationInfo;
use super::invocation_info::int_collection;
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::message::MessageType;

/// Which of the three streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InformationalKind {
    /// `Write-Debug`.
    Debug,
    /// `Write-Verbose`.
    Verbose,
    /// `Write-Warning`.
    Warning,
}

/// A record of the debug, verbose or warning stream.
#[derive(Debug, Clone, PartialEq)]
pub struct InformationalRecord {
    /// The text.
    pub message: PsString,
    /// Where it comes from, where it was asked for.
    pub invocation: Option<Box<InvocationInfo>>,
    /// How many objects each command had seen: a list of I32, sent along with `invocation`.
    pub pipeline_iteration: PsValue,
}

impl InformationalKind {
    /// The message that carries it.
    pub const fn message_type(self) -> MessageType {
        match self {
            Self::Debug => MessageType::DebugRecord,
            Self::Verbose => MessageType::VerboseRecord,
            Self::Warning => MessageType::WarningRecord,
        }
    }

    const fn type_names(self) -> [&'static str; 3] {
        let first = match self {
            Self::Debug => "System.Management.Automation.DebugRecord",
            Self::Verbose => "System.Management.Automation.VerboseRecord",
            Self::Warning => "System.Management.Automation.WarningRecord",
        };
        [first, "System.Management.Automation.InformationalRecord", "System.Object"]
    }
}

impl InformationalRecord {
    /// A record with this text.
    pub fn new(message: impl Into<PsString>) -> Self {
        Self { message: message.into(), invocation: None, pipeline_iteration: PsValue::Null }
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

    /// Reads the data of any of the three messages.
    ///
    /// # Errors
    /// When a property is missing, doubled or of the wrong type.
    pub fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("InformationalRecord", value)?;
        let with_invocation =
            fields.optional("InformationalRecord_SerializeInvocationInfo")?.unwrap_or(false);
        let invocation =
            if with_invocation { Some(Box::new(InvocationInfo::from_fields(&fields)?)) } else { None };
        Ok(Self {
            message: fields.required("InformationalRecord_Message")?,
            invocation,
            pipeline_iteration: fields.any("InformationalRecord_PipelineIterationInfo"),
        })
    }

    /// The data of the message for this stream.
    pub fn to_value(&self, kind: InformationalKind) -> PsValue {
        let object = PsObject::typed(kind.type_names())
            .with_to_string(self.message.clone())
            .with("InformationalRecord_Message", self.message.clone())
            .with("InformationalRecord_SerializeInvocationInfo", self.invocation.is_some());
        match &self.invocation {
            Some(invocation) => invocation
                .add_to(object)
                .with("InformationalRecord_PipelineIterationInfo", self.pipeline_iteration.clone()),
            None => object,
        }
        .into()
    }
}

impl From<&str> for InformationalRecord {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}
