//! The certificate that the host signs for itself.

use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Error;
use crate::auth::Certificates;

/// A certificate and its key.
pub(crate) struct Certificate {
    /// For people and for clients that are to trust it.
    pub(crate) pem: String,
    pub(crate) der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    /// Makes a P-256 key and signs a certificate for these names with it, valid from now for a year.
    pub(crate) fn self_signed(names: &[String]) -> Result<Self, Error> {
        let key = Key::generate()?;
        let failed = |error: rcgen::Error| Error::Certificate(error.to_string());
        let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
        let name = names.first().cloned().unwrap_or_else(|| "localhost".to_owned());
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_validity(&mut params);
        params.serial_number = Some(uuid::Uuid::new_v4().as_bytes().to_vec().into());
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.pkcs8).into(),
        })
    }

    /// A configuration for TLS 1.2 and 1.3 with this certificate, which asks clients for theirs where some
    /// are known.
    pub(crate) fn server_config(&self, clients: &Certificates) -> Result<rustls::ServerConfig, Error> {
        let provider = std::sync::Arc::new(rustls_graviola::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match clients.is_empty() {
            true => builder.with_no_client_auth(),
            false => builder.with_client_cert_verifier(clients.verifier()?),
        };
        Ok(builder.with_single_cert(vec![self.der.clone()], self.key.clone_key())?)
    }
}

/// Valid from yesterday, for clocks that are behind, until a year from now.
fn set_validity(params: &mut CertificateParams) {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let from = today.yesterday().unwrap_or(today);
    let until = today.saturating_add(jiff::Span::new().years(1));
    let moment = |date: jiff::civil::Date| {
        let month = u8::try_from(date.month()).unwrap_or(1);
        let day = u8::try_from(date.day()).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    (params.not_before, params.not_after) = (moment(from), moment(until));
}

/// The key, as rcgen wants to see it.
struct Key {
    key: SigningKey<P256>,
    /// The uncompressed point.
    public: Vec<u8>,
    pkcs8: Vec<u8>,
}

impl Key {
    fn generate() -> Result<Self, Error> {
        let failed = |error: graviola::Error| Error::Certificate(format!("{error:?}"));
        let key = random_key().map_err(failed)?;
        let mut buffer = [0; 512];
        let pkcs8 = key.to_pkcs8_der(&mut buffer).map_err(failed)?.to_vec();
        let mut buffer = [0; 512];
        let spki = key.to_spki_der(&mut buffer).map_err(failed)?;
        // The point ends the structure: 0x04 and two coordinates of 32 bytes.
        let public = spki.last_chunk::<65>().map(|point| point.to_vec());
        let public = public.ok_or_else(|| Error::Certificate("a public key of odd length".to_owned()))?;
        Ok(Self { key, public, pkcs8 })
    }
}

/// A key whose number is random: one in 2^32 lies outside the group, and another is drawn then.
fn random_key() -> Result<SigningKey<P256>, graviola::Error> {
    // ECPrivateKey (RFC 5915) without its optional parts: the version and 32 bytes.
    const PREFIX: [u8; 7] = [0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20];
    let mut der = PREFIX.to_vec();
    der.resize(PREFIX.len() + 32, 0);
    let mut refused = graviola::Error::OutOfRange;
    for _ in 0..8 {
        if let Some(number) = der.last_chunk_mut::<32>() {
            graviola::random::fill(number)?;
        }
        match SigningKey::from_sec1_der(&der) {
            Ok(key) => return Ok(key),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut buffer = [0; 128];
        let signature = self.key.sign_asn1::<Sha256>(&[message], &mut buffer);
        signature.map(<[u8]>::to_vec).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_and_taken_by_tls() {
        let certificate =
            Certificate::self_signed(&["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        assert!(certificate.pem.starts_with("-----BEGIN CERTIFICATE-----"));
        certificate.server_config(&Certificates::default()).unwrap();
        assert!(windlass_auth::ChannelBinding::tls_server_end_point(&certificate.der).is_ok());
    }
}
