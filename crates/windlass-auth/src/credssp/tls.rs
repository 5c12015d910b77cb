//! The TLS that carries CredSSP, as its contexts see it.

use std::fmt;
use std::sync::Arc;

use crate::AuthError;

/// One side of a TLS connection without a socket: bytes of the peer go in, bytes for the peer come out.
pub trait InnerTls: Send {
    /// Takes bytes of the peer.
    ///
    /// # Errors
    /// They are not the TLS that is due. What is to be sent nonetheless, an alert, waits in
    /// [`transmit`](Self::transmit).
    fn receive(&mut self, bytes: &[u8]) -> Result<(), AuthError>;

    /// Appends what is to be sent to the peer.
    ///
    /// # Errors
    /// Nothing can be sent any more.
    fn transmit(&mut self, out: &mut Vec<u8>) -> Result<(), AuthError>;

    /// Whether the handshake is still under way.
    fn is_handshaking(&self) -> bool;

    /// Encrypts; the records wait in [`transmit`](Self::transmit).
    ///
    /// # Errors
    /// The handshake is not over.
    fn write(&mut self, plain: &[u8]) -> Result<(), AuthError>;

    /// Appends what the peer encrypted and was received so far.
    ///
    /// # Errors
    /// Nothing can be read any more.
    fn read(&mut self, plain: &mut Vec<u8>) -> Result<(), AuthError>;

    /// The server's certificate in DER: the peer's on the client's side, one's own on the server's.
    fn server_certificate(&self) -> Option<Vec<u8>>;

    /// How many bytes follow the ciphertext in a record: what WinRM counts as the header of a sealed
    /// message.
    fn trailer_length(&self) -> usize;
}

/// Opens TLS connections for the contexts of one configuration.
#[derive(Clone)]
pub struct InnerTlsFactory(Arc<dyn Fn() -> Result<Box<dyn InnerTls>, AuthError> + Send + Sync>);

impl InnerTlsFactory {
    /// Opens them with `open`.
    pub fn new(open: impl Fn() -> Result<Box<dyn InnerTls>, AuthError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// One more.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn open(&self) -> Result<Box<dyn InnerTls>, AuthError> {
        (self.0)()
    }
}

impl fmt::Debug for InnerTlsFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InnerTlsFactory(..)")
    }
}

/// The TLS of a context with the rules of CredSSP: one token, one message.
pub(super) struct Channel(Box<dyn InnerTls>);

impl Channel {
    pub(super) fn new(tls: Box<dyn InnerTls>) -> Self {
        Self(tls)
    }

    pub(super) fn receive(&mut self, token: &[u8]) -> Result<(), AuthError> {
        if token.len() > super::request::MAX_TOKEN {
            return Err(AuthError::TooLarge {
                what: "credssp token",
                actual: token.len(),
                limit: super::request::MAX_TOKEN,
            });
        }
        self.0.receive(token)
    }

    pub(super) fn transmit(&mut self) -> Result<Vec<u8>, AuthError> {
        let mut out = Vec::new();
        self.0.transmit(&mut out)?;
        Ok(out)
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Encrypts one message.
    pub(super) fn encrypt(&mut self, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.0.write(plain)?;
        self.transmit()
    }

    /// What has been decrypted.
    pub(super) fn decrypted(&mut self) -> Result<Vec<u8>, AuthError> {
        let mut plain = Vec::new();
        self.0.read(&mut plain)?;
        Ok(plain)
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, AuthError> {
        let certificate = self
            .0
            .server_certificate()
            .ok_or(AuthError::State { mechanism: super::NAME, reason: "has no certificate of the server" })?;
        super::subject_public_key(&certificate).map(<[u8]>::to_vec)
    }

    /// Seals as WinRM frames it: the first bytes of the records are the header.
    pub(super) fn seal(&mut self, header: &mut Vec<u8>, data: &mut Vec<u8>) -> Result<(), AuthError> {
        let mut records = self.encrypt(data)?;
        let rest = records.split_off(self.0.trailer_length().min(records.len()));
        *header = records;
        *data = rest;
        Ok(())
    }

    pub(super) fn unseal(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
        self.0.receive(header)?;
        self.0.receive(data)?;
        let plain = self.decrypted()?;
        let target = data
            .get_mut(..plain.len())
            .ok_or(AuthError::State { mechanism: super::NAME, reason: "decrypted more than it was given" })?;
        target.copy_from_slice(&plain);
        Ok(plain.len())
    }
}
