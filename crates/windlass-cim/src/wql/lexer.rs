//! The tokens of WQL.

use crate::error::Error;
use crate::name::{is_name_char, is_name_start};
use crate::scan::Scanner;
use crate::text::parse_integer;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A quoted string, its escapes resolved.
    Text(String),
    /// An integer.
    Integer(i128),
    /// A number with a fraction or exponent, as written.
    Real(&'a str),
    /// A comparison operator other than a word.
    Operator(&'a str),
    /// Any other sign.
    Sign(char),
    /// The end of the query.
    End,
}

/// Cuts a query into tokens.
pub(super) struct Lexer<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { scanner: Scanner::new(text) }
    }

    /// The next token and its offset.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), Error> {
        self.scanner.take_while(char::is_whitespace);
        let start = self.scanner.at();
        let token = match self.scanner.peek() {
            (None, _) => Token::End,
            (Some('\'' | '"'), _) => Token::Text(self.string()?),
            (Some('0'..='9'), _) | (Some('+' | '-' | '.'), Some('0'..='9' | '.')) => self.number()?,
            (Some('<'), Some('=' | '>')) | (Some('>' | '!'), Some('=')) => {
                Token::Operator(self.scanner.take(2))
            }
            (Some('<' | '>' | '='), _) => Token::Operator(self.scanner.take(1)),
            (Some(c), _) if is_name_start(c) => Token::Word(self.scanner.take_while(is_name_char)),
            (Some(c @ ('*' | ',' | '.' | '(' | ')' | '{' | '}')), _) => {
                self.scanner.take(1);
                Token::Sign(c)
            }
            _ => return Err(Error::query(start, "a character that has no meaning here")),
        };
        Ok((token, start))
    }

    /// What stands up to the closing brace, quoted strings passed over; the brace is taken.
    pub(super) fn braced(&mut self) -> Result<(&'a str, usize), Error> {
        let start = self.scanner.at();
        loop {
            self.scanner.take_while(|c| !matches!(c, '}' | '"' | '\''));
            match self.scanner.rest().chars().next() {
                Some('}') => {
                    let inner = self.scanner.since(start);
                    self.scanner.take(1);
                    return Ok((inner, start));
                }
                Some(_) => {
                    self.string()?;
                }
                None => return Err(Error::query(self.scanner.text().len(), "expected }")),
            }
        }
    }

    /// A string in single or double quotes. A backslash takes the special meaning from a quote or
    /// backslash and stands for itself elsewhere.
    fn string(&mut self) -> Result<String, Error> {
        let start = self.scanner.at();
        let quote = self.scanner.take(1).chars().next().unwrap_or('\'');
        let mut value = String::new();
        loop {
            value.push_str(self.scanner.take_while(|c| c != quote && c != '\\'));
            match self.scanner.peek() {
                (Some('\\'), Some(c @ ('\\' | '\'' | '"'))) => {
                    self.scanner.take(2);
                    value.push(c);
                }
                (Some('\\'), _) => value.push_str(self.scanner.take(1)),
                (Some(_), _) => {
                    self.scanner.take(1);
                    return Ok(value);
                }
                (None, _) => return Err(Error::query(start, "a string without its closing quote")),
            }
        }
    }

    fn number(&mut self) -> Result<Token<'a>, Error> {
        let start = self.scanner.at();
        let text = self.scanner.take_number();
        if let Some(n) = parse_integer(text) {
            return Ok(Token::Integer(n));
        }
        let is_real = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        match text.parse::<f64>() {
            Ok(real) if is_real && real.is_finite() => Ok(Token::Real(text)),
            _ => Err(Error::query(start, "a number that cannot be read")),
        }
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
            tokens(r#"a <=-5 0x1F 1.5 -2e+3 .5 "x\"\\\y" 'it''s'!=<>=({*,.})"#),
            [
                Token::Word("a"),
                Token::Operator("<="),
                Token::Integer(-5),
                Token::Integer(31),
                Token::Real("1.5"),
                Token::Real("-2e+3"),
                Token::Real(".5"),
                Token::Text(r#"x"\\y"#.into()),
                Token::Text("it".into()),
                Token::Text("s".into()),
                Token::Operator("!="),
                Token::Operator("<>"),
                Token::Operator("="),
                Token::Sign('('),
                Token::Sign('{'),
                Token::Sign('*'),
                Token::Sign(','),
                Token::Sign('.'),
                Token::Sign('}'),
                Token::Sign(')'),
            ]
        );
    }

    #[test]
    fn bad_text_says_where() {
        for (text, at) in [(" 'abc", 1), ("1x", 0), (" 1..2", 1), ("a ; b", 2), ("1e999", 0)] {
            let mut lexer = Lexer::new(text);
            let error = loop {
                match lexer.next() {
                    Ok((Token::End, _)) => panic!("{text}"),
                    Ok(_) => {}
                    Err(error) => break error,
                }
            };
            assert!(error.to_string().contains(&format!("position {at}:")), "{text}: {error}");
        }
    }
}
