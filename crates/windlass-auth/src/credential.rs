//! Who logs on, and with what.

use std::fmt;
use std::sync::Arc;

use windlass_core::{Secret, SecretBytes};

use crate::kerberos::{CredentialCache, Keytab};
use crate::ntlm;

/// What an initiator logs on with.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credential {
    /// A name and a password.
    Password {
        /// The domain, if the name was given as `DOMAIN\user`.
        domain: Option<String>,
        /// The name; `user@dns.domain` stays as it is.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A name and the NT hash of its password ([MS-NLMP] 3.3.1), enough for NTLM alone.
    NtHash {
        /// The domain, if any.
        domain: Option<String>,
        /// The name.
        user: String,
        /// MD4 of the password in UTF-16: 16 bytes.
        hash: SecretBytes,
    },
    /// A name and a table with its keys, for Kerberos.
    Keytab {
        /// The name: `user@REALM`.
        principal: String,
        /// The keys.
        keytab: Arc<Keytab>,
    },
    /// Tickets that the user already holds, for Kerberos.
    Tickets(Arc<CredentialCache>),
    /// Whatever the Kerberos of the operating system holds for the user. It takes a context of that
    /// Kerberos: the initiators of this crate refuse it.
    System,
}

impl Credential {
    /// Reads a name as users write it, `DOMAIN\user`, `user@dns.domain` or `user`, and adds the password.
    pub fn password(name: &str, password: impl Into<Secret>) -> Self {
        let (domain, user) = split_name(name);
        Self::Password { domain: domain.map(str::to_owned), user: user.to_owned(), password: password.into() }
    }

    /// The domain, if the name has one before a backslash.
    pub fn domain(&self) -> Option<&str> {
        match self {
            Self::Password { domain, .. } | Self::NtHash { domain, .. } => domain.as_deref(),
            Self::Keytab { .. } | Self::Tickets(_) | Self::System => None,
        }
    }

    /// The user's name without the domain.
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } | Self::NtHash { user, .. } => user,
            Self::Keytab { principal, .. } => principal,
            Self::Tickets(cache) => cache.owner().name.components.first().map_or("", String::as_str),
            Self::System => "",
        }
    }

    /// The name in one piece: `DOMAIN\user` or `user`.
    pub fn qualified_name(&self) -> String {
        match self.domain() {
            Some(domain) => format!("{domain}\\{}", self.user()),
            None => self.user().to_owned(),
        }
    }

    /// The password, where the credential is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Password { password, .. } => Some(password),
            Self::NtHash { .. } | Self::Keytab { .. } | Self::Tickets(_) | Self::System => None,
        }
    }

    /// The NT hash of the password, where the credential tells it.
    pub fn nt_hash(&self) -> Option<SecretBytes> {
        match self {
            Self::Password { password, .. } => Some(ntlm::nt_hash(password)),
            Self::NtHash { hash, .. } => Some(hash.clone()),
            Self::Keytab { .. } | Self::Tickets(_) | Self::System => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.qualified_name())
    }
}

/// Splits `DOMAIN\user` at its first backslash. A name without one has no domain.
pub(crate) fn split_name(name: &str) -> (Option<&str>, &str) {
    match name.split_once('\\') {
        Some((domain, user)) if !domain.is_empty() => (Some(domain), user),
        Some((_, user)) => (None, user),
        None => (None, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_users_write_them() {
        for (name, domain, user) in [
            ("CORP\\alice", Some("CORP"), "alice"),
            (".\\alice", Some("."), "alice"),
            ("\\alice", None, "alice"),
            ("alice@corp.example", None, "alice@corp.example"),
            ("alice", None, "alice"),
        ] {
            let credential = Credential::password(name, "x".to_owned());
            assert_eq!((credential.domain(), credential.user()), (domain, user), "{name}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let credential = Credential::password("CORP\\alice", "hunter2".to_owned());
        assert_eq!(format!("{credential:?}"), "Credential(CORP\\alice)");
    }
}
