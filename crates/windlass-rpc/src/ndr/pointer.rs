//! Pointers as they stand in a stub (C706 14.3.10, 14.3.11).

/// The number that stands for a pointer that points somewhere. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Referent(pub(super) u32);

impl Referent {
    /// The number itself.
    pub fn id(self) -> u32 {
        self.0
    }
}

/// A full pointer (`[ptr]`), which may point to what another one points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullPointer {
    /// Points nowhere.
    Null,
    /// The first of its referent: the target follows where targets follow.
    First(Referent),
    /// The target was met before: nothing follows.
    Again(Referent),
}
