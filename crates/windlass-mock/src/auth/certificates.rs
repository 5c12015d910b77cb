//! Client certificates: which are looked at, and whom they stand for.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use windlass_auth::Principal;
use windlass_auth::der::{self, Reader};

use crate::Error;

/// `id-ce-subjectAltName`.
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1D, 0x11];
/// 1.3.6.1.4.1.311.20.2.3, the user principal name.
const PRINCIPAL_NAME: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];
const UTF8_STRING: u8 = 0x0C;

/// Which users log on with which certificates.
#[derive(Clone, Default)]
pub(crate) struct Certificates {
    /// Certificates that stand for one user each.
    pinned: Vec<(CertificateDer<'static>, String)>,
    /// Authorities whose certificates name the user.
    authorities: Vec<CertificateDer<'static>>,
}

impl Certificates {
    /// This certificate and no other stands for the user.
    pub(crate) fn pin(&mut self, user: &str, pem: &[u8]) -> Result<(), Error> {
        self.pinned.push((first(pem)?, user.to_owned()));
        Ok(())
    }

    /// Certificates of this authority stand for the user whose principal name they hold.
    pub(crate) fn trust(&mut self, pem: &[u8]) -> Result<(), Error> {
        self.authorities.push(first(pem)?);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pinned.is_empty() && self.authorities.is_empty()
    }

    /// Asks every client for a certificate and takes what it shows: whom it stands for is seen later, so
    /// that clients hear of it in an HTTP answer.
    pub(crate) fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let provider = Arc::new(rustls_graviola::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            roots.add(authority.clone())?;
        }
        let chains = match self.authorities.is_empty() {
            true => None,
            false => Some(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| Error::Certificate(error.to_string()))?,
            ),
        };
        Ok(Arc::new(Verifier { chains, pinned: self.pinned.clone(), provider }))
    }

    /// Whom a client's certificate stands for. `known` tells whether there is such a user.
    pub(crate) fn user(
        &self,
        shown: Option<&[CertificateDer<'_>]>,
        known: impl Fn(&str) -> bool,
    ) -> Option<Principal> {
        let certificate = shown?.first()?;
        let pinned = self.pinned.iter().find(|(pinned, _)| pinned == certificate);
        let user = match pinned {
            Some((_, user)) => user.clone(),
            // The handshake has checked that an authority signed it.
            None => {
                let name = principal_name(certificate)?;
                name.split_once('@').map_or(name.clone(), |(user, _)| user.to_owned())
            }
        };
        known(&user).then_some(Principal { domain: None, user, mechanism: "Certificate" })
    }
}

fn first(pem: &[u8]) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_slice(pem).map_err(|error| Error::Certificate(format!("{error:?}")))
}

/// The user principal name among the alternative names of a certificate ([RFC 5280] 4.2.1.6).
fn principal_name(certificate: &[u8]) -> Option<String> {
    let mut outer = Reader::new(certificate, "certificate").enter(der::SEQUENCE, "Certificate").ok()?;
    let mut fields = outer.enter(der::SEQUENCE, "tbsCertificate").ok()?;
    let mut extensions = loop {
        match fields.peek()? {
            tag if tag == der::context(3) => break fields.enter(tag, "extensions").ok()?,
            _ => fields.element("tbsCertificate").ok()?,
        };
    };
    let mut list = extensions.enter(der::SEQUENCE, "extensions").ok()?;
    while !list.is_empty() {
        let mut extension = list.enter(der::SEQUENCE, "extension").ok()?;
        if extension.expect(der::OBJECT_IDENTIFIER, "extnID").ok()?.content != ALTERNATIVE_NAME {
            continue;
        }
        while extension.peek()? != der::OCTET_STRING {
            extension.element("critical").ok()?;
        }
        let value = extension.expect(der::OCTET_STRING, "extnValue").ok()?.content;
        let mut names = Reader::new(value, "alternative names").enter(der::SEQUENCE, "names").ok()?;
        while !names.is_empty() {
            let name = names.element("name").ok()?;
            if name.tag != der::context(0) {
                continue;
            }
            let mut other = Reader::new(name.content, "alternative names");
            if other.expect(der::OBJECT_IDENTIFIER, "type-id").ok()?.content == PRINCIPAL_NAME {
                let text = other.optional_explicit(der::context(0), UTF8_STRING, "value").ok()??;
                return String::from_utf8(text.to_vec()).ok();
            }
        }
    }
    None
}

#[derive(Debug)]
struct Verifier {
    chains: Option<Arc<dyn ClientCertVerifier>>,
    pinned: Vec<(CertificateDer<'static>, String)>,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        match &self.chains {
            // Pinned certificates may be of anybody: clients are not told whose to show.
            Some(chains) if self.pinned.is_empty() => chains.root_hint_subjects(),
            _ => &[],
        }
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if self.pinned.iter().any(|(pinned, _)| pinned == end_entity) {
            return Ok(ClientCertVerified::assertion());
        }
        match &self.chains {
            Some(chains) => chains.verify_client_cert(end_entity, intermediates, now),
            None => Err(rustls::CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
