//! Parameters of the endpoint mapper's calls.

use uuid::Uuid;

use super::{STATUS_OK, Tower};
use crate::SyntaxId;
use crate::ndr::{FullPointer, Limits, NdrError, NdrErrorKind, Reader, Writer};

/// `ept_lookup_handle_t`: where a listing goes on. All zeros begin and end one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Handle {
    /// Attributes, 0.
    pub attributes: u32,
    /// The handle.
    pub uuid: Uuid,
}

/// `ept_lookup`: lists what is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupRequest {
    /// 0: everything; 1: an interface; 2: an object; 3: both.
    pub inquiry_type: u32,
    /// The object.
    pub object: Option<Uuid>,
    /// The interface.
    pub interface: Option<SyntaxId>,
    /// 1: any version; 2: compatible; 3: exact; 4: the major version; 5: up to.
    pub vers_option: u32,
    /// Where to go on.
    pub handle: Handle,
    /// The most entries to return.
    pub max_entries: u32,
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupEntry {
    /// The object; nil for none.
    pub object: Uuid,
    /// The address. A tower of a protocol that this crate does not know is kept as it is.
    pub tower: Tower,
    /// A remark, at most 63 bytes.
    pub annotation: Vec<u8>,
}

/// The answer to `ept_lookup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupResponse {
    /// Where to go on; zeros at the end.
    pub handle: Handle,
    /// The most entries that were asked for.
    pub max_entries: u32,
    /// Entries.
    pub entries: Vec<LookupEntry>,
    /// 0, or why there is nothing.
    pub status: u32,
}

/// `ept_map`: asks for the address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapRequest {
    /// The object; nil for any.
    pub object: Option<Uuid>,
    /// The tower of the interface, with zeros where the address belongs.
    pub tower: Tower,
    /// Where to go on.
    pub handle: Handle,
    /// The most towers to return.
    pub max_towers: u32,
}

/// The answer to `ept_map`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapResponse {
    /// Where to go on; zeros at the end.
    pub handle: Handle,
    /// The most towers that were asked for.
    pub max_towers: u32,
    /// Towers with addresses.
    pub towers: Vec<Tower>,
    /// 0, or why there is nothing.
    pub status: u32,
}

/// `ept_max_annotation_size`.
const MAX_ANNOTATION: usize = 64;
/// The least that an entry takes with its tower, in bytes.
const MIN_ENTRY: usize = 28;
/// The least that a pointer to a tower takes, in bytes.
const MIN_TOWER: usize = 4;

impl Handle {
    /// Whether a listing begins or ends with it.
    pub fn is_nil(&self) -> bool {
        self.uuid.is_nil()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, NdrError> {
        let attributes = reader.u32("entry_handle")?;
        Ok(Self { attributes, uuid: reader.uuid("entry_handle")? })
    }

    fn write(self, writer: &mut Writer) {
        writer.u32(self.attributes);
        writer.uuid(&self.uuid);
    }
}

impl LookupRequest {
    /// A listing of everything.
    pub fn all(handle: Handle) -> Self {
        Self { inquiry_type: 0, object: None, interface: None, vers_option: 1, handle, max_entries: 100 }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub fn decode(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = Reader::new(stub, Limits::default());
        let inquiry_type = reader.u32("inquiry_type")?;
        let object = object(&mut reader, "object")?;
        let interface = match reader.full_ptr("interface_id")? {
            FullPointer::First(_) => {
                let uuid = reader.uuid("interface_id")?;
                Some(SyntaxId::new(uuid, reader.u16("vers_major")?, reader.u16("vers_minor")?))
            }
            FullPointer::Null | FullPointer::Again(_) => None,
        };
        let vers_option = reader.u32("vers_option")?;
        let handle = Handle::read(&mut reader)?;
        let max_entries = reader.u32("max_ents")?;
        Ok(Self { inquiry_type, object, interface, vers_option, handle, max_entries })
    }

    /// Writes the request.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.inquiry_type);
        write_object(&mut writer, self.object.as_ref());
        if let FullPointer::First(_) = writer.full_ptr(self.interface.map(|_| 2)) {
            let interface = self.interface.unwrap_or(SyntaxId::NDR);
            writer.uuid(&interface.uuid);
            writer.u16(interface.major);
            writer.u16(interface.minor);
        }
        writer.u32(self.vers_option);
        self.handle.write(&mut writer);
        writer.u32(self.max_entries);
        writer.into_bytes()
    }
}

impl LookupResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub fn decode(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = Reader::new(stub, Limits::default());
        let handle = Handle::read(&mut reader)?;
        let count = reader.u32("num_ents")?;
        let counts = reader.conformant_varying(MIN_ENTRY, "entries")?;
        same(&reader, count, counts.actual, "num_ents")?;
        let mut entries = Vec::with_capacity(counts.actual);
        let mut pointers = Vec::with_capacity(counts.actual);
        for _ in 0..counts.actual {
            let object = reader.uuid("object")?;
            pointers.push(reader.full_ptr("tower")?);
            let length = reader.varying_count(MAX_ANNOTATION, 1, "annotation")?;
            let annotation = reader.take(length, "annotation")?;
            let annotation = annotation.strip_suffix(&[0]).unwrap_or(annotation).to_vec();
            entries.push(LookupEntry { object, tower: Tower::default(), annotation });
        }
        for (entry, pointer) in entries.iter_mut().zip(pointers) {
            if let Some(tower) = target(&mut reader, pointer)? {
                entry.tower = tower;
            }
        }
        let status = reader.u32("status")?;
        reader.finish("stub")?;
        Ok(Self { handle, max_entries: narrow(counts.max), entries, status })
    }

    /// Writes the answer.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.handle.write(&mut writer);
        writer.count(self.entries.len());
        writer.u32(self.max_entries);
        writer.varying_count(self.entries.len());
        for entry in &self.entries {
            writer.uuid(&entry.object);
            writer.ref_ptr();
            let annotation = entry.annotation.get(..MAX_ANNOTATION - 1).unwrap_or(&entry.annotation);
            writer.varying_count(annotation.len() + 1);
            writer.bytes(annotation);
            writer.u8(0);
        }
        for entry in &self.entries {
            write_tower(&mut writer, &entry.tower);
        }
        writer.u32(self.status);
        writer.into_bytes()
    }
}

impl MapRequest {
    /// Asks for all addresses of the tower's interface.
    pub fn new(tower: Tower) -> Self {
        Self { object: Some(Uuid::nil()), tower, handle: Handle::default(), max_towers: 4 }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub fn decode(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = Reader::new(stub, Limits::default());
        let object = object(&mut reader, "object")?;
        let pointer = reader.full_ptr("map_tower")?;
        let tower =
            target(&mut reader, pointer)?.ok_or_else(|| reader.error("map_tower", NdrErrorKind::Null))?;
        let handle = Handle::read(&mut reader)?;
        let max_towers = reader.u32("max_towers")?;
        Ok(Self { object, tower, handle, max_towers })
    }

    /// Writes the request.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        write_object(&mut writer, self.object.as_ref());
        writer.ref_ptr();
        write_tower(&mut writer, &self.tower);
        self.handle.write(&mut writer);
        writer.u32(self.max_towers);
        writer.into_bytes()
    }
}

impl MapResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub fn decode(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = Reader::new(stub, Limits::default());
        let handle = Handle::read(&mut reader)?;
        let count = reader.u32("num_towers")?;
        let counts = reader.conformant_varying(MIN_TOWER, "towers")?;
        same(&reader, count, counts.actual, "num_towers")?;
        let pointers: Vec<FullPointer> =
            (0..counts.actual).map(|_| reader.full_ptr("towers")).collect::<Result<_, _>>()?;
        let mut towers = Vec::with_capacity(counts.actual);
        for pointer in pointers {
            towers.extend(target(&mut reader, pointer)?);
        }
        let status = reader.u32("status")?;
        reader.finish("stub")?;
        Ok(Self { handle, max_towers: narrow(counts.max), towers, status })
    }

    /// Writes the answer.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.handle.write(&mut writer);
        writer.count(self.towers.len());
        writer.u32(self.max_towers);
        writer.varying_count(self.towers.len());
        for _ in &self.towers {
            writer.ref_ptr();
        }
        for tower in &self.towers {
            write_tower(&mut writer, tower);
        }
        writer.u32(self.status);
        writer.into_bytes()
    }

    /// The ports over TCP in the answer.
    pub fn tcp_ports(&self) -> impl Iterator<Item = u16> {
        let found = self.status == STATUS_OK;
        self.towers.iter().filter(move |_| found).filter_map(|tower| Some(tower.tcp_binding()?.port))
    }
}

fn object(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<Uuid>, NdrError> {
    match reader.full_ptr(field)? {
        FullPointer::First(_) => reader.uuid(field).map(Some),
        FullPointer::Null | FullPointer::Again(_) => Ok(None),
    }
}

fn write_object(writer: &mut Writer, object: Option<&Uuid>) {
    writer.full_ptr(object.map(|_| 1));
    if let Some(object) = object {
        writer.uuid(object);
    }
}

/// `twr_t`, if it follows.
fn target(reader: &mut Reader<'_>, pointer: FullPointer) -> Result<Option<Tower>, NdrError> {
    let FullPointer::First(_) = pointer else { return Ok(None) };
    let max = reader.u32("tower_octet_string")?;
    let length = reader.size("tower_length")?;
    same(reader, max, length, "tower_length")?;
    Tower::decode(reader.take(length, "tower_octet_string")?).map(Some)
}

fn write_tower(writer: &mut Writer, tower: &Tower) {
    let bytes = tower.encode();
    writer.conformant_count(bytes.len());
    writer.count(bytes.len());
    writer.bytes(&bytes);
}

fn same(reader: &Reader<'_>, claimed: u32, actual: usize, field: &'static str) -> Result<(), NdrError> {
    if usize::try_from(claimed) == Ok(actual) {
        return Ok(());
    }
    let expected = "the count that the array has";
    Err(reader.error(field, NdrErrorKind::Value { actual: claimed.into(), expected }))
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
