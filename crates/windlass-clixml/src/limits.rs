//! What CLIXML may cost its reader.

/// What CLIXML may cost its reader. References share what they refer to and cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Values in one another, the innermost counted. PowerShell reads 49.
    pub depth: usize,
    /// Values and parts of objects in all; type names are counted apart.
    pub values: usize,
    /// Bytes of text.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 49, values: 4 << 20, text: 128 << 20 }
    }
}

impl Limits {
    /// Whether a message of one value passes no limit.
    pub(crate) fn admit_one(&self, text: &str) -> bool {
        self.depth > 0 && self.values > 0 && text.len() <= self.text
    }

    /// The same limits with another depth.
    #[must_use]
    pub fn with_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// The same limits with another number of values.
    #[must_use]
    pub fn with_values(self, values: usize) -> Self {
        Self { values, ..self }
    }

    /// The same limits with another length of the text, in bytes.
    #[must_use]
    pub fn with_text(self, text: usize) -> Self {
        Self { text, ..self }
    }
}
