//! CIM objects as resources of WS-Management: URIs and selectors (DSP0227 5).

use windlass_cim::{CimName, CimValue, Namespace, ObjectPath, ResourceUri, UriFamily};
use windlass_soap::{EndpointReference, SelectorSet};

use crate::error::{Error, Result};

/// The selector that names the namespace.
const NAMESPACE: &str = windlass_cim::wscim::NAMESPACE_SELECTOR;

/// How the URIs of classes are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum UriStyle {
    /// Those of WMI, which name the namespace: what Windows understands for every class.
    #[default]
    Wmi,
    /// Those of DMTF, with the namespace in a selector: what other services understand.
    Dmtf,
}

/// A resource: its URI and which one of its kind.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) uri: ResourceUri,
    pub(super) selectors: SelectorSet,
}

impl Resource {
    /// A class.
    pub(super) fn class(style: UriStyle, namespace: &Namespace, class: &CimName) -> Self {
        match style {
            UriStyle::Wmi => Self {
                uri: ResourceUri::wmi(namespace.clone(), class.clone()),
                selectors: SelectorSet::new(),
            },
            UriStyle::Dmtf => Self {
                uri: ResourceUri::by_prefix(class.clone()),
                selectors: SelectorSet::new().with(NAMESPACE, namespace.as_str()),
            },
        }
    }

    /// All classes of a namespace: the resource of queries.
    pub(super) fn all_classes(style: UriStyle, namespace: &Namespace) -> Self {
        match style {
            UriStyle::Wmi => {
                Self { uri: ResourceUri::wmi_all(namespace.clone()), selectors: SelectorSet::new() }
            }
            UriStyle::Dmtf => Self {
                uri: ResourceUri { family: UriFamily::Cim, namespace: None, class: None },
                selectors: SelectorSet::new().with(NAMESPACE, namespace.as_str()),
            },
        }
    }

    /// The object at a path; `namespace` counts where the path names none.
    ///
    /// # Errors
    /// A key has a value that cannot be written.
    pub(super) fn object(style: UriStyle, namespace: &Namespace, path: &ObjectPath) -> Result<Self> {
        let namespace = path.namespace.as_ref().unwrap_or(namespace);
        let mut resource = Self::class(style, namespace, &path.class_name);
        for key in path.bindings() {
            match &key.value {
                CimValue::Reference(inner) => {
                    let inner = Self::object(style, namespace, inner)?;
                    resource.selectors.push_reference(key.name.as_str(), inner.reference());
                }
                value => {
                    let text = value.to_text().ok_or_else(|| {
                        Error::usage(format!("the key {} has a value that cannot be one", key.name))
                    })?;
                    resource.selectors.push(key.name.as_str(), text);
                }
            }
        }
        Ok(resource)
    }

    /// The resource as an endpoint reference.
    pub(super) fn reference(self) -> EndpointReference {
        EndpointReference::anonymous(self.uri.to_string(), self.selectors)
    }
}

#[cfg(test)]
mod tests {
    use windlass_soap::SelectorValue;

    use super::*;

    #[test]
    fn paths_become_uris_and_selectors() {
        let namespace = Namespace::new("root/cimv2");
        let path = ObjectPath::class("Win32_Service").with_key("Name", "WinRM");
        let wmi = Resource::object(UriStyle::Wmi, &namespace, &path).unwrap();
        assert_eq!(
            wmi.uri.to_string(),
            "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service"
        );
        assert_eq!((wmi.selectors.len(), wmi.selectors.get("name")), (1, Some("WinRM")));

        let path = path.in_namespace("root/other");
        let dmtf = Resource::object(UriStyle::Dmtf, &namespace, &path).unwrap();
        assert_eq!(dmtf.uri.to_string(), "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Win32_Service");
        assert_eq!(dmtf.selectors.get("__cimnamespace"), Some("root/other"));
    }

    #[test]
    fn keys_that_are_references_keep_their_own_selectors() {
        let inner = ObjectPath::class("Win32_Process").with_key("Handle", 4_u32);
        let path = ObjectPath::class("Link").with_key("Antecedent", inner);
        let resource = Resource::object(UriStyle::Wmi, &Namespace::new("root/cimv2"), &path).unwrap();
        let selector = resource.selectors.iter().next().unwrap();
        let SelectorValue::Reference(reference) = &selector.value else { panic!("no reference") };
        assert_eq!(reference.selectors.get("Handle"), Some("4"));
    }
}
