//! Instances with the properties of a process on Windows.

use std::sync::Arc;

use windlass_cim::datetime::PointInTime;
use windlass_cim::{CimClass, CimDateTime, CimInstance, CimType, CimValue, PropertyDecl};

/// `Win32_Process` with the properties that it has on Windows.
pub fn class() -> CimClass {
    let mut class =
        CimClass::new("Win32_Process").with_property(PropertyDecl::key("Handle", CimType::String));
    let strings =
        ["Caption", "CommandLine", "CreationClassName", "CSCreationClassName", "CSName", "Description"];
    let more = ["ExecutablePath", "Name", "OSCreationClassName", "OSName", "Status", "WindowsVersion"];
    let numbers = ["HandleCount", "PageFaults", "PageFileUsage", "ParentProcessId", "Priority", "ProcessId"];
    let counters = [
        "KernelModeTime",
        "OtherOperationCount",
        "OtherTransferCount",
        "PeakVirtualSize",
        "PrivatePageCount",
        "ReadOperationCount",
        "ReadTransferCount",
        "UserModeTime",
        "VirtualSize",
        "WorkingSetSize",
        "WriteOperationCount",
        "WriteTransferCount",
    ];
    let nulls = ["ExecutionState", "MaximumWorkingSetSize", "MinimumWorkingSetSize", "TerminationDate"];
    let mut add = |names: &[&str], cim_type| {
        for name in names {
            class.properties.insert(PropertyDecl::new(*name, cim_type));
        }
    };
    add(&strings, CimType::String);
    add(&more, CimType::String);
    add(&numbers, CimType::UInt32);
    add(&counters, CimType::UInt64);
    add(&nulls, CimType::UInt16);
    add(&["CreationDate"], CimType::DateTime);
    class
}

/// The process of that number.
pub fn instance(class: &Arc<CimClass>, id: u32) -> CimInstance {
    let mut instance = CimInstance::of_class(class);
    for property in instance.properties.iter_mut() {
        property.value = match property.cim_type {
            CimType::String if property.name.is("Handle") => id.to_string().into(),
            CimType::String => format!("C:\\Windows\\System32\\program-{id}.exe").into(),
            CimType::UInt32 => id.into(),
            CimType::UInt64 => (u64::from(id) * 7_919).into(),
            CimType::DateTime => {
                let micros = 1_700_000_000_000_000 + i64::from(id) * 1_234_567;
                PointInTime::from_unix_micros(micros, 0)
                    .map_or(CimValue::Null, |point| CimDateTime::Point(point).into())
            }
            _ => CimValue::Null,
        };
    }
    instance
}
