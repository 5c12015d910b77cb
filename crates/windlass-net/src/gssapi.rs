//! The Kerberos of the operating system (cargo feature `gssapi`): what this project's own lacks, which is
//! caches in KCM and in the kernel's keyring, RC4, and delegation.
//!
//! The library asks KDCs itself and waits for them: a step of its contexts may block its thread.

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_KRB5_PRINCIPAL, OidSet};
use libgssapi::util::{Buf, GssIov, GssIovType};
use windlass_auth::kerberos::ForeignKerberos;
use windlass_auth::{AuthError, ChannelBinding, Credential, SealingProtocol, SecurityContext, Step};
use windlass_core::SecretBytes;

const NAME: &str = "Kerberos";

/// Makes contexts with the system's GSSAPI.
#[derive(Debug)]
pub(crate) struct SystemKerberos {
    /// Whether the server is handed the user's ticket-granting ticket.
    pub(crate) delegate: bool,
}

impl ForeignKerberos for SystemKerberos {
    fn initiator(
        &self,
        credential: &Credential,
        service: &str,
        realm: Option<&str>,
        channel_binding: Option<&ChannelBinding>,
    ) -> Result<Box<dyn SecurityContext>, AuthError> {
        // Without a realm, the name ends in @: the KDC of the user's realm refers to that of the service.
        let principal = format!("{service}@{}", realm.unwrap_or_default());
        let target = Name::new(principal.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL)).map_err(failed)?;
        let mut flags = CtxFlags::GSS_C_MUTUAL_FLAG
            | CtxFlags::GSS_C_REPLAY_FLAG
            | CtxFlags::GSS_C_SEQUENCE_FLAG
            | CtxFlags::GSS_C_CONF_FLAG
            | CtxFlags::GSS_C_INTEG_FLAG;
        if self.delegate {
            flags |= CtxFlags::GSS_C_DELEG_FLAG;
        }
        let context = ClientCtx::new(acquire(credential)?, target, flags, Some(GSS_MECH_KRB5));
        let binding = channel_binding.map(|binding| binding.application_data().to_vec());
        Ok(Box::new(SystemContext { context, binding, complete: false, received: 0 }))
    }
}

/// What the library logs on with; nothing stands for the tickets that the user holds.
fn acquire(credential: &Credential) -> Result<Option<Cred>, AuthError> {
    let password = match credential {
        Credential::System => return Ok(None),
        Credential::Password { password, .. } => password,
        _ => {
            let reason = "the operating system's Kerberos takes a password or the tickets that it holds";
            return Err(AuthError::Credential { mechanism: NAME, reason });
        }
    };
    let principal = match credential.domain() {
        Some(realm) => format!("{}@{}", credential.user(), realm.to_uppercase()),
        None => match credential.user().split_once('@') {
            Some((user, realm)) => format!("{user}@{}", realm.to_uppercase()),
            None => credential.user().to_owned(),
        },
    };
    let name = Name::new(principal.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL)).map_err(failed)?;
    let mechanisms = OidSet::singleton(GSS_MECH_KRB5).map_err(failed)?;
    Cred::acquire_with_password(Some(&name), password.expose(), None, CredUsage::Initiate, Some(&mechanisms))
        .map(Some)
        .map_err(failed)
}

struct SystemContext {
    context: ClientCtx,
    binding: Option<Vec<u8>>,
    complete: bool,
    /// How many messages were unsealed or checked.
    received: u32,
}

impl SystemContext {
    fn ready(&mut self) -> Result<&mut ClientCtx, AuthError> {
        match self.complete {
            true => Ok(&mut self.context),
            false => Err(AuthError::State { mechanism: NAME, reason: "has no keys yet" }),
        }
    }

    /// Does something with a message from the peer.
    fn take<T>(
        &mut self,
        check: impl FnOnce(&mut ClientCtx) -> Result<T, libgssapi::error::Error>,
    ) -> Result<T, AuthError> {
        let sequence = self.received;
        let outcome = check(self.ready()?);
        self.received = sequence.wrapping_add(1);
        outcome.map_err(|_| AuthError::MessageIntegrity { mechanism: NAME, sequence })
    }
}

impl SecurityContext for SystemContext {
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        if self.complete {
            return Err(AuthError::State { mechanism: NAME, reason: "is complete and expects no token" });
        }
        let token = self.context.step(input, self.binding.as_deref()).map_err(failed)?;
        self.complete = self.context.open().unwrap_or(false);
        let token = token.map(|token| token.to_vec());
        match (self.complete, token) {
            (true, token) => Ok(Step::Complete(token)),
            (false, Some(token)) => Ok(Step::Continue(token)),
            (false, None) => Err(AuthError::State { mechanism: NAME, reason: "does not come to its end" }),
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn can_seal(&self) -> bool {
        self.complete
    }

    fn sealing_protocol(&self) -> SealingProtocol {
        SealingProtocol::Kerberos
    }

    fn seal(&mut self, header: &mut Vec<u8>, data: &mut Vec<u8>) -> Result<(), AuthError> {
        let mut padding = {
            let mut pieces = [
                GssIov::new_alloc(GssIovType::Header),
                GssIov::new(GssIovType::Data, data),
                GssIov::new_alloc(GssIovType::Padding),
            ];
            self.ready()?.wrap_iov(true, &mut pieces).map_err(failed)?;
            let [front, _, padding] = &pieces;
            header.clear();
            header.extend_from_slice(front);
            padding.to_vec()
        };
        data.append(&mut padding);
        Ok(())
    }

    fn unseal(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
        let plain = self.unwrap(&[header, data].concat())?;
        let short = AuthError::State { mechanism: NAME, reason: "unsealed more than was sealed" };
        data.get_mut(..plain.len()).ok_or(short)?.copy_from_slice(&plain);
        Ok(plain.len())
    }

    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.ready()?.wrap(true, message).map(bytes).map_err(failed)
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.take(|context| context.unwrap(token)).map(bytes)
    }

    fn sign(&mut self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), AuthError> {
        *signature = self.ready()?.get_mic(message).map(bytes).map_err(failed)?;
        Ok(())
    }

    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<(), AuthError> {
        self.take(|context| context.verify_mic(message, signature))
    }

    fn session_key(&self) -> Option<&SecretBytes> {
        None
    }

    fn mechanism(&self) -> &'static str {
        NAME
    }
}

fn bytes(buffer: Buf) -> Vec<u8> {
    buffer.to_vec()
}

fn failed(error: libgssapi::error::Error) -> AuthError {
    AuthError::Kerberos(format!("the system's GSSAPI refuses: {error}"))
}
