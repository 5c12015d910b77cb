//! The parser: all of PowerShell's grammar, so that what lies outside a language is recognised and
//! what PowerShell refuses is refused. It stops at the first error.

mod blocks;
mod classes;
mod commands;
mod control;
mod expressions;
mod operands;
mod pipelines;
mod statements;
mod types;

use crate::ast::{Expression, ExpressionKind, ScriptBlock, Span};
use crate::error::ParseErrorKind;
use crate::lexer::{Lexer, Mode, Result};
use crate::token::{Keyword, Kind, Token};

/// How deeply statements and brackets may nest.
const MAX_DEPTH: usize = 48;
/// How many expressions may lie below one another, operators in a row counted.
const MAX_HEIGHT: u16 = 400;

/// Reads `text` as a whole, whatever language it is in.
pub(crate) fn parse(text: &str) -> Result<ScriptBlock> {
    Parser::new(Lexer::new(text), 0, false).script()
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The one token of look-ahead.
    ungot: Option<Token>,
    /// Whether a comma parts arguments here instead of making an array.
    comma_separates: bool,
    depth: usize,
    /// The greatest height of an expression made since this was last reset.
    tallest: u16,
    /// Whether this reads a sub-expression within a string.
    nested: bool,
}

impl<'t> Parser<'t> {
    fn new(lexer: Lexer<'t>, depth: usize, nested: bool) -> Self {
        Self { lexer, ungot: None, comma_separates: false, depth, tallest: 0, nested }
    }

    fn next(&mut self) -> Result<Token> {
        match self.ungot.take() {
            Some(token) => Ok(token),
            None => self.lexer.next_token(),
        }
    }

    fn peek(&mut self) -> Result<&Token> {
        if self.ungot.is_none() {
            self.ungot = Some(self.lexer.next_token()?);
        }
        match &self.ungot {
            Some(token) => Ok(token),
            None => self.lexer.error("UnexpectedToken", Span::default()),
        }
    }

    fn peek_kind(&mut self) -> Result<&Kind> {
        Ok(&self.peek()?.kind)
    }

    fn peek_keyword(&mut self) -> Result<Option<Keyword>> {
        Ok(match self.peek_kind()? {
            Kind::Keyword(keyword) => Some(*keyword),
            _ => None,
        })
    }

    /// Takes the next token where it is `kind`.
    fn take(&mut self, kind: &Kind) -> Result<Option<Token>> {
        if self.peek_kind()? == kind { self.next().map(Some) } else { Ok(None) }
    }

    fn skip(&mut self) {
        self.ungot = None;
    }

    fn unget(&mut self, token: Token) {
        self.ungot = Some(token);
    }

    fn rewind(&mut self, at: usize) {
        self.ungot = None;
        self.lexer.rewind(at);
    }

    /// Where reading would go on.
    fn restore_point(&self) -> usize {
        self.ungot.as_ref().map_or_else(|| self.lexer.position(), |token| token.span.start)
    }

    /// Changes how words are read. A token read ahead in the other way is read again.
    fn set_mode(&mut self, mode: Mode) -> Mode {
        let old = std::mem::replace(&mut self.lexer.mode, mode);
        if old != mode
            && let Some(token) = self.ungot.take_if(|token| !token.kind.is_mode_invariant())
        {
            self.lexer.rewind(token.span.start);
        }
        old
    }

    fn skip_newlines(&mut self) -> Result<()> {
        if self.ungot.as_ref().is_none_or(|t| t.kind == Kind::NewLine) {
            self.ungot = None;
            self.lexer.skip_newlines(false)?;
        }
        Ok(())
    }

    fn skip_newlines_and_semicolons(&mut self) -> Result<()> {
        if self.ungot.as_ref().is_none_or(|t| matches!(t.kind, Kind::NewLine | Kind::Semi)) {
            self.ungot = None;
            self.lexer.skip_newlines(true)?;
        }
        Ok(())
    }

    /// The span of a token in the whole text.
    fn out(&self, span: Span) -> Span {
        self.lexer.outer_span(span)
    }

    fn text(&self, span: Span) -> &'t str {
        self.lexer.slice(span)
    }

    /// An error at a token.
    fn error<T>(&self, id: &'static str, token: &Token) -> Result<T> {
        self.lexer.error(id, token.span)
    }

    /// Something is missing after `at`, an offset in the whole text.
    fn missing_after<T>(&self, id: &'static str, at: usize) -> Result<T> {
        self.missing_at(id, Span::new(at, at))
    }

    fn missing_at<T>(&self, id: &'static str, span: Span) -> Result<T> {
        if self.nested {
            return self.fail(id, span);
        }
        self.lexer.error_unless_more(id, span)
    }

    /// Something that begins at `open` is not closed where `token` stands.
    fn unclosed<T>(&self, id: &'static str, open: Span, token: &Token) -> Result<T> {
        let incomplete = !self.nested && token.kind == Kind::EndOfInput;
        let kind = ParseErrorKind::Syntax { id, found: String::new() };
        Err(Box::new(crate::ParseError { kind, span: open, incomplete }))
    }

    /// An error at a place in the whole text that more input would not mend.
    fn fail<T>(&self, id: &'static str, span: Span) -> Result<T> {
        let kind = ParseErrorKind::Syntax { id, found: String::new() };
        Err(Box::new(crate::ParseError { kind, span, incomplete: false }))
    }

    fn too_complex<T>(&self, span: Span) -> Result<T> {
        Err(Box::new(crate::ParseError { kind: ParseErrorKind::TooComplex, span, incomplete: false }))
    }

    /// One level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            let at = self.restore_point();
            return self.too_complex(self.out(Span::new(at, at)));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// One level deeper, with the height of the tallest expression made there.
    fn enclosed<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, u16)> {
        let saved = std::mem::take(&mut self.tallest);
        let result = self.deeper(read)?;
        let height = self.tallest;
        self.tallest = saved.max(height);
        Ok((result, height))
    }

    /// Makes an expression above others of at most the height `below`.
    fn make(&mut self, kind: ExpressionKind, span: Span, below: u16) -> Result<Expression> {
        let height = below.saturating_add(1);
        if height > MAX_HEIGHT {
            return self.too_complex(span);
        }
        self.tallest = self.tallest.max(height);
        Ok(Expression { kind, span, height })
    }
}
