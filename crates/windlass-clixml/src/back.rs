//! References from a value to an object that encloses it.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use crate::object::PsObject;

/// A reference to an object that encloses the value, such as a node's parent.
///
/// It does not keep the object alive: where only the inner part is kept, the reference is empty
/// and counts as `$null`.
#[derive(Clone, Default)]
pub struct BackReference(Arc<OnceLock<Weak<PsObject>>>);

impl BackReference {
    /// A reference that will name the object it is given to with [`BackReference::bind`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes all clones of this reference name `object`. Only the first call counts.
    pub fn bind(&self, object: &Arc<PsObject>) {
        // A second call leaves the reference as it is; that is what is documented.
        let _ = self.0.set(Arc::downgrade(object));
    }

    /// The object, while it lives.
    pub fn upgrade(&self) -> Option<Arc<PsObject>> {
        self.0.get()?.upgrade()
    }
}

impl fmt::Debug for BackReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.upgrade().is_some() { "BackReference" } else { "BackReference(gone)" })
    }
}
