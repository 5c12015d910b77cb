//! GET_COMMAND_METADATA ([MS-PSRP] 2.2.2.14).

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use super::Payload;
use crate::enums::CommandTypes;
use crate::error::PsrpError;
use crate::fields::{Fields, FromProperty};
use crate::version::ProtocolVersion;

/// Asks which commands there are. The answer is the output of a pipeline: first an object whose
/// `Count` says how many follow, then one object a command.
#[derive(Debug, Clone, PartialEq)]
pub struct GetCommandMetadata {
    /// Names, with wildcards; `None` for all.
    pub names: Option<Vec<PsString>>,
    /// Which kinds of commands.
    pub command_type: CommandTypes,
    /// Modules; `None` for all.
    pub namespaces: Option<Vec<PsString>>,
    /// Modules with versions, as PowerShell specifies them.
    pub fully_qualified_modules: PsValue,
    /// Arguments that dynamic parameters hang on: a list or null.
    pub argument_list: PsValue,
}

impl GetCommandMetadata {
    /// What kinds PowerShell asks for.
    pub const DEFAULT_TYPES: CommandTypes = CommandTypes(
        CommandTypes::ALIAS.0
            | CommandTypes::FUNCTION.0
            | CommandTypes::FILTER.0
            | CommandTypes::CMDLET.0
            | CommandTypes::CONFIGURATION.0,
    );

    /// Asks for commands of these names.
    pub fn new(names: impl IntoIterator<Item = impl Into<PsString>>) -> Self {
        Self {
            names: Some(names.into_iter().map(Into::into).collect()),
            command_type: Self::DEFAULT_TYPES,
            namespaces: None,
            fully_qualified_modules: PsValue::Null,
            argument_list: PsValue::Null,
        }
    }
}

impl Payload for GetCommandMetadata {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("GET_COMMAND_METADATA", value)?;
        let texts = |name| match fields.value(name) {
            None | Some(PsValue::Null) => Ok(None),
            Some(value) => {
                let items = value.items().map(|items| items.iter().map(PsString::from_property).collect());
                let texts: Option<Option<Vec<_>>> = items;
                texts.flatten().map(Some).ok_or_else(|| fields.wrong_type(name, "a list of strings", value))
            }
        };
        Ok(Self {
            names: texts("Name")?,
            command_type: fields.required("CommandType")?,
            namespaces: texts("Namespace")?,
            fully_qualified_modules: fields.any("FullyQualifiedModule"),
            argument_list: fields.any("ArgumentList"),
        })
    }

    fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let texts = |texts: &Option<Vec<PsString>>| {
            texts.as_ref().map(|texts| {
                PsObject::typed(["System.String[]", "System.Array", "System.Object"])
                    .with_base(Base::List(texts.iter().cloned().map(PsValue::String).collect()))
            })
        };
        let mut object = PsObject::untyped()
            .with("Name", texts(&self.names))
            .with("CommandType", self.command_type)
            .with("Namespace", texts(&self.namespaces));
        if version >= ProtocolVersion::V2_2 {
            object = object.with("FullyQualifiedModule", self.fully_qualified_modules.clone());
        }
        Ok(object.with("ArgumentList", self.argument_list.clone()).into())
    }
}
