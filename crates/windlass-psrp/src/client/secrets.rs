//! Secrets of a client's session and the key that protects them.

use windlass_clixml::{PsObject, PsString, PsValue};
use windlass_core::Secret;

use super::{ClientEvent, ClientPool};
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::host::credential_value;
use crate::message::MessageType;
use crate::session_key::KeyPair;
use crate::state::PoolState;

impl ClientPool {
    /// Gives the RSA key for the exchange, made elsewhere because making it takes long. Without it, one
    /// is made when it is needed. It counts only before the exchange begins.
    pub fn set_key_pair(&mut self, key_pair: KeyPair) {
        if !self.key_requested {
            self.key_pair = Some(key_pair);
        }
    }

    /// The value that stands for a secret in parameters, input and answers. Where there is no session
    /// key, the exchange begins, and messages with the value wait for it.
    ///
    /// # Errors
    /// When the pool is not open, or protocol 2.4 was agreed on and the transport does not encrypt.
    pub fn protect(&mut self, secret: &Secret) -> Result<PsValue, PsrpError> {
        self.require(&[PoolState::Opened], "protecting a secret")?;
        let value = self.secrets.protect(secret)?;
        if self.secrets.needs_key() {
            self.request_session_key()?;
        }
        Ok(value)
    }

    /// A `PSCredential` with a protected password.
    ///
    /// # Errors
    /// Those of [`ClientPool::protect`].
    pub fn protect_credential(
        &mut self,
        user_name: impl Into<PsString>,
        password: &Secret,
    ) -> Result<PsValue, PsrpError> {
        let password = self.protect(password)?;
        Ok(credential_value(&user_name.into(), &password))
    }

    /// The secret in a value that came from the server.
    ///
    /// # Errors
    /// When it is no secure string, or there is no session key yet: see
    /// [`ClientPool::request_session_key`].
    pub fn reveal(&self, value: &PsValue) -> Result<Secret, PsrpError> {
        self.secrets.reveal(value)
    }

    /// Whether secrets that came can be revealed.
    pub fn has_session_key(&self) -> bool {
        self.version.is_some() && !self.secrets.needs_key()
    }

    /// Begins the exchange of the session key, where that is needed and has not begun:
    /// [`ClientEvent::SessionKey`] tells its end.
    ///
    /// # Errors
    /// When the pool is not open, or no RSA key can be made.
    pub fn request_session_key(&mut self) -> Result<(), PsrpError> {
        self.require(&[PoolState::Opened], "exchanging keys")?;
        if self.key_requested || !self.secrets.needs_key() {
            return Ok(());
        }
        let key_pair = match self.key_pair.take() {
            Some(key_pair) => key_pair,
            None => KeyPair::generate()?,
        };
        let value = PsObject::untyped().with("PublicKey", key_pair.public_blob()).into();
        let (bytes, _) = self.encode(MessageType::PublicKey, None, &value);
        self.outbox.push_first(bytes);
        self.key_pair = Some(key_pair);
        self.key_requested = true;
        Ok(())
    }

    pub(super) fn session_key_came(&mut self, value: &PsValue) -> Result<(), PsrpError> {
        let fields = Fields::new("ENCRYPTED_SESSION_KEY", value)?;
        let sealed: PsString = fields.required("EncryptedSessionKey")?;
        let unasked = PsrpError::Key { what: "encrypted session key", reason: "it was not asked for" };
        let key = self.key_pair.take().filter(|_| self.key_requested).ok_or(unasked)?.open(&sealed)?;
        self.secrets.set_key(key)?;
        let secrets = &self.secrets;
        self.outbox.key_arrived(|message| secrets.replace(message));
        self.events.push_back(ClientEvent::SessionKey);
        Ok(())
    }
}
