//! Reading values.

use super::lexer::Token;
use super::parse::Parser;
use crate::error::Error;
use crate::text::integer_value;
use crate::types::{CimType, DataType};
use crate::value::{CimArray, CimValue};

impl Parser<'_> {
    /// A value of a declared type.
    pub(super) fn value_of(&mut self, data_type: &DataType, depth: usize) -> Result<CimValue, Error> {
        let position = self.position;
        let value = self.value(depth)?;
        value.convert(data_type.element, data_type.is_array).map_err(|error| {
            self.error_at(position, format!("expected a value of type {data_type}: {error}"))
        })
    }

    /// A value whose type is not declared: integers are `uint64` or, if negative, `sint64`; arrays
    /// have the type of their first element.
    pub(super) fn value(&mut self, depth: usize) -> Result<CimValue, Error> {
        if self.token != Token::Sign('{') {
            return self.scalar(depth);
        }
        self.advance()?;
        let mut items = Vec::new();
        if !self.accept_sign('}')? {
            loop {
                items.push(self.scalar(depth)?);
                if !self.accept_sign(',')? {
                    self.expect_sign('}')?;
                    break;
                }
            }
        }
        self.array(items)
    }

    /// An array of constants.
    pub(super) fn untyped_array(&mut self) -> Result<CimValue, Error> {
        let depth = self.limits.depth;
        self.value(depth)
    }

    /// The value of a qualifier: a constant, or an array of them. Integers that fit are `sint32`.
    pub(super) fn qualifier_value(&mut self) -> Result<CimValue, Error> {
        let depth = self.limits.depth;
        let value = self.value(depth)?;
        Ok(match value.as_i128().and_then(|n| i32::try_from(n).ok()) {
            Some(n) => n.into(),
            None => value,
        })
    }

    /// An array of what was read: elements of mixed integer types get the wider one.
    fn array(&self, items: Vec<CimValue>) -> Result<CimValue, Error> {
        let types = || items.iter().filter_map(CimValue::cim_type);
        let element = if types().any(|t| t == CimType::Real64) {
            CimType::Real64
        } else if types().any(|t| t == CimType::SInt64) {
            CimType::SInt64
        } else {
            types().next().unwrap_or(CimType::String)
        };
        let items = items.into_iter().map(|item| item.convert(element, false)).collect::<Result<_, _>>();
        let items = items.map_err(|_| self.error_at(self.position, "elements of one type in an array"))?;
        Ok(CimArray::from_trusted(element, items).into())
    }

    fn scalar(&mut self, depth: usize) -> Result<CimValue, Error> {
        match &self.token {
            Token::Text(_) => self.text().map(CimValue::String),
            Token::Char(unit) => {
                let value = CimValue::Char16(*unit);
                self.advance()?;
                Ok(value)
            }
            Token::Number(text) => {
                let value = number(text).ok_or_else(|| self.unexpected("a number"))?;
                self.advance()?;
                Ok(value)
            }
            Token::Alias(name) => {
                let path = self.aliases.get(&(*name).into()).cloned();
                let path = path.ok_or_else(|| self.unexpected("an alias given before"))?;
                self.advance()?;
                Ok(path.into())
            }
            Token::Word(word) => {
                let value = match word.to_ascii_lowercase().as_str() {
                    "true" => CimValue::Boolean(true),
                    "false" => CimValue::Boolean(false),
                    "null" => CimValue::Null,
                    "instance" if depth < self.limits.depth => {
                        self.advance()?;
                        return self.embedded_instance(depth + 1).map(CimValue::from);
                    }
                    _ => return Err(self.unexpected("a value")),
                };
                self.advance()?;
                Ok(value)
            }
            Token::Sign(_) | Token::End => Err(self.unexpected("a value")),
        }
    }
}

/// A decimal, hexadecimal (`0x1F`), binary (`101b`) or octal (`017`) integer, or a real.
fn number(text: &str) -> Option<CimValue> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let is = |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let (digits, radix) = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        (hex, 16)
    } else if let Some(binary) = digits.strip_suffix(['b', 'B']).filter(|d| is(d, 2)) {
        (binary, 2)
    } else if let Some(octal) = digits.strip_prefix('0').filter(|d| is(d, 8)) {
        (octal, 8)
    } else if is(digits, 10) {
        (digits, 10)
    } else {
        let real = crate::text::parse_real64(text).filter(|real| real.is_finite())?;
        return text.contains(['.', 'e', 'E']).then_some(CimValue::Real64(real));
    };
    if !is(digits, radix) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    if negative {
        integer_value(CimType::SInt64, -magnitude)
    } else {
        integer_value(CimType::UInt64, magnitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("5", Some(5_u64.into())),
            ("-5", Some((-5_i64).into())),
            ("+0x1F", Some(31_u64.into())),
            ("101b", Some(5_u64.into())),
            ("017", Some(15_u64.into())),
            ("0", Some(0_u64.into())),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("1.5", Some(1.5.into())),
            (".5e1", Some(5.0.into())),
            ("18446744073709551616", None),
            ("-9223372036854775809", None),
            ("0x", None),
            ("12b", None),
            ("1e", None),
            ("1x", None),
        ] {
            assert_eq!(number(text), value, "{text}");
        }
    }
}
