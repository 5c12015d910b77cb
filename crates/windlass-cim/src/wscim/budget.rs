//! What decoding may cost.

use crate::error::Error;

/// What one instance may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// Instances and references inside each other.
    pub depth: usize,
    /// Properties of one instance.
    pub properties: usize,
    /// Values in all, elements of arrays included.
    pub values: usize,
}

impl Default for DecodeLimits {
    /// 16 levels, 8,192 properties, a million values.
    fn default() -> Self {
        Self { depth: 16, properties: 8_192, values: 1_000_000 }
    }
}

/// What is left of the limits while one instance is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    limits: DecodeLimits,
    depth: usize,
    values: usize,
}

impl Budget {
    pub(super) fn new(limits: DecodeLimits) -> Self {
        Self { limits, depth: 0, values: 0 }
    }

    /// Enters an instance or reference; the nesting of calls is bounded by this.
    pub(super) fn enter(&mut self) -> Result<(), Error> {
        self.depth += 1;
        check(self.depth, self.limits.depth, "instances inside each other")
    }

    /// How many instances and references are entered.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub(super) fn value(&mut self, count: usize) -> Result<(), Error> {
        self.values = self.values.saturating_add(count);
        check(self.values, self.limits.values, "values in an instance")
    }

    pub(super) fn properties(&self, count: usize) -> Result<(), Error> {
        check(count, self.limits.properties, "properties")
    }
}

fn check(count: usize, limit: usize, what: &'static str) -> Result<(), Error> {
    if count > limit { Err(Error::Limit { what, limit }) } else { Ok(()) }
}
