//! Basic authentication ([RFC 7617]): the password itself, in base64, with every request.

use windlass_core::Secret;
use zeroize::Zeroize;

use crate::{AuthError, Credential};

/// No name and password together are longer than this, in bytes of base64.
const LIMIT: usize = 4096;

/// The value that follows `Basic ` in an Authorization header.
///
/// # Errors
/// The credential has no password, or the user's name has a colon, which the form cannot carry.
pub fn encode(credential: &Credential) -> Result<Secret, AuthError> {
    let refuse = |reason| AuthError::Credential { mechanism: "Basic", reason };
    let password = credential.secret().ok_or_else(|| refuse("it has no password"))?;
    let name = credential.qualified_name();
    if name.contains(':') {
        return Err(refuse("the user name contains a colon"));
    }
    let mut plain = format!("{name}:{}", password.expose());
    let encoded = base64_simd::STANDARD.encode_to_string(&plain);
    plain.zeroize();
    Ok(Secret::new(encoded))
}

/// Takes apart what follows `Basic `: the name as the user wrote it, and the password.
///
/// # Errors
/// The value is not base64 of UTF-8 with a colon, or is too long.
pub fn decode(value: &str) -> Result<(String, Secret), AuthError> {
    if value.len() > LIMIT {
        return Err(AuthError::TooLarge { what: "basic credentials", actual: value.len(), limit: LIMIT });
    }
    let malformed = |reason| AuthError::Malformed { token: "basic credentials", field: "value", reason };
    let plain =
        base64_simd::STANDARD.decode_to_vec(value.trim()).map_err(|_| malformed("expected base64"))?;
    let mut plain = String::from_utf8(plain).map_err(|_| malformed("expected UTF-8"))?;
    let parsed = plain
        .split_once(':')
        .map(|(name, password)| (name.to_owned(), Secret::new(password)))
        .ok_or_else(|| malformed("expected a colon"));
    plain.zeroize();
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7617_example() {
        let credential = Credential::password("Aladdin", "open sesame".to_owned());
        assert_eq!(encode(&credential).unwrap().expose(), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let (name, password) = decode("QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!((name.as_str(), password.expose()), ("Aladdin", "open sesame"));
    }

    #[test]
    fn passwords_may_have_colons_and_umlauts() {
        let credential = Credential::password("CORP\\alice", "a:b:\u{e4}".to_owned());
        let (name, password) = decode(encode(&credential).unwrap().expose()).unwrap();
        assert_eq!((name.as_str(), password.expose()), ("CORP\\alice", "a:b:\u{e4}"));
    }

    #[test]
    fn bad_values_are_refused() {
        assert!(decode("!!!").is_err());
        assert!(decode("QWxhZGRpbg==").is_err());
        assert!(decode(&"A".repeat(LIMIT + 4)).is_err());
        assert!(encode(&Credential::password("a:b", "c".to_owned())).is_err());
    }
}
