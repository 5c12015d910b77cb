//! How RPC connections log on.

use std::time::SystemTime;

use windlass_auth::{Credential, NtlmInitiator, NtlmInitiatorOptions, SecurityContext, SpnegoInitiator};
use windlass_rpc::pdu::{AuthLevel, AuthType};
use windlass_rpc::{ClientSecurity, RpcError};

use crate::Error;
use crate::connection::file_time;

/// Who logs on, with what, and how much is protected then.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RpcSecurity {
    /// The security provider.
    pub auth_type: AuthType,
    /// How much is protected.
    pub level: AuthLevel,
    /// Who logs on.
    pub credential: Credential,
    /// The service principal name, such as `RPCSS/srv1`.
    pub target: String,
}

impl RpcSecurity {
    /// A logon through SPNEGO that protects parameters from being read ([`AuthLevel::Privacy`]).
    pub fn new(credential: Credential, target: &str) -> Self {
        let target = target.to_owned();
        Self { auth_type: AuthType::SPNEGO, level: AuthLevel::Privacy, credential, target }
    }

    /// With another level.
    #[must_use]
    pub fn with_level(mut self, level: AuthLevel) -> Self {
        self.level = level;
        self
    }

    /// With another provider.
    #[must_use]
    pub fn with_auth_type(mut self, auth_type: AuthType) -> Self {
        self.auth_type = auth_type;
        self
    }

    /// A fresh initiator.
    pub(super) fn initiator(&self, peer: &str) -> Result<ClientSecurity, Error> {
        let mut options = NtlmInitiatorOptions::new(self.credential.clone(), file_time(SystemTime::now()));
        options.target = Some(self.target.clone());
        let ntlm = NtlmInitiator::new(options);
        let context: Box<dyn SecurityContext> = match self.auth_type {
            AuthType::NTLM => Box::new(ntlm),
            AuthType::SPNEGO => Box::new(SpnegoInitiator::ntlm(ntlm)),
            _ => {
                let reason = "this security provider is not supported here";
                let source = RpcError::Usage { what: "log on", reason };
                return Err(Error::Rpc { peer: peer.to_owned(), source });
            }
        };
        Ok(ClientSecurity { auth_type: self.auth_type, level: self.level, context })
    }
}
