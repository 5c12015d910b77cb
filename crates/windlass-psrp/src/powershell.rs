//! What a pipeline runs: statements of commands ([MS-PSRP] 2.2.3.11, 2.2.3.12 and 2.2.3.13).

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use crate::enums::PipelineResultTypes;
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::version::ProtocolVersion;

/// The type of the lists in CREATE_PIPELINE, as PowerShell 7.6 names it.
const LIST_TYPES: [&str; 2] = [
    "System.Collections.Generic.List`1[[System.Management.Automation.PSObject, \
     System.Management.Automation, Version=7.6.5.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "System.Object",
];

/// Most commands of one pipeline that are read: more are not typed by anybody.
const MOST_COMMANDS: usize = 10_000;

/// What a pipeline runs.
///
/// ```
/// use windlass_psrp::PowerShell;
///
/// let get = PowerShell::new().command("Get-Process").parameter("Name", "pwsh").command("Sort-Object").argument("Id");
/// let two = PowerShell::script("$x = 1").statement().command("Get-Date").switch("AsUTC");
/// assert_eq!((get.statements.len(), two.statements.len()), (1, 2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PowerShell {
    /// The statements, run one after the other; each is a chain of commands. At least one.
    pub statements: Vec<Vec<Command>>,
    /// Whether it runs inside a pipeline that waits for it.
    pub is_nested: bool,
    /// What the history shall show, where not the commands themselves.
    pub history: Option<PsString>,
    /// Whether the error stream of a script goes to the error stream of the pipeline.
    pub redirect_errors: bool,
}

/// One command of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The name, or the text of a script.
    pub text: PsString,
    /// Whether `text` is a script.
    pub is_script: bool,
    /// Whether variables that it sets are its own; `None` leaves that to the server.
    pub use_local_scope: Option<bool>,
    /// Parameters and arguments in order.
    pub parameters: Vec<Parameter>,
    /// What is merged with what.
    pub merge: Merge,
}

/// A parameter, or an argument without a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name, without a dash; `None` for arguments.
    pub name: Option<PsString>,
    /// The value; null for a switch.
    pub value: PsValue,
}

/// Which streams of a command are merged into others ([MS-PSRP] 2.2.3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// Which stream goes to `to_result`; the only merging of protocol 2.1.
    pub my_result: PipelineResultTypes,
    /// Where `my_result` goes.
    pub to_result: PipelineResultTypes,
    /// What the commands before it in the statement merge into its input.
    pub previous_results: PipelineResultTypes,
    /// Where errors go.
    pub error: PipelineResultTypes,
    /// Where warnings go.
    pub warning: PipelineResultTypes,
    /// Where verbose records go.
    pub verbose: PipelineResultTypes,
    /// Where debug records go.
    pub debug: PipelineResultTypes,
    /// Where information records go.
    pub information: PipelineResultTypes,
}

impl Default for Merge {
    fn default() -> Self {
        let none = PipelineResultTypes::NONE;
        Self {
            my_result: none,
            to_result: none,
            previous_results: none,
            error: none,
            warning: none,
            verbose: none,
            debug: none,
            information: none,
        }
    }
}

impl Merge {
    /// Errors go to the output, in the way that every version understands.
    pub const ERROR_TO_OUTPUT: Self = {
        let none = PipelineResultTypes::NONE;
        Self {
            my_result: PipelineResultTypes::ERROR,
            to_result: PipelineResultTypes::OUTPUT,
            previous_results: none,
            error: PipelineResultTypes::OUTPUT,
            warning: none,
            verbose: none,
            debug: none,
            information: none,
        }
    };
}

impl Default for PowerShell {
    fn default() -> Self {
        Self { statements: vec![Vec::new()], is_nested: false, history: None, redirect_errors: true }
    }
}

impl PowerShell {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One script.
    pub fn script(text: impl Into<PsString>) -> Self {
        Self::new().add_script(text)
    }

    /// With one more command in the current statement.
    #[must_use]
    pub fn command(self, name: impl Into<PsString>) -> Self {
        self.add_command(Command::new(name))
    }

    /// With one more script in the current statement.
    #[must_use]
    pub fn add_script(self, text: impl Into<PsString>) -> Self {
        self.add_command(Command::script(text))
    }

    /// With one more command, made elsewhere, in the current statement.
    #[must_use]
    pub fn add_command(mut self, command: Command) -> Self {
        match self.statements.last_mut() {
            Some(statement) => statement.push(command),
            None => self.statements.push(vec![command]),
        }
        self
    }

    /// With the next commands in a new statement.
    #[must_use]
    pub fn statement(mut self) -> Self {
        if self.statements.last().is_none_or(|statement| !statement.is_empty()) {
            self.statements.push(Vec::new());
        }
        self
    }

    /// With a parameter of the last command. Without a command nothing is added.
    #[must_use]
    pub fn parameter(self, name: impl Into<PsString>, value: impl Into<PsValue>) -> Self {
        self.add_parameter(Parameter { name: Some(name.into()), value: value.into() })
    }

    /// With a switch of the last command.
    #[must_use]
    pub fn switch(self, name: impl Into<PsString>) -> Self {
        self.add_parameter(Parameter { name: Some(name.into()), value: PsValue::Null })
    }

    /// With an argument of the last command.
    #[must_use]
    pub fn argument(self, value: impl Into<PsValue>) -> Self {
        self.add_parameter(Parameter { name: None, value: value.into() })
    }

    /// With the streams of the last command merged like this.
    #[must_use]
    pub fn merge(mut self, merge: Merge) -> Self {
        if let Some(command) = self.statements.last_mut().and_then(|statement| statement.last_mut()) {
            command.merge = merge;
        }
        self
    }

    /// The commands of all statements.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.statements.iter().flatten()
    }

    fn add_parameter(mut self, parameter: Parameter) -> Self {
        if let Some(command) = self.statements.last_mut().and_then(|statement| statement.last_mut()) {
            command.parameters.push(parameter);
        }
        self
    }

    /// The object for this version of the protocol.
    ///
    /// # Errors
    /// When the version has no way to say it.
    pub(crate) fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let commands =
            |statement: &[Command]| list(statement.iter().map(|command| command.to_value(version)));
        let mut object = PsObject::untyped();
        if self.statements.len() > 1 {
            version.require(ProtocolVersion::V2_2, "more than one statement")?;
            let statements = self
                .statements
                .iter()
                .map(|statement| PsValue::from(PsObject::untyped().with("Cmds", commands(statement))));
            object = object.with("ExtraCmds", list(statements));
        }
        let first = self.statements.first().map_or(&[][..], Vec::as_slice);
        let object = object.with("Cmds", commands(first)).with("IsNested", self.is_nested);
        let object = object.with("History", self.history.clone().map_or(PsValue::Null, PsValue::String));
        Ok(object.with("RedirectShellErrorOutputPipe", self.redirect_errors).into())
    }

    pub(crate) fn from_fields(fields: Fields<'_>) -> Result<Self, PsrpError> {
        let first = fields.list("Cmds")?;
        let statements = match fields.value("ExtraCmds") {
            None | Some(PsValue::Null) => vec![commands_of(&fields, first)?],
            Some(_) => fields
                .list("ExtraCmds")?
                .iter()
                .map(|statement| {
                    let statement = Fields::new("statement", statement)?;
                    commands_of(&statement, statement.list("Cmds")?)
                })
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            statements,
            is_nested: fields.optional("IsNested")?.unwrap_or(false),
            history: fields.optional("History")?,
            redirect_errors: fields.optional("RedirectShellErrorOutputPipe")?.unwrap_or(false),
        })
    }
}

impl Command {
    /// A command by its name.
    pub fn new(name: impl Into<PsString>) -> Self {
        Self {
            text: name.into(),
            is_script: false,
            use_local_scope: None,
            parameters: Vec::new(),
            merge: Merge::default(),
        }
    }

    /// A script by its text.
    pub fn script(text: impl Into<PsString>) -> Self {
        Self { is_script: true, ..Self::new(text) }
    }

    fn to_value(&self, version: ProtocolVersion) -> PsValue {
        let Merge { my_result, to_result, previous_results, error, warning, verbose, debug, information } =
            self.merge;
        let mut object = PsObject::untyped()
            .with("Cmd", self.text.clone())
            .with("IsScript", self.is_script)
            .with("UseLocalScope", self.use_local_scope)
            .with("MergeMyResult", my_result)
            .with("MergeToResult", to_result)
            .with("MergePreviousResults", previous_results);
        if version >= ProtocolVersion::V2_2 {
            object = object
                .with("MergeError", error)
                .with("MergeWarning", warning)
                .with("MergeVerbose", verbose)
                .with("MergeDebug", debug);
        }
        if version >= ProtocolVersion::V2_3 {
            object = object.with("MergeInformation", information);
        }
        let parameters = self.parameters.iter().map(|parameter| {
            let name = parameter.name.clone().map_or(PsValue::Null, PsValue::String);
            PsValue::from(PsObject::untyped().with("N", name).with("V", parameter.value.clone()))
        });
        object.with("Args", list(parameters)).into()
    }

    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("command", value)?;
        let merge = |name| fields.enumeration_or(name, PipelineResultTypes::NONE);
        let parameters = fields.list("Args")?.iter().map(|parameter| {
            let parameter = Fields::new("parameter", parameter)?;
            Ok(Parameter { name: parameter.optional("N")?, value: parameter.any("V") })
        });
        Ok(Self {
            text: fields.required("Cmd")?,
            is_script: fields.required("IsScript")?,
            use_local_scope: fields.optional("UseLocalScope")?,
            parameters: parameters.collect::<Result<_, PsrpError>>()?,
            merge: Merge {
                my_result: merge("MergeMyResult")?,
                to_result: merge("MergeToResult")?,
                previous_results: merge("MergePreviousResults")?,
                error: merge("MergeError")?,
                warning: merge("MergeWarning")?,
                verbose: merge("MergeVerbose")?,
                debug: merge("MergeDebug")?,
                information: merge("MergeInformation")?,
            },
        })
    }
}

impl From<&str> for PowerShell {
    /// One script.
    fn from(script: &str) -> Self {
        Self::script(script)
    }
}

impl From<String> for PowerShell {
    /// One script.
    fn from(script: String) -> Self {
        Self::script(script)
    }
}

fn commands_of(fields: &Fields<'_>, list: &[PsValue]) -> Result<Vec<Command>, PsrpError> {
    if list.is_empty() || list.len() > MOST_COMMANDS {
        let found = i64::try_from(list.len()).unwrap_or(i64::MAX);
        return Err(fields.wrong_value("Cmds", "a list of 1 to 10000 commands", found));
    }
    list.iter().map(Command::from_value).collect()
}

fn list(items: impl Iterator<Item = PsValue>) -> PsValue {
    PsObject::typed(LIST_TYPES).with_base(Base::List(items.collect())).into()
}
