//! Strings: literal, expandable, here-strings, and the escapes in them.

use crate::ast::Span;
use crate::chars::{is_double_quote, is_single_quote, is_variable_start, is_whitespace};
use crate::error::{Construct, ParseErrorKind};
use crate::token::{Expandable, Kind, Nested, NestedKind};

use super::{Lexer, Mode, Result};

const MAX_ESCAPE_DIGITS: usize = 6;

impl Lexer<'_> {
    /// The rest of a string after its opening single quote at `start`.
    pub(super) fn single_quoted(&mut self, start: usize) -> Result<String> {
        let mut value = String::new();
        while let Some(c) = self.bump() {
            if is_single_quote(c) {
                // Of two quotes in a row, the second stands for itself.
                match self.peek() {
                    Some(second) if is_single_quote(second) => {
                        self.bump();
                        value.push(second);
                    }
                    _ => return Ok(value),
                }
            } else {
                value.push(c);
            }
        }
        self.error_unless_more("TerminatorExpectedAtEndOfString", Span::new(start, self.at))
    }

    /// The rest of a string after its opening double quote at `start`.
    pub(super) fn double_quoted(&mut self, start: usize) -> Result<Expandable> {
        let mut out = Expandable::default();
        self.double_quoted_into(start, &mut out)?;
        Ok(out)
    }

    pub(super) fn double_quoted_into(&mut self, start: usize, out: &mut Expandable) -> Result<()> {
        while let Some(c) = self.bump() {
            if is_double_quote(c) {
                match self.peek() {
                    Some(second) if is_double_quote(second) => {
                        self.bump();
                        out.value.push(second);
                    }
                    _ => return Ok(()),
                }
            } else if c == '$' {
                self.dollar(out, false)?;
            } else if c == '`' {
                self.backtick(out)?;
            } else {
                out.value.push(c);
            }
        }
        self.error_unless_more("TerminatorExpectedAtEndOfString", Span::new(start, self.at))
    }

    /// What follows a backtick within a string or word; at the end of the text it stands for itself.
    pub(super) fn backtick(&mut self, out: &mut Expandable) -> Result<()> {
        match self.peek() {
            None | Some('\0') => out.value.push('`'),
            Some(_) => out.value.extend(self.escape(self.at - 1)?),
        }
        Ok(())
    }

    /// The character that an escape stands for; the backtick at `start` has been read.
    pub(super) fn escape(&mut self, start: usize) -> Result<Option<char>> {
        let Some(c) = self.bump() else { return Ok(None) };
        Ok(Some(match c {
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'u' => return self.unicode_escape(start).map(Some),
            other => other,
        }))
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char> {
        if !self.take('{') {
            return self.error("InvalidUnicodeEscapeSequence", Span::new(start, self.at));
        }
        let digits_start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_hexdigit())
            && self.at - digits_start <= MAX_ESCAPE_DIGITS
        {
            self.bump();
        }
        let digits = Span::new(digits_start, self.at);
        let here = Span::new(self.at, self.at);
        match digits.end - digits.start {
            n if n > MAX_ESCAPE_DIGITS => return self.error("TooManyDigitsInUnicodeEscapeSequence", here),
            MAX_ESCAPE_DIGITS if self.peek() != Some('}') => {
                return self.error("MissingUnicodeEscapeSequenceTerminator", here);
            }
            0 => return self.error("InvalidUnicodeEscapeSequence", Span::new(start, self.at)),
            _ if self.peek() != Some('}') => return self.error("InvalidUnicodeEscapeSequence", here),
            _ => {}
        }
        self.bump();
        let value = u32::from_str_radix(self.slice(digits), 16).unwrap_or(u32::MAX);
        match char::from_u32(value) {
            Some(c) => Ok(c),
            None if value <= 0xdbff && self.take_escape_start() => {
                // The second half may be written as an escape of its own.
                let second = self.low_surrogate();
                let pair = second.and_then(|low| {
                    char::from_u32(0x10000 + ((value - 0xd800) << 10) + low.checked_sub(0xdc00)?)
                });
                match pair {
                    Some(c) => Ok(c),
                    None => self.lone_surrogate(start),
                }
            }
            None if value <= 0xffff => self.lone_surrogate(start),
            None => self.error("InvalidUnicodeEscapeSequenceValue", digits),
        }
    }

    fn lone_surrogate<T>(&self, start: usize) -> Result<T> {
        self.fail(ParseErrorKind::Outside(Construct::LoneSurrogate), Span::new(start, self.at), false)
    }

    fn take_escape_start(&mut self) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with("`u{"));
        if found {
            self.at += 3;
        }
        found
    }

    /// The digits and brace of an escape for a second half of a pair.
    fn low_surrogate(&mut self) -> Option<u32> {
        let rest = self.text.get(self.at..)?;
        let end = rest.get(..MAX_ESCAPE_DIGITS + 1).unwrap_or(rest).find('}')?;
        let value = u32::from_str_radix(rest.get(..end)?, 16).ok()?;
        self.at += end + 1;
        (0xdc00..=0xdfff).contains(&value).then_some(value)
    }

    /// What follows a `$` within a string: a variable, a sub-expression, or nothing special.
    pub(super) fn dollar(&mut self, out: &mut Expandable, here: bool) -> Result<()> {
        let start = self.at - 1;
        let kind = match self.peek() {
            Some('(') => {
                self.bump();
                self.sub_expression(start, here)?
            }
            Some(c) if c == '{' || is_variable_start(c) => {
                let mode = std::mem::replace(&mut self.mode, Mode::Expression);
                let token = self.variable(start, false, true);
                self.mode = mode;
                match token? {
                    Kind::Variable(path) => NestedKind::Variable(path),
                    _ => return Ok(()),
                }
            }
            _ => {
                out.value.push('$');
                return Ok(());
            }
        };
        let span = Span::new(start, self.at);
        let at = Span::new(out.value.len(), out.value.len() + (span.end - span.start));
        out.value.push_str(self.slice(span));
        out.nested.push(Nested { at, span, kind });
        Ok(())
    }

    /// The text of `$( .. )` up to its closing parenthesis: parentheses are counted, strings within
    /// are not looked at, as PowerShell does it.
    fn sub_expression(&mut self, start: usize, here: bool) -> Result<NestedKind> {
        let mut text = String::from("$(");
        let mut skips = Vec::new();
        let mut skipped = 0;
        let mut depth = 1usize;
        while let Some(c) = self.bump() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                c if c == '`' || is_double_quote(c) => {
                    if let Some(second) = self.peek().filter(|s| !here && is_double_quote(*s)) {
                        self.bump();
                        skipped += c.len_utf8();
                        skips.push((text.len(), skipped));
                        text.push(second);
                        continue;
                    }
                }
                _ => {}
            }
            text.push(c);
            if depth == 0 {
                return Ok(NestedKind::SubExpression(text, self.origin.nested(start, skips)));
            }
        }
        self.error_unless_more("IncompleteDollarSubexpressionReference", Span::new(start, self.at))
    }

    /// A here-string after `@'`.
    pub(super) fn here_literal(&mut self, start: usize) -> Result<String> {
        let mut out = Expandable::default();
        self.here_string(start, &mut out, is_single_quote, false)?;
        Ok(out.value)
    }

    /// A here-string after `@"`.
    pub(super) fn here_expandable(&mut self, start: usize) -> Result<Expandable> {
        let mut out = Expandable::default();
        self.here_string(start, &mut out, is_double_quote, true)?;
        Ok(out)
    }

    fn here_string(
        &mut self,
        start: usize,
        out: &mut Expandable,
        quote: fn(char) -> bool,
        expand: bool,
    ) -> Result<()> {
        self.skip_blanks();
        match self.peek() {
            Some('\n') => {
                self.bump();
            }
            Some('\r') => {
                self.bump();
                self.take('\n');
            }
            None => {
                return self.error_unless_more("TerminatorExpectedAtEndOfString", Span::new(start, self.at));
            }
            Some(_) => {
                let here = Span::new(self.at, self.at);
                return self.error("UnexpectedCharactersAfterHereStringHeader", here);
            }
        }
        let mut false_footer = None;
        if self.here_footer(out, quote, &mut false_footer) {
            return Ok(());
        }
        while let Some(c) = self.bump() {
            match c {
                '\r' | '\n' => {
                    // The newline before the footer does not belong to the string.
                    let length = out.value.len();
                    out.value.push(c);
                    if c == '\r' && self.take('\n') {
                        out.value.push('\n');
                    }
                    if self.here_footer(out, quote, &mut false_footer) {
                        out.value.truncate(length);
                        return Ok(());
                    }
                }
                '$' if expand => self.dollar(out, true)?,
                '`' if expand => self.backtick(out)?,
                c => out.value.push(c),
            }
        }
        let end = self.at;
        match false_footer {
            Some(at) => self.error_unless_more("WhitespaceBeforeHereStringFooter", Span::new(at, end)),
            None => self.error_unless_more("TerminatorExpectedAtEndOfString", Span::new(start, end)),
        }
    }

    /// Takes the footer at the start of a line. White space before one makes it text; that is
    /// remembered for the error.
    fn here_footer(
        &mut self,
        out: &mut Expandable,
        quote: fn(char) -> bool,
        false_footer: &mut Option<usize>,
    ) -> bool {
        let is_footer = |lexer: &Self| lexer.peek().is_some_and(quote) && lexer.peek_second() == Some('@');
        if is_footer(self) {
            self.bump();
            self.bump();
            return true;
        }
        while let Some(c) = self.peek().filter(|c| is_whitespace(*c)) {
            self.bump();
            out.value.push(c);
        }
        if is_footer(self) {
            false_footer.get_or_insert(self.at);
            out.value.extend(self.bump());
            out.value.extend(self.bump());
        }
        false
    }
}
