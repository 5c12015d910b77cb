//! Tokens, operators and keywords.

use crate::ast::Span;
use crate::lexer::Origin;
use crate::number::Number;

/// Operators by PowerShell's own names; an `I` in front means that case is ignored, a `C` that it
/// counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say which operator each is")]
#[non_exhaustive]
#[rustfmt::skip]
pub enum Operator {
    Not, Bnot, Exclaim, Plus, Minus, PlusPlus, MinusMinus, PostfixPlusPlus, PostfixMinusMinus,
    Multiply, Divide, Rem, DotDot, Format, QuestionQuestion,
    And, Or, Xor, Band, Bor, Bxor, Join, Shl, Shr, Is, IsNot, As,
    Ieq, Ine, Ige, Igt, Ilt, Ile, Ilike, Inotlike, Imatch, Inotmatch, Ireplace,
    Icontains, Inotcontains, Iin, Inotin, Isplit,
    Ceq, Cne, Cge, Cgt, Clt, Cle, Clike, Cnotlike, Cmatch, Cnotmatch, Creplace,
    Ccontains, Cnotcontains, Cin, Cnotin, Csplit,
}

impl Operator {
    /// How tightly it binds between two operands; `None` where it cannot stand there.
    pub(crate) fn precedence(self) -> Option<u8> {
        Some(match self {
            Self::And | Self::Or | Self::Xor => 1,
            Self::Band | Self::Bor | Self::Bxor => 2,
            Self::QuestionQuestion => 7,
            Self::Plus | Self::Minus => 9,
            Self::Multiply | Self::Divide | Self::Rem => 10,
            Self::Format => 12,
            Self::DotDot => 13,
            Self::Not
            | Self::Bnot
            | Self::Exclaim
            | Self::PlusPlus
            | Self::MinusMinus
            | Self::PostfixPlusPlus
            | Self::PostfixMinusMinus => return None,
            _ => 5,
        })
    }

    /// Whether it can stand before its only operand.
    pub(crate) fn is_unary(self) -> bool {
        matches!(
            self,
            Self::Not
                | Self::Bnot
                | Self::Exclaim
                | Self::Plus
                | Self::Minus
                | Self::PlusPlus
                | Self::MinusMinus
                | Self::Join
                | Self::Isplit
                | Self::Csplit
        )
    }

    /// The operator written as `-word`.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let lower = word.to_ascii_lowercase();
        Some(match lower.as_str() {
            "bnot" => Self::Bnot,
            "not" => Self::Not,
            "eq" | "ieq" => Self::Ieq,
            "ceq" => Self::Ceq,
            "ne" | "ine" => Self::Ine,
            "cne" => Self::Cne,
            "ge" | "ige" => Self::Ige,
            "cge" => Self::Cge,
            "gt" | "igt" => Self::Igt,
            "cgt" => Self::Cgt,
            "lt" | "ilt" => Self::Ilt,
            "clt" => Self::Clt,
            "le" | "ile" => Self::Ile,
            "cle" => Self::Cle,
            "like" | "ilike" => Self::Ilike,
            "clike" => Self::Clike,
            "notlike" | "inotlike" => Self::Inotlike,
            "cnotlike" => Self::Cnotlike,
            "match" | "imatch" => Self::Imatch,
            "cmatch" => Self::Cmatch,
            "notmatch" | "inotmatch" => Self::Inotmatch,
            "cnotmatch" => Self::Cnotmatch,
            "replace" | "ireplace" => Self::Ireplace,
            "creplace" => Self::Creplace,
            "contains" | "icontains" => Self::Icontains,
            "ccontains" => Self::Ccontains,
            "notcontains" | "inotcontains" => Self::Inotcontains,
            "cnotcontains" => Self::Cnotcontains,
            "in" | "iin" => Self::Iin,
            "cin" => Self::Cin,
            "notin" | "inotin" => Self::Inotin,
            "cnotin" => Self::Cnotin,
            "split" | "isplit" => Self::Isplit,
            "csplit" => Self::Csplit,
            "is" => Self::Is,
            "isnot" => Self::IsNot,
            "as" => Self::As,
            "f" => Self::Format,
            "and" => Self::And,
            "band" => Self::Band,
            "or" => Self::Or,
            "bor" => Self::Bor,
            "xor" => Self::Xor,
            "bxor" => Self::Bxor,
            "join" => Self::Join,
            "shl" => Self::Shl,
            "shr" => Self::Shr,
            _ => return None,
        })
    }
}

/// Assignment operators by PowerShell's own names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say which operator each is")]
pub enum AssignmentOperator {
    Equals,
    PlusEquals,
    MinusEquals,
    MultiplyEquals,
    DivideEquals,
    RemainderEquals,
    QuestionQuestionEquals,
}

/// Words with a meaning at the start of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Keyword {
    ElseIf, If, Else, Switch, Foreach, From, In, For, While, Until, Do, Try, Catch, Finally, Trap,
    Data, Return, Continue, Break, Exit, Throw, Begin, Process, End, Dynamicparam, Function, Filter,
    Param, Class, Define, Var, Using, Workflow, Parallel, Sequence, Configuration, Public, Private,
    Static, Interface, Enum, Namespace, Module, Type, Assembly, Command, Hidden, Base, Default, Clean,
}

impl Keyword {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        if word.len() > 13 {
            return None;
        }
        let lower = word.to_ascii_lowercase();
        Some(match lower.as_str() {
            "elseif" => Self::ElseIf,
            "if" => Self::If,
            "else" => Self::Else,
            "switch" => Self::Switch,
            "foreach" => Self::Foreach,
            "from" => Self::From,
            "in" => Self::In,
            "for" => Self::For,
            "while" => Self::While,
            "until" => Self::Until,
            "do" => Self::Do,
            "try" => Self::Try,
            "catch" => Self::Catch,
            "finally" => Self::Finally,
            "trap" => Self::Trap,
            "data" => Self::Data,
            "return" => Self::Return,
            "continue" => Self::Continue,
            "break" => Self::Break,
            "exit" => Self::Exit,
            "throw" => Self::Throw,
            "begin" => Self::Begin,
            "process" => Self::Process,
            "end" => Self::End,
            "dynamicparam" => Self::Dynamicparam,
            "function" => Self::Function,
            "filter" => Self::Filter,
            "param" => Self::Param,
            "class" => Self::Class,
            "define" => Self::Define,
            "var" => Self::Var,
            "using" => Self::Using,
            "workflow" => Self::Workflow,
            "parallel" => Self::Parallel,
            "sequence" => Self::Sequence,
            "configuration" => Self::Configuration,
            "public" => Self::Public,
            "private" => Self::Private,
            "static" => Self::Static,
            "interface" => Self::Interface,
            "enum" => Self::Enum,
            "namespace" => Self::Namespace,
            "module" => Self::Module,
            "type" => Self::Type,
            "assembly" => Self::Assembly,
            "command" => Self::Command,
            "hidden" => Self::Hidden,
            "base" => Self::Base,
            "default" => Self::Default,
            "clean" => Self::Clean,
            _ => return None,
        })
    }

    /// The lower-case name of a block of a script block.
    pub(crate) fn block_name(self) -> Option<&'static str> {
        Some(match self {
            Self::Begin => "begin",
            Self::Process => "process",
            Self::End => "end",
            Self::Clean => "clean",
            Self::Dynamicparam => "dynamicparam",
            _ => return None,
        })
    }

    /// Whether a statement with this keyword refuses attributes before it.
    pub(crate) fn refuses_attributes(self) -> bool {
        matches!(
            self,
            Self::Break
                | Self::Continue
                | Self::Data
                | Self::Define
                | Self::Do
                | Self::Exit
                | Self::Filter
                | Self::For
                | Self::Foreach
                | Self::From
                | Self::Function
                | Self::If
                | Self::Return
                | Self::Switch
                | Self::Throw
                | Self::Trap
                | Self::Try
                | Self::Using
                | Self::Var
                | Self::While
                | Self::Workflow
                | Self::Parallel
                | Self::Sequence
        )
    }
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    EndOfInput,
    NewLine,
    Semi,
    Pipe,
    AndAnd,
    OrOr,
    Ampersand,
    Comma,
    LParen,
    RParen,
    LCurly,
    RCurly,
    LBracket,
    RBracket,
    AtParen,
    AtCurly,
    DollarParen,
    Dot,
    ColonColon,
    Colon,
    QuestionMark,
    QuestionDot,
    QuestionLBracket,
    /// `--` and `++` are both operators and, in a command, words.
    Operator(Operator),
    Assign(AssignmentOperator),
    Keyword(Keyword),
    Identifier,
    /// A word of a command, with the variables in it.
    Generic(Expandable),
    Label,
    Parameter {
        name: String,
        colon: bool,
    },
    Number(Number),
    Variable(String),
    Splat(String),
    /// `'..'`, or `@'..'@` where `here`.
    Literal {
        value: String,
        here: bool,
    },
    /// `".."`, or `@"..".@` where `here`.
    Expandable {
        value: Expandable,
        here: bool,
    },
    RedirectFile {
        from: u8,
        append: bool,
    },
    RedirectStream {
        from: u8,
        to: u8,
    },
    RedirectInput,
}

impl Kind {
    /// Whether a token is read the same in a command and in an expression.
    pub(crate) fn is_mode_invariant(&self) -> bool {
        matches!(
            self,
            Self::NewLine
                | Self::EndOfInput
                | Self::Literal { .. }
                | Self::Expandable { .. }
                | Self::LParen
                | Self::RParen
                | Self::LCurly
                | Self::RCurly
                | Self::RBracket
                | Self::AtParen
                | Self::AtCurly
                | Self::DollarParen
                | Self::Semi
                | Self::AndAnd
                | Self::OrOr
                | Self::Ampersand
                | Self::Pipe
                | Self::Comma
                | Self::RedirectInput
        )
    }

    pub(crate) fn is_redirection(&self) -> bool {
        matches!(self, Self::RedirectFile { .. } | Self::RedirectStream { .. } | Self::RedirectInput)
    }
}

/// A token and its place in the text of its lexer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// A string that may hold variables and sub-expressions.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Expandable {
    /// The value, escapes resolved; what is expanded stands in it as it was written.
    pub(crate) value: String,
    /// What is expanded, in order.
    pub(crate) nested: Vec<Nested>,
}

/// Something expandable within a string.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nested {
    /// Where its source stands in the value of the string.
    pub(crate) at: Span,
    /// Where it stands in the text of the lexer.
    pub(crate) span: Span,
    pub(crate) kind: NestedKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NestedKind {
    Variable(String),
    /// `$( .. )` with the doubled quotes of the string around it undone, and where its bytes came
    /// from.
    SubExpression(String, Origin),
}
