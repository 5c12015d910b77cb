//! [MS-NLMP] 3.3.2 (NTLM v2 authentication) and 3.4.5 (keys).

use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;
use windlass_core::{Secret, SecretBytes};
use zeroize::Zeroizing;

use super::rc4_md5::Rc4;
use crate::AuthError;

/// A key of 128 bits, wiped when dropped.
pub(super) type Key = Zeroizing<[u8; 16]>;

/// NTOWFv1: MD4 of the password in UTF-16. Whoever knows it can log on with NTLM.
pub fn nt_hash(password: &Secret) -> SecretBytes {
    SecretBytes::new(Md4::digest(password.to_utf16_le().expose()).to_vec())
}

/// NTOWFv2: the key of the response.
pub(super) fn nt_owf_v2(nt_hash: &SecretBytes, user: &str, domain: &str) -> Key {
    let identity: Vec<u8> =
        user.encode_utf16().map(upper).chain(domain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    hmac_md5(nt_hash.expose(), &[&identity])
}

/// Upper case as Windows has it: one unit for one unit, nothing outside the basic plane.
fn upper(unit: u16) -> u16 {
    let Some(character) = char::from_u32(u32::from(unit)) else { return unit };
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => u16::try_from(u32::from(single)).unwrap_or(unit),
        _ => unit,
    }
}

/// NTProofStr: what proves the knowledge of the password.
pub(super) fn nt_proof(response_key: &Key, server_challenge: [u8; 8], client_challenge: &[u8]) -> Key {
    hmac_md5(&response_key[..], &[&server_challenge, client_challenge])
}

/// SessionBaseKey, which with NTLM v2 is the KeyExchangeKey too.
pub(super) fn session_base_key(response_key: &Key, proof: &Key) -> Key {
    hmac_md5(&response_key[..], &[&proof[..]])
}

/// HMAC_MD5 over the concatenation of the parts.
pub(super) fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> Key {
    // An HMAC takes keys of any length; the fallback cannot be reached.
    let mut mac = Hmac::<Md5>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// RC4K: the 16 bytes under a fresh cipher with this key.
pub(super) fn rc4k(key: &Key, data: &[u8; 16]) -> Key {
    let mut out = Zeroizing::new(*data);
    Rc4::new(key).apply(&mut out[..]);
    out
}

/// Who sends the messages that a key protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// SIGNKEY with extended session security.
pub(super) fn sign_key(session_key: &Key, sender: Sender) -> Key {
    derived(
        session_key,
        match sender {
            Sender::Client => b"session key to client-to-server signing key magic constant\0",
            Sender::Server => b"session key to server-to-client signing key magic constant\0",
        },
    )
}

/// SEALKEY with extended session security and 128-bit keys.
pub(super) fn seal_key(session_key: &Key, sender: Sender) -> Key {
    derived(
        session_key,
        match sender {
            Sender::Client => b"session key to client-to-server sealing key magic constant\0",
            Sender::Server => b"session key to server-to-client sealing key magic constant\0",
        },
    )
}

fn derived(session_key: &Key, constant: &[u8]) -> Key {
    let mut hash = Md5::new();
    hash.update(&session_key[..]);
    hash.update(constant);
    Zeroizing::new(hash.finalize().into())
}

/// Bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AuthError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    //! [MS-NLMP] 4.2.1 (common values) and 4.2.4 (NTLM v2).

    use super::*;

    const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];

    fn response_key() -> Key {
        nt_owf_v2(&nt_hash(&Secret::new("Password")), "User", "Domain")
    }

    /// [MS-NLMP] 4.2.4.1.3: time zero, client challenge of 0xAA, the AV pairs `Domain` and `Server`.
    fn temp() -> Vec<u8> {
        let mut temp = vec![1, 1, 0, 0, 0, 0, 0, 0];
        temp.extend([0; 8]);
        temp.extend([0xAA; 8]);
        temp.extend([0; 4]);
        temp.extend([2, 0, 12, 0]);
        temp.extend("Domain".encode_utf16().flat_map(u16::to_le_bytes));
        temp.extend([1, 0, 12, 0]);
        temp.extend("Server".encode_utf16().flat_map(u16::to_le_bytes));
        temp.extend([0; 8]);
        temp
    }

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    }

    #[test]
    fn nt_owf_v1_of_4_2_2_1_2() {
        let hash = nt_hash(&Secret::new("Password"));
        assert_eq!(hash.expose(), hex("a4 f4 9c 40 65 10 bd ca b6 82 4e e7 c3 0f d8 52"));
    }

    #[test]
    fn nt_owf_v2_of_4_2_4_1_1() {
        assert_eq!(response_key()[..], hex("0c 86 8a 40 3b fd 7a 93 a3 00 1e f2 2e f0 2e 3f"));
    }

    #[test]
    fn proof_of_4_2_4_2_2() {
        let proof = nt_proof(&response_key(), SERVER_CHALLENGE, &temp());
        assert_eq!(proof[..], hex("68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c"));
    }

    #[test]
    fn session_base_key_of_4_2_4_1_2() {
        let proof = nt_proof(&response_key(), SERVER_CHALLENGE, &temp());
        let key = session_base_key(&response_key(), &proof);
        assert_eq!(key[..], hex("8d e4 0c ca db c1 4a 82 f1 5c b0 ad 0d e9 5c a3"));
    }

    #[test]
    fn encrypted_session_key_of_4_2_4_2_3() {
        let proof = nt_proof(&response_key(), SERVER_CHALLENGE, &temp());
        let encrypted = rc4k(&session_base_key(&response_key(), &proof), &[0x55; 16]);
        assert_eq!(encrypted[..], hex("c5 da d2 54 4f c9 79 90 94 ce 1c e9 0b c9 d0 3e"));
    }

    #[test]
    fn keys_of_4_2_4_4() {
        let session_key = Zeroizing::new([0x55; 16]);
        assert_eq!(
            seal_key(&session_key, Sender::Client)[..],
            hex("59 f6 00 97 3c c4 96 0a 25 48 0a 7c 19 6e 4c 58")
        );
        assert_eq!(
            sign_key(&session_key, Sender::Client)[..],
            hex("47 88 dc 86 1b 47 82 f3 5d 43 fd 98 fe 1a 2d 39")
        );
    }

    #[test]
    fn upper_case_never_changes_the_length() {
        for (lower, expected) in
            [("alice", "ALICE"), ("\u{fc}\u{4dd}", "\u{dc}\u{4dc}"), ("stra\u{df}e", "STRA\u{df}E")]
        {
            let mapped: Vec<u16> = lower.encode_utf16().map(upper).collect();
            assert_eq!(String::from_utf16(&mapped).unwrap(), expected);
        }
    }
}
