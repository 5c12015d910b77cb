//! Character classes of the PowerShell lexer.
//!
//! PowerShell works on UTF-16 units: a character outside the basic plane is two units of which
//! neither is a letter, a digit or white space.

/// White space that parts tokens; newlines are not among it.
pub(crate) fn is_whitespace(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{b}' | '\u{c}' | '\u{a0}' | '\u{85}') || (!c.is_ascii() && is_separator(c))
}

/// White space after a backtick, newlines among it.
pub(crate) fn is_any_whitespace(c: char) -> bool {
    is_whitespace(c) || matches!(c, '\r' | '\n')
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// The ASCII dash and its typographic forms: all of them introduce parameters and operators.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2013}' | '\u{2014}' | '\u{2015}')
}

/// All forms of the single quote are equal.
pub(crate) fn is_single_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}')
}

/// All forms of the double quote are equal.
pub(crate) fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

/// A letter of the basic plane.
pub(crate) fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    u32::from(c) <= 0xffff && c.is_alphabetic() && !is_mark_or_symbol(c)
}

/// A letter or decimal digit of the basic plane.
pub(crate) fn is_letter_or_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    is_letter(c) || (u32::from(c) <= 0xffff && c.is_numeric() && !is_other_number(c))
}

/// Characters that Unicode counts as alphabetic though their category is not that of a letter.
fn is_mark_or_symbol(c: char) -> bool {
    matches!(c,
        '\u{345}' | '\u{2160}'..='\u{2188}' | '\u{24b6}'..='\u{24e9}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303a}'
        | '\u{5b0}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{657}' | '\u{900}'..='\u{903}'
        | '\u{93a}'..='\u{93b}' | '\u{93e}'..='\u{94c}')
}

/// Numbers that are no decimal digits: superscripts, fractions, circled and roman numbers.
fn is_other_number(c: char) -> bool {
    matches!(c,
        '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{bc}'..='\u{be}' | '\u{2070}'..='\u{2189}' | '\u{2460}'..='\u{249b}'
        | '\u{24ea}'..='\u{24ff}' | '\u{2776}'..='\u{2793}' | '\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3192}'..='\u{3195}' | '\u{3220}'..='\u{325f}' | '\u{3280}'..='\u{32bf}')
}

/// The first character of a variable's name without braces.
pub(crate) fn is_variable_start(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '$' | ':' | '?' | '^' | '_');
    }
    is_letter_or_digit(c)
}

/// The first character of an identifier.
pub(crate) fn is_identifier_start(c: char) -> bool {
    is_letter(c) || c == '_'
}

/// A later character of an identifier.
pub(crate) fn is_identifier_follow(c: char) -> bool {
    is_letter_or_digit(c) || c == '_'
}

/// Ends a token that began with a letter or digit, whatever the mode. The end of the text does too.
pub(crate) fn forces_new_token(c: Option<char>) -> bool {
    match c {
        None => true,
        Some('\0' | '\r' | '\n' | '&' | '(' | ')' | ',' | ';' | '{' | '}' | '|') => true,
        Some(c) => is_whitespace(c),
    }
}

/// Ends a number in an expression, although it would continue a word in a command.
pub(crate) fn forces_new_token_after_number(c: char, ternary: bool) -> bool {
    match c {
        '!' | '#' | '%' | '*' | '+' | '-' | '.' | '/' | '<' | '=' | '>' | ']' => true,
        '?' | ':' => ternary,
        _ => !c.is_ascii() && is_dash(c),
    }
}
