//! From what a client asks for to running pipelines.

use std::sync::Arc;

use windlass_clixml::{Base, PsObject, PsValue};
use windlass_psrp::payload::CommandInfo as WireCommandInfo;
use windlass_psrp::{
    Command, CommandTypes, ErrorCategory, ErrorRecord, InvocationInfo, Merge, PowerShell, Visibility,
};

use super::bind::{Argument, bind};
use super::cmdlet::{Cmdlet, Halt, Outcome, Stage};
use super::context::Context;
use super::failure::{Failure, exceptions};
use super::pipeline::{self, Call, Input, MOST_STAGES, Slot};
use super::preference::Preferences;
use super::record::{Emission, Sink, bare_error_record, error_record};
use super::runspace::Runspace;
use super::script::{ScriptStage, located};
use super::scripted::scripted_slot;

/// How a pipeline ended.
#[derive(Debug)]
pub(crate) enum End {
    /// By itself.
    Completed,
    /// With this error.
    Failed(Box<ErrorRecord>),
    /// Because it was told to.
    Stopped,
}

/// Runs what a client asked for. Input goes to the first statement.
pub(crate) fn execute(
    power_shell: &PowerShell,
    with_invocation: bool,
    mut input: Option<&mut dyn Iterator<Item = PsValue>>,
    sink: &mut dyn Sink,
    runspace: &Runspace,
) -> End {
    let count = power_shell.statements.len();
    for (place, statement) in power_shell.statements.iter().enumerate() {
        let input = match input.take() {
            Some(input) => Input::From(input),
            None => Input::None,
        };
        match run_statement(statement, with_invocation, input, sink, runspace) {
            Ok(()) => {}
            Err(Halt::Enough(_)) => {}
            Err(Halt::Stopped) => return End::Stopped,
            Err(Halt::Final(record)) => return End::Failed(record),
            Err(Halt::Failed(record)) if place + 1 == count => return End::Failed(record),
            // Of several statements, only the last one's failure is the pipeline's.
            Err(Halt::Failed(record)) => {
                if matches!(sink.emit(Emission::Error(record)), Err(Halt::Stopped)) {
                    return End::Stopped;
                }
            }
        }
    }
    if runspace.stop().is_stopped() { End::Stopped } else { End::Completed }
}

fn run_statement(
    commands: &[Command],
    with_invocation: bool,
    input: Input<'_>,
    sink: &mut dyn Sink,
    runspace: &Runspace,
) -> Outcome {
    if let Some(scripted) = scripted_slot(commands, runspace) {
        return pipeline::run(&mut [scripted], input, sink, runspace);
    }
    let count = commands.len();
    if count > MOST_STAGES {
        let message =
            format!("A pipeline of {count} commands is longer than the {MOST_STAGES} that run here.");
        let failure = Failure::new(
            exceptions::INVALID_OPERATION,
            "PipelineTooLong",
            ErrorCategory::LimitsExceeded,
            message,
        );
        return Err(Halt::Failed(Box::new(bare_error_record(failure))));
    }
    let has_input = matches!(input, Input::From(_));
    let mut slots = Vec::with_capacity(count);
    for (position, command) in commands.iter().enumerate() {
        let takes_input = position > 0 || has_input;
        slots.push(slot(command, position, count, takes_input, with_invocation, runspace)?);
    }
    pipeline::run(&mut slots, input, sink, runspace)
}

fn slot(
    command: &Command,
    position: usize,
    count: usize,
    takes_input: bool,
    with_invocation: bool,
    runspace: &Runspace,
) -> Result<Slot, Halt> {
    let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    let place = InvocationInfo {
        invocation_name: if command.is_script { "".into() } else { command.text.clone() },
        pipeline_length: number(count),
        pipeline_position: number(position + 1),
        expecting_input: takes_input,
        ..InvocationInfo::default()
    };
    if command.is_script {
        let stage = match ScriptStage::new(&command.text) {
            Ok(stage) => stage,
            Err(failure) => return Err(Halt::Failed(Box::new(bare_error_record(*failure)))),
        };
        let place = InvocationInfo {
            command: Some(WireCommandInfo {
                kind: CommandTypes::SCRIPT,
                definition: command.text.clone(),
                name: "".into(),
                visibility: Visibility::Public,
            }),
            ..place
        };
        let call = Call {
            command: None,
            invocation: place,
            with_invocation,
            preferences: runspace.preferences,
            merge: command.merge,
            position,
            copies: Vec::new(),
        };
        return Ok(Slot::new(call, Box::new(stage)));
    }
    let arguments = command.parameters.iter().map(|parameter| match &parameter.name {
        // A dash says that name and value were written apart, as in a script.
        Some(name) => match name.strip_prefix('-') {
            Some(written) => {
                Argument::Named(written.to_owned(), Some(parameter.value.clone()).filter(|v| !v.is_null()))
            }
            None => Argument::Named(name.to_string(), Some(parameter.value.clone())),
        },
        None => Argument::Positional(parameter.value.clone()),
    });
    command_slot(
        Given {
            name: &command.text,
            arguments: arguments.collect(),
            merge: command.merge,
            takes_input,
            place,
            with_invocation,
            preferences: runspace.preferences,
            position,
        },
        runspace,
    )
}

/// A command as it was given: in a message or in a script.
pub(crate) struct Given<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) merge: Merge,
    pub(crate) takes_input: bool,
    pub(crate) place: InvocationInfo,
    pub(crate) with_invocation: bool,
    pub(crate) preferences: Preferences,
    pub(crate) position: usize,
}

/// Finds a command, binds its arguments and starts it.
pub(crate) fn command_slot(given: Given<'_>, runspace: &Runspace) -> Result<Slot, Halt> {
    let Given { name, arguments, merge, takes_input, place, with_invocation, preferences, position } = given;
    let Some(command) = runspace.commands().find(name) else {
        let record = bare_error_record(Failure::command_not_found(name).with_bare_id());
        return Err(Halt::Failed(Box::new(located(record, place, with_invocation))));
    };
    let mut call = Call {
        command: Some(Arc::clone(command)),
        invocation: with_command(place, command.as_ref()),
        with_invocation,
        preferences,
        merge,
        position,
        copies: Vec::new(),
    };
    let started = bind(command.info(), arguments, takes_input).and_then(|bound| {
        call.preferences = bound.preferences.or(preferences);
        call.copies.clone_from(&bound.copies);
        let entries = bound.iter().map(|(name, value)| (PsValue::from(name), value.clone())).collect();
        if let PsValue::Object(known) = &call.invocation.bound_parameters {
            let types = known.type_names.clone();
            call.invocation.bound_parameters =
                PsObject::untyped().with_type_names(&types).with_base(Base::Dictionary(entries)).into();
        }
        command.start(bound)
    });
    match started {
        Ok(stage) => Ok(Slot::new(call, stage)),
        Err(failure) => Err(Halt::Failed(Box::new(error_record(*failure, &call)))),
    }
}

/// A value at the start of a pipeline, its items one by one.
pub(crate) fn value_slot(value: PsValue, runspace: &Runspace, position: usize) -> Slot {
    let call = Call {
        command: None,
        invocation: InvocationInfo::default(),
        with_invocation: false,
        preferences: runspace.preferences,
        merge: Merge::default(),
        position,
        copies: Vec::new(),
    };
    Slot::new(call, Box::new(Value(value)))
}

fn with_command(place: InvocationInfo, command: &dyn Cmdlet) -> InvocationInfo {
    let info = command.info();
    let definition: Vec<String> = info.syntax().map(|line| format!("\n{line}\n")).collect();
    InvocationInfo {
        command: Some(WireCommandInfo {
            kind: CommandTypes::CMDLET,
            definition: definition.concat().into(),
            name: info.name().into(),
            visibility: Visibility::Public,
        }),
        ..place
    }
}

/// A value as the first element of a pipeline.
struct Value(PsValue);

impl Stage for Value {
    fn process(&mut self, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
        cx.write_each(std::mem::take(&mut self.0))
    }
}
