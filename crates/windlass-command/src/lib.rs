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
pub mod convert;
mod decimal;
mod error;
mod language;
mod lexer;
mod number;
mod parser;
mod token;
pub mod wildcard;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(text: &str, language: Language) -> Option<(Construct, Span)> {
        match parse(text, language).map_err(|e| *e) {
            Err(ParseError { kind: ParseErrorKind::Outside(construct), span, .. }) => Some((construct, span)),
            _ => None,
        }
    }

    #[test]
    fn what_is_outside_is_named_with_its_place() {
        for (text, construct, start) in [
            ("Get-Date > f", Construct::Redirection, 9),
            ("Get-Date; Get-Item a && b", Construct::PipelineChain, 10),
            ("Write-Output \"a $(Get-Date)\"", Construct::SubExpression, 16),
            ("Write-Output $using:x", Construct::UsingVariable, 13),
            ("1 + 2", Construct::Operator, 0),
            ("& Get-Date", Construct::InvocationOperator, 0),
            ("if ($x) { 1 }", Construct::Statement(CompoundKind::If), 0),
            ("$x.ToString()", Construct::MethodCall, 0),
            ("[int]5", Construct::Type, 0),
            ("Write-Output @{a = (1 -eq 2)}", Construct::Operator, 20),
            ("$x += 1", Construct::CompoundAssignment, 0),
            ("$x.y = 1", Construct::AssignmentTarget, 0),
        ] {
            let found = outside(text, Language::CONSOLE);
            assert_eq!(found.map(|(c, s)| (c, s.start)), Some((construct, start)), "{text}");
        }
        assert_eq!(outside("$x = 1", Language::ENDPOINT).map(|(c, _)| c), Some(Construct::Assignment));
        assert_eq!(outside("$env:PATH", Language::ENDPOINT).map(|(c, _)| c), Some(Construct::DriveVariable));
    }

    #[test]
    fn script_blocks_may_hold_anything() {
        let text = "Invoke-Command { param($a) if ($a -gt 1) { \"$($a * 2)\" > x } }";
        let script = parse(text, Language::ENDPOINT).unwrap();
        let Statement::Pipeline(pipeline) = &script.statements[0] else { panic!("a pipeline") };
        let Element::Command(command) = &pipeline.elements[0] else { panic!("a command") };
        let CommandElement::Argument(argument) = &command.arguments()[0] else { panic!("an argument") };
        let ExpressionKind::ScriptBlock(block) = &argument.kind else { panic!("a script block") };
        assert_eq!(block.source, " param($a) if ($a -gt 1) { \"$($a * 2)\" > x } ");
    }

    #[test]
    fn unfinished_text_asks_for_more() {
        for (text, more) in [
            ("Get-Process |", true),
            ("Write-Output @{ a = 1", true),
            ("Write-Output 'a", true),
            ("Invoke-Command {", true),
            ("Write-Output (", true),
            ("Write-Output )", false),
            ("Write-Output ,1", false),
        ] {
            assert_eq!(parse(text, Language::CONSOLE).unwrap_err().incomplete, more, "{text}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        for (open, close) in [
            ("(", ")"),
            ("@(", ")"),
            ("$(", ")"),
            ("{", "}"),
            ("@{a=", "}"),
            ("if (1) {", "}"),
            ("!", ""),
            ("-", ""),
            (",", ""),
            ("[int]", ""),
            ("$x[", "]"),
            ("$x.a(", ")"),
            ("$x.", ""),
            ("1+", ""),
            ("1?2:", ""),
            ("\"$(", ")\""),
            ("\"$($x[", "])\""),
            ("[a(", ")]"),
            ("[a[", "]]"),
            ("[a(\"$(", ")\")]"),
            ("$x=", ""),
            ("a | ", ""),
            ("a && ", ""),
            ("a$(", ")"),
            ("function f {", "}"),
            ("class c { f() {", "}}"),
        ] {
            for n in [20, 60, 20_000] {
                // What matters is that it ends, soon and without exhausting the stack.
                let text = format!("{}1{}", open.repeat(n), close.repeat(n));
                let _ = parse(&text, Language::CONSOLE);
                let _ = parse(&open.repeat(n), Language::CONSOLE);
            }
        }
        let long = " ".repeat(MAX_TEXT + 1);
        assert!(matches!(
            parse(&long, Language::CONSOLE).unwrap_err().kind,
            ParseErrorKind::TooLong { limit: MAX_TEXT }
        ));
    }

    #[test]
    fn half_pairs_join_or_are_refused() {
        let value = |text: &str| match &parse(text, Language::CONSOLE)?.statements[0] {
            Statement::Pipeline(p) => match p.as_expression().map(|e| &e.kind) {
                Some(ExpressionKind::String { value, .. }) => Ok(value.clone()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert_eq!(value("\"`u{D83D}`u{DE00}\""), Ok::<_, Box<ParseError>>("\u{1f600}".to_owned()));
        assert!(value("\"`u{D83D}\"").is_err());
        assert!(value("\"`u{DE00}`u{D83D}\"").is_err());
    }
}
