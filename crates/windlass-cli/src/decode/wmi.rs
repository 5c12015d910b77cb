//! WMI objects.

use anyhow::Result;
use serde_json::{Value, json};
use windlass_wmi::wmio::{WmiObject, decode};

use crate::output::instance_to_value;

/// A class or an instance in the encoding of [MS-WMIO].
pub(super) fn object(bytes: &[u8]) -> Result<Value> {
    Ok(match decode(bytes)? {
        WmiObject::Class(class) => {
            let properties = class
                .properties
                .iter()
                .map(|p| json!({ "name": p.name.as_str(), "type": p.data_type.to_string() }));
            json!({
                "format": "wmi class", "class": class.name.as_str(), "server": class.server_name,
                "namespace": class.namespace.as_ref().map(|namespace| namespace.as_str()),
                "derivation": class.derivation.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
                "properties": properties.collect::<Vec<_>>(),
                "methods": class.methods.iter().map(|method| method.name.as_str()).collect::<Vec<_>>(),
            })
        }
        WmiObject::Instance(instance) => json!({
            "format": "wmi instance", "class": instance.class_name.as_str(), "server": instance.server_name,
            "namespace": instance.namespace.as_ref().map(|namespace| namespace.as_str()),
            "properties": windlass_display::to_json(&instance_to_value(&instance), 8),
        }),
    })
}
