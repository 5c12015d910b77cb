//! Names of classes, properties, methods and qualifiers: compared without regard to case, printed as
//! they were written (DSP0004 5.1.2.8).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A CIM name. Cheap to clone; equality, order and hash ignore the case of ASCII letters.
#[derive(Clone)]
pub struct CimName(Arc<str>);

impl CimName {
    /// Takes a name as it is; see [`CimName::is_identifier`] for what a schema accepts.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same name.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    /// Whether `text` can name an element of a schema: a letter, an underscore or a character above
    /// U+007F, then such characters or digits.
    #[must_use]
    pub fn is_identifier(text: &str) -> bool {
        // Each character above U+007F can stand anywhere, so each byte of one.
        let is_start = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || !byte.is_ascii();
        let bytes = text.as_bytes();
        bytes.first().is_some_and(is_start)
            && bytes.iter().all(|byte| is_start(byte) || byte.is_ascii_digit())
    }
}

/// Whether a name can begin with this character.
pub(crate) fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c > '\u{7f}'
}

/// Whether a name can go on with this character.
pub(crate) fn is_name_char(c: char) -> bool {
    is_name_start(c) || c.is_ascii_digit()
}

/// Compares two names without regard to the case of ASCII letters.
pub(crate) fn compare_names(a: &str, b: &str) -> Ordering {
    let fold = |b: u8| b.to_ascii_lowercase();
    a.bytes().map(fold).cmp(b.bytes().map(fold))
}

impl Deref for CimName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for CimName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq for CimName {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.is(&other.0)
    }
}

impl Eq for CimName {}

impl PartialEq<str> for CimName {
    fn eq(&self, other: &str) -> bool {
        self.is(other)
    }
}

impl PartialEq<&str> for CimName {
    fn eq(&self, other: &&str) -> bool {
        self.is(other)
    }
}

impl Ord for CimName {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_names(&self.0, &other.0)
    }
}

impl PartialOrd for CimName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for CimName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for CimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for CimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for CimName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for CimName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&String> for CimName {
    fn from(name: &String) -> Self {
        Self(name.as_str().into())
    }
}

impl From<Cow<'_, str>> for CimName {
    fn from(name: Cow<'_, str>) -> Self {
        Self(name.into())
    }
}

impl From<&CimName> for CimName {
    fn from(name: &CimName) -> Self {
        name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_ignore_case_and_keep_it() {
        let a = CimName::from("Win32_Process");
        let b = CimName::from("WIN32_PROCESS");
        assert_eq!(a, b);
        assert_eq!(a.cmp(&b), Ordering::Equal);
        assert_eq!(a.to_string(), "Win32_Process");
        let set: HashSet<CimName> = [a].into();
        assert!(set.contains(&b));
    }

    #[test]
    fn identifiers() {
        for good in ["a", "_x", "Win32_Process", "__CLASS", "Größe"] {
            assert!(CimName::is_identifier(good), "{good}");
        }
        for bad in ["", "1a", "a b", "a-b", "a.b", "a'b"] {
            assert!(!CimName::is_identifier(bad), "{bad}");
        }
    }
}
