//! xs:duration, for time-outs and ages.
//!
//! Windows writes seconds alone, with three decimals (`PT60.000S`), and its own readers of idle
//! time-outs ask for exactly that; others write `PT1M30S` or `P0DT0H1M30S`.

use std::time::Duration;

/// Reads a duration. Years and months are refused unless zero, because they have no fixed length;
/// so are negative durations and those of more than 2^64 seconds. Decimals past the ninth are cut.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if let Some(rest) = text.strip_prefix('-') {
        return match parse(rest)? {
            Duration::ZERO => Ok(Duration::ZERO),
            _ => Err("is a negative duration"),
        };
    }
    let body = text.strip_prefix('P').ok_or(NOT_A_DURATION)?;
    let (date, time) = match body.split_once('T') {
        Some((_, "")) => return Err(NOT_A_DURATION),
        Some((date, time)) => (date, time),
        None if body.is_empty() => return Err(NOT_A_DURATION),
        None => (body, ""),
    };
    let mut total = Duration::ZERO;
    let mut fields = Fields { rest: date, order: "YMD" };
    while let Some((unit, whole, nanos)) = fields.next_field()? {
        match unit {
            'D' if nanos == 0 => total = add(total, whole, 86_400, 0)?,
            'Y' | 'M' if whole == 0 && nanos == 0 => {}
            'Y' | 'M' => return Err("has years or months, which have no fixed length"),
            _ => return Err(NOT_A_DURATION),
        }
    }
    let mut fields = Fields { rest: time, order: "HMS" };
    while let Some((unit, whole, nanos)) = fields.next_field()? {
        match unit {
            'H' if nanos == 0 => total = add(total, whole, 3_600, 0)?,
            'M' if nanos == 0 => total = add(total, whole, 60, 0)?,
            'S' => total = add(total, whole, 1, nanos)?,
            _ => return Err(NOT_A_DURATION),
        }
    }
    Ok(total)
}

/// Writes a duration as Windows does: seconds with three decimals, more only where they are needed.
pub fn format(duration: Duration) -> String {
    let nanos = duration.subsec_nanos();
    if nanos.is_multiple_of(1_000_000) {
        return format!("PT{}.{:03}S", duration.as_secs(), nanos / 1_000_000);
    }
    let decimals = format!("{nanos:09}");
    format!("PT{}.{}S", duration.as_secs(), decimals.trim_end_matches('0'))
}

const NOT_A_DURATION: &str = "is no duration";
const TOO_LONG: &str = "is too long a duration";

/// The fields of one half of a duration, each with a unit out of `order` and after the one before.
struct Fields<'a> {
    rest: &'a str,
    order: &'static str,
}

impl Fields<'_> {
    fn next_field(&mut self) -> Result<Option<(char, u64, u32)>, &'static str> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.rest.find(|c: char| c.is_ascii_alphabetic()).ok_or(NOT_A_DURATION)?;
        let (number, rest) = self.rest.split_at(at);
        let unit = rest.chars().next().ok_or(NOT_A_DURATION)?;
        let (_, later) = self.order.split_once(unit).ok_or(NOT_A_DURATION)?;
        self.order = later;
        self.rest = rest.strip_prefix(unit).unwrap_or_default();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(NOT_A_DURATION);
        }
        let whole = whole.parse().map_err(|_| TOO_LONG)?;
        let nanos = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanos = nanos.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        Ok(Some((unit, whole, nanos)))
    }
}

fn add(total: Duration, count: u64, seconds: u64, nanos: u32) -> Result<Duration, &'static str> {
    let seconds = count.checked_mul(seconds).ok_or(TOO_LONG)?;
    total.checked_add(Duration::new(seconds, nanos)).ok_or(TOO_LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_peers_write() {
        for (text, millis) in [
            ("PT60.000S", 60_000),
            ("PT20S", 20_000),
            ("PT1M30S", 90_000),
            ("PT2147483.647S", 2_147_483_647),
            ("P0DT0H0M9S", 9_000),
            ("P0Y0M0DT0H5M0.250S", 300_250),
            (" P1D\n", 86_400_000),
            ("-PT0S", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_length() {
        for text in [
            "",
            "P",
            "PT",
            "60",
            "PT-1S",
            "-PT1S",
            "P1Y",
            "P1M",
            "PT1",
            "PT1S1S",
            "PT1S1M",
            "PT.5S",
            "PT1.S",
            "PT1.5M",
            "P1DT",
            "PT99999999999999999999S",
            "P18446744073709551615D",
            "PT1.5.5S",
            "PTS",
            "P1H",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_seconds_with_three_decimals() {
        assert_eq!(format(Duration::from_secs(7200)), "PT7200.000S");
        assert_eq!(format(Duration::from_millis(1)), "PT0.001S");
        assert_eq!(format(Duration::from_nanos(1_500)), "PT0.0000015S");
    }
}
