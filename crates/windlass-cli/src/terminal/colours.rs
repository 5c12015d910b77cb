//! Colours of the console, and text from remote computers made safe to show.

use windlass_psrp::ConsoleColor;
use windlass_psrp::host::is_steering;

const RESET: &str = "\u{1b}[0m";

/// Text in the colours that a script chose.
pub(crate) fn coloured(text: &str, foreground: ConsoleColor, background: ConsoleColor) -> String {
    let codes = [code(foreground, 0), code(background, 10)].into_iter().flatten();
    let codes: Vec<String> = codes.map(|code| code.to_string()).collect();
    if codes.is_empty() { text.to_owned() } else { format!("\u{1b}[{}m{text}{RESET}", codes.join(";")) }
}

/// The number of a colour in the terminal's own palette.
fn code(color: ConsoleColor, offset: u8) -> Option<u8> {
    let code: u8 = match color {
        ConsoleColor::Unset => return None,
        ConsoleColor::Black => 30,
        ConsoleColor::DarkRed => 31,
        ConsoleColor::DarkGreen => 32,
        ConsoleColor::DarkYellow => 33,
        ConsoleColor::DarkBlue => 34,
        ConsoleColor::DarkMagenta => 35,
        ConsoleColor::DarkCyan => 36,
        ConsoleColor::Gray => 37,
        ConsoleColor::DarkGray => 90,
        ConsoleColor::Red => 91,
        ConsoleColor::Green => 92,
        ConsoleColor::Yellow => 93,
        ConsoleColor::Blue => 94,
        ConsoleColor::Magenta => 95,
        ConsoleColor::Cyan => 96,
        ConsoleColor::White => 97,
    };
    Some(code.saturating_add(offset))
}

/// Text from a remote computer: of its escape sequences only colours are left, and none where colours are
/// off; other control characters become visible.
pub(crate) fn legible(text: &str, with_colours: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut is_coloured = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = colour_sequence(rest) {
            if with_colours {
                shown.push_str(rest.get(..length).unwrap_or_default());
                is_coloured = true;
            }
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if rest.starts_with('\n') => {}
            character if steers(character) => shown.push(char::REPLACEMENT_CHARACTER),
            character => shown.push(character),
        }
    }
    if is_coloured {
        shown.push_str(RESET);
    }
    shown
}

/// Whether a character changes more than its own place on the screen: also line ends and tabs do.
pub(crate) fn steers(character: char) -> bool {
    character.is_control() || is_steering(character)
}

/// Makes the output of a program legible that comes in pieces: colours pass, and what moves within the line, as
/// programs do that show progress; nothing else steers the terminal.
#[derive(Debug, Default)]
pub(crate) struct Washer {
    decoder: windlass::TextDecoder,
    /// The beginning of what may become a colour.
    held: String,
}

impl Washer {
    /// What of a piece can be shown now.
    pub(crate) fn push(&mut self, piece: &[u8]) -> String {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(&self.decoder.push(piece));
        let end = begun_colour(&text).unwrap_or(text.len());
        self.held = text.split_off(end);
        washed(&text)
    }

    /// What is left when nothing more comes.
    pub(crate) fn finish(mut self) -> String {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(&self.decoder.finish());
        washed(&text)
    }
}

fn washed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = colour_sequence(rest).unwrap_or_default();
        let (whole, after) = rest.split_at_checked(length.max(character.len_utf8())).unwrap_or((rest, ""));
        match character {
            _ if length > 0 => shown.push_str(whole),
            '\n' | '\t' | '\r' | '\u{8}' => shown.push(character),
            character if steers(character) => shown.push(char::REPLACEMENT_CHARACTER),
            character => shown.push(character),
        }
        rest = after;
    }
    shown
}

/// Where a sequence that sets colours begins whose end has not come. One that does not end soon is none.
fn begun_colour(text: &str) -> Option<usize> {
    const LONGEST: usize = 32;
    let start = text.rfind('\u{1b}').filter(|start| text.len() - start < LONGEST)?;
    let after = text.get(start + 1..)?;
    let may_go_on = match after.strip_prefix('[') {
        Some(numbers) => numbers.chars().all(|character| character.is_ascii_digit() || character == ';'),
        None => after.is_empty(),
    };
    may_go_on.then_some(start)
}

/// The length of the sequence that sets colours at the start of a text: `ESC [`, numbers, `m`.
fn colour_sequence(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    numbers.get(end..)?.starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_and_nothing_else_steers() {
        for (text, with, without) in [
            ("plain", "plain", "plain"),
            ("\u{1b}[31;1mred\u{1b}[0m", "\u{1b}[31;1mred\u{1b}[0m\u{1b}[0m", "red"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb", "a\u{fffd}[2Jb"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}[31", "\u{fffd}[31", "\u{fffd}[31"),
            ("gpj.\u{202e}exe", "gpj.\u{fffd}exe", "gpj.\u{fffd}exe"),
            ("a\r\nb\rc", "a\nb\u{fffd}c", "a\nb\u{fffd}c"),
        ] {
            assert_eq!((legible(text, true).as_str(), legible(text, false).as_str()), (with, without));
        }
    }

    #[test]
    fn pieces_of_any_length_are_washed_alike() {
        let bytes =
            "gr\u{fc}n \u{1b}[32mok\u{1b}[0m 5%\r9%\u{8}\n\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{1b}"
                .as_bytes();
        let clean = "gr\u{fc}n \u{1b}[32mok\u{1b}[0m 5%\r9%\u{8}\n\u{fffd}]0;title\u{fffd}\u{fffd}[2J\u{fffd}31m\u{fffd}";
        for length in 1..=bytes.len() {
            let mut washer = Washer::default();
            let mut text: String = bytes.chunks(length).map(|piece| washer.push(piece)).collect();
            text.push_str(&washer.finish());
            assert_eq!(text, clean, "by {length}");
        }
    }

    #[test]
    fn colours_of_a_script() {
        assert_eq!(coloured("x", ConsoleColor::Green, ConsoleColor::Unset), "\u{1b}[92mx\u{1b}[0m");
        assert_eq!(coloured("x", ConsoleColor::White, ConsoleColor::DarkBlue), "\u{1b}[97;44mx\u{1b}[0m");
        assert_eq!(coloured("x", ConsoleColor::Unset, ConsoleColor::Unset), "x");
    }
}
