//! The key of a session and the secrets under it ([MS-PSRP] 2.2.2.3, 2.2.2.4 and 2.2.5.1.24).
//!
//! The client makes an RSA key of 2048 bits and sends its public half as a CAPI PUBLICKEYBLOB; the
//! server makes an AES key of 256 bits and sends it under that RSA key as a CAPI SIMPLEBLOB. Numbers
//! in both are little-endian, the ciphertext of RSA included. Secrets are AES in CBC mode with a zero
//! vector over UTF-16: neither random nor authenticated, so that only an encrypting transport makes
//! them safe.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64_simd::STANDARD as BASE64;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};
use windlass_core::cursor::ReadCursor;
use windlass_core::{Secret, SecretBytes};
use zeroize::Zeroizing;

use crate::error::PsrpError;

const RSA_BITS: usize = 2048;
const RSA_BYTES: usize = RSA_BITS / 8;
const EXPONENT: u32 = 65_537;
const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;

/// PUBLICKEYBLOB, version 2, CALG_RSA_KEYX, then RSAPUBKEY: magic and length in bits.
const PUBLIC_BLOB: [u8; 16] = [6, 2, 0, 0, 0, 0xA4, 0, 0, b'R', b'S', b'A', b'1', 0, 8, 0, 0];
/// SIMPLEBLOB, version 2, CALG_AES_256, then the algorithm of the key around it, CALG_RSA_KEYX.
const SIMPLE_BLOB: [u8; 12] = [1, 2, 0, 0, 0x10, 0x66, 0, 0, 0, 0xA4, 0, 0];

/// The client's RSA key: one for each pool and client.
///
/// Making one takes a noticeable time; programs that must not block make it beforehand and give it to
/// [`crate::ClientPool::set_key_pair`].
#[derive(Debug, Clone)]
pub struct KeyPair(RsaPrivateKey);

impl KeyPair {
    /// Makes a new key from the random numbers of the system.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn generate() -> Result<Self, PsrpError> {
        RsaPrivateKey::new(&mut UnwrapErr(SysRng), RSA_BITS)
            .map(Self)
            .map_err(|_| key_error("RSA key", "it cannot be made"))
    }

    /// Takes a key that was made elsewhere: its two primes, most significant byte first. Its public
    /// exponent is 65537. That they are prime is taken on trust.
    ///
    /// # Errors
    /// When they make no RSA key of 2048 bits.
    pub fn from_primes(p: &[u8], q: &[u8]) -> Result<Self, PsrpError> {
        const REFUSED: PsrpError = key_error("RSA key", "these numbers make no key of 2048 bits");
        let is_candidate =
            |prime: &[u8]| prime.len() == RSA_BYTES / 2 && prime.last().is_some_and(|last| last & 1 == 1);
        if !is_candidate(p) || !is_candidate(q) {
            return Err(REFUSED);
        }
        let number = BoxedUint::from_be_slice_vartime;
        RsaPrivateKey::from_p_q(number(p), number(q), BoxedUint::from(EXPONENT))
            .ok()
            .filter(|key| key.size() == RSA_BYTES)
            .map(Self)
            .ok_or(REFUSED)
    }

    /// The public half, as PUBLIC_KEY carries it: base64 of a PUBLICKEYBLOB.
    pub fn public_blob(&self) -> String {
        let mut blob = PUBLIC_BLOB.to_vec();
        blob.extend(little_endian(self.0.e(), 4));
        blob.extend(little_endian(self.0.n(), RSA_BYTES));
        BASE64.encode_to_string(blob)
    }

    /// Opens what ENCRYPTED_SESSION_KEY carries.
    ///
    /// # Errors
    /// When it is not a SIMPLEBLOB, or holds no key of 256 bits under this RSA key.
    pub fn open(&self, session_key: &str) -> Result<SessionKey, PsrpError> {
        const WHAT: &str = "encrypted session key";
        let blob = BASE64.decode_to_vec(session_key).map_err(|_| key_error(WHAT, "it is not base64"))?;
        let mut cursor = ReadCursor::new(&blob);
        let header = cursor.array::<{ SIMPLE_BLOB.len() }>("SIMPLEBLOB");
        if header != Ok(SIMPLE_BLOB) {
            return Err(key_error(WHAT, "it is no SIMPLEBLOB with an AES-256 key under RSA"));
        }
        let mut sealed = cursor.rest().to_vec();
        if sealed.len() != RSA_BYTES {
            return Err(key_error(WHAT, "it is not 256 bytes long"));
        }
        sealed.reverse();
        let key = self
            .0
            .decrypt_blinded(&mut UnwrapErr(SysRng), Pkcs1v15Encrypt, &sealed)
            .map(SecretBytes::new)
            .map_err(|_| key_error(WHAT, "it is not under this side's RSA key"))?;
        SessionKey::from_bytes(key.expose())
    }
}

/// The AES key of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey(SecretBytes);

impl SessionKey {
    /// Makes a new key from the random numbers of the system.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> Result<Self, PsrpError> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| key_error("session key", "it cannot be made"))?;
        Self::from_bytes(&bytes)
    }

    /// Takes a key of 32 bytes.
    ///
    /// # Errors
    /// When it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PsrpError> {
        if bytes.len() != KEY_BYTES {
            return Err(key_error("session key", "it is not 32 bytes long"));
        }
        Ok(Self(SecretBytes::new(bytes)))
    }

    /// Seals the key for the client whose PUBLIC_KEY is given: base64 of a SIMPLEBLOB.
    ///
    /// # Errors
    /// When the blob is not a PUBLICKEYBLOB with an RSA key of 2048 bits.
    pub fn seal_for(&self, public_blob: &str) -> Result<String, PsrpError> {
        let public = decode_public_blob(public_blob)?;
        let mut sealed = public
            .encrypt(&mut UnwrapErr(SysRng), Pkcs1v15Encrypt, self.0.expose())
            .map_err(|_| key_error("public key", "nothing can be encrypted with it"))?;
        sealed.reverse();
        let mut blob = SIMPLE_BLOB.to_vec();
        blob.extend(sealed);
        Ok(BASE64.encode_to_string(blob))
    }

    /// Encrypts a secret: the text of an `SS` element.
    ///
    /// # Errors
    /// Never for keys of this type; the ciphers' interfaces allow for it.
    pub fn encrypt(&self, secret: &Secret) -> Result<String, PsrpError> {
        let plain = secret.to_utf16_le();
        let length = plain.len();
        let mut buffer = Zeroizing::new(Vec::with_capacity(length + BLOCK_BYTES));
        buffer.extend_from_slice(plain.expose());
        buffer.resize((length / BLOCK_BYTES + 1) * BLOCK_BYTES, 0);
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(self.0.expose(), &[0; BLOCK_BYTES])
            .map_err(|_| key_error("session key", "it is not 32 bytes long"))?;
        let sealed = cipher
            .encrypt_padded::<Pkcs7>(&mut buffer, length)
            .map_err(|_| key_error("secret", "it cannot be padded"))?;
        Ok(BASE64.encode_to_string(sealed))
    }

    /// Decrypts the text of an `SS` element.
    ///
    /// # Errors
    /// When it is not base64, or not UTF-16 under this key.
    pub fn decrypt(&self, text: &str) -> Result<Secret, PsrpError> {
        const WHAT: &str = "secret";
        let decoded = BASE64.decode_to_vec(text).map_err(|_| key_error(WHAT, "it is not base64"))?;
        let mut buffer = Zeroizing::new(decoded);
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(self.0.expose(), &[0; BLOCK_BYTES])
            .map_err(|_| key_error("session key", "it is not 32 bytes long"))?;
        let plain = cipher
            .decrypt_padded::<Pkcs7>(&mut buffer)
            .map_err(|_| key_error(WHAT, "it is not under the session key"))?;
        utf16_secret(plain)
    }
}

/// The text of an `SS` element in protocol 2.4: base64 of UTF-16, protected by the transport alone.
pub fn encode_plain(secret: &Secret) -> String {
    BASE64.encode_to_string(secret.to_utf16_le().expose())
}

/// Reads the text of an `SS` element in protocol 2.4.
///
/// # Errors
/// When it is not base64 of UTF-16.
pub fn decode_plain(text: &str) -> Result<Secret, PsrpError> {
    let bytes = BASE64.decode_to_vec(text).map_err(|_| key_error("secret", "it is not base64"))?;
    let bytes = SecretBytes::new(bytes);
    utf16_secret(bytes.expose())
}

fn decode_public_blob(text: &str) -> Result<RsaPublicKey, PsrpError> {
    const WHAT: &str = "public key";
    let blob = BASE64.decode_to_vec(text).map_err(|_| key_error(WHAT, "it is not base64"))?;
    let mut cursor = ReadCursor::new(&blob);
    if cursor.array::<{ PUBLIC_BLOB.len() }>("PUBLICKEYBLOB") != Ok(PUBLIC_BLOB) {
        return Err(key_error(WHAT, "it is no PUBLICKEYBLOB with an RSA key of 2048 bits"));
    }
    let exponent = cursor.u32_le("pubexp").map_err(|_| key_error(WHAT, "it has no exponent"))?;
    let modulus = cursor.rest();
    if modulus.len() != RSA_BYTES {
        return Err(key_error(WHAT, "its modulus is not 256 bytes long"));
    }
    let modulus = BoxedUint::from_le_slice_vartime(modulus);
    RsaPublicKey::new(modulus, BoxedUint::from(exponent)).map_err(|_| key_error(WHAT, "it is no RSA key"))
}

fn little_endian(number: &BoxedUint, length: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().into_vec();
    bytes.reverse();
    bytes.resize(length, 0);
    bytes
}

fn utf16_secret(bytes: &[u8]) -> Result<Secret, PsrpError> {
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(key_error("secret", "it is not UTF-16"));
    }
    let units = units.iter().map(|&unit| u16::from_le_bytes(unit));
    // Twice the number of units holds the text without moving it, which would leave copies behind.
    let mut text = String::with_capacity(bytes.len() * 2);
    for character in char::decode_utf16(units) {
        text.push(character.map_err(|_| key_error("secret", "it is not UTF-16"))?);
    }
    Ok(Secret::new(text))
}

const fn key_error(what: &'static str, reason: &'static str) -> PsrpError {
    PsrpError::Key { what, reason }
}
