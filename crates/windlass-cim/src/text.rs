//! Values as text: the lexical forms that WS-CIM, CIM-XML and selectors share (DSP0230 6.2), and
//! conversions between types.

use std::borrow::Cow;

use crate::datetime::CimDateTime;
use crate::error::Error;
use crate::path::ObjectPath;
use crate::types::CimType;
use crate::value::{CimArray, CimValue};

impl CimValue {
    /// Reads a scalar of a type from text.
    ///
    /// Booleans are `true`, `false`, `1` and `0` in any case; integers decimal or hexadecimal after
    /// `0x`; `char16` a number or one character that is not a digit; reals decimal, `INF`, `-INF` or
    /// `NaN`; datetimes in any form of [`CimDateTime::parse_any`]; references object paths.
    ///
    /// # Errors
    /// When the text does not denote such a value. Embedded instances have no text.
    pub fn parse_text(cim_type: CimType, text: &str) -> Result<Self, Error> {
        let trimmed = text.trim_ascii();
        let error = || Error::Text { expected: cim_type };
        match cim_type {
            CimType::String => Ok(Self::String(text.to_owned())),
            CimType::Boolean => parse_bool(trimmed).map(Self::Boolean).ok_or_else(error),
            CimType::Real32 => parse_real32(trimmed).map(Self::Real32).ok_or_else(error),
            CimType::Real64 => parse_real64(trimmed).map(Self::Real64).ok_or_else(error),
            CimType::Char16 => parse_char(text, trimmed).map(Self::Char16).ok_or_else(error),
            CimType::DateTime => CimDateTime::parse_any(trimmed).map(Self::from),
            CimType::Reference => text.parse::<ObjectPath>().map(Self::from),
            CimType::Instance | CimType::Object => Err(error()),
            integer => match decimal(trimmed).and_then(|n| unsigned_value(integer, n)) {
                Some(value) => Ok(value),
                None => parse_integer(trimmed).and_then(|n| integer_value(integer, n)).ok_or_else(error),
            },
        }
    }

    /// The text of a scalar, as [`CimValue::parse_text`] reads it; `None` for null, arrays and
    /// embedded objects. Datetimes take the form of DMTF.
    #[must_use]
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::String(s) => Cow::Borrowed(s),
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
            Self::Real32(r) => Cow::Owned(real32_text(*r)),
            Self::Real64(r) => Cow::Owned(real64_text(*r)),
            Self::Char16(c) => Cow::Owned(c.to_string()),
            Self::DateTime(d) => Cow::Owned(d.to_string()),
            Self::Reference(path) => Cow::Owned(path.to_string()),
            Self::UInt8(n) => Cow::Owned(n.to_string()),
            Self::SInt8(n) => Cow::Owned(n.to_string()),
            Self::UInt16(n) => Cow::Owned(n.to_string()),
            Self::SInt16(n) => Cow::Owned(n.to_string()),
            Self::UInt32(n) => Cow::Owned(n.to_string()),
            Self::SInt32(n) => Cow::Owned(n.to_string()),
            Self::UInt64(n) => Cow::Owned(n.to_string()),
            Self::SInt64(n) => Cow::Owned(n.to_string()),
            Self::Null | Self::Array(_) | Self::Instance(_) | Self::Class(_) => return None,
        })
    }

    /// Whether a property of that type and shape can hold the value as it is.
    #[must_use]
    pub fn fits(&self, element: CimType, is_array: bool) -> bool {
        match self {
            Self::Null => true,
            Self::Array(array) => is_array && array.element() == element,
            scalar => !is_array && scalar.is_of(element),
        }
    }

    /// Converts to a type: integers where the number fits, integers to reals, strings through
    /// [`CimValue::parse_text`], scalars to strings through [`CimValue::to_text`], arrays element by
    /// element; a scalar becomes an array of one where an array is asked for. Null stays null.
    ///
    /// # Errors
    /// When the value has no counterpart in that type.
    pub fn convert(self, element: CimType, is_array: bool) -> Result<Self, Error> {
        if self.fits(element, is_array) { Ok(self) } else { self.converted(element, is_array) }
    }

    /// [`CimValue::convert`] for a value that does not fit.
    pub(crate) fn converted(&self, element: CimType, is_array: bool) -> Result<Self, Error> {
        match (self, is_array) {
            (Self::Array(array), true) => {
                let items = array.items().iter().map(|item| item.converted_scalar(element));
                let items = items.collect::<Result<_, _>>()?;
                Ok(CimArray::from_trusted(element, items).into())
            }
            (Self::Array(_), false) => Err(Error::Type { expected: element.name(), found: "an array" }),
            (scalar, true) => {
                Ok(CimArray::from_trusted(element, vec![scalar.converted_scalar(element)?]).into())
            }
            (scalar, false) => scalar.converted_scalar(element),
        }
    }

    fn converted_scalar(&self, element: CimType) -> Result<Self, Error> {
        if self.is_of(element) {
            return Ok(self.clone());
        }
        let converted = match (self, element) {
            (Self::String(text), _) => return Self::parse_text(element, text),
            (_, CimType::String) => self.to_text().map(|text| Self::String(text.into_owned())),
            (Self::Real32(r), CimType::Real64) => Some(Self::Real64((*r).into())),
            (Self::Real64(r), CimType::Real32) => parse_real32(&real64_text(*r)).map(Self::Real32),
            (_, CimType::Real64) => self.as_i128().and_then(integer_to_real).map(Self::Real64),
            (_, CimType::Real32) => self.as_i128().and_then(|n| n.to_string().parse().ok()).map(Self::Real32),
            (_, CimType::Char16) => self.as_i128().and_then(|n| u16::try_from(n).ok()).map(Self::Char16),
            (_, integer) if integer.is_integer() => self.as_i128().and_then(|n| integer_value(integer, n)),
            _ => None,
        };
        converted.ok_or(Error::Type { expected: element.name(), found: self.describe() })
    }
}

/// A number as a value of an integer type, where it fits.
pub(crate) fn integer_value(cim_type: CimType, n: i128) -> Option<CimValue> {
    Some(match cim_type {
        CimType::UInt8 => CimValue::UInt8(n.try_into().ok()?),
        CimType::SInt8 => CimValue::SInt8(n.try_into().ok()?),
        CimType::UInt16 => CimValue::UInt16(n.try_into().ok()?),
        CimType::SInt16 => CimValue::SInt16(n.try_into().ok()?),
        CimType::UInt32 => CimValue::UInt32(n.try_into().ok()?),
        CimType::SInt32 => CimValue::SInt32(n.try_into().ok()?),
        CimType::UInt64 => CimValue::UInt64(n.try_into().ok()?),
        CimType::SInt64 => CimValue::SInt64(n.try_into().ok()?),
        _ => return None,
    })
}

/// A number as a value of one of the integer types that most properties have, where it fits.
#[inline]
pub(crate) fn unsigned_value(cim_type: CimType, n: u64) -> Option<CimValue> {
    match cim_type {
        CimType::UInt64 => Some(CimValue::UInt64(n)),
        CimType::UInt32 => u32::try_from(n).ok().map(CimValue::UInt32),
        CimType::UInt16 => u16::try_from(n).ok().map(CimValue::UInt16),
        _ => None,
    }
}

/// A number that is written in digits alone and surely fits.
#[inline]
pub(crate) fn decimal(text: &str) -> Option<u64> {
    if !(1..=19).contains(&text.len()) {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| match byte.wrapping_sub(b'0') {
        digit @ 0..=9 => Some(number * 10 + u64::from(digit)),
        _ => None,
    })
}

/// `true`, `false`, `1` or `0`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    if text == "1" || text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text == "0" || text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A decimal or hexadecimal integer that fits one of the 64-bit types.
pub(crate) fn parse_integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let number = match digits.as_bytes() {
        [b'0', b'x' | b'X', rest @ ..] if rest.iter().all(u8::is_ascii_hexdigit) => {
            u64::from_str_radix(digits.get(2..)?, 16).ok()?
        }
        [b'0'..=b'9', ..] => digits.parse::<u64>().ok()?,
        _ => return None,
    };
    let number = i128::from(number);
    Some(if negative { -number } else { number })
}

fn parse_char(text: &str, trimmed: &str) -> Option<u16> {
    if let Ok(number) = trimmed.parse::<u16>() {
        return Some(number);
    }
    let mut units = text.encode_utf16();
    match (units.next(), units.next()) {
        (Some(unit), None) => Some(unit),
        _ => None,
    }
}

/// A real that is finite or one of the three names of XML Schema.
pub(crate) fn parse_real64(text: &str) -> Option<f64> {
    match text {
        "INF" | "+INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if is_decimal(text) => text.parse::<f64>().ok().filter(|r| r.is_finite()),
        _ => None,
    }
}

fn parse_real32(text: &str) -> Option<f32> {
    match text {
        "INF" | "+INF" => Some(f32::INFINITY),
        "-INF" => Some(f32::NEG_INFINITY),
        "NaN" => Some(f32::NAN),
        _ if is_decimal(text) => text.parse::<f32>().ok().filter(|r| r.is_finite()),
        _ => None,
    }
}

/// Keeps out the names of infinities that Rust knows.
fn is_decimal(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
}

fn real32_text(real: f32) -> String {
    if real.is_finite() && real != 0.0 && !(1e-5..1e16).contains(&real.abs()) {
        return format!("{real:E}");
    }
    special_text(real.into()).map_or_else(|| real.to_string(), str::to_owned)
}

fn real64_text(real: f64) -> String {
    if real.is_finite() && real != 0.0 && !(1e-5..1e16).contains(&real.abs()) {
        return format!("{real:E}");
    }
    special_text(real).map_or_else(|| real.to_string(), str::to_owned)
}

fn special_text(real: f64) -> Option<&'static str> {
    if real.is_nan() {
        Some("NaN")
    } else if real == f64::INFINITY {
        Some("INF")
    } else if real == f64::NEG_INFINITY {
        Some("-INF")
    } else {
        None
    }
}

/// The nearest real to an integer of at most 64 bits.
pub(crate) fn integer_to_real(n: i128) -> Option<f64> {
    let magnitude = u64::try_from(n.unsigned_abs()).ok()?;
    let high = u32::try_from(magnitude >> 32).ok()?;
    let low = u32::try_from(magnitude & 0xffff_ffff).ok()?;
    let real = f64::from(high) * 4_294_967_296.0 + f64::from(low);
    Some(if n < 0 { -real } else { real })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_type() {
        for (cim_type, text, back) in [
            (CimType::Boolean, "TRUE", "true"),
            (CimType::Boolean, " 0 ", "false"),
            (CimType::UInt8, "255", "255"),
            (CimType::SInt8, "-128", "-128"),
            (CimType::UInt64, "18446744073709551615", "18446744073709551615"),
            (CimType::UInt64, "9999999999999999999", "9999999999999999999"),
            (CimType::UInt32, "0xFf", "255"),
            (CimType::UInt32, "00000000000000000000001", "1"),
            (CimType::UInt16, "+65535", "65535"),
            (CimType::SInt64, "-9223372036854775808", "-9223372036854775808"),
            (CimType::Real32, "100.300003051758", "100.3"),
            (CimType::Real64, "-INF", "-INF"),
            (CimType::Real64, "1e300", "1E300"),
            (CimType::Real64, "-0", "-0"),
            (CimType::Char16, "1044", "1044"),
            (CimType::Char16, "A", "65"),
            (CimType::String, " a ", " a "),
            (CimType::DateTime, "P1D", "00000001000000.000000:000"),
            (CimType::Reference, "A.b=1", "A.b=1"),
        ] {
            let value = CimValue::parse_text(cim_type, text).unwrap();
            assert_eq!(value.cim_type(), Some(cim_type));
            assert_eq!(value.to_text().unwrap(), back, "{cim_type} {text}");
            assert_eq!(CimValue::parse_text(cim_type, back).unwrap(), value);
        }
    }

    #[test]
    fn texts_that_are_refused() {
        for (cim_type, text) in [
            (CimType::Boolean, "yes"),
            (CimType::Boolean, ""),
            (CimType::UInt8, "256"),
            (CimType::UInt8, "-1"),
            (CimType::UInt16, "65536"),
            (CimType::UInt32, "4294967296"),
            (CimType::SInt16, "1.0"),
            (CimType::UInt32, "0x"),
            (CimType::UInt32, "++1"),
            (CimType::UInt64, "18446744073709551616"),
            (CimType::Real64, "inf"),
            (CimType::Real64, "1e999"),
            (CimType::Real32, "1e39"),
            (CimType::Char16, "ab"),
            (CimType::Char16, "😀"),
            (CimType::DateTime, "yesterday"),
            (CimType::Instance, "x"),
        ] {
            assert!(CimValue::parse_text(cim_type, text).is_err(), "{cim_type} {text}");
        }
    }

    #[test]
    fn conversions() {
        let convert = |v: CimValue, t, a| v.convert(t, a).ok();
        assert_eq!(convert(5_u8.into(), CimType::SInt64, false), Some(5_i64.into()));
        assert_eq!(convert(5_u8.into(), CimType::Real32, false), Some(5_f32.into()));
        assert_eq!(
            convert(u64::MAX.into(), CimType::Real64, false),
            Some(18_446_744_073_709_551_615_f64.into())
        );
        assert_eq!(convert("5".into(), CimType::UInt8, true), Some(vec![5_u8].into()));
        assert_eq!(convert(vec![1_u8, 2].into(), CimType::String, true), {
            Some(vec!["1".to_owned(), "2".to_owned()].into())
        });
        assert_eq!(convert(CimValue::Null, CimType::String, true), Some(CimValue::Null));
        assert_eq!(convert(vec![1_u8].into(), CimType::UInt8, false), None);
        assert_eq!(convert(true.into(), CimType::UInt8, false), None);
        assert_eq!(convert(1.5_f64.into(), CimType::UInt8, false), None);
        assert_eq!(convert(1.5_f64.into(), CimType::Real32, false), Some(1.5_f32.into()));
        assert_eq!(convert(1e300_f64.into(), CimType::Real32, false), None);
    }
}
