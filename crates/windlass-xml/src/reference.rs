//! The characters that references stand for.

use crate::error::{Error, ErrorKind};

/// The character of a reference; `name` is what stands between `&` and `;`, and `offset` where.
///
/// # Errors
/// An entity that is none of the five predefined ones, and a number that is no character.
pub(crate) fn character(name: &str, offset: usize) -> Result<char, Error> {
    let digits = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => name.strip_prefix('#').ok_or_else(|| Error::new(ErrorKind::Forbidden("entity"), offset))?,
    };
    let number = match digits.strip_prefix('x') {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    let character = number.filter(|number| *number != 0).and_then(char::from_u32);
    character.ok_or_else(|| Error::syntax("a character reference to no character", offset))
}
