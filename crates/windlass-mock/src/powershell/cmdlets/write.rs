//! `Write-*` and `Start-Sleep`.

use std::sync::Arc;
use std::time::Duration;

use windlass_clixml::{ProgressKind, ProgressRecord, PsValue};
use windlass_psrp::{ConsoleColor, ErrorCategory, HostMessage};

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::text::text;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        function(
            declare("Write-Output", UTILITY, "WriteOutputCommand", &["[-InputObject] <psobject> [-NoEnumerate]"])
                .alias("echo")
                .pipeline("InputObject")
                .remaining("InputObject")
                .synopsis("Writes objects to the pipeline."),
            write_output,
        ),
        function(
            declare(
                "Write-Error",
                UTILITY,
                "WriteErrorCommand",
                &[
                    "[-Message] <string> [-Category <ErrorCategory>] [-ErrorId <string>] [-TargetObject <Object>] \
                     [-RecommendedAction <string>] [-CategoryActivity <string>] [-CategoryReason <string>] \
                     [-CategoryTargetName <string>] [-CategoryTargetType <string>]",
                ],
            )
            .pipeline("Message")
            .parameter_alias("Message", "Msg")
            .parameter_alias("CategoryActivity", "Activity")
            .parameter_alias("CategoryReason", "Reason")
            .parameter_alias("CategoryTargetName", "TargetName")
            .parameter_alias("CategoryTargetType", "TargetType")
            .synopsis("Writes an error that does not end the pipeline."),
            write_error,
        ),
        message("Write-Warning", "WriteWarningCommand", "Writes a warning.", |cx, text| cx.warning(text)),
        message("Write-Verbose", "WriteVerboseCommand", "Writes a line for those who asked for details.", |cx, text| {
            cx.verbose(text)
        }),
        message("Write-Debug", "WriteDebugCommand", "Writes a line for programmers.", |cx, text| cx.debug(text)),
        function(
            declare(
                "Write-Information",
                UTILITY,
                "WriteInformationCommand",
                &["[-MessageData] <Object> [[-Tags] <string[]>]"],
            )
            .pipeline("MessageData")
            .parameter_alias("MessageData", "Msg")
            .parameter_alias("MessageData", "Message")
            .synopsis("Writes to the information stream."),
            |call, cx, input| {
                let data = input.or_else(|| call.get("MessageData").cloned()).unwrap_or_default();
                let tags = call.texts("Tags").into_iter().map(Into::into).collect();
                cx.information(data, "Write-Information", tags)
            },
        ),
        function(
            declare(
                "Write-Progress",
                UTILITY,
                "WriteProgressCommand",
                &[
                    "[[-Activity] <string>] [[-Status] <string>] [[-Id] <int>] [-PercentComplete <int>] \
                     [-SecondsRemaining <int>] [-CurrentOperation <string>] [-ParentId <int>] [-Completed] \
                     [-SourceId <int>]",
                ],
            )
            .range("Id", 0, i32::MAX.into())
            .range("PercentComplete", -1, 100)
            .range("ParentId", -1, i32::MAX.into())
            .synopsis("Reports progress."),
            write_progress,
        ),
        function(
            declare(
                "Write-Host",
                UTILITY,
                "WriteHostCommand",
                &[
                    "[[-Object] <Object>] [-NoNewline] [-Separator <Object>] [-ForegroundColor <ConsoleColor>] \
                     [-BackgroundColor <ConsoleColor>]",
                ],
            )
            .pipeline("Object")
            .remaining("Object")
            .parameter_alias("Object", "Msg")
            .parameter_alias("Object", "Message")
            .synopsis("Writes to the client's host."),
            write_host,
        ),
        function(
            declare(
                "Start-Sleep",
                UTILITY,
                "StartSleepCommand",
                &["[-Seconds] <double>", "-Milliseconds <int>", "-Duration <timespan>"],
            )
            .alias("sleep")
            .pipeline("Seconds")
            .parameter_alias("Milliseconds", "ms")
            .parameter_alias("Duration", "ts")
            .range("Seconds", 0, 2_147_483)
            .range("Milliseconds", 0, i32::MAX.into())
            .synopsis("Waits."),
            start_sleep,
        ),
    ]
}

fn write_output(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    match input {
        Some(value) => cx.write(value),
        None => {
            let value = call.get("InputObject").cloned().unwrap_or_default();
            if call.switch("NoEnumerate") { cx.write(value) } else { cx.write_each(value) }
        }
    }
}

fn write_error(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let message = input.map(|value| text(&value)).or_else(|| call.text("Message")).unwrap_or_default();
    let category = call.integer("Category").and_then(|code| i32::try_from(code).ok());
    let category = category.and_then(ErrorCategory::from_code).unwrap_or(ErrorCategory::NotSpecified);
    let default_id = "Microsoft.PowerShell.Commands.WriteErrorException";
    let id = call.text("ErrorId").unwrap_or_else(|| default_id.to_owned());
    let mut failure = Failure::new(exceptions::WRITE_ERROR, &id, category, message.as_str())
        .about(call.get("TargetObject").cloned().unwrap_or_default());
    // PowerShell names the script that calls Write-Error, and scripts have no name here.
    failure.bare_id = cx.invocation().script_line_number > 0;
    failure.activity = call.text("CategoryActivity");
    failure.reason = call.text("CategoryReason");
    failure.target_name = call.text("CategoryTargetName");
    failure.target_type = call.text("CategoryTargetType");
    failure.recommended_action = call.text("RecommendedAction");
    if failure.recommended_action.is_some() {
        failure.details = Some(message);
    }
    cx.error(failure)
}

fn message(
    name: &str,
    class: &str,
    help: &str,
    write: fn(&mut Context<'_>, String) -> Outcome,
) -> Arc<dyn Cmdlet> {
    let info = declare(name, UTILITY, class, &["[-Message] <string>"])
        .pipeline("Message")
        .parameter_alias("Message", "Msg")
        .synopsis(help);
    function(info, move |call, cx, input| {
        let message = input.map(|value| text(&value)).or_else(|| call.text("Message"));
        write(cx, message.unwrap_or_default())
    })
}

fn write_progress(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let number = |name: &str, default: i32| {
        call.integer(name).and_then(|value| i32::try_from(value).ok()).unwrap_or(default)
    };
    let activity = call.text("Activity").unwrap_or_default();
    let status = call.text("Status").unwrap_or_else(|| "Processing".to_owned());
    let mut record = ProgressRecord::new(number("Id", 0), activity, status);
    record.parent_activity_id = number("ParentId", -1);
    record.percent_complete = number("PercentComplete", -1);
    record.seconds_remaining = number("SecondsRemaining", -1);
    record.current_operation = call.text("CurrentOperation").map(Into::into);
    if call.switch("Completed") {
        record.kind = ProgressKind::Completed;
    }
    cx.progress(record)
}

fn write_host(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let value = input.or_else(|| call.get("Object").cloned()).unwrap_or_default();
    let separator = call.text("Separator").unwrap_or_else(|| " ".to_owned());
    let line = match value.items() {
        Some(items) => items.iter().map(text).collect::<Vec<_>>().join(&separator),
        None => text(&value),
    };
    let color = |name: &str| {
        let code = i32::try_from(call.integer(name)?).ok()?;
        ConsoleColor::from_code(code)
    };
    let message = HostMessage {
        message: line.into(),
        no_new_line: call.switch("NoNewline"),
        foreground: color("ForegroundColor"),
        background: color("BackgroundColor"),
    };
    cx.write_host(message)
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn start_sleep(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let seconds = input.as_ref().or_else(|| call.get("Seconds")).and_then(PsValue::as_f64);
    let time = match (seconds, call.integer("Milliseconds"), call.get("Duration")) {
        (_, Some(millis), _) => Duration::from_millis(millis.try_into().unwrap_or_default()),
        (_, _, Some(PsValue::TimeSpan(ticks))) => {
            Duration::from_micros(u64::try_from(*ticks).unwrap_or_default() / 10)
        }
        (seconds, ..) => Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default(),
    };
    cx.sleep(time)
}
