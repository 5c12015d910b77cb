//! The class schema: Get and Enumerate of class definitions.

use std::sync::Arc;

use windlass_cim::{CimStatus, Namespace};
use windlass_wsman::{EnumerationMode, Fault, Header, Operation, Reply, Xml, uri};
use windlass_xml::Writer;

use super::cim::class_encoder;
use super::enumeration::{self, Items, Rendered};
use super::fault::cim_fault;
use super::{Caller, Outcome, reply};
use crate::cim::CimFailure;
use crate::host::Host;

/// Carries out an operation on the class schema.
pub(super) async fn handle(
    host: &Arc<Host>,
    header: &Header,
    operation: Operation<'_>,
    caller: &Caller,
) -> Outcome {
    let failed = |failure: CimFailure| Box::new(cim_fault(&failure));
    let namespace = Namespace::new(header.selectors.get(uri::CIM_NAMESPACE).unwrap_or("root/cimv2"));
    let namespace = host.cim.namespace(&namespace).map_err(failed)?;
    let name = header.selectors.get("ClassName").unwrap_or_default();
    let encoder = class_encoder(header);
    match operation {
        Operation::Get => {
            let class = namespace.class(name).map_err(failed)?;
            let mut writer = Writer::new();
            encoder
                .encode(&mut writer, &class)
                .map_err(|error| Box::new(Fault::internal_error(error.to_string())))?;
            Ok(reply(header, Reply::Get(Xml::from(writer.finish()))))
        }
        Operation::Enumerate(request) => {
            if request.filter.is_some() {
                return Err(Box::new(Fault::filter_dialect_unavailable()));
            }
            if request.mode != EnumerationMode::Object {
                let failure = CimFailure::new(CimStatus::NOT_SUPPORTED);
                return Err(failed(failure));
            }
            if !name.is_empty() {
                namespace.class(name).map_err(failed)?;
            }
            let classes: Vec<_> = match name {
                "" => namespace.store().iter().cloned().collect(),
                name => namespace.store().family(name).cloned().collect(),
            };
            let items: Items = Box::new(classes.into_iter().map(move |class| {
                let mut writer = Writer::new();
                match encoder.encode(&mut writer, &class) {
                    Ok(()) => Ok(Rendered { xml: Some(writer.finish()), reference: None }),
                    Err(error) => Err(Box::new(Fault::internal_error(error.to_string()))),
                }
            }));
            enumeration::enumerate(host, header, &request, items, caller).await
        }
        _ => Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default()))),
    }
}
