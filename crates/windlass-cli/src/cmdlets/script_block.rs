//! Script blocks on their way to an endpoint.
//!
//! Endpoints without the full language take commands, not script. A block that is nothing but
//! commands with literal arguments is therefore sent as commands, which every endpoint runs alike;
//! any other block is sent as the script it is. A parameter and the argument after it stay apart, since
//! only the server knows which parameters take a value.

use windlass_clixml::{Base, PsObject, PsValue};
use windlass_command::{
    CommandElement, Element, Expression, ExpressionKind, Pipeline, ScriptBody, Statement, parse_script_block,
};
use windlass_mock::powershell::number_value;
use windlass_psrp::{Command, Parameter, PowerShell};

/// Gives the value of a local variable that a block uses as `$using:name`.
pub(crate) type Using<'u> = dyn Fn(&str) -> Option<PsValue> + 'u;

/// What `-ScriptBlock` says, its braces taken off, as a pipeline to run.
pub(crate) fn pipeline(block: &str, using: &Using<'_>) -> PowerShell {
    let text = without_braces(block);
    commands(text, using).unwrap_or_else(|| PowerShell::script(text))
}

/// The text of a block without the braces around it.
pub(crate) fn without_braces(block: &str) -> &str {
    let trimmed = block.trim();
    let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.unwrap_or(trimmed).trim()
}

fn commands(text: &str, using: &Using<'_>) -> Option<PowerShell> {
    let script = parse_script_block(text).ok()?;
    let ScriptBody::Plain(block) = &script.body else { return None };
    if script.parameters.is_some() || !script.usings.is_empty() || !block.traps.is_empty() {
        return None;
    }
    let (first, rest) = block.statements.split_first()?;
    let mut powershell = statement(PowerShell::new(), first, using)?;
    for next in rest {
        powershell = statement(powershell.statement(), next, using)?;
    }
    Some(powershell)
}

fn statement(mut powershell: PowerShell, statement: &Statement, using: &Using<'_>) -> Option<PowerShell> {
    let Statement::Pipeline(Pipeline { elements, background: false, .. }) = statement else { return None };
    for element in elements {
        let Element::Command(written) = element else { return None };
        if !written.redirections.is_empty() || written.invocation != windlass_command::Invocation::Plain {
            return None;
        }
        let mut command = Command::new(written.name()?);
        for argument in written.arguments() {
            command.parameters.push(match argument {
                CommandElement::Parameter(parameter) if parameter.name == "-" => return None,
                CommandElement::Parameter(parameter) => match &parameter.argument {
                    Some(argument) => Parameter {
                        name: Some(parameter.name.as_str().into()),
                        value: literal(argument, using)?,
                    },
                    // The dash tells the server that a value may follow as an argument.
                    None => {
                        Parameter { name: Some(format!("-{}", parameter.name).into()), value: PsValue::Null }
                    }
                },
                CommandElement::Argument(argument) => {
                    Parameter { name: None, value: literal(argument, using)? }
                }
            });
        }
        powershell = powershell.add_command(command);
    }
    Some(powershell)
}

/// A literal; `None` for anything that must be evaluated at the other side.
pub(crate) fn literal(expression: &Expression, using: &Using<'_>) -> Option<PsValue> {
    Some(match &expression.kind {
        ExpressionKind::String { value, .. } => value.as_str().into(),
        ExpressionKind::Number(value) => number_value(value)?,
        ExpressionKind::Array(items) => {
            PsValue::list(items.iter().map(|item| literal(item, using)).collect::<Option<Vec<_>>>()?)
        }
        ExpressionKind::Variable(variable) if !variable.splat => {
            let path = variable.path.to_ascii_lowercase();
            match path.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                "null" => PsValue::Null,
                _ => return None,
            }
        }
        ExpressionKind::Using(inner) => match &inner.kind {
            ExpressionKind::Variable(variable) => using(&variable.path)?,
            _ => return None,
        },
        ExpressionKind::Hashtable(entries) => {
            let mut pairs = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let Statement::Pipeline(value) = value else { return None };
                pairs.push((literal(key, using)?, literal(value.as_expression()?, using)?));
            }
            PsObject::typed(["System.Collections.Hashtable", "System.Object"])
                .with_base(Base::Dictionary(pairs))
                .into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(block: &str) -> String {
        let one = |command: &Command| {
            if command.is_script {
                return format!("script({})", command.text);
            }
            let parameters = command.parameters.iter().map(|parameter| match &parameter.name {
                Some(name) => format!("-{name}:{}", windlass_clixml::to_text(&parameter.value)),
                None => windlass_clixml::to_text(&parameter.value),
            });
            std::iter::once(command.text.to_string()).chain(parameters).collect::<Vec<_>>().join(" ")
        };
        let using = |name: &str| (name == "n").then(|| PsValue::from(7));
        let statements = pipeline(block, &using).statements;
        let statement = |commands: &Vec<Command>| commands.iter().map(one).collect::<Vec<_>>().join(" | ");
        statements.iter().map(statement).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn commands_are_sent_as_commands_and_script_as_script() {
        for (block, expected) in [
            ("{ Get-Process | Select-Object -First 5 }", "Get-Process | Select-Object --First: 5"),
            ("Get-Date; Get-Process -Name:pwsh", "Get-Date; Get-Process -Name:pwsh"),
            ("{ Write-Output 1,2 'a b' }", "Write-Output 1 2 a b"),
            ("{ Get-Process -Id $using:n }", "Get-Process --Id: 7"),
            ("{ Get-Date > f }", "script(Get-Date > f)"),
            ("{ param($a) Get-Date }", "script(param($a) Get-Date)"),
            ("{ $x = 1; $x }", "script($x = 1; $x)"),
            ("{ Get-Process | % { $_.Id } }", "script(Get-Process | % { $_.Id })"),
            ("{ 1 + 1 }", "script(1 + 1)"),
            ("{ Write-Output $PID }", "script(Write-Output $PID)"),
        ] {
            assert_eq!(shown(block), expected);
        }
    }
}
