//! Statements and what decides which one it is.

use crate::ast::{Attribute, Block, Compound, CompoundKind, Node, Span, Statement};
use crate::error::{Construct, ParseErrorKind};
use crate::lexer::Result;
use crate::token::{Keyword, Kind, Token};

use super::Parser;

impl Parser<'_> {
    /// Statements up to a closing bracket or the end. The span is that of the statements, `None`
    /// where there is none.
    pub(super) fn statement_list(&mut self) -> Result<(Block, Option<Span>)> {
        let mut block = Block::default();
        let mut span: Option<Span> = None;
        self.skip_newlines_and_semicolons()?;
        while let Some(statement) = self.deeper(Self::statement)? {
            let here = statement.span();
            span = Some(span.map_or(here, |s| s.to(here)));
            match statement {
                Statement::Compound(compound) if compound.kind == CompoundKind::Trap => {
                    block.traps.push(*compound);
                }
                other => block.statements.push(other),
            }
            self.skip_newlines_and_semicolons()?;
            if matches!(self.peek_kind()?, Kind::RParen | Kind::RCurly) {
                break;
            }
        }
        block.span = span.unwrap_or_default();
        Ok((block, span))
    }

    pub(super) fn statement(&mut self) -> Result<Option<Statement>> {
        let mut token = self.next()?;
        let mut attributes = None;
        let mut restore = token.span.start;
        if matches!(token.kind, Kind::Generic(_)) && self.text(token.span).starts_with('[') {
            restore = token.span.start;
            self.rewind(restore);
            attributes = self.attribute_list(false)?;
            token = self.next()?;
            if let Some(attributes) = &attributes
                && !self.attributes_belong(attributes, &token)?
            {
                self.rewind(restore);
                token = self.next()?;
            }
        }
        let compound = match &token.kind {
            Kind::Keyword(keyword) => self.keyword_statement(*keyword, &token, attributes.as_deref())?,
            Kind::Label => {
                self.skip_newlines()?;
                self.labelled(&token)?
            }
            Kind::EndOfInput if attributes.is_none() => {
                self.unget(token);
                return Ok(None);
            }
            _ => None,
        };
        if let Some(compound) = compound {
            return Ok(Some(Statement::Compound(Box::new(compound))));
        }
        if matches!(token.kind, Kind::Label) {
            self.rewind(token.span.start);
        } else if attributes.is_some() {
            self.rewind(restore);
        } else {
            self.unget(token);
        }
        self.pipeline_chain()
    }

    /// Whether attributes belong to the statement that `token` begins; else they begin an
    /// expression.
    fn attributes_belong(&self, attributes: &[Attribute], token: &Token) -> Result<bool> {
        let Kind::Keyword(keyword) = token.kind else { return Ok(false) };
        let constraint = attributes.iter().find(|a| a.arguments.is_none());
        if keyword.refuses_attributes() {
            return match (constraint, attributes.first()) {
                (None, Some(first)) => self.fail("UnexpectedAttribute", first.span),
                _ => Ok(false),
            };
        }
        match constraint {
            Some(constraint) => self.fail("TypeNotAllowedBeforeStatement", constraint.span),
            None => Ok(true),
        }
    }

    /// The statement that a keyword begins; `None` where the word is that of a command.
    fn keyword_statement(
        &mut self,
        keyword: Keyword,
        token: &Token,
        attributes: Option<&[Attribute]>,
    ) -> Result<Option<Compound>> {
        let start = self.out(token.span);
        Ok(Some(match keyword {
            Keyword::If => self.if_statement(start)?,
            Keyword::Switch => self.switch(start)?,
            Keyword::Foreach => self.foreach(start)?,
            Keyword::For => self.for_loop(start)?,
            Keyword::While => self.while_loop(start)?,
            Keyword::Do => self.do_loop(start)?,
            Keyword::Function | Keyword::Filter | Keyword::Workflow => self.function(start, keyword)?,
            Keyword::Return => self.flow(start, CompoundKind::Return)?,
            Keyword::Throw => self.flow(start, CompoundKind::Throw)?,
            Keyword::Exit => self.flow(start, CompoundKind::Exit)?,
            Keyword::Break => self.jump(start, CompoundKind::Break)?,
            Keyword::Continue => self.jump(start, CompoundKind::Continue)?,
            Keyword::Trap => self.trap(start)?,
            Keyword::Try => self.try_statement(start)?,
            Keyword::Data => self.data(start)?,
            Keyword::Class => self.class(start, attributes.unwrap_or_default())?,
            Keyword::Enum => self.enumeration(start, attributes.unwrap_or_default())?,
            Keyword::Using => return self.error("UsingMustBeAtStartOfScript", token),
            Keyword::From | Keyword::Define | Keyword::Var => {
                return self.error("ReservedKeywordNotAllowed", token);
            }
            Keyword::Parallel | Keyword::Sequence => return self.error("UnexpectedKeyword", token),
            Keyword::Configuration => {
                let kind = ParseErrorKind::Outside(Construct::Configuration);
                return self.lexer.fail(kind, token.span, false);
            }
            _ => return Ok(None),
        }))
    }

    fn labelled(&mut self, label: &Token) -> Result<Option<Compound>> {
        let start = self.out(label.span);
        let token = self.next()?;
        let Kind::Keyword(keyword) = token.kind else { return Ok(None) };
        Ok(Some(match keyword {
            Keyword::Switch => self.switch(start)?,
            Keyword::Foreach => self.foreach(start)?,
            Keyword::For => self.for_loop(start)?,
            Keyword::While => self.while_loop(start)?,
            Keyword::Do => self.do_loop(start)?,
            _ => return Ok(None),
        }))
    }

    /// `return`, `throw` and `exit`.
    fn flow(&mut self, start: Span, kind: CompoundKind) -> Result<Compound> {
        let value = self.pipeline_chain()?;
        let span = value.as_ref().map_or(start, |v| start.to(v.span()));
        Ok(Compound { kind, children: value.into_iter().map(Node::Statement).collect(), span })
    }

    /// `break` and `continue`.
    fn jump(&mut self, start: Span, kind: CompoundKind) -> Result<Compound> {
        let label = self.label_or_key()?;
        let span = label.as_ref().map_or(start, |l| start.to(l.span));
        Ok(Compound { kind, children: label.into_iter().map(Node::Expression).collect(), span })
    }

    /// Statements between braces; `None` where there is no opening brace.
    pub(super) fn statement_block(&mut self) -> Result<Option<Block>> {
        self.skip_newlines()?;
        let Some(open) = self.take(&Kind::LCurly)? else { return Ok(None) };
        let open = self.out(open.span);
        let (mut block, _) = self.statement_list()?;
        let close = self.next()?;
        if close.kind != Kind::RCurly {
            return self.unclosed("MissingEndCurlyBrace", open, &close);
        }
        block.span = open.to(self.out(close.span));
        Ok(Some(block))
    }
}
