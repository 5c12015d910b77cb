//! Dates, times and lengths of time.

use std::fmt;

use crate::number::Number;

use super::{Context, Value};

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
const TICKS_PER_DAY: i64 = 24 * 60 * TICKS_PER_MINUTE;
/// The end of the year 9999.
const MAX_TICKS: i64 = 3_652_059 * TICKS_PER_DAY - 1;

/// What a point in time refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTimeKind {
    /// Nobody said.
    Unspecified,
    /// UTC.
    Utc,
    /// Local time.
    Local,
}

/// A point in time as .NET has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// Ticks of 100 ns since the first of January of the year 1.
    pub ticks: i64,
    /// What they refer to.
    pub kind: DateTimeKind,
}

impl fmt::Display for DateTime {
    /// Year-month-dayThour:minute:second.fraction, without kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.ticks / TICKS_PER_DAY);
        let time = self.ticks % TICKS_PER_DAY;
        let (hour, minute) = (time / TICKS_PER_MINUTE / 60, time / TICKS_PER_MINUTE % 60);
        let (second, fraction) = (time / TICKS_PER_SECOND % 60, time % TICKS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}")
    }
}

/// Days since the first of January of the year 1; `None` where there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > length(year, month) {
        return None;
    }
    let before: i64 = (1..month).map(|m| length(year, m)).sum();
    let past = year - 1;
    Some(past * 365 + past / 4 - past / 100 + past / 400 + before + day - 1)
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn date(days: i64) -> (i64, i64, i64) {
    // The year of 400-year, 100-year, 4-year and single cycles.
    let (mut rest, mut year) = (days, 1);
    for (cycle, years, most) in [(146_097, 400, i64::MAX), (36_524, 100, 3), (1461, 4, i64::MAX), (365, 1, 3)]
    {
        let count = (rest / cycle).min(most);
        rest -= count * cycle;
        year += count * years;
    }
    let mut month = 1;
    while rest >= length(year, month) {
        rest -= length(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

pub(super) fn date_time(value: &Value, context: &Context) -> Option<DateTime> {
    match value {
        Value::DateTime(time) => Some(*time),
        Value::String(text) => parse(text, context),
        // A whole number is a count of ticks; another goes by way of its text.
        Value::Number(number) => match whole(number) {
            Some(ticks) if (0..=MAX_TICKS).contains(&ticks) => {
                Some(DateTime { ticks, kind: DateTimeKind::Unspecified })
            }
            Some(_) => None,
            None => parse(&number.to_string(), context),
        },
        _ => None,
    }
}

fn whole(number: &Number) -> Option<i64> {
    match number {
        Number::Double(_) | Number::Decimal(_) | Number::Big(_) => None,
        other => other.to_string().parse().ok(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Piece<'t> {
    /// Digits, and whether a point or colon follows them directly.
    Digits(&'t str),
    Word(&'t str),
    Mark(char),
    Blank,
}

fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let end = |class: fn(char) -> bool| rest.find(|c| !class(c)).unwrap_or(rest.len());
        let (length, digits) = if first.is_ascii_digit() {
            (end(|c| c.is_ascii_digit()), true)
        } else if first.is_alphabetic() {
            (end(char::is_alphabetic), false)
        } else if first.is_whitespace() {
            (end(char::is_whitespace), false)
        } else {
            (first.len_utf8(), false)
        };
        let (piece, after) = rest.split_at_checked(length)?;
        rest = after;
        pieces.push(if digits {
            Piece::Digits(piece)
        } else if first.is_alphabetic() {
            Piece::Word(piece)
        } else if first.is_whitespace() {
            Piece::Blank
        } else {
            Piece::Mark(first)
        });
        if pieces.len() > 40 {
            return None;
        }
    }
    Some(pieces)
}

/// What a text says about a point in time.
#[derive(Default)]
struct Found {
    /// Numbers of the date in order.
    numbers: Vec<i64>,
    /// Whether the first number of the date has three digits or more, so is the year.
    year_first: bool,
    month: Option<i64>,
    weekday: Option<i64>,
    /// Ticks since midnight.
    time: Option<i64>,
    hours: i64,
    /// Minutes ahead of UTC.
    zone: Option<i64>,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

fn named(names: &[&str], word: &str) -> Option<i64> {
    let word = word.to_lowercase();
    let at = names.iter().position(|name| *name == word || name.get(..3) == Some(word.as_str()))?;
    i64::try_from(at).ok()
}

fn parse(text: &str, context: &Context) -> Option<DateTime> {
    let pieces = pieces(text)?;
    let mut found = Found::default();
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        rest = found.take(rest)?;
    }
    found.finish(context)
}

impl Found {
    /// Reads what the pieces begin with, and returns the others.
    fn take<'p, 't>(&mut self, pieces: &'p [Piece<'t>]) -> Option<&'p [Piece<'t>]> {
        match pieces {
            [Piece::Digits(_), Piece::Mark(':'), ..] if self.time.is_none() => self.clock(pieces),
            [Piece::Mark(sign @ ('+' | '-')), Piece::Digits(hours), rest @ ..]
                if self.time.is_some() && self.zone.is_none() =>
            {
                self.offset(*sign, hours, rest)
            }
            [Piece::Digits(digits), rest @ ..] => {
                if self.numbers.len() >= 3 || digits.len() > 4 {
                    return None;
                }
                self.year_first |= self.numbers.is_empty() && digits.len() > 2;
                self.numbers.push(digits.parse().ok()?);
                self.separator(rest)
            }
            [Piece::Word(word), rest @ ..] => self.word(word, rest),
            [Piece::Blank | Piece::Mark(','), rest @ ..] => Some(rest),
            _ => None,
        }
    }

    /// The pieces without what may stand between the numbers of a date.
    fn separator<'p, 't>(&self, pieces: &'p [Piece<'t>]) -> Option<&'p [Piece<'t>]> {
        Some(match pieces {
            [Piece::Mark('/' | '-' | '.'), rest @ ..]
                if self.numbers.len() < 3 && matches!(rest, [Piece::Digits(_) | Piece::Word(_), ..]) =>
            {
                rest
            }
            rest => rest,
        })
    }

    /// `h:m`, `h:m:s` or `h:m:s.f`.
    fn clock<'p, 't>(&mut self, pieces: &'p [Piece<'t>]) -> Option<&'p [Piece<'t>]> {
        let [Piece::Digits(hours), _, Piece::Digits(minutes), rest @ ..] = pieces else { return None };
        let number =
            |digits: &str, most: i64| digits.parse::<i64>().ok().filter(|n| *n <= most && digits.len() <= 2);
        let hour = number(hours, 24)?;
        let mut ticks = (hour * 60 + number(minutes, 59)?) * TICKS_PER_MINUTE;
        let mut rest = rest;
        if let [Piece::Mark(':'), Piece::Digits(seconds), after @ ..] = rest {
            ticks += number(seconds, 59)? * TICKS_PER_SECOND;
            rest = after;
            if let [Piece::Mark('.' | ','), Piece::Digits(fraction), after @ ..] = rest {
                ticks += fraction_ticks(fraction)?;
                rest = after;
            }
        }
        if ticks >= TICKS_PER_DAY && hour != 24 || ticks > TICKS_PER_DAY {
            return None;
        }
        self.hours = hour;
        self.time = Some(ticks);
        Some(rest)
    }

    /// `+hh:mm` or `+hhmm`.
    fn offset<'p, 't>(&mut self, sign: char, hours: &str, rest: &'p [Piece<'t>]) -> Option<&'p [Piece<'t>]> {
        let (minutes, rest) = match rest {
            [Piece::Mark(':'), Piece::Digits(minutes), rest @ ..] if hours.len() <= 2 => {
                (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?, rest)
            }
            _ if hours.len() <= 2 => (hours.parse::<i64>().ok()? * 60, rest),
            _ => {
                let number: i64 = hours.parse().ok()?;
                (number / 100 * 60 + number % 100, rest)
            }
        };
        if minutes > 14 * 60 {
            return None;
        }
        self.zone = Some(if sign == '-' { -minutes } else { minutes });
        Some(rest)
    }

    fn word<'p, 't>(&mut self, word: &str, rest: &'p [Piece<'t>]) -> Option<&'p [Piece<'t>]> {
        let lower = word.to_lowercase();
        match lower.as_str() {
            "t" if !self.numbers.is_empty() && self.time.is_none() => {
                matches!(rest, [Piece::Digits(_), ..]).then_some(rest)
            }
            "z" | "gmt" | "utc" if self.time.is_some() && self.zone.is_none() => {
                self.zone = Some(0);
                Some(rest)
            }
            "am" | "pm" | "a" | "p" => {
                if self.time.is_none() {
                    // An hour without minutes: `9 pm`.
                    let hour = self.numbers.pop().filter(|h| (1..=12).contains(h))?;
                    self.hours = hour;
                    self.time = Some(hour * 60 * TICKS_PER_MINUTE);
                }
                let afternoon = lower.starts_with('p');
                let shift = match (self.hours, afternoon) {
                    (12, false) => -12,
                    (1..=11, true) => 12,
                    (0..=12, _) => 0,
                    _ => return None,
                };
                self.hours = 24;
                self.time = self.time.map(|ticks| ticks + shift * 60 * TICKS_PER_MINUTE);
                Some(rest)
            }
            _ => {
                if let Some(month) = named(&MONTHS, &lower).filter(|_| self.month.is_none()) {
                    self.month = Some(month + 1);
                    return self.separator(rest);
                }
                let day = named(&DAYS, &lower).filter(|_| self.weekday.is_none())?;
                self.weekday = Some(day);
                Some(rest)
            }
        }
    }

    fn finish(self, context: &Context) -> Option<DateTime> {
        let (this_year, this_month, today) = context.today;
        let this_year = i64::from(this_year);
        let year = |n: i64| match n {
            0..=49 => n + 2000,
            50..=99 => n + 1900,
            n => n,
        };
        let day = match (self.month, self.numbers.as_slice()) {
            (None, []) if self.time.is_some() && self.weekday.is_none() => {
                days(this_year, i64::from(this_month), i64::from(today))?
            }
            (None, [y, m, d]) if self.year_first => days(*y, *m, *d)?,
            (None, [m, d, y]) => days(year(*y), *m, *d)?,
            (None, [y, m]) if self.year_first => days(*y, *m, 1)?,
            (None, [m, y]) if *y > 31 => days(year(*y), *m, 1)?,
            (None, [m, d]) => days(this_year, *m, *d)?,
            (Some(m), [y, d]) if self.year_first => days(*y, m, *d)?,
            (Some(m), [d, y]) => days(year(*y), m, *d)?,
            (Some(m), [y]) if *y > 31 => days(year(*y), m, 1)?,
            (Some(m), [d]) => days(this_year, m, *d)?,
            _ => return None,
        };
        // The first day of the calendar was a Monday.
        if self.weekday.is_some_and(|wanted| (day + 1) % 7 != wanted) {
            return None;
        }
        let ticks = day * TICKS_PER_DAY + self.time.unwrap_or(0);
        let in_range = |ticks: &i64| (0..=MAX_TICKS).contains(ticks);
        match self.zone {
            None => {
                Some(ticks).filter(in_range).map(|ticks| DateTime { ticks, kind: DateTimeKind::Unspecified })
            }
            Some(offset) => {
                let utc = Some(ticks - offset * TICKS_PER_MINUTE).filter(in_range)?;
                let ticks = utc + i64::from((context.utc_offset)(utc)) * TICKS_PER_MINUTE;
                Some(ticks).filter(in_range).map(|ticks| DateTime { ticks, kind: DateTimeKind::Local })
            }
        }
    }
}

/// Up to seven digits of a second; more are rounded.
fn fraction_ticks(digits: &str) -> Option<i64> {
    if digits.len() > 15 {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let scale = 10i64.checked_pow(u32::try_from(digits.len()).ok()?)?;
    number.checked_mul(TICKS_PER_SECOND).map(|n| (n + scale / 2) / scale).or_else(|| {
        // Fifteen digits times ten million is more than 63 bits: cut first.
        Some(number / (scale / TICKS_PER_SECOND))
    })
}

pub(super) fn time_span(value: &Value) -> Option<i64> {
    match value {
        Value::TimeSpan(ticks) => Some(*ticks),
        Value::String(text) => parse_span(text),
        Value::Number(number) => whole(number).or_else(|| parse_span(&number.to_string())),
        _ => None,
    }
}

/// `[-]d`, `[-][d.]h:m[:s[.f]]` or `[-]d:h:m:s[.f]`.
fn parse_span(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let number = |digits: &str, most: i64| {
        let good = !digits.is_empty() && digits.len() <= 8 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|n| good && *n <= most)
    };
    const MOST_DAYS: i64 = 10_675_199;
    let parts: Vec<&str> = text.split(':').collect();
    let seconds = |part: &str| -> Option<i64> {
        let (seconds, fraction) = part.split_once('.').unwrap_or((part, ""));
        if part.contains('.') && (fraction.is_empty() || fraction.len() > 7) {
            return None;
        }
        let fraction = if fraction.is_empty() {
            0
        } else {
            number(fraction, i64::MAX)? * 10i64.checked_pow(u32::try_from(7 - fraction.len()).ok()?)?
        };
        Some(number(seconds, 59)? * TICKS_PER_SECOND + fraction)
    };
    let (day, hour, minute, rest) = match parts.as_slice() {
        [day] => (number(day, MOST_DAYS)?, 0, 0, 0),
        [first, minute] => {
            let (day, hour) = first.split_once('.').unwrap_or(("0", first));
            (number(day, MOST_DAYS)?, number(hour, 23)?, number(minute, 59)?, 0)
        }
        [first, minute, second] => {
            let (day, hour) = first.split_once('.').unwrap_or(("0", first));
            (number(day, MOST_DAYS)?, number(hour, 23)?, number(minute, 59)?, seconds(second)?)
        }
        [day, hour, minute, second] => {
            (number(day, MOST_DAYS)?, number(hour, 23)?, number(minute, 59)?, seconds(second)?)
        }
        _ => return None,
    };
    let ticks = day
        .checked_mul(TICKS_PER_DAY)?
        .checked_add((hour * 60 + minute) * TICKS_PER_MINUTE)?
        .checked_add(rest)?;
    Some(if negative { -ticks } else { ticks })
}

pub(super) fn time_span_text(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let ticks = ticks.unsigned_abs();
    let per = |n: i64| n.unsigned_abs();
    let (days, rest) = (ticks / per(TICKS_PER_DAY), ticks % per(TICKS_PER_DAY));
    let minutes = rest / per(TICKS_PER_MINUTE);
    let (seconds, fraction) = (rest / per(TICKS_PER_SECOND) % 60, rest % per(TICKS_PER_SECOND));
    let days = if days == 0 { String::new() } else { format!("{days}.") };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:07}") };
    format!("{sign}{days}{:02}:{:02}:{seconds:02}{fraction}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        let context = Context { today: (2026, 11, 22), utc_offset: |_| 60 };
        parse(text, &context).map(|time| time.to_string().trim_end_matches(".0000000").to_owned())
    }

    #[test]
    fn dates_and_times() {
        for (text, expected) in [
            ("2026-11-21", "2026-11-21T00:00:00"),
            ("11/21/2026", "2026-11-21T00:00:00"),
            ("11/21/2026 1:02 PM", "2026-11-21T13:02:00"),
            ("2026-11-21T01:02:03Z", "2026-11-21T02:02:03"),
            ("2026-11-21T01:02:03.25+02:00", "2026-11-21T00:02:03.2500000"),
            ("21 November 2026", "2026-11-21T00:00:00"),
            ("Sat, 21 Nov 2026 08:00:00 GMT", "2026-11-21T09:00:00"),
            ("Nov 2026", "2026-11-01T00:00:00"),
            ("9 pm", "2026-11-22T21:00:00"),
            ("1/2/99", "1999-01-02T00:00:00"),
            ("02/29/2024", "2024-02-29T00:00:00"),
            ("12/31/9999 23:59:59.9999999", "9999-12-31T23:59:59.9999999"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["21.11.2026", "Fri, 21 Nov 2026", "02/29/2026", "Monday", "24:01", "1:2:3:4", "5", "T"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn ticks_and_dates_agree(ticks in 0..=MAX_TICKS) {
            let time = DateTime { ticks, kind: DateTimeKind::Unspecified };
            let context = Context { today: (2026, 1, 1), utc_offset: |_| 0 };
            prop_assert_eq!(parse(&time.to_string(), &context), Some(time));
        }

        #[test]
        fn spans_come_back(ticks in -9_000_000_000_000_000_000i64..9_000_000_000_000_000_000) {
            prop_assert_eq!(parse_span(&time_span_text(ticks)), Some(ticks));
        }
    }
}
