//! The accounts of a host, as an acceptor asks for them.

use std::collections::HashMap;
use std::fmt;

use windlass_core::{Secret, SecretBytes};

use crate::AuthError;
use crate::credential::split_name;
use crate::ntlm;

/// Who logged on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The domain that the client named, if any.
    pub domain: Option<String>,
    /// The user's name.
    pub user: String,
    /// The mechanism that proved it: `Basic`, `NTLM`, ... Within CredSSP it is the one inside.
    pub mechanism: &'static str,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            Some(domain) => write!(f, "{domain}\\{}", self.user),
            None => f.write_str(&self.user),
        }
    }
}

/// An NTLMv2 logon as a server hands it on to a domain ([MS-NLMP] 3.2.5.1.2).
#[derive(Clone, Copy)]
pub struct NtlmLogon<'a> {
    /// The domain that the client named; may be empty.
    pub domain: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// The server's challenge.
    pub challenge: [u8; 8],
    /// The client's NtChallengeResponse.
    pub response: &'a [u8],
}

/// Where an acceptor finds accounts. Implementations must answer for unknown accounts as fast as for
/// known ones, so that time does not tell them apart.
pub trait AccountStore: Send + Sync {
    /// The NT hash ([`ntlm::nt_hash`]) of an account's password, if there is such an account.
    /// `domain` is what the client sent and may be empty.
    fn nt_hash(&self, domain: &str, user: &str) -> Option<SecretBytes>;

    /// Has a domain check a logon. `None` means that there is no domain for this account:
    /// [`nt_hash`](Self::nt_hash) decides. Otherwise it is the SessionBaseKey of the logon, 16 bytes, or why
    /// the domain refuses it.
    fn check_ntlm(&self, _logon: &NtlmLogon<'_>) -> Option<Result<SecretBytes, AuthError>> {
        None
    }

    /// Whether this is the password of this account. `user` is as the client wrote it, possibly with a
    /// domain before a backslash.
    fn check_password(&self, user: &str, password: &Secret) -> bool;

    /// The password of an account, which Digest needs to hash in its own way. A store that keeps no
    /// passwords gives none, and nobody logs on with Digest. `user` is as for
    /// [`check_password`](Self::check_password).
    fn password(&self, _user: &str) -> Option<Secret> {
        None
    }
}

/// A fixed set of accounts in memory. Names are compared without regard to case; the domain that a client
/// sends is not looked at, as on a computer with local accounts only.
#[derive(Clone, Default)]
pub struct Accounts {
    by_name: HashMap<String, Account>,
}

#[derive(Clone)]
struct Account {
    password: Secret,
    nt_hash: SecretBytes,
}

impl Accounts {
    /// No accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account or replaces it.
    pub fn insert(&mut self, user: &str, password: impl Into<Secret>) {
        let password = password.into();
        let nt_hash = ntlm::nt_hash(&password);
        self.by_name.insert(user.to_lowercase(), Account { password, nt_hash });
    }

    fn find(&self, user: &str) -> Option<&Account> {
        self.by_name.get(&user.to_lowercase())
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl AccountStore for Accounts {
    fn nt_hash(&self, _domain: &str, user: &str) -> Option<SecretBytes> {
        self.find(user).map(|account| account.nt_hash.clone())
    }

    fn check_password(&self, user: &str, password: &Secret) -> bool {
        let (_, user) = split_name(user);
        // An unknown account is compared as well, so that the time does not tell it apart.
        let account = self.find(user);
        let expected = account.map_or(password, |account| &account.password);
        (expected == password) & account.is_some()
    }

    fn password(&self, user: &str) -> Option<Secret> {
        let (_, user) = split_name(user);
        self.find(user).map(|account| account.password.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_in_any_case_and_domain() {
        let mut accounts = Accounts::new();
        accounts.insert("Alice", "pw".to_owned());
        assert!(accounts.nt_hash("CORP", "aLICE").is_some());
        assert!(accounts.nt_hash("", "bob").is_none());
        assert!(accounts.check_password("CORP\\alice", &Secret::new("pw")));
        assert!(!accounts.check_password("alice", &Secret::new("PW")));
        assert!(!accounts.check_password("bob", &Secret::new("pw")));
        assert_eq!(format!("{accounts:?}"), "{\"alice\"}");
    }
}
