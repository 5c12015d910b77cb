//! What PowerShell refuses after parsing: texts that fit the grammar and make no sense.

use std::collections::HashSet;

use crate::ast::{
    Attribute, Block, Command, CommandElement, Compound, CompoundKind, Element, Expression, ExpressionKind,
    Node, Part, Pipeline, RedirectionTarget, ScriptBlock, ScriptBody, Span, Statement,
};
use crate::error::{ParseError, ParseErrorKind};
use crate::token::{AssignmentOperator, Operator};

type Result<T> = std::result::Result<T, Box<ParseError>>;

/// Checks a script block and all in it.
pub(crate) fn check(block: &ScriptBlock) -> Result<()> {
    script_block(block)
}

fn refuse<T>(id: &'static str, span: Span) -> Result<T> {
    let kind = ParseErrorKind::Syntax { id, found: String::new() };
    Err(Box::new(ParseError { kind, span, incomplete: false }))
}

fn script_block(script: &ScriptBlock) -> Result<()> {
    if let Some(parameters) = &script.parameters {
        compound(parameters)?;
    }
    match &script.body {
        ScriptBody::Plain(body) => block(body),
        ScriptBody::Named(blocks) => blocks.iter().try_for_each(|named| block(&named.block)),
    }
}

fn block(body: &Block) -> Result<()> {
    body.traps.iter().try_for_each(compound)?;
    body.statements.iter().try_for_each(statement)
}

fn statement(statement: &Statement) -> Result<()> {
    match statement {
        Statement::Pipeline(line) => pipeline(line),
        Statement::Chain(chain) => {
            pipeline(&chain.first)?;
            chain.rest.iter().try_for_each(|(_, line)| pipeline(line))
        }
        Statement::Assignment(assignment) => {
            let plain = assignment.operator == AssignmentOperator::Equals;
            if let Some(span) = unassignable(&assignment.target, plain) {
                return refuse("InvalidLeftHandSide", span);
            }
            constrained_target(&assignment.target)?;
            expression(&assignment.target)?;
            self::statement(&assignment.value)
        }
        Statement::Compound(statement) => compound(statement),
    }
}

fn pipeline(line: &Pipeline) -> Result<()> {
    for element in &line.elements {
        let redirections = match element {
            Element::Command(line) => {
                command(line)?;
                &line.redirections
            }
            Element::Expression(element) => {
                expression(&element.expression)?;
                &element.redirections
            }
        };
        for redirection in redirections {
            if let RedirectionTarget::File { name, .. } = &redirection.target {
                expression(name)?;
            }
        }
    }
    Ok(())
}

fn command(line: &Command) -> Result<()> {
    for element in &line.elements {
        match element {
            CommandElement::Parameter(parameter) => {
                if let Some(argument) = &parameter.argument {
                    expression(argument)?;
                }
            }
            CommandElement::Argument(argument) => match &argument.kind {
                ExpressionKind::Variable(_) => {}
                ExpressionKind::Using(inner) if matches!(inner.kind, ExpressionKind::Variable(_)) => {}
                ExpressionKind::Array(items) => {
                    for item in items {
                        if matches!(&item.kind, ExpressionKind::Variable(v) if v.splat) {
                            return refuse("SplattingNotPermittedInArgumentList", item.span);
                        }
                        expression(item)?;
                    }
                }
                _ => expression(argument)?,
            },
        }
    }
    Ok(())
}

fn compound(part: &Compound) -> Result<()> {
    if part.kind == CompoundKind::Try {
        catch_all_is_last(part)?;
        if let [_, .., Node::Block(finally)] = part.children.as_slice() {
            flow_stays_in(finally, false)?;
        }
    }
    if let CompoundKind::ParamBlock | CompoundKind::Function = part.kind {
        parameters_differ(part)?;
    }
    part.children.iter().try_for_each(|child| match child {
        Node::Statement(inner) => statement(inner),
        Node::Block(inner) => block(inner),
        Node::Expression(inner) => expression(inner),
        Node::ScriptBlock(inner) => script_block(inner),
        Node::Attribute(inner) => attribute(inner),
        Node::Compound(inner) => compound(inner),
    })
}

fn catch_all_is_last(part: &Compound) -> Result<()> {
    let catches = part.children.iter().filter_map(|child| match child {
        Node::Compound(clause) => Some(clause),
        _ => None,
    });
    let mut all: Option<Span> = None;
    for clause in catches {
        if all.is_some() {
            return refuse("EmptyCatchNotLast", clause.span);
        }
        if clause.children.len() == 1 {
            all = Some(clause.span);
        }
    }
    Ok(())
}

/// Refuses what would leave a `finally` block other than by its end.
fn flow_stays_in(finally: &Block, in_loop: bool) -> Result<()> {
    for statement in &finally.statements {
        let Statement::Compound(inner) = statement else { continue };
        let in_loop = match inner.kind {
            CompoundKind::Return => return refuse("ControlLeavingFinally", inner.span),
            CompoundKind::Break | CompoundKind::Continue if !in_loop => {
                return refuse("ControlLeavingFinally", inner.span);
            }
            CompoundKind::While
            | CompoundKind::DoWhile
            | CompoundKind::DoUntil
            | CompoundKind::For
            | CompoundKind::ForEach
            | CompoundKind::Switch => true,
            CompoundKind::Function => continue,
            _ => in_loop,
        };
        for child in &inner.children {
            match child {
                Node::Block(block) => flow_stays_in(block, in_loop)?,
                Node::Compound(Compound { children, .. }) => {
                    if let Some(Node::Block(block)) = children.last() {
                        flow_stays_in(block, in_loop)?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Refuses type constraints that no variable can have.
fn constrained_target(target: &Expression) -> Result<()> {
    let mut types = Vec::new();
    let mut inner = target;
    while let ExpressionKind::Convert(both) | ExpressionKind::Attributed(both) = &inner.kind {
        if both.0.arguments.is_none() {
            types.push(&both.0);
        }
        inner = &both.1;
    }
    if let Some(void) = types.iter().find(|t| t.type_name.eq_ignore_ascii_case("void")) {
        return refuse("VoidTypeConstraintNotAllowed", void.span);
    }
    match types.iter().find(|t| is_reference(t)) {
        Some(reference) if types.len() > 1 => {
            refuse("ReferenceNeedsToBeByItselfInTypeConstraint", reference.span)
        }
        _ => Ok(()),
    }
}

fn is_reference(constraint: &Attribute) -> bool {
    ["ref", "psreference", "System.Management.Automation.PSReference"]
        .iter()
        .any(|name| constraint.type_name.eq_ignore_ascii_case(name))
}

fn parameters_differ(part: &Compound) -> Result<()> {
    let mut seen = HashSet::new();
    for child in &part.children {
        let Node::Compound(parameter) = child else { continue };
        let name = parameter.children.iter().find_map(|child| match child {
            Node::Expression(Expression { kind: ExpressionKind::Variable(v), .. }) => Some(&v.path),
            _ => None,
        });
        if let Some(name) = name
            && !seen.insert(name.to_lowercase())
        {
            return refuse("DuplicateFormalParameter", parameter.span);
        }
    }
    Ok(())
}

fn attribute(part: &Attribute) -> Result<()> {
    let Some(arguments) = &part.arguments else { return Ok(()) };
    arguments.positional.iter().try_for_each(expression)?;
    arguments.named.iter().try_for_each(|(_, value, _)| expression(value))
}

fn expression(part: &Expression) -> Result<()> {
    match &part.kind {
        ExpressionKind::String { .. } | ExpressionKind::Number(_) | ExpressionKind::Type(_) => Ok(()),
        ExpressionKind::Variable(variable) => {
            if variable.splat {
                refuse("SplattingNotPermitted", part.span)
            } else {
                Ok(())
            }
        }
        ExpressionKind::Using(inner) => match not_usable(inner) {
            Some(span) => refuse("InvalidUsingExpression", span),
            None => Ok(()),
        },
        ExpressionKind::Expandable { parts, .. } => parts.iter().try_for_each(|part| match part {
            Part::Text(_) => Ok(()),
            Part::Expression { expression: inner, .. } => expression(inner),
        }),
        ExpressionKind::Array(items) => items.iter().try_for_each(expression),
        ExpressionKind::ArrayExpression(body) | ExpressionKind::SubExpression(body) => block(body),
        ExpressionKind::Paren(inner) => statement(inner),
        ExpressionKind::Hashtable(entries) => hashtable(entries),
        ExpressionKind::ScriptBlock(inner) => script_block(inner),
        ExpressionKind::Member(member) => {
            expression(&member.target)?;
            expression(&member.member)
        }
        ExpressionKind::Invoke(member, arguments) => {
            expression(&member.target)?;
            expression(&member.member)?;
            arguments.iter().try_for_each(expression)
        }
        ExpressionKind::Index(index) => {
            expression(&index.target)?;
            expression(&index.index)
        }
        ExpressionKind::Unary(operator, operand) => {
            let changes = matches!(
                operator,
                Operator::PlusPlus
                    | Operator::MinusMinus
                    | Operator::PostfixPlusPlus
                    | Operator::PostfixMinusMinus
            );
            if let Some(span) = unassignable(operand, false).filter(|_| changes) {
                return refuse("OperatorRequiresVariableOrProperty", span);
            }
            expression(operand)
        }
        ExpressionKind::Binary(_, both) => {
            expression(&both.0)?;
            expression(&both.1)
        }
        ExpressionKind::Ternary(all) => {
            expression(&all.0)?;
            expression(&all.1)?;
            expression(&all.2)
        }
        ExpressionKind::Convert(both) => {
            let (kind, operand) = &**both;
            let ordered = kind.type_name.eq_ignore_ascii_case("ordered");
            if ordered && !matches!(operand.kind, ExpressionKind::Hashtable(_)) {
                return refuse("OrderedAttributeOnlyOnHashLiteralNode", part.span);
            }
            if let ExpressionKind::Convert(inner) = &operand.kind
                && is_reference(&inner.0)
            {
                return refuse("ReferenceNeedsToBeLastTypeInTypeConversion", inner.0.span);
            }
            expression(operand)
        }
        ExpressionKind::Attributed(both) => {
            let mut operand = &both.1;
            while let ExpressionKind::Convert(inner) | ExpressionKind::Attributed(inner) = &operand.kind {
                operand = &inner.1;
            }
            if !matches!(operand.kind, ExpressionKind::Variable(_)) {
                return refuse("UnexpectedAttribute", both.0.span);
            }
            attribute(&both.0)?;
            expression(&both.1)
        }
    }
}

fn hashtable(entries: &[(Expression, Statement)]) -> Result<()> {
    let mut seen = HashSet::new();
    for (key, value) in entries {
        let text = match &key.kind {
            ExpressionKind::String { value, .. } => Some(value.to_lowercase()),
            ExpressionKind::Number(number) => Some(number.to_string().to_lowercase()),
            _ => None,
        };
        if text.is_some_and(|text| !seen.insert(text)) {
            return refuse("DuplicateKeyInHashLiteral", key.span);
        }
        expression(key)?;
        statement(value)?;
    }
    Ok(())
}

/// Where something that cannot be assigned to stands in a target.
fn unassignable(target: &Expression, plain: bool) -> Option<Span> {
    match &target.kind {
        ExpressionKind::Array(items) if plain => items.iter().find_map(|item| unassignable(item, true)),
        ExpressionKind::Paren(inner) => match &**inner {
            Statement::Pipeline(line) => match line.as_expression() {
                Some(inner) => unassignable(inner, plain),
                None => Some(inner.span()),
            },
            other => Some(other.span()),
        },
        ExpressionKind::Member(member) if member.null_conditional => Some(target.span),
        ExpressionKind::Index(index) if index.null_conditional => Some(target.span),
        ExpressionKind::Variable(_) | ExpressionKind::Member(_) | ExpressionKind::Index(_) => None,
        // Assigning to what a method returns is refused when it runs, not before.
        ExpressionKind::Invoke(..) => None,
        ExpressionKind::Convert(both) | ExpressionKind::Attributed(both) => unassignable(&both.1, plain),
        _ => Some(target.span),
    }
}

/// Where something that cannot be taken over from a caller stands in a `using` expression.
fn not_usable(part: &Expression) -> Option<Span> {
    match &part.kind {
        ExpressionKind::Variable(_) => None,
        ExpressionKind::Member(member) if matches!(member.member.kind, ExpressionKind::String { .. }) => {
            not_usable(&member.target)
        }
        ExpressionKind::Index(index) => match &index.index.kind {
            ExpressionKind::String { .. } | ExpressionKind::Number(_) => not_usable(&index.target),
            _ => Some(index.index.span),
        },
        _ => Some(part.span),
    }
}
