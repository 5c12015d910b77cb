//! The authentication verifier at the end of a PDU ([MS-RPCE] 2.2.2.11).

use std::fmt;

use super::parse::{self, Parsed};

/// The security provider of a context ([MS-RPCE] 2.2.1.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthType(pub u8);

impl AuthType {
    /// SPNEGO.
    pub const SPNEGO: Self = Self(0x09);
    /// NTLM.
    pub const NTLM: Self = Self(0x0a);
    /// Kerberos.
    pub const KERBEROS: Self = Self(0x10);
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SPNEGO => f.write_str("SPNEGO"),
            Self::NTLM => f.write_str("NTLM"),
            Self::KERBEROS => f.write_str("Kerberos"),
            Self(other) => write!(f, "security provider {other:#04x}"),
        }
    }
}

/// How much a context protects ([MS-RPCE] 2.2.1.1.8), from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthLevel {
    /// Nothing is known of the client.
    None,
    /// The client proves itself when the association is made; calls are not protected.
    Connect,
    /// Handled as [`Packet`](Self::Packet).
    Call,
    /// Every PDU is proved to come from the client. All providers sign it as for integrity.
    Packet,
    /// Every PDU is signed.
    Integrity,
    /// Every PDU is signed and its parameters are encrypted.
    Privacy,
}

impl AuthLevel {
    const ALL: [Self; 6] =
        [Self::None, Self::Connect, Self::Call, Self::Packet, Self::Integrity, Self::Privacy];

    /// The level of that number, from 1 on.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.to_u8() == number)
    }

    /// The number on the wire.
    pub fn to_u8(self) -> u8 {
        match self {
            Self::None => 1,
            Self::Connect => 2,
            Self::Call => 3,
            Self::Packet => 4,
            Self::Integrity => 5,
            Self::Privacy => 6,
        }
    }

    /// Whether PDUs are signed at this level.
    pub fn signs(self) -> bool {
        self >= Self::Call
    }

    /// Whether parameters are encrypted at this level.
    pub fn seals(self) -> bool {
        self == Self::Privacy
    }
}

impl fmt::Display for AuthLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Connect => "connect",
            Self::Call => "call",
            Self::Packet => "packet",
            Self::Integrity => "integrity",
            Self::Privacy => "privacy",
        })
    }
}

/// `sec_trailer` and the token behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthVerifier<'a> {
    /// The security provider.
    pub auth_type: AuthType,
    /// The number of the level ([`AuthLevel::from_u8`]).
    pub level: u8,
    /// What `auth_pad_length` says. On PDUs that are not calls it may differ from what `pad` has.
    pub pad_length: u8,
    /// The reserved byte, 0.
    pub reserved: u8,
    /// Which security context of the association is meant.
    pub context_id: u32,
    /// The bytes between the body and `sec_trailer`.
    pub pad: &'a [u8],
    /// The token or signature.
    pub value: &'a [u8],
}

impl<'a> AuthVerifier<'a> {
    /// How many bytes `sec_trailer` takes.
    pub const SIZE: usize = 8;

    /// Parses `sec_trailer` and takes everything behind it as the token.
    pub(super) fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, auth_type) = parse::u8("auth_type")(input)?;
        let (input, level) = parse::u8("auth_level")(input)?;
        let (input, pad_length) = parse::u8("auth_pad_length")(input)?;
        let (input, reserved) = parse::u8("auth_reserved")(input)?;
        let (value, context_id) = parse::u32("auth_context_id")(input)?;
        let auth_type = AuthType(auth_type);
        Ok((&[], Self { auth_type, level, pad_length, reserved, context_id, pad: &[], value }))
    }

    /// Appends the padding and `sec_trailer`, without the token.
    pub(super) fn write_trailer(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.pad);
        out.extend_from_slice(&[self.auth_type.0, self.level, self.pad_length, self.reserved]);
        out.extend_from_slice(&self.context_id.to_le_bytes());
    }
}
