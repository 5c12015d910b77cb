//! The certificate that the client shows, and where it is found.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use windlass_core::Secret;

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

    /// Reads a chain and a key from PKCS #12 (`.pfx`, `.p12`): the first key with its certificates.
    ///
    /// # Errors
    /// The password is another, or the bytes are no PKCS #12 with a key and its certificate.
    pub fn from_pkcs12(bytes: &[u8], password: &Secret) -> Result<Self, Error> {
        Self::pick(bytes, password, |_| true)
    }

    /// Looks for the certificate of this thumbprint (`-CertificateThumbprint`), SHA-1 or SHA-256, in the
    /// files of a directory: in PEM, where its key is in the same file or in one of the same name that
    /// ends in `.key`, and then in PKCS #12, in files that end in `.pfx` or `.p12`. `password` is asked for
    /// what opens each of those; without an answer it is passed over.
    ///
    /// # Errors
    /// The thumbprint is none, the directory cannot be read, or the certificate or its key is not there.
    pub fn find(
        directory: &Path,
        thumbprint: &str,
        mut password: impl FnMut(&Path) -> Option<Secret>,
    ) -> Result<Self, Error> {
        let refused = |reason: String| Error::TlsOptions { reason };
        let wanted = Thumbprint::parse(thumbprint).ok_or_else(|| {
            refused("a thumbprint has 40 hexadecimal digits (SHA-1) or 64 (SHA-256)".to_owned())
        })?;
        let unreadable = |error: std::io::Error| {
            refused(format!("the certificate store {} cannot be read: {error}", directory.display()))
        };
        let mut sealed = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let small = path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE);
            let Some(bytes) = small.then(|| std::fs::read(&path).ok()).flatten() else { continue };
            if is_pkcs12(&path) {
                sealed.push((path, bytes));
                continue;
            }
            match CertificateDer::pem_slice_iter(&bytes).next() {
                Some(Ok(certificate)) if wanted.is_of(&certificate) => {
                    return Self::with_key_beside(&path, &bytes);
                }
                _ => {}
            }
        }
        let mut closed = Vec::new();
        for (path, bytes) in sealed {
            let opened = password(&path)
                .ok_or_else(|| refused("there is no password for it".to_owned()))
                .and_then(|password| Self::pick(&bytes, &password, |certificate| wanted.is_of(certificate)));
            match opened {
                Ok(identity) => return Ok(identity),
                Err(Error::TlsOptions { reason }) => closed.push(format!("; {}: {reason}", path.display())),
                Err(other) => return Err(other),
            }
        }
        let closed = closed.concat();
        Err(refused(format!("no certificate in {} has this thumbprint{closed}", directory.display())))
    }

    /// A chain whose key is in the same file, or in the one beside it.
    fn with_key_beside(path: &Path, pem: &[u8]) -> Result<Self, Error> {
        if PrivateKeyDer::from_pem_slice(pem).is_ok() {
            return Self::from_pem(pem, pem);
        }
        let key_file = path.with_extension("key");
        let key = std::fs::read(&key_file).map_err(|error| Error::TlsOptions {
            reason: format!("the key {} cannot be read: {error}", key_file.display()),
        })?;
        Self::from_pem(pem, &key)
    }

    /// The first key of a PKCS #12 whose certificate is the one meant.
    fn pick(bytes: &[u8], password: &Secret, is_meant: impl Fn(&[u8]) -> bool) -> Result<Self, Error> {
        let refused = |reason: String| Error::TlsOptions { reason };
        let store = KeyStore::from_pkcs12(bytes, password.expose(), Pkcs12ImportPolicy::Strict)
            .map_err(|error| refused(format!("it cannot be opened with this password: {error}")))?;
        let entry = store.entries().find_map(|(_, entry)| match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => {
                chain.certs().first().filter(|first| is_meant(first.as_der())).map(|_| chain)
            }
            _ => None,
        });
        let entry = entry.ok_or_else(|| refused("it holds another certificate, or no key".to_owned()))?;
        let chain = entry.certs().iter().map(|one| CertificateDer::from(one.as_der().to_vec())).collect();
        let key = PrivateKeyDer::Pkcs8(entry.key().as_der().to_vec().into());
        Ok(Self { chain, key: Arc::new(key), asked: Arc::default() })
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

/// A hash of a certificate.
struct Thumbprint(Vec<u8>);

impl Thumbprint {
    fn parse(text: &str) -> Option<Self> {
        fingerprint(text).filter(|bytes| matches!(bytes.len(), 20 | 32)).map(Self)
    }

    fn is_of(&self, certificate: &[u8]) -> bool {
        match self.0.len() {
            20 => Sha1::digest(certificate).as_slice() == self.0,
            _ => Sha256::digest(certificate).as_slice() == self.0,
        }
    }
}

fn is_pkcs12(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["pfx", "p12"].iter().any(|known| extension.eq_ignore_ascii_case(known))
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
        assert!(ClientIdentity::find(Path::new("/"), "00", |_| None).is_err());
    }
}
