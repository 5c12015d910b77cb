//! Oracles of the mechanisms that prove a password with every request.

use windlass_auth::digest::{Algorithm, Params};
use windlass_auth::{Accounts, Credential, DigestAcceptor, DigestChallenge, DigestClient};
use windlass_core::Secret;

/// A header that decodes is answered or refused, and nobody gets in with one.
pub(super) fn digest_headers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(params) = Params::parse(text) {
        assert_eq!(params.get("ReSpOnSe"), params.get("response"), "names in any case");
    }
    if let Ok(challenge) = DigestChallenge::parse(text) {
        let mut client = DigestClient::new(Credential::password("alice", Secret::new("pw"))).unwrap();
        client.challenge(&[challenge]).unwrap();
        let header = client.authorization("POST", "/wsman", b"body").unwrap();
        let params = Params::parse(header.strip_prefix("Digest ").unwrap()).unwrap();
        assert_eq!(params.get("username") == Some("alice"), params.get("userhash").is_none());
        assert_eq!(params.get("uri"), Some("/wsman"));
        let proof = Params::parse(text).unwrap().get("rspauth").is_some();
        assert_eq!(client.check_info(text, "/wsman", b"answer").is_err(), proof, "nobody guesses the proof");
    }
    let mut accounts = Accounts::new();
    accounts.insert("alice", Secret::new("not to be guessed"));
    let acceptor = DigestAcceptor::new("WSMAN", &[Algorithm::Md5, Algorithm::Sha256Sess]).unwrap();
    assert!(acceptor.check(&accounts, text, ("POST", "/wsman", b"body"), 0).is_err(), "somebody got in");
}
