//! The tokens of MOF.

use crate::error::Error;
use crate::name::{is_name_char, is_name_start};
use crate::scan::Scanner;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword or name.
    Word(&'a str),
    /// A string, its escapes resolved.
    Text(String),
    /// A character.
    Char(u16),
    /// A number as written.
    Number(&'a str),
    /// An alias, without its dollar sign.
    Alias(&'a str),
    /// Any sign, `#` included.
    Sign(char),
    /// The end of the text.
    End,
}

/// Cuts a text into tokens; blanks and comments are passed over.
pub(super) struct Lexer<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { scanner: Scanner::new(text) }
    }

    /// The error for a place in the text.
    pub(super) fn error(&self, offset: usize, reason: impl Into<String>) -> Error {
        let before = self.scanner.text().get(..offset).unwrap_or(self.scanner.text());
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Error::Mof { line, column, reason: reason.into() }
    }

    /// The next token and its offset.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), Error> {
        self.skip_blanks()?;
        let start = self.scanner.at();
        let token = match self.scanner.peek() {
            (None, _) => Token::End,
            (Some('"'), _) => Token::Text(self.string()?),
            (Some('\''), _) => Token::Char(self.character()?),
            (Some('0'..='9'), _) | (Some('+' | '-' | '.'), Some('0'..='9' | '.')) => {
                Token::Number(self.scanner.take_number())
            }
            (Some('$'), Some(c)) if is_name_start(c) => {
                self.scanner.take(1);
                Token::Alias(self.scanner.take_while(is_name_char))
            }
            (Some(c), _) if is_name_start(c) => Token::Word(self.scanner.take_while(is_name_char)),
            (Some(c), _) if "[]{}(),;:=#".contains(c) => {
                self.scanner.take(1);
                Token::Sign(c)
            }
            _ => return Err(self.error(start, "a character that has no meaning here")),
        };
        Ok((token, start))
    }

    fn skip_blanks(&mut self) -> Result<(), Error> {
        loop {
            self.scanner.take_while(|c| c.is_whitespace() || c == '\u{feff}');
            if self.scanner.rest().starts_with("//") {
                self.scanner.take_while(|c| c != '\n');
            } else if self.scanner.rest().starts_with("/*") {
                let start = self.scanner.at();
                let length = self
                    .scanner
                    .rest()
                    .find("*/")
                    .ok_or_else(|| self.error(start, "a comment without end"))?;
                self.scanner.take(length + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let start = self.scanner.at();
        self.scanner.take(1);
        let mut value = String::new();
        // Half of a surrogate pair that an escape gave.
        let mut high: Option<u16> = None;
        loop {
            let plain = self.scanner.take_while(|c| c != '"' && c != '\\');
            if !plain.is_empty() {
                flush(&mut value, &mut high);
                value.push_str(plain);
            }
            if self.scanner.rest().starts_with('"') {
                self.scanner.take(1);
                flush(&mut value, &mut high);
                return Ok(value);
            }
            if self.scanner.rest().is_empty() {
                return Err(self.error(start, "a string without its closing quote"));
            }
            let unit = self.escape()?;
            match (high.take(), char::decode_utf16([unit]).next()) {
                (Some(first), _) if (0xdc00..0xe000).contains(&unit) => {
                    value.extend(char::decode_utf16([first, unit]).map(|c| c.unwrap_or('\u{fffd}')));
                }
                (pending, decoded) => {
                    high = pending;
                    flush(&mut value, &mut high);
                    match decoded {
                        Some(Ok(c)) => value.push(c),
                        _ => high = Some(unit),
                    }
                }
            }
        }
    }

    /// The code unit that an escape stands for.
    fn escape(&mut self) -> Result<u16, Error> {
        let start = self.scanner.at();
        self.scanner.take(1);
        let c = self.scanner.rest().chars().next().unwrap_or('\0');
        let unit = match c {
            'b' => 8,
            't' => 9,
            'n' => 10,
            'f' => 12,
            'r' => 13,
            '"' | '\'' | '\\' => u16::from(u8::try_from(c).unwrap_or(0)),
            'x' | 'X' => {
                self.scanner.take(1);
                let digits = self.scanner.take_while(|c| c.is_ascii_hexdigit());
                let digits = digits.get(..4).unwrap_or(digits);
                self.scanner.back_to(start + 2 + digits.len());
                return u16::from_str_radix(digits, 16)
                    .map_err(|_| self.error(start, "an escape without its digits"));
            }
            _ => return Err(self.error(start, "an unknown escape")),
        };
        self.scanner.take(1);
        Ok(unit)
    }

    fn character(&mut self) -> Result<u16, Error> {
        let start = self.scanner.at();
        self.scanner.take(1);
        let unit = if self.scanner.rest().starts_with('\\') {
            self.escape()?
        } else {
            let c = self.scanner.rest().chars().next().unwrap_or('\'');
            self.scanner.take(c.len_utf8());
            let mut units = [0; 2];
            match (c, &*c.encode_utf16(&mut units)) {
                ('\'' | '\n', _) => return Err(self.error(start, "a character between its quotes")),
                (_, [unit]) => *unit,
                _ => return Err(self.error(start, "a character of 16 bits")),
            }
        };
        if self.scanner.take(1) == "'" {
            Ok(unit)
        } else {
            Err(self.error(start, "a character without its closing quote"))
        }
    }
}

/// Replaces half of a pair that stayed alone.
fn flush(value: &mut String, high: &mut Option<u16>) {
    if high.take().is_some() {
        value.push('\u{fffd}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text);
        let mut all = Vec::new();
        loop {
            match lexer.next().unwrap().0 {
                Token::End => return all,
                token => all.push(token),
            }
        }
    }

    #[test]
    fn every_kind() {
        assert_eq!(
            tokens("// c\n/* c */ a \"x\\\"\\x41\\n\" 'b' '\\x0044' -5 0x1F 1.5e-3 101b $A [#"),
            [
                Token::Word("a"),
                Token::Text("x\"A\n".into()),
                Token::Char(98),
                Token::Char(0x44),
                Token::Number("-5"),
                Token::Number("0x1F"),
                Token::Number("1.5e-3"),
                Token::Number("101b"),
                Token::Alias("A"),
                Token::Sign('['),
                Token::Sign('#'),
            ]
        );
        assert_eq!(tokens(r#""\xD83D\xDE00\xD83D!\xDE00""#), [Token::Text("😀\u{fffd}!\u{fffd}".into())]);
    }

    #[test]
    fn errors_name_line_and_column() {
        for (text, place) in [
            ("a\n  \"b", "line 2, column 3"),
            ("\"\\q\"", "line 1, column 2"),
            ("\"\\xg\"", "line 1, column 2"),
            ("''", "line 1, column 1"),
            ("'ab'", "line 1, column 1"),
            ("'😀'", "line 1, column 1"),
            ("/* a", "line 1, column 1"),
            ("ä %", "line 1, column 3"),
        ] {
            let mut lexer = Lexer::new(text);
            let error = loop {
                match lexer.next() {
                    Ok((Token::End, _)) => panic!("{text}"),
                    Ok(_) => {}
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
