//! 96-bit decimal numbers as .NET has them.

use std::fmt;

/// The greatest mantissa: 96 bits.
const MAX_MANTISSA: u128 = (1 << 96) - 1;
/// The most digits after the point.
const MAX_SCALE: u8 = 28;

/// A decimal number: a mantissa of 96 bits, divided by a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    mantissa: u128,
    scale: u8,
}

impl Decimal {
    /// The number `mantissa / 10^scale` with its sign; `None` where that is more than 96 bits or
    /// 28 digits after the point.
    #[must_use]
    pub fn new(negative: bool, mantissa: u128, scale: u8) -> Option<Self> {
        (mantissa <= MAX_MANTISSA && scale <= MAX_SCALE).then_some(Self { negative, mantissa, scale })
    }

    /// Whether a minus stands before it.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// The digits without point and sign.
    #[must_use]
    pub fn mantissa(self) -> u128 {
        self.mantissa
    }

    /// How many digits stand after the point.
    #[must_use]
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The number with `digits` (ASCII) and the point `exponent` digits after their end, moved to
    /// the left where negative. Rounds half to even where there are more digits than fit.
    pub(crate) fn from_digits(negative: bool, digits: &[u8], exponent: i64) -> Option<Self> {
        let first = digits.iter().position(|d| *d != b'0').unwrap_or(digits.len());
        let digits = digits.get(first..)?;
        let mut exponent = exponent;
        let mut mantissa: u128 = 0;
        let mut taken = 0usize;
        for digit in digits {
            let next = mantissa.checked_mul(10)?.checked_add(u128::from(digit.wrapping_sub(b'0')))?;
            // Digits that do not fit are rounded away, but only those after the point.
            if next > MAX_MANTISSA {
                break;
            }
            mantissa = next;
            taken += 1;
        }
        let mut rest: Vec<u8> = digits.get(taken..)?.to_vec();
        exponent = exponent.checked_add(i64::try_from(rest.len()).ok()?)?;
        // More digits after the point than the scale holds.
        while exponent < -i64::from(MAX_SCALE) {
            if mantissa == 0 && rest.iter().all(|d| *d == b'0') {
                exponent = -i64::from(MAX_SCALE);
                break;
            }
            let last = u8::try_from(mantissa % 10).ok()?;
            let sticky = rest.iter().any(|d| *d != b'0');
            rest = vec![last + b'0', if sticky { b'1' } else { b'0' }];
            mantissa /= 10;
            exponent += 1;
        }
        if round_up(&rest, mantissa) {
            mantissa += 1;
            if mantissa > MAX_MANTISSA {
                mantissa = mantissa.div_ceil(10);
                exponent += 1;
            }
        }
        while exponent > 0 {
            if mantissa == 0 {
                exponent = 0;
                break;
            }
            mantissa = mantissa.checked_mul(10).filter(|m| *m <= MAX_MANTISSA)?;
            exponent -= 1;
        }
        let scale = u8::try_from(-exponent).ok()?;
        Self::new(negative, mantissa, scale)
    }

    /// The product with a whole number.
    pub(crate) fn times(self, factor: u64) -> Option<Self> {
        let product = self.mantissa.checked_mul(u128::from(factor));
        match product.filter(|p| *p <= MAX_MANTISSA) {
            Some(mantissa) => Some(Self { mantissa, ..self }),
            None => {
                // Give up digits after the point for digits before it.
                let digits = product?.to_string();
                Self::from_digits(self.negative, digits.as_bytes(), -i64::from(self.scale))
            }
        }
    }
}

fn round_up(rest: &[u8], mantissa: u128) -> bool {
    match rest.split_first() {
        Some((b'5', more)) => more.iter().any(|d| *d != b'0') || mantissa % 2 == 1,
        Some((digit, _)) => *digit > b'5',
        None => false,
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.mantissa, width = scale + 1);
        let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((&digits, ""));
        if self.negative && self.mantissa != 0 {
            f.write_str("-")?;
        }
        f.write_str(whole)?;
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_rounded_or_refused() {
        let parse = |d: &str, e| Decimal::from_digits(false, d.as_bytes(), e).map(|d| d.to_string());
        assert_eq!(parse("150", -2).as_deref(), Some("1.50"));
        assert_eq!(
            parse("79228162514264337593543950335", 0).as_deref(),
            Some("79228162514264337593543950335")
        );
        assert_eq!(parse("79228162514264337593543950336", 0), None);
        assert_eq!(
            parse("12345678901234567890123456789012", -10).as_deref(),
            Some("1234567890123456789012.3456789")
        );
        assert_eq!(parse("5", -29).as_deref(), Some("0.0000000000000000000000000000"));
        assert_eq!(parse("15", -29).as_deref(), Some("0.0000000000000000000000000002"));
        assert_eq!(parse("1", 30), None);
    }
}
