//! RUNSPACEPOOL_HOST_RESPONSE and PIPELINE_HOST_RESPONSE ([MS-PSRP] 2.2.2.16 and 2.2.2.28).

use uuid::Uuid;
use windlass_clixml::{Base, PsObject, PsString, PsValue, Version};

use super::call::HostCallId;
use super::method::HostMethodId;
use super::types::{BufferContents, Coordinates, KeyInfo, Size, explain, list_items};
use crate::enums::ConsoleColor;
use crate::error::PsrpError;
use crate::fields::{Fields, FromProperty, kind_of};
use crate::payload::{ErrorRecord, Payload};
use crate::version::ProtocolVersion;

/// What a host answers.
#[derive(Debug, Clone, PartialEq)]
pub enum HostReply {
    /// A value.
    Value(HostReturn),
    /// It could not.
    Error(Box<ErrorRecord>),
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct HostResponse {
    /// Which call.
    pub call_id: HostCallId,
    /// Its method.
    pub method: HostMethodId,
    /// The answer.
    pub reply: HostReply,
}

/// The values that methods of a host return.
#[derive(Debug, Clone, PartialEq)]
pub enum HostReturn {
    /// Null, or no value.
    Null,
    /// Text: names, lines, titles, cultures by their names.
    Text(PsString),
    /// A line that was not shown: what [`crate::ClientPool::protect`] gave.
    Secret(PsValue),
    /// A user and a password that [`crate::ClientPool::protect`] gave.
    Credential {
        /// The user.
        user_name: PsString,
        /// The password.
        password: PsValue,
    },
    /// Fields by their names.
    Fields(Vec<(PsString, PsValue)>),
    /// A number, or which choice was made, from 0.
    Number(i32),
    /// Which choices were made, from 0.
    Numbers(Vec<i32>),
    /// Whether it is so.
    Flag(bool),
    /// A key.
    Key(KeyInfo),
    /// A colour.
    Color(ConsoleColor),
    /// A place.
    Coordinates(Coordinates),
    /// A size.
    Size(Size),
    /// A part of the screen.
    Contents(BufferContents),
    /// A version.
    Version(Version),
    /// An id.
    Guid(Uuid),
    /// Anything else.
    Any(PsValue),
}

const CREDENTIAL: &str = "System.Management.Automation.PSCredential";

/// A `PSCredential` with a protected password, as it travels.
pub(crate) fn credential_value(user_name: &PsString, password: &PsValue) -> PsValue {
    PsObject::new(CREDENTIAL)
        .with_to_string(CREDENTIAL)
        .with_adapted("UserName", user_name.clone())
        .with_adapted("Password", password.clone())
        .into()
}

impl HostReturn {
    /// The value as it travels.
    pub fn into_value(self) -> PsValue {
        self.to_value()
    }

    fn to_value(&self) -> PsValue {
        match self {
            Self::Null => PsValue::Null,
            Self::Text(text) => PsValue::String(text.clone()),
            Self::Secret(value) | Self::Any(value) => value.clone(),
            Self::Credential { user_name, password } => credential_value(user_name, password),
            Self::Fields(fields) => {
                PsValue::dictionary(fields.iter().map(|(name, value)| (name.clone(), value.clone())))
            }
            Self::Number(number) => (*number).into(),
            Self::Numbers(numbers) => PsObject::typed([
                "System.Collections.ObjectModel.Collection`1[[System.Int32, System.Private.CoreLib, \
                 Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
                "System.Object",
            ])
            .with_base(Base::List(numbers.iter().copied().map(PsValue::from).collect()))
            .into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Key(key) => (*key).into(),
            Self::Color(color) => color.code().into(),
            Self::Coordinates(place) => (*place).into(),
            Self::Size(size) => (*size).into(),
            Self::Contents(contents) => contents.into(),
            Self::Version(version) => (*version).into(),
            Self::Guid(id) => (*id).into(),
        }
    }

    /// Reads what a method returned.
    fn from_value(method: HostMethodId, value: &PsValue) -> Result<Self, PsrpError> {
        use HostMethodId as M;
        if value.is_null() {
            return Ok(Self::Null);
        }
        let name = method.name();
        Ok(match method {
            M::GetName | M::GetCurrentCulture | M::GetCurrentUICulture | M::ReadLine | M::GetWindowTitle => {
                Self::Text(explain(name, value)?)
            }
            M::GetVersion => Self::Version(explain(name, value)?),
            M::GetInstanceId => Self::Guid(explain(name, value)?),
            M::ReadLineAsSecureString => match value {
                PsValue::SecureString(_) => Self::Secret(value.clone()),
                other => return Err(wrong(method, "a secure string", other)),
            },
            M::Prompt => {
                let entries = value.entries().ok_or_else(|| wrong(method, "a dictionary", value))?;
                let fields =
                    entries.iter().map(|(key, value)| Some((PsString::from_property(key)?, value.clone())));
                Self::Fields(
                    fields.collect::<Option<_>>().ok_or_else(|| wrong(method, "names of fields", value))?,
                )
            }
            M::PromptForCredential1 | M::PromptForCredential2 => {
                let fields = Fields::new(CREDENTIAL, value)?;
                Self::Credential { user_name: fields.required("UserName")?, password: fields.any("Password") }
            }
            M::PromptForChoice | M::GetCursorSize => Self::Number(explain(name, value)?),
            M::PromptForChoiceMultipleSelection => {
                let items = list_items(value).ok_or_else(|| wrong(method, "a list", value))?;
                let numbers = items.iter().map(i32::from_property).collect::<Option<_>>();
                Self::Numbers(numbers.ok_or_else(|| wrong(method, "a list of I32", value))?)
            }
            M::GetForegroundColor | M::GetBackgroundColor => Self::Color(explain(name, value)?),
            M::GetCursorPosition | M::GetWindowPosition => Self::Coordinates(explain(name, value)?),
            M::GetBufferSize | M::GetWindowSize | M::GetMaxWindowSize | M::GetMaxPhysicalWindowSize => {
                Self::Size(explain(name, value)?)
            }
            M::GetKeyAvailable | M::GetIsRunspacePushed => Self::Flag(explain(name, value)?),
            M::ReadKey => Self::Key(explain(name, value)?),
            M::GetBufferContents => Self::Contents(explain(name, value)?),
            _ => Self::Any(value.clone()),
        })
    }
}

impl Payload for HostResponse {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("host response", value)?;
        let method: HostMethodId = fields.required("mi")?;
        let reply = match fields.value("me") {
            None | Some(PsValue::Null) => {
                HostReply::Value(HostReturn::from_value(method, &fields.any("mr"))?)
            }
            Some(error) => HostReply::Error(Box::new(ErrorRecord::from_value(error)?)),
        };
        Ok(Self { call_id: fields.required("ci")?, method, reply })
    }

    fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let object = match &self.reply {
            HostReply::Value(HostReturn::Null) => PsObject::untyped(),
            HostReply::Value(value) => PsObject::untyped().with("mr", value.to_value()),
            HostReply::Error(error) => PsObject::untyped().with("me", error.to_value(version)?),
        };
        Ok(object.with("ci", self.call_id).with("mi", self.method).into())
    }
}

fn wrong(method: HostMethodId, expected: &'static str, value: &PsValue) -> PsrpError {
    PsrpError::PropertyType { structure: method.name(), property: "value", expected, found: kind_of(value) }
}
