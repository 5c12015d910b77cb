//! `System.DateTime`: ticks of 100 ns since the year 1, and what clock they are of.

use std::fmt;

/// Ticks in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// Days from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_DAYS: i64 = 719_162;
/// 9999-12-31T23:59:59.9999999
const MAX_TICKS: i64 = 3_155_378_975_999_999_999;

/// A date and time as a clock shows it, and which clock that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PsDateTime {
    ticks: i64,
    kind: DateTimeKind,
}

/// The clock that a [`PsDateTime`] was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateTimeKind {
    /// Nothing is known of it.
    Unspecified,
    /// Universal time.
    Utc,
    /// The sender's local time, this many minutes ahead of universal time.
    Local(i16),
}

/// The parts of a date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
    /// 0 to 9,999,999.
    pub ticks: u32,
}

impl PsDateTime {
    /// From ticks since 0001-01-01T00:00:00 on that clock; `None` after the year 9999 or before the
    /// year 1.
    pub fn from_ticks(ticks: i64, kind: DateTimeKind) -> Option<Self> {
        (0..=MAX_TICKS).contains(&ticks).then_some(Self { ticks, kind })
    }

    /// From its parts; `None` where there is no such day or time.
    pub fn from_civil(civil: Civil, kind: DateTimeKind) -> Option<Self> {
        if !(1..=9999).contains(&civil.year)
            || civil.day == 0
            || civil.day > days_in_month(civil.year, civil.month)?
            || civil.hour > 23
            || civil.minute > 59
            || civil.second > 59
            || civil.ticks > 9_999_999
        {
            return None;
        }
        let days =
            days_before_year(civil.year) + days_before_month(civil.year, civil.month) + i64::from(civil.day)
                - 1;
        let seconds = i64::from(civil.hour) * 3600 + i64::from(civil.minute) * 60 + i64::from(civil.second);
        Self::from_ticks(days * TICKS_PER_DAY + seconds * TICKS_PER_SECOND + i64::from(civil.ticks), kind)
    }

    /// Universal time from seconds and nanoseconds since 1970; out of range it is the nearest time
    /// that there is.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let ticks = seconds
            .saturating_mul(TICKS_PER_SECOND)
            .saturating_add(i64::from(nanoseconds / 100))
            .saturating_add(UNIX_EPOCH_DAYS * TICKS_PER_DAY);
        Self { ticks: ticks.clamp(0, MAX_TICKS), kind: DateTimeKind::Utc }
    }

    /// Ticks since 0001-01-01T00:00:00 on its own clock.
    pub fn ticks(self) -> i64 {
        self.ticks
    }

    /// Which clock it is of.
    pub fn kind(self) -> DateTimeKind {
        self.kind
    }

    /// The same point in universal time. A time of unknown kind counts as universal; out of range
    /// it is the nearest time that there is.
    pub fn to_utc(self) -> Self {
        let offset = match self.kind {
            DateTimeKind::Local(minutes) => i64::from(minutes) * TICKS_PER_MINUTE,
            DateTimeKind::Utc | DateTimeKind::Unspecified => 0,
        };
        Self { ticks: (self.ticks - offset).clamp(0, MAX_TICKS), kind: DateTimeKind::Utc }
    }

    /// Its parts.
    pub fn civil(self) -> Civil {
        let days = self.ticks.div_euclid(TICKS_PER_DAY);
        let (year, month, day) = date_of(days);
        let rest = self.ticks.rem_euclid(TICKS_PER_DAY);
        let seconds = rest / TICKS_PER_SECOND;
        let part = |value: i64| u32::try_from(value).unwrap_or_default();
        Civil {
            year,
            month,
            day,
            hour: part(seconds / 3600),
            minute: part(seconds / 60 % 60),
            second: part(seconds % 60),
            ticks: part(rest % TICKS_PER_SECOND),
        }
    }

    /// The day of the week, Sunday being 0.
    pub fn weekday(self) -> u32 {
        u32::try_from((self.ticks.div_euclid(TICKS_PER_DAY) + 1).rem_euclid(7)).unwrap_or_default()
    }
}

impl PsDateTime {
    /// Appends the form of CLIXML.
    pub(crate) fn push(self, out: &mut String) {
        let Civil { year, month, day, hour, minute, second, ticks } = self.civil();
        let year = year.unsigned_abs();
        push_two(out, year / 100);
        push_two(out, year % 100);
        for (before, number) in [('-', month), ('-', day), ('T', hour), (':', minute), (':', second)] {
            out.push(before);
            push_two(out, number);
        }
        if ticks != 0 {
            crate::duration::push_fraction(out, u64::from(ticks));
        }
        match self.kind {
            DateTimeKind::Unspecified => {}
            DateTimeKind::Utc => out.push('Z'),
            DateTimeKind::Local(minutes) => {
                out.push(if minutes < 0 { '-' } else { '+' });
                let minutes = u32::from(minutes.unsigned_abs());
                push_two(out, minutes / 60);
                out.push(':');
                push_two(out, minutes % 60);
            }
        }
    }
}

/// Appends a number below 100 as two digits.
fn push_two(out: &mut String, number: u32) {
    // A one before the digits keeps a zero at their start.
    let mut buffer = itoa::Buffer::new();
    out.push_str(buffer.format(100 + number % 100).get(1..).unwrap_or_default());
}

impl fmt::Display for PsDateTime {
    /// The form of CLIXML: fraction only where there is one, then `Z` or the offset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.push(&mut text);
        f.pad(&text)
    }
}

/// Reads a date, or a date and time, of XML Schema, as .NET does: also a year, a year and month or a
/// month and day alone, the year of the last being 1904; digits of a second beyond the seventh
/// round half to even. A time without a date is refused, because its day would depend on today.
pub(crate) fn parse(text: &str) -> Option<PsDateTime> {
    let text = text.trim_start();
    let mut civil = Civil { year: 1904, month: 1, day: 1, hour: 0, minute: 0, second: 0, ticks: 0 };
    if let Some(rest) = text.strip_prefix("--") {
        let (month, rest) = digits(rest, 2)?;
        let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
        civil = Civil { month, day, ..civil };
        return PsDateTime::from_civil(civil, zone(rest)?);
    }
    let (year, mut rest) = digits(text, 4)?;
    civil.year = i32::try_from(year).ok()?;
    for is_month in [true, false] {
        let part = rest.strip_prefix('-').and_then(|rest| digits(rest, 2));
        let Some((number, after)) = part.filter(|(_, after)| !after.starts_with(':')) else {
            return PsDateTime::from_civil(civil, zone(rest)?);
        };
        *if is_month { &mut civil.month } else { &mut civil.day } = number;
        rest = after;
    }
    let Some(time) = rest.strip_prefix('T') else {
        return PsDateTime::from_civil(civil, zone(rest)?);
    };
    let (hour, rest) = digits(time, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (ticks, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let time = PsDateTime::from_civil(Civil { hour, minute, second, ..civil }, zone(rest)?)?;
    PsDateTime::from_ticks(time.ticks + ticks, time.kind)
}

fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    let mut value = 0;
    for digit in number.bytes() {
        value = value * 10 + char::from(digit).to_digit(10)?;
    }
    Some((value, rest))
}

/// The ticks of a fraction of a second; ten million where it rounds up to the next.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(count)?;
    if digits.is_empty() {
        return None;
    }
    let ticks = i64::try_from(crate::duration::ticks_of(digits)).ok()?;
    let mut beyond = digits.bytes().skip(7);
    let up = match beyond.next() {
        None | Some(b'0'..=b'4') => false,
        Some(b'5') => beyond.any(|digit| digit != b'0') || ticks % 2 == 1,
        Some(_) => true,
    };
    Some((ticks + i64::from(up), rest))
}

fn zone(text: &str) -> Option<DateTimeKind> {
    let text = text.trim_end();
    let sign = match text.as_bytes() {
        [] => return Some(DateTimeKind::Unspecified),
        [b'Z' | b'z'] => return Some(DateTimeKind::Utc),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, rest) = digits(text.get(1..)?, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let minutes = i16::try_from(hours * 60 + minutes).ok()?;
    rest.is_empty().then_some(DateTimeKind::Local(sign * minutes))
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i32, month: u32) -> Option<u32> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => return None,
    })
}

fn days_before_year(year: i32) -> i64 {
    let years = i64::from(year) - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

fn days_before_month(year: i32, month: u32) -> i64 {
    (1..month).filter_map(|month| days_in_month(year, month)).map(i64::from).sum()
}

/// Year, month and day of a number of days since 0001-01-01.
fn date_of(days: i64) -> (i32, u32, u32) {
    // 400 years have 146,097 days; start from an estimate that is never too late by more than one.
    let estimate = days * 400 / 146_097 + 1;
    let mut year = i32::try_from(estimate).unwrap_or(9999);
    while days_before_year(year) > days {
        year -= 1;
    }
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    let mut rest = u32::try_from(days - days_before_year(year)).unwrap_or_default();
    let mut month = 1;
    while let Some(length) = days_in_month(year, month)
        && rest >= length
    {
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_agree() {
        for text in [
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59.9999999Z",
            "2026-11-21T13:14:15.678+01:00",
            "2024-02-29T00:00:00-05:30",
            "2000-12-31T23:59:59",
            "1900-03-01T00:00:00Z",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn short_forms_and_rounding_are_those_of_dotnet() {
        let shown = |text: &str| parse(text).map(|value| value.to_string());
        assert_eq!(shown(" 2026-11-21 ").unwrap(), "2026-11-21T00:00:00");
        assert_eq!(shown("2026-11Z").unwrap(), "2026-11-01T00:00:00Z");
        assert_eq!(shown("2026").unwrap(), "2026-01-01T00:00:00");
        assert_eq!(shown("2026-05:00").unwrap(), "2026-01-01T00:00:00-05:00");
        assert_eq!(shown("--11-21").unwrap(), "1904-11-21T00:00:00");
        assert_eq!(shown("2026-11-21T13:14:15.12345675").unwrap(), "2026-11-21T13:14:15.1234568");
        assert_eq!(shown("2026-11-21T13:14:59.99999995").unwrap(), "2026-11-21T13:15:00");
        for bad in [
            "",
            "13:14:15",
            "2026-11-21T24:00:00",
            "2026-11-21T13:14",
            "2026-02-30",
            "0000-01-01",
            "2026-11-21T13:14:15.",
            "2026-11-21T13:14:15+1",
            "9999-12-31T23:59:59.99999999",
            "-2026-11-21",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn universal_time_is_reckoned_from_the_offset_and_clamped() {
        assert_eq!(parse("2026-11-21T13:14:15-05:30").unwrap().to_utc().to_string(), "2026-11-21T18:44:15Z");
        assert_eq!(parse("0001-01-01T00:00:00+05:00").unwrap().to_utc().ticks(), 0);
        assert_eq!(PsDateTime::from_unix(0, 100).to_string(), "1970-01-01T00:00:00.0000001Z");
        assert_eq!(PsDateTime::from_unix(i64::MAX, 0).ticks(), MAX_TICKS);
        assert_eq!(parse("2026-11-21").unwrap().weekday(), 6);
    }
}
