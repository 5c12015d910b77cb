//! `Win32_OperatingSystem`, `Win32_ComputerSystem` and `Win32_Processor`.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use windlass_cim::{CimClass, CimInstance, CimValue};

use super::{instance, optional, text, texts, time, zone_offset};
use crate::cim::CimRequest;

pub(super) fn operating_system(request: &CimRequest<'_>, class: &Arc<CimClass>) -> CimInstance {
    let facts = request.facts;
    let os = facts.operating_system();
    let memory = facts.memory();
    let processes = facts.process_users();
    let users: HashSet<&u32> = processes.iter().collect();
    let count = |count: usize| CimValue::UInt32(u32::try_from(count).unwrap_or(u32::MAX));
    let now = Timestamp::now();
    let bits = if os.architecture.contains("64") { "64-bit" } else { "32-bit" };
    instance(
        class,
        [
            ("Caption", text(os.caption.as_str())),
            ("Description", text("")),
            ("InstallDate", time(os.install_date)),
            ("Name", text(format!("{}|/", os.caption))),
            ("Status", text("OK")),
            ("CreationClassName", text("Win32_OperatingSystem")),
            ("CSCreationClassName", text("Win32_ComputerSystem")),
            ("CSName", text(request.computer)),
            ("CurrentTimeZone", CimValue::SInt16(zone_offset(now))),
            ("Distributed", CimValue::Boolean(false)),
            ("FreePhysicalMemory", CimValue::UInt64(memory.available)),
            ("FreeSpaceInPagingFiles", CimValue::UInt64(memory.swap_free)),
            ("FreeVirtualMemory", CimValue::UInt64(memory.available.saturating_add(memory.swap_free))),
            ("LastBootUpTime", time(os.boot_time)),
            ("LocalDateTime", time(Some(now))),
            ("NumberOfProcesses", count(processes.len())),
            ("NumberOfUsers", count(users.len())),
            ("OSType", CimValue::UInt16(if cfg!(target_os = "linux") { 36 } else { 1 })),
            ("SizeStoredInPagingFiles", CimValue::UInt64(memory.swap_total)),
            ("TotalSwapSpaceSize", CimValue::UInt64(memory.swap_total)),
            ("TotalVirtualMemorySize", CimValue::UInt64(memory.total.saturating_add(memory.swap_total))),
            ("TotalVisibleMemorySize", CimValue::UInt64(memory.total)),
            ("Version", text(os.kernel)),
            ("BuildNumber", optional(os.version)),
            ("BuildType", text(os.build)),
            ("Locale", text("0409")),
            ("MUILanguages", texts(["en-US"])),
            ("OSArchitecture", text(bits)),
            ("OSLanguage", CimValue::UInt32(1033)),
            ("Primary", CimValue::Boolean(true)),
            ("ProductType", CimValue::UInt32(3)),
            ("SystemDrive", text("/")),
        ],
    )
}

pub(super) fn computer_system(request: &CimRequest<'_>, class: &Arc<CimClass>) -> CimInstance {
    let facts = request.facts;
    let (manufacturer, model) = facts.product();
    let processor = facts.processor();
    let domain = facts.domain();
    let kind = if cfg!(target_pointer_width = "64") { "64-based PC" } else { "86-based PC" };
    instance(
        class,
        [
            ("Name", text(request.computer)),
            ("Caption", text(request.computer)),
            ("Description", text(std::env::consts::ARCH)),
            ("Status", text("OK")),
            ("CreationClassName", text("Win32_ComputerSystem")),
            ("CurrentTimeZone", CimValue::SInt16(zone_offset(Timestamp::now()))),
            ("DNSHostName", text(facts.host_name())),
            ("PartOfDomain", CimValue::Boolean(false)),
            ("Workgroup", optional(domain.is_none().then_some("WORKGROUP"))),
            ("Domain", text(domain.unwrap_or_else(|| "WORKGROUP".to_owned()))),
            ("DomainRole", CimValue::UInt16(2)),
            ("Manufacturer", optional(manufacturer)),
            ("Model", optional(model)),
            ("NumberOfLogicalProcessors", CimValue::UInt32(processor.logical)),
            ("NumberOfProcessors", CimValue::UInt32(processor.sockets)),
            ("SystemType", text(format!("x{kind}"))),
            ("TotalPhysicalMemory", CimValue::UInt64(facts.memory().total.saturating_mul(1024))),
            ("UserName", text(request.user)),
        ],
    )
}

pub(super) fn processor(request: &CimRequest<'_>, class: &Arc<CimClass>) -> CimInstance {
    let processor = request.facts.processor();
    let width = if cfg!(target_pointer_width = "64") { 64 } else { 32 };
    instance(
        class,
        [
            ("DeviceID", text("CPU0")),
            ("Name", optional(processor.name.as_deref())),
            ("Caption", optional(processor.name.as_deref())),
            ("Status", text("OK")),
            ("Manufacturer", optional(processor.vendor)),
            ("AddressWidth", CimValue::UInt16(width)),
            ("NumberOfCores", CimValue::UInt32(processor.logical / processor.sockets.max(1))),
            ("NumberOfLogicalProcessors", CimValue::UInt32(processor.logical)),
            ("SystemName", text(request.computer)),
        ],
    )
}
