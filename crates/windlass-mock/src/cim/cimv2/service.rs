//! `Win32_Service` and the processes of services.

use std::sync::Arc;

use windlass_cim::{CimClass, CimInstance, CimValue};

use super::process::process_path;
use super::{instance, optional, path, text};
use crate::cim::CimRequest;
use crate::facts::Service;

pub(super) fn services(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    request.facts.services().into_iter().map(|service| describe(request, class, &service)).collect()
}

fn describe(request: &CimRequest<'_>, class: &Arc<CimClass>, service: &Service) -> CimInstance {
    let running = !service.processes.is_empty();
    let mode = match (service.masked, service.automatic) {
        (true, _) => "Disabled",
        (false, true) => "Auto",
        (false, false) => "Manual",
    };
    let display = service.description.clone().unwrap_or_else(|| service.name.clone());
    instance(
        class,
        [
            ("Name", text(service.name.as_str())),
            ("Caption", text(display.chars().take(64).collect::<String>())),
            ("Description", optional(service.description.as_deref())),
            ("DisplayName", text(display)),
            ("AcceptPause", CimValue::Boolean(false)),
            ("AcceptStop", CimValue::Boolean(running)),
            ("CreationClassName", text("Win32_Service")),
            ("ExitCode", CimValue::UInt32(0)),
            ("PathName", optional(service.command.as_deref())),
            ("ProcessId", CimValue::UInt32(service.processes.first().copied().unwrap_or_default())),
            ("ServiceType", text("Own Process")),
            ("Started", CimValue::Boolean(running)),
            ("StartMode", text(mode)),
            ("StartName", text(service.user.as_deref().unwrap_or("root"))),
            ("State", text(if running { "Running" } else { "Stopped" })),
            ("Status", text("OK")),
            ("SystemCreationClassName", text("Win32_ComputerSystem")),
            ("SystemName", text(request.computer)),
        ],
    )
}

pub(super) fn of_processes(request: &CimRequest<'_>, class: &Arc<CimClass>) -> Vec<CimInstance> {
    let services = request.facts.services().into_iter();
    services
        .flat_map(|service| {
            let own = path("Win32_Service", "Name", service.name);
            service.processes.into_iter().map(move |id| (own.clone(), id))
        })
        .map(|(service, id)| instance(class, [("Antecedent", service), ("Dependent", process_path(id))]))
        .collect()
}
