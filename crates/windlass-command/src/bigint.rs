//! Whole numbers of any size: just what number literals need.

use std::fmt;

use crate::decimal::Decimal;

/// A whole number: sign and magnitude, 32 bits a limb, the least first, no zero at the top.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BigInt {
    negative: bool,
    limbs: Vec<u32>,
}

impl BigInt {
    /// From digits of `radix` (10, 16 or 2); other characters count as zero.
    pub(crate) fn from_digits(digits: &str, radix: u32) -> Self {
        let mut out = Self::default();
        for digit in digits.chars() {
            out.scale(radix, digit.to_digit(radix).unwrap_or(0));
        }
        out
    }

    /// The whole number nearest to a finite double, ties to even.
    pub(crate) fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let bits = value.round_ties_even().to_bits();
        let exponent = i32::try_from((bits >> 52) & 0x7ff).ok()? - 1075;
        let mantissa = if exponent == -1075 { 0 } else { (bits & ((1 << 52) - 1)) | (1 << 52) };
        let mut out = Self { negative: false, limbs: Vec::new() };
        if exponent <= 0 {
            out.push_add(mantissa.checked_shr(exponent.unsigned_abs()).unwrap_or(0));
        } else {
            out.push_add(mantissa);
            for _ in 0..exponent {
                out.scale(2, 0);
            }
        }
        out.negative = bits >> 63 == 1 && !out.limbs.is_empty();
        Some(out)
    }

    /// Reads the bits as two's complement of `bits` bits: subtracts 2^bits where the top one is
    /// set.
    pub(crate) fn into_signed(mut self, bits: usize) -> Self {
        let top = bits.saturating_sub(1);
        let set = self.limbs.get(top / 32).is_some_and(|limb| limb >> (top % 32) & 1 == 1);
        if !set {
            return self;
        }
        // 2^bits - self: invert within the width, add one.
        let count = bits.div_ceil(32);
        self.limbs.resize(count, 0);
        let mut carry = 1u64;
        for (i, limb) in self.limbs.iter_mut().enumerate() {
            let width = bits.saturating_sub(i * 32).min(32);
            let mask = if width == 32 { u32::MAX } else { (1u32 << width) - 1 };
            let sum = u64::from(!*limb & mask) + carry;
            *limb = low(sum) & mask;
            carry = u64::from(sum > u64::from(mask));
        }
        self.negative = true;
        self.trim();
        self
    }

    fn push_add(&mut self, value: u64) {
        let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
        self.limbs = vec![u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])];
        self.trim();
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
        if self.limbs.is_empty() {
            self.negative = false;
        }
    }

    /// Multiplies by `factor` and adds `plus`, sign aside.
    fn scale(&mut self, factor: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for limb in &mut self.limbs {
            let value = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low(value);
            carry = value >> 32;
        }
        if carry != 0 {
            self.limbs.push(low(carry));
        }
    }

    /// Multiplies by a power of two up to 2^50 and the sign of `multiplier`.
    pub(crate) fn times(mut self, multiplier: i64) -> Self {
        let mut left = multiplier.unsigned_abs();
        while left > 1 {
            let step = left.min(1 << 30);
            self.scale(low(step), 0);
            left /= step;
        }
        if multiplier < 0 && !self.limbs.is_empty() {
            self.negative = !self.negative;
        }
        self
    }

    fn magnitude(&self) -> Option<u128> {
        let mut value = 0u128;
        for limb in self.limbs.iter().rev() {
            value = value.checked_mul(1 << 32)?.checked_add(u128::from(*limb))?;
        }
        Some(value)
    }

    pub(crate) fn to_i128(&self) -> Option<i128> {
        let magnitude = i128::try_from(self.magnitude()?).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }

    pub(crate) fn to_decimal(&self) -> Option<Decimal> {
        Decimal::new(self.negative, self.magnitude()?, 0)
    }

    /// The double whose mantissa holds the top bits, the rest cut off.
    pub(crate) fn to_f64_truncating(&self) -> Option<f64> {
        let Some(top) = self.limbs.last() else { return Some(0.0) };
        let length = self.limbs.len() * 32 - usize::try_from(top.leading_zeros()).ok()?;
        let mut mantissa = 0u64;
        let wanted = length.min(53);
        for i in 0..wanted {
            let bit = length - 1 - i;
            let set = self.limbs.get(bit / 32).is_some_and(|limb| limb >> (bit % 32) & 1 == 1);
            mantissa = mantissa << 1 | u64::from(set);
        }
        if length > 1024 {
            return None;
        }
        mantissa <<= 53 - wanted;
        let exponent = u64::try_from(length).ok()? + 1022;
        let bits = exponent << 52 | (mantissa & ((1 << 52) - 1)) | u64::from(self.negative) << 63;
        Some(f64::from_bits(bits))
    }
}

fn low(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = Vec::new();
        let mut limbs = self.limbs.clone();
        while !limbs.is_empty() {
            let mut rest = 0u64;
            for limb in limbs.iter_mut().rev() {
                let value = rest << 32 | u64::from(*limb);
                *limb = low(value / 1_000_000_000);
                rest = value % 1_000_000_000;
            }
            groups.push(rest);
            while limbs.last() == Some(&0) {
                limbs.pop();
            }
        }
        let Some(first) = groups.pop() else { return f.write_str("0") };
        write!(f, "{}{first}", if self.negative { "-" } else { "" })?;
        groups.iter().rev().try_for_each(|group| write!(f, "{group:09}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_back() {
        for text in ["0", "1", "4294967296", "123456789012345678901234567890", "1000000000000000000000000000"]
        {
            assert_eq!(BigInt::from_digits(text, 10).to_string(), text);
        }
        assert_eq!(BigInt::from_digits("ff", 16).to_i128(), Some(255));
        assert_eq!(BigInt::from_digits("5", 10).times(-1).times(1 << 50).to_string(), "-5629499534213120");
    }

    #[test]
    fn twos_complement() {
        assert_eq!(BigInt::from_digits("ff", 16).into_signed(8).to_i128(), Some(-1));
        assert_eq!(BigInt::from_digits("80000000", 16).into_signed(32).to_i128(), Some(-2_147_483_648));
        assert_eq!(
            BigInt::from_digits("ffffffff00000000", 16).into_signed(64).to_i128(),
            Some(-4_294_967_296)
        );
        assert_eq!(BigInt::from_digits("7f", 16).into_signed(8).to_i128(), Some(127));
        assert_eq!(BigInt::from_digits("800", 16).into_signed(12).to_i128(), Some(-2048));
    }

    #[test]
    fn doubles() {
        assert_eq!(BigInt::from_digits(&"9".repeat(32), 10).to_f64_truncating(), Some(9.999999999999999E31));
        assert_eq!(BigInt::from_f64(2.5).map(|b| b.to_string()).as_deref(), Some("2"));
        assert_eq!(BigInt::from_f64(-1e20).map(|b| b.to_string()).as_deref(), Some("-100000000000000000000"));
        assert_eq!(BigInt::from_f64(1024.0).and_then(|b| b.to_i128()), Some(1024));
    }
}
