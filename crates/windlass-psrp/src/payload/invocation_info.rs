//! Where a record comes from ([MS-PSRP] 2.2.3.15.1).

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use crate::enums::{CommandOrigin, CommandTypes, Visibility};
use crate::error::PsrpError;
use crate::fields::Fields;

/// Which command wrote a record, and how it was called. The server sends it with the records that
/// [`crate::RemoteStreamOptions`] name.
#[derive(Debug, Clone, PartialEq)]
pub struct InvocationInfo {
    /// The parameters of the command: a dictionary.
    pub bound_parameters: PsValue,
    /// Who ran it.
    pub command_origin: CommandOrigin,
    /// Whether it was waiting for input.
    pub expecting_input: bool,
    /// The name that it was called by.
    pub invocation_name: PsString,
    /// The line of the script that called it.
    pub line: PsString,
    /// Where in that line, from 1.
    pub offset_in_line: i32,
    /// Which command of the session's history it is.
    pub history_id: i64,
    /// How many objects each command of the pipeline has seen: an array of I32.
    pub pipeline_iteration: PsValue,
    /// How many commands the pipeline has.
    pub pipeline_length: i32,
    /// Which of them it is, from 1.
    pub pipeline_position: i32,
    /// The folder of the script that called it.
    pub script_root: PsString,
    /// The file of the command itself.
    pub command_path: Option<PsString>,
    /// Line and place as text, with the line underlined.
    pub position_message: PsString,
    /// The number of the line, from 1.
    pub script_line_number: i32,
    /// The script that called it.
    pub script_name: PsString,
    /// Arguments that no parameter took: a list.
    pub unbound_arguments: PsValue,
    /// The command itself, where it has a name or a text.
    pub command: Option<CommandInfo>,
}

/// The command that wrote a record.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandInfo {
    /// What kind of command.
    pub kind: CommandTypes,
    /// Its text.
    pub definition: PsString,
    /// Its name.
    pub name: PsString,
    /// Whether it may be seen.
    pub visibility: Visibility,
}

impl Default for InvocationInfo {
    /// A command that was called from nowhere in particular.
    fn default() -> Self {
        let bound = PsObject::typed([
            "System.Management.Automation.PSBoundParametersDictionary",
            "System.Collections.Generic.Dictionary`2[[System.String, System.Private.CoreLib, Version=10.0.0.0, \
             Culture=neutral, PublicKeyToken=7cec85d7bea7798e],[System.Object, System.Private.CoreLib, \
             Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
            "System.Object",
        ]);
        let unbound = PsObject::typed([
            "System.Collections.Generic.List`1[[System.Object, System.Private.CoreLib, Version=10.0.0.0, \
             Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
            "System.Object",
        ]);
        Self {
            bound_parameters: bound.with_base(Base::Dictionary(Vec::new())).into(),
            command_origin: CommandOrigin::Internal,
            expecting_input: false,
            invocation_name: PsString::default(),
            line: PsString::default(),
            offset_in_line: 0,
            history_id: 1,
            pipeline_iteration: int_array(&[]),
            pipeline_length: 0,
            pipeline_position: 0,
            script_root: PsString::default(),
            command_path: None,
            position_message: PsString::default(),
            script_line_number: 0,
            script_name: PsString::default(),
            unbound_arguments: unbound.with_base(Base::List(Vec::new())).into(),
            command: None,
        }
    }
}

impl InvocationInfo {
    pub(crate) fn from_fields(fields: &Fields<'_>) -> Result<Self, PsrpError> {
        let text = |name| fields.text(name).unwrap_or_default();
        let number = |name| Ok::<_, PsrpError>(fields.optional::<i32>(name)?.unwrap_or_default());
        Ok(Self {
            bound_parameters: fields.any("InvocationInfo_BoundParameters"),
            command_origin: fields.enumeration_or("InvocationInfo_CommandOrigin", CommandOrigin::Internal)?,
            expecting_input: fields.optional("InvocationInfo_ExpectingInput")?.unwrap_or(false),
            invocation_name: text("InvocationInfo_InvocationName"),
            line: text("InvocationInfo_Line"),
            offset_in_line: number("InvocationInfo_OffsetInLine")?,
            history_id: fields.optional("InvocationInfo_HistoryId")?.unwrap_or_default(),
            pipeline_iteration: fields.any("InvocationInfo_PipelineIterationInfo"),
            pipeline_length: number("InvocationInfo_PipelineLength")?,
            pipeline_position: number("InvocationInfo_PipelinePosition")?,
            script_root: text("InvocationInfo_PSScriptRoot"),
            command_path: fields.text("InvocationInfo_PSCommandPath"),
            position_message: text("InvocationInfo_PositionMessage"),
            script_line_number: number("InvocationInfo_ScriptLineNumber")?,
            script_name: text("InvocationInfo_ScriptName"),
            unbound_arguments: fields.any("InvocationInfo_UnboundArguments"),
            command: CommandInfo::from_fields(fields)?,
        })
    }

    pub(crate) fn add_to(&self, object: PsObject) -> PsObject {
        let object = object
            .with("InvocationInfo_BoundParameters", self.bound_parameters.clone())
            .with("InvocationInfo_CommandOrigin", self.command_origin)
            .with("InvocationInfo_ExpectingInput", self.expecting_input)
            .with("InvocationInfo_InvocationName", self.invocation_name.clone())
            .with("InvocationInfo_Line", self.line.clone())
            .with("InvocationInfo_OffsetInLine", self.offset_in_line)
            .with("InvocationInfo_HistoryId", self.history_id)
            .with("InvocationInfo_PipelineIterationInfo", self.pipeline_iteration.clone())
            .with("InvocationInfo_PipelineLength", self.pipeline_length)
            .with("InvocationInfo_PipelinePosition", self.pipeline_position)
            .with("InvocationInfo_PSScriptRoot", self.script_root.clone())
            .with("InvocationInfo_PSCommandPath", self.command_path.clone())
            .with("InvocationInfo_PositionMessage", self.position_message.clone())
            .with("InvocationInfo_ScriptLineNumber", self.script_line_number)
            .with("InvocationInfo_ScriptName", self.script_name.clone())
            .with("InvocationInfo_UnboundArguments", self.unbound_arguments.clone())
            .with("SerializeExtent", false);
        match &self.command {
            Some(command) => command.add_to(object),
            None => object,
        }
    }
}

impl CommandInfo {
    fn from_fields(fields: &Fields<'_>) -> Result<Option<Self>, PsrpError> {
        let Some(kind) = fields.optional("CommandInfo_CommandType")? else { return Ok(None) };
        Ok(Some(Self {
            kind,
            definition: fields.text("CommandInfo_Definition").unwrap_or_default(),
            name: fields.text("CommandInfo_Name").unwrap_or_default(),
            visibility: fields.enumeration_or("CommandInfo_Visibility", Visibility::Public)?,
        }))
    }

    fn add_to(&self, object: PsObject) -> PsObject {
        object
            .with("CommandInfo_CommandType", self.kind)
            .with("CommandInfo_Definition", self.definition.clone())
            .with("CommandInfo_Name", self.name.clone())
            .with("CommandInfo_Visibility", self.visibility)
    }
}

/// An array of I32.
pub(crate) fn int_array(items: &[i32]) -> PsValue {
    PsObject::typed(["System.Int32[]", "System.Array", "System.Object"])
        .with_base(Base::List(items.iter().copied().map(PsValue::from).collect()))
        .into()
}

/// A read-only collection of I32, as records count their objects.
pub(crate) fn int_collection(items: &[i32]) -> PsValue {
    PsObject::typed([
        "System.Collections.ObjectModel.ReadOnlyCollection`1[[System.Int32, System.Private.CoreLib, \
         Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
        "System.Object",
    ])
    .with_base(Base::List(items.iter().copied().map(PsValue::from).collect()))
    .into()
}
