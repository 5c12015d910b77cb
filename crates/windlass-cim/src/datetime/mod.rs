//! The `datetime` type: a point in time with its offset from UTC, or an interval; any field may be
//! left open with asterisks (DSP0004 5.2.4).

mod dmtf;
mod instant;
mod xsd;

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A value of type `datetime`.
///
/// `==` compares field by field: the same instant stated with another offset is another value. See
/// [`CimDateTime::compare`] for the order in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CimDateTime {
    /// A point in time: `20240131235959.123456+060`.
    Point(PointInTime),
    /// A length of time: `00000001020304.000000:000`.
    Interval(Interval),
}

/// The fields of a point in time, in local time of its offset. A field that is open has the value 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PointInTime {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31, as the month allows.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// 0 to 999,999; digits that are open are 0.
    pub microsecond: u32,
    /// Minutes to be subtracted to get UTC, -999 to 999.
    pub utc_offset: i16,
    /// The fields left open.
    pub open: OpenFields,
}

/// The fields of an interval. A field that is open has the value 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Interval {
    /// 0 to 99,999,999.
    pub days: u32,
    /// 0 to 23.
    pub hours: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 999,999; digits that are open are 0.
    pub microseconds: u32,
    /// The fields left open; [`OpenFields::DAY`] stands for all days.
    pub open: OpenFields,
}

/// Which fields of a [`CimDateTime`] hold asterisks instead of digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpenFields(u16);

impl OpenFields {
    /// Nothing is open.
    pub const NONE: Self = Self(0);
    /// The year.
    pub const YEAR: Self = Self(0x01);
    /// The month.
    pub const MONTH: Self = Self(0x02);
    /// The day of a point, the days of an interval.
    pub const DAY: Self = Self(0x04);
    /// The hour.
    pub const HOUR: Self = Self(0x08);
    /// The minute.
    pub const MINUTE: Self = Self(0x10);
    /// The second.
    pub const SECOND: Self = Self(0x20);
    /// The offset from UTC.
    pub const OFFSET: Self = Self(0x40);
    /// All six digits of the microseconds.
    pub const MICROSECOND: Self = Self(6 << 8);

    /// Whether every field of `other` is open here too.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 & 0xff == other.0 & 0xff && self.microsecond_digits() >= other.microsecond_digits()
    }

    /// Both sets of fields.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let digits = self.microsecond_digits().max(other.microsecond_digits());
        Self((self.0 | other.0) & 0xff).with_microsecond_digits(digits)
    }

    /// How many of the last digits of the microseconds are open: 0 to 6.
    #[must_use]
    pub fn microsecond_digits(self) -> u8 {
        self.0.to_le_bytes().get(1).copied().unwrap_or(0)
    }

    /// The same fields with `digits` (at most 6) digits of the microseconds open.
    #[must_use]
    pub fn with_microsecond_digits(self, digits: u8) -> Self {
        Self(self.0 & 0xff | u16::from(digits.min(6)) << 8)
    }

    /// Whether nothing is open.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl CimDateTime {
    /// Reads the text of a `datetime` in the form of DMTF (25 characters) or of XML Schema
    /// (`xs:dateTime`, `xs:duration`), told apart by their shape.
    ///
    /// # Errors
    /// When the text is none of them or a field is out of range.
    pub fn parse_any(text: &str) -> Result<Self, Error> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        match text.as_bytes() {
            [b'P', ..] => Self::parse_xsd_duration(text),
            [_, _, _, _, b'-', ..] => Self::parse_xsd_datetime(text),
            _ => text.parse(),
        }
    }

    /// Whether it is an interval.
    #[must_use]
    pub fn is_interval(&self) -> bool {
        matches!(self, Self::Interval(_))
    }

    /// The fields left open.
    #[must_use]
    pub fn open(&self) -> OpenFields {
        match self {
            Self::Point(point) => point.open,
            Self::Interval(interval) => interval.open,
        }
    }
}

impl FromStr for CimDateTime {
    type Err = Error;

    /// Reads the 25 characters of DMTF: `yyyymmddhhmmss.mmmmmm±ooo` or `ddddddddhhmmss.mmmmmm:000`.
    fn from_str(text: &str) -> Result<Self, Error> {
        dmtf::parse(text)
    }
}

impl fmt::Display for CimDateTime {
    /// Prints the 25 characters of DMTF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dmtf::print(self, f)
    }
}

impl From<PointInTime> for CimDateTime {
    fn from(point: PointInTime) -> Self {
        Self::Point(point)
    }
}

impl From<Interval> for CimDateTime {
    fn from(interval: Interval) -> Self {
        Self::Interval(interval)
    }
}

/// The number of days of a month; 31 where the month is open, 29 in February where the year is.
pub(crate) fn days_in_month(year: Option<u16>, month: Option<u8>) -> u8 {
    let leap = year.is_none_or(|y| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    match month {
        Some(2) if leap => 29,
        Some(2) => 28,
        Some(4 | 6 | 9 | 11) => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_fields_combine() {
        let open = OpenFields::YEAR.union(OpenFields::NONE.with_microsecond_digits(3));
        assert!(open.contains(OpenFields::YEAR));
        assert!(!open.contains(OpenFields::MICROSECOND));
        assert!(OpenFields::MICROSECOND.contains(OpenFields::NONE.with_microsecond_digits(3)));
        assert_eq!(open.microsecond_digits(), 3);
        assert!(OpenFields::NONE.is_empty());
    }

    #[test]
    fn the_shape_tells_the_form() {
        for text in
            ["20240131235959.123456+060", "2024-01-31T23:59:59.123456+01:00", "00000001020304.000000:000"]
        {
            let value = CimDateTime::parse_any(text).unwrap();
            assert_eq!(value.is_interval(), text.contains(':') && !text.contains('-'));
        }
        assert_eq!(CimDateTime::parse_any(" P1DT2H3M4S\n").unwrap().to_string(), "00000001020304.000000:000");
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<CimDateTime>() <= 20);
    }
}
