//! Bind-time feature negotiation ([MS-RPCE] 2.2.2.14, 3.3.1.5.3).

use uuid::Uuid;

use crate::SyntaxId;

/// Features that a client offers in the guise of a transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BindFeatures(pub u16);

/// How the UUID of the pseudo transfer syntax begins; the features are in its other half.
const PREFIX: [u8; 8] = [0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45];

impl BindFeatures {
    /// Several security contexts on one connection.
    pub const SECURITY_CONTEXT_MULTIPLEXING: Self = Self(0x01);
    /// The connection stays when the client gives a call up.
    pub const KEEP_CONNECTION_ON_ORPHAN: Self = Self(0x02);
    /// All that this crate knows.
    pub const ALL: Self = Self(0x03);

    /// The features in a pseudo transfer syntax, if it is one.
    pub fn from_syntax(syntax: &SyntaxId) -> Option<Self> {
        let [head @ .., b0, b1, _, _, _, _, _, _] = syntax.uuid.to_bytes_le();
        (head == PREFIX && syntax.major == 1).then(|| Self(u16::from_le_bytes([b0, b1])))
    }

    /// The pseudo transfer syntax that offers these.
    pub fn to_syntax(self) -> SyntaxId {
        let [p0, p1, p2, p3, p4, p5, p6, p7] = PREFIX;
        let [b0, b1] = self.0.to_le_bytes();
        let bytes = [p0, p1, p2, p3, p4, p5, p6, p7, b0, b1, 0, 0, 0, 0, 0, 0];
        SyntaxId::new(Uuid::from_bytes_le(bytes), 1, 0)
    }

    /// Those of these that the other side has, too.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of these are there.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Windows 10 sends it in a bind.
    #[test]
    fn the_pseudo_syntax_of_windows() {
        let wire = [0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45, 0x03, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        let syntax = SyntaxId::from_bytes(wire);
        assert_eq!(BindFeatures::from_syntax(&syntax), Some(BindFeatures::ALL));
        assert_eq!(BindFeatures::ALL.to_syntax().to_bytes(), wire);
        assert_eq!(BindFeatures::from_syntax(&SyntaxId::NDR), None);
    }
}
