//! `System.Decimal`: a 96-bit integer, a sign and a power of ten.

use std::fmt;

const MAX_SCALE: u8 = 28;
const MAX_MANTISSA: u128 = (1 << 96) - 1;
/// Digits that .NET looks at; the ones beyond count only as zero or not zero.
const MAX_DIGITS: usize = 30;

/// A decimal number with its scale, so that `1.00` stays `1.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    high: u32,
    low: u64,
    scale: u8,
    negative: bool,
}

impl Decimal {
    /// `mantissa / 10^scale`, or `None` where the mantissa has more than 96 bits or the scale is
    /// over 28.
    pub fn new(negative: bool, mantissa: u128, scale: u8) -> Option<Self> {
        if mantissa > MAX_MANTISSA || scale > MAX_SCALE {
            return None;
        }
        let high = u32::try_from(mantissa >> 64).ok()?;
        let low = u64::try_from(mantissa & u128::from(u64::MAX)).ok()?;
        Some(Self { high, low, scale, negative })
    }

    /// The number without its sign and its decimal point.
    pub fn mantissa(self) -> u128 {
        (u128::from(self.high) << 64) | u128::from(self.low)
    }

    /// How many digits stand after the point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the sign bit is set; a zero may have it.
    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// The four words of `Decimal.GetBits`: low, middle, high, and sign with scale.
    pub fn bits(self) -> [u32; 4] {
        let [a, b, c, d, e, f, g, h] = self.low.to_le_bytes();
        let sign = if self.negative { 1 << 31 } else { 0 };
        [
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
            self.high,
            sign | (u32::from(self.scale) << 16),
        ]
    }

    /// Reads digits with an optional sign and point, rounding half to even what does not fit, as
    /// .NET does. `None` for any other text and for numbers that are too large.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut number = Digits { point: i64::try_from(whole.len()).ok()?, ..Digits::default() };
        digits().for_each(|byte| number.push(byte - b'0'));
        number.finish(negative, fraction.len())
    }
}

/// The leading significant digits of a number, as .NET's number buffer holds them.
#[derive(Default)]
struct Digits {
    kept: Vec<u8>,
    /// Where the decimal point is, counted from the first kept digit.
    point: i64,
    more: bool,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        if self.kept.is_empty() && digit == 0 {
            self.point -= 1;
        } else if self.kept.len() < MAX_DIGITS {
            self.kept.push(digit);
        } else {
            self.more |= digit != 0;
        }
    }

    fn finish(mut self, negative: bool, fraction_digits: usize) -> Option<Decimal> {
        let max_scale = i64::from(MAX_SCALE);
        if self.kept.is_empty() {
            let scale = u8::try_from(fraction_digits.min(usize::from(MAX_SCALE))).ok()?;
            return Decimal::new(negative, 0, scale);
        }
        let mut mantissa = 0_u128;
        let mut taken = 0_i64;
        let mut digits = std::mem::take(&mut self.kept).into_iter().peekable();
        while self.point - taken > 0 || (digits.peek().is_some() && self.point - taken > -max_scale) {
            let next = mantissa * 10 + u128::from(digits.peek().copied().unwrap_or(0));
            if next > MAX_MANTISSA {
                break;
            }
            mantissa = next;
            taken += 1;
            digits.next();
        }
        let mut scale = taken - self.point;
        let rest: Vec<u8> = digits.collect();
        let tail = self.more || rest.iter().skip(1).any(|digit| *digit != 0);
        let up = match rest.first().copied().unwrap_or(0) {
            0..=4 => false,
            5 => tail || mantissa % 2 == 1,
            _ => true,
        };
        if up {
            mantissa += 1;
            if mantissa > MAX_MANTISSA {
                mantissa = mantissa.div_ceil(10);
                scale -= 1;
            }
        }
        if scale < 0 {
            return None;
        }
        if scale > max_scale {
            return Decimal::new(negative, 0, MAX_SCALE);
        }
        Decimal::new(negative, mantissa, u8::try_from(scale).ok()?)
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self { high: 0, low: value.unsigned_abs(), scale: 0, negative: value < 0 }
    }
}

impl fmt::Display for Decimal {
    /// All digits of the scale; a negative zero loses its sign, as in .NET.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mantissa = self.mantissa();
        if self.negative && mantissa != 0 {
            f.write_str("-")?;
        }
        let scale = usize::from(self.scale);
        let digits = format!("{mantissa:0width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        f.write_str(whole)?;
        if !fraction.is_empty() {
            write!(f, ".{fraction}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_and_sign_are_kept() {
        for text in
            ["0", "1", "1.00", "-0.5", "79228162514264337593543950335", "0.0000000000000000000000000001"]
        {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        let zero = Decimal::parse("-0.0").unwrap();
        assert_eq!(zero.bits(), [0, 0, 0, 0x8001_0000]);
        assert_eq!(zero.to_string(), "0.0");
        assert_eq!(Decimal::parse("-1").unwrap().bits(), [1, 0, 0, 0x8000_0000]);
    }

    #[test]
    fn what_does_not_fit_is_rounded_half_to_even_or_refused() {
        let shown = |text: &str| Decimal::parse(text).map(|value| value.to_string());
        assert_eq!(shown("0.00000000000000000000000000005").unwrap(), "0.0000000000000000000000000000");
        assert_eq!(shown("0.00000000000000000000000000015").unwrap(), "0.0000000000000000000000000002");
        assert_eq!(shown("0.000000000000000000000000000051").unwrap(), "0.0000000000000000000000000001");
        assert_eq!(shown("7.9228162514264337593543950336").unwrap(), "7.922816251426433759354395034");
        assert_eq!(shown("1e-5"), None);
        assert_eq!(shown("79228162514264337593543950336"), None);
        assert_eq!(shown(&format!("0.{}1", "0".repeat(100))).unwrap(), "0.0000000000000000000000000000");
        for text in ["", ".", "+", "1,0", "1.2.3", "--1", " 1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
