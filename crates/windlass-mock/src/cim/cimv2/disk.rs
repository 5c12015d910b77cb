//! `Win32_LogicalDisk`, `Win32_DiskPartition` and what lies on what.

use std::sync::Arc;

use windlass_cim::{CimClass, CimInstance, CimValue};

use super::{instance, optional, path, text};
use crate::cim::CimRequest;
use crate::facts::Volume;

pub(super) fn logical_disks(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    request.facts.volumes().into_iter().map(|volume| logical_disk(request, class, &volume)).collect()
}

fn logical_disk(request: &CimRequest<'_>, class: &Arc<CimClass>, volume: &Volume) -> CimInstance {
    let kind = if volume.remote { 4 } else { 3 };
    let description = if volume.remote { "Network Connection" } else { "Local Fixed Disk" };
    instance(
        class,
        [
            ("DeviceID", text(volume.mount_point.as_str())),
            ("Name", text(volume.mount_point.as_str())),
            ("Caption", text(volume.mount_point.chars().take(64).collect::<String>())),
            ("Description", text(description)),
            ("Access", CimValue::UInt16(if volume.read_only { 1 } else { 0 })),
            ("Compressed", CimValue::Boolean(false)),
            ("CreationClassName", text("Win32_LogicalDisk")),
            ("DriveType", CimValue::UInt32(kind)),
            ("FileSystem", text(volume.file_system.as_str())),
            ("FreeSpace", CimValue::UInt64(volume.free)),
            ("MaximumComponentLength", CimValue::UInt32(volume.name_length)),
            ("MediaType", CimValue::UInt32(if volume.remote { 0 } else { 12 })),
            ("ProviderName", optional(volume.remote.then_some(volume.device.as_str()))),
            ("Size", CimValue::UInt64(volume.size)),
            ("SystemCreationClassName", text("Win32_ComputerSystem")),
            ("SystemName", text(request.computer)),
            ("VolumeName", text(volume.device.as_str())),
        ],
    )
}

pub(super) fn partitions(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    let local = request.facts.volumes().into_iter().filter(|volume| !volume.remote).zip(0_u32..);
    local
        .map(|(volume, index)| {
            instance(
                class,
                [
                    ("DeviceID", text(volume.device.as_str())),
                    ("Name", text(volume.device.as_str())),
                    ("Caption", text(volume.device.chars().take(64).collect::<String>())),
                    ("Index", CimValue::UInt32(index)),
                    ("Size", CimValue::UInt64(volume.size)),
                    ("Type", text(volume.file_system.as_str())),
                    ("SystemName", text(request.computer)),
                ],
            )
        })
        .collect()
}

pub(super) fn on_partitions(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    let local = request.facts.volumes().into_iter().filter(|volume| !volume.remote);
    local
        .map(|volume| {
            instance(
                class,
                [
                    ("Antecedent", path("Win32_DiskPartition", "DeviceID", volume.device)),
                    ("Dependent", path("Win32_LogicalDisk", "DeviceID", volume.mount_point)),
                ],
            )
        })
        .collect()
}
