//! The escapes of CLIXML strings, `_xHHHH_` ([MS-PSRP] 2.2.5.3.2), on top of those of XML.

use crate::run::{self, Classes, PLAIN};
use crate::string::{PsString, Units};

/// Where a string is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Text,
    Attribute,
}

/// Stands for itself, except that an underscore before an `x` does not.
const UNDERSCORE: u8 = 1;
/// Becomes a named entity.
const MARKUP: u8 = 2;
/// May start a character that is written as an escape.
const WIDE: u8 = 3;
const CONTROL: u8 = 4;
/// Becomes a named entity in attributes.
const QUOTE: u8 = 5;

const CLASSES: Classes = {
    let mut classes = [PLAIN; 256];
    let (controls, rest) = classes.split_at_mut(0x20);
    fill(controls, CONTROL);
    set(rest, b'_' - 0x20, UNDERSCORE);
    set(rest, b'&' - 0x20, MARKUP);
    set(rest, b'<' - 0x20, MARKUP);
    set(rest, b'>' - 0x20, MARKUP);
    set(rest, b'"' - 0x20, QUOTE);
    set(rest, 0x7f - 0x20, CONTROL);
    // U+0080 to U+009F start with C2; U+FFFE and U+FFFF with EF; surrogate pairs with F0 to F4.
    set(rest, 0xc2 - 0x20, WIDE);
    set(rest, 0xef - 0x20, WIDE);
    let (_, astral) = classes.split_at_mut(0xf0);
    fill(astral, WIDE);
    classes
};

const fn fill(mut part: &mut [u8], class: u8) {
    while let Some((first, rest)) = part.split_first_mut() {
        *first = class;
        part = rest;
    }
}

const fn set(part: &mut [u8], at: u8, class: u8) {
    let mut at = at;
    let mut part = part;
    while let Some((first, rest)) = part.split_first_mut() {
        if at == 0 {
            *first = class;
            return;
        }
        at -= 1;
        part = rest;
    }
}

/// The text as it stands in an element: what XML and CLIXML give a meaning is escaped ([MS-PSRP] 2.2.5.3.2).
pub fn escape_text(text: &str) -> String {
    // A code unit becomes seven bytes at most: the text is never moved, which would leave a copy of it behind.
    let mut out = String::with_capacity(text.len().saturating_mul(7));
    push_str(&mut out, text, Place::Text);
    out
}

/// Appends a string in its escaped form.
pub(crate) fn push_escaped(out: &mut String, text: &PsString, place: Place) {
    match text.exact() {
        // Names are short, and nearly all of them plain.
        Some(text) if run::all_plain(text.as_bytes(), &CLASSES, may_be_special) => out.push_str(text),
        Some(text) => push_str(out, text, place),
        None => push_units(out, text, place),
    }
}

/// Whether a byte may not stand for itself: all that is not of ASCII may not. `<` and `>` differ in one bit, as
/// do `"` and `&`, `_` and delete, so that one comparison does for both.
fn may_be_special(byte: u8) -> bool {
    (byte.cast_signed() < 0x20) | (byte | 2 == b'>') | (byte | 4 == b'&') | (byte | 0x20 == 0x7f)
}

#[cold]
fn push_str(out: &mut String, text: &str, place: Place) {
    let mut rest = text;
    loop {
        let run = plain_run(rest.as_bytes());
        let (plain, special) = rest.split_at_checked(run).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = special.chars();
        let Some(character) = characters.next() else { return };
        rest = characters.as_str();
        push_char(out, character, rest.starts_with(['x', 'X']), place);
    }
}

/// How many bytes from the start stand for themselves.
fn plain_run(bytes: &[u8]) -> usize {
    run::plain_run(bytes, &CLASSES, |byte| {
        (byte < 0x20)
            | (byte == 0x7f)
            | (byte == 0xc2)
            | (byte >= 0xef)
            | (byte == b'_')
            | (byte == b'&')
            | (byte == b'<')
            | (byte == b'>')
            | (byte == b'"')
    })
}

fn push_char(out: &mut String, character: char, before_x: bool, place: Place) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' if place == Place::Attribute => out.push_str("&quot;"),
        '_' if before_x => out.push_str("_x005F_"),
        '\u{fffe}' => out.push_str("&#xFFFE;"),
        '\u{ffff}' => out.push_str("&#xFFFF;"),
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{10000}'.. => {
            character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| push_unit(out, *unit));
        }
        _ => out.push(character),
    }
}

#[cold]
fn push_units(out: &mut String, text: &PsString, place: Place) {
    let units: Vec<u16> = text.units().collect();
    let mut decoded = char::decode_utf16(units.iter().copied()).peekable();
    while let Some(next) = decoded.next() {
        let before_x = matches!(decoded.peek(), Some(Ok('x' | 'X')));
        match next {
            Ok(character) => push_char(out, character, before_x, place),
            Err(lone) => push_unit(out, lone.unpaired_surrogate()),
        }
    }
}

/// Appends a string with the escapes of XML alone, in an attribute or as text.
pub(crate) fn push_verbatim(out: &mut String, text: &PsString) {
    let units: Vec<u16> = text.units().collect();
    for next in char::decode_utf16(units) {
        match next {
            Ok(character @ ('&' | '<' | '>' | '"')) => push_char(out, character, false, Place::Attribute),
            Ok(character @ ('\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')) => {
                push_reference(out, u32::from(character));
            }
            Ok(character) => out.push(character),
            Err(lone) => push_reference(out, u32::from(lone.unpaired_surrogate())),
        }
    }
}

fn push_reference(out: &mut String, code: u32) {
    out.push_str(&format!("&#x{code:X};"));
}

fn push_unit(out: &mut String, unit: u16) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push_str("_x");
    for shift in [12, 8, 4, 0] {
        let digit = usize::from((unit >> shift) & 0xf);
        out.push(DIGITS.get(digit).copied().unwrap_or('0'));
    }
    out.push('_');
}

/// Replaces the escapes in a text. It allocates nothing where there are none.
pub(crate) fn unescape(text: &str) -> PsString {
    let mut found = next_escape(text, 0);
    if found.is_none() {
        return PsString::new(text);
    }
    let mut units = Units::with_capacity(text.len());
    let mut copied = 0;
    while let Some(escape) = found {
        units.push_str(text.get(copied..escape.at).unwrap_or_default());
        copied = if push_value(&mut units, escape.value) { escape.end } else { copied };
        found = next_escape(text, escape.end);
    }
    if copied == 0 {
        return PsString::new(text);
    }
    units.push_str(text.get(copied..).unwrap_or_default());
    units.finish()
}

/// The same for a text with lone surrogates.
pub(crate) fn unescape_units(text: &[u16]) -> PsString {
    let mut units = Units::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    let push = |units: &mut Units, part: Option<&[u16]>| {
        part.unwrap_or_default().iter().for_each(|unit| units.push_unit(*unit));
    };
    while at < text.len() {
        let unit = |index: usize| text.get(at + index).copied().unwrap_or(0);
        let Some((length, value)) = match_escape(unit) else {
            at += 1;
            continue;
        };
        push(&mut units, text.get(copied..at));
        at += length;
        copied = if push_value(&mut units, value) { at } else { copied };
    }
    if copied == 0 {
        return PsString::from_utf16(text);
    }
    push(&mut units, text.get(copied..));
    units.finish()
}

struct Escape {
    at: usize,
    end: usize,
    value: u32,
}

fn next_escape(text: &str, from: usize) -> Option<Escape> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at += memchr::memchr(b'_', bytes.get(at..)?)?;
        let unit = |index: usize| bytes.get(at + index).copied().map_or(0, u16::from);
        if let Some((length, value)) = match_escape(unit) {
            return Some(Escape { at, end: at + length, value });
        }
        at += 1;
    }
}

/// Matches `_xHHHH_` or `_xHHHHHHHH_` and gives its length and value.
fn match_escape(unit: impl Fn(usize) -> u16) -> Option<(usize, u32)> {
    const UNDERSCORE: u16 = 0x5f;
    if unit(0) != UNDERSCORE || !matches!(unit(1), 0x58 | 0x78) {
        return None;
    }
    let digits = |from: usize, to: usize| {
        (from..to).try_fold(0_u32, |value, index| {
            let digit = char::from_u32(u32::from(unit(index)))?.to_digit(16)?;
            Some((value << 4) | digit)
        })
    };
    let short = digits(2, 6)?;
    if unit(6) == UNDERSCORE {
        return Some((7, short));
    }
    let long = digits(2, 10)?;
    (unit(10) == UNDERSCORE).then_some((11, long))
}

/// Appends what an escape stands for; says whether it stands for anything. .NET takes eight digits
/// for a signed number, so that the upper half of them means its last four digits; what is beyond
/// Unicode stands for nothing, and .NET then repeats the text since the last escape.
fn push_value(units: &mut Units, value: u32) -> bool {
    let [low, high, ..] = value.to_le_bytes();
    match char::from_u32(value) {
        Some(character) if value > 0xffff => units.push_char(character),
        None if (0x0011_0000..0x8000_0000).contains(&value) => return false,
        _ => units.push_unit(u16::from_le_bytes([low, high])),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        push_escaped(&mut out, &PsString::new(text), Place::Text);
        out
    }

    #[test]
    fn what_must_be_escaped_is() {
        assert_eq!(escaped("a\tb\r\n"), "a_x0009_b_x000D__x000A_");
        assert_eq!(escaped("___ _x005F_ _X"), "___ _x005F_x005F_ _x005F_X");
        assert_eq!(escaped("<&>\"'"), "&lt;&amp;&gt;\"'");
        assert_eq!(escaped("\u{7f}\u{80}\u{9f}\u{a0}é"), "_x007F__x0080__x009F_\u{a0}é");
        assert_eq!(escaped("\u{1f600}\u{ffff}"), "_xD83D__xDE00_&#xFFFF;");
        assert_eq!(escaped("0123456789abcdefghij_xyz"), "0123456789abcdefghij_x005F_xyz");
    }

    #[test]
    fn what_must_be_escaped_is_found_at_any_place() {
        for special in ["<", ">", "&", "_x", "\t", "\u{1f}", "\u{7f}", "\u{9f}", "\u{1f600}", "\u{ffff}"] {
            for (before, after) in (0..36).flat_map(|before| (0..36).map(move |after| (before, after))) {
                let around = |inner: &str| format!("{}{inner}{}", "a".repeat(before), "a".repeat(after));
                assert_eq!(escaped(&around(special)), around(&escaped(special)));
            }
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["_", "__", "_x", "_x_", "_x0041", "x0041_", "_x004G_", "_x00041_"] {
            assert_eq!(unescape(text), text);
        }
        assert_eq!(unescape("_x0041_x0042_"), "Ax0042_");
        assert_eq!(unescape("__X00e9__x0001F600_"), "_é\u{1f600}");
    }

    #[test]
    fn eight_digits_beyond_unicode_do_what_dotnet_does() {
        assert_eq!(unescape("a_x00110000_"), "a_x00110000_");
        assert_eq!(unescape("a_x0041_b_x00110000_"), "aAbb_x00110000_");
        assert_eq!(unescape("_xFFFF0041_"), "A");
    }

    #[test]
    fn surrogates_join_or_stay_alone() {
        assert_eq!(unescape("_xD83D__xDE00_"), "\u{1f600}");
        let lone = unescape("a_xDE00__xD83D_b");
        assert_eq!(lone.units().collect::<Vec<_>>(), [0x61, 0xde00, 0xd83d, 0x62]);
        let mut out = String::new();
        push_escaped(&mut out, &lone, Place::Text);
        assert_eq!(out, "a_xDE00__xD83D_b");
    }
}
