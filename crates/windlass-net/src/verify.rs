//! Which server certificates are good enough.
//!
//! The chain and the name are separate checks, so that either can be left out ([RFC 9525] for names).
//! The signature that the server makes in the handshake is checked always.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use windlass_auth::subject_public_key;

/// Checks a server's certificate as far as the options ask for it.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) roots: RootCertStore,
    /// Whether the chain has to lead to a trusted root. Without it, a certificate must still be within
    /// its period of validity.
    pub(crate) check_chain: bool,
    /// Whether the certificate has to be for the name that was dialled.
    pub(crate) check_name: bool,
    /// SHA-256 of certificates. Where there are any, nothing else counts but that the certificate is one
    /// of them and in force.
    pub(crate) pins: Vec<[u8; 32]>,
    /// Whether everybody is taken, to be looked at.
    pub(crate) is_onlooker: bool,
    /// Looks at revocation lists beside the chain.
    pub(crate) revocation: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.is_onlooker {
            return Ok(ServerCertVerified::assertion());
        }
        if !self.pins.is_empty() {
            let fingerprint: [u8; 32] = Sha256::digest(end_entity).into();
            if !self.pins.contains(&fingerprint) {
                return Err(CertificateError::ApplicationVerificationFailure.into());
            }
        }
        let pinned = !self.pins.is_empty();
        let (check_chain, check_name) = (self.check_chain && !pinned, self.check_name && !pinned);
        let certificate = match ParsedCertificate::try_from(end_entity) {
            Ok(certificate) => certificate,
            // Forms too old for the checks, such as X.509 v1, pass where no check is wanted.
            Err(_) if !check_chain && !check_name => return Ok(ServerCertVerified::assertion()),
            Err(error) => return Err(error),
        };
        let chain = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        );
        match chain {
            Ok(()) => {}
            Err(error) if check_chain || is_about_validity(&error) => return Err(error),
            Err(_) => {}
        }
        if let Some(revocation) = self.revocation.as_ref().filter(|_| check_chain) {
            let checked =
                revocation.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
            // Names come last in it, and have a check of their own here.
            match checked {
                Err(error) if !is_about_name(&error) => return Err(error),
                _ => {}
            }
        }
        if check_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
            .or_else(|error| verify_by_key(message, certificate, signature, algorithms).ok_or(error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms).or_else(|error| {
            let verified = verify_by_key(message, certificate, signature, algorithms);
            verified.filter(|_| !is_before_tls13(signature.scheme)).ok_or(error)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Checks the signature of a handshake by the key alone, for a certificate of a form that the library cannot read:
/// X.509 v1, which Microsoft's CIM server for other systems makes for itself.
fn verify_by_key(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Option<HandshakeSignatureValid> {
    if ParsedCertificate::try_from(certificate).is_ok() {
        return None;
    }
    let key = subject_public_key(certificate).ok()?;
    let (_, candidates) = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme)?;
    let is_valid = |algorithm: &&dyn SignatureVerificationAlgorithm| {
        algorithm.verify_signature(key, message, signature.signature()).is_ok()
    };
    candidates.iter().any(is_valid).then(HandshakeSignatureValid::assertion)
}

/// Whether TLS 1.3 has done away with a way of signing.
fn is_before_tls13(scheme: SignatureScheme) -> bool {
    use SignatureScheme as Scheme;
    matches!(
        scheme,
        Scheme::RSA_PKCS1_SHA1
            | Scheme::RSA_PKCS1_SHA256
            | Scheme::RSA_PKCS1_SHA384
            | Scheme::RSA_PKCS1_SHA512
            | Scheme::ECDSA_SHA1_Legacy
    )
}

fn is_about_name(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}

/// Whether the certificate itself has run out or is not yet in force: leaving out the chain does not
/// excuse that. The verifier looks at the period before it looks for an issuer.
pub(crate) fn is_about_validity(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}
