//! The type names of an object, most derived first.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::string::PsString;

const PREFIX: &str = "Deserialized.";

/// The type names of an object as they stand on the wire; clones share the list.
///
/// An object without a list differs from one with an empty list, which PowerShell keeps apart.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
// Thin, so that the memory of an object is copied in a few steps.
pub struct TypeNames(Option<Arc<Vec<PsString>>>);

impl TypeNames {
    /// A list of names, most derived first.
    pub fn new(names: impl IntoIterator<Item = impl Into<PsString>>) -> Self {
        Self(Some(Arc::new(names.into_iter().map(Into::into).collect())))
    }

    /// No list at all.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether there is a list, even an empty one.
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// The most derived name; empty where there is none.
    pub fn most_derived(&self) -> &str {
        self.first().map_or("", PsString::as_str)
    }

    /// Whether one of the names is `name`, with or without `Deserialized.` before it, in any case.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|known| bare(known).eq_ignore_ascii_case(bare(name)))
    }

    /// The names that PowerShell shows on the receiving side: each with `Deserialized.` before it
    /// once, empty names left out.
    pub fn deserialized(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.iter().filter(|name| !name.is_empty()).map(|name| {
            if starts_with_prefix(name) {
                Cow::Borrowed(name.as_str())
            } else {
                Cow::Owned(format!("{PREFIX}{name}"))
            }
        })
    }

    /// Whether both are the same list in memory.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            (None, None) => true,
            _ => false,
        }
    }
}

/// The name without `Deserialized.` before it.
pub(crate) fn bare(name: &str) -> &str {
    if starts_with_prefix(name) { name.get(PREFIX.len()..).unwrap_or_default() } else { name }
}

fn starts_with_prefix(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

impl Deref for TypeNames {
    type Target = [PsString];

    fn deref(&self) -> &[PsString] {
        self.0.as_deref().map(Vec::as_slice).unwrap_or_default()
    }
}

impl<S: Into<PsString>> FromIterator<S> for TypeNames {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::new(names)
    }
}

impl fmt::Debug for TypeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
