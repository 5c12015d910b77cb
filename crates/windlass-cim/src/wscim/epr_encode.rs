//! Writing object paths as endpoint references (DSP0227 7.4).

use windlass_xml::Writer;

use super::encode::clean;
use super::{ANONYMOUS, NAMESPACE_SELECTOR, NS_WSMAN};
use crate::error::Error;
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::path::ObjectPath;
use crate::resource_uri::{ResourceUri, UriFamily};
use crate::value::CimValue;

/// References inside each other that are written.
const MAX_DEPTH: usize = 16;

/// Whether a namespace can stand in a URI of WMI; others go into a selector.
fn fits_uri(namespace: &Namespace) -> bool {
    namespace.as_str().split('/').all(|name| CimName::is_identifier(name) && name.is_ascii())
}

/// Writes the content of an endpoint reference. The prefix `a` is bound to WS-Addressing.
pub(super) fn encode(
    writer: &mut Writer,
    path: &ObjectPath,
    family: &ResourceUri,
    depth: usize,
) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Limit { what: "references inside each other", limit: MAX_DEPTH });
    }
    match &path.server {
        Some(server) if server.contains(':') => {
            writer.leaf("a:Address", &format!("http://[{}]/wsman", clean(server)));
        }
        Some(server) => {
            writer.leaf("a:Address", &format!("http://{}/wsman", clean(server)));
        }
        None => {
            writer.leaf("a:Address", ANONYMOUS);
        }
    }
    let mut uri = family.sibling(&path.class_name);
    let in_uri = uri.family == UriFamily::Wmi && path.namespace.as_ref().is_some_and(fits_uri);
    if in_uri {
        uri.namespace.clone_from(&path.namespace);
    }
    writer.start("a:ReferenceParameters");
    writer.start("w:ResourceURI").attr("xmlns:w", NS_WSMAN).text(&uri.to_string()).end();
    writer.start("w:SelectorSet").attr("xmlns:w", NS_WSMAN);
    if let Some(namespace) = path.namespace.as_ref().filter(|_| !in_uri) {
        writer.start("w:Selector").attr("Name", NAMESPACE_SELECTOR).text(&clean(namespace.as_str())).end();
    }
    for key in path.bindings() {
        writer.start("w:Selector").attr("Name", &clean(&key.name));
        match &key.value {
            CimValue::Reference(inner) => {
                writer.start("a:EndpointReference");
                encode(writer, inner, family, depth + 1).map_err(|e| e.inside(&key.name))?;
                writer.end();
            }
            CimValue::Null => {}
            value => {
                let expected = "a value that can be a key";
                let error = Error::Type { expected, found: value.describe() };
                writer.text(&clean(&value.to_text().ok_or_else(|| error.inside(&key.name))?));
            }
        }
        writer.end();
    }
    writer.end().end();
    Ok(())
}
