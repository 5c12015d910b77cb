//! Names of interfaces and of encodings (C706 12.6.3.1, `p_syntax_id_t`).

use std::fmt;

use uuid::Uuid;

/// An interface or a transfer syntax: a UUID and a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyntaxId {
    /// Which interface or encoding.
    pub uuid: Uuid,
    /// The major version, which must be equal on both sides.
    pub major: u16,
    /// The minor version: a server serves clients of its own and of lower ones.
    pub minor: u16,
}

impl SyntaxId {
    /// NDR, the 32-bit encoding that every server speaks (C706 14).
    pub const NDR: Self = Self::new(Uuid::from_u128(0x8a885d04_1ceb_11c9_9fe8_08002b104860), 2, 0);

    /// NDR64, which DCOM must not use ([MS-DCOM] 2.2); this crate never accepts it.
    pub const NDR64: Self = Self::new(Uuid::from_u128(0x71710533_beba_4937_8319_b5dbef9ccc36), 1, 0);

    /// How many bytes a name takes on the wire.
    pub const SIZE: usize = 20;

    /// A name from its parts.
    pub const fn new(uuid: Uuid, major: u16, minor: u16) -> Self {
        Self { uuid, major, minor }
    }

    /// Whether an interface of this name serves a client that asks for `wanted` (C706 6.2.3.2).
    pub fn serves(&self, wanted: &Self) -> bool {
        self.uuid == wanted.uuid && self.major == wanted.major && self.minor >= wanted.minor
    }

    /// The wire form.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (uuid, version) = bytes.split_at_mut(16);
        uuid.copy_from_slice(&self.uuid.to_bytes_le());
        let (major, minor) = version.split_at_mut(2);
        major.copy_from_slice(&self.major.to_le_bytes());
        minor.copy_from_slice(&self.minor.to_le_bytes());
        bytes
    }

    /// Reads the wire form.
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let [uuid @ .., m0, m1, n0, n1] = bytes;
        Self::new(Uuid::from_bytes_le(uuid), u16::from_le_bytes([m0, m1]), u16::from_le_bytes([n0, n1]))
    }
}

impl fmt::Display for SyntaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}.{}", self.uuid, self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndr_has_its_known_bytes() {
        let bytes = SyntaxId::NDR.to_bytes();
        assert_eq!(bytes[..4], [0x04, 0x5d, 0x88, 0x8a]);
        assert_eq!(bytes[16..], [2, 0, 0, 0]);
        assert_eq!(SyntaxId::from_bytes(bytes), SyntaxId::NDR);
        assert_eq!(SyntaxId::NDR.to_string(), "8a885d04-1ceb-11c9-9fe8-08002b104860 v2.0");
    }

    #[test]
    fn a_server_serves_lower_minor_versions_of_its_major_one() {
        let of = |major, minor| SyntaxId::new(Uuid::from_u128(1), major, minor);
        assert!(of(1, 2).serves(&of(1, 0)) && of(1, 2).serves(&of(1, 2)));
        assert!(!of(1, 2).serves(&of(1, 3)) && !of(1, 2).serves(&of(2, 0)));
        assert!(!of(1, 2).serves(&SyntaxId::NDR));
    }
}
