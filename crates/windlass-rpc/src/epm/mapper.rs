//! The server's table.

use std::net::Ipv4Addr;

use uuid::Uuid;

use super::{
    FREE, Handle, LOOKUP, LookupEntry, LookupRequest, LookupResponse, MAP, MapRequest, MapResponse,
    STATUS_NOT_REGISTERED, STATUS_OK, Tower, TowerBinding,
};
use crate::SyntaxId;
use crate::ndr::{Limits, Reader, Writer};
use crate::pdu::FaultStatus;

/// An interface and where it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The interface.
    pub interface: SyntaxId,
    /// The TCP port.
    pub port: u16,
    /// A remark, at most 63 bytes.
    pub annotation: String,
}

/// What is registered. Listings keep no state here: their handles say where they go on.
#[derive(Debug, Clone, Default)]
pub struct Mapper {
    entries: Vec<Registration>,
}

/// How our handles begin; the index of the next entry is in the last four bytes.
const HANDLE: u128 = 0x5769_6e64_6c61_7373_4550_4d31_0000_0000;
const INDEX: u128 = 0xffff_ffff;
/// The most entries of one answer.
const MAX_ENTRIES: usize = 500;

impl Mapper {
    /// A table of these.
    pub fn new(entries: Vec<Registration>) -> Self {
        Self { entries }
    }

    /// Executes a call. `address` is the host's as the client dialled it.
    ///
    /// # Errors
    /// The fault to answer with.
    pub fn call(&self, opnum: u16, stub: &[u8], address: Ipv4Addr) -> Result<Vec<u8>, FaultStatus> {
        match opnum {
            LOOKUP => {
                let request = LookupRequest::decode(stub).map_err(|_| FaultStatus::BAD_STUB_DATA)?;
                Ok(self.lookup(&request, address)?.encode())
            }
            MAP => {
                let request = MapRequest::decode(stub).map_err(|_| FaultStatus::BAD_STUB_DATA)?;
                Ok(self.map(&request, address)?.encode())
            }
            FREE => free(stub),
            0..=6 => Err(FaultStatus::CANNOT_PERFORM),
            _ => Err(FaultStatus::OP_RANGE),
        }
    }

    fn lookup(&self, request: &LookupRequest, address: Ipv4Addr) -> Result<LookupResponse, FaultStatus> {
        let wanted = |entry: &&Registration| match request.inquiry_type {
            0 => true,
            1 => of_version(&entry.interface, request),
            // No entry is of an object.
            _ => false,
        };
        let (page, handle) = self.page(request.handle, request.max_entries, wanted)?;
        let entries: Vec<LookupEntry> = page
            .into_iter()
            .map(|entry| LookupEntry {
                object: Uuid::nil(),
                tower: entry.tower(address),
                annotation: entry.annotation.clone().into_bytes(),
            })
            .collect();
        let status = if entries.is_empty() { STATUS_NOT_REGISTERED } else { STATUS_OK };
        Ok(LookupResponse { handle, max_entries: request.max_entries, entries, status })
    }

    fn map(&self, request: &MapRequest, address: Ipv4Addr) -> Result<MapResponse, FaultStatus> {
        let question = request.tower.tcp_binding();
        let wanted = |entry: &&Registration| {
            question.is_some_and(|question| {
                entry.interface.serves(&question.interface) && question.transfer_syntax == SyntaxId::NDR
            })
        };
        let (page, handle) = self.page(request.handle, request.max_towers, wanted)?;
        let towers: Vec<Tower> = page.into_iter().map(|entry| entry.tower(address)).collect();
        let status = if towers.is_empty() { STATUS_NOT_REGISTERED } else { STATUS_OK };
        Ok(MapResponse { handle, max_towers: request.max_towers, towers, status })
    }

    /// The entries from a handle on, and the handle of what is left.
    fn page(
        &self,
        handle: Handle,
        max: u32,
        wanted: impl Fn(&&Registration) -> bool,
    ) -> Result<(Vec<&Registration>, Handle), FaultStatus> {
        let start = start(handle)?;
        let count = usize::try_from(max).unwrap_or(usize::MAX).min(MAX_ENTRIES);
        let mut rest = self.entries.iter().enumerate().skip(start).filter(|(_, entry)| wanted(entry));
        let page: Vec<&Registration> = rest.by_ref().take(count).map(|(_, entry)| entry).collect();
        let next = rest.next().and_then(|(index, _)| u32::try_from(index).ok());
        let uuid = next.map_or(Uuid::nil(), |index| Uuid::from_u128(HANDLE | u128::from(index)));
        Ok((page, Handle { attributes: 0, uuid }))
    }
}

impl Registration {
    fn tower(&self, address: Ipv4Addr) -> Tower {
        Tower::tcp(&TowerBinding {
            interface: self.interface,
            transfer_syntax: SyntaxId::NDR,
            port: self.port,
            address,
        })
    }
}

/// `ept_lookup_handle_free`: there is nothing to free, but the handle has to be ours.
fn free(stub: &[u8]) -> Result<Vec<u8>, FaultStatus> {
    let mut reader = Reader::new(stub, Limits::default());
    let bad = |_| FaultStatus::BAD_STUB_DATA;
    let attributes = reader.u32("entry_handle").map_err(bad)?;
    let uuid = reader.uuid("entry_handle").map_err(bad)?;
    start(Handle { attributes, uuid })?;
    let mut writer = Writer::new();
    writer.u32(0);
    writer.uuid(&Uuid::nil());
    writer.u32(STATUS_OK);
    Ok(writer.into_bytes())
}

/// The index that a handle goes on from.
fn start(handle: Handle) -> Result<usize, FaultStatus> {
    if handle.is_nil() {
        return Ok(0);
    }
    let number = handle.uuid.as_u128();
    if number & !INDEX != HANDLE {
        return Err(FaultStatus::CONTEXT_MISMATCH);
    }
    usize::try_from(number & INDEX).map_err(|_| FaultStatus::CONTEXT_MISMATCH)
}

/// `vers_option` (C706 appendix O).
fn of_version(interface: &SyntaxId, request: &LookupRequest) -> bool {
    let Some(wanted) = &request.interface else { return false };
    if interface.uuid != wanted.uuid {
        return false;
    }
    let version = (interface.major, interface.minor);
    match request.vers_option {
        1 => true,
        2 => interface.serves(wanted),
        3 => version == (wanted.major, wanted.minor),
        4 => interface.major == wanted.major,
        5 => version <= (wanted.major, wanted.minor),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapper() -> Mapper {
        let entry = |number, port| Registration {
            interface: SyntaxId::new(Uuid::from_u128(number), 1, 2),
            port,
            annotation: "something".to_owned(),
        };
        Mapper::new((1..=5).map(|number| entry(number, 1000)).collect())
    }

    const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    #[test]
    fn a_listing_comes_in_pages() {
        let mut handle = Handle::default();
        let mut seen = Vec::new();
        loop {
            let request = LookupRequest { max_entries: 2, ..LookupRequest::all(handle) };
            let answer = mapper().call(LOOKUP, &request.encode(), HOST).unwrap();
            let answer = LookupResponse::decode(&answer).unwrap();
            seen.extend(answer.entries);
            handle = answer.handle;
            if handle.is_nil() {
                break;
            }
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[4].annotation, b"something");
        assert_eq!(seen[4].tower.tcp_binding().unwrap().address, HOST);
    }

    #[test]
    fn versions_are_chosen_as_asked() {
        let wanted = |major, minor| SyntaxId::new(Uuid::from_u128(3), major, minor);
        for (vers_option, interface, found) in [
            (1, wanted(9, 9), 1),
            (2, wanted(1, 1), 1),
            (2, wanted(1, 3), 0),
            (3, wanted(1, 2), 1),
            (3, wanted(1, 1), 0),
            (4, wanted(1, 7), 1),
            (5, wanted(1, 1), 0),
            (5, wanted(2, 0), 1),
        ] {
            let request = LookupRequest {
                inquiry_type: 1,
                interface: Some(interface),
                vers_option,
                ..LookupRequest::all(Handle::default())
            };
            let answer = mapper().call(LOOKUP, &request.encode(), HOST).unwrap();
            let answer = LookupResponse::decode(&answer).unwrap();
            assert_eq!(answer.entries.len(), found, "{vers_option} {interface}");
            assert_eq!(answer.status == STATUS_OK, found > 0);
        }
    }

    #[test]
    fn an_interface_is_mapped_to_its_port() {
        let question = |number| {
            MapRequest::new(Tower::tcp(&TowerBinding {
                interface: SyntaxId::new(Uuid::from_u128(number), 1, 0),
                transfer_syntax: SyntaxId::NDR,
                port: 0,
                address: Ipv4Addr::UNSPECIFIED,
            }))
        };
        let ask = |number| {
            let answer = mapper().call(MAP, &question(number).encode(), HOST).unwrap();
            MapResponse::decode(&answer).unwrap()
        };
        assert_eq!(ask(4).tcp_ports().collect::<Vec<_>>(), [1000]);
        assert_eq!((ask(6).towers.len(), ask(6).status), (0, STATUS_NOT_REGISTERED));
    }

    #[test]
    fn foreign_handles_and_bad_stubs_are_faults() {
        let handle = Handle { attributes: 0, uuid: Uuid::from_u128(7) };
        let request = LookupRequest::all(handle).encode();
        assert_eq!(mapper().call(LOOKUP, &request, HOST), Err(FaultStatus::CONTEXT_MISMATCH));
        assert_eq!(mapper().call(MAP, &[1, 2], HOST), Err(FaultStatus::BAD_STUB_DATA));
        assert_eq!(mapper().call(0, &[], HOST), Err(FaultStatus::CANNOT_PERFORM));
        assert_eq!(mapper().call(7, &[], HOST), Err(FaultStatus::OP_RANGE));
        assert_eq!(mapper().call(FREE, &[0; 20], HOST).unwrap().len(), 24);
    }
}
