//! The URIs by which WS-Management names classes (DSP0227 5.1, [MS-WSMV] 2.2.2).

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::path::ObjectPath;
use crate::value::CimValue;
use crate::wscim::NAMESPACE_SELECTOR;

/// The start of the URIs of WMI, followed by the namespace and the class.
pub const WMI_BASE: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
/// The start of the URIs of classes of DMTF, followed by the class.
pub const CIM_BASE: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
/// All classes of the namespace that the selector `__cimnamespace` names.
pub const ALL_CLASSES: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";
/// The start of the URI of class schemas, followed by `*` or a class.
pub const CLASS_SCHEMA_BASE: &str = "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/";

/// What a resource URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUri {
    /// How it is spelled.
    pub family: UriFamily,
    /// The namespace, which the URIs of WMI alone state.
    pub namespace: Option<Namespace>,
    /// The class; `None` for all classes.
    pub class: Option<CimName>,
}

/// How a resource URI is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UriFamily {
    /// `http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Class`
    Wmi,
    /// `http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Class`
    Cim,
    /// The schema of a vendor; the text is what stands before the class.
    Vendor(String),
    /// `http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/*`: definitions of classes.
    ClassSchema,
}

/// Class name prefixes of vendors and the start of their URIs.
const VENDORS: [(&str, &str); 8] = [
    ("CIM_", CIM_BASE),
    ("AMT_", "http://intel.com/wbem/wscim/1/amt-schema/1/"),
    ("IPS_", "http://intel.com/wbem/wscim/1/ips-schema/1/"),
    ("DCIM_", "http://schemas.dell.com/wbem/wscim/1/cim-schema/2/"),
    ("OMC_", "http://schema.omc-project.org/wbem/wscim/1/cim-schema/2/"),
    ("PG_", "http://schema.openpegasus.org/wbem/wscim/1/cim-schema/2/"),
    ("VMware_", "http://schemas.vmware.com/wbem/wscim/1/cim-schema/2/"),
    ("IBM_", "http://schemas.ibm.com/wbem/wscim/1/cim-schema/2/"),
];

/// Short forms that the tools of Windows accept in place of the start of a URI.
const ALIASES: [(&str, &str); 6] = [
    ("wmicimv2", "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"),
    ("wmi", "http://schemas.microsoft.com/wbem/wsman/1/wmi"),
    ("cimv2", "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"),
    ("winrm", "http://schemas.microsoft.com/wbem/wsman/1"),
    ("wsman", "http://schemas.microsoft.com/wbem/wsman/1"),
    ("shell", "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"),
];

impl ResourceUri {
    /// The URI of a class of WMI.
    pub fn wmi(namespace: impl Into<Namespace>, class: impl Into<CimName>) -> Self {
        Self { family: UriFamily::Wmi, namespace: Some(namespace.into()), class: Some(class.into()) }
    }

    /// The URI for queries in a namespace of WMI.
    pub fn wmi_all(namespace: impl Into<Namespace>) -> Self {
        Self { family: UriFamily::Wmi, namespace: Some(namespace.into()), class: None }
    }

    /// The URI of a class in the schema of DMTF; the namespace goes into a selector.
    pub fn cim(class: impl Into<CimName>) -> Self {
        Self { family: UriFamily::Cim, namespace: None, class: Some(class.into()) }
    }

    /// The URI of a class in the schema that its prefix tells, that of DMTF where it tells none.
    pub fn by_prefix(class: impl Into<CimName>) -> Self {
        let class = class.into();
        let vendor = VENDORS
            .iter()
            .find(|(prefix, _)| class.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix)));
        let family = match vendor {
            Some((_, base)) if *base != CIM_BASE => UriFamily::Vendor((*base).to_owned()),
            _ => UriFamily::Cim,
        };
        Self { family, namespace: None, class: Some(class) }
    }

    /// The URI of another class in the same family and namespace.
    #[must_use]
    pub fn sibling(&self, class: &CimName) -> Self {
        Self { class: Some(class.clone()), ..self.clone() }
    }
}

impl ResourceUri {
    /// The path of the object that the URI and selectors name together. The selector
    /// `__cimnamespace` is the namespace, the others are keys; without any, it is the class. `None`
    /// when the URI names no class.
    pub fn to_path<N, V>(&self, selectors: impl IntoIterator<Item = (N, V)>) -> Option<ObjectPath>
    where
        N: Into<CimName>,
        V: Into<CimValue>,
    {
        let mut path = ObjectPath::class(self.class.clone()?);
        path.namespace.clone_from(&self.namespace);
        for (name, value) in selectors {
            let (name, value) = (name.into(), value.into());
            match value.as_str() {
                Some(namespace) if name.is(NAMESPACE_SELECTOR) => path.namespace = Some(namespace.into()),
                _ => path = path.with_key(name, value),
            }
        }
        Some(path)
    }
}

/// Replaces a short form such as `wmicimv2/Win32_Service` or `winrm/config` by the whole URI. What
/// is no short form stays as it is.
#[must_use]
pub fn expand_alias(text: &str) -> String {
    let (head, tail) = match text.split_once(['/', '?']) {
        Some((head, _)) => (head, text.get(head.len()..).unwrap_or_default()),
        None => (text, ""),
    };
    match ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(head)) {
        Some((_, base)) => format!("{base}{tail}"),
        None => text.to_owned(),
    }
}

fn strip<'a>(text: &'a str, base: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(base.len())?;
    head.eq_ignore_ascii_case(base).then_some(tail)
}

impl FromStr for ResourceUri {
    type Err = Error;

    /// Reads a URI of any of the families, without regard to case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let error = |expected| Error::ResourceUri { expected };
        let text = text.trim();
        if text.eq_ignore_ascii_case(ALL_CLASSES) {
            return Ok(Self { family: UriFamily::Cim, namespace: None, class: None });
        }
        let (family, namespace, class) = if let Some(rest) = strip(text, WMI_BASE) {
            let (namespace, class) =
                rest.rsplit_once('/').ok_or(error("a namespace and a class after the base of WMI"))?;
            if namespace.split('/').any(|s| s.is_empty() || s.contains(['?', '#', '*', '\\'])) {
                return Err(error("a namespace before the class"));
            }
            (UriFamily::Wmi, Some(Namespace::new(namespace)), class)
        } else if let Some(class) = strip(text, CLASS_SCHEMA_BASE) {
            (UriFamily::ClassSchema, None, class)
        } else if let Some(class) = strip(text, CIM_BASE) {
            (UriFamily::Cim, None, class)
        } else {
            let (base, class) = text.rsplit_once('/').ok_or(error("a URI of CIM classes"))?;
            if !base.contains("-schema/") || !base.contains("://") || base.contains(['?', '#']) {
                return Err(error("a URI of CIM classes"));
            }
            (UriFamily::Vendor(format!("{base}/")), None, class)
        };
        match class {
            "*" => Ok(Self { family, namespace, class: None }),
            name if CimName::is_identifier(name) => Ok(Self { family, namespace, class: Some(name.into()) }),
            _ => Err(error("the name of a class, or *")),
        }
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.as_ref().map_or("*", CimName::as_str);
        match &self.family {
            UriFamily::Wmi => {
                f.write_str(WMI_BASE)?;
                match &self.namespace {
                    Some(namespace) => write!(f, "{namespace}/{class}"),
                    None => f.write_str(class),
                }
            }
            UriFamily::Cim if self.class.is_none() => f.write_str(ALL_CLASSES),
            UriFamily::Cim => write!(f, "{CIM_BASE}{class}"),
            UriFamily::Vendor(base) => write!(f, "{base}{class}"),
            UriFamily::ClassSchema => write!(f, "{CLASS_SCHEMA_BASE}{class}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_every_family() {
        for (text, namespace, class) in [
            (
                "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service",
                Some("root/cimv2"),
                Some("Win32_Service"),
            ),
            ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*", Some("root/cimv2"), None),
            ("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Number", None, Some("X_Number")),
            ("http://schemas.dmtf.org/wbem/wscim/1/*", None, None),
            (
                "http://intel.com/wbem/wscim/1/amt-schema/1/AMT_GeneralSettings",
                None,
                Some("AMT_GeneralSettings"),
            ),
            ("http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/*", None, None),
        ] {
            let uri: ResourceUri = text.parse().unwrap();
            assert_eq!(uri.namespace.as_ref().map(Namespace::as_str), namespace);
            assert_eq!(uri.class.as_ref().map(CimName::as_str), class);
            assert_eq!(uri.to_string(), text);
        }
        let upper = "HTTP://SCHEMAS.MICROSOFT.COM/WBEM/WSMAN/1/WMI/ROOT/CIMV2/WIN32_SERVICE";
        assert_eq!(upper.parse::<ResourceUri>().unwrap(), ResourceUri::wmi("root/cimv2", "Win32_Service"));
    }

    #[test]
    fn other_uris_are_none() {
        for text in [
            "",
            "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd",
            "http://schemas.microsoft.com/wbem/wsman/1/config",
            "http://schemas.microsoft.com/wbem/wsman/1/wmi/",
            "http://schemas.microsoft.com/wbem/wsman/1/wmi/Win32_Service",
            "http://schemas.microsoft.com/wbem/wsman/1/wmi/root//Win32_Service",
            "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/",
            "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/a b",
        ] {
            assert!(text.parse::<ResourceUri>().is_err(), "{text}");
        }
    }

    #[test]
    fn selectors_make_paths() {
        let uri = ResourceUri::cim("X");
        let path = uri.to_path([("__CIMNamespace", "root/test"), ("k", "1")]).unwrap();
        assert_eq!(path.to_string(), r#"root\test:X.k="1""#);
        assert!(uri.to_path([("__cimnamespace", "root/test")]).unwrap().is_class());
        assert_eq!(ResourceUri::wmi_all("root/x").to_path([("k", 1_u8)]), None);
    }

    #[test]
    fn prefixes_and_short_forms() {
        assert_eq!(ResourceUri::by_prefix("CIM_Disk"), ResourceUri::cim("CIM_Disk"));
        assert_eq!(ResourceUri::by_prefix("Foo"), ResourceUri::cim("Foo"));
        let dell = ResourceUri::by_prefix("dcim_X").to_string();
        assert_eq!(dell, "http://schemas.dell.com/wbem/wscim/1/cim-schema/2/dcim_X");
        assert_eq!(
            expand_alias("wmicimv2/Win32_Service"),
            ResourceUri::wmi("root/cimv2", "Win32_Service").to_string()
        );
        assert_eq!(expand_alias("WinRM/Config"), "http://schemas.microsoft.com/wbem/wsman/1/Config");
        assert_eq!(expand_alias("http://x/y"), "http://x/y");
    }
}
