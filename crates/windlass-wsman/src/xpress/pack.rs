//! Compression ([MS-XCA] 2.1.4).

use super::bits::BitWriter;
use super::huffman::{codes, lengths_for};
use super::{CHUNK, END, MIN_MATCH, SYMBOLS};

/// How many earlier places are tried for a match.
const CHAIN: usize = 24;
/// A match as long as this is taken without looking further, and only so many of its places are remembered.
const GOOD_MATCH: usize = 64;
/// A match of the least length is shorter than its literals only where it reaches back less than this.
const NEAR: usize = 1 << 8;
/// After so many places without a match, one place more is passed over each time: what does not get shorter is
/// not searched in vain.
const PATIENCE: usize = 32;
const HASH_BITS: u32 = 14;
/// Marks the end of a chain of places.
const NOWHERE: u32 = u32::MAX;

/// Compresses the payloads of a stream. It holds only working space: payloads do not depend on one
/// another.
#[derive(Debug, Clone)]
pub struct Compressor {
    /// For each hash, the last place it was seen at.
    heads: Vec<u32>,
    /// For each place, the one before it with the same hash.
    chain: Vec<u32>,
    tokens: Vec<Token>,
    packed: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Token {
    Literal(u8),
    Match { length: usize, distance: usize },
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// A compressor.
    pub fn new() -> Self {
        Self {
            heads: vec![NOWHERE; 1 << HASH_BITS],
            chain: Vec::new(),
            tokens: Vec::new(),
            packed: Vec::new(),
        }
    }

    /// Appends a payload with these plain bytes to a buffer of the caller's. Chunks that do not become
    /// shorter are stored as they are.
    pub fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        for chunk in plain.chunks(CHUNK) {
            self.packed.clear();
            self.find_tokens(chunk);
            self.encode_tokens();
            let stored = self.packed.len() >= chunk.len();
            put(chunk.len(), if stored { chunk } else { &self.packed }, out);
        }
    }

    /// Finds literals and matches, greedily.
    fn find_tokens(&mut self, chunk: &[u8]) {
        self.heads.fill(NOWHERE);
        self.chain.clear();
        self.chain.resize(chunk.len(), NOWHERE);
        self.tokens.clear();
        let (mut at, mut misses) = (0, 0);
        while at < chunk.len() {
            let (length, distance) = self.best_match(chunk, at);
            let end = if length > MIN_MATCH || length == MIN_MATCH && distance < NEAR {
                misses = 0;
                self.tokens.push(Token::Match { length, distance });
                at + length
            } else {
                misses += 1;
                let passed = chunk.iter().skip(at).take(1 + misses / PATIENCE);
                self.tokens.extend(passed.clone().copied().map(Token::Literal));
                at + passed.len()
            };
            for place in at..end.min(at + GOOD_MATCH) {
                self.remember(chunk, place);
            }
            at = end;
        }
    }

    fn best_match(&self, chunk: &[u8], at: usize) -> (usize, usize) {
        let mut best = (0, 0);
        let Some(hash) = hash(chunk, at) else { return best };
        let here = chunk.get(at..).unwrap_or_default();
        let mut place = self.heads.get(hash).copied().unwrap_or(NOWHERE);
        for _ in 0..CHAIN {
            let Some(from) = usize::try_from(place).ok().filter(|from| *from < at) else { break };
            let there = chunk.get(from..).unwrap_or_default();
            let length = common(here, there);
            if length > best.0 {
                best = (length, at - from);
                if length >= GOOD_MATCH {
                    break;
                }
            }
            place = self.chain.get(from).copied().unwrap_or(NOWHERE);
        }
        best
    }

    fn remember(&mut self, chunk: &[u8], place: usize) {
        let Some(hash) = hash(chunk, place) else { return };
        let Ok(number) = u32::try_from(place) else { return };
        if let (Some(head), Some(link)) = (self.heads.get_mut(hash), self.chain.get_mut(place)) {
            *link = std::mem::replace(head, number);
        }
    }

    fn encode_tokens(&mut self) {
        let mut frequencies = [0u32; SYMBOLS];
        for symbol in self.tokens.iter().map(|token| token.symbol()).chain([END]) {
            if let Some(frequency) = frequencies.get_mut(symbol) {
                *frequency += 1;
            }
        }
        let lengths = lengths_for(&frequencies);
        let codes = codes(&lengths);
        for pair in lengths.chunks_exact(2) {
            if let [low, high] = pair {
                self.packed.push(low | high << 4);
            }
        }
        let mut bits = BitWriter::new(&mut self.packed);
        let put = |bits: &mut BitWriter<'_>, symbol: usize| {
            if let (Some(code), Some(length)) = (codes.get(symbol), lengths.get(symbol)) {
                bits.bits(u32::from(*code), u32::from(*length));
            }
        };
        for token in &self.tokens {
            put(&mut bits, token.symbol());
            if let Token::Match { length, distance } = token {
                write_length(length - MIN_MATCH, &mut bits);
                let high = distance.ilog2();
                bits.bits(u32::try_from(distance - (1 << high)).unwrap_or_default(), high);
            }
        }
        put(&mut bits, END);
        bits.finish();
    }
}

/// Appends a payload with these plain bytes, stored as they are.
pub(super) fn store(plain: &[u8], out: &mut Vec<u8>) {
    for chunk in plain.chunks(CHUNK) {
        put(chunk.len(), chunk, out);
    }
}

/// Appends a chunk of so many plain bytes.
fn put(plain: usize, data: &[u8], out: &mut Vec<u8>) {
    for length in [plain, data.len()] {
        let length = u16::try_from(length - 1).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(data);
}

impl Token {
    /// The symbol: the literal, or the class of the match by its length and its distance.
    fn symbol(self) -> usize {
        match self {
            Self::Literal(byte) => usize::from(byte),
            Self::Match { length, distance } => {
                let high = usize::try_from(distance.ilog2()).unwrap_or_default();
                END + high * 16 + (length - MIN_MATCH).min(15)
            }
        }
    }
}

/// What the symbol does not say of a length, in whole bytes.
fn write_length(length: usize, bits: &mut BitWriter<'_>) {
    let Some(rest) = length.checked_sub(15) else { return };
    match u8::try_from(rest) {
        Ok(rest) if rest < 255 => bits.bytes(&[rest]),
        _ => {
            let [low, high] = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
            bits.bytes(&[255, low, high]);
        }
    }
}

/// How many bytes both begin with.
fn common(here: &[u8], there: &[u8]) -> usize {
    let (left, right) = (here.as_chunks::<8>().0, there.as_chunks::<8>().0);
    let mut length = 0;
    for (left, right) in left.iter().zip(right) {
        let differing = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if differing != 0 {
            return length + usize::try_from(differing.trailing_zeros() / 8).unwrap_or_default();
        }
        length += 8;
    }
    let rest = here.iter().skip(length).zip(there.iter().skip(length));
    length + rest.take_while(|(a, b)| a == b).count()
}

/// A number for the three bytes at a place.
fn hash(chunk: &[u8], at: usize) -> Option<usize> {
    let [a, b, c] = chunk.get(at..at + 3)?.try_into().ok()?;
    let value = u32::from_le_bytes([a, b, c, 0]);
    usize::try_from(value.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)).ok()
}
