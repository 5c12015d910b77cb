//! TSCredentials ([MS-CSSP] 2.2.1.2): what the server gets to act as the user elsewhere.

use windlass_core::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use super::NAME;
use super::request::{integer, unsigned};
use crate::der::{self, Reader};
use crate::{AuthError, Credential};

/// The credType of a password.
const PASSWORD: u32 = 1;

/// A name and a password: the only credentials that are read and written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsCredentials {
    /// The domain; may be empty.
    pub domain: String,
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

impl TsCredentials {
    /// What this credential delegates.
    ///
    /// # Errors
    /// It has no password.
    pub fn from_credential(credential: &Credential) -> Result<Self, AuthError> {
        let password = credential
            .secret()
            .ok_or(AuthError::Credential { mechanism: NAME, reason: "it has no password to delegate" })?;
        Ok(Self {
            domain: credential.domain().unwrap_or_default().to_owned(),
            user: credential.user().to_owned(),
            password: password.clone(),
        })
    }

    /// Reads credentials.
    ///
    /// # Errors
    /// They are malformed or no password.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut reader = Reader::new(bytes, "TSCredentials");
        let mut fields = reader.enter(der::SEQUENCE, "TSCredentials")?;
        reader.finish("TSCredentials")?;
        let kind = required(&mut fields, 0, der::INTEGER, "credType")?;
        if unsigned(kind) != Some(PASSWORD) {
            return Err(AuthError::Policy { mechanism: NAME, reason: "credentials other than a password" });
        }
        let inner = required(&mut fields, 1, der::OCTET_STRING, "credentials")?;
        fields.finish("TSCredentials")?;
        let mut reader = Reader::new(inner, "TSPasswordCreds");
        let mut fields = reader.enter(der::SEQUENCE, "TSPasswordCreds")?;
        reader.finish("TSPasswordCreds")?;
        let mut texts = [String::new(), String::new(), String::new()];
        for ((number, field), text) in
            [(0, "domainName"), (1, "userName"), (2, "password")].into_iter().zip(&mut texts)
        {
            let content = required(&mut fields, number, der::OCTET_STRING, field)?;
            *text = utf16(content).ok_or_else(|| fields.malformed(field, "expected UTF-16"))?;
        }
        fields.finish("TSPasswordCreds")?;
        let [domain, user, password] = texts;
        Ok(Self { domain, user, password: Secret::new(password) })
    }

    /// Writes the credentials.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut fields = Zeroizing::new(Vec::new());
        let texts = [&self.domain, &self.user, self.password.expose()];
        for (number, text) in (0..).zip(texts) {
            let mut content: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let mut field = der::wrapped(der::context(number), der::OCTET_STRING, &content);
            fields.extend_from_slice(&field);
            content.zeroize();
            field.zeroize();
        }
        let mut password = Zeroizing::new(Vec::new());
        der::write(&mut password, der::SEQUENCE, &fields);
        let mut body = Zeroizing::new(der::wrapped(der::context(0), der::INTEGER, &integer(PASSWORD)));
        let inner = Zeroizing::new(der::wrapped(der::context(1), der::OCTET_STRING, &password));
        body.extend_from_slice(&inner);
        let mut out = Zeroizing::new(Vec::new());
        der::write(&mut out, der::SEQUENCE, &body);
        out
    }
}

fn required<'a>(
    fields: &mut Reader<'a>,
    number: u8,
    tag: u8,
    field: &'static str,
) -> Result<&'a [u8], AuthError> {
    let content = fields.optional_explicit(der::context(number), tag, field)?;
    content.ok_or_else(|| fields.malformed(field, "expected it to be there"))
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit))).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_round_trip_and_nothing_else_is_read() {
        let credential = Credential::password("CORP\\\u{e4}lice", "p\u{1F511}".to_owned());
        let credentials = TsCredentials::from_credential(&credential).unwrap();
        let encoded = credentials.encode();
        assert_eq!(TsCredentials::decode(&encoded), Ok(credentials));
        for length in 0..encoded.len() {
            assert!(TsCredentials::decode(&encoded[..length]).is_err(), "{length}");
        }
        let mut card = encoded.to_vec();
        let kind = card.windows(3).position(|three| three == [2, 1, 1]).unwrap();
        card[kind + 2] = 2;
        assert!(matches!(TsCredentials::decode(&card), Err(AuthError::Policy { .. })));
    }
}
