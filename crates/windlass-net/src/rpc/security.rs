//! How RPC connections log on.

use std::sync::Arc;
use std::time::SystemTime;

use windlass_auth::spnego::{MechType, Mechanism};
use windlass_auth::{
    AuthError, Credential, KerberosInitiator, KerberosInitiatorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoInitiator,
};
use windlass_rpc::pdu::{AuthLevel, AuthType};
use windlass_rpc::{ClientSecurity, RpcError};

use crate::connection::file_time;
use crate::{Error, Kerberos};

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

    /// A fresh initiator. SPNEGO offers Kerberos first where it is worth a try.
    pub(super) fn initiator(&self, peer: &str, kerberos: Option<&Kerberos>) -> Result<ClientSecurity, Error> {
        let usage = |reason| {
            let source = RpcError::Usage { what: "log on", reason };
            Error::Rpc { peer: peer.to_owned(), source }
        };
        let now = file_time(SystemTime::now());
        let mut ntlm = NtlmInitiatorOptions::new(self.credential.clone(), now);
        ntlm.target = Some(self.target.clone());
        let has_password = self.credential.nt_hash().is_some();
        let kerberos = kerberos.map(|kerberos| self.kerberos_options(kerberos, now));
        let context: Box<dyn SecurityContext> = match self.auth_type {
            AuthType::NTLM if has_password => Box::new(NtlmInitiator::new(ntlm)),
            AuthType::NTLM => return Err(usage("NTLM needs a password")),
            AuthType::KERBEROS => {
                let options = kerberos.ok_or_else(|| usage("nothing is known of Kerberos realms"))?;
                Box::new(KerberosInitiator::new(options))
            }
            AuthType::SPNEGO => {
                let mut mechanisms = Vec::new();
                if let Some(options) = kerberos.filter(|options| options.is_promising() || !has_password) {
                    let context = Box::new(KerberosInitiator::new(options));
                    mechanisms.push(Mechanism { mech_type: MechType::kerberos(), context });
                }
                if has_password {
                    let context = Box::new(NtlmInitiator::new(ntlm));
                    mechanisms.push(Mechanism { mech_type: MechType::ntlm(), context });
                }
                let refused =
                    |source: AuthError| Error::RpcRefused { peer: peer.to_owned(), source: source.into() };
                Box::new(SpnegoInitiator::new(mechanisms).map_err(refused)?)
            }
            _ => return Err(usage("this security provider is not supported here")),
        };
        Ok(ClientSecurity { auth_type: self.auth_type, level: self.level, context })
    }

    fn kerberos_options(&self, kerberos: &Kerberos, now: u64) -> KerberosInitiatorOptions {
        let shared = kerberos.client();
        let mut options = KerberosInitiatorOptions::new(
            self.credential.clone(),
            &self.target,
            Arc::clone(&shared.config),
            Arc::clone(&shared.tickets),
            now,
        );
        options.dce_style = true;
        options.confidentiality = self.level.seals();
        options
    }
}
