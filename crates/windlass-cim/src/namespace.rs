//! Names of namespaces.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The name of a namespace, such as `root/cimv2`. Equality ignores case and the kind of slash.
#[derive(Clone)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Takes a name with either kind of slash.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.trim_matches(['/', '\\']);
        if name.contains('\\') { Self(name.replace('\\', "/").into()) } else { Self(name.into()) }
    }

    /// The name with slashes: `root/cimv2`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with backslashes, as WMI writes it: `root\cimv2`.
    #[must_use]
    pub fn to_wmi(&self) -> String {
        self.0.replace('/', "\\")
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Namespace {}

impl Hash for Namespace {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Namespace {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Namespace {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_case_do_not_matter() {
        let a = Namespace::new("ROOT\\CIMV2");
        assert_eq!(a, Namespace::new("/root/cimv2/"));
        assert_eq!(a.to_string(), "ROOT/CIMV2");
        assert_eq!(a.to_wmi(), "ROOT\\CIMV2");
    }
}
