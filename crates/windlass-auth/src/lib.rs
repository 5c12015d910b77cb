//! Basic, Digest, NTLM, Kerberos, SPNEGO and CredSSP for initiators and acceptors, all but the first two
//! behind one security context.
//!
//! Every mechanism is a [`SecurityContext`]: tokens go in, tokens come out, and once both sides agree on
//! keys it signs and seals messages. A context does no I/O and reads no clock; the one thing it may need
//! from outside, a trip to a Kerberos KDC, is handed out as a value ([`Step::AskKdc`]).
//!
//! ```
//! use std::sync::Arc;
//!
//! use windlass_auth::*;
//!
//! # fn main() -> Result<(), AuthError> {
//! let (now, password) = (0x01DB_0000_0000_0000, "Wind-lass1".to_owned());
//! let mut accounts = Accounts::new();
//! accounts.insert("alice", password.clone());
//! let alice = Credential::password("alice", password);
//! let mut client = NtlmInitiator::new(NtlmInitiatorOptions::new(alice, now));
//! let mut server = NtlmAcceptor::new(NtlmAcceptorOptions::new(Arc::new(accounts), "SRV1", now));
//!
//! let Step::Continue(negotiate) = client.step(None)? else { panic!("NTLM takes three messages") };
//! let Step::Continue(challenge) = server.step(Some(&negotiate))? else { panic!("three") };
//! let Step::Complete(Some(authenticate)) = client.step(Some(&challenge))? else { panic!("three") };
//! server.step(Some(&authenticate))?;
//!
//! let (mut signature, mut data) = (Vec::new(), b"secret".to_vec());
//! client.seal(&mut signature, &mut data)?;
//! assert_ne!(data, b"secret");
//! assert_eq!(server.peer().map(|peer| peer.user.as_str()), Some("alice"));
//! # Ok(())
//! # }
//! ```
//!
//! Specifications: [MS-NLMP] (NTLM), [RFC 4120], [RFC 4121], [RFC 3961], [RFC 3962], [RFC 6806] and
//! [MS-KILE] (Kerberos), [RFC 4178] and [MS-SPNG] (SPNEGO), [RFC 5929] and [RFC 2743]
//! (channel bindings), [RFC 7617] (Basic), [RFC 7616] (Digest), [MS-CSSP] (CredSSP).
#![forbid(unsafe_code)]

mod account;
pub mod basic;
mod channel_binding;
mod context;
mod credential;
pub mod credssp;
pub mod der;
pub mod digest;
mod error;
pub mod kerberos;
pub mod ntlm;
pub mod spnego;

pub use account::{AccountStore, Accounts, NtlmLogon, Principal};
pub use channel_binding::{BindingPolicy, ChannelBinding};
pub use context::{Direction, KdcRequest, SealingProtocol, SecurityContext, Step};
pub use credential::Credential;
pub use credssp::{
    CredSspAcceptor, CredSspAcceptorOptions, CredSspInitiator, CredSspInitiatorOptions, InnerTls,
    InnerTlsFactory, subject_public_key,
};
pub use digest::{DigestAcceptor, DigestChallenge, DigestClient};
pub use error::{AuthError, MissingTicket};
pub use kerberos::{KerberosAcceptor, KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions};
pub use ntlm::{NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions};
pub use spnego::{SpnegoAcceptor, SpnegoInitiator};
