//! The lexer: tokens on demand, in the mode the parser asks for.
//!
//! PowerShell reads a word such as `a-b` or `1..5` differently in a command and in an expression,
//! so tokens cannot be made in advance; where the mode changes, the parser gives a token back and
//! has it read again.

mod strings;
mod words;

use std::rc::Rc;

use crate::ast::Span;
use crate::chars::{
    forces_new_token, is_any_whitespace, is_dash, is_double_quote, is_identifier_start, is_letter,
    is_single_quote, is_variable_start, is_whitespace,
};
use crate::error::{ParseError, ParseErrorKind};
use crate::number;
use crate::token::{AssignmentOperator, Kind, Operator, Token};

/// How words are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Command,
    Expression,
    TypeName,
    Signature,
}

/// Where the text of a lexer came from: a sub-expression within a string is read as a text of its
/// own, with the doubled quotes of the string around it undone.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Origin(Option<Rc<OriginMap>>);

#[derive(Debug, PartialEq)]
struct OriginMap {
    /// Where the text begins in the text around it.
    base: usize,
    /// Offsets in this text before which bytes were left out, and how many up to there.
    skips: Vec<(usize, usize)>,
    outer: Origin,
}

impl Origin {
    fn nested(&self, base: usize, skips: Vec<(usize, usize)>) -> Self {
        Self(Some(Rc::new(OriginMap { base, skips, outer: self.clone() })))
    }

    fn map(&self, offset: usize) -> usize {
        let Some(map) = &self.0 else { return offset };
        let before = map.skips.partition_point(|(at, _)| *at < offset);
        let skipped = before.checked_sub(1).and_then(|i| map.skips.get(i)).map_or(0, |(_, n)| *n);
        map.outer.map(map.base + offset + skipped)
    }
}

pub(crate) type Result<T> = std::result::Result<T, Box<ParseError>>;

pub(crate) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    origin: Origin,
    pub(crate) mode: Mode,
    /// Whether `-1` is one token: only at the start of an operand.
    pub(crate) signed_numbers: bool,
    /// Whether `?` and `:` end a number.
    pub(crate) ternary_ends_numbers: bool,
    /// Whether a plain name is wanted, as after a dot.
    pub(crate) simple_names: bool,
    /// Bytes read so far, rereading included, and how many may be.
    work: usize,
    allowance: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self::with_origin(text, Origin::default())
    }

    pub(crate) fn with_origin(text: &'t str, origin: Origin) -> Self {
        Self {
            text,
            at: 0,
            origin,
            mode: Mode::Command,
            signed_numbers: false,
            ternary_ends_numbers: false,
            simple_names: false,
            work: 0,
            // Every rereading that the grammar needs stays far below this.
            allowance: text.len().saturating_mul(64).saturating_add(4096),
        }
    }

    /// Takes over how much another lexer of the same text has read, so that all of them together
    /// stay within one allowance.
    pub(crate) fn share_work(&mut self, other: &Lexer<'_>) {
        self.work = other.work;
        self.allowance = other.allowance;
    }

    /// The offset of the next character.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads again from `at`.
    pub(crate) fn rewind(&mut self, at: usize) {
        self.at = at;
    }

    /// The span in the text that the outermost lexer reads.
    pub(crate) fn outer_span(&self, span: Span) -> Span {
        Span::new(self.origin.map(span.start), self.origin.map(span.end))
    }

    /// The text of a span of this lexer.
    pub(crate) fn slice(&self, span: Span) -> &'t str {
        span.text(self.text).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().nth(1)
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes the next character where it is `wanted`.
    fn take(&mut self, wanted: char) -> bool {
        let hit = self.peek() == Some(wanted);
        if hit {
            self.at += wanted.len_utf8();
        }
        hit
    }

    fn in_command(&self) -> bool {
        self.mode == Mode::Command
    }

    fn in_expression(&self) -> bool {
        self.mode == Mode::Expression
    }

    /// An error that more input would not mend.
    pub(crate) fn error<T>(&self, id: &'static str, span: Span) -> Result<T> {
        let found: String = self.slice(span).chars().take(20).collect();
        self.fail(ParseErrorKind::Syntax { id, found }, span, false)
    }

    /// An error that more input mends where nothing but white space and comments follow.
    pub(crate) fn error_unless_more<T>(&self, id: &'static str, span: Span) -> Result<T> {
        let incomplete = self.only_blank_after(span.end);
        self.fail(ParseErrorKind::Syntax { id, found: String::new() }, span, incomplete)
    }

    pub(crate) fn fail<T>(&self, kind: ParseErrorKind, span: Span, incomplete: bool) -> Result<T> {
        Err(Box::new(ParseError { kind, span: self.outer_span(span), incomplete }))
    }

    fn only_blank_after(&self, offset: usize) -> bool {
        let mut rest = self.text.get(offset..).unwrap_or_default();
        loop {
            rest = rest.trim_start_matches(is_whitespace);
            if rest.is_empty() {
                return true;
            }
            rest = if rest.starts_with('#') {
                rest.find(['\r', '\n']).and_then(|end| rest.get(end..)).unwrap_or_default()
            } else if rest.starts_with("<#") {
                after_block_comment(rest)
            } else {
                return false;
            };
        }
    }

    /// Whether after a newline ending at `offset` the next line that is not a comment begins with
    /// `|`. A blank line ends the search.
    pub(crate) fn pipe_continues(&mut self, offset: usize) -> bool {
        let text = self.text.get(offset..).unwrap_or_default();
        let mut rest = text;
        let mut at_line_start = true;
        let found = loop {
            rest = rest.trim_start_matches(is_whitespace);
            let Some(first) = rest.chars().next() else { break false };
            if let Some(after) = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n'])) {
                if at_line_start {
                    break false;
                }
                at_line_start = true;
                rest = after;
                continue;
            }
            at_line_start = false;
            rest = match first {
                '#' => rest.find(['\r', '\n']).and_then(|end| rest.get(end..)).unwrap_or_default(),
                '<' if rest.starts_with("<#") => after_block_comment(rest),
                _ => break first == '|',
            };
        };
        self.work += text.len() - rest.len();
        found
    }

    /// Skips white space, newlines and comments, and semicolons where asked.
    pub(crate) fn skip_newlines(&mut self, semicolons: bool) -> Result<()> {
        let start = self.at;
        loop {
            let before = self.at;
            match self.peek() {
                Some('\r' | '\n') => {
                    self.bump();
                }
                Some(';') if semicolons => {
                    self.bump();
                }
                Some('#') => self.skip_line(),
                Some('<') if self.peek_second() == Some('#') => self.block_comment()?,
                Some('`') if self.peek_second().is_some_and(is_any_whitespace) => {
                    self.bump();
                    self.bump();
                }
                Some(c) if is_whitespace(c) => self.skip_blanks(),
                _ => break,
            }
            debug_assert!(self.at > before, "every arm takes something");
        }
        self.account(start)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_whitespace) {
            self.bump();
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| !matches!(c, '\r' | '\n')) {
            self.bump();
        }
    }

    fn block_comment(&mut self) -> Result<()> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(end) = rest.get(2..).and_then(|inner| inner.find("#>")) else {
            let end = self.text.len();
            self.at = end;
            return self.error_unless_more("MissingTerminatorMultiLineComment", Span::new(start, end));
        };
        self.at = start + 2 + end + 2;
        Ok(())
    }

    fn account(&mut self, start: usize) -> Result<()> {
        self.work += self.at.saturating_sub(start) + 1;
        if self.work > self.allowance {
            return self.fail(ParseErrorKind::TooComplex, Span::new(start, self.at), false);
        }
        Ok(())
    }

    /// The next token.
    pub(crate) fn next_token(&mut self) -> Result<Token> {
        let begin = self.at;
        let (start, kind) = self.scan()?;
        self.account(begin)?;
        Ok(Token { kind, span: Span::new(start, self.at) })
    }

    fn scan(&mut self) -> Result<(usize, Kind)> {
        loop {
            let start = self.at;
            let Some(c) = self.bump() else { return Ok((start, Kind::EndOfInput)) };
            match c {
                '#' => self.skip_line(),
                '<' if self.peek() == Some('#') => {
                    self.at = start;
                    self.block_comment()?;
                }
                '`' => match self.peek() {
                    None => {
                        let end = Span::new(self.at, self.at);
                        return self.error_unless_more("IncompleteString", end);
                    }
                    Some('\r') => {
                        self.bump();
                        self.take('\n');
                    }
                    Some(next) if is_any_whitespace(next) => {
                        self.bump();
                        if next != '\n' {
                            self.skip_blanks();
                        }
                    }
                    Some(_) => {
                        let mut first = String::new();
                        first.extend(self.escape(start)?);
                        return Ok((start, self.generic(first)?));
                    }
                },
                c if is_whitespace(c) => self.skip_blanks(),
                c => return Ok((start, self.scan_from(c, start)?)),
            }
        }
    }

    fn scan_from(&mut self, c: char, start: usize) -> Result<Kind> {
        Ok(match c {
            '\n' => Kind::NewLine,
            '\r' => {
                self.take('\n');
                Kind::NewLine
            }
            ';' => Kind::Semi,
            ',' => Kind::Comma,
            '(' => Kind::LParen,
            ')' => Kind::RParen,
            '{' => Kind::LCurly,
            '}' => Kind::RCurly,
            ']' => Kind::RBracket,
            '[' => {
                if self.in_command() && !forces_new_token(self.peek()) {
                    return self.generic("[".to_owned());
                }
                Kind::LBracket
            }
            '&' if self.take('&') => Kind::AndAnd,
            '&' => Kind::Ampersand,
            '|' if self.take('|') => Kind::OrOr,
            '|' => Kind::Pipe,
            '@' => return self.at_sign(start),
            '$' if self.take('(') => Kind::DollarParen,
            '$' => return self.variable(start, false, false),
            '<' => Kind::RedirectInput,
            '>' => Kind::RedirectFile { from: 1, append: self.take('>') },
            '0'..='9' => return self.digit(c, start),
            '.' => return self.dot(start),
            ':' => return self.colon(),
            '!' => return self.exclaim(start),
            '?' if self.in_expression() => self.question(),
            '=' => return self.assignment("=", AssignmentOperator::Equals),
            '+' | '*' | '/' | '%' => return self.operator(c, start),
            c if is_dash(c) => return self.dash(c, start),
            c if is_single_quote(c) => Kind::Literal { value: self.single_quoted(start)?, here: false },
            c if is_double_quote(c) => Kind::Expandable { value: self.double_quoted(start)?, here: false },
            c if is_letter(c) || c == '_' => return self.identifier(start),
            c => return self.generic(c.to_string()),
        })
    }

    fn at_sign(&mut self, start: usize) -> Result<Kind> {
        match self.peek() {
            Some('{') => {
                self.bump();
                Ok(Kind::AtCurly)
            }
            Some('(') => {
                self.bump();
                Ok(Kind::AtParen)
            }
            Some(c) if is_single_quote(c) => {
                self.bump();
                Ok(Kind::Literal { value: self.here_literal(start)?, here: true })
            }
            Some(c) if is_double_quote(c) => {
                self.bump();
                Ok(Kind::Expandable { value: self.here_expandable(start)?, here: true })
            }
            Some(c) if is_variable_start(c) => self.variable(start, true, false),
            _ => self.error("UnrecognizedToken", Span::new(start, self.at)),
        }
    }

    fn digit(&mut self, c: char, start: usize) -> Result<Kind> {
        if let ('1'..='6', Some('>')) = (c, self.peek()) {
            let from = u8::try_from(u32::from(c) - u32::from('0')).unwrap_or(1);
            let before = self.at;
            self.bump();
            let append = self.take('>');
            if !append && self.peek() == Some('&') {
                let to = match self.peek_second() {
                    Some('1') => 1,
                    Some('2') => 2,
                    _ => 0,
                };
                if to != 0 {
                    self.bump();
                    self.bump();
                    return Ok(Kind::RedirectStream { from, to });
                }
            }
            if self.in_expression() {
                // `1>2` in an expression: the digit is a number, what follows a redirection of
                // the output.
                self.at = before;
                return Ok(Kind::Number(number::Number::Int32(i32::from(from))));
            }
            return Ok(Kind::RedirectFile { from, append });
        }
        self.number(start)
    }

    fn dot(&mut self, start: usize) -> Result<Kind> {
        match self.peek() {
            Some('.') => {
                self.bump();
                if self.in_command() && !forces_new_token(self.peek()) {
                    self.at = start + 1;
                    return self.generic(".".to_owned());
                }
                Ok(Kind::Operator(Operator::DotDot))
            }
            Some(c) if c.is_ascii_digit() => self.number(start),
            next if self.in_command()
                && !forces_new_token(next)
                && !matches!(next, Some('$' | '"' | '\'')) =>
            {
                self.generic(".".to_owned())
            }
            _ => Ok(Kind::Dot),
        }
    }

    fn colon(&mut self) -> Result<Kind> {
        if self.take(':') {
            if self.in_command() && !self.simple_names && !forces_new_token(self.peek()) {
                return self.generic("::".to_owned());
            }
            return Ok(Kind::ColonColon);
        }
        if self.in_command() { self.label() } else { Ok(Kind::Colon) }
    }

    fn exclaim(&mut self, start: usize) -> Result<Kind> {
        let next = self.peek();
        if (self.in_command() && !forces_new_token(next))
            || (self.in_expression() && next.is_some_and(is_identifier_start))
        {
            return self.generic("!".to_owned());
        }
        if self.in_expression() && next.is_some_and(|c| c.is_ascii_digit() || c == '.') {
            // `!7z` is a word, `!7` an operator and a number.
            let rest = self.text.get(self.at..).unwrap_or_default();
            if !self.number_at(rest, false).is_some_and(|(_, ends)| ends) {
                self.at = start + 1;
                return self.generic("!".to_owned());
            }
        }
        Ok(Kind::Operator(Operator::Exclaim))
    }

    fn question(&mut self) -> Kind {
        if !self.take('?') {
            return Kind::QuestionMark;
        }
        if self.take('=') {
            return Kind::Assign(AssignmentOperator::QuestionQuestionEquals);
        }
        Kind::Operator(Operator::QuestionQuestion)
    }

    fn assignment(&mut self, text: &str, operator: AssignmentOperator) -> Result<Kind> {
        self.word_in_command(text, Kind::Assign(operator))
    }

    /// `kind`, or in a command a word that begins with `text` where more of it follows.
    fn word_in_command(&mut self, text: &str, kind: Kind) -> Result<Kind> {
        if self.in_command() && !forces_new_token(self.peek()) {
            return self.generic(text.to_owned());
        }
        Ok(kind)
    }

    fn operator(&mut self, c: char, start: usize) -> Result<Kind> {
        use AssignmentOperator::{DivideEquals, MultiplyEquals, PlusEquals, RemainderEquals};
        if c == '+' && self.take('+') {
            return self.word_in_command("++", Kind::Operator(Operator::PlusPlus));
        }
        if self.take('=') {
            let kind = match c {
                '+' => PlusEquals,
                '*' => MultiplyEquals,
                '/' => DivideEquals,
                _ => RemainderEquals,
            };
            return self.assignment(&format!("{c}="), kind);
        }
        if c == '*' && self.take('>') {
            let append = self.take('>');
            if !append && self.peek() == Some('&') && self.peek_second() == Some('1') {
                self.bump();
                self.bump();
                return Ok(Kind::RedirectStream { from: 0, to: 1 });
            }
            return Ok(Kind::RedirectFile { from: 0, append });
        }
        if c == '+' && self.signed_number_follows() {
            return self.number(start);
        }
        let operator = match c {
            '+' => Operator::Plus,
            '*' => Operator::Multiply,
            '/' => Operator::Divide,
            _ => Operator::Rem,
        };
        self.word_in_command(&c.to_string(), Kind::Operator(operator))
    }

    fn dash(&mut self, c: char, start: usize) -> Result<Kind> {
        match self.peek() {
            Some(second) if is_dash(second) => {
                self.bump();
                self.word_in_command(&format!("{c}{second}"), Kind::Operator(Operator::MinusMinus))
            }
            Some('=') => {
                self.bump();
                self.assignment(&format!("{c}="), AssignmentOperator::MinusEquals)
            }
            Some(next) if is_letter(next) || next == '_' || next == '?' => self.parameter(c),
            _ if self.signed_number_follows() => self.number(start),
            _ => self.word_in_command(&c.to_string(), Kind::Operator(Operator::Minus)),
        }
    }

    fn signed_number_follows(&self) -> bool {
        self.signed_numbers && self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.')
    }
}

fn after_block_comment(text: &str) -> &str {
    let inner = text.get(2..).unwrap_or_default();
    inner.find("#>").and_then(|end| inner.get(end + 2..)).unwrap_or_default()
}
