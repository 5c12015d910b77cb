//! The compression of shell streams: `xpress`, negotiated with the header `rsp:CompressionType`
//! ([MS-WSMV] 3.1.4.1.31.5).
//!
//! Each payload is a row of chunks of at most 64 KB of plain bytes:
//!
//! ```text
//! +--------------------+------------------------+---------------------------+
//! | plain length - 1   | compressed length - 1  | compressed length bytes   |
//! | u16, little-endian | u16, little-endian     | LZ77+Huffman, or as it is |
//! +--------------------+------------------------+---------------------------+
//! ```
//!
//! Equal lengths mean that the chunk is stored as it is. The chunks are compressed apart from one
//! another by the LZ77+Huffman variant of [MS-XCA] 2.1. What opens a shell (`creationXml`,
//! `connectXml`) is not compressed.

mod bits;
mod huffman;
mod pack;
mod packer;
mod unpack;

pub use pack::Compressor;
pub use packer::{Packer, UnderWay};
pub use unpack::Decompressor;

/// The word in `rsp:CompressionType`.
pub const NAME: &str = "xpress";

/// Plain bytes of a chunk, at most.
const CHUNK: usize = 65_536;
/// Symbols of the alphabet: 256 literals, then 16 x 16 classes of matches.
const SYMBOLS: usize = 512;
/// The symbol that ends a chunk; as a match it would be one of length 3 and distance 1.
const END: usize = 256;
/// Bits of the longest code.
const MAX_BITS: u8 = 15;
/// Bytes of the table of code lengths: four bits a symbol.
const TABLE: usize = SYMBOLS / 2;
/// The shortest match.
const MIN_MATCH: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    /// A chunk of plain bytes with the head that shell streams put before it.
    fn chunk(plain: usize, packed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(u16::try_from(plain - 1).unwrap().to_le_bytes());
        out.extend(u16::try_from(packed.len() - 1).unwrap().to_le_bytes());
        out.extend(packed);
        out
    }

    fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, crate::Error> {
        let mut out = Vec::new();
        Decompressor::new(limit).decompress(packed, &mut out).map(|()| out)
    }

    /// The code lengths of an example, given as runs of (first symbol, lengths).
    fn table(runs: &[(usize, &[u8])]) -> Vec<u8> {
        let mut table = vec![0; TABLE];
        for (first, lengths) in runs {
            for (at, length) in lengths.iter().enumerate() {
                let symbol = first + at;
                table[symbol / 2] |= length << (4 * (symbol % 2));
            }
        }
        table
    }

    #[test]
    fn example_of_literals() {
        // [MS-XCA] 3.2, first example: the alphabet as literals.
        let mut packed = table(&[(97, &[5; 22]), (119, &[4; 4]), (256, &[4])]);
        assert_eq!(packed[48..62], unhex("50 55 55 55 55 55 55 55 55 55 55 45 44 04")[..]);
        packed.extend(unhex("d8 52 3e d7 94 11 5b e9 19 5f f9 d6 7c df 8d 04 00 00 00 00"));
        let plain = unpack(&chunk(26, &packed), 26).unwrap();
        assert_eq!(plain, b"abcdefghijklmnopqrstuvwxyz");
    }

    #[test]
    fn example_of_a_long_match() {
        // [MS-XCA] 3.2, second example: "abc" a hundred times.
        let mut packed = table(&[(97, &[3, 3, 2]), (256, &[2]), (287, &[2])]);
        assert_eq!((packed[48], packed[49], packed[128], packed[143]), (0x30, 0x23, 0x02, 0x20));
        packed.extend(unhex("a8 dc 00 00 ff 26 01"));
        assert_eq!(unpack(&chunk(300, &packed), 300).unwrap(), b"abc".repeat(100));
    }

    #[test]
    fn our_own_output_of_the_examples() {
        for plain in [b"abcdefghijklmnopqrstuvwxyz".to_vec(), b"abc".repeat(100), vec![7; CHUNK], vec![]] {
            let mut packed = Vec::new();
            Compressor::new().compress(&plain, &mut packed);
            assert_eq!(unpack(&packed, plain.len()).unwrap(), plain);
        }
        let mut packed = Vec::new();
        Compressor::new().compress(&b"abc".repeat(100), &mut packed);
        assert!(packed.len() < 275, "{}", packed.len());
    }

    #[test]
    fn limits_hold_and_damage_is_refused() {
        let mut packed = Vec::new();
        let plain = b"the quick brown fox jumps over the lazy dog. ".repeat(4000);
        Compressor::new().compress(&plain, &mut packed);
        assert!(unpack(&packed, plain.len() - 1).is_err());
        assert_eq!(unpack(&packed, plain.len()).unwrap(), plain);
        for cut in [1, 3, 4, 100, 300, packed.len() - 1] {
            assert!(unpack(&packed[..cut], plain.len()).is_err(), "{cut}");
        }
        // A match that reaches back before the chunk.
        let mut early = table(&[(256, &[1]), (273, &[1])]);
        early.extend([0xff; 8]);
        assert!(unpack(&chunk(9, &early), 100).is_err());
        // Codes that do not fill the space of codes, or overfill it.
        for lengths in [&[1u8][..], &[2, 2, 2], &[1, 1, 1], &[]] {
            let mut bad = table(&[(97, lengths)]);
            bad.extend([0; 8]);
            assert!(unpack(&chunk(5, &bad), 100).is_err(), "{lengths:?}");
        }
    }
}
