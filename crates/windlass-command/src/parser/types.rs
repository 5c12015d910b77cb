//! Type names, type constraints and attributes.

use crate::ast::{Attribute, AttributeArguments, Span};
use crate::lexer::{Mode, Result};
use crate::token::{Kind, Token};

use super::Parser;

/// The most dimensions of an array type.
const MAX_DIMENSIONS: usize = 32;

impl Parser<'_> {
    /// Attributes and type constraints in a row; `None` where there is none.
    pub(super) fn attribute_list(&mut self, in_expression: bool) -> Result<Option<Vec<Attribute>>> {
        let mut attributes = Vec::new();
        while let Some(attribute) = self.attribute()? {
            if attributes.len() >= 100 {
                return self.too_complex(attribute.span);
            }
            if !in_expression || attribute.arguments.is_some() {
                self.skip_newlines()?;
            }
            attributes.push(attribute);
        }
        Ok(if attributes.is_empty() { None } else { Some(attributes) })
    }

    pub(super) fn attribute(&mut self) -> Result<Option<Attribute>> {
        let open = match self.ungot.take() {
            Some(token) if token.kind == Kind::LBracket => token.span,
            Some(token) => {
                self.unget(token);
                return Ok(None);
            }
            None => match self.lexer.bracket()? {
                Some(at) => Span::new(at, at + 1),
                None => return Ok(None),
            },
        };
        self.skip_newlines()?;
        let Some(name) = self.type_name(true)? else {
            return self.missing_after("MissingTypename", self.out(open).end);
        };
        let type_name = self.text(name).to_owned();
        let next = self.next()?;
        let arguments = match next.kind {
            Kind::RBracket => {
                let span = self.out(open).to(self.out(next.span));
                return Ok(Some(Attribute { type_name, arguments: None, span }));
            }
            Kind::LParen => self.deeper(Self::attribute_arguments)?,
            _ => return self.error("EndSquareBracketExpectedAtEndOfAttribute", &next),
        };
        self.skip_newlines()?;
        let close = self.next()?;
        if close.kind != Kind::RBracket {
            let at = self.out(close.span);
            return self.missing_at("EndSquareBracketExpectedAtEndOfAttribute", at);
        }
        let span = self.out(open).to(self.out(close.span));
        Ok(Some(Attribute { type_name, arguments: Some(arguments), span }))
    }

    /// Arguments of an attribute with their closing parenthesis.
    fn attribute_arguments(&mut self) -> Result<AttributeArguments> {
        self.skip_newlines()?;
        let mode = self.set_mode(Mode::Expression);
        let comma = std::mem::replace(&mut self.comma_separates, true);
        let mut arguments = AttributeArguments::default();
        let mut after_comma = None;
        loop {
            self.skip_newlines()?;
            if let Some(name) = self.simple_name()? {
                self.named_argument(&name, &mut arguments)?;
            } else {
                match (self.expression(false)?, after_comma) {
                    (Some(value), _) => arguments.positional.push(value),
                    (None, Some(at)) => return self.missing_after("MissingExpressionAfterToken", at),
                    (None, None) => {}
                }
            }
            self.skip_newlines()?;
            match self.take(&Kind::Comma)? {
                Some(token) => after_comma = Some(self.out(token.span).end),
                None => break,
            }
        }
        self.comma_separates = comma;
        self.set_mode(mode);
        self.skip_newlines()?;
        let close = self.next()?;
        if close.kind != Kind::RParen {
            return self.missing_at("MissingEndParenthesisInExpression", self.out(close.span));
        }
        Ok(arguments)
    }

    fn named_argument(
        &mut self,
        name: &crate::ast::Expression,
        arguments: &mut AttributeArguments,
    ) -> Result<()> {
        let crate::ast::ExpressionKind::String { value: text, .. } = &name.kind else { return Ok(()) };
        let equals = self.take(&Kind::Assign(crate::token::AssignmentOperator::Equals))?;
        let value = if let Some(equals) = equals {
            self.skip_newlines()?;
            match self.expression(false)? {
                Some(value) => value,
                None => {
                    let at = self.out(equals.span).end;
                    return self.missing_after("MissingExpressionInNamedArgument", at);
                }
            }
        } else {
            // A name alone means true.
            name.clone()
        };
        if arguments.named.iter().any(|(other, ..)| other.eq_ignore_ascii_case(text)) {
            return self.fail("DuplicateNamedArgument", name.span);
        }
        let span = name.span.to(value.span);
        arguments.named.push((text.clone(), value, span));
        Ok(())
    }

    /// A type's name with its generic arguments, array brackets and assembly; the span is that of
    /// the lexer. `None` where there is none.
    pub(super) fn type_name(&mut self, assembly: bool) -> Result<Option<Span>> {
        let mode = self.set_mode(Mode::TypeName);
        let token = self.next()?;
        let name = if token.kind == Kind::Identifier {
            Some(token.span.to(self.finish_type_name(&token, false, assembly)?))
        } else {
            self.unget(token);
            None
        };
        self.set_mode(mode);
        Ok(name)
    }

    /// The rest of a type's name after its first token; where it ends.
    fn finish_type_name(&mut self, name: &Token, unbracketed: bool, assembly: bool) -> Result<Span> {
        match self.peek_kind()? {
            Kind::LBracket => {
                let open = self.next()?;
                self.skip_newlines()?;
                let token = self.next()?;
                match token.kind {
                    Kind::RBracket | Kind::Comma => self.array_type(token, unbracketed),
                    Kind::LBracket | Kind::Identifier => self.generic_type(&token, unbracketed),
                    Kind::EndOfInput => self.missing_after("MissingTypename", self.out(open.span).end),
                    _ => self.error("UnexpectedToken", &token),
                }
            }
            Kind::Comma if assembly && !unbracketed => self.assembly(),
            _ => Ok(name.span),
        }
    }

    fn assembly(&mut self) -> Result<Span> {
        let comma = self.next()?;
        let span = self.lexer.assembly_name();
        if self.text(span).trim().is_empty() {
            return self.error("MissingAssemblyNameSpecification", &comma);
        }
        Ok(span)
    }

    fn generic_type(&mut self, first: &Token, unbracketed: bool) -> Result<Span> {
        let close = self.deeper(|p| p.generic_arguments_from(first))?;
        if close.kind != Kind::RBracket {
            let at = self.out(close.span);
            return self.missing_at("EndSquareBracketExpectedAtEndOfAttribute", at);
        }
        match self.peek_kind()? {
            Kind::LBracket => {
                self.skip();
                let token = self.next()?;
                self.array_type(token, unbracketed)
            }
            Kind::Comma if !unbracketed => self.assembly(),
            _ => Ok(close.span),
        }
    }

    /// Generic arguments from the first on; the token after them.
    fn generic_arguments_from(&mut self, first: &Token) -> Result<Token> {
        self.generic_argument(first)?;
        loop {
            self.skip_newlines()?;
            let last = self.next()?;
            if last.kind != Kind::Comma {
                return Ok(last);
            }
            self.skip_newlines()?;
            if !matches!(self.peek_kind()?, Kind::Identifier | Kind::LBracket) {
                return self.missing_after("MissingTypename", self.out(last.span).end);
            }
            let token = self.next()?;
            self.generic_argument(&token)?;
        }
    }

    fn generic_argument(&mut self, first: &Token) -> Result<()> {
        if first.kind == Kind::Identifier {
            self.deeper(|p| p.finish_type_name(first, true, true))?;
            return Ok(());
        }
        let token = self.next()?;
        if token.kind != Kind::Identifier {
            return self.missing_after("MissingTypename", self.out(token.span).end);
        }
        self.deeper(|p| p.finish_type_name(&token, false, true))?;
        let close = self.next()?;
        if close.kind != Kind::RBracket {
            let at = self.out(close.span);
            return self.missing_at("EndSquareBracketExpectedAtEndOfType", at);
        }
        Ok(())
    }

    /// Array brackets after the first `[` and the token behind it; where they end.
    fn array_type(&mut self, token: Token, unbracketed: bool) -> Result<Span> {
        let mut token = token;
        let mut ranks = 0;
        loop {
            let mut dimensions = 1;
            while token.kind == Kind::Comma {
                dimensions += 1;
                token = self.next()?;
            }
            if dimensions > MAX_DIMENSIONS {
                return self.error("ArrayHasTooManyDimensions", &token);
            }
            if token.kind != Kind::RBracket {
                return self.error("EndSquareBracketExpectedAtEndOfAttribute", &token);
            }
            ranks += 1;
            if ranks > 200 {
                return self.error("ScriptTooComplicated", &token);
            }
            match self.peek_kind()? {
                Kind::Comma if !unbracketed => return self.assembly(),
                Kind::LBracket => self.skip(),
                _ => return Ok(token.span),
            }
            token = self.next()?;
        }
    }

    /// Types in brackets after a method's name; whether there are any. `restore` is where reading
    /// goes on where not.
    pub(super) fn generic_arguments(&mut self, restore: usize) -> Result<bool> {
        let open = self.next()?;
        if open.kind != Kind::LBracket {
            self.rewind(restore);
            return Ok(false);
        }
        let mode = self.set_mode(Mode::TypeName);
        self.skip_newlines()?;
        let first = self.next()?;
        let found = first.kind == Kind::Identifier;
        if found {
            let close = self.deeper(|p| p.generic_arguments_from(&first))?;
            if close.kind != Kind::RBracket {
                let at = self.out(close.span);
                return self.missing_at("EndSquareBracketExpectedAtEndOfType", at);
            }
        }
        self.set_mode(mode);
        if !found {
            self.rewind(restore);
        }
        Ok(found)
    }
}
