//! INFORMATION_RECORD ([MS-PSRP] 2.2.2.26 and 2.2.3.16).

use windlass_clixml::{Base, PsDateTime, PsObject, PsString, PsValue};

use super::Payload;
use crate::enums::ConsoleColor;
use crate::error::PsrpError;
use crate::fields::{Fields, FromProperty};
use crate::version::ProtocolVersion;

/// A record of the information stream, which `Write-Host` writes to as well.
#[derive(Debug, Clone, PartialEq)]
pub struct InformationRecord {
    /// What was written; for `Write-Host` an object, see [`InformationRecord::host_message`].
    pub message_data: PsValue,
    /// The command or the script that wrote it.
    pub source: PsString,
    /// When.
    pub time_generated: PsDateTime,
    /// Tags; `PSHOST` for `Write-Host`.
    pub tags: Vec<PsString>,
    /// As whom.
    pub user: PsString,
    /// Where.
    pub computer: PsString,
    /// In which process.
    pub process_id: u32,
    /// In which thread of the system.
    pub native_thread_id: u32,
    /// In which thread of .NET.
    pub managed_thread_id: u32,
}

/// What `Write-Host` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMessage {
    /// The text.
    pub message: PsString,
    /// Whether the line goes on.
    pub no_new_line: bool,
    /// The colour of the text, where one was given.
    pub foreground: Option<ConsoleColor>,
    /// The colour behind it, where one was given.
    pub background: Option<ConsoleColor>,
}

impl InformationRecord {
    /// What `Write-Host` wrote, where it did.
    pub fn host_message(&self) -> Option<HostMessage> {
        let data = self.message_data.as_object()?;
        if !data.type_names.contains("System.Management.Automation.HostInformationMessage") {
            return None;
        }
        let color = |name| data.get(name).and_then(ConsoleColor::from_property);
        Some(HostMessage {
            message: PsString::from_property(data.get("Message")?)?,
            no_new_line: data.get("NoNewLine").and_then(PsValue::as_bool).unwrap_or(false),
            foreground: color("ForegroundColor"),
            background: color("BackgroundColor"),
        })
    }
}

impl From<&HostMessage> for PsValue {
    fn from(message: &HostMessage) -> Self {
        PsObject::new("System.Management.Automation.HostInformationMessage")
            .with_to_string(message.message.clone())
            .with_adapted("Message", message.message.clone())
            .with_adapted("NoNewLine", message.no_new_line)
            .with_adapted("ForegroundColor", message.foreground.map(ConsoleColor::name))
            .with_adapted("BackgroundColor", message.background.map(ConsoleColor::name))
            .into()
    }
}

impl Payload for InformationRecord {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("INFORMATION_RECORD", value)?;
        let text = |name| fields.text(name).unwrap_or_default();
        let number = |name| {
            let value = fields.any(name);
            Ok::<_, PsrpError>(
                value.as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default(),
            )
        };
        let tags = fields.any("Tags");
        Ok(Self {
            message_data: fields.any("MessageData"),
            source: text("Source"),
            time_generated: fields.required("TimeGenerated")?,
            tags: tags.items().unwrap_or_default().iter().filter_map(PsString::from_property).collect(),
            user: text("User"),
            computer: text("Computer"),
            process_id: number("ProcessId")?,
            native_thread_id: number("NativeThreadId")?,
            managed_thread_id: number("ManagedThreadId")?,
        })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let tags = PsObject::typed([
            "System.Collections.Generic.List`1[[System.String, System.Private.CoreLib, Version=10.0.0.0, \
             Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
            "System.Object",
        ])
        .with_base(Base::List(self.tags.iter().cloned().map(PsValue::String).collect()));
        Ok(PsObject::untyped()
            .with("MessageData", self.message_data.clone())
            .with("Source", self.source.clone())
            .with("TimeGenerated", self.time_generated)
            .with("Tags", tags)
            .with("User", self.user.clone())
            .with("Computer", self.computer.clone())
            .with("ProcessId", self.process_id)
            .with("NativeThreadId", self.native_thread_id)
            .with("ManagedThreadId", self.managed_thread_id)
            .into())
    }
}
