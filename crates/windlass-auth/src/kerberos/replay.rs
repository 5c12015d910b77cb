//! What was presented before, so that it is not accepted twice ([RFC 4120] section 3.2.3).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::NAME;
use crate::AuthError;

/// No more authenticators are remembered at a time.
const MAX_ENTRIES: usize = 200_000;

/// The authenticators that were accepted of late. One for all acceptors that share a key.
#[derive(Debug, Default)]
pub struct ReplayCache {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Until when each one has to be remembered.
    until: HashMap<[u8; 32], i64>,
    /// When to look for those that can be forgotten.
    sweep: i64,
}

impl ReplayCache {
    /// A cache that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers an encrypted authenticator until a time.
    ///
    /// # Errors
    /// It was seen before; or so many were that no more can be remembered, and none can be accepted.
    pub(super) fn check(&self, authenticator: &[u8], now: i64, until: i64) -> Result<(), AuthError> {
        let refused = |reason| AuthError::Policy { mechanism: NAME, reason };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= seen.sweep || seen.until.len() >= MAX_ENTRIES {
            seen.until.retain(|_, until| *until >= now);
            seen.sweep = now.saturating_add(60);
        }
        if seen.until.len() >= MAX_ENTRIES {
            return Err(refused("too many logons in a short time to tell repetitions"));
        }
        match seen.until.insert(Sha256::digest(authenticator).into(), until) {
            None => Ok(()),
            Some(_) => Err(refused("the logon repeats an earlier one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_refused_until_it_would_be_too_old_anyway() {
        let cache = ReplayCache::new();
        cache.check(b"a", 1000, 1300).unwrap();
        cache.check(b"b", 1000, 1300).unwrap();
        assert!(cache.check(b"a", 1100, 1400).is_err());
        assert!(cache.check(b"b", 1300, 1600).is_err());
        cache.check(b"a", 1701, 2000).unwrap();
    }
}
