//! Canonical Huffman codes of at most 15 bits ([MS-XCA] 2.1.4.2, 2.2.4).

use super::{MAX_BITS, SYMBOLS};

/// The length of each symbol's code; zero where the symbol does not occur.
pub(super) type Lengths = [u8; SYMBOLS];

/// Finds the symbol that the next 15 bits begin with.
pub(super) struct DecodeTable {
    /// For each value of 15 bits, the symbol and the length of its code.
    entries: Vec<(u16, u8)>,
}

impl DecodeTable {
    /// `None` where the codes do not fill the space of codes exactly.
    pub(super) fn new(lengths: &Lengths) -> Option<Self> {
        const SPACE: usize = 1 << MAX_BITS;
        let mut entries = Vec::with_capacity(SPACE);
        for bits in 1..=MAX_BITS {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, length)| **length == bits) {
                let symbol = u16::try_from(symbol).ok()?;
                let filled = entries.len() + (1 << (MAX_BITS - bits));
                if filled > SPACE {
                    return None;
                }
                entries.resize(filled, (symbol, bits));
            }
        }
        (entries.len() == SPACE).then_some(Self { entries })
    }

    /// The symbol and the length of its code, given the next 15 bits.
    pub(super) fn find(&self, bits: u32) -> (usize, u32) {
        let entry = usize::try_from(bits).ok().and_then(|bits| self.entries.get(bits));
        let (symbol, length) = entry.copied().unwrap_or_default();
        (usize::from(symbol), u32::from(length))
    }
}

/// The lengths of the best codes for these frequencies. Where a code would be too long, rare symbols
/// are taken to be a little less rare. At least two symbols must occur.
pub(super) fn lengths_for(frequencies: &[u32; SYMBOLS]) -> Lengths {
    let mut weights = *frequencies;
    loop {
        let lengths = unlimited_lengths(&weights);
        if lengths.iter().all(|length| *length <= MAX_BITS) {
            return lengths;
        }
        for weight in weights.iter_mut().filter(|weight| **weight > 0) {
            *weight = *weight / 2 + 1;
        }
    }
}

/// The code of each symbol, by length and then by number.
pub(super) fn codes(lengths: &Lengths) -> [u16; SYMBOLS] {
    let mut codes = [0; SYMBOLS];
    let mut next = 0u16;
    for bits in 1..=MAX_BITS {
        for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, length)| **length == bits) {
            *code = next;
            next = next.wrapping_add(1);
        }
        next = next.wrapping_shl(1);
    }
    codes
}

/// Huffman's algorithm with two queues: leaves by weight, and the nodes made of them, which come out
/// in the order of their weight.
fn unlimited_lengths(weights: &[u32; SYMBOLS]) -> Lengths {
    let mut leaves: Vec<(u32, usize)> = weights
        .iter()
        .enumerate()
        .filter(|(_, weight)| **weight > 0)
        .map(|(at, weight)| (*weight, at))
        .collect();
    leaves.sort_unstable();
    // Nodes are numbered: leaves first, then inner nodes in the order in which they are made.
    let count = leaves.len();
    let mut node_weights: Vec<u64> = leaves.iter().map(|(weight, _)| u64::from(*weight)).collect();
    let mut parents: Vec<usize> = vec![0; count];
    let (mut leaf, mut inner) = (0, count);
    for made in count..(2 * count).saturating_sub(1) {
        let mut weight = 0;
        for _ in 0..2 {
            let next_leaf = node_weights.get(leaf).filter(|_| leaf < count);
            let next_inner = node_weights.get(inner).filter(|_| inner < made);
            let taken = match (next_leaf, next_inner) {
                (Some(a), Some(b)) if a > b => &mut inner,
                (Some(_), _) => &mut leaf,
                (None, _) => &mut inner,
            };
            weight += node_weights.get(*taken).copied().unwrap_or_default();
            if let Some(parent) = parents.get_mut(*taken) {
                *parent = made;
            }
            *taken += 1;
        }
        node_weights.push(weight);
        parents.push(made);
    }
    // The root is the last node; depths come down from it.
    let mut depths: Vec<u8> = vec![0; parents.len()];
    for node in (0..parents.len()).rev().skip(1) {
        let parent = parents.get(node).copied().unwrap_or_default();
        let depth = depths.get(parent).copied().unwrap_or_default().saturating_add(1);
        if let Some(slot) = depths.get_mut(node) {
            *slot = depth;
        }
    }
    let mut lengths = [0; SYMBOLS];
    for ((_, symbol), depth) in leaves.iter().zip(depths) {
        if let Some(length) = lengths.get_mut(*symbol) {
            *length = depth;
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fill_their_space_however_the_weights_are() {
        let fibonacci = |count: usize| {
            let mut weights = [0; SYMBOLS];
            let (mut a, mut b) = (1u32, 1u32);
            for weight in weights.iter_mut().take(count) {
                *weight = a;
                (a, b) = (b, a.saturating_add(b));
            }
            weights
        };
        let mut cases = vec![[1; SYMBOLS], fibonacci(2), fibonacci(17), fibonacci(24)];
        let mut skewed = [1; SYMBOLS];
        skewed[0] = 65_536;
        cases.push(skewed);
        for weights in cases {
            let lengths = lengths_for(&weights);
            assert!(DecodeTable::new(&lengths).is_some());
            for (weight, length) in weights.iter().zip(lengths) {
                assert_eq!(*weight > 0, length > 0);
            }
        }
    }
}
