//! Times of files as dates of PowerShell, and back.

use std::time::{Duration, SystemTime};

use windlass_clixml::{PsDateTime, PsValue, TICKS_PER_SECOND};

/// A time as a date, in universal time and whole ticks of 100 ns.
pub(super) fn date(time: SystemTime) -> PsValue {
    let date = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => {
            PsDateTime::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
        }
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => PsDateTime::from_unix(-seconds, 0),
                nanos => PsDateTime::from_unix(-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    };
    date.into()
}

/// The time of a date; none where the system has no such time.
pub(super) fn system_time(date: PsDateTime) -> Option<SystemTime> {
    let ticks = date.to_utc().ticks() - PsDateTime::from_unix(0, 0).ticks();
    let length = |ticks: i64| -> Option<Duration> {
        let seconds = u64::try_from(ticks / TICKS_PER_SECOND).ok()?;
        let rest = u64::try_from(ticks % TICKS_PER_SECOND).ok()?;
        Some(Duration::from_secs(seconds) + Duration::from_nanos(rest * 100))
    };
    match ticks {
        0.. => SystemTime::UNIX_EPOCH.checked_add(length(ticks)?),
        _ => SystemTime::UNIX_EPOCH.checked_sub(length(ticks.checked_neg()?)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_as_dates() {
        for nanos in [0_u64, 1_700_000_000_123_456_700, 100] {
            for time in [
                SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
                SystemTime::UNIX_EPOCH - Duration::from_nanos(nanos),
            ] {
                assert_eq!(date(time).as_datetime().and_then(system_time), Some(time));
            }
        }
    }
}
