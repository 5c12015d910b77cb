//! Qualifiers: what a schema says about its elements (DSP0004 5.6).

use crate::list::{Named, NamedList};
use crate::name::CimName;
use crate::value::CimValue;

/// A qualifier of a class, instance, property, method or parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Qualifier {
    /// Its name.
    pub name: CimName,
    /// Its value; a qualifier written without one is the boolean true.
    pub value: CimValue,
    /// How it is passed on.
    pub flavor: Flavor,
    /// Whether it was inherited rather than stated here.
    pub is_propagated: bool,
}

/// How a qualifier is passed on to subclasses and instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flavor {
    /// Whether a subclass may state another value (`EnableOverride`).
    pub overridable: bool,
    /// Whether subclasses inherit it (`ToSubclass`, else `Restricted`).
    pub to_subclass: bool,
    /// Whether instances inherit it (`ToInstance`).
    pub to_instance: bool,
    /// Whether its text depends on the language (`Translatable`, in WMI `Amended`).
    pub translatable: bool,
}

impl Default for Flavor {
    /// What holds where nothing is stated: overridable and passed on to subclasses.
    fn default() -> Self {
        Self { overridable: true, to_subclass: true, to_instance: false, translatable: false }
    }
}

impl Flavor {
    /// The flavor that CIM declares for its own qualifiers (DSP0004 5.6.3), and the default for
    /// others.
    #[must_use]
    pub fn standard(name: &str) -> Self {
        const RESTRICTED: [&str; 6] =
            ["Abstract", "Override", "Version", "Experimental", "Deprecated", "Singleton"];
        const FIXED: [&str; 13] = [
            "Aggregate",
            "Aggregation",
            "Association",
            "Composition",
            "EmbeddedObject",
            "In",
            "Indication",
            "Key",
            "OctetString",
            "Out",
            "Propagated",
            "Static",
            "Weak",
        ];
        const TRANSLATABLE: [&str; 5] = ["Description", "DisplayName", "Units", "Values", "Version"];
        let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        Self {
            overridable: !is_in(&FIXED),
            to_subclass: !is_in(&RESTRICTED),
            to_instance: false,
            translatable: is_in(&TRANSLATABLE),
        }
    }
}

impl Qualifier {
    /// A qualifier with its standard flavor.
    pub fn new(name: impl Into<CimName>, value: impl Into<CimValue>) -> Self {
        let name = name.into();
        let flavor = Flavor::standard(&name);
        Self { name, value: value.into(), flavor, is_propagated: false }
    }

    /// A boolean qualifier that is true, such as `key`.
    pub fn flag(name: impl Into<CimName>) -> Self {
        Self::new(name, true)
    }

    /// Whether it is the boolean true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.value == CimValue::Boolean(true)
    }
}

impl Named for Qualifier {
    fn name(&self) -> &CimName {
        &self.name
    }
}

impl NamedList<Qualifier> {
    /// Whether the qualifier of that name is the boolean true.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(Qualifier::is_true)
    }

    /// The text of the qualifier of that name, when it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|q| q.value.as_str())
    }

    /// The number of the qualifier of that name, when it is an integer.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(|q| q.value.as_i64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_answer_by_name() {
        let list: NamedList<Qualifier> =
            [Qualifier::flag("Key"), Qualifier::new("MaxLen", 64_u32), Qualifier::new("Units", "bytes")]
                .into_iter()
                .collect();
        assert!(list.has("KEY"));
        assert!(!list.has("units"));
        assert_eq!(list.number("maxlen"), Some(64));
        assert_eq!(list.text("Units"), Some("bytes"));
        assert!(list.iter().all(|q| q.flavor.overridable == (q.name != "key")));
        assert!(!Qualifier::flag("abstract").flavor.to_subclass);
    }
}
