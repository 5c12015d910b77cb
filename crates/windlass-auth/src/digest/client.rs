//! The client's side of Digest.

use windlass_core::{SecretBytes, ct_eq};

use super::params::quoted;
use super::{Algorithm, Exchange, NAME, Params, Qop, hex};
use crate::{AuthError, Credential};

/// An offer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestChallenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    auth: bool,
    auth_int: bool,
    userhash: bool,
    stale: bool,
}

impl DigestChallenge {
    /// Reads what follows `Digest ` in a WWW-Authenticate or Proxy-Authenticate header.
    ///
    /// # Errors
    /// It is malformed, or its algorithm or all of its qualities of protection are unknown. The form
    /// without quality of protection, from before [RFC 2617], is refused: it proves nothing anew.
    pub fn parse(text: &str) -> Result<Self, AuthError> {
        let params = Params::parse(text)?;
        let algorithm = Algorithm::from_name(params.get("algorithm").unwrap_or("MD5"))
            .ok_or(AuthError::NoCommonMechanism("the server's digest algorithm is unknown"))?;
        let qops = params
            .get("qop")
            .ok_or(AuthError::Policy { mechanism: NAME, reason: "the server offers no qop" })?;
        let offers = |wanted| qops.split(',').any(|qop| Qop::from_name(qop.trim()) == Some(wanted));
        let (auth, auth_int) = (offers(Qop::Auth), offers(Qop::AuthInt));
        if !auth && !auth_int {
            return Err(AuthError::NoCommonMechanism("the server's quality of protection is unknown"));
        }
        let flag = |name| params.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self {
            realm: params.require("realm")?.to_owned(),
            nonce: params.require("nonce")?.to_owned(),
            opaque: params.get("opaque").map(str::to_owned),
            algorithm,
            auth,
            auth_int,
            userhash: flag("userhash"),
            stale: flag("stale"),
        })
    }

    /// Whether the last answer was right but for its nonce.
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}

/// Answers the challenges of one server.
pub struct DigestClient {
    credential: Credential,
    protect_body: bool,
    session: Option<Session>,
}

struct Session {
    challenge: DigestChallenge,
    qop: Qop,
    cnonce: String,
    count: u32,
    /// For algorithms with a key for the session, made with the challenge's first nonce.
    key: SecretBytes,
}

impl DigestClient {
    /// A client that has seen no challenge yet.
    ///
    /// # Errors
    /// The credential has no password.
    pub fn new(credential: Credential) -> Result<Self, AuthError> {
        if credential.secret().is_none() {
            return Err(AuthError::Credential { mechanism: NAME, reason: "it has no password" });
        }
        Ok(Self { credential, protect_body: true, session: None })
    }

    /// Whether the body is covered where the server offers that: it is unless said otherwise. Proxies
    /// take digests of the head alone.
    #[must_use]
    pub fn protecting_body(mut self, protect: bool) -> Self {
        self.protect_body = protect;
        self
    }

    /// Whether there is a challenge to answer.
    pub fn is_challenged(&self) -> bool {
        self.session.is_some()
    }

    /// Takes the strongest of a server's challenges, the first of those that are equally strong.
    ///
    /// # Errors
    /// There is none.
    pub fn challenge(&mut self, challenges: &[DigestChallenge]) -> Result<(), AuthError> {
        let strongest = challenges.iter().map(|challenge| challenge.algorithm.strength()).max();
        let challenge = challenges
            .iter()
            .find(|challenge| Some(challenge.algorithm.strength()) == strongest)
            .ok_or(AuthError::NoCommonMechanism("the server offers no digest that is known here"))?
            .clone();
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|_| AuthError::Random)?;
        let qop = if challenge.auth_int && (self.protect_body || !challenge.auth) {
            Qop::AuthInt
        } else {
            Qop::Auth
        };
        let cnonce = hex(&random);
        let (algorithm, nonce) = (challenge.algorithm, &challenge.nonce);
        let exchange = Exchange { algorithm, qop, nonce, cnonce: &cnonce, nc: "", uri: "" };
        let password = self.credential.secret().map_or("", |password| password.expose());
        let user = self.credential.qualified_name();
        let key = exchange.key(user.as_bytes(), challenge.realm.as_bytes(), password.as_bytes());
        let key = SecretBytes::new(key.into_bytes());
        self.session = Some(Session { challenge, qop, cnonce, count: 0, key });
        Ok(())
    }

    /// The value of the Authorization header for a request.
    ///
    /// # Errors
    /// There is no challenge yet.
    pub fn authorization(&mut self, method: &str, uri: &str, body: &[u8]) -> Result<String, AuthError> {
        let user = self.credential.qualified_name();
        let session = self
            .session
            .as_mut()
            .ok_or(AuthError::State { mechanism: NAME, reason: "has seen no challenge" })?;
        session.count = session.count.saturating_add(1);
        let nc = session.nc();
        let response = session.exchange(&nc, uri).response(session.key(), method, body);
        let Session { challenge, qop, cnonce, .. } = session;
        let DigestChallenge { realm, nonce, algorithm, .. } = &*challenge;
        let name = match challenge.userhash {
            true => algorithm.hash(&[user.as_bytes(), realm.as_bytes()]),
            false => user,
        };
        let mut header = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, algorithm={}, qop={}, nc={nc}, \
             cnonce=\"{cnonce}\", response=\"{response}\"",
            quoted(&name),
            quoted(realm),
            quoted(nonce),
            quoted(uri),
            algorithm.name(),
            qop.name(),
        );
        if let Some(opaque) = &challenge.opaque {
            header.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        if challenge.userhash {
            header.push_str(", userhash=true");
        }
        Ok(header)
    }

    /// Checks the Authentication-Info header of the answer to the last request: the server's own proof
    /// that it knows the password, where it gives one, and the nonce for the next request.
    ///
    /// # Errors
    /// The header is malformed, or the proof is wrong.
    pub fn check_info(&mut self, header: &str, uri: &str, body: &[u8]) -> Result<(), AuthError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let params = Params::parse(header)?;
        let wrong = AuthError::HandshakeIntegrity { token: "Authentication-Info", fault: "wrong" };
        if let Some(proof) = params.get("rspauth") {
            let nc = session.nc();
            let same = |name, own: &str| params.get(name).is_none_or(|value| value == own);
            if !same("cnonce", &session.cnonce) || !same("nc", &nc) {
                return Err(wrong);
            }
            // The server may prove itself by another quality than the one asked for.
            let qop = params.get("qop").and_then(Qop::from_name).unwrap_or(session.qop);
            let expected = Exchange { qop, ..session.exchange(&nc, uri) }.response(session.key(), "", body);
            if !ct_eq(expected.as_bytes(), proof.to_ascii_lowercase().as_bytes()) {
                return Err(wrong);
            }
        }
        if let Some(next) = params.get("nextnonce") {
            session.challenge.nonce = next.to_owned();
            session.count = 0;
        }
        Ok(())
    }
}

impl Session {
    fn nc(&self) -> String {
        format!("{:08x}", self.count)
    }

    fn exchange<'a>(&'a self, nc: &'a str, uri: &'a str) -> Exchange<'a> {
        Exchange {
            algorithm: self.challenge.algorithm,
            qop: self.qop,
            nonce: &self.challenge.nonce,
            cnonce: &self.cnonce,
            nc,
            uri,
        }
    }

    fn key(&self) -> &str {
        std::str::from_utf8(self.key.expose()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> DigestClient {
        DigestClient::new(Credential::password("alice", "secret".to_owned())).unwrap()
    }

    #[test]
    fn the_strongest_challenge_is_answered() {
        let challenges: Vec<_> = ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"]
            .iter()
            .map(|name| {
                let text = format!("realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm={name}");
                DigestChallenge::parse(&text).unwrap()
            })
            .collect();
        let mut client = client();
        client.challenge(&challenges).unwrap();
        let header = client.authorization("POST", "/wsman", b"").unwrap();
        assert!(header.contains("algorithm=SHA-256, qop=auth-int, nc=00000001,"), "{header}");
        let header = client.authorization("POST", "/wsman", b"").unwrap();
        assert!(header.contains("nc=00000002,"), "{header}");
    }

    #[test]
    fn weak_and_unknown_challenges_are_refused() {
        for text in [
            "realm=\"r\", nonce=\"n\"",
            "realm=\"r\", nonce=\"n\", qop=\"x\"",
            "realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA",
            "realm=\"r\", qop=\"auth\"",
            "nonce=\"n\", qop=\"auth\"",
        ] {
            assert!(DigestChallenge::parse(text).is_err(), "{text}");
        }
        assert!(client().challenge(&[]).is_err());
        assert!(client().authorization("POST", "/", b"").is_err());
    }

    #[test]
    fn a_wrong_proof_of_the_server_is_noticed() {
        let mut client = client();
        let challenge = DigestChallenge::parse("realm=r, nonce=n, qop=auth").unwrap();
        client.challenge(&[challenge]).unwrap();
        client.authorization("POST", "/wsman", b"").unwrap();
        assert!(client.check_info("rspauth=\"00\"", "/wsman", b"").is_err());
        assert!(client.check_info("qop=auth", "/wsman", b"").is_ok());
    }
}
