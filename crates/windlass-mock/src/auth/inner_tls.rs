//! The TLS that CredSSP carries inside its tokens, as a server.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use windlass_auth::{AuthError, InnerTls};

use super::rsa;

/// What the connections share: certificate and key.
pub(super) struct Setup {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

impl Setup {
    /// Makes a key and a certificate.
    pub(super) fn new() -> Result<Self, String> {
        let (certificate, key) = rsa::certificate()?;
        let provider = Arc::new(rustls_graviola::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], key)
            })
            .map_err(|error| error.to_string())?;
        Ok(Self { config: Arc::new(config), certificate })
    }

    /// One more connection.
    pub(super) fn open(&self) -> Result<Box<dyn InnerTls>, AuthError> {
        let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(failed)?;
        Ok(Box::new(Server { connection, certificate: self.certificate.clone(), plain: Vec::new() }))
    }
}

/// One connection without a socket.
struct Server {
    connection: ServerConnection,
    certificate: CertificateDer<'static>,
    /// What was decrypted and not read yet.
    plain: Vec<u8>,
}

impl InnerTls for Server {
    fn receive(&mut self, mut bytes: &[u8]) -> Result<(), AuthError> {
        while !bytes.is_empty() {
            if self.connection.read_tls(&mut bytes).map_err(failed)? == 0 {
                break;
            }
            self.connection.process_new_packets().map_err(failed)?;
            match self.connection.reader().read_to_end(&mut self.plain) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> Result<(), AuthError> {
        while self.connection.wants_write() {
            self.connection.write_tls(out).map_err(failed)?;
        }
        Ok(())
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    fn write(&mut self, plain: &[u8]) -> Result<(), AuthError> {
        self.connection.writer().write_all(plain).map_err(failed)
    }

    fn read(&mut self, plain: &mut Vec<u8>) -> Result<(), AuthError> {
        plain.append(&mut self.plain);
        Ok(())
    }

    fn server_certificate(&self) -> Option<Vec<u8>> {
        Some(self.certificate.to_vec())
    }

    fn trailer_length(&self) -> usize {
        // The tag of AES-GCM or ChaCha20-Poly1305, and in TLS 1.3 the type of the content.
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => 17,
            _ => 16,
        }
    }
}

fn failed(error: impl std::fmt::Display) -> AuthError {
    AuthError::InnerTls(error.to_string())
}
