//! Why a text was refused, and where.

use crate::ast::{CompoundKind, Span};

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at offset {}: {kind}", span.start)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where, in bytes of the text.
    pub span: Span,
    /// Whether more input could make the text valid: a console then asks for another line.
    pub incomplete: bool,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// PowerShell itself refuses the text; `id` is its name for the error.
    #[error("{}{}", syntax_message(id), detail(found))]
    Syntax {
        /// PowerShell's identifier of the error, such as `UnexpectedToken`.
        id: &'static str,
        /// What stood there or was missing; never more than a few characters.
        found: String,
    },
    /// PowerShell accepts it, but it lies outside the language asked for.
    #[error("{0} outside the command language")]
    Outside(Construct),
    /// Nested or chained more than this parser follows.
    #[error("nested too deeply or too long")]
    TooComplex,
    /// More text than the parser takes.
    #[error("text longer than {limit} bytes")]
    TooLong {
        /// The most bytes it takes.
        limit: usize,
    },
}

/// What lies outside a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Construct {
    /// `x = ..` where the language has no assignment.
    #[error("assignment is")]
    Assignment,
    /// `+=` and the like.
    #[error("compound assignment is")]
    CompoundAssignment,
    /// Assignment to something that is no variable.
    #[error("assignment to anything but variables is")]
    AssignmentTarget,
    /// `&&` or `||`.
    #[error("a pipeline chain is")]
    PipelineChain,
    /// `&` at the end of a pipeline.
    #[error("a background pipeline is")]
    Background,
    /// `&` or `.` before a command.
    #[error("an invocation operator is")]
    InvocationOperator,
    /// A command whose name is not a constant string.
    #[error("a computed command name is")]
    ComputedCommandName,
    /// `>` and the like.
    #[error("redirection is")]
    Redirection,
    /// An operator in an expression.
    #[error("an operator is")]
    Operator,
    /// `? :`
    #[error("a conditional expression is")]
    Ternary,
    /// `$( .. )`
    #[error("a sub-expression is")]
    SubExpression,
    /// Commands in parentheses where the language has none.
    #[error("a pipeline in parentheses is")]
    NestedPipeline,
    /// `.name` where the language has none, or a static, computed or null-conditional member.
    #[error("member access is")]
    Member,
    /// `[index]`
    #[error("element access is")]
    Index,
    /// `.name( .. )`
    #[error("a method call is")]
    MethodCall,
    /// `[type]`, a conversion or an attribute.
    #[error("a type is")]
    Type,
    /// `$using:x`
    #[error("a using variable is")]
    UsingVariable,
    /// A variable of a drive, such as `$env:PATH` or `$function:x`.
    #[error("a variable of a drive is")]
    DriveVariable,
    /// A statement with a keyword.
    #[error("{} is", compound_name(*.0))]
    Statement(CompoundKind),
    /// `begin { .. }` and the like.
    #[error("a named block is")]
    NamedBlock,
    /// A statement that is recognised but not parsed: `configuration` and its like.
    #[error("a configuration statement is")]
    Configuration,
    /// A string that holds half a surrogate pair.
    #[error("half a surrogate pair is")]
    LoneSurrogate,
}

fn compound_name(kind: CompoundKind) -> &'static str {
    match kind {
        CompoundKind::If => "'if'",
        CompoundKind::While => "'while'",
        CompoundKind::DoWhile | CompoundKind::DoUntil => "'do'",
        CompoundKind::For => "'for'",
        CompoundKind::ForEach => "'foreach'",
        CompoundKind::Switch => "'switch'",
        CompoundKind::Try => "'try'",
        CompoundKind::Catch => "'catch'",
        CompoundKind::Trap => "'trap'",
        CompoundKind::Function => "a function",
        CompoundKind::Return => "'return'",
        CompoundKind::Throw => "'throw'",
        CompoundKind::Exit => "'exit'",
        CompoundKind::Break => "'break'",
        CompoundKind::Continue => "'continue'",
        CompoundKind::Data => "'data'",
        CompoundKind::Class => "a class",
        CompoundKind::Enum => "an enumeration",
        CompoundKind::ClassMember => "a class member",
        CompoundKind::Using => "'using'",
        CompoundKind::ParamBlock | CompoundKind::Parameter => "'param'",
    }
}

/// Words for PowerShell's error identifiers; those not listed say what class they belong to.
fn syntax_message(id: &str) -> &'static str {
    match id {
        "UnexpectedToken" => "unexpected token",
        "MissingArgument" => "missing argument before a comma",
        "ParameterRequiresArgument" => "a parameter with a colon needs a value",
        "EmptyPipeElement" => "nothing to run on one side of '|'",
        "EmptyPipelineChainElement" => "nothing to run after '&&' or '||'",
        "ExpressionsMustBeFirstInPipeline" => "an expression must be the first element of a pipeline",
        "TerminatorExpectedAtEndOfString" => "the string is not closed",
        "WhitespaceBeforeHereStringFooter" => "white space before the end of a here-string",
        "UnexpectedCharactersAfterHereStringHeader" => "a here-string begins on the line after its header",
        "MissingTerminatorMultiLineComment" => "the comment is not closed with '#>'",
        "MissingEndCurlyBrace" => "missing '}'",
        "MissingEqualsInHashLiteral" => "missing '=' after a key",
        "MissingStatementInHashLiteral" => "missing value after '='",
        "DuplicateKeyInHashLiteral" => "the key stands twice in the table",
        "ExpectedExpression" => "missing expression after '('",
        "ExpectedValueExpression" => "missing value after an operator",
        "MissingEndParenthesisInExpression" | "MissingEndParenthesisInSubexpression" => "missing ')'",
        "MissingExpression" | "MissingExpressionAfterToken" | "MissingExpressionAfterOperator" => {
            "missing expression"
        }
        "MissingFileSpecification" => "missing file name after a redirection",
        "RedirectionNotSupported" => "this redirection is not supported",
        "StreamAlreadyRedirected" => "the stream is redirected twice",
        "InvalidUnicodeEscapeSequence"
        | "InvalidUnicodeEscapeSequenceValue"
        | "MissingUnicodeEscapeSequenceTerminator"
        | "TooManyDigitsInUnicodeEscapeSequence" => "bad Unicode escape",
        "BadNumericConstant" => "bad number",
        "UnrecognizedToken" => "unrecognised token",
        "IncompleteString" => "incomplete string",
        "InvalidVariableReference"
        | "InvalidVariableReferenceWithDrive"
        | "InvalidBracedVariableReference"
        | "EmptyVariableReference"
        | "IncompleteDollarVariableReference"
        | "OpenBraceNeedsToBeBackTickedInVariableName" => "bad variable name",
        "SplattingNotPermitted" | "SplattingNotPermittedInArgumentList" => {
            "a splatted variable stands only among the arguments of a command"
        }
        "InvalidLeftHandSide" | "OperatorRequiresVariableOrProperty" => "nothing that can be assigned to",
        _ => "syntax error",
    }
}

fn detail(found: &str) -> String {
    if found.is_empty() { String::new() } else { format!(" '{found}'") }
}
