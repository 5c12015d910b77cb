//! The server's side of Digest.

use std::sync::{Mutex, PoisonError};

use windlass_core::{Secret, SecretBytes, ct_eq};

use super::nonce::{Freshness, Nonces};
use super::params::quoted;
use super::{Algorithm, Exchange, NAME, Params, Qop};
use crate::credential::split_name;
use crate::{AccountStore, AuthError, Principal};

/// Checks the digests of all connections of one host, which share their nonces.
pub struct DigestAcceptor {
    realm: String,
    algorithms: Vec<Algorithm>,
    nonces: Mutex<Nonces>,
    /// Stands in for the password of accounts that do not exist, so that they take as long.
    nobody: Secret,
}

/// What became of an answer to a challenge.
#[derive(Debug)]
pub enum DigestVerdict {
    /// It is right.
    Granted {
        /// Who sent it.
        principal: Principal,
        /// What the answer to the request proves in turn.
        proof: DigestProof,
    },
    /// It is right, but for a nonce that is not known any more.
    Stale,
}

/// What the server needs to prove that it knows the password as well.
#[derive(Debug)]
pub struct DigestProof {
    algorithm: Algorithm,
    qop: Qop,
    key: SecretBytes,
    nonce: String,
    cnonce: String,
    nc: String,
    uri: String,
}

/// One answer as it came.
struct Answer<'a> {
    exchange: Exchange<'a>,
    /// The name as it may be meant: first without its backslashes, then with them.
    names: [&'a str; 2],
    realm: &'a str,
    response: &'a str,
    count: u32,
}

impl DigestAcceptor {
    /// Accepts these algorithms, the preferred one first.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(realm: &str, algorithms: &[Algorithm]) -> Result<Self, AuthError> {
        let mut nobody = [0; 16];
        getrandom::fill(&mut nobody).map_err(|_| AuthError::Random)?;
        Ok(Self {
            realm: realm.to_owned(),
            algorithms: algorithms.to_vec(),
            nonces: Mutex::new(Nonces::new()?),
            nobody: Secret::new(super::hex(&nobody)),
        })
    }

    /// What follows `WWW-Authenticate: `, once for each algorithm. All have one new nonce, for clients
    /// that cannot keep several challenges apart.
    pub fn challenges(&self, stale: bool, now: u64) -> Vec<String> {
        let nonce = self.nonces().issue(now);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quoted(&self.realm);
        self.algorithms
            .iter()
            .map(|algorithm| {
                format!(
                    "Digest realm={realm}, qop=\"auth,auth-int\", algorithm={}, nonce=\"{nonce}\", \
                     charset=UTF-8{stale}",
                    algorithm.name()
                )
            })
            .collect()
    }

    /// Checks what follows `Digest ` in an Authorization header against the request that it came with.
    ///
    /// # Errors
    /// The header is malformed or belongs to another request, the account or its password is wrong, or
    /// the same header was seen before.
    pub fn check(
        &self,
        accounts: &dyn AccountStore,
        header: &str,
        request: (&str, &str, &[u8]),
        now: u64,
    ) -> Result<DigestVerdict, AuthError> {
        let (method, target, body) = request;
        let params = Params::parse(header)?;
        let answer = self.answer(&params)?;
        if answer.exchange.uri != target || answer.realm != self.realm {
            return Err(AuthError::WrongTarget);
        }
        let mut found = None;
        for name in answer.names {
            let account = accounts.password(name);
            let password = account.as_ref().unwrap_or(&self.nobody).expose();
            let key = answer.exchange.key(name.as_bytes(), self.realm.as_bytes(), password.as_bytes());
            let expected = answer.exchange.response(&key, method, body);
            let right = ct_eq(expected.as_bytes(), answer.response.to_ascii_lowercase().as_bytes());
            if right && account.is_some() {
                found = found.or(Some((name, key)));
            }
        }
        let (name, key) = found.ok_or(AuthError::LogonDenied)?;
        match self.nonces().take(answer.exchange.nonce, answer.count, now) {
            Freshness::Stale => return Ok(DigestVerdict::Stale),
            Freshness::Replayed => {
                return Err(AuthError::Policy { mechanism: NAME, reason: "the answer was used before" });
            }
            Freshness::Fresh => {}
        }
        let (domain, user) = split_name(name);
        let principal =
            Principal { domain: domain.map(str::to_owned), user: user.to_owned(), mechanism: NAME };
        let Exchange { algorithm, qop, nonce, cnonce, nc, uri } = answer.exchange;
        let proof = DigestProof {
            algorithm,
            qop,
            key: SecretBytes::new(key.into_bytes()),
            nonce: nonce.to_owned(),
            cnonce: cnonce.to_owned(),
            nc: nc.to_owned(),
            uri: uri.to_owned(),
        };
        Ok(DigestVerdict::Granted { principal, proof })
    }

    fn answer<'a>(&self, params: &'a Params) -> Result<Answer<'a>, AuthError> {
        let malformed = |field, reason| AuthError::Malformed { token: "digest header", field, reason };
        let algorithm = Algorithm::from_name(params.get("algorithm").unwrap_or("MD5"))
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(AuthError::Policy { mechanism: NAME, reason: "the algorithm was not offered" })?;
        let qop = Qop::from_name(params.require("qop")?)
            .ok_or_else(|| malformed("qop", "expected auth or auth-int"))?;
        let nc = params.require("nc")?;
        let count = Some(nc)
            .filter(|nc| nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|nc| u32::from_str_radix(nc, 16).ok())
            .ok_or_else(|| malformed("nc", "expected eight hexadecimal digits"))?;
        let name = params.require("username")?;
        Ok(Answer {
            exchange: Exchange {
                algorithm,
                qop,
                nonce: params.require("nonce")?,
                cnonce: params.require("cnonce")?,
                nc,
                uri: params.require("uri")?,
            },
            names: [name, params.raw("username").unwrap_or(name)],
            realm: params.require("realm")?,
            response: params.require("response")?,
            count,
        })
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DigestProof {
    /// The value of the Authentication-Info header of an answer with this body.
    pub fn info(&self, body: &[u8]) -> String {
        let Self { algorithm, qop, key, nonce, cnonce, nc, uri } = self;
        let key = std::str::from_utf8(key.expose()).unwrap_or_default();
        let exchange = Exchange { algorithm: *algorithm, qop: *qop, nonce, cnonce, nc, uri };
        let proof = exchange.response(key, "", body);
        format!("rspauth=\"{proof}\", qop={}, cnonce={}, nc={nc}", qop.name(), quoted(cnonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{DigestChallenge, DigestClient};
    use crate::{Accounts, Credential};

    struct Both {
        accounts: Accounts,
        acceptor: DigestAcceptor,
        client: DigestClient,
    }

    fn both(algorithm: Algorithm, user: &str, password: &str) -> Both {
        let mut accounts = Accounts::new();
        accounts.insert("alice", "p\u{e4}ss".to_owned());
        let acceptor = DigestAcceptor::new("WSMAN", &[algorithm]).unwrap();
        let mut client = DigestClient::new(Credential::password(user, password.to_owned())).unwrap();
        challenge(&acceptor, &mut client);
        Both { accounts, acceptor, client }
    }

    fn challenge(acceptor: &DigestAcceptor, client: &mut DigestClient) {
        let offers: Vec<_> = acceptor
            .challenges(false, 0)
            .iter()
            .map(|offer| DigestChallenge::parse(offer.strip_prefix("Digest ").unwrap()).unwrap())
            .collect();
        client.challenge(&offers).unwrap();
    }

    impl Both {
        fn check(&self, header: &str, body: &[u8]) -> Result<DigestVerdict, AuthError> {
            let header = header.strip_prefix("Digest ").unwrap();
            self.acceptor.check(&self.accounts, header, ("POST", "/wsman", body), 0)
        }
    }

    #[test]
    fn every_algorithm_works_and_both_sides_prove_themselves() {
        for algorithm in Algorithm::ALL {
            let mut both = both(algorithm, "CORP\\alice", "p\u{e4}ss");
            for _ in 0..3 {
                let header = both.client.authorization("POST", "/wsman", b"body").unwrap();
                let DigestVerdict::Granted { principal, proof } = both.check(&header, b"body").unwrap()
                else {
                    panic!("stale")
                };
                assert_eq!(principal.to_string(), "CORP\\alice");
                both.client.check_info(&proof.info(b"answer"), "/wsman", b"answer").unwrap();
                assert!(both.client.check_info(&proof.info(b"answer"), "/wsman", b"other").is_err());
            }
        }
    }

    #[test]
    fn what_was_altered_replayed_or_guessed_is_refused() {
        let mut both = both(Algorithm::Sha256, "alice", "p\u{e4}ss");
        let header = both.client.authorization("POST", "/wsman", b"body").unwrap();
        // Another body, another target, another method.
        assert_eq!(both.check(&header, b"BODY").unwrap_err(), AuthError::LogonDenied);
        let bare = header.strip_prefix("Digest ").unwrap();
        let check = |request| both.acceptor.check(&both.accounts, bare, request, 0);
        assert_eq!(check(("POST", "/other", &b"body"[..])).unwrap_err(), AuthError::WrongTarget);
        assert_eq!(check(("PUT", "/wsman", &b"body"[..])).unwrap_err(), AuthError::LogonDenied);
        // Every field that the digest covers.
        for (field, other) in
            [("nc=00000001", "nc=00000002"), ("qop=auth-int", "qop=auth"), ("cnonce=\"", "cnonce=\"0")]
        {
            let altered = header.replace(field, other);
            assert_ne!(altered, header);
            assert!(both.check(&altered, b"body").is_err(), "{field}");
        }
        // Once it is taken, and not again.
        assert!(matches!(both.check(&header, b"body"), Ok(DigestVerdict::Granted { .. })));
        assert!(matches!(both.check(&header, b"body"), Err(AuthError::Policy { .. })));
    }

    #[test]
    fn unknown_accounts_and_wrong_passwords_look_alike() {
        let refusals = [("alice", "wrong"), ("nobody", "p\u{e4}ss")].map(|(user, password)| {
            let mut both = both(Algorithm::Md5Sess, user, password);
            let header = both.client.authorization("POST", "/wsman", b"").unwrap();
            both.check(&header, b"").unwrap_err()
        });
        assert_eq!(refusals, [AuthError::LogonDenied, AuthError::LogonDenied]);
    }

    #[test]
    fn a_nonce_of_another_host_is_stale_only_with_the_right_password() {
        let elsewhere = DigestAcceptor::new("WSMAN", &[Algorithm::Md5]).unwrap();
        let mut right = both(Algorithm::Md5, "alice", "p\u{e4}ss");
        challenge(&elsewhere, &mut right.client);
        let header = right.client.authorization("POST", "/wsman", b"").unwrap();
        assert!(matches!(right.check(&header, b""), Ok(DigestVerdict::Stale)));
        let mut wrong = both(Algorithm::Md5, "alice", "no");
        challenge(&elsewhere, &mut wrong.client);
        let header = wrong.client.authorization("POST", "/wsman", b"").unwrap();
        assert_eq!(wrong.check(&header, b"").unwrap_err(), AuthError::LogonDenied);
    }

    #[test]
    fn names_without_doubled_backslashes_are_understood() {
        let mut both = both(Algorithm::Md5, "CORP\\alice", "p\u{e4}ss");
        let header = both.client.authorization("POST", "/wsman", b"").unwrap();
        let careless = header.replace("CORP\\\\alice", "CORP\\alice");
        assert_ne!(careless, header);
        assert!(matches!(both.check(&careless, b""), Ok(DigestVerdict::Granted { .. })));
    }
}
