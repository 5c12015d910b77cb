//! Number literals: decimal, hexadecimal and binary, with type suffixes and multipliers.

use std::fmt;

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char as character, one_of};
use nom::combinator::{consumed, map, opt, peek, recognize, value};
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use crate::bigint::BigInt;
use crate::chars::is_dash;
use crate::decimal::Decimal;

/// The longest literal that is read as a number, in bytes.
const MAX_LITERAL: usize = 1024;

/// A number, in the type PowerShell gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// `System.Byte`
    Byte(u8),
    /// `System.SByte`
    SByte(i8),
    /// `System.Int16`
    Int16(i16),
    /// `System.UInt16`
    UInt16(u16),
    /// `System.Int32`
    Int32(i32),
    /// `System.UInt32`
    UInt32(u32),
    /// `System.Int64`
    Int64(i64),
    /// `System.UInt64`
    UInt64(u64),
    /// `System.Double`
    Double(f64),
    /// `System.Decimal`
    Decimal(Decimal),
    /// `System.Numerics.BigInteger`, as its decimal digits.
    Big(String),
}

impl Number {
    /// The name of its .NET type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Byte(_) => "System.Byte",
            Self::SByte(_) => "System.SByte",
            Self::Int16(_) => "System.Int16",
            Self::UInt16(_) => "System.UInt16",
            Self::Int32(_) => "System.Int32",
            Self::UInt32(_) => "System.UInt32",
            Self::Int64(_) => "System.Int64",
            Self::UInt64(_) => "System.UInt64",
            Self::Double(_) => "System.Double",
            Self::Decimal(_) => "System.Decimal",
            Self::Big(_) => "System.Numerics.BigInteger",
        }
    }
}

impl fmt::Display for Number {
    /// As .NET prints it in the invariant culture.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(n) => n.fmt(f),
            Self::SByte(n) => n.fmt(f),
            Self::Int16(n) => n.fmt(f),
            Self::UInt16(n) => n.fmt(f),
            Self::Int32(n) => n.fmt(f),
            Self::UInt32(n) => n.fmt(f),
            Self::Int64(n) => n.fmt(f),
            Self::UInt64(n) => n.fmt(f),
            Self::Double(n) => f.write_str(&double_text(*n)),
            Self::Decimal(n) => n.fmt(f),
            Self::Big(n) => n.fmt(f),
        }
    }
}

/// A double as .NET prints it in the invariant culture: the shortest digits that read back, with an
/// exponent where there are more than 15 places before the point and fewer digits, and below 0.0001.
#[must_use]
pub fn double_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    let places = i32::try_from(count).unwrap_or(i32::MAX).max(15);
    if (-4..places).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}E{sign}{:02}", exponent.abs())
}

/// What a literal looks like before its value is known to fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Literal<'t> {
    negative: bool,
    body: Body<'t>,
    suffix: Suffix,
    multiplier: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Body<'t> {
    Hex(&'t str),
    Binary(&'t str),
    Whole(&'t str),
    /// With a point or an exponent.
    Real(&'t str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suffix {
    None,
    Byte,
    SByte,
    Short,
    UShort,
    Unsigned,
    Long,
    ULong,
    Decimal,
    Big,
}

/// Reads the longest literal at the start of `text`, and how many bytes it takes. Whether what
/// follows makes it a word instead is the caller's affair.
pub(crate) fn scan(text: &str, signed: bool) -> Option<(Literal<'_>, usize)> {
    let (rest, literal) = literal(text, signed).ok()?;
    Some((literal, text.len() - rest.len()))
}

fn literal(text: &str, signed: bool) -> IResult<&str, Literal<'_>> {
    let (rest, sign) =
        if signed { opt(one_of("+-\u{2013}\u{2014}\u{2015}")).parse(text)? } else { (text, None) };
    let (rest, body) = alt((hex, binary, real)).parse(rest)?;
    let (rest, suffix) = suffix(rest)?;
    let (rest, multiplier) = multiplier(rest)?;
    Ok((rest, Literal { negative: sign.is_some_and(is_dash), body, suffix, multiplier }))
}

fn hex(text: &str) -> IResult<&str, Body<'_>> {
    // PowerShell takes `0x` without digits as zero.
    let digits = take_while(|c: char| c.is_ascii_hexdigit());
    map(preceded((character('0'), one_of("xX")), digits), Body::Hex).parse(text)
}

fn binary(text: &str) -> IResult<&str, Body<'_>> {
    let digits = take_while1(|c: char| matches!(c, '0' | '1'));
    map(preceded((character('0'), one_of("bB")), digits), Body::Binary).parse(text)
}

fn digits0(text: &str) -> IResult<&str, &str> {
    take_while(|c: char| c.is_ascii_digit()).parse(text)
}

fn digits1(text: &str) -> IResult<&str, &str> {
    take_while1(|c: char| c.is_ascii_digit()).parse(text)
}

fn exponent(text: &str) -> IResult<&str, &str> {
    recognize((one_of("eE"), opt(one_of("+-\u{2013}\u{2014}\u{2015}")), digits1)).parse(text)
}

/// An exponent, or an error where there is an `e` that none follows: the whole is a word then.
fn optional_exponent(text: &str) -> IResult<&str, Option<&str>> {
    match opt(peek(one_of("eE"))).parse(text)? {
        (rest, Some(_)) => map(exponent, Some).parse(rest),
        (rest, None) => Ok((rest, None)),
    }
}

fn real(text: &str) -> IResult<&str, Body<'_>> {
    let whole_first = pair(digits1, optional_fraction);
    let point_first = value(true, (character('.'), digits1, optional_exponent));
    let (rest, (source, is_real)) =
        alt((consumed(map(whole_first, |(_, is_real)| is_real)), consumed(point_first))).parse(text)?;
    Ok((rest, if is_real { Body::Real(source) } else { Body::Whole(source) }))
}

/// What may follow whole digits: nothing, a point (but not the range operator) or an exponent.
fn optional_fraction(text: &str) -> IResult<&str, bool> {
    if text.starts_with('.') && !text.starts_with("..") {
        return value(true, (character('.'), digits0, optional_exponent)).parse(text);
    }
    map(optional_exponent, |exponent| exponent.is_some()).parse(text)
}

fn suffix(text: &str) -> IResult<&str, Suffix> {
    let unsigned = preceded(
        one_of("uU"),
        map(opt(one_of("lLsSyY")), |second| match second {
            Some('l' | 'L') => Suffix::ULong,
            Some('s' | 'S') => Suffix::UShort,
            Some(_) => Suffix::Byte,
            None => Suffix::Unsigned,
        }),
    );
    let single = map(one_of("sSlLdDyYnN"), |letter| match letter {
        's' | 'S' => Suffix::Short,
        'l' | 'L' => Suffix::Long,
        'd' | 'D' => Suffix::Decimal,
        'y' | 'Y' => Suffix::SByte,
        _ => Suffix::Big,
    });
    map(opt(alt((unsigned, single))), |suffix| suffix.unwrap_or(Suffix::None)).parse(text)
}

fn multiplier(text: &str) -> IResult<&str, i64> {
    let unit = map((one_of("kKmMgGtTpP"), one_of("bB")), |(letter, _)| match letter {
        'k' | 'K' => 1 << 10,
        'm' | 'M' => 1 << 20,
        'g' | 'G' => 1 << 30,
        't' | 'T' => 1 << 40,
        _ => 1i64 << 50,
    });
    map(opt(unit), |factor| factor.unwrap_or(1)).parse(text)
}

impl Literal<'_> {
    /// The value; `None` where it does not fit the type asked for, or any type.
    pub(crate) fn value(&self) -> Option<Number> {
        let (Body::Hex(source) | Body::Binary(source) | Body::Whole(source) | Body::Real(source)) = self.body;
        if source.len() > MAX_LITERAL {
            return None;
        }
        match self.body {
            Body::Real(source) => self.real(source),
            Body::Whole(digits) => {
                let sign = if self.negative { -1 } else { 1 };
                let big = BigInt::from_digits(digits, 10).times(self.multiplier).times(sign);
                fit(&big, self.suffix, true)
            }
            Body::Hex(digits) => {
                let (big, wide) = hex_value(digits, self.suffix);
                self.whole(big, wide)
            }
            Body::Binary(digits) => {
                let (big, wide) = binary_value(digits, self.suffix);
                self.whole(big, wide)
            }
        }
    }

    fn whole(&self, big: BigInt, wide: bool) -> Option<Number> {
        let suffix = match self.suffix {
            Suffix::None if wide => Suffix::Long,
            Suffix::Unsigned if wide => Suffix::ULong,
            other => other,
        };
        let sign = if self.negative { -1 } else { 1 };
        fit(&big.times(self.multiplier).times(sign), suffix, false)
    }

    fn real(&self, source: &str) -> Option<Number> {
        // The exponent's sign may be a typographic dash.
        let source: String = source.chars().map(|c| if is_dash(c) { '-' } else { c }).collect();
        let factor = self.multiplier.unsigned_abs();
        if self.suffix == Suffix::Decimal {
            return decimal_text(&source, self.negative)?.times(factor).map(Number::Decimal);
        }
        let number: f64 = source.parse().ok()?;
        let number = if self.negative { -number } else { number };
        // The factors are powers of two below 2^53: exact.
        let number = number * f64::from_bits((1023 + u64::from(factor.trailing_zeros())) << 52);
        if self.suffix == Suffix::None {
            return Some(Number::Double(number));
        }
        fit(&BigInt::from_f64(number)?, self.suffix, false)
    }
}

/// A decimal from digits with point and exponent.
pub(crate) fn decimal_text(source: &str, negative: bool) -> Option<Decimal> {
    let (mantissa, exponent) = match source.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (source, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > 1000 {
        return None;
    }
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Decimal::from_digits(negative, digits.as_bytes(), exponent)
}

/// The value of hexadecimal digits, and whether they say that 64 bits are meant.
fn hex_value(digits: &str, suffix: Suffix) -> (BigInt, bool) {
    // The number of digits, not the value, tells how wide a number is and so where its sign is.
    let with_zero = digits.len() + 1;
    let signed = !matches!(suffix, Suffix::Unsigned | Suffix::ULong | Suffix::UShort | Suffix::Byte);
    let width = match suffix {
        Suffix::SByte => 2,
        Suffix::Short => 4,
        Suffix::Long => 16,
        _ if with_zero < 16 => 8,
        _ => 16,
    };
    let big = BigInt::from_digits(digits, 16);
    if signed && with_zero == width + 1 {
        (big.into_signed(width * 4), width == 16)
    } else {
        (big, with_zero == 16)
    }
}

/// The value of binary digits, and whether they say that 64 bits are meant.
fn binary_value(digits: &str, suffix: Suffix) -> (BigInt, bool) {
    let unsigned = matches!(suffix, Suffix::Unsigned | Suffix::ULong | Suffix::UShort | Suffix::Byte);
    let wide = digits.len() == 64;
    let big = BigInt::from_digits(digits, 2);
    let has_sign = matches!(digits.len(), 8 | 16 | 32 | 64 | 96) || digits.len() >= 128;
    if !unsigned && digits.starts_with('1') && has_sign {
        (big.into_signed(digits.len().next_multiple_of(8)), wide)
    } else {
        (big, wide)
    }
}

fn fit(big: &BigInt, suffix: Suffix, decimal: bool) -> Option<Number> {
    let small = big.to_i128();
    match suffix {
        Suffix::Byte => u8::try_from(small?).ok().map(Number::Byte),
        Suffix::SByte => i8::try_from(small?).ok().map(Number::SByte),
        Suffix::Short => i16::try_from(small?).ok().map(Number::Int16),
        Suffix::UShort => u16::try_from(small?).ok().map(Number::UInt16),
        Suffix::Long => i64::try_from(small?).ok().map(Number::Int64),
        Suffix::ULong => u64::try_from(small?).ok().map(Number::UInt64),
        Suffix::Unsigned => match u32::try_from(small?) {
            Ok(n) => Some(Number::UInt32(n)),
            Err(_) => u64::try_from(small?).ok().map(Number::UInt64),
        },
        Suffix::Decimal => big.to_decimal().map(Number::Decimal),
        Suffix::Big => Some(Number::Big(big.to_string())),
        Suffix::None => {
            if let Some(small) = small {
                if let Ok(n) = i32::try_from(small) {
                    return Some(Number::Int32(n));
                }
                if let Ok(n) = i64::try_from(small) {
                    return Some(Number::Int64(n));
                }
            }
            if !decimal {
                return None;
            }
            big.to_decimal().map(Number::Decimal).or_else(|| big.to_f64_truncating().map(Number::Double))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match scan(text, true) {
            Some((literal, used)) if used == text.len() => match literal.value() {
                Some(n) => format!("{} {n}", n.type_name().trim_start_matches("System.")),
                None => "does not fit".to_owned(),
            },
            _ => "no number".to_owned(),
        }
    }

    #[test]
    fn literals() {
        for (text, expected) in [
            ("5", "Int32 5"),
            ("-5", "Int32 -5"),
            ("\u{2013}5", "Int32 -5"),
            ("1.", "Double 1"),
            (".5", "Double 0.5"),
            ("1e\u{2013}3", "Double 0.001"),
            ("1e", "no number"),
            ("0x", "Int32 0"),
            ("0xFFFFFFFF", "Int32 -1"),
            ("0x7FFFFFFFF", "Int64 34359738367"),
            ("0xFFy", "SByte -1"),
            ("0xFFuy", "Byte 255"),
            ("0xFFFFFFFFFFFFFFFFu", "UInt64 18446744073709551615"),
            ("0b11111111", "Int32 -1"),
            ("0b", "no number"),
            ("1kb", "Int32 1024"),
            ("1.5pb", "Double 1688849860263936"),
            ("1k", "no number"),
            ("300y", "does not fit"),
            ("1.50d", "Decimal 1.50"),
            ("1dkb", "Decimal 1024"),
            ("99999999999999999999", "Decimal 99999999999999999999"),
            ("2.5l", "Int64 2"),
            ("12345678901234567890123n", "Numerics.BigInteger 12345678901234567890123"),
            ("1E+15", "Double 1E+15"),
            ("123456789012345.6", "Double 123456789012345.6"),
            ("1e-5", "Double 1E-05"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_range_operator_ends_a_number() {
        assert_eq!(scan("1..5", false).map(|(_, used)| used), Some(1));
    }
}
