//! Statements with keywords: kept as structure, so that a script block can be passed on whole.

use crate::ast::{Block, Compound, CompoundKind, Expression, Node, Span, Statement};
use crate::lexer::Result;
use crate::token::{Keyword, Kind, Token};

use super::Parser;
use super::commands::Context;

fn compound(kind: CompoundKind, children: Vec<Node>, span: Span) -> Compound {
    Compound { kind, children, span }
}

impl Parser<'_> {
    /// `( condition )`, and where it ends.
    fn condition(&mut self, keyword: Span, missing: &'static str) -> Result<(Statement, Span)> {
        self.skip_newlines()?;
        let Some(open) = self.take(&Kind::LParen)? else {
            return self.missing_after("MissingOpenParenthesisAfterKeyword", keyword.end);
        };
        self.skip_newlines()?;
        let Some(condition) = self.pipeline_chain()? else {
            return self.missing_after(missing, self.out(open.span).end);
        };
        self.skip_newlines()?;
        let close = self.next()?;
        if close.kind != Kind::RParen {
            let at = self.out(close.span);
            return self.missing_at("MissingEndParenthesisAfterStatement", at);
        }
        Ok((condition, self.out(close.span)))
    }

    fn body(&mut self, after: Span, missing: &'static str) -> Result<Block> {
        self.skip_newlines()?;
        match self.statement_block()? {
            Some(block) => Ok(block),
            None => self.missing_after(missing, after.end),
        }
    }

    pub(super) fn if_statement(&mut self, start: Span) -> Result<Compound> {
        let mut children = Vec::new();
        let mut keyword = start;
        let end = loop {
            let (condition, close) = self.condition(keyword, "IfStatementMissingCondition")?;
            let body = self.body(close, "MissingStatementBlock")?;
            let end = body.span;
            children.push(Node::Statement(condition));
            children.push(Node::Block(body));
            let restore = self.restore_point();
            self.skip_newlines()?;
            match self.peek_keyword()? {
                Some(Keyword::ElseIf) => keyword = self.next().map(|t| self.out(t.span))?,
                Some(Keyword::Else) => {
                    let keyword = self.next().map(|t| self.out(t.span))?;
                    let body = self.body(keyword, "MissingStatementBlockAfterElse")?;
                    let end = body.span;
                    children.push(Node::Block(body));
                    break end;
                }
                _ => {
                    self.rewind(restore);
                    break end;
                }
            }
        };
        Ok(compound(CompoundKind::If, children, start.to(end)))
    }

    pub(super) fn while_loop(&mut self, start: Span) -> Result<Compound> {
        let (condition, close) = self.condition(start, "MissingExpressionAfterKeyword")?;
        let body = self.body(close, "MissingLoopStatement")?;
        let span = start.to(body.span);
        Ok(compound(CompoundKind::While, vec![Node::Statement(condition), Node::Block(body)], span))
    }

    pub(super) fn do_loop(&mut self, start: Span) -> Result<Compound> {
        let body = self.body(start, "MissingLoopStatement")?;
        self.skip_newlines()?;
        let token = self.next()?;
        let kind = match token.kind {
            Kind::Keyword(Keyword::While) => CompoundKind::DoWhile,
            Kind::Keyword(Keyword::Until) => CompoundKind::DoUntil,
            _ => return self.missing_after("MissingWhileOrUntilInDoWhile", body.span.end),
        };
        let keyword = self.out(token.span);
        let (condition, close) = self.condition(keyword, "MissingExpressionAfterKeyword")?;
        Ok(compound(kind, vec![Node::Statement(condition), Node::Block(body)], start.to(close)))
    }

    pub(super) fn for_loop(&mut self, start: Span) -> Result<Compound> {
        self.skip_newlines()?;
        if self.take(&Kind::LParen)?.is_none() {
            return self.missing_after("MissingOpenParenthesisAfterKeyword", start.end);
        }
        let mut children = Vec::new();
        for clause in 0..3 {
            self.skip_newlines()?;
            children.extend(self.pipeline_chain()?.map(Node::Statement));
            if clause < 2 {
                self.take(&Kind::Semi)?;
            }
        }
        self.skip_newlines()?;
        let close = self.next()?;
        let end = self.out(close.span);
        if close.kind != Kind::RParen {
            return self.missing_at("MissingEndParenthesisAfterStatement", end);
        }
        let body = self.body(end, "MissingLoopStatement")?;
        let span = start.to(body.span);
        children.push(Node::Block(body));
        Ok(compound(CompoundKind::For, children, span))
    }

    pub(super) fn foreach(&mut self, start: Span) -> Result<Compound> {
        self.skip_newlines()?;
        if matches!(self.peek_kind()?, Kind::Parameter { .. }) {
            // `-Parallel` and `-ThrottleLimit` are reserved, anything else is unknown.
            let token = self.next()?;
            return self.error("KeywordParameterReservedForFutureUse", &token);
        }
        if self.take(&Kind::LParen)?.is_none() {
            return self.missing_after("MissingOpenParenthesisAfterKeyword", start.end);
        }
        self.skip_newlines()?;
        let token = self.next()?;
        let at = self.out(token.span);
        if !matches!(token.kind, Kind::Variable(_) | Kind::Splat(_)) {
            return self.missing_at("MissingVariableNameAfterForeach", at);
        }
        self.unget(token);
        let Some(variable) = self.primary(false)? else {
            return self.missing_at("MissingVariableNameAfterForeach", at);
        };
        self.skip_newlines()?;
        if self.take(&Kind::Keyword(Keyword::In))?.is_none() {
            return self.missing_after("MissingInInForeach", variable.span.end);
        }
        self.skip_newlines()?;
        let Some(over) = self.pipeline_chain()? else {
            return self.missing_after("MissingForeachExpression", variable.span.end);
        };
        self.skip_newlines()?;
        let close = self.next()?;
        if close.kind != Kind::RParen {
            return self.missing_after("MissingEndParenthesisAfterForeach", over.span().end);
        }
        let body = self.body(self.out(close.span), "MissingForeachStatement")?;
        let span = start.to(body.span);
        let children = vec![Node::Expression(variable), Node::Statement(over), Node::Block(body)];
        Ok(compound(CompoundKind::ForEach, children, span))
    }

    pub(super) fn switch(&mut self, start: Span) -> Result<Compound> {
        self.skip_newlines()?;
        let mut children = Vec::new();
        while matches!(self.peek_kind()?, Kind::Parameter { .. }) {
            let token = self.next()?;
            children.extend(self.switch_flag(&token)?);
        }
        if *self.peek_kind()? == Kind::LParen {
            if !children.is_empty() {
                return self.missing_after("PipelineValueRequired", start.end);
            }
            let (condition, _) = self.condition(start, "PipelineValueRequired")?;
            children.push(Node::Statement(condition));
        }
        if children.is_empty() {
            return self.missing_after("PipelineValueRequired", start.end);
        }
        self.skip_newlines()?;
        let open = self.next()?;
        if open.kind != Kind::LCurly {
            let at = self.out(open.span);
            return self.missing_at("MissingCurlyBraceInSwitchStatement", at);
        }
        let open = self.out(open.span);
        let mut default = None;
        self.skip_newlines()?;
        loop {
            let is_default = self.peek_keyword()? == Some(Keyword::Default);
            let case = if is_default {
                let token = self.next()?;
                self.word(token.span)?
            } else {
                match self.single_argument(Context::SwitchCase)? {
                    Some(case) => case,
                    None => return self.missing_after("MissingSwitchConditionExpression", open.end),
                }
            };
            let body = self.body(case.span, "MissingSwitchStatementClause")?;
            if is_default {
                if default.replace(body).is_some() {
                    return self.fail("MultipleSwitchDefaultClauses", case.span);
                }
            } else {
                children.push(Node::Expression(case));
                children.push(Node::Block(body));
            }
            self.skip_newlines_and_semicolons()?;
            match self.peek_kind()? {
                Kind::RCurly => break,
                Kind::EndOfInput => {
                    let token = self.next()?;
                    return self.unclosed("MissingEndCurlyBrace", open, &token);
                }
                _ => {}
            }
        }
        let close = self.next()?;
        children.extend(default.map(Node::Block));
        Ok(compound(CompoundKind::Switch, children, start.to(self.out(close.span))))
    }

    /// A flag of `switch`; `-File` has a name.
    fn switch_flag(&mut self, token: &Token) -> Result<Option<Node>> {
        let Kind::Parameter { name, .. } = &token.kind else { return Ok(None) };
        let lower = name.to_ascii_lowercase();
        let flags = ["regex", "wildcard", "exact", "casesensitive"];
        if flags.iter().any(|flag| flag.starts_with(&lower)) {
            return Ok(None);
        }
        if "parallel".starts_with(&lower) {
            return self.error("KeywordParameterReservedForFutureUse", token);
        }
        if !"file".starts_with(&lower) {
            return self.error("InvalidSwitchFlag", token);
        }
        self.skip_newlines()?;
        match self.single_argument(Context::FileName)? {
            Some(name) => Ok(Some(Node::Expression(name))),
            None => self.missing_at("MissingFilenameOption", self.out(token.span)),
        }
    }

    pub(super) fn try_statement(&mut self, start: Span) -> Result<Compound> {
        let body = self.body(start, "MissingTryStatementBlock")?;
        let mut end = body.span;
        let mut children = vec![Node::Block(body)];
        loop {
            self.skip_newlines()?;
            if self.peek_keyword()? != Some(Keyword::Catch) {
                break;
            }
            let token = self.next()?;
            let clause = self.catch_clause(self.out(token.span))?;
            end = clause.span;
            children.push(Node::Compound(clause));
        }
        if let Some(token) = self.take(&Kind::Keyword(Keyword::Finally))? {
            let block = self.body(self.out(token.span), "MissingFinallyStatementBlock")?;
            end = block.span;
            children.push(Node::Block(block));
        }
        if children.len() == 1 {
            return self.missing_after("MissingCatchOrFinally", end.end);
        }
        Ok(compound(CompoundKind::Try, children, start.to(end)))
    }

    fn catch_clause(&mut self, start: Span) -> Result<Compound> {
        let mut children = Vec::new();
        let mut after = start;
        let mut after_comma = None;
        loop {
            let restore = self.restore_point();
            self.skip_newlines()?;
            match (self.attribute()?, after_comma) {
                (Some(attribute), _) if attribute.arguments.is_none() => {
                    after = attribute.span;
                    children.push(Node::Attribute(attribute));
                }
                (Some(_), _) => {
                    self.rewind(restore);
                    break;
                }
                (None, Some(at)) => return self.missing_after("MissingTypeLiteralToken", at),
                (None, None) => break,
            }
            self.skip_newlines()?;
            match self.take(&Kind::Comma)? {
                Some(comma) => after_comma = Some(self.out(comma.span).end),
                None => break,
            }
        }
        let block = self.body(after, "MissingCatchHandlerBlock")?;
        let span = start.to(block.span);
        children.push(Node::Block(block));
        Ok(compound(CompoundKind::Catch, children, span))
    }

    pub(super) fn trap(&mut self, start: Span) -> Result<Compound> {
        let restore = self.restore_point();
        self.skip_newlines()?;
        let mut children = Vec::new();
        match self.attribute()? {
            Some(attribute) if attribute.arguments.is_none() => children.push(Node::Attribute(attribute)),
            Some(_) => self.rewind(restore),
            None => {}
        }
        let block = self.body(start, "MissingTrapStatement")?;
        let span = start.to(block.span);
        children.push(Node::Block(block));
        Ok(compound(CompoundKind::Trap, children, span))
    }

    pub(super) fn function(&mut self, start: Span, keyword: Keyword) -> Result<Compound> {
        self.skip_newlines()?;
        let name = self.next()?;
        let is_name = match &name.kind {
            Kind::Pipe
            | Kind::LParen
            | Kind::LCurly
            | Kind::AtParen
            | Kind::AtCurly
            | Kind::RCurly
            | Kind::RParen
            | Kind::EndOfInput
            | Kind::Semi
            | Kind::AndAnd
            | Kind::OrOr
            | Kind::Ampersand
            | Kind::Variable(_)
            | Kind::Splat(_)
            | Kind::Literal { .. }
            | Kind::Expandable { .. } => false,
            other => !other.is_redirection(),
        };
        if !is_name {
            return self.missing_after("MissingNameAfterKeyword", start.end);
        }
        self.skip_newlines()?;
        let mut children = Vec::new();
        let mut before = self.out(name.span);
        if self.take(&Kind::LParen)?.is_some() {
            let (parameters, end) = self.parameters_in_parentheses()?;
            children.extend(parameters.into_iter().map(Node::Compound));
            before = end;
            self.skip_newlines()?;
        }
        let open = self.next()?;
        if open.kind != Kind::LCurly {
            return self.missing_after("MissingFunctionBody", before.end);
        }
        let has_parameters = !children.is_empty();
        let body = self.function_body(open.span)?;
        let span = start.to(body.span);
        if keyword == Keyword::Workflow {
            return self.fail("WorkflowNotSupportedInPowerShellCore", span);
        }
        if let Some(second) = body.parameters.as_ref().filter(|_| has_parameters) {
            return self.fail("OnlyOneParameterListAllowed", second.span);
        }
        children.push(Node::ScriptBlock(Box::new(body)));
        Ok(compound(CompoundKind::Function, children, span))
    }

    pub(super) fn data(&mut self, start: Span) -> Result<Compound> {
        self.skip_newlines()?;
        let mut end = start;
        if let Some(name) = self.simple_name()? {
            end = name.span;
        }
        self.skip_newlines()?;
        if let Kind::Parameter { name, .. } = self.peek_kind()? {
            let known = "supportedcommand".starts_with(&name.to_ascii_lowercase());
            let token = self.next()?;
            if !known {
                return self.error("InvalidParameterForDataSectionStatement", &token);
            }
            loop {
                self.skip_newlines()?;
                match self.single_argument(Context::Name)? {
                    Some(command) => end = command.span,
                    None => {
                        let id = "MissingValueForSupportedCommandInDataSectionStatement";
                        return self.missing_after(id, self.out(token.span).end);
                    }
                }
                if self.take(&Kind::Comma)?.is_none() {
                    break;
                }
            }
        }
        let block = self.body(end, "MissingStatementBlockForDataSection")?;
        let span = start.to(block.span);
        Ok(compound(CompoundKind::Data, vec![Node::Block(block)], span))
    }

    /// `using namespace X`, `using module X`, `using assembly X`.
    pub(super) fn using(&mut self, start: Span) -> Result<Compound> {
        let token = self.next()?;
        let known =
            matches!(token.kind, Kind::Keyword(Keyword::Namespace | Keyword::Module | Keyword::Assembly));
        if !known {
            return self.missing_after("MissingUsingStatementDirective", start.end);
        }
        let next = self.next()?;
        let name: Option<Expression> = self.argument(Context::Argument, next)?;
        let Some(name) = name else {
            return self.missing_after("MissingUsingItemName", self.out(token.span).end);
        };
        let end = self.next()?;
        if !matches!(end.kind, Kind::NewLine | Kind::Semi | Kind::EndOfInput) {
            return self.error("MissingStatementTerminator", &end);
        }
        self.unget(end);
        let span = start.to(name.span);
        Ok(compound(CompoundKind::Using, vec![Node::Expression(name)], span))
    }
}
