//! Text measured in columns of the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Which side of its column a text stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alignment {
    Left,
    Right,
}

/// Columns that a text takes; characters of East Asian scripts take two.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text up to its first line break, with an ellipsis where that cuts it.
pub(crate) fn first_line(text: &str) -> String {
    match text.split_once(['\r', '\n']) {
        Some((line, _)) => format!("{line}…"),
        None => text.to_owned(),
    }
}

/// The text cut to `columns`, one of which becomes an ellipsis where there are more: the last one, or the first one
/// of a text that stands to the right.
pub(crate) fn cut(text: &str, columns: usize, alignment: Alignment) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    match (columns, alignment) {
        (0 | 1, _) => take(text, columns).0.to_owned(),
        (_, Alignment::Left) => format!("{}…", take(text, columns - 1).0),
        (_, Alignment::Right) => format!("…{}", tail(text, columns - 1)),
    }
}

/// The text filled with blanks to `columns`.
pub(crate) fn pad(text: &str, columns: usize, alignment: Alignment) -> String {
    let blanks = " ".repeat(columns.saturating_sub(width(text)));
    match alignment {
        Alignment::Left => format!("{text}{blanks}"),
        Alignment::Right => format!("{blanks}{text}"),
    }
}

/// The text in lines of at most `columns`, broken at blanks where there are any.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for source in text.replace("\r\n", "\n").split(['\n', '\r']) {
        let mut line = String::new();
        let mut taken = 0;
        for word in source.split_inclusive(' ') {
            let mut word = word;
            while taken + width(word.trim_end_matches(' ')) > columns {
                if taken > 0 {
                    lines.push(std::mem::take(&mut line));
                    taken = 0;
                    continue;
                }
                let (head, rest) = take(word, columns);
                lines.push(head.to_owned());
                word = rest;
            }
            line.push_str(word);
            taken += width(word);
        }
        lines.push(line.trim_end_matches(' ').to_owned());
    }
    lines
}

/// The longest end of at most `columns`.
fn tail(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let fits = text.char_indices().rev().take_while(|(_, character)| {
        taken += character.width().unwrap_or_default();
        taken <= columns
    });
    let start = fits.last().map_or(text.len(), |(index, _)| index);
    text.get(start..).unwrap_or_default()
}

/// The longest start of at most `columns`, but at least one character, and the rest.
fn take(text: &str, columns: usize) -> (&str, &str) {
    let mut taken = 0;
    for (index, character) in text.char_indices() {
        taken += character.width().unwrap_or_default();
        if taken > columns && index > 0 {
            return text.split_at(index);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width("値1"), 3);
        assert_eq!(cut("値値値", 4, Alignment::Left), "値…");
        assert_eq!(cut("値値値", 4, Alignment::Right), "…値");
        assert_eq!(pad("値", 4, Alignment::Right), "  値");
    }

    #[test]
    fn what_is_too_long_is_cut_where_it_matters_least() {
        for (columns, left, right) in
            [(6, "123456", "123456"), (5, "1234…", "…3456"), (2, "1…", "…6"), (1, "1", "1")]
        {
            assert_eq!(cut("123456", columns, Alignment::Left), left);
            assert_eq!(cut("123456", columns, Alignment::Right), right);
        }
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\nb", 4), ["a", "b"]);
    }
}
