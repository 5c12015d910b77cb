//! Wildcard patterns: `*`, `?`, `[a-z]`, and the backtick that takes their meaning.

/// A wildcard pattern, read once and matched often.
#[derive(Debug, Clone)]
pub(crate) struct Wildcard {
    tokens: Vec<Token>,
    case_sensitive: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    Any,
    Many,
    Set(Vec<(char, char)>),
}

impl Wildcard {
    /// Reads a pattern. A bracket that is not closed stands for itself.
    pub(crate) fn new(pattern: &str, case_sensitive: bool) -> Self {
        let fold = |c: char| if case_sensitive { c } else { lower(c) };
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            let token = match first {
                '`' => match rest.chars().next() {
                    Some(next) => {
                        rest = rest.get(next.len_utf8()..).unwrap_or_default();
                        Token::Literal(fold(next))
                    }
                    None => Token::Literal('`'),
                },
                '?' => Token::Any,
                '*' => Token::Many,
                '[' => match rest.split_once(']') {
                    Some((set, after)) if !set.is_empty() => {
                        rest = after;
                        Token::Set(ranges(set, fold))
                    }
                    _ => Token::Literal('['),
                },
                other => Token::Literal(fold(other)),
            };
            if token != Token::Many || tokens.last() != Some(&Token::Many) {
                tokens.push(token);
            }
        }
        Self { tokens, case_sensitive }
    }

    /// Whether the pattern matches one text only.
    pub(crate) fn is_plain(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Literal(_)))
    }

    /// Whether the whole text matches. Takes at most time in proportion to the text times the pattern.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let fold = |c: char| if self.case_sensitive { c } else { lower(c) };
        let text: Vec<char> = text.chars().map(fold).collect();
        let (mut at, mut token) = (0, 0);
        // Where to go on after the last star, should what follows it not match.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let matched = match (self.tokens.get(token), text.get(at)) {
                (None, None) => return true,
                (Some(Token::Many), _) => {
                    retry = Some((at, token + 1));
                    token += 1;
                    continue;
                }
                (Some(expected), Some(found)) => expected.takes(*found),
                _ => false,
            };
            if matched {
                (at, token) = (at + 1, token + 1);
                continue;
            }
            match retry {
                Some((from, after)) if from < text.len() => {
                    retry = Some((from + 1, after));
                    (at, token) = (from + 1, after);
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn takes(&self, found: char) -> bool {
        match self {
            Self::Literal(expected) => *expected == found,
            Self::Any => true,
            Self::Many => false,
            Self::Set(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&found)),
        }
    }
}

fn ranges(set: &str, fold: impl Fn(char) -> char) -> Vec<(char, char)> {
    let characters: Vec<char> = set.chars().map(fold).collect();
    let mut ranges = Vec::new();
    let mut rest = characters.as_slice();
    while let Some((first, after)) = rest.split_first() {
        match after {
            ['-', last, after @ ..] => {
                ranges.push((*first, *last));
                rest = after;
            }
            _ => {
                ranges.push((*first, *first));
                rest = after;
            }
        }
    }
    ranges
}

fn lower(character: char) -> char {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("pw*", "PWSH", true),
            ("*sh", "pwsh", true),
            ("p?sh", "pwsh", true),
            ("p[u-x]sh", "pwsh", true),
            ("p[^w]sh", "pwsh", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("`*", "*", true),
            ("`*", "x", false),
            ("[x", "[x", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Wildcard::new(pattern, false).matches(text), expected, "{pattern} {text}");
        }
        assert!(!Wildcard::new("PW*", true).matches("pwsh"));
        assert!(Wildcard::new("plain", false).is_plain() && !Wildcard::new("pl*", false).is_plain());
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let pattern = Wildcard::new(&"*a".repeat(200), false);
        assert!(!pattern.matches(&"b".repeat(20_000)));
    }
}
