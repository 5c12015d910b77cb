//! Words: variables, parameters, identifiers, numbers and the words of commands.

use crate::ast::Span;
use crate::chars::{
    forces_new_token, forces_new_token_after_number, is_double_quote, is_identifier_follow,
    is_identifier_start, is_letter_or_digit, is_single_quote, is_variable_start, is_whitespace,
};
use crate::number::{self, Literal};
use crate::token::{Expandable, Keyword, Kind, Operator};

use super::{Lexer, Mode, Result};

impl Lexer<'_> {
    /// A word of a command of which `first` has been read.
    pub(super) fn generic(&mut self, first: String) -> Result<Kind> {
        let mut out = Expandable { value: first, nested: Vec::new() };
        while let Some(c) = self.peek().filter(|c| !forces_new_token(Some(*c))) {
            let start = self.at;
            self.bump();
            if c == '`' {
                self.backtick(&mut out)?;
            } else if is_single_quote(c) {
                let text = self.single_quoted(start)?;
                out.value.push_str(&text);
            } else if is_double_quote(c) {
                self.double_quoted_into(start, &mut out)?;
            } else if c == '$' {
                self.dollar(&mut out, false)?;
            } else {
                out.value.push(c);
            }
        }
        Ok(Kind::Generic(out))
    }

    /// The token from its start once more, as a word of a command.
    fn generic_again(&mut self, start: usize) -> Result<Kind> {
        self.at = start;
        self.generic(String::new())
    }

    /// A variable; its `$` or `@` at `start` has been read.
    pub(super) fn variable(&mut self, start: usize, splat: bool, in_string: bool) -> Result<Kind> {
        if !splat && self.peek() == Some('{') {
            return self.braced_variable(start, in_string);
        }
        let Some(first) = self.peek().filter(|c| is_variable_start(*c)) else {
            return self.generic("$".to_owned());
        };
        let name_start = self.at;
        self.bump();
        // `$$`, `$?` and `$^` are single characters.
        if matches!(first, '$' | '?' | '^') {
            if self.in_command() && !forces_new_token(self.peek()) {
                return self.generic_again(start);
            }
        } else {
            while let Some(c) = self.peek() {
                match c {
                    '_' | '?' => {}
                    // `$a::b` is a static member.
                    ':' if self.peek_second() == Some(':') => break,
                    ':' => {}
                    '.' | '[' | '=' => break,
                    c if is_letter_or_digit(c) => {}
                    c if self.in_command() && !forces_new_token(Some(c)) => return self.generic_again(start),
                    _ => break,
                }
                self.bump();
            }
        }
        let path = self.slice(Span::new(name_start, self.at)).to_owned();
        self.check_path(&path, Span::new(start, self.at), "InvalidVariableReference")?;
        Ok(if splat { Kind::Splat(path) } else { Kind::Variable(path) })
    }

    /// Refuses a path that names a scope or drive and nothing in it.
    fn check_path(&self, path: &str, span: Span, id: &'static str) -> Result<()> {
        let (name, is_drive) = unqualified(path);
        if !name.is_empty() {
            return Ok(());
        }
        let plain = id == "InvalidVariableReference";
        self.error(if plain && is_drive { "InvalidVariableReferenceWithDrive" } else { id }, span)
    }

    fn braced_variable(&mut self, start: usize, in_string: bool) -> Result<Kind> {
        let brace = self.at;
        self.bump();
        let mut path = String::new();
        loop {
            let at = self.at;
            match self.bump() {
                None => {
                    let span = Span::new(brace, self.at);
                    return self.error_unless_more("IncompleteDollarVariableReference", span);
                }
                Some('}') => break,
                Some('{') => {
                    let here = Span::new(self.at, self.at);
                    return self.error("OpenBraceNeedsToBeBackTickedInVariableName", here);
                }
                Some('`') => path.extend(self.escape(at)?),
                Some(c) if in_string && is_double_quote(c) => {
                    let second = self.peek().filter(|s| is_double_quote(*s));
                    if second.is_some() {
                        self.bump();
                    }
                    path.push(second.unwrap_or(c));
                }
                Some(c) => path.push(c),
            }
        }
        let span = Span::new(start, self.at);
        if path.is_empty() {
            return self.error("EmptyVariableReference", Span::new(self.at - 1, self.at - 1));
        }
        if self.in_command() {
            let next = self.peek();
            if !forces_new_token(next) && !matches!(next, Some('.' | '[')) {
                return self.generic_again(start);
            }
        }
        self.check_path(&path, span, "InvalidBracedVariableReference")?;
        Ok(Kind::Variable(path))
    }

    /// A parameter or a dash operator; the dash has been read and a letter, `_` or `?` follows.
    pub(super) fn parameter(&mut self, dash: char) -> Result<Kind> {
        let start = self.at;
        let mut colon = false;
        let mut end = self.at;
        while let Some(c) = self.peek() {
            match c {
                '{' | '}' | '(' | ')' | ';' | ',' | '|' | '&' | '.' | '[' | '\r' | '\n' | '\0' => break,
                ':' => {
                    colon = true;
                    if self.in_command() {
                        self.bump();
                    }
                    break;
                }
                c if is_whitespace(c) => break,
                c if is_single_quote(c) || is_double_quote(c) => {
                    // With quotes in it, it is an argument.
                    if self.in_command() {
                        let word = self.slice(Span::new(start, self.at));
                        return self.generic(format!("{dash}{word}"));
                    }
                    break;
                }
                c if c.is_ascii_alphabetic() || self.in_command() => {}
                _ => break,
            }
            self.bump();
            end = self.at;
        }
        let name = self.slice(Span::new(start, end));
        if self.in_expression()
            && let Some(operator) = Operator::from_word(name)
        {
            return Ok(Kind::Operator(operator));
        }
        if name.is_empty() {
            return Ok(Kind::Operator(Operator::Minus));
        }
        Ok(Kind::Parameter { name: name.to_owned(), colon })
    }

    /// A number from `start`, or a word where something else is stuck to it.
    pub(super) fn number(&mut self, start: usize) -> Result<Kind> {
        let text = self.text;
        let rest = text.get(start..).unwrap_or_default();
        let Some((literal, true)) = self.number_at(rest, self.signed_numbers) else {
            return self.generic_again(start);
        };
        let used = number::scan(rest, self.signed_numbers).map_or(0, |(_, used)| used);
        self.at = start + used;
        match literal.value() {
            Some(number) => Ok(Kind::Number(number)),
            None if !self.in_expression() => self.generic_again(start),
            None => self.error("BadNumericConstant", Span::new(start, self.at)),
        }
    }

    /// A number at the start of `rest`, and whether it ends there.
    pub(super) fn number_at<'r>(&self, rest: &'r str, signed: bool) -> Option<(Literal<'r>, bool)> {
        let (literal, used) = number::scan(rest, signed)?;
        let next = rest.get(used..).and_then(|after| after.chars().next());
        let ends = forces_new_token(next)
            || (self.in_expression()
                && next.is_some_and(|c| forces_new_token_after_number(c, self.ternary_ends_numbers)));
        Some((literal, ends))
    }

    /// An identifier, a keyword, a type's name or a word that begins like one.
    pub(super) fn identifier(&mut self, start: usize) -> Result<Kind> {
        while self.peek().is_some_and(is_identifier_follow) {
            self.bump();
        }
        if self.mode == Mode::TypeName {
            while self
                .peek()
                .is_some_and(|c| is_letter_or_digit(c) || matches!(c, '.' | '`' | '_' | '+' | '#' | '\\'))
            {
                self.bump();
            }
            return Ok(Kind::Identifier);
        }
        let word = self.slice(Span::new(start, self.at));
        if !self.simple_names {
            if self.in_command() && !forces_new_token(self.peek()) {
                return self.generic(word.to_owned());
            }
            if matches!(self.mode, Mode::Command | Mode::Signature)
                && let Some(keyword) = Keyword::from_word(word)
            {
                return Ok(Kind::Keyword(keyword));
            }
        }
        Ok(Kind::Identifier)
    }

    /// A label, or a word that begins with a colon.
    pub(super) fn label(&mut self) -> Result<Kind> {
        let start = self.at;
        if !self.peek().is_some_and(is_identifier_start) {
            return self.generic(":".to_owned());
        }
        while self.peek().is_some_and(is_identifier_follow) {
            self.bump();
        }
        if !forces_new_token(self.peek()) {
            let word = self.slice(Span::new(start, self.at));
            return self.generic(format!(":{word}"));
        }
        Ok(Kind::Label)
    }

    /// Everything up to the end of the line or a pipe, after `--%`.
    pub(crate) fn verbatim_argument(&mut self) -> Span {
        self.skip_blanks();
        let start = self.at;
        let mut quoted = false;
        while let Some(c) = self.peek() {
            if matches!(c, '\r' | '\n')
                || (!quoted && (c == '|' || (c == '&' && self.peek_second() == Some('&'))))
            {
                break;
            }
            quoted ^= is_double_quote(c);
            self.bump();
        }
        Span::new(start, self.at)
    }

    /// The assembly after the comma of an assembly-qualified type name.
    pub(crate) fn assembly_name(&mut self) -> Span {
        let start = self.at;
        let ends = |c: char| matches!(c, '\0' | '\r' | '\n' | ']' | ',' | '=') || is_whitespace(c);
        loop {
            self.skip_blanks();
            while self.peek().is_some_and(|c| !ends(c)) {
                self.bump();
            }
            self.skip_blanks();
            if !matches!(self.peek(), Some(',' | '=')) {
                break;
            }
            self.bump();
        }
        Span::new(start, self.at)
    }

    /// What accesses a member or element directly behind an expression, white space excluded.
    pub(crate) fn member_access(&mut self, brackets: bool) -> Result<Option<Kind>> {
        while self.peek() == Some('<') && self.peek_second() == Some('#') {
            self.block_comment()?;
        }
        let blank = |c: Option<char>| match c {
            None | Some('\r' | '\n') => true,
            Some(c) => is_whitespace(c),
        };
        let command = self.in_command();
        let second = self.peek_second();
        let (kind, length) = match self.peek() {
            Some('.') if second != Some('.') && !(command && blank(second)) => (Kind::Dot, 1),
            Some(':') if second == Some(':') => {
                let third = self.text.get(self.at + 2..).and_then(|rest| rest.chars().next());
                if command && blank(third) {
                    return Ok(None);
                }
                (Kind::ColonColon, 2)
            }
            Some('[') if brackets => (Kind::LBracket, 1),
            Some('?') if second == Some('.') => (Kind::QuestionDot, 2),
            Some('?') if second == Some('[') && brackets => (Kind::QuestionLBracket, 2),
            _ => return Ok(None),
        };
        self.at += length;
        Ok(Some(kind))
    }

    /// The parenthesis or brace of a method call directly behind its name.
    pub(crate) fn invoke_open(&mut self) -> Option<Kind> {
        let kind = match self.peek()? {
            '(' => Kind::LParen,
            '{' => Kind::LCurly,
            _ => return None,
        };
        self.bump();
        Some(kind)
    }

    /// A `[` after white space and comments, but not in front of a member's name. Returns where it
    /// stands.
    pub(crate) fn bracket(&mut self) -> Result<Option<usize>> {
        let restore = self.at;
        let mut blank_after_comment = false;
        loop {
            match self.peek() {
                Some('#') => {
                    blank_after_comment = true;
                    self.skip_line();
                }
                Some('<') if self.peek_second() == Some('#') => {
                    blank_after_comment = false;
                    self.block_comment()?;
                }
                Some(c) if is_whitespace(c) => {
                    blank_after_comment = true;
                    self.skip_blanks();
                }
                Some('[') => {
                    let at = self.at;
                    self.bump();
                    return Ok(Some(at));
                }
                Some('.' | ':') if blank_after_comment => {
                    self.at = restore;
                    return Ok(None);
                }
                _ => return Ok(None),
            }
        }
    }
}

/// What a variable's path names within its scope or drive, and whether that is a drive.
fn unqualified(path: &str) -> (&str, bool) {
    let after = |path: &'_ str, prefix: &str| {
        path.get(..prefix.len())
            .filter(|head| head.eq_ignore_ascii_case(prefix))
            .and_then(|_| path.get(prefix.len()..))
            .and_then(|rest| rest.strip_prefix(':'))
            .map(|rest| path.len() - rest.len())
    };
    let scope =
        |path: &str| ["global", "local", "private", "script"].iter().find_map(|scope| after(path, scope));
    let rest = |at: usize| path.get(at..).unwrap_or_default();
    if let Some(at) = after(path, "variable") {
        return (rest(at + scope(rest(at)).unwrap_or(0)), false);
    }
    if let Some(at) = scope(path) {
        return (rest(at), false);
    }
    match path.find(':') {
        Some(at) => (rest(at + 1), at > 0),
        None => (path, false),
    }
}
