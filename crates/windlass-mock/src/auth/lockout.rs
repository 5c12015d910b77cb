//! The price of wrong passwords: every failed logon from an address makes the next answer later.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No answer waits longer.
const LONGEST: Duration = Duration::from_secs(5);
/// Failures are forgotten after this time without another.
const MEMORY: Duration = Duration::from_secs(60);
/// More addresses than this are not kept apart.
const MAX_ADDRESSES: usize = 4096;

/// The failed logons of each address.
#[derive(Default)]
pub(crate) struct Lockout {
    failures: Mutex<HashMap<String, (u32, Instant)>>,
}

impl Lockout {
    /// Notes a failed logon and gives how long its answer is held back: `base` for the first, and twice as
    /// long for each further one.
    pub(crate) fn failed(&self, address: &str, base: Duration, now: Instant) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, (_, last)| now.saturating_duration_since(*last) < MEMORY);
        let known = failures.contains_key(address);
        // When too many addresses fail, all of the others share one entry.
        let key = if known || failures.len() < MAX_ADDRESSES { address } else { "" };
        let (count, last) = failures.entry(key.to_owned()).or_insert((0, now));
        *last = now;
        *count = count.saturating_add(1);
        base.saturating_mul(1 << count.saturating_sub(1).min(16)).min(LONGEST)
    }

    /// Forgets the failures of an address: somebody there knows a password.
    pub(crate) fn succeeded(&self, address: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_costs_twice_the_last_until_it_is_forgotten() {
        let (lockout, base, now) = (Lockout::default(), Duration::from_millis(100), Instant::now());
        let waits: Vec<_> = (0..8).map(|_| lockout.failed("a", base, now).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(lockout.failed("b", base, now), base);
        assert_eq!(lockout.failed("a", base, now + MEMORY), base);
        lockout.failed("a", base, now + MEMORY);
        lockout.succeeded("a");
        assert_eq!(lockout.failed("a", base, now + MEMORY), base);
    }

    #[test]
    fn memory_is_bounded() {
        let (lockout, base, now) = (Lockout::default(), Duration::from_millis(1), Instant::now());
        for number in 0..MAX_ADDRESSES * 2 {
            lockout.failed(&number.to_string(), base, now);
        }
        assert_eq!(lockout.failures.lock().unwrap().len(), MAX_ADDRESSES + 1);
    }
}
