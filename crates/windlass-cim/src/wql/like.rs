//! The patterns of `LIKE`.

/// A pattern: `%` any text, `_` one character, `[a-f]` one of a set, `[^a-f]` one not of a set,
/// anything else itself, without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikePattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Char(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl LikePattern {
    /// Reads a pattern. A bracket that is not closed stands for itself.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut pieces = Vec::new();
        let mut rest = chars.as_slice();
        while let [first, tail @ ..] = rest {
            rest = tail;
            let piece = match first {
                '%' => Piece::Any,
                '_' => Piece::One,
                '[' => match set(tail) {
                    Some((set, after)) => {
                        rest = after;
                        set
                    }
                    None => Piece::Char('['),
                },
                c => Piece::Char(fold(*c)),
            };
            if piece != Piece::Any || pieces.last() != Some(&Piece::Any) {
                pieces.push(piece);
            }
        }
        Self { pieces }
    }

    /// Whether the whole text matches, or `None` when that took more than `work` steps. Each step
    /// is subtracted from `work`.
    #[must_use]
    pub fn matches(&self, text: &str, work: &mut usize) -> Option<bool> {
        let text: Vec<char> = text.chars().map(fold).collect();
        let (mut t, mut p) = (0, 0);
        // Where to go on after the last `%`: the piece after it, and the text not tried yet.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            *work = work.checked_sub(1)?;
            let piece = self.pieces.get(p);
            if let Some(Piece::Any) = piece {
                p += 1;
                retry = Some((p, t));
                continue;
            }
            match (piece, text.get(t)) {
                (None, None) => return Some(true),
                (Some(piece), Some(&c)) if piece.accepts(c, work)? => {
                    p += 1;
                    t += 1;
                }
                _ => match retry {
                    Some((after, from)) if from < text.len() => {
                        retry = Some((after, from + 1));
                        p = after;
                        t = from + 1;
                    }
                    _ => return Some(false),
                },
            }
        }
    }
}

impl Piece {
    fn accepts(&self, c: char, work: &mut usize) -> Option<bool> {
        Some(match self {
            Self::Any | Self::One => true,
            Self::Char(own) => *own == c,
            Self::Set { negated, ranges } => {
                *work = work.checked_sub(ranges.len())?;
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        })
    }
}

/// A set up to its closing bracket, and what follows.
fn set(rest: &[char]) -> Option<(Piece, &[char])> {
    // A closing bracket that comes first belongs to the set.
    let (negated, body) = match rest {
        ['^', tail @ ..] => (true, tail),
        _ => (false, rest),
    };
    let end = body.iter().skip(1).position(|c| *c == ']')? + 1;
    let (mut inner, after) = (body.get(..end)?, body.get(end + 1..)?);
    let mut ranges = Vec::new();
    loop {
        match inner {
            [low, '-' | '=', high, tail @ ..] => {
                ranges.push((fold(*low), fold(*high)));
                inner = tail;
            }
            [one, tail @ ..] => {
                ranges.push((fold(*one), fold(*one)));
                inner = tail;
            }
            [] => return Some((Piece::Set { negated, ranges }, after)),
        }
    }
}

fn fold(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// A text as a pattern that matches only itself.
#[must_use]
pub fn escape_like(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '[') {
            pattern.extend(['[', c, ']']);
        } else {
            pattern.push(c);
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        LikePattern::new(pattern).matches(text, &mut 10_000).unwrap()
    }

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("Spooler", "spool%", true),
            ("Spooler", "%OOL%", true),
            ("Spooler", "spool", false),
            ("Spooler", "_pooler", true),
            ("Spooler", "__pooler", false),
            ("", "%", true),
            ("", "_", false),
            ("a%b", "a[%]b", true),
            ("axb", "a[%]b", false),
            ("a_b", "a[_]b", true),
            ("b", "[a-c]", true),
            ("B", "[a-c]", true),
            ("d", "[a-c]", false),
            ("d", "[^a-c]", true),
            ("-", "[a-]", true),
            ("b", "[a=c]", true),
            ("]", "[]]", true),
            ("[", "[[]", true),
            ("[a", "[a", true),
            ("aXbXc", "a%b%c", true),
            ("aXbX", "a%b%c", false),
            ("ÄÖ", "äö", true),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn escaped_text_matches_itself_alone() {
        let text = "100%_[a]";
        assert!(like(text, &escape_like(text)));
        assert!(!like("100xy[a]", &escape_like(text)));
    }

    #[test]
    fn work_is_bounded() {
        let pattern = LikePattern::new(&"%a".repeat(200));
        let mut work = 1_000;
        assert_eq!(pattern.matches(&"a".repeat(199).repeat(20), &mut work), None);
        assert_eq!(LikePattern::new("%%%%%b").matches(&"a".repeat(100), &mut 1_000), Some(false));
    }
}
