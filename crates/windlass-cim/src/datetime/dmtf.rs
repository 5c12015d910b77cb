//! The 25 characters of a DMTF datetime.

use std::fmt;

use super::{CimDateTime, Interval, OpenFields, PointInTime, days_in_month};
use crate::error::Error;

/// The length of the text.
const LENGTH: usize = 25;

/// Reads the text.
pub(super) fn parse(text: &str) -> Result<CimDateTime, Error> {
    let bytes: &[u8; LENGTH] =
        text.as_bytes().try_into().map_err(|_| Error::datetime(text.len().min(LENGTH), "25 characters"))?;
    let mut fields = Fields { bytes, at: 0, open: OpenFields::NONE };
    match bytes {
        [.., b':', _, _, _] => interval(&mut fields).map(CimDateTime::Interval),
        _ => point(&mut fields).map(CimDateTime::Point),
    }
}

fn point(fields: &mut Fields<'_>) -> Result<PointInTime, Error> {
    let year = fields.number(4, 0, 9999, OpenFields::YEAR)?;
    let month = fields.small(1, 12, OpenFields::MONTH)?;
    let open = fields.open;
    let known_year = (!open.contains(OpenFields::YEAR)).then_some(narrow(year));
    let known_month = (!open.contains(OpenFields::MONTH)).then_some(month);
    let day = fields.small(1, days_in_month(known_year, known_month), OpenFields::DAY)?;
    let hour = fields.small(0, 23, OpenFields::HOUR)?;
    let minute = fields.small(0, 59, OpenFields::MINUTE)?;
    let second = fields.small(0, 60, OpenFields::SECOND)?;
    fields.expect(b'.', "a full stop")?;
    let microsecond = fields.microseconds()?;
    let negative = match fields.next() {
        Some(b'+') => false,
        Some(b'-') => true,
        _ => return Err(fields.error_before("a sign of the offset")),
    };
    let minutes = i16::try_from(fields.number(3, 0, 999, OpenFields::OFFSET)?).unwrap_or(0);
    Ok(PointInTime {
        year: narrow(year),
        month,
        day,
        hour,
        minute,
        second,
        microsecond,
        utc_offset: if negative { -minutes } else { minutes },
        open: fields.open,
    })
}

fn interval(fields: &mut Fields<'_>) -> Result<Interval, Error> {
    let days = fields.number(8, 0, 99_999_999, OpenFields::DAY)?;
    let hours = fields.small(0, 23, OpenFields::HOUR)?;
    let minutes = fields.small(0, 59, OpenFields::MINUTE)?;
    let seconds = fields.small(0, 59, OpenFields::SECOND)?;
    fields.expect(b'.', "a full stop")?;
    let microseconds = fields.microseconds()?;
    fields.expect(b':', "a colon")?;
    fields.number(3, 0, 0, OpenFields::NONE)?;
    Ok(Interval { days, hours, minutes, seconds, microseconds, open: fields.open })
}

fn narrow(year: u32) -> u16 {
    u16::try_from(year).unwrap_or(0)
}

/// The digits and asterisks of the text, left to right.
struct Fields<'a> {
    bytes: &'a [u8; LENGTH],
    at: usize,
    open: OpenFields,
}

impl Fields<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn error_before(&self, expected: &'static str) -> Error {
        Error::datetime(self.at.saturating_sub(1), expected)
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Error> {
        if self.next() == Some(byte) { Ok(()) } else { Err(self.error_before(expected)) }
    }

    /// A field of `width` digits, or of asterisks alone where `open` names a field.
    fn number(&mut self, width: usize, min: u32, max: u32, open: OpenFields) -> Result<u32, Error> {
        let start = self.at;
        let field = self.bytes.get(start..start + width).unwrap_or_default();
        self.at += width;
        if !open.is_empty() && field.iter().all(|&b| b == b'*') {
            self.open = self.open.union(open);
            return Ok(0);
        }
        let value = digits(field).ok_or(Error::datetime(start, "digits"))?;
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            Err(Error::datetime(start, "a field within its range"))
        }
    }

    fn small(&mut self, min: u8, max: u8, open: OpenFields) -> Result<u8, Error> {
        let value = self.number(2, min.into(), max.into(), open)?;
        Ok(u8::try_from(value).unwrap_or(0))
    }

    /// Six digits, of which any number at the end may be asterisks.
    fn microseconds(&mut self) -> Result<u32, Error> {
        let start = self.at;
        let field = self.bytes.get(start..start + 6).unwrap_or_default();
        self.at += 6;
        let known = field.iter().take_while(|&&b| b != b'*').count();
        let (head, tail) = field.split_at(known);
        if tail.iter().any(|&b| b != b'*') {
            return Err(Error::datetime(start + known, "asterisks to the end of the field"));
        }
        let value = digits(head).ok_or(Error::datetime(start, "digits"))?;
        let stars = u32::try_from(tail.len()).unwrap_or(0);
        self.open = self.open.with_microsecond_digits(u8::try_from(tail.len()).unwrap_or(0));
        Ok(value * 10_u32.pow(stars))
    }
}

/// The number that at most 8 digits give.
fn digits(field: &[u8]) -> Option<u32> {
    field.iter().try_fold(0_u32, |sum, &b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
}

/// Prints the text.
pub(super) fn print(value: &CimDateTime, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        CimDateTime::Point(p) => {
            field(f, p.year.into(), 4, p.open, OpenFields::YEAR)?;
            field(f, p.month.into(), 2, p.open, OpenFields::MONTH)?;
            field(f, p.day.into(), 2, p.open, OpenFields::DAY)?;
            time(f, [p.hour, p.minute, p.second], p.microsecond, p.open)?;
            f.write_str(if p.utc_offset < 0 { "-" } else { "+" })?;
            field(f, p.utc_offset.unsigned_abs().into(), 3, p.open, OpenFields::OFFSET)
        }
        CimDateTime::Interval(i) => {
            field(f, i.days, 8, i.open, OpenFields::DAY)?;
            time(f, [i.hours, i.minutes, i.seconds], i.microseconds, i.open)?;
            f.write_str(":000")
        }
    }
}

fn time(f: &mut fmt::Formatter<'_>, [h, m, s]: [u8; 3], micros: u32, open: OpenFields) -> fmt::Result {
    field(f, h.into(), 2, open, OpenFields::HOUR)?;
    field(f, m.into(), 2, open, OpenFields::MINUTE)?;
    field(f, s.into(), 2, open, OpenFields::SECOND)?;
    let stars = usize::from(open.microsecond_digits());
    let known = 6_usize.saturating_sub(stars);
    f.write_str(".")?;
    if known > 0 {
        let value = micros / 10_u32.pow(u32::from(open.microsecond_digits()));
        write!(f, "{value:0known$}")?;
    }
    f.write_str("******".get(..stars).unwrap_or_default())
}

fn field(
    f: &mut fmt::Formatter<'_>,
    value: u32,
    width: usize,
    open: OpenFields,
    which: OpenFields,
) -> fmt::Result {
    if open.contains(which) {
        f.write_str("********".get(..width).unwrap_or_default())
    } else {
        write!(f, "{value:0width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_texts_print_as_they_were_read() {
        for text in [
            "19980525133015.000000-300",
            "00000000132312.125000:000",
            "20240229000000.999999+000",
            "19041231235960.000000+999",
            "2004********00.000000+000",
            "20051114******.******+***",
            "********1330**.******-420",
            "20240131235959.12****+060",
            "99999999235959.999999:000",
            "********13****.******:000",
            "00000000000000.000000:000",
        ] {
            let value = parse(text).unwrap();
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn bad_texts_say_where() {
        for (text, at) in [
            ("", 0),
            ("2024", 4),
            ("20241331235959.123456+060", 4),
            ("20230229235959.123456+060", 6),
            ("20240132235959.123456+060", 6),
            ("20240131245959.123456+060", 8),
            ("20240131235959,123456+060", 14),
            ("20240131235959.12*456+060", 17),
            ("20240131235959.123456 060", 21),
            ("20240131235959.123456+06a", 22),
            ("2*240131235959.123456+060", 0),
            ("00000001020304.000000:001", 22),
            ("00000001020360.000000:000", 12),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains(&format!("position {at}:")), "{text}: {error}");
        }
    }
}
