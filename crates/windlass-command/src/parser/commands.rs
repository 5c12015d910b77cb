//! Commands: names, parameters and arguments.

use crate::ast::{Command, CommandElement, Expression, ExpressionKind, Invocation, Parameter, Quoting, Span};
use crate::lexer::{Mode, Result};
use crate::token::{Kind, Operator, Token};

use super::Parser;

/// What an argument is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// The name of a command: variables in a word are not expanded.
    Name,
    /// The name after `&` or `.`.
    InvokedName,
    FileName,
    /// An argument: commas make arrays.
    Argument,
    SwitchCase,
}

/// The word after which a command line is taken as it is.
const VERBATIM: &str = "--%";

impl Parser<'_> {
    pub(super) fn command(&mut self) -> Result<Option<Command>> {
        let mode = self.set_mode(Mode::Command);
        let command = self.command_in_mode()?;
        self.set_mode(mode);
        Ok(command)
    }

    fn command_in_mode(&mut self) -> Result<Option<Command>> {
        let mut token = self.next()?;
        let start = self.out(token.span);
        let mut end = start;
        let invocation = match token.kind {
            Kind::Dot => Invocation::Dot,
            Kind::Ampersand => Invocation::Ampersand,
            _ => Invocation::Plain,
        };
        let mut context = Context::Name;
        let first = (invocation != Invocation::Plain).then(|| token.clone());
        if first.is_some() {
            token = self.next()?;
            context = Context::InvokedName;
        }
        let mut elements = Vec::new();
        let mut redirections = Vec::new();
        let mut after_dashes = false;
        loop {
            let naming = context != Context::Argument;
            let span = self.out(token.span);
            match &token.kind {
                Kind::Pipe
                | Kind::RCurly
                | Kind::RParen
                | Kind::EndOfInput
                | Kind::NewLine
                | Kind::Semi
                | Kind::AndAnd
                | Kind::OrOr
                | Kind::Ampersand => {
                    self.unget(token);
                    break;
                }
                Kind::Operator(Operator::MinusMinus) if after_dashes => {
                    end = span;
                    elements.push(CommandElement::Argument(self.word(token.span)?));
                }
                Kind::Operator(Operator::MinusMinus) => {
                    end = span;
                    after_dashes = true;
                    let name = "-".to_owned();
                    elements.push(CommandElement::Parameter(Parameter { name, argument: None, span }));
                }
                Kind::Comma => return self.error("MissingArgument", &token),
                Kind::Parameter { .. } if naming || after_dashes => {
                    end = span;
                    elements.push(CommandElement::Argument(self.word(token.span)?));
                }
                Kind::Parameter { name, colon } => {
                    let parameter = self.parameter(name.clone(), *colon, &token)?;
                    end = parameter.span;
                    elements.push(CommandElement::Parameter(parameter));
                }
                kind if kind.is_redirection() && naming => {
                    end = span;
                    elements.push(CommandElement::Argument(self.word(token.span)?));
                }
                kind if kind.is_redirection() => {
                    self.redirection(&token, &mut redirections)?;
                    end = redirections.last().map_or(span, |r| r.span);
                }
                kind => {
                    let verbatim = matches!(kind, Kind::Generic(word) if word.value == VERBATIM);
                    let Some(argument) = self.argument(context, token)? else { break };
                    end = argument.span;
                    elements.push(CommandElement::Argument(argument));
                    if verbatim {
                        let rest = self.lexer.verbatim_argument();
                        end = self.out(rest);
                        elements.push(CommandElement::Argument(self.word(rest)?));
                        break;
                    }
                }
            }
            context = Context::Argument;
            token = self.next()?;
        }
        if elements.is_empty() {
            return match first {
                Some(first) => self.error("MissingExpression", &first),
                None => Ok(None),
            };
        }
        Ok(Some(Command { invocation, elements, redirections, span: start.to(end) }))
    }

    fn parameter(&mut self, name: String, colon: bool, token: &Token) -> Result<Parameter> {
        let span = self.out(token.span);
        if !colon || *self.peek_kind()? == Kind::Comma {
            return Ok(Parameter { name, argument: None, span });
        }
        let next = self.next()?;
        match self.argument(Context::Argument, next)? {
            Some(argument) => {
                let span = span.to(argument.span);
                Ok(Parameter { name, argument: Some(argument), span })
            }
            None => self.fail("ParameterRequiresArgument", span),
        }
    }

    /// A bare word with the text of a token.
    pub(super) fn word(&mut self, span: Span) -> Result<Expression> {
        let kind = ExpressionKind::String { value: self.text(span).to_owned(), quoting: Quoting::BareWord };
        self.make(kind, self.out(span), 0)
    }

    /// One argument without commas.
    pub(super) fn single_argument(&mut self, context: Context) -> Result<Option<Expression>> {
        if matches!(self.peek_kind()?, Kind::Comma | Kind::EndOfInput) {
            return Ok(None);
        }
        let mode = self.set_mode(Mode::Command);
        let token = self.next()?;
        let argument = self.argument(context, token)?;
        self.set_mode(mode);
        Ok(argument)
    }

    /// The argument that begins with `token`, or `None` (and the token given back) where that
    /// begins none.
    pub(super) fn argument(&mut self, context: Context, token: Token) -> Result<Option<Expression>> {
        let mut token = token;
        let mut items: Vec<Expression> = Vec::new();
        let mut after_comma = None;
        loop {
            let span = self.out(token.span);
            let mut verbatim = false;
            let item = match token.kind {
                Kind::Pipe
                | Kind::RCurly
                | Kind::RParen
                | Kind::EndOfInput
                | Kind::NewLine
                | Kind::Semi
                | Kind::RedirectFile { .. }
                | Kind::RedirectStream { .. }
                | Kind::RedirectInput
                | Kind::AndAnd
                | Kind::OrOr
                | Kind::Ampersand
                | Kind::Operator(Operator::MinusMinus)
                | Kind::Comma => {
                    self.unget(token);
                    return match after_comma {
                        None => Ok(None),
                        Some(at) => self.missing_after("MissingExpression", at),
                    };
                }
                Kind::Splat(_)
                | Kind::Variable(_)
                | Kind::Number(_)
                | Kind::Literal { .. }
                | Kind::Expandable { .. }
                | Kind::LParen
                | Kind::DollarParen
                | Kind::AtParen
                | Kind::AtCurly
                | Kind::LCurly => {
                    self.unget(token);
                    let Some(item) = self.primary(true)? else { return Ok(None) };
                    item
                }
                Kind::Generic(word) if word.nested.is_empty() || context == Context::Name => {
                    verbatim = word.value == VERBATIM;
                    let kind = ExpressionKind::String { value: word.value, quoting: Quoting::BareWord };
                    self.make(kind, span, 0)?
                }
                Kind::Generic(word) => self.expandable(&word, Quoting::BareWord, span)?,
                _ => self.word(token.span)?,
            };
            if context != Context::Argument || verbatim || *self.peek_kind()? != Kind::Comma {
                if items.is_empty() {
                    return Ok(Some(item));
                }
                items.push(item);
                return self.array(items).map(Some);
            }
            items.push(item);
            let comma = self.next()?;
            after_comma = Some(self.out(comma.span).end);
            self.skip_newlines()?;
            token = self.next()?;
        }
    }

    /// An array of at least one item.
    pub(super) fn array(&mut self, items: Vec<Expression>) -> Result<Expression> {
        let first = items.first().map(|i| i.span).unwrap_or_default();
        let span = items.last().map_or(first, |last| first.to(last.span));
        let below = items.iter().map(|i| i.height).max().unwrap_or(0);
        self.make(ExpressionKind::Array(items), span, below)
    }
}
