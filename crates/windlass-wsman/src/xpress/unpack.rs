//! Decompression ([MS-XCA] 2.2.4).

use windlass_core::cursor::ReadCursor;

use super::bits::{BitReader, cut_short};
use super::huffman::{DecodeTable, Lengths};
use super::{CHUNK, END, MAX_BITS, MIN_MATCH, SYMBOLS, TABLE};
use crate::error::Error;

/// Decompresses the payloads of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Decompressor {
    limit: usize,
}

impl Decompressor {
    /// A decompressor that gives out at most so many bytes for one payload.
    pub fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// Appends the plain bytes of a payload to a buffer of the caller's.
    ///
    /// # Errors
    /// A payload that is damaged, or holds more than the limit; the buffer is then as it was before.
    pub fn decompress(&self, packed: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let before = out.len();
        self.decompress_chunks(packed, out).inspect_err(|_| out.truncate(before))
    }

    fn decompress_chunks(&self, packed: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let before = out.len();
        let mut source = ReadCursor::new(packed);
        while !source.is_empty() {
            let offset = source.position();
            let mut length = |field| source.u16_le(field).map_err(|_| cut_short(offset));
            let plain = usize::from(length("plain length")?) + 1;
            let packed = usize::from(length("compressed length")?) + 1;
            if out.len() - before + plain > self.limit {
                return Err(Error::Xpress { problem: "the plain bytes pass the limit", offset });
            }
            let data = source.take(packed, "chunk").map_err(|_| cut_short(offset))?;
            if plain == packed {
                out.extend_from_slice(data);
            } else {
                decompress_chunk(data, plain, out)?;
            }
        }
        Ok(())
    }
}

/// Decompresses one chunk that holds `plain` bytes, at most 64 KB: so there is one table in it.
fn decompress_chunk(packed: &[u8], plain: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    debug_assert!(plain <= CHUNK, "longer chunks have several tables");
    let mut source = ReadCursor::new(packed);
    let table = source.take(TABLE, "code lengths").map_err(|_| cut_short(0))?;
    let mut lengths: Lengths = [0; SYMBOLS];
    for (pair, byte) in lengths.chunks_exact_mut(2).zip(table) {
        pair.copy_from_slice(&[byte & 15, byte >> 4]);
    }
    let table = DecodeTable::new(&lengths)
        .ok_or(Error::Xpress { problem: "the code lengths are no complete code", offset: 0 })?;
    let mut bits = BitReader::new(source);
    let start = out.len();
    let end = start + plain;
    out.reserve(plain);
    while out.len() < end {
        let (symbol, length) = table.find(bits.peek(u32::from(MAX_BITS)));
        bits.skip(length);
        if let Ok(literal) = u8::try_from(symbol) {
            out.push(literal);
        } else {
            copy_match(symbol - END, &mut bits, start, end, out)?;
        }
    }
    Ok(())
}

/// Copies what a match refers to; `class` is its symbol, counted from the first one of matches.
fn copy_match(
    class: usize,
    bits: &mut BitReader<'_>,
    start: usize,
    end: usize,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let offset = bits.position();
    let problem = |problem| Error::Xpress { problem, offset };
    let mut length = class % 16;
    if length == 15 {
        length = match bits.byte()? {
            255 => usize::from(bits.double()?),
            more => usize::from(more) + 15,
        };
        if length < 15 {
            return Err(problem("a match has an impossible length"));
        }
    }
    length += MIN_MATCH;
    let distance_bits = u32::try_from(class / 16).unwrap_or_default();
    let low = usize::try_from(bits.peek(distance_bits)).unwrap_or_default();
    let distance = (1 << distance_bits) + low;
    bits.skip(distance_bits);
    let from = out.len().checked_sub(distance).filter(|from| *from >= start);
    let from = from.ok_or_else(|| problem("a match reaches back before the chunk"))?;
    if out.len() + length > end {
        return Err(problem(match bits.word_missing() {
            true => "the stream is cut short",
            false => "a match reaches beyond the chunk",
        }));
    }
    if distance >= length {
        out.extend_from_within(from..from + length);
        return Ok(());
    }
    // The match overlaps what it produces: it repeats the last `distance` bytes.
    let target = out.len() + length;
    while out.len() < target {
        let ready = (out.len() - from).min(target - out.len());
        out.extend_from_within(from..from + ready);
    }
    Ok(())
}
