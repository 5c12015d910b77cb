//! Spans of time as `xs:duration`, in ticks of 100 ns.

use crate::datetime::TICKS_PER_SECOND;

/// Reads a duration as .NET does: a year has 365 days, a month 30, digits beyond the ticks are cut.
/// `None` for any other text and for what does not fit.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut reader = Reader { rest: rest.strip_prefix('P')?, parts: 0 };
    let years = reader.part('Y')?;
    let months = reader.part('M')?;
    let days = reader.part('D')?;
    let (mut hours, mut minutes, mut seconds, mut fraction) = (0, 0, 0, 0);
    // A `T` with nothing after it is forgiven where something stood before it.
    if let Some(rest) = reader.rest.strip_prefix('T') {
        reader.rest = rest;
        let before = reader.parts;
        hours = reader.part('H')?;
        minutes = reader.part('M')?;
        (seconds, fraction) = reader.seconds()?;
        if reader.parts == before && rest.is_empty() {
            return None;
        }
    }
    if reader.parts == 0 || !reader.rest.is_empty() {
        return None;
    }
    let days = (years + months / 12).checked_mul(365)?.checked_add(months % 12 * 30)?.checked_add(days)?;
    let seconds = [(24, hours), (60, minutes), (60, seconds)]
        .into_iter()
        .try_fold(days, |total, (factor, part)| total.checked_mul(factor)?.checked_add(part))?;
    let ticks = seconds.checked_mul(TICKS_PER_SECOND.unsigned_abs())?.checked_add(fraction)?;
    match negative {
        true if ticks == i64::MIN.unsigned_abs() => Some(i64::MIN),
        true => i64::try_from(ticks).ok().map(|ticks| -ticks),
        false => i64::try_from(ticks).ok(),
    }
}

struct Reader<'a> {
    rest: &'a str,
    parts: usize,
}

impl<'a> Reader<'a> {
    /// The number before `unit`, or zero where the next part has another unit.
    fn part(&mut self, unit: char) -> Option<u64> {
        let (number, rest) = self.digits()?;
        match (number, rest.strip_prefix(unit)) {
            (Some(number), Some(rest)) => {
                self.rest = rest;
                self.parts += 1;
                Some(number)
            }
            (None, Some(_)) => None,
            _ => Some(0),
        }
    }

    /// The seconds and the ticks after them.
    fn seconds(&mut self) -> Option<(u64, u64)> {
        let (whole, rest) = self.digits()?;
        let Some(rest) = rest.strip_prefix('.') else { return Some((self.part('S')?, 0)) };
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix('S')?;
        self.parts += 1;
        Some((whole.unwrap_or(0), ticks_of(digits)))
    }

    /// The next number of up to 31 bits and what follows it. `None` where it is larger.
    fn digits(&self) -> Option<(Option<u64>, &'a str)> {
        let mut number = None;
        let mut length = 0;
        while let Some(digit @ b'0'..=b'9') = self.rest.as_bytes().get(length) {
            let larger = number.unwrap_or(0) * 10 + u64::from(digit - b'0');
            number = Some(larger).filter(|number| i32::try_from(*number).is_ok());
            number?;
            length += 1;
        }
        Some((number, self.rest.get(length..)?))
    }
}

/// The ticks in a fraction of a second, of which these are the digits; those beyond the ticks are cut.
pub(crate) fn ticks_of(digits: &str) -> u64 {
    let digit = |place| digits.as_bytes().get(place).map_or(0, |digit| u64::from(digit - b'0'));
    (0..7).fold(0, |ticks, place| ticks * 10 + digit(place))
}

/// Appends a duration.
pub(crate) fn push(out: &mut String, ticks: i64) {
    let per_second = TICKS_PER_SECOND.unsigned_abs();
    let total = ticks.unsigned_abs();
    let (seconds, fraction) = (total / per_second, total % per_second);
    let (days, hours, minutes, seconds) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if ticks < 0 {
        out.push('-');
    }
    out.push('P');
    push_part(out, days, "D");
    if total == 0 {
        out.push_str("T0S");
    } else if hours != 0 || minutes != 0 || seconds != 0 || fraction != 0 {
        out.push('T');
        push_part(out, hours, "H");
        push_part(out, minutes, "M");
        if fraction == 0 {
            push_part(out, seconds, "S");
        } else {
            out.push_str(itoa::Buffer::new().format(seconds));
            push_fraction(out, fraction);
            out.push('S');
        }
    }
}

fn push_part(out: &mut String, number: u64, unit: &str) {
    if number != 0 {
        out.push_str(itoa::Buffer::new().format(number));
        out.push_str(unit);
    }
}

/// Appends the ticks of a fraction of a second, without the zeros at its end.
pub(crate) fn push_fraction(out: &mut String, ticks: u64) {
    // A one before the digits keeps the zeros at their start.
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(TICKS_PER_SECOND.unsigned_abs() + ticks);
    out.push('.');
    out.push_str(digits.get(1..).unwrap_or_default().trim_end_matches('0'));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ticks: i64) -> String {
        let mut out = String::new();
        push(&mut out, ticks);
        out
    }

    #[test]
    fn ticks_and_text_agree() {
        for (ticks, expected) in [
            (0, "PT0S"),
            (-1, "-PT0.0000001S"),
            (864_000_000_000, "P1D"),
            (15_000_000, "PT1.5S"),
            (i64::MAX, "P10675199DT2H48M5.4775807S"),
            (i64::MIN, "-P10675199DT2H48M5.4775808S"),
            (936_000_000_000, "P1DT2H"),
        ] {
            assert_eq!(text(ticks), expected);
            assert_eq!(parse(expected), Some(ticks));
        }
    }

    #[test]
    fn estimates_and_oddities_are_those_of_dotnet() {
        assert_eq!(parse("P1Y"), Some(365 * 864_000_000_000));
        assert_eq!(parse("P13M"), Some(395 * 864_000_000_000));
        assert_eq!(parse("PT1.12345678S"), Some(11_234_567));
        assert_eq!(parse("PT1.S"), Some(10_000_000));
        for bad in [
            "",
            "P",
            "PT",
            "P1",
            "P1DT",
            "1S",
            "PT1",
            "pt1s",
            "P1H",
            "PT1M1H",
            "P10675199DT2H48M5.4775808S",
            "P99999999999D",
            "--PT1S",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
