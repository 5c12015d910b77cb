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

impl fmt::Display for PsDateTime {
    /// The form of CLIXML: fraction only where there is one, then `Z` or the offset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, ticks } = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ticks != 0 {
            let digits = format!("{ticks:07}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        match self.kind {
            DateTimeKind::Unspecified => Ok(()),
            DateTimeKind::Utc => f.write_str("Z"),
            DateTimeKind::Local(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
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
