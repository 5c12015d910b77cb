//! KerberosTime ([RFC 4120] section 5.2.3): seconds since 1970, in UTC.

/// Seconds from the beginning of FILETIME, 1601, to that of Unix time, 1970.
const FILETIME_TO_UNIX: u64 = 11_644_473_600;
const DAY: i64 = 86_400;
/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// A FILETIME as seconds since 1970 and microseconds.
pub(super) fn from_filetime(ticks: u64) -> (i64, u32) {
    let seconds = (ticks / 10_000_000).saturating_sub(FILETIME_TO_UNIX);
    let micros = u32::try_from(ticks % 10_000_000 / 10).unwrap_or_default();
    (i64::try_from(seconds).unwrap_or(i64::MAX), micros)
}

/// `YYYYMMDDHHMMSSZ`. Times outside the years 1970 to 9999 are moved to the nearest that is inside.
pub(super) fn encode(seconds: i64) -> String {
    let seconds = seconds.clamp(0, LAST);
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Reads `YYYYMMDDHHMMSSZ` of the years 1970 to 9999.
pub(super) fn decode(text: &[u8]) -> Option<i64> {
    let (digits, b"Z") = text.split_at_checked(14)? else { return None };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |start: usize, count: usize| {
        digits.iter().skip(start).take(count).fold(0, |sum: i64, digit| sum * 10 + i64::from(digit - b'0'))
    };
    let (year, month, day) = (number(0, 4), number(4, 2), number(6, 2));
    let (hour, minute, second) = (number(8, 2), number(10, 2), number(12, 2));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    (0..=LAST).contains(&seconds).then_some(seconds)
}

/// The days since 1970-01-01 of a date of the Gregorian calendar, whose years begin here in March so that
/// the leap day is the last of them.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_calendar() {
        for (seconds, text) in [
            (0, "19700101000000Z"),
            (951_782_399, "20000228235959Z"),
            (951_782_400, "20000229000000Z"),
            (1_767_225_600, "20260101000000Z"),
            (4_107_542_400, "21000301000000Z"),
            (253_402_300_799, "99991231235959Z"),
        ] {
            assert_eq!(encode(seconds), text);
            assert_eq!(decode(text.as_bytes()), Some(seconds));
        }
        assert_eq!(encode(-1), "19700101000000Z");
        for bad in
            ["", "20260101000000", "2026010100000Z", "20261301000000Z", "20260101240000Z", "+0260101000000Z"]
        {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn file_times() {
        assert_eq!(from_filetime(134_116_992_000_000_010), (1_767_225_600, 1));
        assert_eq!(from_filetime(0), (0, 0));
    }
}
