//! [MS-NLMP] 3.4: signing and sealing with extended session security.

use windlass_core::ct_eq;

use super::NAME;
use super::crypto::{self, Key, Sender};
use super::rc4_md5::{HmacKey, Mac, Rc4};
use crate::{AuthError, Direction};

/// Size of an NTLMSSP_MESSAGE_SIGNATURE ([MS-NLMP] 2.2.2.9).
pub(super) const SIGNATURE_SIZE: usize = 16;

/// NTLMSSP_MESSAGE_SIGNATURE.Version.
const VERSION: [u8; 4] = 1u32.to_le_bytes();

/// Protects messages in both directions.
pub(super) struct MessageSecurity {
    outgoing: Lane,
    incoming: Lane,
    /// NTLMSSP_NEGOTIATE_SEAL was agreed; otherwise messages are only signed.
    seals: bool,
}

/// The state of one direction.
struct Lane {
    sign_key: HmacKey,
    seal_key: Key,
    cipher: Rc4,
    /// With NTLMSSP_NEGOTIATE_KEY_EXCH the checksum is enciphered.
    encipher_checksum: bool,
    /// Number of the next message; `None` when the numbers are used up.
    sequence: Option<u32>,
    /// The message of which a part has come.
    begun: Option<Begun>,
}

/// A message on its way through cipher and MAC.
struct Begun {
    mac: Mac,
    sequence: u32,
    /// How many bytes of it are deciphered.
    length: usize,
}

impl MessageSecurity {
    pub(super) fn new(session_key: &Key, own_side: Sender, key_exchange: bool, seals: bool) -> Self {
        let peer = match own_side {
            Sender::Client => Sender::Server,
            Sender::Server => Sender::Client,
        };
        Self {
            outgoing: Lane::new(session_key, own_side, key_exchange),
            incoming: Lane::new(session_key, peer, key_exchange),
            seals,
        }
    }

    pub(super) fn can_seal(&self) -> bool {
        self.seals
    }

    pub(super) fn seal(&mut self, signature: &mut Vec<u8>, data: &mut [u8]) -> Result<(), AuthError> {
        self.seal_between(&[], data, &[], signature)
    }

    pub(super) fn unseal(&mut self, signature: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
        self.unseal_between(&[], data, &[], signature)?;
        Ok(data.len())
    }

    /// Seals `data` in place; `before` and `after` are signed with it. Writes the signature.
    pub(super) fn seal_between(
        &mut self,
        before: &[u8],
        data: &mut [u8],
        after: &[u8],
        signature: &mut Vec<u8>,
    ) -> Result<(), AuthError> {
        self.check_seals()?;
        self.protect(before, data, after, signature)
    }

    fn protect(
        &mut self,
        before: &[u8],
        data: &mut [u8],
        after: &[u8],
        signature: &mut Vec<u8>,
    ) -> Result<(), AuthError> {
        let lane = &mut self.outgoing;
        let Begun { mut mac, sequence, .. } = lane.begin()?;
        mac.update(before);
        mac.seal(&mut lane.cipher, data);
        mac.update(after);
        let made = lane.signature(mac.finish(), sequence);
        signature.clear();
        signature.extend_from_slice(&made);
        Ok(())
    }

    /// Deciphers the next bytes of a message that [`unseal`](Self::unseal) gets when it is whole.
    pub(super) fn unseal_ahead(&mut self, part: &mut [u8]) -> Result<bool, AuthError> {
        self.check_seals()?;
        let lane = &mut self.incoming;
        let mut begun = match lane.begun.take() {
            Some(begun) => begun,
            None => lane.begin()?,
        };
        begun.mac.unseal(&mut lane.cipher, part);
        begun.length += part.len();
        lane.begun = Some(begun);
        Ok(true)
    }

    /// Unseals `data` in place and checks the signature over all three parts.
    pub(super) fn unseal_between(
        &mut self,
        before: &[u8],
        data: &mut [u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), AuthError> {
        self.check_seals()?;
        self.check(before, data, after, signature)
    }

    fn check_seals(&self) -> Result<(), AuthError> {
        if self.seals {
            return Ok(());
        }
        Err(AuthError::State { mechanism: NAME, reason: "has no keys to seal with, only to sign" })
    }

    fn check(
        &mut self,
        before: &[u8],
        data: &mut [u8],
        after: &[u8],
        signature: &[u8],
    ) -> Result<(), AuthError> {
        let lane = &mut self.incoming;
        let Begun { mut mac, sequence, length } = match lane.begun.take() {
            Some(begun) => begun,
            None => lane.begin()?,
        };
        // What was deciphered ahead is the start of a message that is sealed as a whole.
        if let Some(rest) = data.get_mut(length..).filter(|_| length == 0 || before.is_empty()) {
            mac.update(before);
            mac.unseal(&mut lane.cipher, rest);
            mac.update(after);
            let expected = lane.signature(mac.finish(), sequence);
            if ct_eq(&expected, signature) {
                return Ok(());
            }
        }
        // Whatever comes next is out of step: nothing after a bad message can be trusted.
        lane.sequence = None;
        Err(AuthError::MessageIntegrity { mechanism: NAME, sequence })
    }

    pub(super) fn sign(&mut self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), AuthError> {
        self.protect(message, &mut [], &[], signature)
    }

    pub(super) fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<(), AuthError> {
        self.check(message, &mut [], &[], signature)
    }

    /// Starts the cipher of one direction anew; the sequence number goes on.
    pub(super) fn restart_cipher(&mut self, direction: Direction) {
        let lane = match direction {
            Direction::Outgoing => &mut self.outgoing,
            Direction::Incoming => &mut self.incoming,
        };
        lane.cipher = Rc4::new(&lane.seal_key);
    }
}

impl Lane {
    fn new(session_key: &Key, sender: Sender, encipher_checksum: bool) -> Self {
        let seal_key = crypto::seal_key(session_key, sender);
        Self {
            sign_key: HmacKey::new(&crypto::sign_key(session_key, sender)),
            cipher: Rc4::new(&seal_key),
            seal_key,
            encipher_checksum,
            sequence: Some(0),
            begun: None,
        }
    }

    /// Starts the next message.
    fn begin(&mut self) -> Result<Begun, AuthError> {
        let sequence = self.next()?;
        let mut mac = self.sign_key.start();
        mac.update(&sequence.to_le_bytes());
        Ok(Begun { mac, sequence, length: 0 })
    }

    fn next(&mut self) -> Result<u32, AuthError> {
        let sequence = self
            .sequence
            .ok_or(AuthError::State { mechanism: NAME, reason: "has used up its sequence numbers" })?;
        self.sequence = sequence.checked_add(1);
        Ok(sequence)
    }

    /// MAC ([MS-NLMP] 3.4.4.2): the version, the first half of HMAC_MD5(SigningKey, SeqNum || Message),
    /// enciphered, and the sequence number.
    fn signature(&mut self, mac: [u8; 16], sequence: u32) -> [u8; SIGNATURE_SIZE] {
        let [c0, c1, c2, c3, c4, c5, c6, c7, ..] = mac;
        let mut checksum = [c0, c1, c2, c3, c4, c5, c6, c7];
        if self.encipher_checksum {
            self.cipher.apply(&mut checksum);
        }
        let [v0, v1, v2, v3] = VERSION;
        let [c0, c1, c2, c3, c4, c5, c6, c7] = checksum;
        let [s0, s1, s2, s3] = sequence.to_le_bytes();
        [v0, v1, v2, v3, c0, c1, c2, c3, c4, c5, c6, c7, s0, s1, s2, s3]
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn pair() -> (MessageSecurity, MessageSecurity) {
        let key = Zeroizing::new([0x55; 16]);
        (
            MessageSecurity::new(&key, Sender::Client, true, true),
            MessageSecurity::new(&key, Sender::Server, true, true),
        )
    }

    fn plaintext() -> Vec<u8> {
        "Plaintext".encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// [MS-NLMP] 4.2.4.4.
    #[test]
    fn gss_wrap_ex_of_4_2_4_4() {
        let (mut client, _) = pair();
        let mut data = plaintext();
        let mut signature = Vec::new();
        client.seal(&mut signature, &mut data).unwrap();
        assert_eq!(
            data,
            [
                0x54, 0xe5, 0x01, 0x65, 0xbf, 0x19, 0x36, 0xdc, 0x99, 0x60, 0x20, 0xc1, 0x81, 0x1b, 0x0f,
                0x06, 0xfb, 0x5f
            ]
        );
        assert_eq!(signature, [1, 0, 0, 0, 0x7f, 0xb3, 0x8e, 0xc5, 0xc5, 0x5d, 0x49, 0x76, 0, 0, 0, 0]);
    }

    /// tests/_ntlm_raw/test_security.py of pyspnego 0.12.4, `test_seal_ntlmv2_no_key_exch`.
    #[test]
    fn without_key_exchange_the_checksum_is_plain() {
        let key = Zeroizing::new([0x55; 16]);
        let mut client = MessageSecurity::new(&key, Sender::Client, false, true);
        let mut data = plaintext();
        let mut signature = Vec::new();
        client.seal(&mut signature, &mut data).unwrap();
        assert_eq!(signature, [1, 0, 0, 0, 0x70, 0x35, 0x28, 0x51, 0xf2, 0x56, 0x43, 0x09, 0, 0, 0, 0]);
    }

    #[test]
    fn messages_cross_in_order_both_ways() {
        let (mut client, mut server) = pair();
        let mut signature = Vec::new();
        for size in [0, 1, 18, 59, 60, 61, 124, 5000] {
            let plain = vec![0x41; size];
            let mut data = plain.clone();
            client.seal_between(b"head", &mut data, b"tail", &mut signature).unwrap();
            server.unseal_between(b"head", &mut data, b"tail", &signature).unwrap();
            assert_eq!(data, plain);
            server.sign(&plain, &mut signature).unwrap();
            client.verify(&plain, &signature).unwrap();
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut data = b"some message".to_vec();
        let mut signature = Vec::new();
        pair().0.seal_between(b"h", &mut data, b"t", &mut signature).unwrap();
        for bit in 0..8 * (data.len() + signature.len()) {
            let (mut bad_data, mut bad_signature) = (data.clone(), signature.clone());
            match bad_data.get_mut(bit / 8) {
                Some(byte) => *byte ^= 1 << (bit % 8),
                None => bad_signature[bit / 8 - data.len()] ^= 1 << (bit % 8),
            }
            let error = pair().1.unseal_between(b"h", &mut bad_data, b"t", &bad_signature).unwrap_err();
            assert_eq!(error, AuthError::MessageIntegrity { mechanism: "NTLM", sequence: 0 }, "bit {bit}");
        }
    }

    #[test]
    fn a_message_is_unsealed_as_it_comes_and_believed_when_it_is_whole() {
        let plain: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for step in [1, 7, 63, 64, 65, 500, 1000] {
            let (mut client, mut server) = pair();
            for _ in 0..2 {
                let (mut data, mut signature) = (plain.clone(), Vec::new());
                client.seal(&mut signature, &mut data).unwrap();
                let ahead = data.len() - data.len() % step - step / 2;
                for part in data[..ahead].chunks_mut(step) {
                    assert!(server.unseal_ahead(part).unwrap());
                }
                assert_eq!(data[..ahead], plain[..ahead]);
                assert_eq!(server.unseal(&signature, &mut data), Ok(1000));
                assert_eq!(data, plain, "step {step}");
            }
        }
    }

    #[test]
    fn what_was_unsealed_ahead_and_altered_is_refused() {
        for bit in 0..80 {
            let (mut client, mut server) = pair();
            let (mut data, mut signature) = (b"0123456789".to_vec(), Vec::new());
            client.seal(&mut signature, &mut data).unwrap();
            data[bit / 8] ^= 1 << (bit % 8);
            server.unseal_ahead(&mut data[..6]).unwrap();
            assert!(server.unseal(&signature, &mut data).is_err(), "bit {bit}");
            assert!(server.unseal_ahead(&mut [0]).is_err(), "nothing after it is accepted");
        }
        // A message that is shorter than what was unsealed of it, or is not the one that was begun.
        let (_, mut server) = pair();
        server.unseal_ahead(&mut [0; 6]).unwrap();
        assert!(server.unseal(&[0; 16], &mut [0; 5]).is_err());
        let (_, mut server) = pair();
        server.unseal_ahead(&mut [0; 6]).unwrap();
        assert!(server.unseal_between(b"before", &mut [0; 6], b"", &[0; 16]).is_err());
    }

    #[test]
    fn without_sealing_messages_are_signed_as_ever() {
        let key = Zeroizing::new([0x55; 16]);
        let mut signer = MessageSecurity::new(&key, Sender::Client, true, false);
        let mut signature = Vec::new();
        signer.sign(b"message", &mut signature).unwrap();
        pair().1.verify(b"message", &signature).unwrap();
        assert!(signer.seal(&mut signature, &mut [1]).is_err());
        assert!(signer.unseal(&signature, &mut [1]).is_err());
    }

    #[test]
    fn after_a_bad_message_nothing_is_accepted() {
        let (mut client, mut server) = pair();
        let (mut first, mut second) = (b"first".to_vec(), b"second".to_vec());
        let (mut first_signature, mut second_signature) = (Vec::new(), Vec::new());
        client.seal(&mut first_signature, &mut first).unwrap();
        client.seal(&mut second_signature, &mut second).unwrap();
        assert!(server.unseal(&second_signature, &mut second).is_err(), "reordered");
        assert!(server.unseal(&first_signature, &mut first).is_err(), "after the failure");
    }
}
