//! The system properties of WMI ([MS-WMI] 2.2.4, [MS-WMIO] 2.2): facts about an object that no
//! class declares.

use crate::class::CimClass;
use crate::instance::CimInstance;
use crate::name::CimName;
use crate::value::CimValue;

/// The names of the system properties.
pub const SYSTEM_PROPERTIES: [&str; 10] = [
    "__CLASS",
    "__DERIVATION",
    "__DYNASTY",
    "__GENUS",
    "__NAMESPACE",
    "__PATH",
    "__PROPERTY_COUNT",
    "__RELPATH",
    "__SERVER",
    "__SUPERCLASS",
];

impl CimInstance {
    /// The value of a system property: null where it is not known, `None` where there is none of
    /// that name.
    #[must_use]
    pub fn system_property(&self, name: &str) -> Option<CimValue> {
        let class = self.class.as_deref();
        Some(match upper(name)? {
            "__GENUS" => 2_i32.into(),
            "__PROPERTY_COUNT" => count(self.properties.len()),
            "__CLASS" => text(Some(self.class_name.as_str())),
            "__NAMESPACE" => self.namespace.as_ref().map(|n| n.to_wmi()).into(),
            "__SERVER" => text(self.server_name.as_deref()),
            "__PATH" => self.path().map(|p| p.to_string()).into(),
            "__RELPATH" => self.path().map(|p| p.to_relative()).into(),
            "__SUPERCLASS" => text(class.and_then(CimClass::superclass).map(CimName::as_str)),
            "__DYNASTY" => class.map_or(CimValue::Null, |c| text(Some(dynasty(c)))),
            _ => class.map_or(CimValue::Null, derivation),
        })
    }
}

impl CimClass {
    /// The value of a system property: null where it is not known, `None` where there is none of
    /// that name.
    #[must_use]
    pub fn system_property(&self, name: &str) -> Option<CimValue> {
        Some(match upper(name)? {
            "__GENUS" => 1_i32.into(),
            "__PROPERTY_COUNT" => count(self.properties.len()),
            "__CLASS" => text(Some(self.name.as_str())),
            "__NAMESPACE" => self.namespace.as_ref().map(|n| n.to_wmi()).into(),
            "__SERVER" => text(self.server_name.as_deref()),
            "__PATH" => self.path().to_string().into(),
            "__RELPATH" => text(Some(self.name.as_str())),
            "__SUPERCLASS" => text(self.superclass().map(CimName::as_str)),
            "__DYNASTY" => text(Some(dynasty(self))),
            _ => derivation(self),
        })
    }
}

fn upper(name: &str) -> Option<&'static str> {
    SYSTEM_PROPERTIES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

fn text(value: Option<&str>) -> CimValue {
    value.map_or(CimValue::Null, CimValue::from)
}

fn count(length: usize) -> CimValue {
    CimValue::SInt32(i32::try_from(length).unwrap_or(i32::MAX))
}

/// The farthest superclass.
fn dynasty(class: &CimClass) -> &str {
    class.derivation.last().unwrap_or(&class.name)
}

fn derivation(class: &CimClass) -> CimValue {
    class.derivation.iter().map(ToString::to_string).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_and_classes_know_themselves() {
        let mut class = CimClass::new("Win32_Process");
        class.derivation = vec!["CIM_Process".into(), "CIM_LogicalElement".into()];
        let instance = CimInstance { class: Some(class.clone().into()), ..CimInstance::new("Win32_Process") }
            .with_key("Handle", "4")
            .in_namespace("root/cimv2");
        let of = |name: &str| instance.system_property(name).unwrap();
        assert_eq!(of("__path"), r#"root\cimv2:Win32_Process.Handle="4""#.into());
        assert_eq!(of("__RELPATH"), r#"Win32_Process.Handle="4""#.into());
        assert_eq!(of("__DYNASTY"), "CIM_LogicalElement".into());
        assert_eq!(of("__SERVER"), CimValue::Null);
        assert_eq!(class.system_property("__SUPERCLASS"), Some("CIM_Process".into()));
        assert_eq!(class.system_property("__GENUS"), Some(1_i32.into()));
        for name in SYSTEM_PROPERTIES {
            assert!(instance.system_property(name).is_some() && class.system_property(name).is_some());
        }
        assert_eq!(instance.system_property("__NOTHING"), None);
    }
}
