//! The tree of a command line.
//!
//! One tree serves the whole of PowerShell, so that the body of a script-block literal is a tree
//! too. What stands *outside* script blocks is limited by the [`crate::Language`] the text was
//! parsed with: a consumer that walks it treats every other variant as impossible input.

use crate::number::Number;
use crate::token::{AssignmentOperator, Operator};

/// A range of bytes in the parsed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to, not including, `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The range from the start of this one to the end of `last`.
    #[must_use]
    pub const fn to(self, last: Self) -> Self {
        Self { start: self.start, end: last.end }
    }

    /// The part of `text` that the range covers, if it lies inside.
    #[must_use]
    pub fn text(self, text: &str) -> Option<&str> {
        text.get(self.start..self.end)
    }
}

/// A whole command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// The statements in order; newlines and semicolons part them.
    pub statements: Vec<Statement>,
    /// From the first statement to the last; empty where there is none.
    pub span: Span,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// Commands or an expression, linked by `|`.
    Pipeline(Pipeline),
    /// Pipelines linked by `&&` and `||`.
    Chain(Chain),
    /// `target = value` and its compound forms.
    Assignment(Assignment),
    /// Any statement with a keyword: only inside script blocks.
    Compound(Box<Compound>),
}

impl Statement {
    /// Where the statement stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Pipeline(p) => p.span,
            Self::Chain(c) => c.span,
            Self::Assignment(a) => a.span,
            Self::Compound(c) => c.span,
        }
    }
}

/// Commands linked by `|`; the first element may be an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// At least one.
    pub elements: Vec<Element>,
    /// Whether `&` stood at the end: only inside script blocks.
    pub background: bool,
    /// Where it stands.
    pub span: Span,
}

impl Pipeline {
    /// The expression, where the pipeline is nothing else.
    #[must_use]
    pub fn as_expression(&self) -> Option<&Expression> {
        match self.elements.as_slice() {
            [Element::Expression(e)] if e.redirections.is_empty() && !self.background => Some(&e.expression),
            _ => None,
        }
    }
}

/// Pipelines of which each but the first runs depending on the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// The first pipeline.
    pub first: Pipeline,
    /// The others, each with whether `&&` (true) or `||` (false) stands before it.
    pub rest: Vec<(bool, Pipeline)>,
    /// Whether `&` stood at the end.
    pub background: bool,
    /// Where it stands.
    pub span: Span,
}

/// An assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// A variable, or an array of variables.
    pub target: Expression,
    /// `=` or a compound form.
    pub operator: AssignmentOperator,
    /// What is assigned.
    pub value: Box<Statement>,
    /// Where it stands.
    pub span: Span,
}

impl Assignment {
    /// The variables assigned to, in order; `None` where the target is anything else.
    #[must_use]
    pub fn variables(&self) -> Option<Vec<&Variable>> {
        match &self.target.kind {
            ExpressionKind::Variable(v) => Some(vec![v]),
            ExpressionKind::Array(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ExpressionKind::Variable(v) => Some(v),
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }
}

/// One element of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// A command with its arguments.
    Command(Command),
    /// An expression: only the first element.
    Expression(CommandExpression),
}

impl Element {
    /// Where the element stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Command(c) => c.span,
            Self::Expression(e) => e.span,
        }
    }
}

/// An expression as an element of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandExpression {
    /// The expression.
    pub expression: Expression,
    /// Redirections after it: only inside script blocks.
    pub redirections: Vec<Redirection>,
    /// Where it stands, redirections included.
    pub span: Span,
}

/// How a command is invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    /// By its name alone.
    Plain,
    /// After `.`: only inside script blocks.
    Dot,
    /// After `&`: only inside script blocks.
    Ampersand,
}

/// A command with its parameters and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// How it is invoked.
    pub invocation: Invocation,
    /// The name first, then parameters and arguments in order.
    pub elements: Vec<CommandElement>,
    /// Redirections: only inside script blocks.
    pub redirections: Vec<Redirection>,
    /// Where it stands.
    pub span: Span,
}

impl Command {
    /// The name, where it is a constant string.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self.elements.first()? {
            CommandElement::Argument(Expression { kind: ExpressionKind::String { value, .. }, .. }) => {
                Some(value)
            }
            _ => None,
        }
    }

    /// Parameters and arguments after the name.
    #[must_use]
    pub fn arguments(&self) -> &[CommandElement] {
        self.elements.get(1..).unwrap_or_default()
    }
}

/// A parameter or an argument of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandElement {
    /// `-Name` or `-Name:argument`. `--`, which ends the parameters, has the name `-`.
    Parameter(Parameter),
    /// A value; the first element of a command is its name.
    Argument(Expression),
}

/// A parameter as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name without its dash.
    pub name: String,
    /// The value after a colon.
    pub argument: Option<Expression>,
    /// Where dash, name and value stand.
    pub span: Span,
}

/// A redirection of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirection {
    /// The stream: 0 all, 1 output, 2 error, 3 warning, 4 verbose, 5 debug, 6 information.
    pub from: u8,
    /// Where to.
    pub target: RedirectionTarget,
    /// Where it stands.
    pub span: Span,
}

/// Where a stream is redirected to.
#[derive(Debug, Clone, PartialEq)]
pub enum RedirectionTarget {
    /// Another stream (only output is possible).
    Stream(u8),
    /// A file.
    File {
        /// Its name.
        name: Box<Expression>,
        /// Whether to append.
        append: bool,
    },
}

/// An expression and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub span: Span,
    /// Levels of expressions below and including this one; the parser bounds it, so that walking
    /// and dropping a tree cannot exhaust the stack.
    pub(crate) height: u16,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExpressionKind {
    /// A string without variables.
    String {
        /// Its value, escapes and quotes resolved.
        value: String,
        /// How it was written.
        quoting: Quoting,
    },
    /// A string with variables or sub-expressions in it.
    Expandable {
        /// Its pieces in order.
        parts: Vec<Part>,
        /// How it was written.
        quoting: Quoting,
    },
    /// A number.
    Number(Number),
    /// `$name`, or `@name` where its members are spread as parameters.
    Variable(Variable),
    /// `$using:name`: only inside script blocks.
    Using(Box<Expression>),
    /// `a, b`, or `, a`.
    Array(Vec<Expression>),
    /// `@( .. )`: always an array.
    ArrayExpression(Block),
    /// `$( .. )`: only inside script blocks.
    SubExpression(Block),
    /// `( .. )`.
    Paren(Box<Statement>),
    /// `@{ key = value; .. }` in order.
    Hashtable(Vec<(Expression, Statement)>),
    /// `{ .. }`.
    ScriptBlock(Box<ScriptBlock>),
    /// `target.member`, `target::member`, `target?.member`.
    Member(Box<Member>),
    /// `target.member(arguments)`: only inside script blocks.
    Invoke(Box<Member>, Vec<Expression>),
    /// `target[index]`.
    Index(Box<Index>),
    /// An operator before or after its operand: only inside script blocks.
    Unary(Operator, Box<Expression>),
    /// An operator between two operands: only inside script blocks.
    Binary(Operator, Box<(Expression, Expression)>),
    /// `condition ? yes : no`: only inside script blocks.
    Ternary(Box<(Expression, Expression, Expression)>),
    /// `[type]`: only inside script blocks.
    Type(String),
    /// `[type] operand`: only inside script blocks.
    Convert(Box<(Attribute, Expression)>),
    /// `[Attribute()] operand`: only inside script blocks.
    Attributed(Box<(Attribute, Expression)>),
}

/// How a string was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// Without quotes.
    BareWord,
    /// `'..'`
    Single,
    /// `".."`
    Double,
    /// `@' .. '@`
    SingleHere,
    /// `@" .. "@`
    DoubleHere,
}

/// A piece of an expandable string.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A variable, or inside script blocks a sub-expression.
    Expression {
        /// What to expand.
        expression: Expression,
        /// How it was written.
        source: String,
    },
}

/// A variable as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name with its scope or drive, such as `global:x` or `env:PATH`.
    pub path: String,
    /// Whether it was written `@name`.
    pub splat: bool,
}

impl Variable {
    /// The scope or drive before the name, as written.
    #[must_use]
    pub fn qualifier(&self) -> Option<&str> {
        self.path.split_once(':').map(|(before, _)| before).filter(|before| !before.is_empty())
    }

    /// The name after scope or drive.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.path.split_once(':') {
            Some((before, name)) if !before.is_empty() => name,
            _ => &self.path,
        }
    }

    /// Whether the qualifier is that of a drive (such as `env:`) and not that of a scope.
    #[must_use]
    pub fn is_drive_qualified(&self) -> bool {
        let scopes = ["global", "local", "private", "script", "variable"];
        self.qualifier().is_some_and(|q| !scopes.iter().any(|scope| q.eq_ignore_ascii_case(scope)))
    }
}

/// Access to a member.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Whose member.
    pub target: Expression,
    /// The member's name, commonly a bare word.
    pub member: Expression,
    /// Whether `::` was used.
    pub is_static: bool,
    /// Whether `?.` was used.
    pub null_conditional: bool,
}

/// Access to an element.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Whose element.
    pub target: Expression,
    /// Which.
    pub index: Expression,
    /// Whether `?[` was used.
    pub null_conditional: bool,
}

/// Statements between brackets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// `trap` statements, which PowerShell keeps apart.
    pub traps: Vec<Compound>,
    /// The other statements in order.
    pub statements: Vec<Statement>,
    /// Where they stand; where braces belong to the block, these too.
    pub span: Span,
}

/// A script-block literal.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptBlock {
    /// The text between the braces, as written.
    pub source: String,
    /// `using` statements (only at the top of a text).
    pub usings: Vec<Compound>,
    /// The `param` block.
    pub parameters: Option<Compound>,
    /// Its statements or named blocks.
    pub body: ScriptBody,
    /// Where it stands, braces included.
    pub span: Span,
}

/// What a script block consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum ScriptBody {
    /// Statements.
    Plain(Block),
    /// `begin`, `process`, `end`, `clean` and `dynamicparam` blocks.
    Named(Vec<NamedBlock>),
}

/// A named block of a script block.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedBlock {
    /// Its keyword in lower case.
    pub name: &'static str,
    /// Its statements.
    pub block: Block,
    /// Where it stands, keyword included.
    pub span: Span,
}

/// An attribute or a type constraint before something.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The type's name as written.
    pub type_name: String,
    /// Arguments; `None` where it is a mere type constraint.
    pub arguments: Option<AttributeArguments>,
    /// Where it stands, brackets included.
    pub span: Span,
}

/// Arguments of an attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttributeArguments {
    /// By position.
    pub positional: Vec<Expression>,
    /// By name, with the place of name and value.
    pub named: Vec<(String, Expression, Span)>,
}

/// A statement with a keyword, or a part of one: structure without meaning, for script blocks that
/// are only passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Compound {
    /// What it is.
    pub kind: CompoundKind,
    /// Its parts in order.
    pub children: Vec<Node>,
    /// Where it stands.
    pub span: Span,
}

/// A part of a [`Compound`].
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A condition or an assigned value.
    Statement(Statement),
    /// A body.
    Block(Block),
    /// A label, a variable, a case.
    Expression(Expression),
    /// The body of a function.
    ScriptBlock(Box<ScriptBlock>),
    /// An attribute or a type constraint.
    Attribute(Attribute),
    /// A part with parts.
    Compound(Compound),
}

/// What a [`Compound`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompoundKind {
    /// `if` with all its branches.
    If,
    /// `while`
    While,
    /// `do .. while`
    DoWhile,
    /// `do .. until`
    DoUntil,
    /// `for`
    For,
    /// `foreach`
    ForEach,
    /// `switch`
    Switch,
    /// `try` with its clauses.
    Try,
    /// `catch`, a part of `try`.
    Catch,
    /// `trap`
    Trap,
    /// `function` or `filter`
    Function,
    /// `return`
    Return,
    /// `throw`
    Throw,
    /// `exit`
    Exit,
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `data`
    Data,
    /// `class`
    Class,
    /// `enum`
    Enum,
    /// A method or property of a class.
    ClassMember,
    /// `using`
    Using,
    /// `param`
    ParamBlock,
    /// A parameter of a `param` block or function.
    Parameter,
}
