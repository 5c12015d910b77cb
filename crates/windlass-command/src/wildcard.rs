//! PowerShell's wildcard patterns: `*`, `?`, `[a-z]`, and a backtick before what is meant literally.
//!
//! As in PowerShell a pattern works on UTF-16 units: `?` matches half of a character outside the
//! basic plane.

/// The longest pattern, in UTF-16 units.
const MAX_PATTERN: usize = 4096;

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WildcardError {
    /// A `[` without its `]`.
    #[error("the bracket at offset {offset} is not closed")]
    Unclosed {
        /// Where the bracket stands, in UTF-16 units.
        offset: usize,
    },
    /// A range from a greater to a lesser character.
    #[error("the range in the bracket at offset {offset} runs backwards")]
    Backwards {
        /// Where the bracket stands, in UTF-16 units.
        offset: usize,
    },
    /// A pattern that is too long.
    #[error("pattern longer than {MAX_PATTERN} characters")]
    TooLong,
}

/// A pattern that ignores case unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    elements: Vec<Element>,
    case_sensitive: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    Literal(u16),
    Any,
    Many,
    /// Ranges, both ends included.
    Set(Vec<(u16, u16)>),
}

impl Pattern {
    /// A pattern that ignores case.
    ///
    /// # Errors
    ///
    /// Where a bracket is not closed or holds a range that runs backwards, and where the pattern is
    /// longer than 4096 characters.
    pub fn new(text: &str) -> Result<Self, WildcardError> {
        Self::parse(text, false)
    }

    /// A pattern for which case counts.
    ///
    /// # Errors
    ///
    /// As [`Pattern::new`].
    pub fn case_sensitive(text: &str) -> Result<Self, WildcardError> {
        Self::parse(text, true)
    }

    fn parse(text: &str, case_sensitive: bool) -> Result<Self, WildcardError> {
        let normalize = |unit| if case_sensitive { unit } else { lower(unit) };
        let units: Vec<u16> = text.encode_utf16().take(MAX_PATTERN + 1).collect();
        if units.len() > MAX_PATTERN {
            return Err(WildcardError::TooLong);
        }
        let mut elements = Vec::new();
        let mut rest = units.iter().copied().enumerate();
        while let Some((offset, unit)) = rest.next() {
            match char::from_u32(u32::from(unit)) {
                Some('*') if elements.last() == Some(&Element::Many) => {}
                Some('*') => elements.push(Element::Many),
                Some('?') => elements.push(Element::Any),
                Some('[') => elements.push(Element::Set(set(&mut rest, offset)?)),
                Some('`') => match rest.next() {
                    Some((_, escaped)) => elements.push(Element::Literal(normalize(escaped))),
                    // At the end a backtick stands for itself; alone it is an empty pattern.
                    None if units.len() > 1 => elements.push(Element::Literal(unit)),
                    None => {}
                },
                _ => elements.push(Element::Literal(normalize(unit))),
            }
        }
        Ok(Self { elements, case_sensitive })
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let units: Vec<u16> =
            text.encode_utf16().map(|unit| if self.case_sensitive { unit } else { lower(unit) }).collect();
        let (mut at, mut element) = (0, 0);
        // Where the last `*` stands and how much of the text it has taken.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match (self.elements.get(element), units.get(at)) {
                (Some(Element::Many), _) => {
                    star = Some((element, at));
                    element += 1;
                    continue;
                }
                (Some(wanted), Some(unit)) if self.accepts(wanted, *unit) => {
                    at += 1;
                    element += 1;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            match star {
                Some((star_element, taken)) if taken < units.len() => {
                    star = Some((star_element, taken + 1));
                    at = taken + 1;
                    element = star_element + 1;
                }
                _ => return false,
            }
        }
    }

    fn accepts(&self, element: &Element, unit: u16) -> bool {
        match element {
            Element::Literal(wanted) => *wanted == unit,
            Element::Any => true,
            Element::Many => false,
            Element::Set(ranges) => {
                let within = |unit: u16| ranges.iter().any(|(low, high)| (*low..=*high).contains(&unit));
                within(unit) || (!self.case_sensitive && within(upper(unit)))
            }
        }
    }

    /// The text that the pattern stands for, where it matches nothing else (case aside).
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let units: Option<Vec<u16>> = self
            .elements
            .iter()
            .map(|element| match element {
                Element::Literal(unit) => Some(*unit),
                _ => None,
            })
            .collect();
        String::from_utf16(&units?).ok()
    }
}

/// The rest of a bracket expression after its `[`. A `]` right behind that stands for itself.
fn set(
    rest: &mut impl Iterator<Item = (usize, u16)>,
    offset: usize,
) -> Result<Vec<(u16, u16)>, WildcardError> {
    let (close, dash, tick) = (u16::from(b']'), u16::from(b'-'), u16::from(b'`'));
    // Each with whether it is a dash that makes a range.
    let mut members: Vec<(u16, bool)> = Vec::new();
    let mut escaped = false;
    let mut first = true;
    loop {
        let (_, unit) = rest.next().ok_or(WildcardError::Unclosed { offset })?;
        if unit == close && !first && !escaped {
            break;
        }
        if unit != tick || escaped {
            members.push((unit, unit == dash && !escaped));
        }
        escaped = unit == tick && !escaped;
        first = false;
    }
    let mut ranges = Vec::new();
    let mut members = members.as_slice();
    loop {
        members = match members {
            [(low, _), (_, true), (high, _), rest @ ..] => {
                if low > high {
                    return Err(WildcardError::Backwards { offset });
                }
                ranges.push((*low, *high));
                rest
            }
            [(unit, _), rest @ ..] => {
                ranges.push((*unit, *unit));
                ranges.push((lower(*unit), lower(*unit)));
                rest
            }
            [] => return Ok(ranges),
        };
    }
}

fn lower(unit: u16) -> u16 {
    map_case(unit, |c| single(c.to_lowercase()))
}

fn upper(unit: u16) -> u16 {
    map_case(unit, |c| single(c.to_uppercase()))
}

fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next();
    if mapped.next().is_some() { None } else { first }
}

fn map_case(unit: u16, map: impl Fn(char) -> Option<char>) -> u16 {
    char::from_u32(u32::from(unit))
        .and_then(map)
        .and_then(|c| u16::try_from(u32::from(c)).ok())
        .unwrap_or(unit)
}

/// Whether a text holds wildcards that are not escaped.
#[must_use]
pub fn has_wildcards(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' | ']' => return true,
            '`' => {
                chars.next();
            }
            _ => {}
        }
    }
    false
}

/// The pattern that matches just this text.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '`') {
            out.push('`');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_sets_and_case() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).is_ok_and(|p| p.matches(text));
        assert!(matches("??", "\u{1f600}"));
        assert!(matches("[A-C]*", "beta"));
        assert!(matches("[x-]", "-"));
        assert!(matches("a*b*c", "aXXbYbZc"));
        assert!(!matches("a*b*c", "aXXbYbZ"));
        assert!(Pattern::case_sensitive("[A-C]").is_ok_and(|p| !p.matches("b")));
        assert_eq!(Pattern::new("a[b"), Err(WildcardError::Unclosed { offset: 1 }));
        assert_eq!(Pattern::new("[z-a]"), Err(WildcardError::Backwards { offset: 0 }));
        assert_eq!(Pattern::new("a`*b").ok().and_then(|p| p.literal()).as_deref(), Some("a*b"));
    }

    #[test]
    fn many_stars_take_no_more_than_text_times_pattern() {
        let pattern = Pattern::new(&"*a".repeat(2000)).unwrap();
        assert!(!pattern.matches(&"a".repeat(1999)));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(20_000))));
    }

    proptest! {
        #[test]
        fn an_escaped_text_matches_itself(text in ".{0,40}") {
            let pattern = Pattern::case_sensitive(&escape(&text)).unwrap();
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.literal(), Some(text.clone()));
            prop_assert!(!has_wildcards(&escape(&text)));
        }

        #[test]
        fn a_star_on_either_side_finds_the_text(text in "[^`]{0,20}", before in ".{0,5}", after in ".{0,5}") {
            let pattern = format!("*{}*", escape(&text));
            let whole = format!("{before}{text}{after}");
            prop_assert!(Pattern::new(&pattern).unwrap().matches(&whole));
        }
    }
}
