//! The certificate that the client shows, and where it is found.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::Error;

/// Files of a certificate store larger than this are passed over.
const MAX_FILE: u64 = 1 << 20;

/// A certificate of the client and its key.
#[derive(Clone)]
pub struct ClientIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    /// Whether a server asked for it in the last handshake.
    asked: Arc<AtomicBool>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(..)")
    }
}

impl ClientIdentity {
    /// Reads a chain and a key from PEM; both may be the same text.
    ///
    /// # Errors
    /// A text that is not PEM, or without a certificate or key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let refused = |what: &str| Error::TlsOptions { reason: format!("no {what} in the PEM text") };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| refused("certificate"))?;
        if chain.is_empty() {
            return Err(refused("certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| refused("private key"))?;
        Ok(Self { chain, key: Arc::new(key), asked: Arc::default() })
    }

    /// Looks for the certificate of this thumbprint (`-CertificateThumbprint`), SHA-1 or SHA-256, in the
    /// PEM files of a directory. Its key is in the same file or in one of the same name that ends in
    /// `.key`.
    ///
    /// # Errors
    /// The thumbprint is none, the directory cannot be read, or the certificate or its key is not there.
    pub fn find(directory: &Path, thumbprint: &str) -> Result<Self, Error> {
        let refused = |reason: String| Error::TlsOptions { reason };
        let wanted = fingerprint(thumbprint).filter(|bytes| matches!(bytes.len(), 20 | 32));
        let wanted = wanted.ok_or_else(|| {
            refused("a thumbprint has 40 hexadecimal digits (SHA-1) or 64 (SHA-256)".to_owned())
        })?;
        let unreadable = |error: std::io::Error| {
            refused(format!("the certificate store {} cannot be read: {error}", directory.display()))
        };
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let small = path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE);
            let Some(pem) = small.then(|| std::fs::read(&path).ok()).flatten() else { continue };
            let first = CertificateDer::pem_slice_iter(&pem).next();
            let Some(Ok(certificate)) = first else { continue };
            let matches = match wanted.len() {
                20 => Sha1::digest(&certificate).as_slice() == wanted,
                _ => Sha256::digest(&certificate).as_slice() == wanted,
            };
            if !matches {
                continue;
            }
            if PrivateKeyDer::from_pem_slice(&pem).is_ok() {
                return Self::from_pem(&pem, &pem);
            }
            let key_file = path.with_extension("key");
            let key = std::fs::read(&key_file).map_err(|error| {
                refused(format!("the key {} cannot be read: {error}", key_file.display()))
            })?;
            return Self::from_pem(&pem, &key);
        }
        Err(refused(format!("no certificate in {} has this thumbprint", directory.display())))
    }

    /// Whether the server asked for the certificate when hands were shaken last.
    pub(crate) fn was_asked_for(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn resolver(&self, provider: &CryptoProvider) -> Result<Arc<Resolver>, Error> {
        let failed = |error: rustls::Error| Error::TlsOptions {
            reason: format!("the client's certificate cannot be used: {error}"),
        };
        let certified =
            CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), provider).map_err(failed)?;
        Ok(Arc::new(Resolver { certified: Arc::new(certified), asked: Arc::clone(&self.asked) }))
    }
}

/// Shows the certificate, and remembers that it was asked for.
#[derive(Debug)]
pub(crate) struct Resolver {
    certified: Arc<CertifiedKey>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certified.key.choose_scheme(schemes)?;
        Some(Arc::clone(&self.certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The bytes of a fingerprint, with colons or spaces between the digits or without.
pub(crate) fn fingerprint(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|character| !matches!(character, ':' | ' '))
        .map(|character| character.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        assert_eq!(fingerprint("00:fF 1a"), Some(vec![0, 255, 26]));
        assert_eq!(fingerprint("0"), None);
        assert_eq!(fingerprint("0g"), None);
        assert!(ClientIdentity::find(Path::new("/"), "00").is_err());
    }
}
