//! Which classes are wanted (`Get-CimClass`).

use windlass_cim::wql::LikePattern;
use windlass_cim::{CimClass, CimName, Named, NamedList};

/// Steps that the comparison of one name with one pattern may take.
const WORK: usize = 10_000;

/// Which classes of a namespace are wanted: those that pass all conditions. Names may have the wildcards
/// `*`, `?` and `[a-z]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassFilter {
    name: Option<String>,
    method: Option<String>,
    property: Option<String>,
    qualifier: Option<String>,
}

impl ClassFilter {
    /// All classes.
    pub fn all() -> Self {
        Self::default()
    }

    /// Classes of this name.
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// Only those with a method of this name.
    #[must_use]
    pub fn method(mut self, name: &str) -> Self {
        self.method = Some(name.to_owned());
        self
    }

    /// Only those with a property of this name.
    #[must_use]
    pub fn property(mut self, name: &str) -> Self {
        self.property = Some(name.to_owned());
        self
    }

    /// Only those with a qualifier of this name.
    #[must_use]
    pub fn qualifier(mut self, name: &str) -> Self {
        self.qualifier = Some(name.to_owned());
        self
    }

    /// The name of the only class that can pass.
    pub(super) fn only_name(&self) -> Option<&str> {
        self.name.as_deref().filter(|name| CimName::is_identifier(name))
    }

    pub(super) fn compile(&self) -> Compiled {
        let pattern = |name: &Option<String>| name.as_deref().map(pattern);
        Compiled {
            name: pattern(&self.name),
            method: pattern(&self.method),
            property: pattern(&self.property),
            qualifier: pattern(&self.qualifier),
        }
    }
}

/// A filter whose patterns have been read.
pub(super) struct Compiled {
    name: Option<LikePattern>,
    method: Option<LikePattern>,
    property: Option<LikePattern>,
    qualifier: Option<LikePattern>,
}

impl Compiled {
    pub(super) fn matches(&self, class: &CimClass) -> bool {
        self.name.as_ref().is_none_or(|pattern| matches(pattern, &class.name))
            && any(self.method.as_ref(), &class.methods)
            && any(self.property.as_ref(), &class.properties)
            && any(self.qualifier.as_ref(), &class.qualifiers)
    }
}

fn any<T: Named>(pattern: Option<&LikePattern>, elements: &NamedList<T>) -> bool {
    pattern.is_none_or(|pattern| elements.iter().any(|element| matches(pattern, element.name())))
}

fn matches(pattern: &LikePattern, name: &str) -> bool {
    pattern.matches(name, &mut { WORK }) == Some(true)
}

/// The pattern of WQL that a pattern of PowerShell stands for.
fn pattern(wildcards: &str) -> LikePattern {
    let mut like = String::with_capacity(wildcards.len() + 8);
    for c in wildcards.chars() {
        match c {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' => like.push_str("[%]"),
            '_' => like.push_str("[_]"),
            other => like.push(other),
        }
    }
    LikePattern::new(&like)
}

#[cfg(test)]
mod tests {
    use windlass_cim::{CimType, MethodDecl, PropertyDecl, Qualifier};

    use super::*;

    #[test]
    fn all_conditions_have_to_hold() {
        let class = CimClass::new("Win32_Process")
            .with_property(PropertyDecl::key("Handle", CimType::String))
            .with_method(MethodDecl::new("Terminate", CimType::UInt32))
            .with_qualifier(Qualifier::flag("Dynamic"));
        for (filter, expected) in [
            (ClassFilter::all(), true),
            (ClassFilter::named("win32_*"), true),
            (ClassFilter::named("Win32?Process"), true),
            (ClassFilter::named("Win32xProcess"), false),
            (ClassFilter::named("Win32_[a-p]*"), true),
            (ClassFilter::named("Win32"), false),
            (ClassFilter::named("*").method("term*").property("handle").qualifier("dyn*"), true),
            (ClassFilter::all().method("Create"), false),
            (ClassFilter::all().qualifier("Association"), false),
        ] {
            assert_eq!(filter.compile().matches(&class), expected, "{filter:?}");
        }
        assert_eq!(ClassFilter::named("Win32_Process").only_name(), Some("Win32_Process"));
        assert_eq!(ClassFilter::named("Win32_*").only_name(), None);
    }
}
