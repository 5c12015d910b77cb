//! Classes and enumerations: their shape, not their types.

use crate::ast::{Attribute, Compound, CompoundKind, Node, Span};
use crate::lexer::{Mode, Result};
use crate::token::{AssignmentOperator, Keyword, Kind};

use super::Parser;

impl Parser<'_> {
    pub(super) fn class(&mut self, start: Span, attributes: &[Attribute]) -> Result<Compound> {
        let start = attributes.first().map_or(start, |a| a.span);
        let mut children: Vec<Node> = attributes.iter().cloned().map(Node::Attribute).collect();
        let mode = self.type_header(start, true)?;
        while let Some(member) = self.deeper(Self::class_member)? {
            children.push(Node::Compound(member));
        }
        let end = self.type_footer(start)?;
        self.set_mode(mode);
        Ok(Compound { kind: CompoundKind::Class, children, span: start.to(end) })
    }

    pub(super) fn enumeration(&mut self, start: Span, attributes: &[Attribute]) -> Result<Compound> {
        let start = attributes.first().map_or(start, |a| a.span);
        let mut children: Vec<Node> = attributes.iter().cloned().map(Node::Attribute).collect();
        let mode = self.type_header(start, false)?;
        while let Some(member) = self.enumerator()? {
            children.push(Node::Compound(member));
        }
        let end = self.type_footer(start)?;
        self.set_mode(mode);
        Ok(Compound { kind: CompoundKind::Enum, children, span: start.to(end) })
    }

    /// Name, base types and opening brace; the mode to go back to.
    fn type_header(&mut self, start: Span, several: bool) -> Result<Mode> {
        self.skip_newlines()?;
        let Some(name) = self.simple_name()? else {
            return self.missing_after("MissingNameAfterKeyword", start.end);
        };
        self.skip_newlines()?;
        let mode = self.set_mode(Mode::Signature);
        if let Some(colon) = self.take(&Kind::Colon)? {
            loop {
                self.skip_newlines()?;
                if self.type_name(false)?.is_none() {
                    return self.missing_after("TypeNameExpected", self.out(colon.span).end);
                }
                self.skip_newlines()?;
                if !several || self.take(&Kind::Comma)?.is_none() {
                    break;
                }
            }
        }
        self.skip_newlines()?;
        if self.take(&Kind::LCurly)?.is_none() {
            return self.missing_after("MissingTypeBody", name.span.end);
        }
        Ok(mode)
    }

    fn type_footer(&mut self, start: Span) -> Result<Span> {
        let close = self.next()?;
        if close.kind != Kind::RCurly {
            return self.unclosed("MissingEndCurlyBrace", start, &close);
        }
        Ok(self.out(close.span))
    }

    fn class_member(&mut self) -> Result<Option<Compound>> {
        let mut children = Vec::new();
        let mut start: Option<Span> = None;
        let mut typed = false;
        let mut qualifiers: Vec<Keyword> = Vec::new();
        let token = loop {
            self.skip_newlines()?;
            if let Some(attribute) = self.attribute()? {
                if attribute.arguments.is_none() && std::mem::replace(&mut typed, true) {
                    return self.fail("TooManyTypes", attribute.span);
                }
                start.get_or_insert(attribute.span);
                children.push(Node::Attribute(attribute));
                continue;
            }
            let token = self.next()?;
            start.get_or_insert(self.out(token.span));
            match token.kind {
                Kind::Keyword(q @ (Keyword::Hidden | Keyword::Static)) => {
                    if qualifiers.contains(&q) {
                        return self.error("DuplicateQualifier", &token);
                    }
                    qualifiers.push(q);
                }
                _ => break token,
            }
        };
        let start = start.unwrap_or_default();
        match token.kind {
            Kind::Variable(_) => {
                let mut end = self.out(token.span);
                if self.take(&Kind::Assign(AssignmentOperator::Equals))?.is_some() {
                    self.skip_newlines()?;
                    if let Some(value) = self.expression(false)? {
                        end = value.span;
                        children.push(Node::Expression(value));
                    }
                }
                let end = self.member_end(end)?;
                Ok(Some(Compound { kind: CompoundKind::ClassMember, children, span: start.to(end) }))
            }
            Kind::Identifier | Kind::Keyword(_) => {
                let end = self.method(&mut children)?;
                Ok(Some(Compound { kind: CompoundKind::ClassMember, children, span: start.to(end) }))
            }
            _ if !children.is_empty() || !qualifiers.is_empty() => {
                self.missing_at("IncompleteMemberDefinition", self.out(token.span))
            }
            _ => {
                self.unget(token);
                Ok(None)
            }
        }
    }

    /// What ends a property or enumerator: a newline, a semicolon or the closing brace.
    fn member_end(&mut self, end: Span) -> Result<Span> {
        let end = match self.peek_kind()? {
            Kind::Semi => end.to(self.peek().map(|t| t.span)?),
            Kind::NewLine | Kind::RCurly => end,
            _ => return self.missing_after("MissingPropertyTerminator", end.end),
        };
        self.skip_newlines_and_semicolons()?;
        Ok(end)
    }

    fn method(&mut self, children: &mut Vec<Node>) -> Result<Span> {
        let Some(open) = self.take(&Kind::LParen)? else {
            let token = self.next()?;
            return self.missing_at("MissingMethodParameterList", self.out(token.span));
        };
        let (parameters, mut end) = self.parameters_in_parentheses()?;
        children.extend(parameters.into_iter().map(Node::Compound));
        self.skip_newlines()?;
        if self.take(&Kind::Colon)?.is_some() {
            self.base_constructor(self.out(open.span))?;
        }
        let brace = self.next()?;
        if brace.kind != Kind::LCurly {
            return self.missing_after("MissingFunctionBody", end.end);
        }
        let mode = self.set_mode(Mode::Command);
        let body = self.function_body(brace.span)?;
        self.set_mode(mode);
        end = body.span;
        children.push(Node::ScriptBlock(Box::new(body)));
        self.skip_newlines_and_semicolons()?;
        Ok(end)
    }

    /// `: base( .. )` of a constructor.
    fn base_constructor(&mut self, open: Span) -> Result<()> {
        self.skip_newlines()?;
        if self.take(&Kind::Keyword(Keyword::Base))?.is_none() {
            return self.missing_after("MissingBaseCtorCall", open.end);
        }
        self.skip_newlines()?;
        let mode = self.set_mode(Mode::Expression);
        if self.take(&Kind::LParen)?.is_none() {
            return self.missing_after("MissingMethodParameterList", open.end);
        }
        self.enclosed(Self::call_arguments)?;
        self.skip_newlines()?;
        self.set_mode(mode);
        Ok(())
    }

    fn enumerator(&mut self) -> Result<Option<Compound>> {
        self.skip_newlines()?;
        let Some(name) = self.simple_name()? else { return Ok(None) };
        let mut end = name.span;
        let mut children = Vec::new();
        let mode = self.set_mode(Mode::Expression);
        if let Some(equals) = self.take(&Kind::Assign(AssignmentOperator::Equals))? {
            match self.expression(false)? {
                Some(value) => {
                    end = value.span;
                    children.push(Node::Expression(value));
                }
                None => return self.error("ExpectedValueExpression", &equals),
            }
        }
        self.set_mode(mode);
        let span = name.span.to(self.member_end(end)?);
        Ok(Some(Compound { kind: CompoundKind::ClassMember, children, span }))
    }
}
