//! `Win32_Process`, its methods and its associations.

use std::process::Stdio;
use std::sync::Arc;

use windlass_cim::wql::Condition;
use windlass_cim::{CimClass, CimInstance, CimStatus, CimValue, ObjectPath};

use super::{demanded, instance, optional, path, text, time};
use crate::cim::{CimFailure, CimRequest, Instances};
use crate::environment;
use crate::exec;
use crate::facts::{Facts, Process};

/// What `Create` and `Terminate` return.
mod result {
    pub(super) const DONE: u32 = 0;
    pub(super) const ACCESS_DENIED: u32 = 2;
    pub(super) const UNKNOWN_FAILURE: u32 = 8;
    pub(super) const PATH_NOT_FOUND: u32 = 9;
    pub(super) const INVALID_PARAMETER: u32 = 21;
}

pub(super) fn processes(
    request: &CimRequest<'_>,
    class: &Arc<CimClass>,
    condition: Option<&Condition>,
) -> Instances {
    let facts = request.facts.clone();
    let found = match condition.and_then(wanted_id) {
        Some(id) => facts.process(id).into_iter().collect(),
        None => facts.processes(),
    };
    let (class, computer) = (Arc::clone(class), request.computer.to_owned());
    Box::new(found.into_iter().map(move |process| Ok(describe(&facts, &computer, &class, &process))))
}

/// The process id that a condition demands, so that one process is read instead of all.
fn wanted_id(condition: &Condition) -> Option<u32> {
    let value = demanded(condition, "ProcessId").or_else(|| demanded(condition, "Handle"))?.value();
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u32::try_from(number).ok()
}

fn describe(facts: &Facts, computer: &str, class: &Arc<CimClass>, process: &Process) -> CimInstance {
    let ticks = |millis: u64| CimValue::UInt64(millis.saturating_mul(10_000));
    let kib = |bytes: u64| CimValue::UInt32(u32::try_from(bytes / 1024).unwrap_or(u32::MAX));
    let faults = process.minor_faults.saturating_add(process.major_faults);
    let state = match process.state {
        'R' => 3,
        'S' | 'I' => 2,
        'D' => 4,
        'T' | 't' => 8,
        'Z' | 'X' => 7,
        _ => 0,
    };
    let command = Some(process.arguments.join(" ")).filter(|line| !line.is_empty());
    // Windows counts from 0 to 31 and starts at 8.
    let priority = u32::try_from(8_i32.saturating_sub(process.nice / 3)).unwrap_or_default();
    instance(
        class,
        [
            ("Handle", text(process.id.to_string())),
            ("ProcessId", CimValue::UInt32(process.id)),
            ("Name", text(process.name.as_str())),
            ("Caption", text(process.name.chars().take(64).collect::<String>())),
            ("Description", text(process.name.as_str())),
            ("CommandLine", optional(command)),
            ("ExecutablePath", optional(process.path.as_deref())),
            ("CreationClassName", text("Win32_Process")),
            ("CreationDate", time(process.started)),
            ("CSCreationClassName", text("Win32_ComputerSystem")),
            ("CSName", text(computer)),
            ("ExecutionState", CimValue::UInt16(state)),
            ("HandleCount", facts.handle_count(process.id).map_or(CimValue::Null, CimValue::UInt32)),
            ("KernelModeTime", ticks(process.kernel_time)),
            ("UserModeTime", ticks(process.user_time)),
            ("OSCreationClassName", text("Win32_OperatingSystem")),
            ("PageFaults", CimValue::UInt32(u32::try_from(faults).unwrap_or(u32::MAX))),
            ("PageFileUsage", kib(process.swapped)),
            ("ParentProcessId", CimValue::UInt32(process.parent)),
            ("PeakVirtualSize", CimValue::UInt64(process.peak_virtual_size)),
            ("PeakWorkingSetSize", kib(process.peak_resident)),
            ("Priority", CimValue::UInt32(priority)),
            ("PrivatePageCount", CimValue::UInt64(process.private)),
            ("SessionId", CimValue::UInt32(process.session)),
            ("ThreadCount", CimValue::UInt32(process.threads)),
            ("VirtualSize", CimValue::UInt64(process.virtual_size)),
            ("WorkingSetSize", CimValue::UInt64(process.resident)),
        ],
    )
}

/// The path of a process.
pub(super) fn process_path(id: u32) -> CimValue {
    path("Win32_Process", "Handle", id.to_string())
}

pub(super) fn of_computer(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    let computer = path("Win32_ComputerSystem", "Name", request.computer.to_owned());
    let all = request.facts.processes().into_iter();
    all.map(|process| {
        instance(class, [("GroupComponent", computer.clone()), ("PartComponent", process_path(process.id))])
    })
    .collect()
}

pub(super) fn parents(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    let all = request.facts.processes().into_iter().filter(|process| process.parent != 0);
    all.map(|process| {
        instance(
            class,
            [("Antecedent", process_path(process.parent)), ("Dependent", process_path(process.id))],
        )
    })
    .collect()
}

/// Calls a method of the class or of one process.
pub(super) fn invoke(
    request: &CimRequest<'_>,
    path: &ObjectPath,
    method: &str,
    input: &CimInstance,
) -> Result<CimInstance, CimFailure> {
    if method.eq_ignore_ascii_case("Create") {
        return Ok(create(request, input));
    }
    let id = path.key("Handle").and_then(|value| value.as_str()?.parse().ok());
    let process = id.and_then(|id| request.facts.process(id));
    let process = process.ok_or_else(|| CimFailure::new(CimStatus::NOT_FOUND))?;
    if method.eq_ignore_ascii_case("Terminate") {
        return Ok(returned(terminate(request, process.id)));
    }
    if method.eq_ignore_ascii_case("GetOwner") {
        let user = request.facts.users().get(&process.user).cloned();
        let user = user.unwrap_or_else(|| process.user.to_string());
        return Ok(returned(result::DONE).with("User", user).with("Domain", request.computer.to_owned()));
    }
    Err(CimFailure::new(CimStatus::METHOD_NOT_AVAILABLE))
}

fn returned(code: u32) -> CimInstance {
    CimInstance::new("__PARAMETERS").with("ReturnValue", code)
}

fn create(request: &CimRequest<'_>, input: &CimInstance) -> CimInstance {
    if !request.allow_exec {
        return returned(result::ACCESS_DENIED);
    }
    let parameter = |name: &str| input.get(name).and_then(CimValue::as_str).filter(|text| !text.is_empty());
    let Some(line) = parameter("CommandLine") else { return returned(result::INVALID_PARAMETER) };
    let mut words = exec::split_line(line).into_iter();
    let Some(program) = words.next() else { return returned(result::INVALID_PARAMETER) };
    let mut command = std::process::Command::new(program);
    environment::hide_all_but_common(&mut command);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(directory) = parameter("CurrentDirectory") {
        command.current_dir(local_directory(directory));
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    match command.spawn() {
        Ok(mut child) => {
            let id = child.id();
            // Somebody has to take note of its end.
            std::thread::spawn(move || child.wait());
            returned(result::DONE).with("ProcessId", id)
        }
        Err(error) => returned(match error.kind() {
            std::io::ErrorKind::NotFound => result::PATH_NOT_FOUND,
            std::io::ErrorKind::PermissionDenied => result::ACCESS_DENIED,
            _ => result::UNKNOWN_FAILURE,
        }),
    }
}

/// The directory that a client of Windows means: the root of any drive is the root here.
fn local_directory(text: &str) -> String {
    match text.as_bytes() {
        [drive, b':', rest @ ..] if cfg!(unix) && drive.is_ascii_alphabetic() => {
            let rest = String::from_utf8_lossy(rest).replace('\\', "/");
            format!("/{}", rest.trim_start_matches('/'))
        }
        _ => text.to_owned(),
    }
}

#[cfg(unix)]
fn terminate(request: &CimRequest<'_>, id: u32) -> u32 {
    if !request.allow_exec || id <= 1 || id == std::process::id() {
        return result::ACCESS_DENIED;
    }
    let process = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    match process.map(|process| rustix::process::kill_process(process, rustix::process::Signal::KILL)) {
        Some(Ok(())) => result::DONE,
        Some(Err(rustix::io::Errno::PERM)) => result::ACCESS_DENIED,
        Some(Err(_)) => result::UNKNOWN_FAILURE,
        None => result::INVALID_PARAMETER,
    }
}

#[cfg(not(unix))]
fn terminate(_request: &CimRequest<'_>, _id: u32) -> u32 {
    result::ACCESS_DENIED
}
