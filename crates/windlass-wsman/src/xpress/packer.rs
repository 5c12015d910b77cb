//! Whether compressing a payload is worth the time.
//!
//! On a slow way it saves some; on a fast one it takes longer than what it saves would travel, and both sides pay
//! for it. That is not known beforehand: large payloads go both ways at first, and then as it was faster, with a
//! trial of the other way now and then. Every payload may be stored as it is, so the other side need not be asked.

use std::time::{Duration, Instant};

use super::pack::{Compressor, store};

/// Bytes of a payload from which it matters how it travels. What is shorter is compressed.
const LARGE: usize = 16 << 10;
/// Large payloads from one trial of the slower way to the next, at first and at most: each trial in vain doubles them.
const PAUSES: (u32, u32) = (16, 1024);
/// How much of what a way takes is what it took before: a part of so many.
const INERTIA: u64 = 4;

/// The way in use is left for one that takes at most so many eighths of it: figures vary.
const CLEARLY: u64 = 7;

/// Packs the payloads of one side of a shell, compressed or as they are.
#[derive(Debug, Default)]
pub struct Packer {
    compressed: Option<Cost>,
    stored: Option<Cost>,
    /// The faster way, once both are known.
    best: Option<Way>,
    /// Large payloads up to the next trial.
    left: u32,
    pause: u32,
    /// When the last payload had arrived.
    arrived: Option<Instant>,
}

/// Nanoseconds that 1,024 bytes take on one of the ways.
type Cost = u64;

/// A payload that was packed and is under way.
#[derive(Debug)]
pub struct UnderWay {
    way: Way,
    bytes: usize,
    began: Instant,
    /// What packing it took.
    packing: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Compressed,
    Stored,
}

impl Packer {
    /// Appends a payload with these plain bytes to a buffer of the caller's, who tells with [`Packer::arrived`] when
    /// the other side has taken it. `clock` tells the time.
    pub fn pack(&mut self, plain: &[u8], clock: impl Fn() -> Instant, out: &mut Vec<u8>) -> UnderWay {
        let began = clock();
        let way = if plain.len() < LARGE { Way::Compressed } else { self.next() };
        match way {
            Way::Compressed => Compressor::new().compress(plain, out),
            Way::Stored => store(plain, out),
        }
        UnderWay { way, bytes: plain.len(), began, packing: clock().saturating_duration_since(began) }
    }

    /// The other side has taken a payload. What it took begins where the one before had arrived, if that was later:
    /// several may be under way.
    pub fn arrived(&mut self, payload: &UnderWay, now: Instant) {
        let began = self.arrived.replace(now).map_or(payload.began, |before| before.max(payload.began));
        if payload.bytes < LARGE {
            return;
        }
        // While others travelled it could be packed for nothing, as those behind it cannot.
        let took = now.saturating_duration_since(began).max(payload.packing);
        let cost = cost(took, payload.bytes);
        let known = match payload.way {
            Way::Compressed => &mut self.compressed,
            Way::Stored => &mut self.stored,
        };
        // What the slower way took at the last trial is long past.
        let current = known.filter(|_| self.best == Some(payload.way));
        *known = Some(current.map_or(cost, |known| (known * (INERTIA - 1) + cost) / INERTIA));
        let best = self.faster();
        if best != self.best {
            (self.best, self.pause, self.left) = (best, PAUSES.0, PAUSES.0);
        }
    }

    /// How the next large payload travels.
    fn next(&mut self) -> Way {
        let Some(best) = self.best else {
            return if self.compressed.is_none() { Way::Compressed } else { Way::Stored };
        };
        if self.left > 0 {
            self.left -= 1;
            return best;
        }
        self.pause = (self.pause * 2).clamp(PAUSES.0, PAUSES.1);
        self.left = self.pause;
        match best {
            Way::Compressed => Way::Stored,
            Way::Stored => Way::Compressed,
        }
    }

    /// The faster way, where both are known.
    fn faster(&self) -> Option<Way> {
        let (compressed, stored) = self.compressed.zip(self.stored)?;
        let clearly = |this: Cost, that: Cost| this < that / 8 * CLEARLY;
        Some(match self.best {
            Some(Way::Compressed) if !clearly(stored, compressed) => Way::Compressed,
            Some(Way::Stored) if clearly(compressed, stored) => Way::Compressed,
            None if compressed <= stored => Way::Compressed,
            _ => Way::Stored,
        })
    }
}

fn cost(took: Duration, bytes: usize) -> Cost {
    let bytes = u128::try_from(bytes).unwrap_or(u128::MAX).max(1);
    // Days at most, so that sums do not overflow.
    Cost::try_from(took.as_nanos().saturating_mul(1024) / bytes).unwrap_or(Cost::MAX).min(Cost::MAX >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Payloads that travel at so many nanoseconds a byte and are compressed at others: whether each was compressed.
    fn travel(
        packer: &mut Packer,
        now: &mut Instant,
        payloads: usize,
        travels: u32,
        compresses: u32,
    ) -> Vec<bool> {
        let plain: Vec<u8> = b"<I32>1</I32><S>one</S>".iter().copied().cycle().take(4 * LARGE).collect();
        let one = |_| {
            let mut out = Vec::new();
            let payload = packer.pack(&plain, || *now, &mut out);
            let is_compressed = out.len() < plain.len();
            let bytes = u32::try_from(out.len()).unwrap();
            let plain = u32::try_from(plain.len()).unwrap();
            *now += Duration::from_nanos((bytes * travels).into());
            *now += Duration::from_nanos(if is_compressed { (plain * compresses).into() } else { 0 });
            packer.arrived(&payload, *now);
            is_compressed
        };
        (0..payloads).map(one).collect()
    }

    #[test]
    fn payloads_travel_as_it_is_faster() {
        for (travels, compresses, expected) in [(1, 10, false), (100, 10, true)] {
            let (mut packer, mut now) = (Packer::default(), Instant::now());
            let seen = travel(&mut packer, &mut now, 1000, travels, compresses);
            assert_eq!(seen[..2], [true, false], "both ways are tried");
            let others = seen.iter().filter(|compressed| **compressed != expected).count();
            assert!((3..12).contains(&others), "{others} went the slower way");
        }
    }

    #[test]
    fn a_way_that_becomes_slower_is_left() {
        let (mut packer, mut now) = (Packer::default(), Instant::now());
        let fast = travel(&mut packer, &mut now, 100, 1, 10);
        assert!(!fast[99]);
        let slow = travel(&mut packer, &mut now, 200, 1000, 10);
        let first = slow.iter().position(|compressed| *compressed).unwrap();
        assert!(slow[first..].iter().filter(|compressed| !**compressed).count() < 6, "{slow:?}");
        let fast = travel(&mut packer, &mut now, 400, 1, 10);
        assert!(!fast[399] && fast.iter().filter(|compressed| **compressed).count() < 100);
    }

    #[test]
    fn time_without_a_payload_under_way_does_not_count() {
        let (mut packer, mut now) = (Packer::default(), Instant::now());
        for _ in 0..50 {
            travel(&mut packer, &mut now, 1, 1, 10);
            now += Duration::from_secs(3600);
        }
        assert_eq!(packer.best, Some(Way::Stored));
    }

    #[test]
    fn packing_while_another_payload_travels_is_not_for_nothing() {
        let (mut packer, now) = (Packer::default(), Instant::now());
        let plain = vec![b'x'; LARGE];
        let after = |millis| now + Duration::from_millis(millis);
        for (began, packed, arrived) in [(0, 9, 10), (10, 10, 15), (15, 24, 20)] {
            packer.left = 0;
            let times = std::cell::Cell::new([packed, began]);
            let clock = || {
                let [next, first] = times.get();
                times.set([first, next]);
                after(first)
            };
            let payload = packer.pack(&plain, clock, &mut Vec::new());
            packer.arrived(&payload, after(arrived));
        }
        // The last one was tried compressed, which took 9 ms; it arrived 5 ms after the one before.
        let per_kilobyte = |millis: u64| Some(millis * 1_000_000 / 16);
        assert_eq!((packer.compressed, packer.stored), (per_kilobyte(9), per_kilobyte(5)));
        assert_eq!(packer.best, Some(Way::Stored));
    }

    #[test]
    fn short_payloads_are_compressed() {
        let (mut packer, mut out) = (Packer::default(), Vec::new());
        let now = Instant::now();
        travel(&mut packer, &mut now.clone(), 10, 1, 10);
        packer.pack(&[b'x'; LARGE - 1], || now, &mut out);
        assert!(out.len() < 1000);
    }
}
