//! CredSSP ([MS-CSSP]): TLS inside the tokens, SPNEGO inside TLS, and at the end the password itself for the
//! server to use.
//!
//! The TLS is that of the caller, behind [`InnerTls`]. Its certificate is not checked by name or issuer:
//! both sides prove to each other, under the keys of SPNEGO, that they see the same public key.

mod acceptor;
mod credentials;
mod initiator;
mod request;
mod tls;

pub use acceptor::{CredSspAcceptor, CredSspAcceptorOptions};
pub use credentials::TsCredentials;
pub use initiator::{CredSspInitiator, CredSspInitiatorOptions};
pub use request::TsRequest;
pub use tls::{InnerTls, InnerTlsFactory};

use sha2::{Digest as _, Sha256};

use crate::AuthError;
use crate::der::{self, Reader};

/// The name of the mechanism, in errors.
pub(crate) const NAME: &str = "CredSSP";

/// What the contexts of both roles leave to the channel that is theirs once they are complete.
macro_rules! forward_channel {
    () => {
        fn can_seal(&self) -> bool {
            self.is_complete()
        }

        fn can_sign(&self) -> bool {
            false
        }

        fn sealing_protocol(&self) -> $crate::SealingProtocol {
            $crate::SealingProtocol::CredSsp
        }

        fn seal(&mut self, header: &mut Vec<u8>, data: &mut Vec<u8>) -> Result<(), AuthError> {
            if !self.is_complete() {
                return Err(out_of_order("has no keys yet"));
            }
            self.tls.seal(header, data)
        }

        fn unseal(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
            if !self.is_complete() {
                return Err(out_of_order("has no keys yet"));
            }
            self.tls.unseal(header, data)
        }

        fn session_key(&self) -> Option<&windlass_core::SecretBytes> {
            None
        }

        fn mechanism(&self) -> &'static str {
            NAME
        }
    };
}

use forward_channel;

/// The version that this side speaks.
pub const VERSION: u32 = 6;

/// The lowest version that is spoken unless a lower one is asked for: earlier ones are open to relays
/// (CVE-2018-0886).
pub const SAFE_VERSION: u32 = 5;

/// Bytes of the nonce that goes into the hashes.
const NONCE: usize = 32;

/// Who sends a proof that it sees the server's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prover {
    Client,
    Server,
}

/// What the prover seals: a hash from version 5 on, before that the key itself ([MS-CSSP] 3.1.5).
fn proof(prover: Prover, nonce: Option<&[u8; NONCE]>, public_key: &[u8]) -> Vec<u8> {
    let Some(nonce) = nonce else {
        let mut key = public_key.to_vec();
        if let Some(first) = key.first_mut().filter(|_| prover == Prover::Server) {
            *first = first.wrapping_add(1);
        }
        return key;
    };
    let label: &[u8] = match prover {
        Prover::Client => b"CredSSP Client-To-Server Binding Hash\0",
        Prover::Server => b"CredSSP Server-To-Client Binding Hash\0",
    };
    let mut hash = Sha256::new();
    hash.update(label);
    hash.update(nonce);
    hash.update(public_key);
    hash.finalize().to_vec()
}

/// The SubjectPublicKey of a certificate in DER, without what names its algorithm ([RFC 5280] 4.1.2.7).
///
/// # Errors
/// What is no certificate, and keys that are not whole octets.
pub fn subject_public_key(certificate: &[u8]) -> Result<&[u8], AuthError> {
    let mut certificate = Reader::new(certificate, "certificate").enter(der::SEQUENCE, "Certificate")?;
    let mut fields = certificate.enter(der::SEQUENCE, "tbsCertificate")?;
    fields.enter_optional(der::context(0), "version")?;
    fields.expect(der::INTEGER, "serialNumber")?;
    for field in ["signature", "issuer", "validity", "subject"] {
        fields.expect(der::SEQUENCE, field)?;
    }
    let mut info = fields.enter(der::SEQUENCE, "subjectPublicKeyInfo")?;
    info.expect(der::SEQUENCE, "algorithm")?;
    match info.expect(der::BIT_STRING, "subjectPublicKey")?.content {
        [0, key @ ..] => Ok(key),
        _ => Err(info.malformed("subjectPublicKey", "expected whole octets")),
    }
}

#[cfg(test)]
pub(crate) mod tests;
