//! The certificate of the TLS inside CredSSP. Its key is RSA: what both sides prove is defined for other
//! keys as well, but clients exist that read RSA keys alone.

use graviola::signing::rsa::{KeySize, SigningKey};
use rcgen::{CertificateParams, DnType, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use windlass_auth::der::{self, Reader};

/// Room for a key of 2048 bits in any form.
const ROOM: usize = 4096;

/// A new key of 2048 bits and a certificate that it signed for itself.
pub(super) fn certificate() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), String> {
    let failed = |error: graviola::Error| format!("no RSA key: {error:?}");
    let key = SigningKey::generate(KeySize::Rsa2048).map_err(failed)?;
    let mut buffer = [0; ROOM];
    let spki = key.public_key().to_spki_der(&mut buffer).map_err(failed)?.to_vec();
    let mut buffer = [0; ROOM];
    let pkcs8 = key.to_pkcs8_der(&mut buffer).map_err(failed)?.to_vec();
    let key = Key { key, public: public_key(&spki).map_err(|error| error.to_string())? };

    let failed = |error: rcgen::Error| format!("no certificate: {error}");
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "CREDSSP");
    params.serial_number = Some(uuid::Uuid::new_v4().as_bytes().to_vec().into());
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(pkcs8).into()))
}

/// The key itself out of SubjectPublicKeyInfo.
fn public_key(spki: &[u8]) -> Result<Vec<u8>, windlass_auth::AuthError> {
    let mut info = Reader::new(spki, "public key").enter(der::SEQUENCE, "SubjectPublicKeyInfo")?;
    info.expect(der::SEQUENCE, "algorithm")?;
    let bits = info.expect(der::BIT_STRING, "subjectPublicKey")?.content;
    Ok(bits.get(1..).unwrap_or_default().to_vec())
}

struct Key {
    key: SigningKey,
    public: Vec<u8>,
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut buffer = [0; 512];
        let signature = self.key.sign_pkcs1_sha256(&mut buffer, message).map(<[u8]>::to_vec);
        signature.map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
