//! Where an object exporter is reached, and how calls to it are secured ([MS-DCOM] 2.2.19).

use windlass_core::cursor::ReadCursor;

use crate::error::Error;

/// The tower of TCP ([MS-DCOM] 2.2.19.3).
pub const TOWER_TCP: u16 = 0x07;
/// The tower of named pipes.
pub const TOWER_PIPE: u16 = 0x0F;

/// What stands for "no authorization service" in a security binding.
const NO_AUTHORIZATION: u16 = 0xFFFF;

/// An address of an object exporter or resolver (STRINGBINDING).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StringBinding {
    /// The protocol, such as [`TOWER_TCP`].
    pub tower: u16,
    /// The address, with the port in square brackets where it is that of an exporter.
    pub address: String,
}

/// A way to authenticate to an object exporter (SECURITYBINDING).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecurityBinding {
    /// The authentication service: 9 Negotiate, 10 NTLM, 16 Kerberos.
    pub authentication: u16,
    /// The authorization service, 0xFFFF for none.
    pub authorization: u16,
    /// Whom to authenticate to; may be empty.
    pub principal: String,
}

/// Addresses and ways to authenticate (DUALSTRINGARRAY).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DualStringArray {
    /// The addresses, the preferred one first.
    pub addresses: Vec<StringBinding>,
    /// The ways to authenticate.
    pub security: Vec<SecurityBinding>,
}

impl StringBinding {
    /// An address over TCP without a port: that of a resolver.
    pub fn tcp(host: &str) -> Self {
        Self { tower: TOWER_TCP, address: host.to_owned() }
    }

    /// An address over TCP with a port: that of an object exporter.
    pub fn tcp_port(host: &str, port: u16) -> Self {
        Self { tower: TOWER_TCP, address: format!("{host}[{port}]") }
    }

    /// Host and port of the address. What a peer sends here is only a claim: a client that was told a
    /// host dials that one and takes the port alone.
    pub fn host_and_port(&self) -> (&str, Option<u16>) {
        let Some((host, rest)) = self.address.rsplit_once('[') else { return (&self.address, None) };
        match rest.strip_suffix(']').and_then(|port| port.parse().ok()) {
            Some(port) => (host, Some(port)),
            None => (&self.address, None),
        }
    }
}

impl SecurityBinding {
    /// An authentication service without a principal.
    pub fn service(authentication: u16) -> Self {
        Self { authentication, authorization: NO_AUTHORIZATION, principal: String::new() }
    }
}

impl DualStringArray {
    /// Reads the packed form: number of 16-bit entries, offset of the security bindings, entries.
    ///
    /// # Errors
    /// Offsets outside, texts without end.
    pub fn decode(cursor: &mut ReadCursor<'_>) -> Result<Self, Error> {
        let entries = cursor.u16_le("wNumEntries")?;
        let security = cursor.u16_le("wSecurityOffset")?;
        let bytes = cursor.take(usize::from(entries) * 2, "aStringArray")?;
        Self::from_entries(bytes, security)
    }

    /// Reads the entries themselves.
    pub(crate) fn from_entries(bytes: &[u8], security_offset: u16) -> Result<Self, Error> {
        let entries: Vec<u16> =
            bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let split = entries.split_at_checked(usize::from(security_offset));
        let (addresses, security) =
            split.ok_or_else(|| Error::value("wSecurityOffset", security_offset, "an offset within"))?;
        Ok(Self { addresses: Self::addresses(addresses)?, security: Self::securities(security)? })
    }

    fn addresses(mut entries: &[u16]) -> Result<Vec<StringBinding>, Error> {
        let mut addresses = Vec::new();
        while let Some((tower, rest)) = entries.split_first().filter(|(tower, _)| **tower != 0) {
            let (address, rest) = text(rest, "STRINGBINDING")?;
            addresses.push(StringBinding { tower: *tower, address });
            entries = rest;
        }
        Ok(addresses)
    }

    fn securities(mut entries: &[u16]) -> Result<Vec<SecurityBinding>, Error> {
        let mut security = Vec::new();
        while let Some((authentication, rest)) = entries.split_first().filter(|(service, _)| **service != 0) {
            let Some((authorization, rest)) = rest.split_first() else {
                return Err(Error::Missing("wAuthzSvc"));
            };
            let (principal, rest) = text(rest, "SECURITYBINDING")?;
            let (authentication, authorization) = (*authentication, *authorization);
            security.push(SecurityBinding { authentication, authorization, principal });
            entries = rest;
        }
        Ok(security)
    }

    /// The entries and the offset of the security bindings among them.
    pub(crate) fn entries(&self) -> Result<(Vec<u16>, u16), Error> {
        let mut entries = Vec::new();
        for binding in &self.addresses {
            entries.push(binding.tower);
            entries.extend(units(&binding.address));
            entries.push(0);
        }
        entries.push(0);
        let security = u16::try_from(entries.len()).map_err(|_| too_long())?;
        for binding in &self.security {
            entries.extend([binding.authentication, binding.authorization]);
            entries.extend(units(&binding.principal));
            entries.push(0);
        }
        entries.push(0);
        if entries.len() > usize::from(u16::MAX) {
            return Err(too_long());
        }
        Ok((entries, security))
    }

    /// Writes the packed form.
    ///
    /// # Errors
    /// More entries than 16 bits count.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let (entries, security) = self.entries()?;
        let count = u16::try_from(entries.len()).map_err(|_| too_long())?;
        out.extend(count.to_le_bytes());
        out.extend(security.to_le_bytes());
        out.extend(entries.into_iter().flat_map(u16::to_le_bytes));
        Ok(())
    }

    /// The ports of the addresses over TCP.
    pub fn tcp_ports(&self) -> impl Iterator<Item = u16> {
        let tcp = self.addresses.iter().filter(|binding| binding.tower == TOWER_TCP);
        tcp.filter_map(|binding| binding.host_and_port().1)
    }
}

/// A text up to its terminator, and what follows it.
fn text<'e>(entries: &'e [u16], field: &'static str) -> Result<(String, &'e [u16]), Error> {
    let end = entries.iter().position(|unit| *unit == 0).ok_or(Error::Text(field))?;
    let (units, rest) = entries.split_at_checked(end).ok_or(Error::Text(field))?;
    let text = String::from_utf16(units).map_err(|_| Error::Text(field))?;
    Ok((text, rest.get(1..).unwrap_or_default()))
}

fn units(text: &str) -> impl Iterator<Item = u16> {
    text.encode_utf16().filter(|unit| *unit != 0)
}

fn too_long() -> Error {
    Error::Limit { what: "entries of a DUALSTRINGARRAY", limit: usize::from(u16::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stand_in_brackets() {
        assert_eq!(StringBinding::tcp_port("host", 49_152).host_and_port(), ("host", Some(49_152)));
        assert_eq!(StringBinding::tcp("host").host_and_port(), ("host", None));
        assert_eq!(StringBinding::tcp("[::1]").host_and_port(), ("[::1]", None));
        assert_eq!(StringBinding::tcp("::1[135]").host_and_port(), ("::1", Some(135)));
        assert_eq!(StringBinding::tcp("host[99999]").host_and_port().1, None);
    }

    #[test]
    fn damaged_arrays_are_refused() {
        let mut bytes = Vec::new();
        let array = DualStringArray {
            addresses: vec![StringBinding::tcp("a")],
            security: vec![SecurityBinding::service(10)],
        };
        array.encode(&mut bytes).unwrap();
        assert_eq!(DualStringArray::decode(&mut ReadCursor::new(&bytes)).unwrap(), array);
        for length in 0..bytes.len() {
            assert!(DualStringArray::decode(&mut ReadCursor::new(&bytes[..length])).is_err());
        }
        let outside = [2, 0, 3, 0, 0, 0, 0, 0];
        assert!(DualStringArray::decode(&mut ReadCursor::new(&outside)).is_err());
        let endless = [2, 0, 2, 0, 7, 0, 65, 0];
        assert_eq!(
            DualStringArray::decode(&mut ReadCursor::new(&endless)),
            Err(Error::Text("STRINGBINDING"))
        );
    }
}
