//! The TLS that CredSSP carries inside its tokens, as a client.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use windlass_auth::{AuthError, InnerTls, InnerTlsFactory};

/// Connections for the contexts of one session.
pub(crate) fn factory() -> Result<InnerTlsFactory, rustls::Error> {
    let provider = Arc::new(rustls_graviola::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_sni = false;
    let config = Arc::new(config);
    Ok(InnerTlsFactory::new(move || {
        let name = ServerName::try_from("credssp").map_err(failed)?;
        let connection = ClientConnection::new(Arc::clone(&config), name).map_err(failed)?;
        Ok(Box::new(Client { connection, plain: Vec::new() }))
    }))
}

/// One connection without a socket.
struct Client {
    connection: ClientConnection,
    /// What was decrypted and not read yet.
    plain: Vec<u8>,
}

impl InnerTls for Client {
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
        self.connection.peer_certificates()?.first().map(|certificate| certificate.to_vec())
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

/// Takes any certificate whose key the server has: CredSSP compares the key under the keys of the logon.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
