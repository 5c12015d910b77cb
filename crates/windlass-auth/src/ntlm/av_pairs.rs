//! [MS-NLMP] 2.2.2.1 AV_PAIR: what the acceptor says about itself, and what the initiator adds to it.

use windlass_core::cursor::ReadCursor;

use crate::AuthError;

/// More pairs than this are refused; eleven kinds are defined.
const MAX_PAIRS: usize = 64;

/// AvId. Kinds without a name here are kept as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AvId(pub u16);

impl AvId {
    /// MsvAvEOL: the end of the list.
    pub const EOL: Self = Self(0);
    /// MsvAvNbComputerName: the acceptor's NetBIOS name.
    pub const NB_COMPUTER_NAME: Self = Self(1);
    /// MsvAvNbDomainName: the acceptor's NetBIOS domain.
    pub const NB_DOMAIN_NAME: Self = Self(2);
    /// MsvAvDnsComputerName: the acceptor's DNS name.
    pub const DNS_COMPUTER_NAME: Self = Self(3);
    /// MsvAvDnsDomainName: the acceptor's DNS domain.
    pub const DNS_DOMAIN_NAME: Self = Self(4);
    /// MsvAvDnsTreeName: the acceptor's forest.
    pub const DNS_TREE_NAME: Self = Self(5);
    /// MsvAvFlags, 32 bits.
    pub const FLAGS: Self = Self(6);
    /// MsvAvTimestamp, a FILETIME.
    pub const TIMESTAMP: Self = Self(7);
    /// MsvAvSingleHost.
    pub const SINGLE_HOST: Self = Self(8);
    /// MsvAvTargetName: the service principal name that the initiator means.
    pub const TARGET_NAME: Self = Self(9);
    /// MsvAvChannelBindings: an MD5 hash.
    pub const CHANNEL_BINDINGS: Self = Self(10);
}

/// The bit in [`AvId::FLAGS`] that says that the AUTHENTICATE message has a MIC.
pub(super) const FLAG_MIC: u32 = 0x0000_0002;

/// One pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvPair {
    /// Its kind.
    pub id: AvId,
    /// Its value; texts are in UTF-16 whatever the flags say.
    pub value: Vec<u8>,
}

/// The pairs in order, without the end mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AvPairs(Vec<AvPair>);

impl AvPairs {
    /// No pairs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads pairs up to the end mark; what follows it is left in the cursor.
    ///
    /// # Errors
    /// A pair is truncated, the end mark is missing, or there are too many pairs.
    pub fn decode(cursor: &mut ReadCursor<'_>) -> Result<Self, AuthError> {
        let short = AuthError::truncated("ntlm av pairs");
        let mut pairs = Vec::new();
        loop {
            let id = AvId(cursor.u16_le("AvId").map_err(&short)?);
            let length = cursor.u16_le("AvLen").map_err(&short)?;
            let value = cursor.take(usize::from(length), "Value").map_err(&short)?;
            if id == AvId::EOL {
                return Ok(Self(pairs));
            }
            if pairs.len() == MAX_PAIRS {
                return Err(AuthError::TooLarge {
                    what: "list of ntlm av pairs",
                    actual: pairs.len() + 1,
                    limit: MAX_PAIRS,
                });
            }
            pairs.push(AvPair { id, value: value.to_vec() });
        }
    }

    /// Writes the pairs and the end mark. Values longer than 65535 bytes do not occur.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for pair in &self.0 {
            let Ok(length) = u16::try_from(pair.value.len()) else { continue };
            out.extend_from_slice(&pair.id.0.to_le_bytes());
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&pair.value);
        }
        out.extend_from_slice(&[0; 4]);
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = &AvPair> {
        self.0.iter()
    }

    /// The value of the first pair of this kind.
    pub fn get(&self, id: AvId) -> Option<&[u8]> {
        self.0.iter().find(|pair| pair.id == id).map(|pair| pair.value.as_slice())
    }

    /// Replaces the first pair of this kind or appends one.
    pub fn set(&mut self, id: AvId, value: impl Into<Vec<u8>>) {
        let value = value.into();
        match self.0.iter_mut().find(|pair| pair.id == id) {
            Some(pair) => pair.value = value,
            None => self.0.push(AvPair { id, value }),
        }
    }

    /// [`set`](Self::set) with a text.
    pub fn set_text(&mut self, id: AvId, text: &str) {
        self.set(id, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    }

    /// The value as a text; unpaired surrogates are replaced.
    pub fn text(&self, id: AvId) -> Option<String> {
        let units = self.get(id)?.chunks_exact(2).map(|unit| match unit {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        });
        Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }

    /// [`AvId::FLAGS`], zero if absent or of another size.
    pub fn flags(&self) -> u32 {
        self.get(AvId::FLAGS).and_then(|value| value.try_into().ok()).map_or(0, u32::from_le_bytes)
    }

    /// [`AvId::TIMESTAMP`], if present and of the right size.
    pub fn timestamp(&self) -> Option<u64> {
        self.get(AvId::TIMESTAMP)?.try_into().ok().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_round_trip_and_keep_unknown_kinds() {
        let mut pairs = AvPairs::new();
        pairs.set_text(AvId::NB_COMPUTER_NAME, "Server");
        pairs.set(AvId(0x1234), vec![1, 2, 3]);
        pairs.set(AvId::FLAGS, FLAG_MIC.to_le_bytes());
        let mut bytes = Vec::new();
        pairs.encode(&mut bytes);
        let mut cursor = ReadCursor::new(&bytes);
        let decoded = AvPairs::decode(&mut cursor).unwrap();
        assert!(cursor.is_empty());
        assert_eq!(decoded, pairs);
        assert_eq!(decoded.text(AvId::NB_COMPUTER_NAME).as_deref(), Some("Server"));
        assert_eq!(decoded.flags(), FLAG_MIC);
        assert_eq!(decoded.timestamp(), None);
    }

    #[test]
    fn endless_and_truncated_lists_are_refused() {
        let endless = [5, 0, 0, 0].repeat(MAX_PAIRS + 1);
        assert!(matches!(
            AvPairs::decode(&mut ReadCursor::new(&endless)),
            Err(AuthError::TooLarge { limit: MAX_PAIRS, .. })
        ));
        assert!(AvPairs::decode(&mut ReadCursor::new(&[1, 0, 9, 0, 1])).is_err());
    }
}
