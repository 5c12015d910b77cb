//! A Kerberos that is not this crate's own.

use std::fmt;

use crate::{AuthError, ChannelBinding, Credential, SecurityContext};

/// Makes contexts of another implementation of Kerberos, such as that of the operating system. It brings its
/// own configuration and tickets, and asks KDCs itself.
pub trait ForeignKerberos: fmt::Debug + Send + Sync {
    /// A fresh initiator for a service principal name such as `HTTP/server.corp.example`, which belongs to
    /// this realm if that is known.
    ///
    /// # Errors
    /// The credential is none that it can use, or holds no tickets.
    fn initiator(
        &self,
        credential: &Credential,
        service: &str,
        realm: Option<&str>,
        channel_binding: Option<&ChannelBinding>,
    ) -> Result<Box<dyn SecurityContext>, AuthError>;
}
