//! Tying a logon to the TLS channel it travels in ([RFC 5929] section 4, [RFC 2743] section 1.1.6).

use md5::Md5;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use crate::AuthError;
use crate::der::{self, Reader};

/// The `tls-server-end-point` binding: a hash of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    application_data: Vec<u8>,
}

/// What an acceptor demands of the channel binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BindingPolicy {
    /// Bindings are not looked at.
    None,
    /// A client that sends one must send the right one.
    #[default]
    Relaxed,
    /// Over TLS a client must send the right one.
    Strict,
}

impl ChannelBinding {
    /// Computes the binding from a DER certificate. The hash is that of the certificate's signature
    /// algorithm, with SHA-256 in place of MD5 and SHA-1, and for the signatures that bring no hash
    /// function of their own (Ed25519, Ed448), where the RFC is silent.
    ///
    /// # Errors
    /// The certificate is malformed or signed in a way that this crate does not know.
    pub fn tls_server_end_point(certificate: &[u8]) -> Result<Self, AuthError> {
        let mut application_data = b"tls-server-end-point:".to_vec();
        match signature_hash(certificate)? {
            Hash::Sha224 => application_data.extend_from_slice(&Sha224::digest(certificate)),
            Hash::Sha256 => application_data.extend_from_slice(&Sha256::digest(certificate)),
            Hash::Sha384 => application_data.extend_from_slice(&Sha384::digest(certificate)),
            Hash::Sha512 => application_data.extend_from_slice(&Sha512::digest(certificate)),
        }
        Ok(Self { application_data })
    }

    /// Takes application data that was computed elsewhere: `type:hash`.
    pub fn from_application_data(application_data: impl Into<Vec<u8>>) -> Self {
        Self { application_data: application_data.into() }
    }

    /// The application data: `tls-server-end-point:` and the hash.
    pub fn application_data(&self) -> &[u8] {
        &self.application_data
    }

    /// MD5 of the `gss_channel_bindings_struct` with no addresses ([MS-NLMP] 2.2.2.1,
    /// MsvAvChannelBindings; [RFC 4121] section 4.1.1.2).
    pub fn gss_hash(&self) -> [u8; 16] {
        let length = u32::try_from(self.application_data.len()).unwrap_or(u32::MAX);
        let mut hash = Md5::new();
        hash.update([0; 16]);
        hash.update(length.to_le_bytes());
        hash.update(&self.application_data);
        hash.finalize().into()
    }
}

#[derive(Clone, Copy)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// `id-RSASSA-PSS`, whose hash is a parameter.
const RSASSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];

/// Content octets of the signature algorithms' object identifiers, and the hash each one stands for.
const SIGNATURES: &[(&[u8], Hash)] = &[
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x04], Hash::Sha256), // md5WithRSAEncryption
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05], Hash::Sha256), // sha1WithRSAEncryption
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0E], Hash::Sha224), // sha224WithRSAEncryption
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B], Hash::Sha256), // sha256WithRSAEncryption
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C], Hash::Sha384), // sha384WithRSAEncryption
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D], Hash::Sha512), // sha512WithRSAEncryption
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01], Hash::Sha256),             // ecdsa-with-SHA1
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x01], Hash::Sha224),       // ecdsa-with-SHA224
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02], Hash::Sha256),       // ecdsa-with-SHA256
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03], Hash::Sha384),       // ecdsa-with-SHA384
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04], Hash::Sha512),       // ecdsa-with-SHA512
    (&[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x03], Hash::Sha256),             // dsa-with-sha1
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x01], Hash::Sha224), // dsa-with-sha224
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x02], Hash::Sha256), // dsa-with-sha256
    (&[0x2B, 0x65, 0x70], Hash::Sha256),                                     // Ed25519
    (&[0x2B, 0x65, 0x71], Hash::Sha256),                                     // Ed448
];

/// Hash functions as parameters of RSASSA-PSS.
const DIGESTS: &[(&[u8], Hash)] = &[
    (&[0x2B, 0x0E, 0x03, 0x02, 0x1A], Hash::Sha256), // id-sha1
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], Hash::Sha256), // id-sha256
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], Hash::Sha384), // id-sha384
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], Hash::Sha512), // id-sha512
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04], Hash::Sha224), // id-sha224
];

/// Reads `Certificate.signatureAlgorithm` ([RFC 5280] 4.1.1.2).
fn signature_hash(certificate: &[u8]) -> Result<Hash, AuthError> {
    let mut certificate = Reader::new(certificate, "certificate").enter(der::SEQUENCE, "Certificate")?;
    certificate.expect(der::SEQUENCE, "tbsCertificate")?;
    let mut algorithm = certificate.enter(der::SEQUENCE, "signatureAlgorithm")?;
    let oid = algorithm.expect(der::OBJECT_IDENTIFIER, "signatureAlgorithm")?.content;
    if oid == RSASSA_PSS {
        return pss_hash(&mut algorithm);
    }
    lookup(SIGNATURES, oid)
}

/// Reads `RSASSA-PSS-params.hashAlgorithm` ([RFC 4055] 3.1), SHA-1 if absent.
fn pss_hash(algorithm: &mut Reader<'_>) -> Result<Hash, AuthError> {
    let mut parameters = algorithm.enter(der::SEQUENCE, "RSASSA-PSS-params")?;
    let Some(mut tagged) = parameters.enter_optional(der::context(0), "hashAlgorithm")? else {
        return Ok(Hash::Sha256);
    };
    let mut digest = tagged.enter(der::SEQUENCE, "hashAlgorithm")?;
    lookup(DIGESTS, digest.expect(der::OBJECT_IDENTIFIER, "hashAlgorithm")?.content)
}

fn lookup(table: &[(&[u8], Hash)], oid: &[u8]) -> Result<Hash, AuthError> {
    table
        .iter()
        .find(|(known, _)| *known == oid)
        .map(|(_, hash)| *hash)
        .ok_or(AuthError::UnknownSignatureAlgorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate of nothing but its signature algorithm.
    fn skeleton(algorithm: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        der::write(&mut body, der::SEQUENCE, b"");
        der::write(&mut body, der::SEQUENCE, algorithm);
        der::write(&mut body, der::BIT_STRING, &[0]);
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, &body);
        out
    }

    fn oid(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        der::write(&mut out, der::OBJECT_IDENTIFIER, content);
        out
    }

    #[test]
    fn the_hash_follows_the_signature_algorithm() {
        for (algorithm, length) in [(5, 32), (4, 32), (11, 32), (12, 48), (13, 64), (14, 28)] {
            let certificate = skeleton(&oid(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, algorithm]));
            let binding = ChannelBinding::tls_server_end_point(&certificate).unwrap();
            assert_eq!(
                binding.application_data().len(),
                "tls-server-end-point:".len() + length,
                "{algorithm}"
            );
        }
    }

    #[test]
    fn pss_brings_its_hash_as_a_parameter() {
        let sha512 = oid(&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03]);
        let parameters = der::wrapped(der::context(0), der::SEQUENCE, &sha512);
        let mut algorithm = oid(RSASSA_PSS);
        der::write(&mut algorithm, der::SEQUENCE, &parameters);
        let binding = ChannelBinding::tls_server_end_point(&skeleton(&algorithm)).unwrap();
        assert_eq!(binding.application_data().len(), "tls-server-end-point:".len() + 64);

        let mut defaults = oid(RSASSA_PSS);
        der::write(&mut defaults, der::SEQUENCE, b"");
        let binding = ChannelBinding::tls_server_end_point(&skeleton(&defaults)).unwrap();
        assert_eq!(binding.application_data().len(), "tls-server-end-point:".len() + 32);
    }

    #[test]
    fn unknown_and_malformed_certificates_are_refused() {
        assert_eq!(
            ChannelBinding::tls_server_end_point(&skeleton(&oid(&[0x2A, 0x03]))),
            Err(AuthError::UnknownSignatureAlgorithm)
        );
        let certificate = skeleton(&oid(&[0x2B, 0x65, 0x70]));
        for end in 0..certificate.len() {
            assert!(ChannelBinding::tls_server_end_point(&certificate[..end]).is_err(), "cut at {end}");
        }
    }
}
