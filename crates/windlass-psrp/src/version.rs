//! Versions of the protocol and how both sides agree on one ([MS-PSRP] 3.1.5.4.1).

use std::fmt;

use crate::error::PsrpError;

/// A version of the remoting protocol: 2.1 is PowerShell 2, 2.2 PowerShell 3 and 4, 2.3 PowerShell 5
/// to 7.5, 2.4 PowerShell 7.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolVersion {
    /// Both sides must have the same.
    pub major: i32,
    /// The lower one of both sides counts.
    pub minor: i32,
}

impl ProtocolVersion {
    /// PowerShell 2.
    pub const V2_1: Self = Self::new(2, 1);
    /// Several statements, disconnecting, the merging of single streams.
    pub const V2_2: Self = Self::new(2, 2);
    /// The information stream, resetting a runspace.
    pub const V2_3: Self = Self::new(2, 3);
    /// Secrets are left to the transport.
    pub const V2_4: Self = Self::new(2, 4);

    /// A version by its numbers.
    pub const fn new(major: i32, minor: i32) -> Self {
        Self { major, minor }
    }

    /// What a server states to a client that states `client`: its own version, or the client's where
    /// that is lower. Whether both fit is another question: see [`ProtocolVersion::agree`].
    pub fn answer(self, client: Self) -> Self {
        if client.major == self.major { self.min(client) } else { self }
    }

    /// The version that both sides go by.
    ///
    /// # Errors
    /// When the major versions differ.
    pub fn agree(self, other: Self) -> Result<Self, PsrpError> {
        if self.major != other.major || other.minor < 0 {
            return Err(PsrpError::Incompatible {
                what: "protocol version",
                ours: self.to_string(),
                theirs: other.to_string(),
            });
        }
        Ok(self.min(other))
    }

    /// Refuses what the version does not have.
    pub(crate) fn require(self, needed: Self, what: &'static str) -> Result<(), PsrpError> {
        if self < needed {
            return Err(PsrpError::VersionTooOld { what, needed, agreed: self });
        }
        Ok(())
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_lowers_itself_to_the_client() {
        let server = ProtocolVersion::V2_4;
        assert_eq!(server.answer(ProtocolVersion::V2_1), ProtocolVersion::V2_1);
        assert_eq!(server.answer(ProtocolVersion::new(2, 5)), server);
        assert_eq!(server.answer(ProtocolVersion::new(3, 0)), server);
        assert_eq!(server.answer(ProtocolVersion::new(1, 0)), server);
    }

    #[test]
    fn majors_must_be_equal() {
        assert_eq!(ProtocolVersion::V2_4.agree(ProtocolVersion::V2_2), Ok(ProtocolVersion::V2_2));
        assert_eq!(ProtocolVersion::V2_2.agree(ProtocolVersion::new(2, 9)), Ok(ProtocolVersion::V2_2));
        let error = ProtocolVersion::V2_3.agree(ProtocolVersion::new(3, 0)).unwrap_err();
        assert_eq!(error.to_string(), "protocol version 3.0 of the other side does not fit 2.3");
    }

    #[test]
    fn later_features_are_refused() {
        let error = ProtocolVersion::V2_2.require(ProtocolVersion::V2_3, "resetting a runspace").unwrap_err();
        assert_eq!(error.to_string(), "resetting a runspace needs protocol 2.3, 2.2 was agreed on");
    }
}
