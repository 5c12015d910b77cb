//! The clothes that GSS-API puts on Kerberos messages ([RFC 4121] section 4.1).

use super::asn1::application;
use crate::AuthError;
use crate::ChannelBinding;
use crate::der::{self, Reader};
use crate::spnego::MechType;

/// No Kerberos token is longer, in bytes: a ticket with the groups of a large domain is at most 64 KiB
/// ([MS-KILE] 3.1.1.2, MaxTokenSize).
pub const MAX_TOKEN: usize = 72 * 1024;

/// What a token holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenId {
    ApReq,
    ApRep,
    Error,
}

impl TokenId {
    fn octets(self) -> [u8; 2] {
        match self {
            Self::ApReq => [1, 0],
            Self::ApRep => [2, 0],
            Self::Error => [3, 0],
        }
    }
}

/// Puts the frame around a message.
pub(super) fn frame(id: TokenId, message: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(message.len() + 16);
    der::write(&mut content, der::OBJECT_IDENTIFIER, MechType::kerberos().octets());
    content.extend_from_slice(&id.octets());
    content.extend_from_slice(message);
    let mut out = Vec::with_capacity(content.len() + 6);
    der::write(&mut out, application(0), &content);
    out
}

/// Takes the frame off. A message without one, as RPC sends it, is told by its own tag.
pub(super) fn unframe(token: &[u8]) -> Result<(TokenId, &[u8]), AuthError> {
    const WHAT: &str = "kerberos token";
    if token.len() > MAX_TOKEN {
        return Err(AuthError::TooLarge { what: WHAT, actual: token.len(), limit: MAX_TOKEN });
    }
    let mut reader = Reader::new(token, WHAT);
    match reader.peek() {
        Some(0x6E) => return Ok((TokenId::ApReq, token)),
        Some(0x6F) => return Ok((TokenId::ApRep, token)),
        Some(0x7E) => return Ok((TokenId::Error, token)),
        _ => {}
    }
    let content = reader.expect(application(0), "InitialContextToken")?.content;
    reader.finish("InitialContextToken")?;
    let mut inner = Reader::new(content, WHAT);
    let mech = inner.expect(der::OBJECT_IDENTIFIER, "thisMech")?;
    let known = [MechType::kerberos(), MechType::ms_kerberos()];
    if !known.iter().any(|known| known.octets() == mech.content) {
        return Err(inner.malformed("thisMech", "expected Kerberos"));
    }
    let rest = content.get(mech.raw.len()..).unwrap_or_default();
    let (id, message) =
        rest.split_first_chunk::<2>().ok_or_else(|| inner.malformed("token id", "it is missing"))?;
    [TokenId::ApReq, TokenId::ApRep, TokenId::Error]
        .into_iter()
        .find(|known| known.octets() == *id)
        .map(|known| (known, message))
        .ok_or_else(|| inner.malformed("token id", "expected AP-REQ, AP-REP or KRB-ERROR"))
}

/// What the initiator asks for, and the channel that it is bound to: the authenticator's checksum
/// ([RFC 4121] section 4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GssChecksum {
    /// MD5 of the channel binding; zeros if there is none.
    pub binding: [u8; 16],
    /// Flags of the context.
    pub flags: u32,
}

impl GssChecksum {
    /// The type of this checksum.
    pub const TYPE: i32 = 0x8003;
    /// The service has to prove itself, too.
    pub const MUTUAL: u32 = 2;
    /// Repetitions are detected.
    pub const REPLAY: u32 = 4;
    /// Messages are numbered.
    pub const SEQUENCE: u32 = 8;
    /// Messages can be sealed.
    pub const CONFIDENTIALITY: u32 = 0x10;
    /// Messages can be signed.
    pub const INTEGRITY: u32 = 0x20;
    /// The handshake has three legs ([MS-KILE] 3.1.1.1).
    pub const DCE_STYLE: u32 = 0x1000;

    /// The checksum for a channel.
    pub fn new(binding: Option<&ChannelBinding>, flags: u32) -> Self {
        Self { binding: binding.map(ChannelBinding::gss_hash).unwrap_or_default(), flags }
    }

    /// Reads it. A forwarded credential behind the flags is passed over.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let malformed = |reason| AuthError::Malformed {
            token: "kerberos authenticator",
            field: "checksum of GSS-API",
            reason,
        };
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| malformed("it is too short"))?;
        if u32::from_le_bytes(*length) != 16 {
            return Err(malformed("expected a binding of 16 bytes"));
        }
        let (binding, rest) = rest.split_first_chunk::<16>().ok_or_else(|| malformed("it is too short"))?;
        let (flags, _) = rest.split_first_chunk::<4>().ok_or_else(|| malformed("it is too short"))?;
        Ok(Self { binding: *binding, flags: u32::from_le_bytes(*flags) })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = 16_u32.to_le_bytes().to_vec();
        out.extend_from_slice(&self.binding);
        out.extend_from_slice(&self.flags.to_le_bytes());
        out
    }
}
