//! Wildcard patterns as commands use them.

use windlass_command::wildcard::{Pattern, escape};

/// A wildcard pattern. A text that is no valid pattern stands for itself.
#[derive(Debug, Clone)]
pub(crate) struct Wildcard(Option<Pattern>);

impl Wildcard {
    /// Reads a pattern.
    pub(crate) fn new(text: &str, case_sensitive: bool) -> Self {
        let read =
            |text: &str| if case_sensitive { Pattern::case_sensitive(text) } else { Pattern::new(text) };
        Self(read(text).or_else(|_| read(&escape(text))).ok())
    }

    /// Whether the pattern matches one text only.
    pub(crate) fn is_plain(&self) -> bool {
        self.literal().is_some()
    }

    /// The one text that the pattern matches, case aside, without the backticks of its special letters.
    pub(crate) fn literal(&self) -> Option<String> {
        self.0.as_ref().and_then(Pattern::literal)
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|pattern| pattern.matches(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_stands_for_itself() {
        assert!(Wildcard::new("a[b", false).matches("A[b"));
        assert!(Wildcard::new("pw*", false).matches("PWSH") && !Wildcard::new("PW*", true).matches("pwsh"));
        assert!(Wildcard::new("plain", false).is_plain() && !Wildcard::new("pl*", false).is_plain());
    }
}
