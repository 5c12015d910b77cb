//! Protocol towers (C706 appendix L): an address as a stack of floors, from interface to host.

use std::net::Ipv4Addr;

use uuid::Uuid;
use windlass_core::cursor::{ReadCursor, ReadError};

use crate::SyntaxId;
use crate::ndr::{NdrError, NdrErrorKind};

/// A stack of floors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tower {
    /// From the interface down to the host.
    pub floors: Vec<Floor>,
}

/// One floor: a protocol and what it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// Protocol identifier, and for interfaces the UUID and the major version.
    pub left: Vec<u8>,
    /// Address or minor version.
    pub right: Vec<u8>,
}

/// What a tower of an interface over TCP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TowerBinding {
    /// The interface.
    pub interface: SyntaxId,
    /// The encoding.
    pub transfer_syntax: SyntaxId,
    /// The TCP port; 0 in a question.
    pub port: u16,
    /// The host; all zeros in a question.
    pub address: Ipv4Addr,
}

/// A floor with a UUID: an interface or an encoding.
const UUID: u8 = 0x0d;
/// Connection-oriented RPC.
const RPC_CONNECTION: u8 = 0x0b;
const TCP: u8 = 0x07;
const IP: u8 = 0x09;
/// Towers have four to six floors.
const MAX_FLOORS: u16 = 16;

impl Tower {
    /// The tower of an interface over TCP.
    pub fn tcp(binding: &TowerBinding) -> Self {
        Self {
            floors: vec![
                Floor::syntax(&binding.interface),
                Floor::syntax(&binding.transfer_syntax),
                Floor { left: vec![RPC_CONNECTION], right: vec![0, 0] },
                Floor { left: vec![TCP], right: binding.port.to_be_bytes().to_vec() },
                Floor { left: vec![IP], right: binding.address.octets().to_vec() },
            ],
        }
    }

    /// What the tower says, if it is one of an interface over TCP.
    pub fn tcp_binding(&self) -> Option<TowerBinding> {
        let [interface, transfer, rpc, tcp, ip] = self.floors.as_slice() else { return None };
        if rpc.left != [RPC_CONNECTION] || tcp.left != [TCP] || ip.left != [IP] {
            return None;
        }
        let port = u16::from_be_bytes(tcp.right.as_slice().try_into().ok()?);
        let octets: [u8; 4] = ip.right.as_slice().try_into().ok()?;
        Some(TowerBinding {
            interface: interface.to_syntax()?,
            transfer_syntax: transfer.to_syntax()?,
            port,
            address: Ipv4Addr::from(octets),
        })
    }

    /// Reads a tower.
    ///
    /// # Errors
    /// A floor does not end, there are too many, or bytes are left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, NdrError> {
        let mut cursor = ReadCursor::new(bytes);
        let count = cursor.u16_le("floor count")?;
        if count > MAX_FLOORS {
            let kind = NdrErrorKind::Limit {
                what: "floors",
                actual: usize::from(count),
                limit: usize::from(MAX_FLOORS),
            };
            return Err(NdrError::new("floor count", 0, kind));
        }
        let mut floors = Vec::new();
        for _ in 0..count {
            floors.push(Floor { left: half(&mut cursor, "LHS")?, right: half(&mut cursor, "RHS")? });
        }
        match cursor.remaining() {
            0 => Ok(Self { floors }),
            left => Err(NdrError::new("tower", cursor.position(), NdrErrorKind::Trailing(left))),
        }
    }

    /// Writes the tower.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&length(self.floors.len()));
        for half in self.floors.iter().flat_map(|floor| [&floor.left, &floor.right]) {
            out.extend_from_slice(&length(half.len()));
            out.extend_from_slice(half);
        }
        out
    }
}

impl Floor {
    fn syntax(syntax: &SyntaxId) -> Self {
        let mut left = vec![UUID];
        left.extend_from_slice(&syntax.uuid.to_bytes_le());
        left.extend_from_slice(&syntax.major.to_le_bytes());
        Self { left, right: syntax.minor.to_le_bytes().to_vec() }
    }

    /// The interface or encoding that the floor names.
    pub fn to_syntax(&self) -> Option<SyntaxId> {
        let [UUID, uuid @ .., m0, m1] = self.left.as_slice() else { return None };
        let uuid = Uuid::from_bytes_le(uuid.try_into().ok()?);
        let minor = u16::from_le_bytes(self.right.as_slice().try_into().ok()?);
        Some(SyntaxId::new(uuid, u16::from_le_bytes([*m0, *m1]), minor))
    }
}

fn half(cursor: &mut ReadCursor<'_>, field: &'static str) -> Result<Vec<u8>, ReadError> {
    let length = cursor.u16_le(field)?;
    Ok(cursor.take(usize::from(length), field)?.to_vec())
}

/// A count of 16 bits; no tower that this crate makes has more.
fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tower in an ept_map request of Windows for the SAM interface, as C706 appendix L has it.
    #[test]
    fn a_tower_over_tcp_has_75_bytes() {
        let uuid = Uuid::from_u128(0x12345778_1234_abcd_ef00_0123456789ac);
        let binding = TowerBinding {
            interface: SyntaxId::new(uuid, 1, 0),
            transfer_syntax: SyntaxId::NDR,
            port: 49_664,
            address: Ipv4Addr::new(192, 0, 2, 7),
        };
        let tower = Tower::tcp(&binding);
        let bytes = tower.encode();
        assert_eq!(bytes.len(), 75);
        assert_eq!(bytes[..7], [5, 0, 19, 0, 0x0d, 0x78, 0x57]);
        assert_eq!(
            bytes[52..],
            [1, 0, 0x0b, 2, 0, 0, 0, 1, 0, 7, 2, 0, 0xc2, 0, 1, 0, 9, 4, 0, 192, 0, 2, 7]
        );
        assert_eq!(Tower::decode(&bytes).unwrap(), tower);
        assert_eq!(tower.tcp_binding(), Some(binding));
        for cut in 0..bytes.len() {
            assert!(Tower::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn too_many_floors_are_refused() {
        assert!(Tower::decode(&[17, 0]).is_err());
        assert_eq!(Tower::decode(&[0, 0]).unwrap(), Tower::default());
    }
}
