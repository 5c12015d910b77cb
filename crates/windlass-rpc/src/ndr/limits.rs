//! How much a stub may hold.

/// Bounds on what one stub may make its reader do. The bytes themselves are bounded where fragments are put
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements of one array, bytes of byte arrays aside.
    pub elements: usize,
    /// UTF-16 units or bytes of one string, with the zero at its end.
    pub string: usize,
    /// Structures within each other ([`Reader::nested`](super::Reader::nested)).
    pub depth: usize,
    /// Different full pointers of one stub.
    pub referents: usize,
}

impl Default for Limits {
    /// 1 Mi elements, 1 Mi units, 16 levels, 64 Ki full pointers.
    fn default() -> Self {
        Self { elements: 1 << 20, string: 1 << 20, depth: 16, referents: 1 << 16 }
    }
}
