//! AES in CBC mode with ciphertext stealing ([RFC 3962] section 5), over messages in pieces.

use aes::cipher::{Array, BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
use aes::{Aes128, Aes256};
use zeroize::Zeroizing;

/// The size of an AES block, of a confounder and of an initial vector.
pub(super) const BLOCK: usize = 16;
/// The length of the shorter kind of key; the other is twice as long.
const SHORT_KEY: usize = 16;

/// A key, set up.
pub(super) enum Aes {
    Short(Box<Aes128>),
    Long(Box<Aes256>),
}

impl Aes {
    pub(super) fn new(key: &[u8]) -> Self {
        // Keys have one of two lengths by construction; the fallbacks cannot be reached.
        if key.len() == SHORT_KEY {
            let cipher = Aes128::new_from_slice(key).unwrap_or_else(|_| Aes128::new(&Default::default()));
            Self::Short(Box::new(cipher))
        } else {
            let cipher = Aes256::new_from_slice(key).unwrap_or_else(|_| Aes256::new(&Default::default()));
            Self::Long(Box::new(cipher))
        }
    }

    /// CBC over whole blocks.
    pub(super) fn encrypt_blocks(&self, iv: &[u8; BLOCK], data: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        match self {
            Self::Short(cipher) => {
                cbc::Encryptor::inner_iv_init(&**cipher, iv.into()).encrypt_blocks(blocks);
            }
            Self::Long(cipher) => {
                cbc::Encryptor::inner_iv_init(&**cipher, iv.into()).encrypt_blocks(blocks);
            }
        }
    }

    fn decrypt_blocks(&self, iv: &[u8; BLOCK], data: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        match self {
            Self::Short(cipher) => {
                cbc::Decryptor::inner_iv_init(&**cipher, iv.into()).decrypt_blocks(blocks);
            }
            Self::Long(cipher) => {
                cbc::Decryptor::inner_iv_init(&**cipher, iv.into()).decrypt_blocks(blocks);
            }
        }
    }

    /// Encrypts head, data and tail as one string. The bulk of the data is encrypted where it is; only
    /// what the ciphertext stealing shuffles goes through a buffer.
    pub(super) fn encrypt_pieces(&self, head: &mut [u8; BLOCK], data: &mut [u8], tail: &mut [u8]) {
        match split_for_stealing(data.len(), tail.len()) {
            None => {
                let mut all = gather(&[head, data, tail]);
                self.encrypt_stealing(&[0; BLOCK], &mut all);
                scatter(&all, &mut [head, data, tail]);
            }
            Some(bulk) => {
                let (bulk, end) = data.split_at_mut(bulk);
                self.encrypt_blocks(&[0; BLOCK], head);
                self.encrypt_blocks(head, bulk);
                let iv = *bulk.last_chunk().unwrap_or(head);
                let mut rest = gather(&[end, tail]);
                self.encrypt_stealing(&iv, &mut rest);
                scatter(&rest, &mut [end, tail]);
            }
        }
    }

    /// The reverse.
    pub(super) fn decrypt_pieces(&self, head: &mut [u8; BLOCK], data: &mut [u8], tail: &mut [u8]) {
        match split_for_stealing(data.len(), tail.len()) {
            None => {
                let mut all = gather(&[head, data, tail]);
                self.decrypt_stealing(&[0; BLOCK], &mut all);
                scatter(&all, &mut [head, data, tail]);
            }
            Some(bulk) => {
                let (bulk, end) = data.split_at_mut(bulk);
                let iv = *bulk.last_chunk().unwrap_or(head);
                let mut rest = gather(&[end, tail]);
                self.decrypt_stealing(&iv, &mut rest);
                scatter(&rest, &mut [end, tail]);
                let iv = *head;
                self.decrypt_blocks(&iv, bulk);
                self.decrypt_blocks(&[0; BLOCK], head);
            }
        }
    }

    /// CBC over at least one block; of more than one, the last two change places and the last may be
    /// short.
    fn encrypt_stealing(&self, iv: &[u8; BLOCK], data: &mut Zeroizing<Vec<u8>>) {
        let length = data.len();
        data.resize(length.next_multiple_of(BLOCK), 0);
        self.encrypt_blocks(iv, data);
        if let Some((rest, last)) = data.split_last_chunk_mut::<BLOCK>()
            && let Some(previous) = rest.last_chunk_mut::<BLOCK>()
        {
            std::mem::swap(previous, last);
        }
        data.truncate(length);
    }

    fn decrypt_stealing(&self, iv: &[u8; BLOCK], data: &mut Zeroizing<Vec<u8>>) {
        let length = data.len();
        data.resize(length.next_multiple_of(BLOCK), 0);
        if let Some((rest, last)) = data.split_last_chunk_mut::<BLOCK>()
            && let Some(previous) = rest.last_chunk_mut::<BLOCK>()
        {
            let short = length - rest_length(length);
            let mut opened = *previous;
            self.decrypt_blocks(&[0; BLOCK], &mut opened);
            // What was stolen from the last but one block is found in the last one.
            for (own, stolen) in last.iter_mut().zip(&opened).skip(short) {
                *own = *stolen;
            }
            std::mem::swap(previous, last);
        }
        self.decrypt_blocks(iv, data);
        data.truncate(length);
    }
}

/// How many bytes come before the last block, which may be short.
fn rest_length(length: usize) -> usize {
    length.saturating_sub(1) / BLOCK * BLOCK
}

/// How many bytes of the data, whole blocks, are out of the reach of the ciphertext stealing. `None` if
/// the head itself is not.
fn split_for_stealing(data: usize, tail: usize) -> Option<usize> {
    let mut keep = data % BLOCK;
    while keep + tail <= BLOCK {
        keep += BLOCK;
    }
    data.checked_sub(keep)
}

fn gather(pieces: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut all = Zeroizing::new(Vec::with_capacity(length.next_multiple_of(BLOCK)));
    for piece in pieces {
        all.extend_from_slice(piece);
    }
    all
}

fn scatter(all: &[u8], pieces: &mut [&mut [u8]]) {
    let mut bytes = all.iter();
    for place in pieces.iter_mut().flat_map(|piece| piece.iter_mut()) {
        if let Some(byte) = bytes.next() {
            *place = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// [RFC 3962] appendix B: "chicken teriyaki".
    #[test]
    fn ciphertexts_of_the_specification() {
        let aes = Aes::new(b"chicken teriyaki");
        let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
        for (length, expected) in [
            (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
            (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
            (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
            (
                47,
                "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5",
            ),
            (
                48,
                "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8",
            ),
            (
                64,
                "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
            ),
        ] {
            let mut data = Zeroizing::new(text[..length].to_vec());
            aes.encrypt_stealing(&[0; BLOCK], &mut data);
            assert_eq!(*data, hex(expected), "{length} bytes");
            aes.decrypt_stealing(&[0; BLOCK], &mut data);
            assert_eq!(*data, text[..length], "{length} bytes");
        }
    }

    #[test]
    fn pieces_are_encrypted_as_if_they_were_one() {
        let aes = Aes::new(&[9; 32]);
        for length in 0..70 {
            for tail in [0, 5, 16, 17, 32, 33] {
                let whole: Vec<u8> = (0..).take(BLOCK + length + tail).collect();
                let mut expected = Zeroizing::new(whole.clone());
                aes.encrypt_stealing(&[0; BLOCK], &mut expected);
                let mut head: [u8; BLOCK] = whole[..BLOCK].try_into().unwrap();
                let mut data = whole[BLOCK..BLOCK + length].to_vec();
                let mut end = whole[BLOCK + length..].to_vec();
                aes.encrypt_pieces(&mut head, &mut data, &mut end);
                assert_eq!([&head[..], &data, &end].concat(), *expected, "{length} and {tail}");
                aes.decrypt_pieces(&mut head, &mut data, &mut end);
                assert_eq!([&head[..], &data, &end].concat(), whole, "{length} and {tail}");
            }
        }
    }
}
