//! Formats of .NET for points in time.

use windlass_clixml::{Civil, DateTimeKind, PsDateTime};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Longest format that is followed, in bytes.
const MOST: usize = 1024;

/// A point in time in a format of .NET, standard, custom or one of PowerShell's own names (as
/// `FileDate`), of culture en-US. `None` where the format is none.
#[must_use]
pub fn format_date(date: PsDateTime, format: &str) -> Option<String> {
    // ICU's en-US puts a narrow no-break space before AM and PM.
    let utc = "yyyy'-'MM'-'dd'T'HH':'mm':'ss";
    match format {
        _ if format.len() > MOST => None,
        "" | "G" => custom(date, "M/d/yyyy h:mm:ss\u{202f}tt"),
        "d" => custom(date, "M/d/yyyy"),
        "D" => custom(date, "dddd, MMMM d, yyyy"),
        "f" => custom(date, "dddd, MMMM d, yyyy h:mm\u{202f}tt"),
        "F" | "U" => custom(date, "dddd, MMMM d, yyyy h:mm:ss\u{202f}tt"),
        "g" => custom(date, "M/d/yyyy h:mm\u{202f}tt"),
        "m" | "M" => custom(date, "MMMM d"),
        "o" | "O" => custom(date, &format!("{utc}'.'fffffffK")),
        "r" | "R" => custom(date.to_utc(), "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
        "s" => custom(date, utc),
        "t" => custom(date, "h:mm\u{202f}tt"),
        "T" => custom(date, "h:mm:ss\u{202f}tt"),
        "u" => custom(date, "yyyy-MM-dd HH:mm:ss'Z'"),
        "y" | "Y" => custom(date, "MMMM yyyy"),
        // PowerShell's own names.
        "FileDate" => custom(date, "yyyyMMdd"),
        "FileDateUniversal" => custom(date.to_utc(), "yyyyMMdd'Z'"),
        "FileDateTime" => custom(date, "yyyyMMdd'T'HHmmssffff"),
        "FileDateTimeUniversal" => custom(date.to_utc(), "yyyyMMdd'T'HHmmssffff'Z'"),
        one if one.chars().count() == 1 => None,
        custom_format => custom(date, custom_format),
    }
}

fn custom(date: PsDateTime, format: &str) -> Option<String> {
    let civil = date.civil();
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '\'' | '"' => loop {
                match rest.next()? {
                    end if end == first => break,
                    '\\' => out.push(rest.next()?),
                    other => out.push(other),
                }
            },
            '\\' => out.push(rest.next()?),
            '%' => {}
            'd' | 'M' | 'y' | 'h' | 'H' | 'm' | 's' | 'f' | 'F' | 't' | 'z' | 'K' | 'g' => {
                let mut count = 1;
                while rest.next_if_eq(&first).is_some() {
                    count += 1;
                }
                part(&mut out, date, &civil, first, count);
            }
            other => out.push(other),
        }
    }
    Some(out)
}

fn part(out: &mut String, date: PsDateTime, civil: &Civil, letter: char, count: usize) {
    let number = |value: u32| format!("{value:0width$}", width = count.min(2));
    let name = |names: &[&str], place: u32| {
        let full = names.get(usize::try_from(place).unwrap_or_default()).copied().unwrap_or_default();
        if count == 3 { full.get(..3).unwrap_or(full).to_owned() } else { full.to_owned() }
    };
    let hour = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let text = match (letter, count) {
        ('d', 1 | 2) => number(civil.day),
        ('d', _) => name(&DAYS, date.weekday()),
        ('M', 1 | 2) => number(civil.month),
        ('M', _) => name(&MONTHS, civil.month - 1),
        ('y', 1 | 2) => format!("{:0count$}", civil.year % 100),
        ('y', _) => format!("{:0count$}", civil.year),
        ('h', _) => number(hour),
        ('H', _) => number(civil.hour),
        ('m', _) => number(civil.minute),
        ('s', _) => number(civil.second),
        ('f' | 'F', _) => {
            let digits = format!("{:07}", civil.ticks);
            let digits = digits.get(..count.min(7)).unwrap_or_default();
            let digits = if letter == 'F' { digits.trim_end_matches('0') } else { digits };
            if letter == 'F' && digits.is_empty() && out.ends_with('.') {
                out.pop();
            }
            digits.to_owned()
        }
        ('t', 1) => if civil.hour < 12 { "A" } else { "P" }.to_owned(),
        ('t', _) => if civil.hour < 12 { "AM" } else { "PM" }.to_owned(),
        ('z', _) => offset(date, count),
        ('K', _) => match date.kind() {
            DateTimeKind::Utc => "Z".to_owned(),
            DateTimeKind::Local(_) => offset(date, 3),
            DateTimeKind::Unspecified => String::new(),
        },
        ('g', _) => "A.D.".to_owned(),
        _ => String::new(),
    };
    out.push_str(&text);
}

fn offset(date: PsDateTime, count: usize) -> String {
    let minutes = match date.kind() {
        DateTimeKind::Local(minutes) => minutes,
        DateTimeKind::Utc | DateTimeKind::Unspecified => 0,
    };
    let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match count {
        1 => format!("{sign}{hours}"),
        2 => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_dotnet() {
        let civil = Civil { year: 2026, month: 11, day: 2, hour: 15, minute: 4, second: 5, ticks: 1_230_000 };
        let date = PsDateTime::from_civil(civil, DateTimeKind::Local(60)).unwrap();
        for (given, expected) in [
            ("yyyy-MM-dd", "2026-11-02"),
            ("o", "2026-11-02T15:04:05.1230000+01:00"),
            ("G", "11/2/2026 3:04:05\u{202f}PM"),
            ("D", "Monday, November 2, 2026"),
            ("r", "Mon, 02 Nov 2026 14:04:05 GMT"),
            ("h 'o''clock' t\\t", "3 oclock Pt"),
            ("ss.FFF%z", "05.123+1"),
        ] {
            assert_eq!(format_date(date, given).as_deref(), Some(expected), "{given}");
        }
        assert_eq!(format_date(date, "x"), None);
        assert_eq!(format_date(date, "yyyy'"), None);
    }
}
