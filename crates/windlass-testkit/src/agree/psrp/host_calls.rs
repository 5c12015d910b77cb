//! Calls of the host in the terms of the recordings, where the host wrote down what it was called with.

use serde_json::{Value, json};
use windlass_clixml::{ProgressKind, PsValue};
use windlass_psrp::ConsoleColor;
use windlass_psrp::host::{HostMethod, Rectangle, guard};

use crate::agree::clixml::describe;

/// The computer that the recordings are from.
const COMPUTER: &str = "LNX01";

/// What the host sees of a call: the call itself, and a warning before it where it asks for secrets.
pub(super) fn seen(method: &HostMethod) -> Vec<Value> {
    let guarded = guard(method.clone(), COMPUTER);
    let warning = guarded
        .warning
        .map(|text| json!({ "call": "WriteWarningLine", "args": [describe(&PsValue::from(text))] }));
    let call = json!({ "call": guarded.method.id().name(), "args": arguments(&guarded.method) });
    warning.into_iter().chain([call]).collect()
}

fn arguments(method: &HostMethod) -> Vec<Value> {
    use HostMethod as M;
    match method {
        M::Write2 { foreground, background, value } | M::WriteLine3 { foreground, background, value } => {
            vec![color(*foreground), color(*background), text(value)]
        }
        M::SetForegroundColor { color: value } | M::SetBackgroundColor { color: value } => {
            vec![color(*value)]
        }
        M::SetCursorPosition { position } | M::SetWindowPosition { position } => {
            vec![text(&format!("{},{}", position.x, position.y))]
        }
        M::SetBufferSize { size } | M::SetWindowSize { size } => {
            vec![text(&format!("{}x{}", size.width, size.height))]
        }
        M::WriteProgress { source_id, record } => {
            let kind = match record.kind {
                ProgressKind::Processing => "Processing",
                ProgressKind::Completed => "Completed",
            };
            let shown = format!(
                "{}|{}|{}|{}|{}|{}|{}|{kind}",
                record.activity_id,
                record.parent_activity_id,
                record.activity,
                record.status_description,
                record.current_operation.as_deref().unwrap_or_default(),
                record.percent_complete,
                record.seconds_remaining,
            );
            vec![describe(&PsValue::from(*source_id)), text(&shown)]
        }
        M::Prompt { caption, message, descriptions } => {
            let fields = descriptions.iter().map(|field| {
                format!(
                    "{}|{}|{}|{}|{}|{}|{}|{}",
                    field.name,
                    field.label,
                    field.help_message,
                    field.parameter_type_name,
                    field.parameter_type_full_name,
                    field.parameter_assembly_full_name,
                    if field.is_mandatory { "True" } else { "False" },
                    windlass_clixml::to_text(&field.default_value),
                )
            });
            vec![text(caption), text(message), list(fields)]
        }
        M::PromptForChoice { caption, message, choices, default_choice } => {
            let choices = choices.iter().map(|choice| format!("{}|{}", choice.label, choice.help_message));
            vec![text(caption), text(message), list(choices), describe(&PsValue::from(*default_choice))]
        }
        M::PromptForCredential2 { caption, message, user_name, target_name, allowed_types, options } => {
            let types = ["", "Generic", "Domain", "Default"];
            let choices = ["None", "ValidateUserNameSyntax", "AlwaysPrompt", "ReadOnlyUserName"];
            vec![
                text(caption),
                text(message),
                text(user_name),
                text(target_name),
                enumeration("System.Management.Automation.PSCredentialTypes", &types, *allowed_types),
                enumeration("System.Management.Automation.PSCredentialUIOptions", &choices, *options),
            ]
        }
        M::ReadKey { options } => {
            let names = [(1, "AllowCtrlC"), (2, "NoEcho"), (4, "IncludeKeyDown"), (8, "IncludeKeyUp")];
            let set: Vec<&str> =
                names.iter().filter(|(bit, _)| options & bit != 0).map(|(_, name)| *name).collect();
            vec![text(&set.join(", "))]
        }
        M::SetBufferContents1 { rectangle, fill } => {
            let character = char::from_u32(u32::from(fill.character)).unwrap_or(char::REPLACEMENT_CHARACTER);
            let kinds = ["Complete", "Leading", "Trailing"];
            let kind = usize::try_from(fill.cell_type).ok().and_then(|kind| kinds.get(kind)).copied();
            let shown =
                format!("{character}|{}|{}|{}", fill.foreground, fill.background, kind.unwrap_or_default());
            vec![text(&corners(rectangle)), text(&shown)]
        }
        other => other.arguments().iter().map(describe).collect(),
    }
}

fn corners(rectangle: &Rectangle) -> String {
    format!("{},{},{},{}", rectangle.left, rectangle.top, rectangle.right, rectangle.bottom)
}

fn text(value: &str) -> Value {
    describe(&PsValue::from(value))
}

fn list(items: impl Iterator<Item = String>) -> Value {
    let items: Vec<Value> = items.map(|item| text(&item)).collect();
    json!({ "t": "System.Object[]", "id": 0, "items": items })
}

fn color(value: ConsoleColor) -> Value {
    let name = if value == ConsoleColor::Unset { "-1" } else { value.name() };
    json!({ "t": "System.ConsoleColor", "v": name, "n": value.code().to_string() })
}

fn enumeration(type_name: &str, names: &[&str], code: i32) -> Value {
    let name = usize::try_from(code).ok().and_then(|code| names.get(code)).copied().unwrap_or_default();
    json!({ "t": type_name, "v": name, "n": code.to_string() })
}
