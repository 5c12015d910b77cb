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
    /// Those of DMTF, with the namespace in a selector: what Microsoft's own client sends, and all services
    /// understand.
    #[default]
    Dmtf,
    /// Those of WMI, which name the namespace: of Windows alone.
    Wmi,
}

/// How the objects of one operation are named.
#[derive(Clone, Copy)]
pub(super) struct Naming<'n> {
    pub(super) style: UriStyle,
    /// The namespace of paths that name none.
    pub(super) default: &'n Namespace,
    /// What the caller gave as resource URI, in place of all that.
    pub(super) uri: Option<&'n ResourceUri>,
}

/// A resource: its URI and which one of its kind.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) uri: ResourceUri,
    pub(super) selectors: SelectorSet,
}

impl Naming<'_> {
    /// A class.
    pub(super) fn class(&self, namespace: &Namespace, class: &CimName) -> Resource {
        match (self.uri, self.style) {
            (Some(uri), _) => self.given(uri, namespace),
            (None, UriStyle::Wmi) => Resource {
                uri: ResourceUri::wmi(namespace.clone(), class.clone()),
                selectors: SelectorSet::new(),
            },
            (None, UriStyle::Dmtf) => Resource {
                uri: ResourceUri::by_prefix(class.clone()),
                selectors: SelectorSet::new().with(NAMESPACE, namespace.as_str()),
            },
        }
    }

    /// What a query is put to: WMI's URI even where classes have those of DMTF.
    pub(super) fn queries(&self, namespace: &Namespace) -> Resource {
        let mut resource = self.all_classes(namespace);
        if self.uri.is_none() {
            resource.uri = ResourceUri::wmi_all(namespace.clone());
        }
        resource
    }

    /// All classes of a namespace: what is asked for associations and for events.
    pub(super) fn all_classes(&self, namespace: &Namespace) -> Resource {
        match (self.uri, self.style) {
            (Some(uri), _) => self.given(uri, namespace),
            (None, UriStyle::Wmi) => {
                Resource { uri: ResourceUri::wmi_all(namespace.clone()), selectors: SelectorSet::new() }
            }
            (None, UriStyle::Dmtf) => Resource {
                uri: ResourceUri { family: UriFamily::Cim, namespace: None, class: None },
                selectors: SelectorSet::new().with(NAMESPACE, namespace.as_str()),
            },
        }
    }

    /// The resource of the caller's URI. A namespace other than that of the session was meant.
    fn given(&self, uri: &ResourceUri, namespace: &Namespace) -> Resource {
        let mut selectors = SelectorSet::new();
        if uri.namespace.is_none() && namespace != self.default {
            selectors.push(NAMESPACE, namespace.as_str());
        }
        Resource { uri: uri.clone(), selectors }
    }

    /// The object at a path.
    ///
    /// # Errors
    /// A key has a value that cannot be written.
    pub(super) fn object(&self, path: &ObjectPath) -> Result<Resource> {
        let namespace = path.namespace.as_ref().unwrap_or(self.default);
        let mut resource = self.class(namespace, &path.class_name);
        for key in path.bindings() {
            match &key.value {
                CimValue::Reference(inner) => {
                    // What a key refers to is of another class than the URI that the caller gave.
                    let inner = Naming { uri: None, ..*self }.object(inner)?;
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
}

impl Resource {
    /// The resource as an endpoint reference.
    pub(super) fn reference(self) -> EndpointReference {
        EndpointReference::anonymous(self.uri.to_string(), self.selectors)
    }
}

#[cfg(test)]
mod tests {
    use windlass_soap::SelectorValue;

    use super::*;

    fn object(style: UriStyle, uri: Option<&ResourceUri>, path: &ObjectPath) -> Resource {
        Naming { style, default: &Namespace::new("root/cimv2"), uri }.object(path).unwrap()
    }

    #[test]
    fn paths_become_uris_and_selectors() {
        let path = ObjectPath::class("Win32_Service").with_key("Name", "WinRM");
        let wmi = object(UriStyle::Wmi, None, &path);
        assert_eq!(
            wmi.uri.to_string(),
            "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service"
        );
        assert_eq!((wmi.selectors.len(), wmi.selectors.get("name")), (1, Some("WinRM")));

        let path = path.in_namespace("root/other");
        let dmtf = object(UriStyle::Dmtf, None, &path);
        assert_eq!(dmtf.uri.to_string(), "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Win32_Service");
        assert_eq!(dmtf.selectors.get("__cimnamespace"), Some("root/other"));
    }

    /// As in the requests that Microsoft's MI client was recorded with.
    #[test]
    fn queries_are_put_to_wmi_in_both_styles() {
        let namespace = Namespace::new("root/cimv2");
        for (style, selectors) in [(UriStyle::Dmtf, 1), (UriStyle::Wmi, 0)] {
            let query = Naming { style, default: &namespace, uri: None }.queries(&namespace);
            assert_eq!(query.uri.to_string(), "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*");
            assert_eq!(query.selectors.len(), selectors);
        }
    }

    #[test]
    fn a_uri_of_the_caller_counts_for_the_object_itself() {
        let uri: ResourceUri = "http://schemas.dell.com/wbem/wscim/1/cim-schema/2/DCIM_X".parse().unwrap();
        let path = ObjectPath::class("DCIM_X").with_key("Id", "1");
        let given = object(UriStyle::Wmi, Some(&uri), &path);
        assert_eq!((given.uri == uri, given.selectors.len()), (true, 1));
        let elsewhere = object(UriStyle::Wmi, Some(&uri), &path.in_namespace("root/dcim"));
        assert_eq!(elsewhere.selectors.get("__cimnamespace"), Some("root/dcim"));
    }

    #[test]
    fn keys_that_are_references_keep_their_own_selectors() {
        let inner = ObjectPath::class("Win32_Process").with_key("Handle", 4_u32);
        let path = ObjectPath::class("Link").with_key("Antecedent", inner);
        let resource = object(UriStyle::Wmi, None, &path);
        let selector = resource.selectors.iter().next().unwrap();
        let SelectorValue::Reference(reference) = &selector.value else { panic!("no reference") };
        assert_eq!(reference.selectors.get("Handle"), Some("4"));
    }
}
