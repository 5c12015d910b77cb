//! Integers as .NET reads them.

/// Removes the white space that `NumberStyles` allows, and the NUL characters it forgives at the
/// end.
pub(crate) fn trim(text: &str) -> &str {
    let white = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' '];
    text.trim_end_matches('\0').trim_matches(white)
}

/// A signed integer; white space around it and a plus sign are accepted.
pub(crate) fn parse_i64(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(number) => Some(number),
        Err(_) => trim(text).parse().ok(),
    }
}

/// An unsigned integer; white space around it is accepted, a sign is not.
pub(crate) fn parse_u64(text: &str) -> Option<u64> {
    let text = trim(text);
    if text.starts_with('+') { None } else { text.parse().ok() }
}
