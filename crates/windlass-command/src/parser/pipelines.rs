//! Pipelines, chains of them, assignments and redirections.

use crate::ast::{
    Assignment, Chain, CommandExpression, Element, Expression, Pipeline, Redirection, RedirectionTarget,
    Statement,
};
use crate::lexer::{Mode, Result};
use crate::token::{Kind, Token};

use super::Parser;
use super::commands::Context;

impl Parser<'_> {
    /// An assignment, a pipeline or a chain of pipelines.
    pub(super) fn pipeline_chain(&mut self) -> Result<Option<Statement>> {
        let mode = self.set_mode(Mode::Expression);
        let mut start = self.expression(false)?;
        let mut assignment = None;
        if start.is_some()
            && let Kind::Assign(operator) = *self.peek_kind()?
        {
            assignment = Some((operator, self.next()?));
        }
        self.set_mode(mode);
        if let Some((operator, token)) = assignment
            && let Some(target) = start.take()
        {
            self.skip_newlines()?;
            let (value, _) = self.enclosed(Self::statement)?;
            let Some(value) = value else {
                return self.missing_after("ExpectedValueExpression", self.out(token.span).end);
            };
            let span = target.span.to(value.span());
            let value = Box::new(value);
            return Ok(Some(Statement::Assignment(Assignment { target, operator, value, span })));
        }
        let Some(first) = self.pipeline(start)? else { return Ok(None) };
        let mut rest = Vec::new();
        let mut background = false;
        loop {
            let operator = match self.peek_kind()? {
                Kind::AndAnd | Kind::OrOr => self.next()?,
                Kind::Ampersand => {
                    self.skip();
                    if matches!(self.peek_kind()?, Kind::AndAnd | Kind::OrOr) {
                        let token = self.next()?;
                        return self.error("BackgroundOperatorInPipelineChain", &token);
                    }
                    background = true;
                    break;
                }
                _ => break,
            };
            self.skip_newlines()?;
            let after = self.out(operator.span).end;
            if *self.peek_kind()? == Kind::EndOfInput {
                return self.missing_after("EmptyPipelineChainElement", after);
            }
            match self.pipeline(None)? {
                Some(next) => rest.push((operator.kind == Kind::AndAnd, next)),
                None => return self.error("EmptyPipelineChainElement", &operator),
            }
        }
        let mut first = first;
        if rest.is_empty() {
            first.background = background;
            return Ok(Some(Statement::Pipeline(first)));
        }
        let span = rest.last().map_or(first.span, |(_, last)| first.span.to(last.span));
        Ok(Some(Statement::Chain(Chain { first, rest, background, span })))
    }

    fn pipeline(&mut self, start: Option<Expression>) -> Result<Option<Pipeline>> {
        let mut elements: Vec<Element> = Vec::new();
        let mut start = start;
        let mut after_pipe = None;
        loop {
            let expression = match start.take() {
                Some(expression) => Some(expression),
                None => {
                    let mode = self.set_mode(Mode::Expression);
                    let expression = self.expression(false)?;
                    self.set_mode(mode);
                    expression
                }
            };
            let element = match expression {
                Some(expression) => {
                    if !elements.is_empty() {
                        return self.fail("ExpressionsMustBeFirstInPipeline", expression.span);
                    }
                    Some(Element::Expression(self.command_expression(expression)?))
                }
                None => self.command()?.map(Element::Command),
            };
            match element {
                Some(element) => elements.push(element),
                None if !elements.is_empty() => {
                    let at = after_pipe.unwrap_or_default();
                    return self.missing_after("EmptyPipeElement", at);
                }
                None if *self.peek_kind()? == Kind::Pipe => {
                    let token = self.next()?;
                    return self.missing_at("EmptyPipeElement", self.out(token.span));
                }
                None => {}
            }
            let next = self.next()?;
            let next = if next.kind == Kind::NewLine && self.lexer.pipe_continues(next.span.end) {
                self.skip_newlines()?;
                self.next()?
            } else {
                next
            };
            match next.kind {
                Kind::Pipe => {
                    self.skip_newlines()?;
                    let after = self.out(next.span).end;
                    if *self.peek_kind()? == Kind::EndOfInput {
                        return self.missing_after("EmptyPipeElement", after);
                    }
                    after_pipe = Some(after);
                }
                Kind::Semi
                | Kind::NewLine
                | Kind::RParen
                | Kind::RCurly
                | Kind::EndOfInput
                | Kind::AndAnd
                | Kind::OrOr
                | Kind::Ampersand => {
                    self.unget(next);
                    break;
                }
                _ => return self.error("UnexpectedToken", &next),
            }
        }
        let (Some(first), Some(last)) = (elements.first(), elements.last()) else { return Ok(None) };
        let span = first.span().to(last.span());
        Ok(Some(Pipeline { elements, background: false, span }))
    }

    fn command_expression(&mut self, expression: Expression) -> Result<CommandExpression> {
        let mut redirections = Vec::new();
        let mut span = expression.span;
        while self.peek_kind()?.is_redirection() {
            let token = self.next()?;
            self.redirection(&token, &mut redirections)?;
        }
        if let Some(last) = redirections.last() {
            span = span.to(last.span);
        }
        Ok(CommandExpression { expression, redirections, span })
    }

    pub(super) fn redirection(&mut self, token: &Token, all: &mut Vec<Redirection>) -> Result<()> {
        let start = self.out(token.span);
        let redirection = match token.kind {
            Kind::RedirectFile { from, append } => {
                let Some(name) = self.single_argument(Context::FileName)? else {
                    return self.fail("MissingFileSpecification", start);
                };
                let span = start.to(name.span);
                let target = RedirectionTarget::File { name: Box::new(name), append };
                Redirection { from, target, span }
            }
            Kind::RedirectStream { from, to } if to == 1 && from != 1 => {
                Redirection { from, target: RedirectionTarget::Stream(to), span: start }
            }
            _ => return self.error("RedirectionNotSupported", token),
        };
        if all.iter().any(|r| r.from == redirection.from) {
            return self.fail("StreamAlreadyRedirected", redirection.span);
        }
        all.push(redirection);
        Ok(())
    }
}
