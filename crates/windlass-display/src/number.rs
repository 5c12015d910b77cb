//! Numbers as PowerShell turns them into text: seven or fifteen significant digits, or three decimals
//! in a table that it made up itself.

/// A double with fifteen significant digits, exponents as .NET writes them.
pub(crate) fn double(value: f64) -> String {
    significant(value, 15)
}

/// A single with seven significant digits.
pub(crate) fn single(value: f32) -> String {
    significant(f64::from(value), 7)
}

/// Three decimals, as tables without a view of their own show floating point.
pub(crate) fn three_decimals(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { special(value).to_owned() }
}

/// With a comma after each third digit and `decimals` decimals.
pub(crate) fn grouped(value: f64, decimals: usize) -> String {
    let plain = format!("{:.*}", decimals, value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut digits = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            digits.push(',');
        }
        digits.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{digits}") } else { format!("{sign}{digits}.{fraction}") }
}

fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return special(value).to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let limit = i32::try_from(digits).unwrap_or(i32::MAX);
    if (-5..limit).contains(&exponent) {
        let decimals = usize::try_from(limit - 1 - exponent).unwrap_or_default();
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}E{sign}{:02}", trimmed(mantissa), exponent.abs())
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

fn special(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "∞"
    } else {
        "-∞"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_have_fifteen_digits() {
        for (value, expected) in [
            (1.0 / 7.0, "0.142857142857143"),
            (3.5, "3.5"),
            (2048.0, "2048"),
            (90_000_000_000.0, "90000000000"),
            (0.001_041_666_666_666_67, "0.00104166666666667"),
            (1e15, "1E+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e-5, "1E-05"),
            (0.00001234, "1.234E-05"),
            (0.0001, "0.0001"),
            (-2.5e300, "-2.5E+300"),
            (0.1 + 0.2, "0.3"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(double(value), expected);
        }
    }

    #[test]
    fn groups_and_decimals() {
        assert_eq!(grouped(1_234_567.891, 2), "1,234,567.89");
        assert_eq!(grouped(-999.0, 0), "-999");
        assert_eq!(three_decimals(5.5), "5.500");
    }
}
