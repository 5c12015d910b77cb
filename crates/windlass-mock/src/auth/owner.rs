//! Whose things are: what users open belongs to their accounts, however they log on.

use windlass_auth::{AccountStore as _, Principal};

use crate::config::Config;

/// The name of a user's account, which no other account has. The domain that a client names counts where a
/// domain proved the logon: the host looks up its own accounts without it.
pub(crate) fn owner(config: &Config, user: &Principal) -> String {
    let is_of_realm = user.mechanism == "Kerberos";
    let is_known = || config.ntlm_auth.is_none() || config.accounts.nt_hash("", &user.user).is_some();
    let is_local = !is_of_realm && is_known();
    if is_local { user.user.to_lowercase() } else { user.to_string().to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MockHost;

    #[test]
    fn only_a_domain_parts_users_of_one_name() {
        let host = || MockHost::builder().user("alice", "secret".to_owned());
        let alone = host().config;
        let of_domain = host().ntlm_auth(["helper".to_owned()]).config;
        for (mechanism, domain, user, apart, in_domain) in [
            ("Basic", None, "Alice", "alice", "alice"),
            ("NTLM", Some("WORKGROUP"), "ALICE", "alice", "alice"),
            ("NTLM", Some("A"), "bob", "bob", "a\\bob"),
            ("Basic", Some("B"), "bob", "bob", "b\\bob"),
            ("Kerberos", Some("EXAMPLE.COM"), "alice", "example.com\\alice", "example.com\\alice"),
        ] {
            let user = Principal { domain: domain.map(str::to_owned), user: user.to_owned(), mechanism };
            assert_eq!(owner(&alone, &user), apart);
            assert_eq!(owner(&of_domain, &user), in_domain);
        }
    }
}
