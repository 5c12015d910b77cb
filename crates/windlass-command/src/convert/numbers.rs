//! Conversions to numbers and characters.

use crate::bigint::BigInt;
use crate::decimal::Decimal;
use crate::number::{self, Number, decimal_text};

use super::{Type, Value};

/// A value as a number of the type asked for.
pub(super) fn number(value: &Value, to: &Type) -> Option<Number> {
    match value {
        Value::Null => change(&Number::Int32(0), to),
        Value::Bool(on) => change(&Number::Int32(i32::from(*on)), to),
        Value::Char(unit) => change(&Number::UInt16(*unit), to),
        Value::Number(number) => change(number, to),
        Value::Enum(_, value) => change(&Number::Int64(*value), to),
        Value::String(text) => from_text(text, to),
        _ => None,
    }
}

pub(super) fn char(value: &Value) -> Option<Value> {
    let unit = match value {
        Value::Null => 0,
        Value::Char(unit) => *unit,
        Value::String(text) => {
            let mut units = text.encode_utf16();
            let unit = units.next()?;
            if units.next().is_some() {
                return None;
            }
            unit
        }
        Value::Number(Number::Double(_) | Number::Decimal(_) | Number::Big(_)) => return None,
        Value::Number(number) => match change(number, &Type::UInt16)? {
            Number::UInt16(unit) => unit,
            _ => return None,
        },
        _ => return None,
    };
    Some(Value::Char(unit))
}

/// A text as a number: as a literal with all its prefixes, suffixes and multipliers, else as plain
/// digits, else rounded from a real number.
fn from_text(text: &str, to: &Type) -> Option<Number> {
    if text.is_empty() {
        return change(&Number::Int32(0), to);
    }
    let trimmed = text.trim();
    let literal = if trimmed.is_empty() { Some(Number::Int32(0)) } else { literal(trimmed) };
    if let Some(number) = literal.and_then(|number| change(&number, to)) {
        return Some(number);
    }
    match to {
        Type::Double => real(trimmed).map(Number::Double),
        Type::Decimal => plain_decimal(trimmed).or_else(|| from_double(real(trimmed)?)).map(Number::Decimal),
        _ => match plain_integer(trimmed) {
            // What is an integer and does not fit is not tried as anything else.
            Some(integer) => change(&Number::Big(integer.to_string()), to),
            None => change(&Number::Double(real(trimmed)?), to),
        },
    }
}

fn literal(text: &str) -> Option<Number> {
    let (literal, used) = number::scan(text, true)?;
    if used == text.len() { literal.value() } else { None }
}

/// Digits with a sign, or hexadecimal digits after `0x`, `&h` or `#`.
fn plain_integer(text: &str) -> Option<i128> {
    let lower = text.to_ascii_lowercase();
    for prefix in ["#", "0x", "&h"] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return u64::from_str_radix(digits, 16).ok().map(i128::from);
        }
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // More digits than fit are still an integer, only not one of any type.
    Some(text.parse().unwrap_or(i128::MAX))
}

/// A real number: sign, digits with commas between them, point, exponent.
fn real(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    let number = match unsigned {
        "NaN" => f64::NAN,
        "Infinity" | "\u{221e}" => f64::INFINITY,
        _ => {
            let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
                Some((mantissa, exponent)) => (mantissa, Some(exponent)),
                None => (unsigned, None),
            };
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let whole = ungrouped(whole)?;
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            if !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
                return None;
            }
            let exponent = exponent.unwrap_or("0");
            let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if exponent_digits.is_empty() || !digits(exponent_digits) {
                return None;
            }
            format!("{whole}.{fraction}0e{exponent}").parse().ok()?
        }
    };
    Some(if negative { -number } else { number })
}

/// Digits without the commas between them; the first must be a digit.
fn ungrouped(text: &str) -> Option<String> {
    if text.starts_with(',') || !text.bytes().all(|b| b.is_ascii_digit() || b == b',') {
        return None;
    }
    Some(text.replace(',', ""))
}

fn plain_decimal(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    decimal_text(&format!("{}.{fraction}", ungrouped(whole)?), text.starts_with('-'))
}

/// A double with the 15 digits that are certain.
fn from_double(number: f64) -> Option<Decimal> {
    if !number.is_finite() {
        return None;
    }
    let digits = format!("{:.14e}", number.abs());
    let (mantissa, exponent) = digits.split_once('e')?;
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    decimal_text(&format!("{mantissa}e{exponent}"), number < 0.0)
}

pub(super) fn to_f64(number: &Number) -> Option<f64> {
    Some(match number {
        Number::Double(n) => *n,
        Number::Byte(n) => f64::from(*n),
        Number::SByte(n) => f64::from(*n),
        Number::Int16(n) => f64::from(*n),
        Number::UInt16(n) => f64::from(*n),
        Number::Int32(n) => f64::from(*n),
        Number::UInt32(n) => f64::from(*n),
        // The decimal digits of a whole number read as the nearest double.
        other => other.to_string().parse().ok()?,
    })
}

/// A number as one of another type: rounded to even, refused where it does not fit.
fn change(number: &Number, to: &Type) -> Option<Number> {
    match to {
        Type::Double => return to_f64(number).map(Number::Double),
        Type::Decimal => {
            return match number {
                Number::Decimal(n) => Some(Number::Decimal(*n)),
                Number::Double(n) => from_double(*n).map(Number::Decimal),
                whole => decimal_text(
                    whole.to_string().trim_start_matches('-'),
                    whole.to_string().starts_with('-'),
                )
                .map(Number::Decimal),
            };
        }
        _ => {}
    }
    let whole = match number {
        Number::Double(n) => BigInt::from_f64(*n)?.to_i128()?,
        Number::Decimal(n) => rounded(*n)?,
        other => other.to_string().parse::<i128>().ok()?,
    };
    Some(match to {
        Type::Byte => Number::Byte(u8::try_from(whole).ok()?),
        Type::SByte => Number::SByte(i8::try_from(whole).ok()?),
        Type::Int16 => Number::Int16(i16::try_from(whole).ok()?),
        Type::UInt16 => Number::UInt16(u16::try_from(whole).ok()?),
        Type::Int32 => Number::Int32(i32::try_from(whole).ok()?),
        Type::UInt32 => Number::UInt32(u32::try_from(whole).ok()?),
        Type::Int64 => Number::Int64(i64::try_from(whole).ok()?),
        Type::UInt64 => Number::UInt64(u64::try_from(whole).ok()?),
        _ => return None,
    })
}

/// A decimal rounded to the nearest whole number, ties to even.
fn rounded(number: Decimal) -> Option<i128> {
    let divisor = 10u128.checked_pow(u32::from(number.scale()))?;
    let (whole, rest) = (number.mantissa() / divisor, number.mantissa() % divisor);
    let up = rest * 2 > divisor || (rest * 2 == divisor && whole % 2 == 1);
    let whole = i128::try_from(whole + u128::from(up)).ok()?;
    Some(if number.is_negative() { -whole } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str, name: &str) -> Option<String> {
        number(&text.into(), &Type::from_name(name)?).map(|n| n.to_string())
    }

    #[test]
    fn texts_are_read_as_literals_then_as_digits_then_as_reals() {
        assert_eq!(to("1kb", "int").as_deref(), Some("1024"));
        assert_eq!(to(" 2.5 ", "int").as_deref(), Some("2"));
        assert_eq!(to("1,000", "int").as_deref(), Some("1000"));
        assert_eq!(to("#ff", "int").as_deref(), Some("255"));
        assert_eq!(to("2147483648", "int"), None);
        assert_eq!(to("9999999999999999999999", "long"), None);
        assert_eq!(to("-0.5", "byte").as_deref(), Some("0"));
        assert_eq!(to("1e400", "double").as_deref(), Some("Infinity"));
        assert_eq!(to("1,234.50", "decimal").as_deref(), Some("1234.50"));
        assert_eq!(to("0.1", "decimal").as_deref(), Some("0.1"));
        assert_eq!(to("   ", "int").as_deref(), Some("0"));
        assert_eq!(to("1.2.3", "double"), None);
    }
}
