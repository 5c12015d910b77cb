//! Secrets of a server's session and the key that protects them.

use windlass_clixml::{PsObject, PsString, PsValue};
use windlass_core::Secret;

use super::{ServerEvent, ServerPool};
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::host::credential_value;
use crate::message::MessageType;
use crate::session_key::SessionKey;
use crate::version::ProtocolVersion;

impl ServerPool {
    /// The value that stands for a secret in output and host calls. From protocol 2.2 on it is sent at
    /// once, under a key that the client asks for when it wants to read it; before, messages with the
    /// value wait for the client's key, which is asked for.
    ///
    /// # Errors
    /// When the pool is not open, or protocol 2.4 was agreed on and the transport does not encrypt.
    pub fn protect(&mut self, secret: &Secret) -> Result<PsValue, PsrpError> {
        self.require_open("protecting a secret")?;
        if self.secrets.needs_key() {
            if self.agreed() >= ProtocolVersion::V2_2 {
                self.secrets.set_key(SessionKey::generate()?)?;
            } else {
                self.request_public_key()?;
            }
        }
        self.secrets.protect(secret)
    }

    /// A `PSCredential` with a protected password.
    ///
    /// # Errors
    /// Those of [`ServerPool::protect`].
    pub fn protect_credential(
        &mut self,
        user_name: impl Into<PsString>,
        password: &Secret,
    ) -> Result<PsValue, PsrpError> {
        let password = self.protect(password)?;
        Ok(credential_value(&user_name.into(), &password))
    }

    /// The secret in a value that came from the client.
    ///
    /// # Errors
    /// When it is no secure string, or there is no session key.
    pub fn reveal(&self, value: &PsValue) -> Result<Secret, PsrpError> {
        self.secrets.reveal(value)
    }

    /// Asks the client for its public key. Clients from protocol 2.2 on send it by themselves.
    ///
    /// # Errors
    /// When the pool is not open.
    pub fn request_public_key(&mut self) -> Result<(), PsrpError> {
        self.require_open("exchanging keys")?;
        let (bytes, _) = self.encode(MessageType::PublicKeyRequest, None, &PsValue::from(""));
        self.outbox.push_first(bytes);
        Ok(())
    }

    pub(super) fn public_key_came(&mut self, value: &PsValue) -> Result<(), PsrpError> {
        let fields = Fields::new("PUBLIC_KEY", value)?;
        let public: PsString = fields.required("PublicKey")?;
        let key = match self.secrets.key() {
            Some(key) => key.clone(),
            None => SessionKey::generate()?,
        };
        let sealed = key.seal_for(&public)?;
        let value = PsObject::untyped().with("EncryptedSessionKey", sealed).into();
        let (bytes, _) = self.encode(MessageType::EncryptedSessionKey, None, &value);
        self.outbox.push_first(bytes);
        if self.secrets.needs_key() {
            self.secrets.set_key(key)?;
        }
        let secrets = &self.secrets;
        self.outbox.key_arrived(|message| secrets.replace(message));
        self.events.push_back(ServerEvent::SessionKey);
        Ok(())
    }
}
