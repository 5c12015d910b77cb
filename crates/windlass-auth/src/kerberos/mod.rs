//! Kerberos ([RFC 4120], [RFC 4121], [MS-KILE]): both roles, with AES and HMAC-SHA1 ([RFC 3962]).
//!
//! The initiator logs on with a password, a keytab or the tickets of a credential cache, and asks KDCs by
//! handing out what to send them ([`Step::AskKdc`](crate::Step::AskKdc)). The acceptor needs no KDC: its
//! keys are in a keytab. RC4, DES and AES with HMAC-SHA2 are not supported, and neither is delegation: a
//! [`ForeignKerberos`] may do what is missing.

mod acceptor;
mod aes_cts;
mod asn1;
mod ccache;
mod crypto;
mod exchange;
mod foreign;
mod gss;
mod initiator;
mod kdc;
mod keytab;
mod krb5_conf;
mod messages;
mod name;
mod refusal;
mod replay;
mod tickets;
mod time;
mod wrap;

pub use acceptor::{KerberosAcceptor, KerberosAcceptorOptions};
pub use ccache::CredentialCache;
pub use crypto::{Enctype, Key};
pub use foreign::ForeignKerberos;
pub use gss::{GssChecksum, MAX_TOKEN};
pub use initiator::{KerberosInitiator, KerberosInitiatorOptions};
pub use kdc::{EtypeInfo2, KdcRep, KdcRepContent, KdcReq, KdcReqBody, KrbError, PaData};
pub use keytab::{Keytab, KeytabEntry};
pub use krb5_conf::{Include, Krb5Config};
pub use messages::{ApRepContent, ApReq, Authenticator, EncryptedData, Ticket, TicketContent};
pub use name::{FullName, PrincipalName};
pub use refusal::is_response_too_big;
pub use replay::ReplayCache;
pub use tickets::{HeldTicket, TicketStore};

/// The name of the mechanism, in errors and principals.
pub(crate) const NAME: &str = "Kerberos";

/// The message protection of either role, left to what its method `security` returns.
macro_rules! forward_wrap {
    () => {
        fn seal(&mut self, header: &mut Vec<u8>, data: &mut Vec<u8>) -> Result<(), AuthError> {
            self.security()?.seal(header, data)
        }

        fn unseal(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
            self.security()?.unseal(header, data)
        }

        fn seal_between(
            &mut self,
            before: &[u8],
            data: &mut [u8],
            after: &[u8],
            signature: &mut Vec<u8>,
        ) -> Result<(), AuthError> {
            self.security()?.seal_between(before, data, after, signature)
        }

        fn unseal_between(
            &mut self,
            before: &[u8],
            data: &mut [u8],
            after: &[u8],
            signature: &[u8],
        ) -> Result<(), AuthError> {
            self.security()?.unseal_between(before, data, after, signature)
        }

        fn sign(&mut self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), AuthError> {
            self.security()?.sign(message, signature);
            Ok(())
        }

        fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<(), AuthError> {
            self.security()?.verify(message, signature)
        }

        fn signature_size(&self) -> usize {
            SIGNATURE_SIZE
        }

        fn seal_signature_size(&self) -> usize {
            seal_size(self.is_dce_style())
        }
    };
}

use forward_wrap;
