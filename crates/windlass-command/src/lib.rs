//! The command language of the console and of NoLanguage endpoints: PowerShell's commands, literals
//! and pipelines, without its script.
//!
//! [`parse`] reads a text as PowerShell itself does. What PowerShell refuses is refused; what it
//! accepts but a [`Language`] does not have is refused as outside that language, with the place and
//! what it is. A script-block literal is a value: its body is parsed in full, so that its end is
//! found and its tree can be looked at, but it may hold anything.
//!
//! ```
//! use windlass_command::{Language, Statement, parse};
//!
//! let script = parse("Get-Process -Id 1,2 | Sort-Object Name", Language::ENDPOINT)?;
//! let [Statement::Pipeline(pipeline)] = script.statements.as_slice() else { unreachable!() };
//! assert_eq!(pipeline.elements.len(), 2);
//!
//! let refused = parse("Get-Process > list.txt", Language::ENDPOINT).unwrap_err();
//! assert_eq!(refused.to_string(), "at offset 12: redirection is outside the command language");
//! # Ok::<(), Box<windlass_command::ParseError>>(())
//! ```
//!
//! Specifications: PowerShell Language Specification 3.0, chapters 2 (lexical structure), 7
//! (expressions) and 8 (statements); where PowerShell 7 differs, the recordings of it are right.
#![forbid(unsafe_code)]

mod ast;
mod bigint;
mod chars;
mod checks;
mod decimal;
mod error;
mod language;
mod lexer;
mod number;
mod parser;
mod token;

pub use ast::{
    Assignment, Attribute, AttributeArguments, Block, Chain, Command, CommandElement, CommandExpression,
    Compound, CompoundKind, Element, Expression, ExpressionKind, Index, Invocation, Member, NamedBlock, Node,
    Parameter, Part, Pipeline, Quoting, Redirection, RedirectionTarget, Script, ScriptBlock, ScriptBody,
    Span, Statement, Variable,
};
pub use decimal::Decimal;
pub use error::{Construct, ParseError, ParseErrorKind};
pub use language::Language;
pub use number::{Number, double_text};
pub use token::{AssignmentOperator, Operator};

/// The longest text that is parsed, in bytes.
pub const MAX_TEXT: usize = 4 * 1024 * 1024;

/// Reads a text in the given language.
///
/// # Errors
///
/// Where PowerShell refuses the text, where it lies outside the language, and where it is longer
/// or more deeply nested than the parser follows.
pub fn parse(text: &str, language: Language) -> Result<Script, Box<ParseError>> {
    let block = parse_script_block(text)?;
    language.check(&block)?;
    match block.body {
        ScriptBody::Plain(block) => Ok(Script { statements: block.statements, span: block.span }),
        ScriptBody::Named(_) => Ok(Script::default()),
    }
}

/// Reads a text as the body of a script block: all of PowerShell's grammar is accepted.
///
/// # Errors
///
/// Where PowerShell refuses the text, and where it is longer or more deeply nested than the parser
/// follows.
pub fn parse_script_block(text: &str) -> Result<ScriptBlock, Box<ParseError>> {
    if text.len() > MAX_TEXT {
        let kind = ParseErrorKind::TooLong { limit: MAX_TEXT };
        return Err(Box::new(ParseError { kind, span: Span::new(0, text.len()), incomplete: false }));
    }
    let block = parser::parse(text)?;
    checks::check(&block)?;
    Ok(block)
}
