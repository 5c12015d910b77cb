//! USER_EVENT ([MS-PSRP] 2.2.2.12).

use uuid::Uuid;
use windlass_clixml::{PsDateTime, PsObject, PsString, PsValue};

use super::Payload;
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::version::ProtocolVersion;

/// An event that a script forwarded to the client.
#[derive(Debug, Clone, PartialEq)]
pub struct UserEvent {
    /// The event's number in its runspace.
    pub event_identifier: i32,
    /// Its name.
    pub source_identifier: PsString,
    /// When.
    pub time_generated: PsDateTime,
    /// Who raised it.
    pub sender: PsValue,
    /// Its arguments: a list.
    pub source_args: PsValue,
    /// What came with it.
    pub message_data: PsValue,
    /// Where it was raised; the server leaves it out, as the client knows.
    pub computer_name: Option<PsString>,
    /// In which runspace.
    pub runspace_id: Uuid,
}

impl Payload for UserEvent {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("USER_EVENT", value)?;
        Ok(Self {
            event_identifier: fields.required("PSEventArgs.EventIdentifier")?,
            source_identifier: fields.required("PSEventArgs.SourceIdentifier")?,
            time_generated: fields.required("PSEventArgs.TimeGenerated")?,
            sender: fields.any("PSEventArgs.Sender"),
            source_args: fields.any("PSEventArgs.SourceArgs"),
            message_data: fields.any("PSEventArgs.MessageData"),
            computer_name: fields.optional("PSEventArgs.ComputerName")?,
            runspace_id: fields.required("PSEventArgs.RunspaceId")?,
        })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        Ok(PsObject::untyped()
            .with("PSEventArgs.EventIdentifier", self.event_identifier)
            .with("PSEventArgs.SourceIdentifier", self.source_identifier.clone())
            .with("PSEventArgs.TimeGenerated", self.time_generated)
            .with("PSEventArgs.Sender", self.sender.clone())
            .with("PSEventArgs.SourceArgs", self.source_args.clone())
            .with("PSEventArgs.MessageData", self.message_data.clone())
            .with("PSEventArgs.ComputerName", self.computer_name.clone())
            .with("PSEventArgs.RunspaceId", self.runspace_id)
            .into())
    }
}
