//! Secrets that go to the host and come from it, under the session's key ([MS-PSRP] 3.1.5.4.3 to 3.1.5.4.5).

use windlass_clixml::PsValue;
use windlass_core::Secret;
use windlass_psrp::PsrpError;

use super::machine::Machine;
use super::session::PsSession;
use super::shared::Stage;
use crate::error::{Error, Layer, Result};

impl PsSession {
    /// The value that stands for a secret among the parameters and the input of this session's pipelines, as a
    /// `SecureString`. It travels under a key that is agreed on when the first secret is made; what holds the
    /// value waits for it. Other sessions cannot read it.
    ///
    /// # Errors
    /// The session is not open, or the secret would travel readable: protocol 2.4 on a way that does not encrypt.
    pub fn protect(&self, secret: &Secret) -> Result<PsValue> {
        self.make(|machine| machine.pool.protect(secret))
    }

    /// The same as a `PSCredential`.
    ///
    /// # Errors
    /// Those of [`PsSession::protect`].
    pub fn protect_credential(&self, user_name: &str, password: &Secret) -> Result<PsValue> {
        self.make(|machine| machine.pool.protect_credential(user_name, password))
    }

    /// The secret in a `SecureString` that came from this session. The key is agreed on first, where that has not
    /// happened yet.
    ///
    /// # Errors
    /// The value is no secret of this session, or the host does not agree on a key.
    pub async fn reveal(&self, value: &PsValue) -> Result<Secret> {
        let shared = &self.shared;
        let agreed = tokio::time::sleep(shared.timing.answer_timeout);
        tokio::pin!(agreed);
        loop {
            let changed = shared.pool_changed.notified();
            let revealed = shared.with_machine(|machine| match machine.pool.reveal(value) {
                Err(PsrpError::NoSessionKey) => machine.pool.request_session_key().map(|()| None),
                revealed => revealed.map(Some),
            });
            if let Some(secret) = revealed.map_err(|error| self.refusal(error))? {
                return Ok(secret);
            }
            shared.park();
            shared.flush().await?;
            tokio::select! {
                () = changed => {}
                () = &mut agreed => return Err(shared.no_key()),
                () = shared.reached(Stage::Closing) => {
                    return Err(Error::closed(shared.host_name(), "the session was closed"));
                }
            }
        }
    }

    fn make(&self, act: impl FnOnce(&mut Machine) -> Result<PsValue, PsrpError>) -> Result<PsValue> {
        let made = self.shared.with_machine(act).map_err(|error| self.refusal(error));
        // The key comes among the pool's own messages.
        self.shared.park();
        made
    }

    fn refusal(&self, error: PsrpError) -> Error {
        match error {
            PsrpError::PoolState { .. } => self.shared.pool_error(),
            PsrpError::UnprotectedSecret => Error::usage(error.to_string()),
            error => Error::protocol(Layer::Psrp, self.shared.host_name(), error),
        }
    }
}
