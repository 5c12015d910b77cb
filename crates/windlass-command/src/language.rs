//! What of PowerShell a text may use.

use crate::ast::{
    Assignment, Block, Command, CommandElement, Element, Expression, ExpressionKind, Invocation, Member,
    Part, Pipeline, ScriptBlock, ScriptBody, Span, Statement,
};
use crate::error::{Construct, ParseError, ParseErrorKind};
use crate::token::AssignmentOperator;

/// What of PowerShell a text may use. What stands in script-block literals is not looked at: they
/// are values that someone else runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent permissions, named at every use")]
pub struct Language {
    /// `$x = ..` and `$x, $y = ..`.
    pub assignment: bool,
    /// Commands in parentheses and in `@( .. )`; expressions always may stand there.
    pub nested_pipelines: bool,
    /// `$x.Name` with a plain name, and `$x[0]` with a plain index.
    pub members: bool,
    /// Variables of a drive, such as `$env:PATH`.
    pub drive_variables: bool,
}

impl Language {
    /// The language of the host's endpoints: that of NoLanguage endpoints, and variables.
    pub const ENDPOINT: Self =
        Self { assignment: false, nested_pipelines: true, members: true, drive_variables: false };
    /// The language of the console.
    pub const CONSOLE: Self =
        Self { assignment: true, nested_pipelines: true, members: true, drive_variables: true };

    /// Checks a whole text.
    pub(crate) fn check(self, script: &ScriptBlock) -> Result<(), Box<ParseError>> {
        if let Some(using) = script.usings.first() {
            return outside(Construct::Statement(using.kind), using.span);
        }
        if let Some(parameters) = &script.parameters {
            return outside(Construct::Statement(parameters.kind), parameters.span);
        }
        match &script.body {
            ScriptBody::Plain(block) => self.block(block, true),
            ScriptBody::Named(blocks) => match blocks.first() {
                Some(block) => outside(Construct::NamedBlock, block.span),
                None => Ok(()),
            },
        }
    }

    fn block(self, block: &Block, commands: bool) -> Result<(), Box<ParseError>> {
        if let Some(trap) = block.traps.first() {
            return outside(Construct::Statement(trap.kind), trap.span);
        }
        block.statements.iter().try_for_each(|statement| self.statement(statement, commands))
    }

    fn statement(self, statement: &Statement, commands: bool) -> Result<(), Box<ParseError>> {
        match statement {
            Statement::Pipeline(pipeline) => self.pipeline(pipeline, commands),
            Statement::Chain(chain) => outside(Construct::PipelineChain, chain.span),
            Statement::Assignment(assignment) => self.assignment(assignment),
            Statement::Compound(compound) => outside(Construct::Statement(compound.kind), compound.span),
        }
    }

    fn assignment(self, assignment: &Assignment) -> Result<(), Box<ParseError>> {
        if !self.assignment {
            return outside(Construct::Assignment, assignment.span);
        }
        if assignment.operator != AssignmentOperator::Equals {
            return outside(Construct::CompoundAssignment, assignment.span);
        }
        if assignment.variables().is_none() {
            return outside(Construct::AssignmentTarget, assignment.target.span);
        }
        self.expression(&assignment.target)?;
        self.statement(&assignment.value, true)
    }

    fn pipeline(self, pipeline: &Pipeline, commands: bool) -> Result<(), Box<ParseError>> {
        if pipeline.background {
            return outside(Construct::Background, pipeline.span);
        }
        for element in &pipeline.elements {
            match element {
                Element::Command(command) if !commands => {
                    return outside(Construct::NestedPipeline, command.span);
                }
                Element::Command(command) => self.command(command)?,
                Element::Expression(element) => {
                    if let Some(redirection) = element.redirections.first() {
                        return outside(Construct::Redirection, redirection.span);
                    }
                    self.expression(&element.expression)?;
                }
            }
        }
        Ok(())
    }

    fn command(self, command: &Command) -> Result<(), Box<ParseError>> {
        if command.invocation != Invocation::Plain {
            return outside(Construct::InvocationOperator, command.span);
        }
        if command.name().is_none() {
            return outside(Construct::ComputedCommandName, command.span);
        }
        for element in &command.elements {
            match element {
                CommandElement::Parameter(parameter) => {
                    if let Some(argument) = &parameter.argument {
                        self.expression(argument)?;
                    }
                }
                CommandElement::Argument(argument) => self.expression(argument)?,
            }
        }
        match command.redirections.first() {
            Some(redirection) => outside(Construct::Redirection, redirection.span),
            None => Ok(()),
        }
    }

    fn expression(self, expression: &Expression) -> Result<(), Box<ParseError>> {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::String { .. } | ExpressionKind::Number(_) | ExpressionKind::ScriptBlock(_) => {
                Ok(())
            }
            ExpressionKind::Variable(variable) => {
                if !self.drive_variables && variable.is_drive_qualified() {
                    return outside(Construct::DriveVariable, span);
                }
                Ok(())
            }
            ExpressionKind::Expandable { parts, .. } => parts.iter().try_for_each(|part| match part {
                Part::Text(_) => Ok(()),
                Part::Expression { expression, .. } => self.expression(expression),
            }),
            ExpressionKind::Array(items) => items.iter().try_for_each(|item| self.expression(item)),
            ExpressionKind::ArrayExpression(block) => self.block(block, self.nested_pipelines),
            ExpressionKind::Paren(statement) => match &**statement {
                Statement::Assignment(assignment) => outside(Construct::Assignment, assignment.span),
                statement => self.statement(statement, self.nested_pipelines),
            },
            ExpressionKind::Hashtable(entries) => entries.iter().try_for_each(|(key, value)| {
                self.expression(key)?;
                self.statement(value, self.nested_pipelines)
            }),
            ExpressionKind::Member(member) => self.member(member, span),
            ExpressionKind::Index(index) => {
                let plain = matches!(
                    index.index.kind,
                    ExpressionKind::Number(_) | ExpressionKind::String { .. } | ExpressionKind::Variable(_)
                );
                if !self.members || index.null_conditional || !plain {
                    return outside(Construct::Index, span);
                }
                self.expression(&index.index)?;
                self.expression(&index.target)
            }
            ExpressionKind::Using(_) => outside(Construct::UsingVariable, span),
            ExpressionKind::SubExpression(_) => outside(Construct::SubExpression, span),
            ExpressionKind::Invoke(..) => outside(Construct::MethodCall, span),
            ExpressionKind::Unary(..) | ExpressionKind::Binary(..) => outside(Construct::Operator, span),
            ExpressionKind::Ternary(_) => outside(Construct::Ternary, span),
            ExpressionKind::Type(_) | ExpressionKind::Convert(_) | ExpressionKind::Attributed(_) => {
                outside(Construct::Type, span)
            }
        }
    }

    fn member(self, member: &Member, span: Span) -> Result<(), Box<ParseError>> {
        let plain = matches!(member.member.kind, ExpressionKind::String { .. });
        if !self.members || member.is_static || member.null_conditional || !plain {
            return outside(Construct::Member, span);
        }
        self.expression(&member.target)
    }
}

fn outside<T>(construct: Construct, span: Span) -> Result<T, Box<ParseError>> {
    Err(Box::new(ParseError { kind: ParseErrorKind::Outside(construct), span, incomplete: false }))
}
