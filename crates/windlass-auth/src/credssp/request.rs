//! TSRequest ([MS-CSSP] 2.2.1): the one message of CredSSP.

use super::NONCE;
use crate::AuthError;
use crate::der::{self, Reader};

/// No token is longer, in bytes: a SPNEGO token, its wrapping and TLS around them.
pub(super) const MAX_TOKEN: usize = 96 * 1024;

/// One message, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TsRequest {
    /// The highest version that the sender speaks.
    pub version: u32,
    /// A SPNEGO token.
    pub nego_token: Option<Vec<u8>>,
    /// Sealed credentials.
    pub auth_info: Option<Vec<u8>>,
    /// Sealed proof of the server's public key.
    pub pub_key_auth: Option<Vec<u8>>,
    /// Why the server refuses: an NTSTATUS.
    pub error_code: Option<u32>,
    /// What the client adds to the hashes, from version 5 on.
    pub client_nonce: Option<[u8; NONCE]>,
}

impl TsRequest {
    /// Reads a message.
    ///
    /// # Errors
    /// It is too long or malformed. Several SPNEGO tokens in one message are refused; nobody sends them.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        if bytes.len() > MAX_TOKEN {
            return Err(AuthError::TooLarge { what: "TSRequest", actual: bytes.len(), limit: MAX_TOKEN });
        }
        let mut reader = Reader::new(bytes, "TSRequest");
        let mut fields = reader.enter(der::SEQUENCE, "TSRequest")?;
        reader.finish("TSRequest")?;
        let version = fields.optional_explicit(der::context(0), der::INTEGER, "version")?;
        let version = version.ok_or_else(|| fields.malformed("version", "expected it to be there"))?;
        let version = unsigned(version).ok_or_else(|| fields.malformed("version", "out of range"))?;
        let nego_token = nego_token(&mut fields)?;
        let mut octets = |number, field| {
            let content = fields.optional_explicit(der::context(number), der::OCTET_STRING, field)?;
            Ok::<_, AuthError>(content.map(<[u8]>::to_vec))
        };
        let auth_info = octets(2, "authInfo")?;
        let pub_key_auth = octets(3, "pubKeyAuth")?;
        let error_code = match fields.optional_explicit(der::context(4), der::INTEGER, "errorCode")? {
            Some(code) => Some(status(code).ok_or_else(|| fields.malformed("errorCode", "out of range"))?),
            None => None,
        };
        let client_nonce =
            match fields.optional_explicit(der::context(5), der::OCTET_STRING, "clientNonce")? {
                Some(nonce) => Some(
                    <[u8; NONCE]>::try_from(nonce)
                        .map_err(|_| fields.malformed("clientNonce", "expected 32 octets"))?,
                ),
                None => None,
            };
        fields.finish("TSRequest")?;
        Ok(Self { version, nego_token, auth_info, pub_key_auth, error_code, client_nonce })
    }

    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = der::wrapped(der::context(0), der::INTEGER, &integer(self.version));
        if let Some(token) = &self.nego_token {
            let inner = der::wrapped(der::context(0), der::OCTET_STRING, token);
            let mut item = Vec::new();
            der::write(&mut item, der::SEQUENCE, &inner);
            fields.extend(der::wrapped(der::context(1), der::SEQUENCE, &item));
        }
        for (number, octets) in [(2, &self.auth_info), (3, &self.pub_key_auth)] {
            if let Some(octets) = octets {
                fields.extend(der::wrapped(der::context(number), der::OCTET_STRING, octets));
            }
        }
        if let Some(code) = self.error_code {
            fields.extend(der::wrapped(der::context(4), der::INTEGER, &code.to_be_bytes()));
        }
        if let Some(nonce) = &self.client_nonce {
            fields.extend(der::wrapped(der::context(5), der::OCTET_STRING, nonce));
        }
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, &fields);
        out
    }
}

/// NegoData ([MS-CSSP] 2.2.1.1): a sequence of sequences, of which there is one.
fn nego_token(fields: &mut Reader<'_>) -> Result<Option<Vec<u8>>, AuthError> {
    let Some(mut wrapper) = fields.enter_optional(der::context(1), "negoTokens")? else { return Ok(None) };
    let mut list = wrapper.enter(der::SEQUENCE, "negoTokens")?;
    wrapper.finish("negoTokens")?;
    let mut item = list.enter(der::SEQUENCE, "negoTokens")?;
    list.finish("negoTokens")?;
    let token = item.optional_explicit(der::context(0), der::OCTET_STRING, "negoToken")?;
    item.finish("negoTokens")?;
    Ok(token.map(<[u8]>::to_vec))
}

/// A number of at most four octets that is not negative.
pub(super) fn unsigned(content: &[u8]) -> Option<u32> {
    let digits = match content {
        [] => return None,
        [first, ..] if first & 0x80 != 0 => return None,
        [0, rest @ ..] => rest,
        all => all,
    };
    (digits.len() <= 4).then(|| digits.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

/// A status: peers write it with its sign, or with a zero in front so that it has none.
fn status(content: &[u8]) -> Option<u32> {
    match content {
        [high, ..] if high & 0x80 != 0 && content.len() <= 4 => {
            Some(content.iter().fold(u32::MAX, |number, octet| number << 8 | u32::from(*octet)))
        }
        _ => unsigned(content),
    }
}

/// A number in as few octets as DER wants.
pub(super) fn integer(number: u32) -> Vec<u8> {
    let mut octets: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    if octets.first().is_none_or(|first| first & 0x80 != 0) {
        octets.insert(0, 0);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_round_trip() {
        let full = TsRequest {
            version: 6,
            nego_token: Some(vec![1; 200]),
            auth_info: Some(vec![2; 3]),
            pub_key_auth: Some(vec![]),
            error_code: Some(0xC000_006D),
            client_nonce: Some([7; NONCE]),
        };
        let bare = TsRequest { version: 0x1_0000, ..Default::default() };
        for message in [full, bare] {
            let encoded = message.encode();
            assert_eq!(TsRequest::decode(&encoded), Ok(message));
            for length in 0..encoded.len() {
                assert!(TsRequest::decode(&encoded[..length]).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn numbers() {
        for number in [0, 1, 127, 128, 255, 256, 0x8000_0000, u32::MAX] {
            assert_eq!(unsigned(&integer(number)), Some(number));
        }
        assert_eq!((unsigned(&[]), unsigned(&[0x80]), unsigned(&[1, 0, 0, 0, 0])), (None, None, None));
        assert_eq!(status(&[0xC0, 0, 0, 0x6D]), Some(0xC000_006D));
        assert_eq!(status(&[0, 0xC0, 0, 0, 0x6D]), Some(0xC000_006D));
        assert_eq!(status(&[0xFF]), Some(u32::MAX));
    }
}
