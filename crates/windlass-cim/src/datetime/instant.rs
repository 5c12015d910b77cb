//! Points and intervals as numbers of microseconds, and their order.

use std::cmp::Ordering;

use super::{CimDateTime, Interval, OpenFields, PointInTime, days_in_month};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl PointInTime {
    /// The point `micros` microseconds after 1970-01-01 00:00 UTC, in local time of an offset of
    /// `utc_offset` minutes. `None` outside the years 0 to 9999 or the offsets -999 to 999.
    #[must_use]
    pub fn from_unix_micros(micros: i64, utc_offset: i16) -> Option<Self> {
        if utc_offset.unsigned_abs() > 999 {
            return None;
        }
        let local = micros.checked_add(i64::from(utc_offset) * MINUTE)?;
        let (year, month, day) = civil(local.div_euclid(DAY));
        let time = local.rem_euclid(DAY);
        Some(Self {
            year: u16::try_from(year).ok().filter(|y| *y <= 9999)?,
            month,
            day,
            hour: u8::try_from(time / HOUR).ok()?,
            minute: u8::try_from(time % HOUR / MINUTE).ok()?,
            second: u8::try_from(time % MINUTE / SECOND).ok()?,
            microsecond: u32::try_from(time % SECOND).ok()?,
            utc_offset,
            open: OpenFields::NONE,
        })
    }

    /// Microseconds since 1970-01-01 00:00 UTC; `None` where a field other than the offset is open.
    /// An open offset counts as UTC.
    #[must_use]
    pub fn unix_micros(&self) -> Option<i64> {
        OpenFields::OFFSET.contains(self.open).then(|| self.bound(false))
    }

    /// The first or the last microsecond that the fields allow.
    fn bound(&self, last: bool) -> i64 {
        let open = |field| self.open.contains(field);
        let pick = |field, value: u16, low: u16, high: u16| match (open(field), last) {
            (false, _) => value,
            (true, false) => low,
            (true, true) => high,
        };
        let year = pick(OpenFields::YEAR, self.year, 0, 9999);
        let month = u8::try_from(pick(OpenFields::MONTH, self.month.into(), 1, 12)).unwrap_or(1);
        let length = days_in_month(Some(year), Some(month));
        let day = u8::try_from(pick(OpenFields::DAY, self.day.into(), 1, length.into())).unwrap_or(1);
        let days = days_from_civil(year.into(), month, day);
        let time = time_bound([self.hour, self.minute, self.second], self.microsecond, self.open, last);
        days * DAY + time - i64::from(self.utc_offset) * MINUTE
    }
}

impl Interval {
    /// The interval of that many microseconds; `None` from 100,000,000 days on.
    #[must_use]
    pub fn from_micros(micros: u64) -> Option<Self> {
        let micros = i64::try_from(micros).ok()?;
        let time = micros % DAY;
        Some(Self {
            days: u32::try_from(micros / DAY).ok().filter(|d| *d <= 99_999_999)?,
            hours: u8::try_from(time / HOUR).ok()?,
            minutes: u8::try_from(time % HOUR / MINUTE).ok()?,
            seconds: u8::try_from(time % MINUTE / SECOND).ok()?,
            microseconds: u32::try_from(time % SECOND).ok()?,
            open: OpenFields::NONE,
        })
    }

    /// Its length in microseconds; `None` where a field is open.
    #[must_use]
    pub fn micros(&self) -> Option<u64> {
        if self.open.is_empty() { u64::try_from(self.bound(false)).ok() } else { None }
    }

    /// The shortest or the longest length that the fields allow.
    fn bound(&self, last: bool) -> i64 {
        let days = match (self.open.contains(OpenFields::DAY), last) {
            (false, _) => self.days,
            (true, false) => 0,
            (true, true) => 99_999_999,
        };
        let time = [self.hours, self.minutes, self.seconds];
        i64::from(days) * DAY + time_bound(time, self.microseconds, self.open, last)
    }
}

impl CimDateTime {
    /// The order in time. Equal are points that denote the same instant, whatever their offsets.
    /// `None` for a point and an interval, and where open fields leave the order undecided.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self == other {
            return Some(Ordering::Equal);
        }
        let (a, b) = match (self, other) {
            (Self::Point(a), Self::Point(b)) => (bounds(|l| a.bound(l)), bounds(|l| b.bound(l))),
            (Self::Interval(a), Self::Interval(b)) => (bounds(|l| a.bound(l)), bounds(|l| b.bound(l))),
            _ => return None,
        };
        if a.1 < b.0 {
            Some(Ordering::Less)
        } else if a.0 > b.1 {
            Some(Ordering::Greater)
        } else if a.0 == a.1 && a == b {
            Some(Ordering::Equal)
        } else {
            None
        }
    }
}

fn bounds(bound: impl Fn(bool) -> i64) -> (i64, i64) {
    (bound(false), bound(true))
}

/// The part of a bound that is less than a day.
fn time_bound([h, m, s]: [u8; 3], micros: u32, open: OpenFields, last: bool) -> i64 {
    let pick = |field, value: u8, high: u8| match (open.contains(field), last) {
        (false, _) => i64::from(value),
        (true, false) => 0,
        (true, true) => i64::from(high),
    };
    let free = 10_i64.pow(open.microsecond_digits().into()) - 1;
    pick(OpenFields::HOUR, h, 23) * HOUR
        + pick(OpenFields::MINUTE, m, 59) * MINUTE
        + pick(OpenFields::SECOND, s, 59) * SECOND
        + i64::from(micros)
        + if last { free } else { 0 }
}

/// Days since 1970-01-01 of a day of the Gregorian calendar, counting in 400-year cycles that begin
/// on the first of March.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle * 146_097 + day_of_cycle - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let day_of_cycle = days.rem_euclid(146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> CimDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn instants() {
        for (micros, offset, text) in [
            (0, 0, "19700101000000.000000+000"),
            (1_717_243_384_123_456, 120, "20240601140304.123456+120"),
            (-1, -300, "19691231185959.999999-300"),
            (951_782_400 * SECOND, 0, "20000229000000.000000+000"),
        ] {
            let point = PointInTime::from_unix_micros(micros, offset).unwrap();
            assert_eq!(CimDateTime::Point(point).to_string(), text);
            assert_eq!(point.unix_micros(), Some(micros));
        }
        assert!(PointInTime::from_unix_micros(i64::MAX, 0).is_none());
        assert!(PointInTime::from_unix_micros(0, 1000).is_none());
        assert_eq!(CimDateTime::from(Interval::from_micros(93_784_000_005).unwrap()), {
            at("00000001020304.000005:000")
        });
    }

    #[test]
    fn every_day_of_a_cycle_reads_back() {
        for day in -719_528..-719_528 + 146_097 + 400 {
            let (y, m, d) = civil(day);
            assert_eq!(days_from_civil(y, m, d), day);
        }
    }

    #[test]
    fn order_is_that_of_the_instants() {
        let order = |a, b| at(a).compare(&at(b));
        assert_eq!(order("20240101120000.000000+060", "20240101110000.000000+000"), Some(Ordering::Equal));
        assert_eq!(order("20240101120000.000000+000", "20240101110000.000000-120"), Some(Ordering::Less));
        assert_eq!(order("2024****000000.000000+000", "2024****000000.000000+000"), Some(Ordering::Equal));
        assert_eq!(order("202401********.******+000", "20240115000000.000000+000"), None);
        assert_eq!(order("202401********.******+000", "20240201000000.000000+000"), Some(Ordering::Less));
        assert_eq!(order("00000002000000.000000:000", "00000001******.******:000"), {
            Some(Ordering::Greater)
        });
        assert_eq!(order("00000002000000.000000:000", "20240101120000.000000+060"), None);
    }
}
