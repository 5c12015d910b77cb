//! Statements that a scenario has the answer to.

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::{Command, ErrorCategory, InvocationInfo, Merge, Parameter};

use super::cmdlet::{Outcome, Stage};
use super::context::Context;
use super::copying::known_script;
use super::failure::{Failure, exceptions};
use super::pipeline::{Call, Slot};
use super::preference::{Action, Preferences};
use super::record::Emission;
use super::runspace::Runspace;
use super::text::text;
use crate::scenario::Answer;

/// What stands for all commands of a statement, where the scenario has its text, or it is a script that is
/// known.
pub(crate) fn scripted_slot(commands: &[Command], runspace: &Runspace) -> Option<Slot> {
    // A console hands the output on; what it runs is what is before.
    let (commands, is_shown) = match commands {
        [typed @ .., last] if !typed.is_empty() && is_out_default(last) => (typed, true),
        _ => (commands, false),
    };
    let stage = answered(commands, runspace).or_else(|| match commands {
        [script] => known_script(script, runspace.files()?),
        _ => None,
    })?;
    let merge = commands.last().map(|command| command.merge).unwrap_or_default();
    let call = Call {
        command: None,
        invocation: InvocationInfo::default(),
        with_invocation: false,
        // A scenario lists what the client gets to see.
        preferences: Preferences {
            verbose: Some(Action::Continue),
            debug: Some(Action::Continue),
            ..runspace.preferences
        },
        merge: if is_shown { Merge::default() } else { merge },
        position: 0,
        copies: Vec::new(),
    };
    Some(Slot::new(call, stage))
}

fn answered(commands: &[Command], runspace: &Runspace) -> Option<Box<dyn Stage>> {
    let scenario = runspace.scenario();
    if scenario.is_empty() {
        return None;
    }
    let answer = scenario.answer(&written(commands))?;
    Some(Box::new(Scripted { answer, input: Vec::new() }))
}

fn is_out_default(command: &Command) -> bool {
    !command.is_script && command.text.eq_ignore_ascii_case("Out-Default") && command.parameters.is_empty()
}

/// A statement as it would be written in a script.
fn written(commands: &[Command]) -> String {
    let commands = commands.iter().map(|command| {
        let parameters = command.parameters.iter().map(written_parameter);
        std::iter::once(command.text.trim().to_owned()).chain(parameters).collect::<Vec<_>>().join(" ")
    });
    commands.collect::<Vec<_>>().join(" | ")
}

fn written_parameter(parameter: &Parameter) -> String {
    let value = match &parameter.value {
        PsValue::Null => "$null".to_owned(),
        PsValue::Bool(value) => format!("${value}"),
        value => match value.items() {
            Some(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
            None => text(value),
        },
    };
    let Some(name) = &parameter.name else { return value };
    let name = name.trim_start_matches('-').trim_end_matches(':');
    match parameter.value {
        PsValue::Null | PsValue::Bool(true) => format!("-{name}"),
        PsValue::Bool(false) => format!("-{name}:{value}"),
        _ => format!("-{name} {value}"),
    }
}

/// Gives its answer when all input is there.
struct Scripted {
    answer: Arc<Answer>,
    /// What it was given, where the answer is to hold that.
    input: Vec<PsValue>,
}

impl Stage for Scripted {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        if self.answer.input {
            self.input.extend(input);
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let answer = &*self.answer;
        cx.sleep(answer.delay)?;
        std::mem::take(&mut self.input).into_iter().try_for_each(|value| cx.write(value))?;
        answer.progress.iter().try_for_each(|record| cx.progress(record.clone()))?;
        answer.verbose.iter().try_for_each(|message| cx.verbose(message.as_str()))?;
        answer.debug.iter().try_for_each(|message| cx.debug(message.as_str()))?;
        let mut tell = |message: &String| cx.information(message.as_str().into(), "", Vec::new());
        answer.information.iter().try_for_each(&mut tell)?;
        answer.warnings.iter().try_for_each(|message| cx.warning(message.as_str()))?;
        for method in &answer.host {
            let value = cx.ask(method.clone())?;
            if method.id().expects_reply() {
                cx.write(value.into_value())?;
            }
        }
        for value in &answer.output {
            cx.check()?;
            cx.write(value.clone())?;
        }
        for message in &answer.errors {
            let category = ErrorCategory::NotSpecified;
            let id = "Microsoft.PowerShell.Commands.WriteErrorException";
            cx.error(Failure::new(exceptions::WRITE_ERROR, id, category, message))?;
        }
        for message in &answer.messages {
            cx.emit(Emission::Raw(Box::new(message.clone())))?;
        }
        match &answer.fails {
            // As `throw` does.
            Some(message) => {
                let category = ErrorCategory::OperationStopped;
                let failure = Failure::new(exceptions::RUNTIME, message, category, message);
                Err(cx.fail(failure.about(message.as_str())))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_psrp::PowerShell;

    use super::*;

    #[test]
    fn commands_are_written_as_in_a_script() {
        let list = PsValue::list(["a".into(), 2.into()]);
        let given = PowerShell::new()
            .command("Get-Thing")
            .parameter("Name", "x")
            .switch("All")
            .parameter("Wait", false)
            .parameter("-Id", list)
            .command("Sort-Object")
            .argument("Id");
        let expected = "Get-Thing -Name x -All -Wait:$false -Id a,2 | Sort-Object Id";
        assert_eq!(given.statements.first().map(|statement| written(statement)).as_deref(), Some(expected));
    }
}
