//! The forms of XML Schema: `xs:dateTime`, `xs:date`, `xs:time` and `xs:duration` (DSP0230 6.2.3).

use std::fmt::Write;

use super::{CimDateTime, Interval, OpenFields, PointInTime, days_in_month};
use crate::error::Error;

/// The greatest offset that XML Schema can state, in minutes.
const MAX_XSD_OFFSET: u16 = 14 * 60;

impl CimDateTime {
    /// Reads an `xs:dateTime`. Without a time zone the offset is left open; digits beyond the
    /// microseconds are dropped.
    ///
    /// # Errors
    /// When the text is not of that form or a field is out of range.
    pub fn parse_xsd_datetime(text: &str) -> Result<Self, Error> {
        let mut scan = Scan { text: text.as_bytes(), at: 0 };
        let (year, month, day) = scan.date()?;
        scan.expect(b'T', "T")?;
        let (hour, minute, second, microsecond) = scan.time()?;
        let (utc_offset, open) = scan.zone()?;
        Ok(Self::Point(PointInTime { year, month, day, hour, minute, second, microsecond, utc_offset, open }))
    }

    /// Reads an `xs:date`; the time is left open.
    ///
    /// # Errors
    /// As for [`CimDateTime::parse_xsd_datetime`].
    pub fn parse_xsd_date(text: &str) -> Result<Self, Error> {
        let mut scan = Scan { text: text.as_bytes(), at: 0 };
        let (year, month, day) = scan.date()?;
        let (utc_offset, open) = scan.zone()?;
        let open = open
            .union(OpenFields::HOUR)
            .union(OpenFields::MINUTE)
            .union(OpenFields::SECOND)
            .union(OpenFields::MICROSECOND);
        let (hour, minute, second, microsecond) = (0, 0, 0, 0);
        Ok(Self::Point(PointInTime { year, month, day, hour, minute, second, microsecond, utc_offset, open }))
    }

    /// Reads an `xs:time`; the day is left open.
    ///
    /// # Errors
    /// As for [`CimDateTime::parse_xsd_datetime`].
    pub fn parse_xsd_time(text: &str) -> Result<Self, Error> {
        let mut scan = Scan { text: text.as_bytes(), at: 0 };
        let (hour, minute, second, microsecond) = scan.time()?;
        let (utc_offset, open) = scan.zone()?;
        let open = open.union(OpenFields::YEAR).union(OpenFields::MONTH).union(OpenFields::DAY);
        let (year, month, day) = (0, 0, 0);
        Ok(Self::Point(PointInTime { year, month, day, hour, minute, second, microsecond, utc_offset, open }))
    }

    /// Reads an `xs:duration` of days, hours, minutes and seconds. Hours beyond 23 become days.
    ///
    /// # Errors
    /// When the text is not of that form, is negative, holds years or months (whose length is not
    /// fixed), or exceeds 99,999,999 days.
    pub fn parse_xsd_duration(text: &str) -> Result<Self, Error> {
        let mut scan = Scan { text: text.as_bytes(), at: 0 };
        scan.expect(b'P', "P")?;
        let mut micros = 0_u64;
        let mut units: &[(u8, u64)] = &[(b'Y', 0), (b'M', 0), (b'D', 86_400_000_000)];
        let mut any = false;
        let mut in_time = false;
        while !scan.is_done() {
            if !in_time && scan.peek() == Some(b'T') {
                scan.at += 1;
                units = &[(b'H', 3_600_000_000), (b'M', 60_000_000), (b'S', 1_000_000)];
                in_time = true;
                any = false;
                continue;
            }
            let start = scan.at;
            let whole = scan.digits()?;
            let fraction = if scan.peek() == Some(b'.') { Some(scan.fraction()?) } else { None };
            let unit = scan.next().unwrap_or(0);
            let place = units.iter().position(|u| u.0 == unit && (fraction.is_none() || unit == b'S'));
            let (place, size) = place
                .and_then(|p| Some((p, units.get(p)?.1)))
                .ok_or(Error::datetime(scan.at.saturating_sub(1), "a unit of a duration, in order"))?;
            units = units.get(place + 1..).unwrap_or_default();
            if size == 0 && whole != 0 {
                return Err(Error::datetime(start, "an interval without years and months"));
            }
            micros = whole
                .checked_mul(size)
                .and_then(|w| micros.checked_add(w)?.checked_add(fraction.unwrap_or(0).into()))
                .ok_or(Error::datetime(start, "an interval of less than 100,000,000 days"))?;
            any = true;
        }
        if !any {
            return Err(Error::datetime(scan.at, "a number and its unit"));
        }
        Interval::from_micros(micros)
            .map(Self::Interval)
            .ok_or(Error::datetime(0, "an interval of less than 100,000,000 days"))
    }

    /// The text of an `xs:dateTime` or `xs:duration`. `None` where these cannot tell all: open
    /// fields, or an offset beyond fourteen hours.
    #[must_use]
    pub fn to_xsd(&self) -> Option<String> {
        let mut text = String::with_capacity(32);
        let written = match self {
            Self::Point(point) => write_point(point, &mut text),
            Self::Interval(interval) => write_interval(interval, &mut text),
        };
        written.map(|()| text)
    }
}

fn write_point(p: &PointInTime, text: &mut String) -> Option<()> {
    if !OpenFields::OFFSET.contains(p.open) || p.utc_offset.unsigned_abs() > MAX_XSD_OFFSET {
        return None;
    }
    push_digits::<4>(text, p.year.into());
    for (separator, number) in [('-', p.month), ('-', p.day), ('T', p.hour), (':', p.minute), (':', p.second)]
    {
        text.push(separator);
        push_digits::<2>(text, number.into());
    }
    write_fraction(p.microsecond, text);
    if p.open.is_empty() {
        let minutes = p.utc_offset.unsigned_abs();
        match p.utc_offset {
            0 => text.push('Z'),
            offset => {
                text.push(if offset < 0 { '-' } else { '+' });
                write!(text, "{:02}:{:02}", minutes / 60, minutes % 60).ok()?;
            }
        }
    }
    Some(())
}

fn write_interval(i: &Interval, text: &mut String) -> Option<()> {
    if !i.open.is_empty() {
        return None;
    }
    write!(text, "P{}DT{}H{}M{}", i.days, i.hours, i.minutes, i.seconds).ok()?;
    write_fraction(i.microseconds, text);
    text.push('S');
    Some(())
}

fn write_fraction(micros: u32, text: &mut String) {
    if micros != 0 {
        text.push('.');
        push_digits::<6>(text, micros);
        text.truncate(text.trim_end_matches('0').len());
    }
}

/// Writes a number with at least so many digits.
fn push_digits<const WIDTH: usize>(text: &mut String, number: u32) {
    let mut rest = number;
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789".get(usize::try_from(rest % 10).unwrap_or(0)).copied().unwrap_or(b'0');
        rest /= 10;
    }
    if rest == 0 {
        text.extend(digits.map(char::from));
    } else {
        text.push_str(&number.to_string());
    }
}

/// A text read from left to right.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(Error::datetime(self.at, expected));
        }
        self.at += 1;
        Ok(())
    }

    /// Exactly `width` digits whose number lies in a range.
    fn field(&mut self, width: usize, min: u16, max: u16) -> Result<u16, Error> {
        let start = self.at;
        let mut value = 0_u16;
        for _ in 0..width {
            let digit = self
                .next()
                .filter(u8::is_ascii_digit)
                .ok_or_else(|| Error::datetime(self.at.saturating_sub(1), "a digit"))?;
            value = value * 10 + u16::from(digit - b'0');
        }
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            Err(Error::datetime(start, "a field within its range"))
        }
    }

    fn small(&mut self, min: u8, max: u8) -> Result<u8, Error> {
        self.field(2, min.into(), max.into()).map(|v| u8::try_from(v).unwrap_or(0))
    }

    fn date(&mut self) -> Result<(u16, u8, u8), Error> {
        let year = self.field(4, 0, 9999)?;
        self.expect(b'-', "a hyphen")?;
        let month = self.small(1, 12)?;
        self.expect(b'-', "a hyphen")?;
        let day = self.small(1, days_in_month(Some(year), Some(month)))?;
        Ok((year, month, day))
    }

    fn time(&mut self) -> Result<(u8, u8, u8, u32), Error> {
        let hour = self.small(0, 23)?;
        self.expect(b':', "a colon")?;
        let minute = self.small(0, 59)?;
        self.expect(b':', "a colon")?;
        let second = self.small(0, 60)?;
        let micros = if self.peek() == Some(b'.') { self.fraction()? } else { 0 };
        Ok((hour, minute, second, micros))
    }

    /// The time zone and the end of the text.
    fn zone(&mut self) -> Result<(i16, OpenFields), Error> {
        let zone = match self.next() {
            None => (0, OpenFields::OFFSET),
            Some(b'Z') => (0, OpenFields::NONE),
            Some(sign @ (b'+' | b'-')) => {
                let hours = self.field(2, 0, 16)?;
                self.expect(b':', "a colon")?;
                let minutes = i16::try_from(hours * 60 + self.field(2, 0, 59)?).unwrap_or(0);
                if minutes > 999 {
                    return Err(Error::datetime(self.at - 5, "an offset of at most 999 minutes"));
                }
                (if sign == b'-' { -minutes } else { minutes }, OpenFields::NONE)
            }
            Some(_) => return Err(Error::datetime(self.at - 1, "a time zone")),
        };
        if self.is_done() { Ok(zone) } else { Err(Error::datetime(self.at, "the end of the text")) }
    }

    /// One or more digits.
    fn digits(&mut self) -> Result<u64, Error> {
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(digit - b'0')))
                .ok_or(Error::datetime(start, "a smaller number"))?;
            self.at += 1;
        }
        if self.at == start { Err(Error::datetime(start, "a digit")) } else { Ok(value) }
    }

    /// A full stop and digits, as microseconds.
    fn fraction(&mut self) -> Result<u32, Error> {
        self.expect(b'.', "a full stop")?;
        let start = self.at;
        let mut micros = 0_u32;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start < 6 {
                micros = micros * 10 + u32::from(digit - b'0');
            }
            self.at += 1;
        }
        let read = u32::try_from((self.at - start).min(6)).unwrap_or(6);
        if read == 0 {
            return Err(Error::datetime(start, "a digit"));
        }
        Ok(micros * 10_u32.pow(6 - read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points() {
        for (xsd, dmtf, back) in [
            ("2001-01-01T01:01:01.000001+13:50", "20010101010101.000001+830", None),
            ("2012-06-20T21:14:03Z", "20120620211403.000000+000", None),
            ("2010-07-14T11:35:11.900675-00:07", "20100714113511.900675-007", None),
            ("2013-04-25T21:23:39.5Z", "20130425212339.500000+000", None),
            (
                "2013-04-25T21:23:39.1234567Z",
                "20130425212339.123456+000",
                Some("2013-04-25T21:23:39.123456Z"),
            ),
            ("2013-04-25T21:23:39", "20130425212339.000000+***", None),
            ("2013-04-25T21:23:39+00:00", "20130425212339.000000+000", Some("2013-04-25T21:23:39Z")),
        ] {
            let value = CimDateTime::parse_xsd_datetime(xsd).unwrap();
            assert_eq!(value.to_string(), dmtf);
            assert_eq!(value.to_xsd().unwrap(), back.unwrap_or(xsd));
        }
        assert_eq!(CimDateTime::parse_xsd_date("2013-04-25Z").unwrap().to_string(), {
            "20130425******.******+000"
        });
        assert_eq!(CimDateTime::parse_xsd_time("21:23:39").unwrap().to_string(), {
            "********212339.000000+***"
        });
        let far: CimDateTime = "20130425212339.000000+900".parse().unwrap();
        assert_eq!(far.to_xsd(), None);
    }

    #[test]
    fn durations() {
        for (xsd, dmtf, back) in [
            ("P2000D", "00002000000000.000000:000", "P2000DT0H0M0S"),
            ("P2002DT2H2M2.000002S", "00002002020202.000002:000", "P2002DT2H2M2.000002S"),
            ("PT36H", "00000001120000.000000:000", "P1DT12H0M0S"),
            ("P0Y0M1D", "00000001000000.000000:000", "P1DT0H0M0S"),
        ] {
            let value = CimDateTime::parse_xsd_duration(xsd).unwrap();
            assert_eq!(value.to_string(), dmtf);
            assert_eq!(value.to_xsd().unwrap(), back);
        }
    }

    #[test]
    fn bad_texts() {
        for text in
            ["", "P", "PT", "P1", "1D", "P1Y", "P1M", "P1.5D", "PT1H1H", "PT1M1H", "-P1D", "P100000000D"]
        {
            assert!(CimDateTime::parse_xsd_duration(text).is_err(), "{text}");
        }
        for text in [
            "",
            "2013-04-25",
            "2013-02-29T00:00:00Z",
            "2013-04-25T24:00:00Z",
            "2013-04-25T00:00:00.Z",
            "2013-04-25T00:00:00Zx",
            "2013-04-25T00:00:00+17:00",
            "10000-04-25T00:00:00Z",
        ] {
            assert!(CimDateTime::parse_xsd_datetime(text).is_err(), "{text}");
        }
    }
}
