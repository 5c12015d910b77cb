//! Sealing and signing of messages ([RFC 4121] sections 2 and 4.2), in place.
//!
//! A sealed message goes out in two pieces, as the WinRM and RPC of Windows want it: what the mechanism
//! adds, with the encrypted end of the token rotated to its front, and the ciphertext of the data alone.

use windlass_core::ct_eq;
use zeroize::Zeroizing;

use super::NAME;
use super::aes_cts::BLOCK;
use super::crypto::{ChecksumKey, Key, MAC, Pieces, UsageKey, random};
use crate::AuthError;

/// The size of the header of either token.
const HEADER: usize = 16;
/// By how many bytes tokens are rotated: the encrypted copy of the header and the checksum. With a filler
/// in the token it is more, but Windows leaves the filler out of the number.
const ROTATION: u16 = 28;
/// The size of a signature.
pub(super) const SIGNATURE_SIZE: usize = HEADER + MAC;

/// The size of what goes beside a sealed message.
pub(super) const fn seal_size(dce_style: bool) -> usize {
    let filler = if dce_style { BLOCK } else { 0 };
    HEADER + filler + HEADER + MAC + BLOCK
}

const WRAP: [u8; 2] = [5, 4];
const MIC: [u8; 2] = [4, 4];
const FLAG_ACCEPTOR: u8 = 1;
const FLAG_SEALED: u8 = 2;
const FLAG_ACCEPTOR_KEY: u8 = 4;

/// Purposes of keys.
const ACCEPTOR_SEAL: u32 = 22;
const ACCEPTOR_SIGN: u32 = 23;
const INITIATOR_SEAL: u32 = 24;
const INITIATOR_SIGN: u32 = 25;

/// How an established context protects messages.
pub(super) struct Protection {
    pub(super) key: Key,
    /// Whether this side is the initiator.
    pub(super) initiator: bool,
    /// Whether the key is one of the acceptor's choice.
    pub(super) acceptor_key: bool,
    /// Whether tokens have the form that RPC wants.
    pub(super) dce_style: bool,
    pub(super) sequence_out: u32,
    pub(super) sequence_in: u32,
}

/// The message protection of an established context.
pub(super) struct MessageSecurity {
    flags_out: u8,
    flags_in: u8,
    /// The length of the filler that Windows puts into the tokens of RPC.
    filler: usize,
    seal_out: UsageKey,
    seal_in: UsageKey,
    sign_out: ChecksumKey,
    sign_in: ChecksumKey,
    sequence_out: u64,
    sequence_in: u64,
}

impl MessageSecurity {
    pub(super) fn new(protection: &Protection) -> Self {
        let Protection { key, initiator, acceptor_key, dce_style, sequence_out, sequence_in } = protection;
        let acceptor = (ACCEPTOR_SEAL, ACCEPTOR_SIGN, FLAG_ACCEPTOR);
        let other = (INITIATOR_SEAL, INITIATOR_SIGN, 0);
        let (own, peer) = if *initiator { (other, acceptor) } else { (acceptor, other) };
        let common = if *acceptor_key { FLAG_ACCEPTOR_KEY } else { 0 };
        Self {
            flags_out: own.2 | common,
            flags_in: peer.2 | common,
            filler: if *dce_style { BLOCK } else { 0 },
            seal_out: UsageKey::new(key, own.0),
            seal_in: UsageKey::new(key, peer.0),
            sign_out: ChecksumKey::new(key, own.1),
            sign_in: ChecksumKey::new(key, peer.1),
            sequence_out: u64::from(*sequence_out),
            sequence_in: u64::from(*sequence_in),
        }
    }

    pub(super) fn seal(&mut self, header: &mut Vec<u8>, data: &mut [u8]) -> Result<(), AuthError> {
        self.seal_between(&[], data, &[], header)
    }

    pub(super) fn seal_between(
        &mut self,
        before: &[u8],
        data: &mut [u8],
        after: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), AuthError> {
        let mut token = self.header(self.sequence_out);
        let mut tail = [0xFF; BLOCK + HEADER];
        let tail = tail.get_mut(BLOCK - self.filler..).unwrap_or_default();
        if let Some(copy) = tail.last_chunk_mut::<HEADER>() {
            *copy = token;
        }
        let mut confounder = random::<BLOCK>()?;
        let pieces = Pieces { before, data, after, tail };
        let mac = self.seal_out.seal(&mut confounder, pieces);
        set_rotation(&mut token, ROTATION);
        out.clear();
        out.extend_from_slice(&token);
        out.extend_from_slice(tail);
        out.extend_from_slice(&mac);
        out.extend_from_slice(&confounder);
        self.sequence_out = self.sequence_out.wrapping_add(1);
        Ok(())
    }

    pub(super) fn unseal(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
        let usual = header.len() == seal_size(self.filler > 0)
            && header.get(4..8).is_some_and(|counts| {
                let [a, b] = self.filler_octets();
                let [c, d] = ROTATION.to_be_bytes();
                counts == [a, b, c, d]
            });
        if usual {
            self.unseal_between(&[], data, &[], header)?;
            return Ok(data.len());
        }
        self.unseal_elsewhere(header, data)
    }

    pub(super) fn unseal_between(
        &mut self,
        before: &[u8],
        data: &mut [u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), AuthError> {
        let failed = self.failed();
        let (token, rest) = signature.split_first_chunk::<HEADER>().ok_or(failed.clone())?;
        // Some fill the last block alone, where Windows adds a whole one.
        let (filler, rotation) = self.check_header(token)?;
        if filler > BLOCK || rotation != usize::from(ROTATION) {
            return Err(failed);
        }
        let (tail, rest) = rest.split_at_checked(filler + HEADER).ok_or(failed.clone())?;
        let (mac, confounder) = rest.split_first_chunk::<MAC>().ok_or(failed.clone())?;
        let mut confounder: [u8; BLOCK] = confounder.try_into().map_err(|_| failed.clone())?;
        let mut tail_copy = [0; BLOCK + HEADER];
        let tail_copy = tail_copy.get_mut(..tail.len()).ok_or(failed.clone())?;
        tail_copy.copy_from_slice(tail);
        let pieces = Pieces { before, data, after, tail: tail_copy };
        let genuine = self.seal_in.open(&mut confounder, pieces, mac);
        let same = tail_copy.last_chunk().is_some_and(|copy| is_copy(token, copy));
        if !genuine || !same {
            return Err(failed);
        }
        self.sequence_in = self.sequence_in.wrapping_add(1);
        Ok(())
    }

    /// A token that is cut in two at another place, or rotated otherwise.
    fn unseal_elsewhere(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
        let failed = self.failed();
        let mut whole = Zeroizing::new(Vec::with_capacity(header.len() + data.len()));
        whole.extend_from_slice(header);
        whole.extend_from_slice(data);
        let (token, payload) = whole.split_first_chunk_mut::<HEADER>().ok_or(failed.clone())?;
        let (filler, rotation) = self.check_header(token)?;
        let minimum = BLOCK + HEADER + MAC;
        if payload.len() < minimum || filler > payload.len() - minimum {
            return Err(failed);
        }
        payload.rotate_left(rotation % payload.len());
        let (sealed, mac) = payload.split_last_chunk_mut::<MAC>().ok_or(failed.clone())?;
        let (confounder, plain) = sealed.split_first_chunk_mut::<BLOCK>().ok_or(failed.clone())?;
        if !self.seal_in.open(confounder, Pieces::only(plain), mac) {
            return Err(failed);
        }
        let (plain, copy) = plain.split_last_chunk::<HEADER>().ok_or(failed.clone())?;
        let plain = plain.len().checked_sub(filler).and_then(|length| plain.get(..length));
        let plain = plain.filter(|_| is_copy(token, copy)).ok_or(failed.clone())?;
        data.get_mut(..plain.len()).ok_or(failed)?.copy_from_slice(plain);
        self.sequence_in = self.sequence_in.wrapping_add(1);
        Ok(plain.len())
    }

    pub(super) fn sign(&mut self, message: &[u8], signature: &mut Vec<u8>) {
        let header = mic_header(self.flags_out, self.sequence_out);
        signature.clear();
        signature.extend_from_slice(&header);
        signature.extend_from_slice(&self.sign_out.compute(&[message, &header]));
        self.sequence_out = self.sequence_out.wrapping_add(1);
    }

    pub(super) fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<(), AuthError> {
        let header = mic_header(self.flags_in, self.sequence_in);
        let mut expected = header.to_vec();
        expected.extend_from_slice(&self.sign_in.compute(&[message, &header]));
        if !ct_eq(&expected, signature) {
            return Err(self.failed());
        }
        self.sequence_in = self.sequence_in.wrapping_add(1);
        Ok(())
    }

    /// The header of the next sealed token, not rotated.
    fn header(&self, sequence: u64) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let [a, b] = self.filler_octets();
        let start = [WRAP[0], WRAP[1], self.flags_out | FLAG_SEALED, 0xFF, a, b, 0, 0];
        let octets = start.into_iter().chain(sequence.to_be_bytes());
        header.iter_mut().zip(octets).for_each(|(place, octet)| *place = octet);
        header
    }

    fn filler_octets(&self) -> [u8; 2] {
        u16::try_from(self.filler).unwrap_or_default().to_be_bytes()
    }

    /// Checks all of a received header that can be checked before decrypting; gives the length of the
    /// filler and the rotation.
    fn check_header(&self, header: &[u8; HEADER]) -> Result<(usize, usize), AuthError> {
        let [id1, id2, flags, filler, ec1, ec2, rrc1, rrc2, sequence @ ..] = header;
        let expected = self.flags_in | FLAG_SEALED;
        if [*id1, *id2] != WRAP
            || *flags != expected
            || *filler != 0xFF
            || u64::from_be_bytes(*sequence) != self.sequence_in
        {
            return Err(self.failed());
        }
        let number = |high: &u8, low: &u8| usize::from(u16::from_be_bytes([*high, *low]));
        Ok((number(ec1, ec2), number(rrc1, rrc2)))
    }

    fn failed(&self) -> AuthError {
        let sequence = u32::try_from(self.sequence_in & u64::from(u32::MAX)).unwrap_or_default();
        AuthError::MessageIntegrity { mechanism: NAME, sequence }
    }
}

/// Whether the encrypted copy of the header is that of a header; the rotation alone is not protected.
fn is_copy(header: &[u8; HEADER], copy: &[u8; HEADER]) -> bool {
    let mut expected = *header;
    set_rotation(&mut expected, 0);
    ct_eq(&expected, copy)
}

fn set_rotation(header: &mut [u8; HEADER], rotation: u16) {
    if let Some(place) = header.get_mut(6..8) {
        place.copy_from_slice(&rotation.to_be_bytes());
    }
}

fn mic_header(flags: u8, sequence: u64) -> [u8; HEADER] {
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    [MIC[0], MIC[1], flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kerberos::crypto::Enctype;

    fn side(key: &Key, initiator: bool) -> MessageSecurity {
        MessageSecurity::new(&Protection {
            key: key.clone(),
            initiator,
            acceptor_key: true,
            dce_style: true,
            sequence_out: 0,
            sequence_in: 0,
        })
    }

    #[test]
    fn a_peer_may_use_less_filler_than_windows() {
        let key = Key::random(Enctype::Aes256).unwrap();
        for filler in 0..=BLOCK {
            let (mut client, mut server) = (side(&key, true), side(&key, false));
            client.filler = filler;
            let (mut data, mut signature) = (b"a call of a method".to_vec(), Vec::new());
            client.seal_between(b"header", &mut data, b"trailer", &mut signature).unwrap();
            let mut other = data.clone();
            server.unseal_between(b"header", &mut data, b"trailer", &signature).unwrap();
            assert_eq!(data, b"a call of a method", "{filler}");
            // The number of filler bytes has to be true.
            let mut server = side(&key, false);
            signature[5] ^= 1;
            assert!(server.unseal_between(b"header", &mut other, b"trailer", &signature).is_err());
        }
    }
}
