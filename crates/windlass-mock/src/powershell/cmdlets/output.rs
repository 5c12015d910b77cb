//! `Out-*` and `ForEach-Object`.

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::payload::Payload;
use windlass_psrp::{ErrorCategory, ErrorRecord};

use super::{CORE, UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, function, stage};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::script::property;
use crate::powershell::text::{full_type_name, text};

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        function(
            declare("Out-Default", CORE, "OutDefaultCommand", &["[-Transcript] [-InputObject <psobject>]"])
                .pipeline("InputObject")
                .synopsis("Hands objects to the client, which displays them."),
            |call, cx, input| match input.or_else(|| call.get("InputObject").cloned()) {
                // An error that was merged into the output is an error again for the client.
                Some(value) => match error_of(&value) {
                    Some(record) => cx.error_record(record),
                    None => cx.write(value),
                },
                None => Ok(()),
            },
        ),
        function(
            declare("Out-Null", CORE, "OutNullCommand", &["[-InputObject <psobject>]"])
                .pipeline("InputObject")
                .synopsis("Drops objects."),
            |_, _, _| Ok(()),
        ),
        stage(
            declare(
                "Out-String",
                UTILITY,
                "OutStringCommand",
                &["[-Width <int>] [-NoNewline] [-InputObject <psobject>]", "[-Stream] [-Width <int>] [-InputObject <psobject>]"],
            )
            .pipeline("InputObject")
            .range("Width", 2, i32::MAX.into())
            .output("System.String")
            .synopsis("Turns objects into the text that would be displayed."),
            |call| Ok(OutString { call, values: Vec::new() }),
        ),
        stage(
            declare(
                "ForEach-Object",
                CORE,
                "ForEachObjectCommand",
                &[
                    "[-Process] <scriptblock[]> [-InputObject <psobject>] [-Begin <scriptblock>] [-End <scriptblock>]",
                    "[-MemberName] <string> [-InputObject <psobject>] [-ArgumentList <Object[]>]",
                ],
            )
            .alias("%")
            .alias("foreach")
            .pipeline("InputObject")
            .synopsis("Takes a property of each object."),
            |call| match call.text("MemberName") {
                Some(member) => Ok(ForEach { member, call }),
                None => Err(Box::new(no_script_blocks())),
            },
        ),
    ]
}

fn error_of(value: &PsValue) -> Option<ErrorRecord> {
    let is_error = value.as_object()?.type_names.contains("System.Management.Automation.ErrorRecord");
    if is_error { ErrorRecord::from_value(value).ok() } else { None }
}

/// What a script block for each object is refused with.
pub(super) fn no_script_blocks() -> Failure {
    Failure::new(
        exceptions::PARSE,
        "ScriptsNotAllowed",
        ErrorCategory::ParserError,
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
    )
    .with_bare_id()
}

struct OutString {
    call: Bound,
    values: Vec<PsValue>,
}

impl Stage for OutString {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        self.values.extend(input.or_else(|| self.call.get("InputObject").cloned()));
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let width = self.call.count("Width").unwrap_or(120);
        let shown = windlass_display::format(&self.values, &windlass_display::View::Default, width);
        if self.call.switch("Stream") {
            return shown.lines().try_for_each(|line| cx.write(line));
        }
        if self.call.switch("NoNewline") {
            return cx.write(shown.replace(['\r', '\n'], ""));
        }
        if shown.is_empty() { Ok(()) } else { cx.write(shown) }
    }
}

struct ForEach {
    member: String,
    call: Bound,
}

impl Stage for ForEach {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let Some(value) = input.or_else(|| self.call.get("InputObject").cloned()) else { return Ok(()) };
        let found = property(&value, &self.member);
        if !found.is_null() {
            return cx.write_each(found);
        }
        match method(&value, &self.member) {
            Some(result) => cx.write(result),
            None if has(&value, &self.member) => cx.write(PsValue::Null),
            None => Ok(()),
        }
    }
}

fn has(value: &PsValue, member: &str) -> bool {
    value.get(member).is_some() || value.entry(member).is_some()
}

/// The methods that every object has and that need no script.
fn method(value: &PsValue, name: &str) -> Option<PsValue> {
    match name.to_ascii_lowercase().as_str() {
        "tostring" => Some(text(value).into()),
        "toupper" => value.as_str().map(|text| text.to_uppercase().into()),
        "tolower" => value.as_str().map(|text| text.to_lowercase().into()),
        "trim" => value.as_str().map(|text| text.trim().into()),
        "gettype" => Some(full_type_name(value).into()),
        _ => None,
    }
}
