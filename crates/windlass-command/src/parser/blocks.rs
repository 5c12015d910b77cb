//! Script blocks: the whole text, literals, functions, and their parameters.

use crate::ast::{
    Compound, CompoundKind, Expression, ExpressionKind, NamedBlock, Node, ScriptBlock, ScriptBody, Span,
    Variable,
};
use crate::lexer::{Mode, Result};
use crate::token::{Keyword, Kind};

use super::Parser;

impl Parser<'_> {
    /// The whole text.
    pub(super) fn script(&mut self) -> Result<ScriptBlock> {
        self.skip_newlines()?;
        let mut usings = Vec::new();
        while self.peek_keyword()? == Some(Keyword::Using) {
            let token = self.next()?;
            usings.push(self.using(self.out(token.span))?);
            self.skip_newlines_and_semicolons()?;
        }
        let restore = self.restore_point();
        self.rewind(restore);
        let mut block = self.script_block_body(None)?;
        block.usings = usings;
        Ok(block)
    }

    pub(super) fn script_block_expression(&mut self, open: Span) -> Result<Expression> {
        let (block, below) = self.enclosed(|p| {
            let mode = p.set_mode(Mode::Command);
            let comma = std::mem::replace(&mut p.comma_separates, false);
            p.skip_newlines()?;
            let block = p.script_block_body(Some(open))?;
            p.comma_separates = comma;
            p.set_mode(mode);
            Ok(block)
        })?;
        let span = block.span;
        self.make(ExpressionKind::ScriptBlock(Box::new(block)), span, below)
    }

    /// A script block after its opening brace, or the whole text where there is none.
    fn script_block_body(&mut self, open: Option<Span>) -> Result<ScriptBlock> {
        self.skip_newlines()?;
        let restore = self.restore_point();
        let parameters = self.param_block()?;
        if parameters.is_none() {
            self.rewind(restore);
        }
        self.skip_newlines_and_semicolons()?;
        let param_span = parameters.as_ref().map(|p| p.span);
        let named = self.peek_keyword()?.and_then(Keyword::block_name).is_some();
        let (body, body_span) = if named {
            let start = open.map(|o| self.out(o)).or(param_span);
            let (blocks, span) = self.named_blocks(start)?;
            (ScriptBody::Named(blocks), span)
        } else {
            let (mut block, span) = self.statement_list()?;
            let span = match (param_span, span) {
                (Some(params), Some(statements)) => Some(params.to(statements)),
                (params, statements) => params.or(statements),
            };
            block.span = span.unwrap_or_default();
            (ScriptBody::Plain(block), span)
        };
        self.close_script_block(open, parameters, body, body_span)
    }

    fn close_script_block(
        &mut self,
        open: Option<Span>,
        parameters: Option<Compound>,
        body: ScriptBody,
        body_span: Option<Span>,
    ) -> Result<ScriptBlock> {
        let close = self.next()?;
        let mut body = body;
        let Some(open) = open else {
            if close.kind != Kind::EndOfInput {
                return self.error("UnexpectedToken", &close);
            }
            let span = Span::new(0, close.span.end);
            return Ok(ScriptBlock { source: String::new(), usings: Vec::new(), parameters, body, span });
        };
        if close.kind != Kind::RCurly {
            return self.unclosed("MissingEndCurlyBrace", self.out(open), &close);
        }
        let inner = Span::new(open.end, close.span.start);
        if let (None, ScriptBody::Plain(block)) = (body_span, &mut body)
            && inner.start != inner.end
        {
            block.span = self.out(inner);
        }
        let source = self.text(inner).to_owned();
        let span = self.out(open).to(self.out(close.span));
        Ok(ScriptBlock { source, usings: Vec::new(), parameters, body, span })
    }

    /// `begin`, `process` and so on; the span is that of them all.
    fn named_blocks(&mut self, start: Option<Span>) -> Result<(Vec<NamedBlock>, Option<Span>)> {
        let mut blocks: Vec<NamedBlock> = Vec::new();
        loop {
            let token = self.next()?;
            let span = self.out(token.span);
            let name = match token.kind {
                Kind::RCurly | Kind::EndOfInput => {
                    self.unget(token);
                    let end = blocks.last().map(|b| b.span);
                    let all = match (start, end) {
                        (Some(start), Some(end)) => Some(start.to(end)),
                        (start, end) => start.or(end),
                    };
                    return Ok((blocks, all));
                }
                Kind::Keyword(keyword) => keyword.block_name(),
                _ => None,
            };
            let Some(name) = name else { return self.error("MissingNamedBlocks", &token) };
            let Some(block) = self.deeper(Self::statement_block)? else {
                return self.missing_after("MissingNamedStatementBlock", span.end);
            };
            let span = span.to(block.span);
            if blocks.iter().any(|b| b.name == name) {
                return self.fail("DuplicateScriptCommandClause", span);
            }
            blocks.push(NamedBlock { name, block, span });
            self.skip_newlines_and_semicolons()?;
        }
    }

    /// `param( .. )` with the attributes before it; `None` (and anything read ahead) where there is
    /// none.
    fn param_block(&mut self) -> Result<Option<Compound>> {
        self.skip_newlines()?;
        let attributes = self.attribute_list(false)?;
        self.skip_newlines()?;
        if self.peek_keyword()? != Some(Keyword::Param) {
            return Ok(None);
        }
        let start = self.next()?;
        let start = self.out(start.span);
        self.skip_newlines()?;
        let open = self.next()?;
        if open.kind != Kind::LParen {
            self.unget(open);
            return Ok(None);
        }
        let (parameters, end) = self.parameters_in_parentheses()?;
        let mut children = Vec::new();
        for attribute in attributes.into_iter().flatten() {
            if attribute.arguments.is_none() {
                return self.fail("TypeNotAllowedBeforeParam", attribute.span);
            }
            children.push(Node::Attribute(attribute));
        }
        children.extend(parameters.into_iter().map(Node::Compound));
        Ok(Some(Compound { kind: CompoundKind::ParamBlock, children, span: start.to(end) }))
    }

    /// Parameters after an opening parenthesis, and where the closing one stands.
    pub(super) fn parameters_in_parentheses(&mut self) -> Result<(Vec<Compound>, Span)> {
        let mut parameters = Vec::new();
        let mut after_comma = None;
        loop {
            match (self.deeper(Self::parameter_declaration)?, after_comma) {
                (Some(parameter), _) => parameters.push(parameter),
                (None, Some(at)) => return self.missing_after("MissingExpressionAfterToken", at),
                (None, None) => break,
            }
            self.skip_newlines()?;
            match self.take(&Kind::Comma)? {
                Some(comma) => after_comma = Some(self.out(comma.span).end),
                None => break,
            }
        }
        self.skip_newlines()?;
        let close = self.next()?;
        let end = self.out(close.span);
        if close.kind != Kind::RParen {
            let at = parameters.last().map_or(end.start, |p| p.span.end);
            return self.missing_after("MissingEndParenthesisInFunctionParameterList", at);
        }
        Ok((parameters, end))
    }

    fn parameter_declaration(&mut self) -> Result<Option<Compound>> {
        let comma = std::mem::replace(&mut self.comma_separates, true);
        let mode = self.set_mode(Mode::Expression);
        self.skip_newlines()?;
        let attributes = self.attribute_list(false)?;
        self.skip_newlines()?;
        let token = self.next()?;
        let name = self.out(token.span);
        let splat = matches!(token.kind, Kind::Splat(_));
        let (Kind::Variable(path) | Kind::Splat(path)) = token.kind else {
            self.unget(token);
            if let Some(last) = attributes.as_ref().and_then(|all| all.last()) {
                return self.missing_after("InvalidFunctionParameter", last.span.end);
            }
            self.comma_separates = comma;
            self.set_mode(mode);
            return Ok(None);
        };
        self.skip_newlines()?;
        let equals = self.take(&Kind::Assign(crate::token::AssignmentOperator::Equals))?;
        let default = match equals {
            None => None,
            Some(equals) => {
                self.skip_newlines()?;
                match self.expression(false)? {
                    Some(default) => Some(default),
                    None => {
                        let at = self.out(equals.span).end;
                        return self.missing_after("MissingExpressionAfterToken", at);
                    }
                }
            }
        };
        self.comma_separates = comma;
        self.set_mode(mode);
        let attributes = attributes.unwrap_or_default();
        let start = attributes.first().map_or(name, |a| a.span);
        let end = default.as_ref().map_or(name, |d| d.span);
        let mut children: Vec<Node> = attributes.into_iter().map(Node::Attribute).collect();
        let variable = ExpressionKind::Variable(Variable { path, splat });
        children.push(Node::Expression(self.make(variable, name, 0)?));
        children.extend(default.map(Node::Expression));
        Ok(Some(Compound { kind: CompoundKind::Parameter, children, span: start.to(end) }))
    }

    /// The body of a function after its opening brace.
    pub(super) fn function_body(&mut self, open: Span) -> Result<ScriptBlock> {
        self.deeper(|p| p.script_block_body(Some(open)))
    }
}
