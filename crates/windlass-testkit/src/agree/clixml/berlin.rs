//! The clock of the machine that the recordings are from: Europe/Berlin.

use windlass_clixml::{Civil, DateTimeKind, PsDateTime, TICKS_PER_SECOND};

const MAX_TICKS: i64 = 3_155_378_975_999_999_999;

/// What a .NET reader in Berlin makes of a local time of another clock: its own local time and the
/// universal time of that, both in ticks. Where the universal time is out of range it starts from the
/// clock time instead, and stays within range.
pub(super) fn local(time: PsDateTime, offset_minutes: i16) -> (i64, i64) {
    let utc = time.ticks() - i64::from(offset_minutes) * 60 * TICKS_PER_SECOND;
    let local = match (0..=MAX_TICKS).contains(&utc) {
        true => utc + offset(utc),
        false => utc + offset(time.ticks()),
    };
    let local = local.clamp(0, MAX_TICKS);
    let utc = if (0..=MAX_TICKS).contains(&utc) { utc } else { local - offset(local) };
    (local, utc.clamp(0, MAX_TICKS))
}

/// The offset from universal time, in ticks, at a universal time.
fn offset(utc: i64) -> i64 {
    let hours = |hours: i64| hours * 3600 * TICKS_PER_SECOND;
    let year = PsDateTime::from_ticks(utc.clamp(0, MAX_TICKS), DateTimeKind::Utc)
        .map_or(1, |time| time.civil().year);
    if year < 1893 {
        // Local mean time, to the minute.
        return 53 * 60 * TICKS_PER_SECOND;
    }
    let end_month = if year < 1996 { 9 } else { 10 };
    let summer = year >= 1981 && (change(year, 3)..change(year, end_month)).contains(&utc);
    if summer { hours(2) } else { hours(1) }
}

/// The last Sunday of a month of 30 or 31 days, at one o'clock universal time.
fn change(year: i32, month: u32) -> i64 {
    let at = |day: u32| {
        let civil = Civil { year, month, day, hour: 1, minute: 0, second: 0, ticks: 0 };
        PsDateTime::from_civil(civil, DateTimeKind::Utc)
    };
    (22..=31).rev().filter_map(at).find(|time| time.weekday() == 0).map_or(0, PsDateTime::ticks)
}
