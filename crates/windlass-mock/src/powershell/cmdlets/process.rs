//! `Get-Process`.

use std::sync::Arc;
use std::time::Duration;

use windlass_clixml::{Base, PsObject, PsValue, TypeNames, ps_enum};
use windlass_psrp::ErrorCategory;

use super::{MANAGEMENT, declare};
use crate::facts::Process;
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::text::local_time;
use crate::powershell::wildcard::Wildcard;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let info = declare(
        "Get-Process",
        MANAGEMENT,
        "GetProcessCommand",
        &[
            "[[-Name] <string[]>] [-Module] [-FileVersionInfo]",
            "[[-Name] <string[]>] -IncludeUserName",
            "-Id <int[]> [-Module] [-FileVersionInfo]",
            "-Id <int[]> -IncludeUserName",
            "-InputObject <Object[]> [-Module] [-FileVersionInfo]",
            "-InputObject <Object[]> -IncludeUserName",
        ],
    )
    .alias("gps")
    .parameter_alias("Name", "ProcessName")
    .parameter_alias("Id", "PID")
    .parameter_alias("FileVersionInfo", "FV")
    .parameter_alias("FileVersionInfo", "FVI")
    .pipeline("InputObject")
    .output("System.Diagnostics.Process")
    .synopsis("Tells the processes of the computer.");
    vec![function(info, get_process)]
}

fn get_process(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let facts = cx.runspace().facts().clone();
    let objects: Vec<PsValue> = input.into_iter().chain(call.list("InputObject")).collect();
    let ids: Vec<i64> = match objects.is_empty() {
        true => call.list("Id").iter().filter_map(PsValue::as_i64).collect(),
        false => objects.iter().filter_map(|object| object.get("Id")?.as_i64()).collect(),
    };
    let writer = Writer::new(call, cx);
    if !ids.is_empty() || call.has("Id") || !objects.is_empty() {
        for id in ids {
            match u32::try_from(id).ok().and_then(|id| facts.process(id)) {
                Some(process) => writer.write(cx, &process)?,
                None => {
                    let message = format!("Cannot find a process with the process identifier {id}.");
                    cx.error(missing("NoProcessFoundForGivenId", message, id.into()))?;
                }
            }
        }
        return Ok(());
    }
    let mut processes = facts.processes();
    processes.sort_by(|left, right| {
        let key = |process: &Process| process.name.to_lowercase();
        key(left).cmp(&key(right)).then(left.id.cmp(&right.id))
    });
    let names = call.texts("Name");
    if names.is_empty() {
        return processes.iter().try_for_each(|process| writer.write(cx, process));
    }
    for name in names {
        let pattern = Wildcard::new(&name, false);
        let mut found = false;
        for process in processes.iter().filter(|process| pattern.matches(&process.name)) {
            found = true;
            writer.write(cx, process)?;
        }
        if !found && pattern.is_plain() {
            let message = format!(
                "Cannot find a process with the name \"{name}\". Verify the process name and call the cmdlet again."
            );
            cx.error(missing("NoProcessFoundForGivenName", message, name.as_str().into()))?;
        }
    }
    Ok(())
}

fn missing(id: &str, message: String, target: PsValue) -> Failure {
    Failure::new(exceptions::PROCESS, id, ErrorCategory::ObjectNotFound, message).about(target)
}

/// Makes objects of processes, as .NET and PowerShell's type data show them.
struct Writer {
    types: TypeNames,
    users: Option<std::collections::HashMap<u32, String>>,
}

impl Writer {
    fn new(call: &Bound, cx: &Context<'_>) -> Self {
        let with_user = call.switch("IncludeUserName");
        let first = with_user.then_some("System.Diagnostics.Process#IncludeUserName");
        let names = [
            "System.Diagnostics.Process",
            "System.ComponentModel.Component",
            "System.MarshalByRefObject",
            "System.Object",
        ];
        Self {
            types: TypeNames::new(first.into_iter().chain(names)),
            users: with_user.then(|| cx.runspace().facts().users()),
        }
    }

    fn write(&self, cx: &mut Context<'_>, process: &Process) -> Outcome {
        let handles = cx.runspace().facts().handle_count(process.id);
        cx.write(self.object(process, handles.unwrap_or_default()))
    }

    fn object(&self, process: &Process, handles: u32) -> PsObject {
        let id = signed(process.id);
        let handles = signed(handles);
        let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let span =
            |millis: u64| PsValue::TimeSpan(i64::try_from(millis).unwrap_or_default().saturating_mul(10_000));
        let total = process.user_time.saturating_add(process.kernel_time);
        let cpu = Duration::from_millis(total).as_secs_f64();
        let session = signed(process.session);
        let (virtual_size, working_set) = (size(process.virtual_size), size(process.resident));
        let paged = size(process.private);
        let mut object = PsObject::untyped()
            .with_type_names(&self.types)
            .with_to_string(format!("System.Diagnostics.Process ({})", process.name))
            .with_adapted("SafeHandle", PsValue::Null)
            .with_adapted("Handle", PsValue::Null)
            .with_adapted("BasePriority", base_priority(process.nice))
            .with_adapted("HasExited", process.state == 'Z')
            .with_adapted("StartTime", process.started.map(local_time))
            .with_adapted("Id", id)
            .with_adapted("MachineName", ".")
            .with_adapted("MaxWorkingSet", PsValue::I64(i64::MAX))
            .with_adapted("MinWorkingSet", 0_i64)
            .with_adapted("Modules", PsValue::Null)
            .with_adapted("NonpagedSystemMemorySize64", 0_i64)
            .with_adapted("NonpagedSystemMemorySize", 0)
            .with_adapted("PagedMemorySize64", paged)
            .with_adapted("PagedMemorySize", low(paged))
            .with_adapted("PagedSystemMemorySize64", 0_i64)
            .with_adapted("PagedSystemMemorySize", 0)
            .with_adapted("PeakPagedMemorySize64", 0_i64)
            .with_adapted("PeakPagedMemorySize", 0)
            .with_adapted("PeakWorkingSet64", size(process.peak_resident))
            .with_adapted("PeakWorkingSet", low(size(process.peak_resident)))
            .with_adapted("PeakVirtualMemorySize64", size(process.peak_virtual_size))
            .with_adapted("PeakVirtualMemorySize", low(size(process.peak_virtual_size)))
            .with_adapted("PriorityBoostEnabled", false)
            .with_adapted("PriorityClass", priority_class(process.nice))
            .with_adapted("PrivateMemorySize64", paged)
            .with_adapted("PrivateMemorySize", low(paged))
            .with_adapted("ProcessName", process.name.as_str())
            .with_adapted("SessionId", session)
            .with_adapted("StartInfo", PsValue::Null)
            .with_adapted("Threads", threads(process.threads))
            .with_adapted("HandleCount", handles)
            .with_adapted("VirtualMemorySize64", virtual_size)
            .with_adapted("VirtualMemorySize", low(virtual_size))
            .with_adapted("EnableRaisingEvents", false)
            .with_adapted("WorkingSet64", working_set)
            .with_adapted("WorkingSet", low(working_set))
            .with_adapted("SynchronizingObject", PsValue::Null)
            .with_adapted(
                "MainModule",
                process.path.as_ref().map(|path| format!("System.Diagnostics.ProcessModule ({path})")),
            )
            .with_adapted("PrivilegedProcessorTime", span(process.kernel_time))
            .with_adapted("TotalProcessorTime", span(total))
            .with_adapted("UserProcessorTime", span(process.user_time))
            .with_adapted("MainWindowHandle", 0_i64)
            .with_adapted("MainWindowTitle", "")
            .with_adapted("Responding", true)
            .with_adapted("Site", PsValue::Null)
            .with_adapted("Container", PsValue::Null);
        if let Some(users) = &self.users {
            let name = users.get(&process.user).cloned().unwrap_or_else(|| process.user.to_string());
            object = object.with("UserName", name);
        }
        object
            .with("Name", process.name.as_str())
            .with("SI", session)
            .with("Handles", handles)
            .with("VM", virtual_size)
            .with("WS", working_set)
            .with("PM", paged)
            .with("NPM", 0_i64)
            .with("Path", process.path.clone())
            .with("CommandLine", Some(process.arguments.join(" ")).filter(|line| !line.is_empty()))
            .with("Parent", (process.parent > 0).then(|| signed(process.parent)))
            .with("Company", PsValue::Null)
            .with("CPU", cpu)
            .with("FileVersion", PsValue::Null)
            .with("ProductVersion", PsValue::Null)
            .with("Description", PsValue::Null)
            .with("Product", PsValue::Null)
            .with("__NounName", "Process")
    }
}

fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// The older properties hold the low 32 bits, as .NET casts them.
fn low(value: i64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// .NET on Unix puts nice values on Windows's scale.
fn base_priority(nice: i32) -> i32 {
    match nice {
        ..-15 => 24,
        -15..-10 => 13,
        -10..-5 => 10,
        -5..=4 => 8,
        5..=14 => 6,
        _ => 4,
    }
}

fn priority_class(nice: i32) -> PsValue {
    let (name, code) = match nice {
        ..-15 => ("RealTime", 256),
        -15..-10 => ("High", 128),
        -10..-5 => ("AboveNormal", 32768),
        -5..=4 => ("Normal", 32),
        5..=14 => ("BelowNormal", 16384),
        _ => ("Idle", 64),
    };
    ps_enum("System.Diagnostics.ProcessPriorityClass", name, code)
}

/// Threads travel as their type's name, however many there are of it.
fn threads(count: u32) -> PsObject {
    let count = usize::try_from(count.min(256)).unwrap_or_default();
    let types = [
        "System.Diagnostics.ProcessThreadCollection",
        "System.Collections.ReadOnlyCollectionBase",
        "System.Object",
    ];
    PsObject::typed(types).with_base(Base::Enumerable(vec!["System.Diagnostics.ProcessThread".into(); count]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nice_values_fall_into_the_classes_of_windows() {
        for (nice, name) in [
            (-20, "RealTime"),
            (-11, "High"),
            (-6, "AboveNormal"),
            (0, "Normal"),
            (10, "BelowNormal"),
            (19, "Idle"),
        ] {
            assert_eq!(priority_class(nice).as_object().unwrap().to_string.as_deref(), Some(name));
        }
    }

    #[test]
    fn the_older_sizes_hold_the_low_bits() {
        assert_eq!(low(0x1_8000_0000), i32::MIN);
        assert_eq!(low(5), 5);
    }
}
