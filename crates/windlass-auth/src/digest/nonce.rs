//! The nonces of an acceptor: nothing is kept for those that nobody used, and no count is taken twice.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use windlass_core::ct_eq;

use crate::AuthError;

/// Nonces in use; the oldest are forgotten, and answers to them are stale, when there are more.
const MAX_USED: usize = 4096;
/// How long a nonce lives, in units of 100 ns: an hour.
const LIFETIME: u64 = 36_000_000_000;
/// How far behind the highest count another may be and still be new: requests on several connections
/// overtake each other.
const WINDOW: u32 = 64;
/// Bytes of a nonce: serial number, time, code.
const SIZE: usize = 32;

/// What is known of the nonces that were given out.
pub(super) struct Nonces {
    key: [u8; 64],
    serial: u64,
    /// Nonces up to this serial number that are not in use are forgotten.
    floor: u64,
    used: BTreeMap<u64, Counts>,
}

/// Which counts of a nonce were seen.
#[derive(Default)]
struct Counts {
    highest: u32,
    /// Bit n is the count `highest - n`.
    seen: u64,
}

/// What an answer's nonce and count are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// They are new, and noted.
    Fresh,
    /// The nonce is not, or no longer, known here.
    Stale,
    /// The count was seen before.
    Replayed,
}

impl Nonces {
    pub(super) fn new() -> Result<Self, AuthError> {
        let mut key = [0; 64];
        getrandom::fill(&mut key).map_err(|_| AuthError::Random)?;
        Ok(Self { key, serial: 0, floor: 0, used: BTreeMap::new() })
    }

    /// A new nonce.
    pub(super) fn issue(&mut self, now: u64) -> String {
        self.serial += 1;
        let mut nonce = Vec::with_capacity(SIZE);
        nonce.extend_from_slice(&self.serial.to_be_bytes());
        nonce.extend_from_slice(&now.to_be_bytes());
        nonce.extend_from_slice(&self.code(self.serial, now));
        base64_simd::STANDARD.encode_to_string(nonce)
    }

    /// Looks at the nonce and the count of an answer whose digest is right, and notes them.
    pub(super) fn take(&mut self, nonce: &str, count: u32, now: u64) -> Freshness {
        let Some((serial, issued)) = self.read(nonce) else { return Freshness::Stale };
        let expired = now.saturating_sub(issued) > LIFETIME;
        if expired || serial <= self.floor && !self.used.contains_key(&serial) {
            return Freshness::Stale;
        }
        if !self.used.contains_key(&serial) && self.used.len() >= MAX_USED {
            if let Some((oldest, _)) = self.used.pop_first() {
                self.floor = self.floor.max(oldest);
            }
            if serial <= self.floor {
                return Freshness::Stale;
            }
        }
        self.used.entry(serial).or_default().take(count)
    }

    /// Whether a nonce is one of this acceptor's own; gives its serial number and time.
    fn read(&self, nonce: &str) -> Option<(u64, u64)> {
        let bytes = base64_simd::STANDARD.decode_to_vec(nonce).ok().filter(|bytes| bytes.len() == SIZE)?;
        let (serial, rest) = bytes.split_first_chunk::<8>()?;
        let (issued, code) = rest.split_first_chunk::<8>()?;
        let (serial, issued) = (u64::from_be_bytes(*serial), u64::from_be_bytes(*issued));
        ct_eq(&self.code(serial, issued), code).then_some((serial, issued))
    }

    fn code(&self, serial: u64, issued: u64) -> [u8; 16] {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(&serial.to_be_bytes());
        mac.update(&issued.to_be_bytes());
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; 16];
        half.iter_mut().zip(code).for_each(|(to, from)| *to = from);
        half
    }
}

impl Counts {
    fn take(&mut self, count: u32) -> Freshness {
        if count > self.highest {
            let ahead = count - self.highest;
            self.seen = if ahead < WINDOW { self.seen << ahead } else { 0 } | 1;
            self.highest = count;
            return Freshness::Fresh;
        }
        let behind = self.highest - count;
        if count == 0 || behind >= WINDOW || self.seen >> behind & 1 == 1 {
            return Freshness::Replayed;
        }
        self.seen |= 1 << behind;
        Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_taken_once_in_any_order() {
        let mut nonces = Nonces::new().unwrap();
        let nonce = nonces.issue(0);
        for (count, expected) in [
            (1, Freshness::Fresh),
            (1, Freshness::Replayed),
            (3, Freshness::Fresh),
            (2, Freshness::Fresh),
            (2, Freshness::Replayed),
            (0, Freshness::Replayed),
            (200, Freshness::Fresh),
            (137, Freshness::Fresh),
            (136, Freshness::Replayed),
            (u32::MAX, Freshness::Fresh),
            (200, Freshness::Replayed),
        ] {
            assert_eq!(nonces.take(&nonce, count, 0), expected, "{count}");
        }
    }

    #[test]
    fn foreign_altered_and_old_nonces_are_stale() {
        let mut nonces = Nonces::new().unwrap();
        let foreign = Nonces::new().unwrap().issue(0);
        assert_eq!(nonces.take(&foreign, 1, 0), Freshness::Stale);
        let nonce = nonces.issue(0);
        assert_eq!(nonces.take(&nonce, 1, LIFETIME + 1), Freshness::Stale);
        let mut altered = base64_simd::STANDARD.decode_to_vec(&nonce).unwrap();
        altered[7] ^= 1;
        assert_eq!(nonces.take(&base64_simd::STANDARD.encode_to_string(altered), 1, 0), Freshness::Stale);
        assert_eq!(nonces.take("", 1, 0), Freshness::Stale);
        assert_eq!(nonces.take(&nonce, 1, LIFETIME), Freshness::Fresh);
    }

    #[test]
    fn a_forgotten_nonce_never_comes_back() {
        let mut nonces = Nonces::new().unwrap();
        let first = nonces.issue(0);
        assert_eq!(nonces.take(&first, 1, 0), Freshness::Fresh);
        for _ in 0..MAX_USED {
            let nonce = nonces.issue(0);
            assert_eq!(nonces.take(&nonce, 1, 0), Freshness::Fresh);
        }
        assert_eq!(nonces.take(&first, 1, 0), Freshness::Stale);
    }
}
