//! Secrets of a session: sealed as soon as there is a key, never before.
//!
//! A secret that is used before the key is there is stood for by a token. Messages that hold a token
//! wait in the outbox; when the key comes, tokens are replaced by ciphertext in their text.

use memchr::memmem;
use windlass_clixml::PsValue;
use windlass_core::Secret;

use crate::error::PsrpError;
use crate::session_key::{SessionKey, decode_plain, encode_plain};
use crate::version::ProtocolVersion;

/// How secrets of a session travel.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Both sides go by protocol 2.4: secrets are not encrypted here.
    plain: bool,
    transport_encrypts: bool,
    key: Option<SessionKey>,
    /// Begins every token; random, so that nothing a peer wrote can be taken for one.
    mark: String,
    tokens: Vec<Token>,
}

#[derive(Debug)]
enum Token {
    Waiting(Secret),
    Sealed(String),
}

/// Digits of the number at the end of a token.
const TOKEN_DIGITS: usize = 8;

impl Secrets {
    /// For the version that was agreed on.
    pub(crate) fn new(version: ProtocolVersion, transport_encrypts: bool) -> Self {
        Self {
            plain: version >= ProtocolVersion::V2_4,
            transport_encrypts,
            key: None,
            mark: format!("pending{}", uuid::Uuid::new_v4().simple()),
            tokens: Vec::new(),
        }
    }

    /// Whether a key has to be agreed on before secrets can be read.
    pub(crate) fn needs_key(&self) -> bool {
        !self.plain && self.key.is_none()
    }

    /// The key, where there is one.
    pub(crate) fn key(&self) -> Option<&SessionKey> {
        self.key.as_ref()
    }

    /// The value that stands for a secret in messages.
    pub(crate) fn protect(&mut self, secret: &Secret) -> Result<PsValue, PsrpError> {
        let text = if self.plain {
            if !self.transport_encrypts {
                return Err(PsrpError::UnprotectedSecret);
            }
            encode_plain(secret)
        } else if let Some(key) = &self.key {
            key.encrypt(secret)?
        } else {
            let number = self.tokens.len();
            self.tokens.push(Token::Waiting(secret.clone()));
            format!("{}{number:0TOKEN_DIGITS$}", self.mark)
        };
        Ok(PsValue::SecureString(text.into()))
    }

    /// The secret in a value.
    pub(crate) fn reveal(&self, value: &PsValue) -> Result<Secret, PsrpError> {
        let PsValue::SecureString(text) = value.unwrapped() else {
            return Err(PsrpError::Key { what: "secret", reason: "the value is no secure string" });
        };
        if self.plain {
            return decode_plain(text);
        }
        self.key.as_ref().ok_or(PsrpError::NoSessionKey)?.decrypt(text)
    }

    /// Replaces what tokens a message holds, and says whether it must wait for the key.
    pub(crate) fn fill(&self, message: &mut Vec<u8>) -> bool {
        if self.tokens.is_empty() || memmem::find(message, self.mark.as_bytes()).is_none() {
            return false;
        }
        if self.key.is_none() {
            return true;
        }
        self.replace(message);
        false
    }

    /// Takes the key and seals every secret that waits for it.
    pub(crate) fn set_key(&mut self, key: SessionKey) -> Result<(), PsrpError> {
        for token in &mut self.tokens {
            if let Token::Waiting(secret) = token {
                *token = Token::Sealed(key.encrypt(secret)?);
            }
        }
        self.key = Some(key);
        Ok(())
    }

    /// Replaces the tokens in a message by ciphertext.
    pub(crate) fn replace(&self, message: &mut Vec<u8>) {
        let finder = memmem::Finder::new(self.mark.as_bytes());
        let mut out = Vec::with_capacity(message.len());
        let mut rest = message.as_slice();
        while let Some((before, at)) = finder.find(rest).and_then(|at| rest.split_at_checked(at)) {
            out.extend_from_slice(before);
            let (token, after) = at.split_at(at.len().min(self.mark.len() + TOKEN_DIGITS));
            out.extend_from_slice(self.sealed(token).unwrap_or(token));
            rest = after;
        }
        out.extend_from_slice(rest);
        *message = out;
    }

    fn sealed(&self, token: &[u8]) -> Option<&[u8]> {
        let number = std::str::from_utf8(token.get(self.mark.len()..)?).ok()?;
        match self.tokens.get(number.parse::<usize>().ok()?)? {
            Token::Sealed(text) => Some(text.as_bytes()),
            Token::Waiting(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_waits_for_the_key_in_its_message() {
        let mut secrets = Secrets::new(ProtocolVersion::V2_3, false);
        let value = secrets.protect(&Secret::new("pw")).unwrap();
        let PsValue::SecureString(token) = &value else { panic!("{value:?}") };
        let mut message = format!("<SS>{token}</SS><SS>{token}</SS>").into_bytes();
        assert!(secrets.needs_key() && secrets.fill(&mut message));
        secrets.set_key(SessionKey::from_bytes(&[7; 32]).unwrap()).unwrap();
        assert!(!secrets.fill(&mut message));
        let sealed = secrets.key().unwrap().encrypt(&Secret::new("pw")).unwrap();
        assert_eq!(message, format!("<SS>{sealed}</SS><SS>{sealed}</SS>").into_bytes());
        let again = secrets.protect(&Secret::new("pw")).unwrap();
        assert!(secrets.reveal(&again).unwrap() == Secret::new("pw"));
    }

    #[test]
    fn protocol_2_4_asks_the_transport() {
        let mut secrets = Secrets::new(ProtocolVersion::V2_4, false);
        assert_eq!(secrets.protect(&Secret::new("pw")).unwrap_err(), PsrpError::UnprotectedSecret);
        let mut secrets = Secrets::new(ProtocolVersion::V2_4, true);
        let value = secrets.protect(&Secret::new("p@ss")).unwrap();
        let PsValue::SecureString(text) = &value else { panic!("{value:?}") };
        assert_eq!(text.as_str(), "cABAAHMAcwA=");
        assert!(secrets.reveal(&value).unwrap() == Secret::new("p@ss"));
        assert_eq!(
            secrets.reveal(&PsValue::Null).unwrap_err().to_string(),
            "secret: the value is no secure string"
        );
    }
}
