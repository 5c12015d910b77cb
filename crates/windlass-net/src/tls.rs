//! TLS over any stream, with a provider written in Rust.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::BufReader;
use tokio_rustls::TlsConnector;
use windlass_auth::ChannelBinding;

use crate::identity::{self, ClientIdentity};
use crate::key_log::KeyLogFile;
use crate::verify::Verifier;
use crate::{BoxStream, Endpoint, Error, tls_failure};

/// How much is read at once from below TLS, which would itself read a quarter of a record at a time.
const READ_AHEAD: usize = 32 << 10;

/// How much of the server's certificate is checked, and what the client shows of itself.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// Accept certificates whose chain does not lead to a trusted root (`-SkipCACheck`).
    pub skip_ca_check: bool,
    /// Accept certificates for another name (`-SkipCNCheck`).
    pub skip_cn_check: bool,
    /// Roots that are trusted besides those of the system, each in DER.
    pub extra_roots: Vec<Vec<u8>>,
    /// Trust [`extra_roots`](Self::extra_roots) alone.
    pub without_system_roots: bool,
    /// The client's certificate, for servers that ask for one.
    pub identity: Option<ClientIdentity>,
    /// SHA-256 fingerprints of certificates, one of which the server has to show. A pinned certificate
    /// needs no trusted root and no matching name.
    pub pins: Vec<[u8; 32]>,
    /// Certificate revocation lists in DER. Where there are any, every certificate of the chain has to be
    /// covered by one; without them, and with [`skip_revocation_check`](Self::skip_revocation_check),
    /// revocation is not looked at.
    pub revocation_lists: Vec<Vec<u8>>,
    /// Do not look at revocation lists (`-SkipRevocationCheck`).
    pub skip_revocation_check: bool,
    /// A file to which the secrets of connections are written, for tools that decrypt recordings. Whoever
    /// reads it can read everything.
    pub key_log: Option<PathBuf>,
}

impl TlsOptions {
    /// Adds the certificates of a PEM text to the trusted roots.
    ///
    /// # Errors
    /// The text is not PEM or holds no certificate.
    pub fn add_roots_pem(&mut self, pem: &[u8]) -> Result<(), Error> {
        let refused = || Error::TlsOptions { reason: "no certificate in the PEM text of roots".to_owned() };
        let before = self.extra_roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.extra_roots.push(certificate.map_err(|_| refused())?.to_vec());
        }
        if self.extra_roots.len() == before { Err(refused()) } else { Ok(()) }
    }

    /// Adds the revocation lists of a PEM text.
    ///
    /// # Errors
    /// The text is not PEM or holds no list.
    pub fn add_revocation_lists_pem(&mut self, pem: &[u8]) -> Result<(), Error> {
        let refused = || Error::TlsOptions { reason: "no revocation list in the PEM text".to_owned() };
        let before = self.revocation_lists.len();
        for list in CertificateRevocationListDer::pem_slice_iter(pem) {
            self.revocation_lists.push(list.map_err(|_| refused())?.to_vec());
        }
        if self.revocation_lists.len() == before { Err(refused()) } else { Ok(()) }
    }

    /// Adds a fingerprint: 64 hexadecimal digits, with colons or without.
    ///
    /// # Errors
    /// The text is something else.
    pub fn add_pin(&mut self, fingerprint: &str) -> Result<(), Error> {
        let pin = identity::fingerprint(fingerprint).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        self.pins.push(pin.ok_or_else(|| Error::TlsOptions {
            reason: "a pin is the SHA-256 fingerprint of a certificate: 64 hexadecimal digits".to_owned(),
        })?);
        Ok(())
    }

    /// Builds what handshakes share: roots, verifier and the tickets for resumption.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, Error> {
        self.config_with(self.verifier()?)
    }

    /// The same for a look at a server whose certificate is not judged.
    pub(crate) fn onlooker_config(&self) -> Result<Arc<ClientConfig>, Error> {
        self.config_with(Verifier { is_onlooker: true, ..self.verifier()? })
    }

    /// Which server certificates are good enough.
    pub(crate) fn verifier(&self) -> Result<Verifier, Error> {
        let provider = Arc::new(rustls_graviola::default_provider());
        let mut roots = if self.skip_ca_check || self.without_system_roots {
            RootCertStore::empty()
        } else {
            system_roots()
        };
        for root in &self.extra_roots {
            roots.add(CertificateDer::from(root.as_slice())).map_err(|error| Error::TlsOptions {
                reason: format!("a certificate of the trusted roots cannot be used: {error}"),
            })?;
        }
        let checks_lists = !self.skip_revocation_check && !self.revocation_lists.is_empty();
        let revocation = match checks_lists && !self.skip_ca_check {
            true => Some(revocation(&provider, &roots, &self.revocation_lists)?),
            false => None,
        };
        Ok(Verifier {
            provider,
            roots,
            check_chain: !self.skip_ca_check,
            check_name: !self.skip_cn_check,
            pins: self.pins.clone(),
            is_onlooker: false,
            revocation,
        })
    }

    fn config_with(&self, verifier: Verifier) -> Result<Arc<ClientConfig>, Error> {
        let provider = Arc::clone(&verifier.provider);
        let failed = |error: rustls::Error| Error::TlsOptions { reason: error.to_string() };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(identity.resolver(&provider)?),
        };
        if self.identity.is_some() {
            // A resumed session asks for no certificate, and whether this server does has to be seen.
            config.resumption = rustls::client::Resumption::disabled();
        }
        if let Some(path) = &self.key_log {
            config.key_log = Arc::new(KeyLogFile::create(path)?);
        }
        // HTTP.sys would choose HTTP/2 otherwise, and a security context needs its own connection.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A check of whole chains that looks at revocation lists.
fn revocation(
    provider: &Arc<CryptoProvider>,
    roots: &RootCertStore,
    lists: &[Vec<u8>],
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let lists = lists.iter().map(|list| CertificateRevocationListDer::from(list.clone()));
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(provider))
        .with_crls(lists)
        .build()
        .map_err(|error| Error::TlsOptions { reason: format!("the revocation lists: {error}") })
}

/// The system's roots, read once in the life of the process.
fn system_roots() -> RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS
        .get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some of the system's root certificates could not be read");
            }
            let mut roots = RootCertStore::empty();
            let (added, ignored) = roots.add_parsable_certificates(found.certs);
            tracing::debug!(added, ignored, "read the system's root certificates");
            roots
        })
        .clone()
}

/// Shakes hands and returns the stream inside, with the binding of its channel.
pub(crate) async fn handshake(
    config: &Arc<ClientConfig>,
    endpoint: &Endpoint,
    peer: &str,
    stream: BoxStream,
) -> Result<(BoxStream, Option<ChannelBinding>), Error> {
    let failed = |reason: String| Error::Tls { peer: peer.to_owned(), reason };
    let name = ServerName::try_from(endpoint.public_host().to_owned())
        .map_err(|_| failed("the host's name cannot stand in a certificate".to_owned()))?;
    let stream = TlsConnector::from(Arc::clone(config))
        .connect(name, BufReader::with_capacity(READ_AHEAD, stream))
        .await
        .map_err(|error| failed(tls_failure::explain(&error)))?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let binding = certificate.and_then(|der| match ChannelBinding::tls_server_end_point(der) {
        Ok(binding) => Some(binding),
        Err(error) => {
            tracing::warn!(%error, "the logon cannot be bound to the TLS channel");
            None
        }
    });
    Ok((Box::new(stream), binding))
}
