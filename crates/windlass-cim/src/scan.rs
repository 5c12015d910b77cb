//! Walking through a text: what the lexers of WQL and MOF have in common.

/// A text and a place in it.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The start of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The place, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Goes to a place that was passed before.
    pub(crate) fn back_to(&mut self, at: usize) {
        self.at = at.min(self.at);
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What was passed since a place.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The next two characters.
    pub(crate) fn peek(&self) -> (Option<char>, Option<char>) {
        let mut chars = self.rest().chars();
        (chars.next(), chars.next())
    }

    /// Takes that many bytes; none where they would end inside of a character.
    pub(crate) fn take(&mut self, bytes: usize) -> &'a str {
        let taken = self.rest().get(..bytes).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    /// Takes characters as long as they are accepted.
    pub(crate) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(|c| !accept(c)).unwrap_or(rest.len()))
    }

    /// Takes what looks like a number, an exponent with its sign included.
    pub(crate) fn take_number(&mut self) -> &'a str {
        let start = self.at;
        self.take_while(|c| matches!(c, '+' | '-'));
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '.');
        let so_far = self.since(start);
        let is_hex = so_far.contains(['x', 'X']);
        if !is_hex && so_far.ends_with(['e', 'E']) && self.rest().starts_with(['+', '-']) {
            self.take(1);
            self.take_while(|c| c.is_ascii_digit());
        }
        self.since(start)
    }
}
