//! Floating point numbers as .NET writes them: the shortest digits that read back.

use std::fmt::{LowerExp, Write};

/// Digits up to which a single is written without an exponent.
const SINGLE_DIGITS: i32 = 9;
/// The same for a double.
const DOUBLE_DIGITS: i32 = 17;
/// Digits of a single and of a double in a text for people.
const SHOWN_SINGLE_DIGITS: i32 = 7;
const SHOWN_DOUBLE_DIGITS: i32 = 15;

/// Appends a double, `INF`, `-INF` or `NaN`.
pub(crate) fn push_f64(out: &mut String, value: f64) {
    match (value.is_finite(), value.is_nan(), value.is_sign_negative()) {
        (true, ..) => lay_out(out, Digits::of(value).as_str(), DOUBLE_DIGITS),
        (_, true, _) => out.push_str("NaN"),
        (_, _, true) => out.push_str("-INF"),
        _ => out.push_str("INF"),
    }
}

/// Appends a single, `INF`, `-INF` or `NaN`.
pub(crate) fn push_f32(out: &mut String, value: f32) {
    match (value.is_finite(), value.is_nan(), value.is_sign_negative()) {
        (true, ..) => lay_out(out, Digits::of(value).as_str(), SINGLE_DIGITS),
        (_, true, _) => out.push_str("NaN"),
        (_, _, true) => out.push_str("-INF"),
        _ => out.push_str("INF"),
    }
}

/// The shortest digits in scientific notation, which take no more than 24 bytes.
struct Digits {
    text: [u8; 32],
    length: usize,
}

impl Digits {
    fn of(value: impl LowerExp) -> Self {
        let mut digits = Self { text: [0; 32], length: 0 };
        // The buffer is large enough for every number.
        let _ = write!(digits, "{value:e}");
        digits
    }

    fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or("0e0")
    }
}

impl Write for Digits {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        self.text.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A double as PowerShell shows it, with fifteen digits at most.
pub(crate) fn shown_f64(value: f64) -> String {
    shown(value, value.is_finite(), value.is_nan(), value.is_sign_negative(), SHOWN_DOUBLE_DIGITS)
}

/// A single as PowerShell shows it, with seven digits at most.
pub(crate) fn shown_f32(value: f32) -> String {
    shown(value, value.is_finite(), value.is_nan(), value.is_sign_negative(), SHOWN_SINGLE_DIGITS)
}

fn shown(value: impl LowerExp, finite: bool, nan: bool, negative: bool, digits: i32) -> String {
    let mut out = String::new();
    match (finite, nan, negative) {
        (true, ..) => {
            let places = usize::try_from(digits - 1).unwrap_or(0);
            let scientific = format!("{value:.places$e}");
            let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            lay_out(&mut out, &format!("{mantissa}e{exponent}"), digits);
        }
        (_, true, _) => out.push_str("NaN"),
        (_, _, true) => out.push_str("-∞"),
        _ => out.push('∞'),
    }
    out
}

/// Lays out the digits of scientific notation: with an exponent where there are more digits before
/// the point than `most`, or four zeros and more after it.
fn lay_out(out: &mut String, scientific: &str, most: i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    out.push_str(sign);
    if exponent >= most || exponent < -4 {
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push_str(if exponent < 0 { "E-" } else { "E+" });
        let digits = exponent.unsigned_abs();
        if digits < 10 {
            out.push('0');
        }
        out.push_str(itoa::Buffer::new().format(digits));
    } else if exponent < 0 {
        out.push_str("0.");
        (exponent..-1).for_each(|_| out.push('0'));
        out.push_str(first);
        out.push_str(rest);
    } else {
        let places = usize::try_from(exponent).unwrap_or(0);
        out.push_str(first);
        match rest.split_at_checked(places) {
            Some((whole, fraction)) => {
                out.push_str(whole);
                if !fraction.is_empty() {
                    out.push('.');
                    out.push_str(fraction);
                }
            }
            None => {
                out.push_str(rest);
                (rest.len()..places).for_each(|_| out.push('0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_start_where_dotnet_starts_them() {
        let shown = |value: f64| {
            let mut out = String::new();
            push_f64(&mut out, value);
            out
        };
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1E-05"),
            (0.000123, "0.000123"),
            (1e16, "10000000000000000"),
            (1e17, "1E+17"),
            (123_456_789_012_345_680.0, "1.2345678901234568E+17"),
            (12.5, "12.5"),
            (5e-324, "5E-324"),
            (f64::MAX, "1.7976931348623157E+308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-INF"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn what_is_shown_is_rounded() {
        assert_eq!(shown_f64(0.1 + 0.2), "0.3");
        assert_eq!(shown_f64(1e15), "1E+15");
        assert_eq!(shown_f64(100.0), "100");
        assert_eq!(shown_f64(0.0), "0");
        assert_eq!(shown_f32(0.1), "0.1");
        assert_eq!(shown_f64(f64::INFINITY), "∞");
    }

    #[test]
    fn singles_keep_nine_digits() {
        let shown = |value: f32| {
            let mut out = String::new();
            push_f32(&mut out, value);
            out
        };
        for (value, text) in
            [(1e8, "100000000"), (1e9, "1E+09"), (f32::MAX, "3.4028235E+38"), (1e-7, "1E-07"), (0.1, "0.1")]
        {
            assert_eq!(shown(value), text);
        }
    }
}
