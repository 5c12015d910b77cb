//! Expressions: operators and how they bind.

use crate::ast::{Attribute, Expression, ExpressionKind, Quoting};
use crate::lexer::{Mode, Result};
use crate::token::{Kind, Operator, Token};

use super::Parser;

impl Parser<'_> {
    /// An expression; `None` where none begins here. `ternary` says that `?` and `:` end a number.
    pub(super) fn expression(&mut self, ternary: bool) -> Result<Option<Expression>> {
        let mode = self.set_mode(Mode::Expression);
        let expression = self.conditional(ternary)?;
        self.set_mode(mode);
        Ok(expression)
    }

    fn conditional(&mut self, ternary: bool) -> Result<Option<Expression>> {
        let Some(condition) = self.binary(ternary)? else { return Ok(None) };
        let Some(question) = self.take(&Kind::QuestionMark)? else { return Ok(Some(condition)) };
        self.skip_newlines()?;
        let Some(yes) = self.deeper(|p| p.expression(true))? else {
            return self.missing_after("ExpectedValueExpression", self.out(question.span).end);
        };
        self.skip_newlines()?;
        let colon = self.next()?;
        if colon.kind != Kind::Colon {
            return self.missing_at("MissingColonInTernaryExpression", self.out(colon.span));
        }
        self.skip_newlines()?;
        let Some(no) = self.deeper(|p| p.expression(true))? else {
            return self.missing_after("ExpectedValueExpression", self.out(colon.span).end);
        };
        let span = condition.span.to(no.span);
        let below = condition.height.max(yes.height).max(no.height);
        self.make(ExpressionKind::Ternary(Box::new((condition, yes, no))), span, below).map(Some)
    }

    fn binary(&mut self, ternary: bool) -> Result<Option<Expression>> {
        let Some(first) = self.array_literal(ternary)? else { return Ok(None) };
        let mut operands = vec![first];
        let mut operators: Vec<(Operator, u8)> = Vec::new();
        loop {
            let (operator, precedence) = match self.peek_kind()? {
                Kind::Operator(operator) => match operator.precedence() {
                    Some(precedence) => (*operator, precedence),
                    None => break,
                },
                Kind::Parameter { .. } => {
                    let token = self.next()?;
                    return self.error("UnexpectedToken", &token);
                }
                _ => break,
            };
            while operators.last().is_some_and(|(_, top)| precedence <= *top) {
                self.reduce(&mut operands, &mut operators)?;
            }
            let token = self.next()?;
            operators.push((operator, precedence));
            self.skip_newlines()?;
            match self.array_literal(true)? {
                Some(operand) => operands.push(operand),
                None => {
                    return self.missing_after("ExpectedValueExpression", self.out(token.span).end);
                }
            }
        }
        while !operators.is_empty() {
            self.reduce(&mut operands, &mut operators)?;
        }
        Ok(operands.pop())
    }

    fn reduce(&mut self, operands: &mut Vec<Expression>, operators: &mut Vec<(Operator, u8)>) -> Result<()> {
        if let (Some((operator, _)), Some(right), Some(left)) =
            (operators.pop(), operands.pop(), operands.pop())
        {
            let span = left.span.to(right.span);
            let below = left.height.max(right.height);
            let kind = ExpressionKind::Binary(operator, Box::new((left, right)));
            operands.push(self.make(kind, span, below)?);
        }
        Ok(())
    }

    fn array_literal(&mut self, ternary: bool) -> Result<Option<Expression>> {
        let Some(first) = self.unary(ternary)? else { return Ok(None) };
        if self.comma_separates || *self.peek_kind()? != Kind::Comma {
            return Ok(Some(first));
        }
        let mut items = vec![first];
        while let Some(comma) = self.take(&Kind::Comma)? {
            self.skip_newlines()?;
            match self.unary(true)? {
                Some(item) => items.push(item),
                None => {
                    return self.missing_after("MissingExpressionAfterToken", self.out(comma.span).end);
                }
            }
        }
        self.array(items).map(Some)
    }

    pub(super) fn unary(&mut self, ternary: bool) -> Result<Option<Expression>> {
        let signed = std::mem::replace(&mut self.lexer.signed_numbers, true);
        let ends = std::mem::replace(&mut self.lexer.ternary_ends_numbers, ternary);
        if let Some(token) = self.ungot.take_if(|t| {
            t.kind == Kind::Operator(Operator::Minus) || (ternary && matches!(t.kind, Kind::Generic(_)))
        }) {
            self.rewind(token.span.start);
        }
        self.peek()?;
        self.lexer.signed_numbers = signed;
        self.lexer.ternary_ends_numbers = ends;

        let comma_separates = self.comma_separates;
        let expression = match self.peek_kind()? {
            Kind::Comma if comma_separates => return Ok(None),
            Kind::Comma => self.prefixed()?,
            Kind::Operator(operator) if operator.is_unary() => self.prefixed()?,
            Kind::LBracket => match self.typed()? {
                Some(expression) => expression,
                None => return Ok(None),
            },
            _ => match self.primary(true)? {
                Some(expression) => expression,
                None => return Ok(None),
            },
        };
        let operator = match self.peek_kind()? {
            Kind::Operator(Operator::PlusPlus) => Operator::PostfixPlusPlus,
            Kind::Operator(Operator::MinusMinus) => Operator::PostfixMinusMinus,
            _ => return Ok(Some(expression)),
        };
        let token = self.next()?;
        let span = expression.span.to(self.out(token.span));
        let below = expression.height;
        self.make(ExpressionKind::Unary(operator, Box::new(expression)), span, below).map(Some)
    }

    /// An operator in front of its operand, or a comma in front of a lone item.
    fn prefixed(&mut self) -> Result<Expression> {
        let token = self.next()?;
        self.skip_newlines()?;
        let start = self.out(token.span);
        let Some(operand) = self.deeper(|p| p.unary(true))? else {
            return self.missing_after("MissingExpressionAfterOperator", start.end);
        };
        let span = start.to(operand.span);
        let below = operand.height;
        let kind = match token.kind {
            Kind::Operator(operator) => ExpressionKind::Unary(operator, Box::new(operand)),
            _ => ExpressionKind::Array(vec![operand]),
        };
        self.make(kind, span, below)
    }

    /// A type, a conversion or an attribute.
    fn typed(&mut self) -> Result<Option<Expression>> {
        let Some(mut attributes) = self.attribute_list(true)? else { return Ok(None) };
        let Some(last) = attributes.pop() else { return Ok(None) };
        let mut expression = if last.arguments.is_some() {
            self.skip_newlines()?;
            match self.deeper(|p| p.unary(true))? {
                Some(operand) => self.attributed(last, operand)?,
                None => return self.missing_at("UnexpectedAttribute", last.span),
            }
        } else {
            self.type_or_conversion(last)?
        };
        while let Some(attribute) = attributes.pop() {
            expression = self.attributed(attribute, expression)?;
        }
        Ok(Some(expression))
    }

    fn type_or_conversion(&mut self, last: Attribute) -> Result<Expression> {
        let access = if self.ungot.is_none() { self.lexer.member_access(false)? } else { None };
        if access.is_some() {
            let of = self.make(ExpressionKind::Type(last.type_name), last.span, 0)?;
            return self.postfix(access, of);
        }
        if !matches!(self.peek_kind()?, Kind::NewLine | Kind::Comma)
            && let Some(operand) = self.deeper(|p| p.unary(true))?
        {
            return self.attributed(last, operand);
        }
        self.make(ExpressionKind::Type(last.type_name), last.span, 0)
    }

    fn attributed(&mut self, attribute: Attribute, operand: Expression) -> Result<Expression> {
        let span = attribute.span.to(operand.span);
        let below = operand.height;
        let is_type = attribute.arguments.is_none();
        let both = Box::new((attribute, operand));
        let kind = if is_type { ExpressionKind::Convert(both) } else { ExpressionKind::Attributed(both) };
        self.make(kind, span, below)
    }

    /// A name without operators, as after a dot or before `=` in a hashtable.
    pub(super) fn simple_name(&mut self) -> Result<Option<Expression>> {
        let wanted = std::mem::replace(&mut self.lexer.simple_names, true);
        self.peek()?;
        self.lexer.simple_names = wanted;
        match self.take(&Kind::Identifier)? {
            Some(Token { span, .. }) => self.word(span).map(Some),
            None => Ok(None),
        }
    }

    /// The label of a jump or the key of a hashtable.
    pub(super) fn label_or_key(&mut self) -> Result<Option<Expression>> {
        if let Some(name) = self.simple_name()? {
            return Ok(Some(name));
        }
        if matches!(self.peek_kind()?, Kind::NewLine | Kind::Semi) {
            return Ok(None);
        }
        let comma = std::mem::replace(&mut self.comma_separates, true);
        let key = self.deeper(|p| p.unary(false))?;
        self.comma_separates = comma;
        Ok(key)
    }

    pub(super) fn quoting(here: bool, double: bool) -> Quoting {
        match (here, double) {
            (false, false) => Quoting::Single,
            (false, true) => Quoting::Double,
            (true, false) => Quoting::SingleHere,
            (true, true) => Quoting::DoubleHere,
        }
    }
}
