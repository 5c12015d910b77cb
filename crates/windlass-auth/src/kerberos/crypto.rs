//! Keys and encryption: the profile of [RFC 3961] with the AES of [RFC 3962].

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use windlass_core::{Secret, SecretBytes, ct_eq};
use zeroize::Zeroizing;

use super::NAME;
use super::aes_cts::{Aes, BLOCK};
use crate::AuthError;

/// The size of a checksum: HMAC-SHA1, cut to 96 bits.
pub(super) const MAC: usize = 12;
/// PBKDF2 rounds where the KDC does not say ([RFC 3962] section 4).
const DEFAULT_ROUNDS: u32 = 4096;
/// A KDC that asks for more rounds than this only wants to keep the client busy.
const MAX_ROUNDS: u32 = 1 << 20;

/// A kind of key that this crate can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enctype {
    /// `aes128-cts-hmac-sha1-96`.
    Aes128,
    /// `aes256-cts-hmac-sha1-96`.
    Aes256,
}

impl Enctype {
    /// The kinds in the order in which they are asked for.
    pub const ALL: [Self; 2] = [Self::Aes256, Self::Aes128];

    /// Its number ([RFC 3962] section 7).
    pub fn number(self) -> i32 {
        match self {
            Self::Aes128 => 17,
            Self::Aes256 => 18,
        }
    }

    /// The kind with this number, if it is one of these.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|enctype| enctype.number() == number)
    }

    /// The number of its checksum, `hmac-sha1-96-aes128` or `hmac-sha1-96-aes256`.
    pub(super) fn checksum_number(self) -> i32 {
        match self {
            Self::Aes128 => 15,
            Self::Aes256 => 16,
        }
    }

    /// The length of its keys, in bytes.
    pub fn key_size(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

/// What an encryption type is called, for messages.
pub(super) fn enctype_name(number: i32) -> String {
    let name = match number {
        1 | 3 => "DES",
        16 => "des3-cbc-sha1",
        17 => "aes128-cts-hmac-sha1-96",
        18 => "aes256-cts-hmac-sha1-96",
        19 => "aes128-cts-hmac-sha256-128",
        20 => "aes256-cts-hmac-sha384-192",
        23 | 24 => "arcfour-hmac (RC4)",
        25 => "camellia128-cts-cmac",
        26 => "camellia256-cts-cmac",
        _ => return format!("encryption type {number}"),
    };
    name.to_owned()
}

/// A key and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    enctype: Enctype,
    bytes: SecretBytes,
}

impl Key {
    /// A key of this kind, if the bytes are as many as the kind has.
    pub fn new(enctype: Enctype, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == enctype.key_size()).then(|| Self { enctype, bytes: SecretBytes::new(bytes) })
    }

    /// A fresh key.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random(enctype: Enctype) -> Result<Self, AuthError> {
        let bytes = Zeroizing::new(random::<32>()?);
        let bytes = bytes.get(..enctype.key_size()).unwrap_or_default();
        Ok(Self { enctype, bytes: SecretBytes::new(bytes) })
    }

    /// The key of a password ([RFC 3962] section 4). `rounds` is what the KDC says, if it does.
    ///
    /// # Errors
    /// More rounds than any realm has use for.
    pub fn from_password(
        enctype: Enctype,
        password: &Secret,
        salt: &[u8],
        rounds: Option<u32>,
    ) -> Result<Self, AuthError> {
        let rounds = rounds.unwrap_or(DEFAULT_ROUNDS);
        if rounds == 0 || rounds > MAX_ROUNDS {
            return Err(AuthError::Policy {
                mechanism: NAME,
                reason: "the KDC asks for more PBKDF2 rounds than are reasonable",
            });
        }
        let mut seed = Zeroizing::new(vec![0; enctype.key_size()]);
        pbkdf2::pbkdf2_hmac::<Sha1>(password.expose().as_bytes(), salt, rounds, &mut seed);
        Ok(Self { enctype, bytes: derive(&Aes::new(&seed), enctype, b"kerberos") })
    }

    /// Its kind.
    pub fn enctype(&self) -> Enctype {
        self.enctype
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &SecretBytes {
        &self.bytes
    }

    /// Encrypts a message for a purpose. Purposes are numbered in [RFC 4120] section 7.5.1.
    pub(super) fn encrypt(&self, usage: u32, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        let mut confounder = random::<BLOCK>()?;
        let mut data = plain.to_vec();
        let mac = UsageKey::new(self, usage).seal(&mut confounder, Pieces::only(&mut data));
        let mut out = Vec::with_capacity(data.len() + BLOCK + MAC);
        out.extend_from_slice(&confounder);
        out.extend_from_slice(&data);
        out.extend_from_slice(&mac);
        Ok(out)
    }

    /// Decrypts a message. `None` if it is too short or was not encrypted with this key for this purpose.
    pub(super) fn decrypt(&self, usage: u32, cipher: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (confounder, rest) = cipher.split_first_chunk::<BLOCK>()?;
        let (data, mac) = rest.split_last_chunk::<MAC>()?;
        let (mut confounder, mut data) = (*confounder, Zeroizing::new(data.to_vec()));
        let genuine = UsageKey::new(self, usage).open(&mut confounder, Pieces::only(&mut data), mac);
        genuine.then_some(data)
    }

    /// A keyed checksum for a purpose.
    pub(super) fn checksum(&self, usage: u32, parts: &[&[u8]]) -> [u8; MAC] {
        ChecksumKey::new(self, usage).compute(parts)
    }
}

/// The keys for encrypting for one purpose.
pub(super) struct UsageKey {
    cipher: Aes,
    mac: Hmac<Sha1>,
}

/// A message in pieces, encrypted in place: `before` and `after` are covered by the checksum alone.
pub(super) struct Pieces<'a> {
    pub(super) before: &'a [u8],
    pub(super) data: &'a mut [u8],
    pub(super) after: &'a [u8],
    /// Encrypted behind the data.
    pub(super) tail: &'a mut [u8],
}

impl<'a> Pieces<'a> {
    pub(super) fn only(data: &'a mut [u8]) -> Self {
        Self { before: &[], data, after: &[], tail: &mut [] }
    }
}

impl UsageKey {
    pub(super) fn new(key: &Key, usage: u32) -> Self {
        let base = Aes::new(key.bytes.expose());
        let encryption = derive(&base, key.enctype, &constant(usage, 0xAA));
        let integrity = derive(&base, key.enctype, &constant(usage, 0x55));
        Self { cipher: Aes::new(encryption.expose()), mac: hmac(integrity.expose()) }
    }

    /// Encrypts in place and gives the checksum.
    pub(super) fn seal(&self, confounder: &mut [u8; BLOCK], pieces: Pieces<'_>) -> [u8; MAC] {
        let mac = self.checksum(confounder, &pieces);
        let Pieces { data, tail, .. } = pieces;
        self.cipher.encrypt_pieces(confounder, data, tail);
        mac
    }

    /// Decrypts in place and says whether the checksum is right.
    pub(super) fn open(&self, confounder: &mut [u8; BLOCK], pieces: Pieces<'_>, mac: &[u8; MAC]) -> bool {
        let Pieces { before, data, after, tail } = pieces;
        self.cipher.decrypt_pieces(confounder, data, tail);
        ct_eq(&self.checksum(confounder, &Pieces { before, data, after, tail }), mac)
    }

    fn checksum(&self, confounder: &[u8; BLOCK], pieces: &Pieces<'_>) -> [u8; MAC] {
        let mut mac = self.mac.clone();
        for part in [&confounder[..], pieces.before, pieces.data, pieces.after, pieces.tail] {
            mac.update(part);
        }
        shorten(mac)
    }
}

/// The key for checksums for one purpose.
pub(super) struct ChecksumKey(Hmac<Sha1>);

impl ChecksumKey {
    pub(super) fn new(key: &Key, usage: u32) -> Self {
        let derived = derive(&Aes::new(key.bytes.expose()), key.enctype, &constant(usage, 0x99));
        Self(hmac(derived.expose()))
    }

    pub(super) fn compute(&self, parts: &[&[u8]]) -> [u8; MAC] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        shorten(mac)
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha1> {
    // An HMAC takes keys of any length; the fallback cannot be reached.
    Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn shorten(mac: Hmac<Sha1>) -> [u8; MAC] {
    let full: [u8; 20] = mac.finalize().into_bytes().into();
    full.first_chunk().copied().unwrap_or_default()
}

fn constant(usage: u32, purpose: u8) -> [u8; 5] {
    let [a, b, c, d] = usage.to_be_bytes();
    [a, b, c, d, purpose]
}

/// DK ([RFC 3961] section 5.1).
fn derive(base: &Aes, enctype: Enctype, constant: &[u8]) -> SecretBytes {
    let mut block = n_fold(constant);
    let mut out = Zeroizing::new(Vec::with_capacity(32));
    while out.len() < enctype.key_size() {
        base.encrypt_blocks(&[0; BLOCK], &mut block);
        out.extend_from_slice(&block);
    }
    SecretBytes::new(out.to_vec())
}

/// The 128-fold of a string ([RFC 3961] section 5.1): copies of it, each rotated by 13 bits more than the
/// one before, are laid end to end and added up in ones' complement.
fn n_fold(input: &[u8]) -> [u8; BLOCK] {
    let bits = input.len() * 8;
    if bits == 0 {
        return [0; BLOCK];
    }
    let bit = |position: usize| {
        let (copy, offset) = (position / bits, position % bits);
        // Rotating right by 13 a copy, reckoned without going below zero.
        let source = (offset + bits - (13 * copy) % bits) % bits;
        let octet = input.get(source / 8).copied().unwrap_or_default();
        u128::from(octet >> (7 - source % 8) & 1)
    };
    let mut sum: u128 = 0;
    let total = bits / gcd(bits, 128) * 128;
    for start in (0..total).step_by(128) {
        let term = (start..start + 128).fold(0, |term, position| term << 1 | bit(position));
        let (wrapped, carry) = sum.overflowing_add(term);
        sum = wrapped + u128::from(carry);
    }
    sum.to_be_bytes()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AuthError::Random)?;
    Ok(bytes)
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

    /// [RFC 3961] A.1.
    #[test]
    fn folds_of_the_specification() {
        assert_eq!(n_fold(b"kerberos").to_vec(), hex("6b65726265726f737b9b5b2b93132b93"));
    }

    /// [RFC 3962] appendix B.
    #[test]
    fn keys_of_passwords_of_the_specification() {
        let (password, salt) = (Secret::new("password"), b"ATHENA.MIT.EDUraeburn");
        for (rounds, enctype, expected) in [
            (1, Enctype::Aes128, "42263c6e89f4fc28b8df68ee09799f15"),
            (1, Enctype::Aes256, "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161"),
            (1200, Enctype::Aes128, "4c01cd46d632d01e6dbe230a01ed642a"),
            (1200, Enctype::Aes256, "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a"),
        ] {
            let key = Key::from_password(enctype, &password, salt, Some(rounds)).unwrap();
            assert_eq!(key.bytes().expose(), hex(expected), "{rounds} rounds");
        }
        assert!(Key::from_password(Enctype::Aes256, &password, salt, Some(0)).is_err());
        assert!(Key::from_password(Enctype::Aes256, &password, salt, Some(u32::MAX)).is_err());
    }

    #[test]
    fn altered_and_short_ciphertexts_are_refused() {
        let key = Key::new(Enctype::Aes256, &[3; 32]).unwrap();
        let good = key.encrypt(2, b"a message of more than one block").unwrap();
        assert_eq!(&**key.decrypt(2, &good).unwrap(), b"a message of more than one block");
        assert!(key.decrypt(3, &good).is_none());
        for length in 0..good.len() {
            assert!(key.decrypt(2, &good[..length]).is_none(), "cut at {length}");
            let mut bad = good.clone();
            bad[length] ^= 1;
            assert!(key.decrypt(2, &bad).is_none(), "byte {length} altered");
        }
    }
}
