//! Resource URIs ([MS-WSMV] 2.2.4.34, DSP0227 6.1).

/// The `cmd` shell of Windows.
pub const CMD_SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd";
/// All shells: enumerated at this URI.
pub const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
/// All commands of a shell: enumerated at this URI with a selector filter.
pub const SHELL_COMMAND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command";
/// What the URIs of PowerShell endpoints begin with.
pub const POWERSHELL: &str = "http://schemas.microsoft.com/powershell/";
/// The configuration of the service.
pub const CONFIG: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
/// What the URIs of WMI classes begin with: then come the namespace and the class.
pub const WMI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
/// What the URIs of classes of the CIM schema begin with; their namespace is a selector.
pub const CIM_SCHEMA: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
/// All classes of a CIM namespace, for queries and associations.
pub const ALL_CLASSES: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";
/// The schema of CIM classes, in CIM-XML.
pub const CLASS_SCHEMA: &str = "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/*";
/// The selector that names the CIM namespace.
pub const CIM_NAMESPACE: &str = "__cimnamespace";

/// The URI of a PowerShell endpoint. A name that is such a URI already is taken as it is.
pub fn powershell(configuration: &str) -> String {
    match configuration.get(..POWERSHELL.len()) {
        Some(start) if start.eq_ignore_ascii_case(POWERSHELL) => configuration.to_owned(),
        _ => format!("{POWERSHELL}{configuration}"),
    }
}

/// The configuration name of a PowerShell endpoint's URI.
pub fn powershell_configuration(uri: &str) -> Option<&str> {
    let (start, name) = uri.split_at_checked(POWERSHELL.len())?;
    (start.eq_ignore_ascii_case(POWERSHELL) && !name.is_empty()).then_some(name)
}

/// The URI of a WMI class: namespace with slashes or backslashes, `*` for all classes.
pub fn wmi(namespace: &str, class: &str) -> String {
    format!("{WMI}{}/{class}", namespace.replace('\\', "/"))
}

/// The URI of a class of the CIM schema. Other vendors' classes have prefixes of their own.
pub fn cim_class(class: &str) -> String {
    format!("{CIM_SCHEMA}{class}")
}

/// Namespace and class of a resource URI of either kind; the namespace is empty where it comes as a
/// selector, the class is `*` where all are meant.
pub fn class_of(uri: &str) -> Option<(&str, &str)> {
    let uri = uri.split('?').next()?;
    if uri == ALL_CLASSES {
        return Some(("", "*"));
    }
    if let Some(path) = strip_prefix_ignoring_case(uri, WMI) {
        let (namespace, class) = path.rsplit_once('/')?;
        return (!namespace.is_empty() && !class.is_empty()).then_some((namespace, class));
    }
    let class = match strip_prefix_ignoring_case(uri, CIM_SCHEMA) {
        Some(class) => class,
        None if uri.contains("/wbem/wscim/1/") => uri.rsplit_once('/')?.1,
        None => return None,
    };
    (!class.is_empty() && !class.contains('/')).then_some(("", class))
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_name_their_class() {
        for (uri, expected) in [
            (
                "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service",
                Some(("root/cimv2", "Win32_Service")),
            ),
            ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*", Some(("root/cimv2", "*"))),
            ("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Number", Some(("", "X_Number"))),
            ("http://schemas.dmtf.org/wbem/wscim/1/*", Some(("", "*"))),
            ("http://intel.com/wbem/wscim/1/ips-schema/1/IPS_X", Some(("", "IPS_X"))),
            ("http://schemas.microsoft.com/wbem/wsman/1/wmi/", None),
            ("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd", None),
            ("", None),
        ] {
            assert_eq!(class_of(uri), expected, "{uri}");
        }
        assert_eq!(class_of(&wmi("root\\cimv2", "A")), Some(("root/cimv2", "A")));
    }

    #[test]
    fn configuration_names_gain_their_prefix_once() {
        let uri = powershell("Microsoft.PowerShell");
        assert_eq!(uri, "http://schemas.microsoft.com/powershell/Microsoft.PowerShell");
        assert_eq!(powershell(&uri), uri);
        assert_eq!(powershell_configuration("HTTP://schemas.microsoft.com/PowerShell/x"), Some("x"));
        assert_eq!(powershell_configuration(POWERSHELL), None);
    }
}
