//! Digest access authentication ([RFC 7616]): a hash of the password, of what both sides contributed and
//! of the request, with every request.
//!
//! Digest proves the password but seals nothing: it belongs inside TLS.

mod acceptor;
mod client;
mod nonce;
mod params;

pub use acceptor::{DigestAcceptor, DigestProof, DigestVerdict};
pub use client::{DigestChallenge, DigestClient};
pub use params::Params;

use md5::Md5;
use sha2::{Sha256, Sha512_256};

/// The name of the mechanism, in errors.
pub(crate) const NAME: &str = "Digest";

/// A hash function and whether its key is bound to the session ([RFC 7616] 3.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// MD5 with a key for the session.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256 with a key for the session.
    Sha256Sess,
    /// SHA-512/256.
    Sha512_256,
    /// SHA-512/256 with a key for the session.
    Sha512_256Sess,
}

impl Algorithm {
    const ALL: [Self; 6] =
        [Self::Md5, Self::Md5Sess, Self::Sha256, Self::Sha256Sess, Self::Sha512_256, Self::Sha512_256Sess];

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::Sha512_256 => "SHA-512-256",
            Self::Sha512_256Sess => "SHA-512-256-sess",
        }
    }

    /// The algorithm of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess | Self::Sha512_256Sess)
    }

    /// How much it is worth; more is better.
    fn strength(self) -> u8 {
        match self {
            Self::Md5 | Self::Md5Sess => 0,
            Self::Sha256 | Self::Sha256Sess => 1,
            Self::Sha512_256 | Self::Sha512_256Sess => 2,
        }
    }

    /// The hash of these parts with colons between them, in lower-case hexadecimal.
    fn hash(self, parts: &[&[u8]]) -> String {
        fn joined<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hash = D::new();
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    hash.update(b":");
                }
                hash.update(part);
            }
            hash.finalize().to_vec()
        }
        let digest = match self {
            Self::Md5 | Self::Md5Sess => joined::<Md5>(parts),
            Self::Sha256 | Self::Sha256Sess => joined::<Sha256>(parts),
            Self::Sha512_256 | Self::Sha512_256Sess => joined::<Sha512_256>(parts),
        };
        hex(&digest)
    }
}

/// What a digest covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qop {
    /// The method and the target.
    Auth,
    /// The body as well.
    AuthInt,
}

impl Qop {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.name().eq_ignore_ascii_case(name))
    }
}

/// What goes into one digest beside the password.
struct Exchange<'a> {
    algorithm: Algorithm,
    qop: Qop,
    nonce: &'a str,
    cnonce: &'a str,
    /// The count as it is written: eight digits.
    nc: &'a str,
    uri: &'a str,
}

impl Exchange<'_> {
    /// `A1` hashed: the key. It is as good as the password for this realm.
    fn key(&self, user: &[u8], realm: &[u8], password: &[u8]) -> String {
        let key = self.algorithm.hash(&[user, realm, password]);
        if self.algorithm.is_session() {
            self.algorithm.hash(&[key.as_bytes(), self.nonce.as_bytes(), self.cnonce.as_bytes()])
        } else {
            key
        }
    }

    /// The client's proof, or with an empty method the server's ([RFC 7616] 3.4.1 and 3.5).
    fn response(&self, key: &str, method: &str, body: &[u8]) -> String {
        let second = match self.qop {
            Qop::Auth => self.algorithm.hash(&[method.as_bytes(), self.uri.as_bytes()]),
            Qop::AuthInt => {
                let body = self.algorithm.hash(&[body]);
                self.algorithm.hash(&[method.as_bytes(), self.uri.as_bytes(), body.as_bytes()])
            }
        };
        self.algorithm.hash(&[
            key.as_bytes(),
            self.nonce.as_bytes(),
            self.nc.as_bytes(),
            self.cnonce.as_bytes(),
            self.qop.name().as_bytes(),
            second.as_bytes(),
        ])
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RFC 7616] 3.9.1.
    #[test]
    fn the_example_of_the_rfc() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let exchange = Exchange {
                algorithm,
                qop: Qop::Auth,
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                nc: "00000001",
                uri: "/dir/index.html",
            };
            let key = exchange.key(b"Mufasa", b"http-auth@example.org", b"Circle of Life");
            assert_eq!(exchange.response(&key, "GET", b""), expected);
        }
    }

    /// [RFC 7616] 3.9.2, with its erratum 4897: the hashes of the user's name and of the exchange.
    #[test]
    fn the_hashed_name_of_the_rfc() {
        let name = "J\u{e4}s\u{f8}n Doe";
        assert_eq!(
            Algorithm::Sha512_256.hash(&[name.as_bytes(), b"api@example.org"]),
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        );
    }

    #[test]
    fn names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(&algorithm.name().to_uppercase()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_name("SHA"), None);
    }
}
