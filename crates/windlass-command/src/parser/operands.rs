//! Operands: literals, variables, brackets, and what accesses their members.

use crate::ast::{Expression, ExpressionKind, Index, Member, Part, Quoting, Span, Statement, Variable};
use crate::lexer::{Lexer, Mode, Result};
use crate::token::{Expandable, Kind, NestedKind, Token};

use super::Parser;

impl Parser<'_> {
    /// A literal, a variable or something in brackets; `None` (and the token given back) where none
    /// begins here.
    pub(super) fn primary(&mut self, members: bool) -> Result<Option<Expression>> {
        let token = self.next()?;
        let span = self.out(token.span);
        let expression = match token.kind {
            Kind::Variable(path) => self.variable(Variable { path, splat: false }, span, members)?,
            Kind::Splat(path) => self.variable(Variable { path, splat: true }, span, members)?,
            Kind::Number(number) => self.make(ExpressionKind::Number(number), span, 0)?,
            Kind::Literal { value, here } => {
                let kind = ExpressionKind::String { value, quoting: Self::quoting(here, false) };
                self.make(kind, span, 0)?
            }
            Kind::Expandable { value, here } => {
                let quoting = Self::quoting(here, true);
                if value.nested.is_empty() {
                    self.make(ExpressionKind::String { value: value.value, quoting }, span, 0)?
                } else {
                    self.expandable(&value, quoting, span)?
                }
            }
            Kind::LParen => self.parenthesised(span)?,
            Kind::AtParen | Kind::DollarParen => self.sub_expression(&token)?,
            Kind::AtCurly => self.hashtable(span)?,
            Kind::LCurly => self.script_block_expression(token.span)?,
            _ => {
                self.unget(token);
                return Ok(None);
            }
        };
        if !members || self.ungot.is_some() {
            return Ok(Some(expression));
        }
        let access = self.lexer.member_access(true)?;
        self.postfix(access, expression).map(Some)
    }

    fn variable(&mut self, variable: Variable, span: Span, members: bool) -> Result<Expression> {
        let using = variable.path.split_once(':').filter(|(drive, _)| drive.eq_ignore_ascii_case("using"));
        let Some((_, name)) = using else {
            return self.make(ExpressionKind::Variable(variable), span, 0);
        };
        let inner = Variable { path: name.to_owned(), splat: variable.splat };
        let mut inner = self.make(ExpressionKind::Variable(inner), span, 0)?;
        if members {
            let access = self.lexer.member_access(true)?;
            inner = self.postfix(access, inner)?;
        }
        let (span, below) = (inner.span, inner.height);
        self.make(ExpressionKind::Using(Box::new(inner)), span, below)
    }

    /// A string with its variables and sub-expressions read.
    pub(super) fn expandable(
        &mut self,
        string: &Expandable,
        quoting: Quoting,
        span: Span,
    ) -> Result<Expression> {
        let mut parts = Vec::new();
        let mut done = 0;
        let mut below = 0;
        for nested in &string.nested {
            push_text(&mut parts, string.value.get(done..nested.at.start));
            done = nested.at.end;
            let expression = match &nested.kind {
                NestedKind::Variable(path) => {
                    let variable = Variable { path: path.clone(), splat: false };
                    self.variable(variable, self.out(nested.span), false)?
                }
                NestedKind::SubExpression(text, origin) => {
                    let mut lexer = Lexer::with_origin(text, origin.clone());
                    lexer.share_work(&self.lexer);
                    let mut parser = Parser::new(lexer, self.depth, true);
                    let expression = parser.deeper(|p| p.primary(true))?;
                    self.lexer.share_work(&parser.lexer);
                    let Some(expression) = expression else {
                        return self.fail("ExpectedExpression", self.out(nested.span));
                    };
                    expression
                }
            };
            below = below.max(expression.height);
            let source = string.value.get(nested.at.start..nested.at.end).unwrap_or_default().to_owned();
            parts.push(Part::Expression { expression, source });
        }
        push_text(&mut parts, string.value.get(done..));
        self.make(ExpressionKind::Expandable { parts, quoting }, span, below)
    }

    /// Members, elements and calls directly behind an operand.
    pub(super) fn postfix(&mut self, access: Option<Kind>, target: Expression) -> Result<Expression> {
        let mut target = target;
        let mut access = access;
        while let Some(kind) = access.take() {
            let after = self.lexer.position();
            self.skip_newlines()?;
            target = match kind {
                Kind::LBracket | Kind::QuestionLBracket => {
                    self.element(target, kind == Kind::QuestionLBracket, after)?
                }
                kind => self.member(target, &kind, after)?,
            };
            if self.ungot.is_none() {
                access = self.lexer.member_access(true)?;
            }
        }
        Ok(target)
    }

    fn member(&mut self, target: Expression, access: &Kind, after: usize) -> Result<Expression> {
        let Some(member) = self.deeper(Self::member_name)? else {
            let at = self.out(Span::new(after, after)).end;
            return self.missing_after("MissingPropertyName", at);
        };
        let below = target.height.max(member.height);
        let span = target.span.to(member.span);
        let (is_static, null_conditional) = (*access == Kind::ColonColon, *access == Kind::QuestionDot);
        let member = Box::new(Member { target, member, is_static, null_conditional });
        if self.ungot.is_some() {
            return self.make(ExpressionKind::Member(member), span, below);
        }
        let restore = self.lexer.position();
        let has_types = self.generic_arguments(restore)?;
        match self.lexer.invoke_open().filter(|_| self.ungot.is_none()) {
            Some(Kind::LParen) => {
                let ((arguments, end), inner) = self.enclosed(Self::call_arguments)?;
                let kind = ExpressionKind::Invoke(member, arguments);
                self.make(kind, span.to(end), below.max(inner))
            }
            Some(_) => {
                let brace = self.lexer.position();
                self.skip_newlines()?;
                let block = self.script_block_expression(Span::new(brace.saturating_sub(1), brace))?;
                let (end, below) = (block.span, below.max(block.height));
                self.make(ExpressionKind::Invoke(member, vec![block]), span.to(end), below)
            }
            None => {
                if has_types {
                    self.rewind(restore);
                }
                self.make(ExpressionKind::Member(member), span, below)
            }
        }
    }

    fn member_name(&mut self) -> Result<Option<Expression>> {
        if let Some(name) = self.simple_name()? {
            return Ok(Some(name));
        }
        let unary = match self.peek_kind()? {
            Kind::LBracket | Kind::Comma => true,
            Kind::Operator(operator) => operator.is_unary(),
            _ => false,
        };
        if unary { self.unary(false) } else { self.primary(false) }
    }

    /// Arguments of a call up to its closing parenthesis, and where that stands.
    pub(super) fn call_arguments(&mut self) -> Result<(Vec<Expression>, Span)> {
        let comma = std::mem::replace(&mut self.comma_separates, true);
        let mut arguments = Vec::new();
        let mut after_comma = None;
        loop {
            self.skip_newlines()?;
            match (self.expression(false)?, after_comma.take()) {
                (Some(argument), _) => arguments.push(argument),
                (None, Some(at)) => return self.missing_after("MissingExpressionAfterToken", at),
                (None, None) => break,
            }
            self.skip_newlines()?;
            match self.take(&Kind::Comma)? {
                Some(token) => after_comma = Some(self.out(token.span).end),
                None => break,
            }
        }
        self.skip_newlines()?;
        let close = self.next()?;
        if close.kind != Kind::RParen {
            let at = arguments.last().map_or(self.out(close.span).start, |a| a.span.end);
            return self.missing_after("MissingEndParenthesisInMethodCall", at);
        }
        self.comma_separates = comma;
        Ok((arguments, self.out(close.span)))
    }

    fn element(&mut self, target: Expression, null_conditional: bool, after: usize) -> Result<Expression> {
        let comma = std::mem::replace(&mut self.comma_separates, false);
        let (index, _) = self.enclosed(|p| p.expression(false))?;
        self.comma_separates = comma;
        let Some(index) = index else {
            let at = self.out(Span::new(after, after)).end;
            return self.missing_after("MissingArrayIndexExpression", at);
        };
        self.skip_newlines()?;
        let close = self.next()?;
        if close.kind != Kind::RBracket {
            return self.missing_after("MissingEndSquareBracket", index.span.end);
        }
        let span = target.span.to(self.out(close.span));
        let below = target.height.max(index.height);
        self.make(ExpressionKind::Index(Box::new(Index { target, index, null_conditional })), span, below)
    }

    fn parenthesised(&mut self, open: Span) -> Result<Expression> {
        let ((inner, close), below) = self.enclosed(|p| {
            let mode = p.set_mode(Mode::Command);
            let comma = std::mem::replace(&mut p.comma_separates, false);
            p.skip_newlines()?;
            let Some(inner) = p.pipeline_chain()? else {
                return p.missing_after("ExpectedExpression", open.end);
            };
            p.skip_newlines()?;
            let close = p.next()?;
            if close.kind != Kind::RParen {
                return p.missing_after("MissingEndParenthesisInExpression", inner.span().end);
            }
            p.comma_separates = comma;
            p.set_mode(mode);
            Ok((inner, close))
        })?;
        let span = open.to(self.out(close.span));
        self.make(ExpressionKind::Paren(Box::new(inner)), span, below)
    }

    /// `$( .. )` and `@( .. )`.
    fn sub_expression(&mut self, open: &Token) -> Result<Expression> {
        let ((block, close), below) = self.enclosed(|p| {
            let mode = p.set_mode(Mode::Command);
            let comma = std::mem::replace(&mut p.comma_separates, false);
            p.skip_newlines()?;
            let (block, _) = p.statement_list()?;
            p.skip_newlines()?;
            let close = p.next()?;
            if close.kind != Kind::RParen {
                return p.missing_at("MissingEndParenthesisInSubexpression", p.out(close.span));
            }
            p.comma_separates = comma;
            p.set_mode(mode);
            Ok((block, close))
        })?;
        let span = self.out(open.span).to(self.out(close.span));
        let kind = match open.kind {
            Kind::AtParen => ExpressionKind::ArrayExpression(block),
            _ => ExpressionKind::SubExpression(block),
        };
        self.make(kind, span, below)
    }

    fn hashtable(&mut self, open: Span) -> Result<Expression> {
        let (entries, below) = self.enclosed(|p| {
            let mut entries = Vec::new();
            p.skip_newlines()?;
            while let Some(entry) = p.entry()? {
                entries.push(entry);
                if !matches!(p.peek_kind()?, Kind::NewLine | Kind::Semi) {
                    break;
                }
                p.skip_newlines_and_semicolons()?;
            }
            Ok(entries)
        })?;
        let close = self.next()?;
        if close.kind != Kind::RCurly {
            return self.unclosed("MissingEndCurlyBrace", Span::new(open.end, open.end), &close);
        }
        let span = open.to(self.out(close.span));
        self.make(ExpressionKind::Hashtable(entries), span, below)
    }

    fn entry(&mut self) -> Result<Option<(Expression, Statement)>> {
        let mode = self.set_mode(Mode::Expression);
        let Some(key) = self.label_or_key()? else {
            self.set_mode(mode);
            return Ok(None);
        };
        let equals = self.next()?;
        self.set_mode(mode);
        if equals.kind != Kind::Assign(crate::token::AssignmentOperator::Equals) {
            return self.fail("MissingEqualsInHashLiteral", Span::new(key.span.end, key.span.end));
        }
        let mode = self.set_mode(Mode::Command);
        self.skip_newlines()?;
        let Some(value) = self.deeper(Self::statement)? else {
            return self.missing_after("MissingStatementInHashLiteral", self.out(equals.span).end);
        };
        self.set_mode(mode);
        Ok(Some((key, value)))
    }
}

fn push_text(parts: &mut Vec<Part>, text: Option<&str>) {
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        parts.push(Part::Text(text.to_owned()));
    }
}
