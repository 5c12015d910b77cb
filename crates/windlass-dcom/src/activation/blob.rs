//! The list of properties within an activation ([MS-DCOM] 2.2.22).

use uuid::Uuid;
use windlass_rpc::ndr::{Limits, Reader, Writer, serialized};

use super::properties::{
    ActivationContext, Instantiation, Location, PropsOut, ScmReply, ScmRequest, Security, SpecialSystem,
};
use crate::error::Error;
use crate::ids::com;
use crate::stub::Stub;

/// The destination: another computer.
const DIFFERENT_MACHINE: u32 = 2;
/// Properties of one activation.
const MOST_PROPERTIES: usize = 64;
/// Bytes of the headers of a serialised type.
const SERIAL_HEADERS: usize = 16;

/// The properties of an activation in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// Where the object shall live.
    pub destination: u32,
    /// The properties.
    pub list: Vec<Property>,
}

/// One property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// Flags of the client's system.
    SpecialSystem(SpecialSystem),
    /// Which class, which interfaces.
    Instantiation(Instantiation),
    /// The contexts of the client.
    ActivationContext(Box<ActivationContext>),
    /// On which server, on whose behalf.
    Security(Security),
    /// Where in the client.
    Location(Location),
    /// How the client reaches the object.
    ScmRequest(ScmRequest),
    /// The interfaces, in the answer.
    PropsOut(PropsOut),
    /// How the object is reached, in the answer.
    ScmReply(ScmReply),
    /// One that this crate does not read.
    Other {
        /// What it is.
        clsid: Uuid,
        /// Its bytes, with the headers of its serialisation.
        bytes: Vec<u8>,
    },
}

const SPECIAL_SYSTEM: Uuid = com(0x1B9);
const INSTANTIATION: Uuid = com(0x1AB);
const ACTIVATION_CONTEXT: Uuid = com(0x1A5);
const SECURITY: Uuid = com(0x1A6);
const LOCATION: Uuid = com(0x1A4);
const SCM_REQUEST: Uuid = com(0x1AA);
const PROPS_OUT: Uuid = com(0x339);
const SCM_REPLY: Uuid = com(0x1B6);

impl Property {
    fn clsid(&self) -> Uuid {
        match self {
            Self::SpecialSystem(_) => SPECIAL_SYSTEM,
            Self::Instantiation(_) => INSTANTIATION,
            Self::ActivationContext(_) => ACTIVATION_CONTEXT,
            Self::Security(_) => SECURITY,
            Self::Location(_) => LOCATION,
            Self::ScmRequest(_) => SCM_REQUEST,
            Self::PropsOut(_) => PROPS_OUT,
            Self::ScmReply(_) => SCM_REPLY,
            Self::Other { clsid, .. } => *clsid,
        }
    }

    /// The property as it stands in the list: serialised on its own.
    fn encode(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::SpecialSystem(property) => serialize(property),
            Self::Instantiation(property) => serialize(property),
            Self::ActivationContext(property) => serialize(property.as_ref()),
            Self::Security(property) => serialize(property),
            Self::Location(property) => serialize(property),
            Self::ScmRequest(property) => serialize(property),
            Self::PropsOut(property) => serialize(property),
            Self::ScmReply(property) => serialize(property),
            Self::Other { bytes, .. } => Ok(bytes.clone()),
        }
    }

    fn decode(clsid: Uuid, bytes: &[u8]) -> Result<Self, Error> {
        Ok(match clsid {
            SPECIAL_SYSTEM => Self::SpecialSystem(deserialize(bytes)?),
            INSTANTIATION => Self::Instantiation(deserialize(bytes)?),
            ACTIVATION_CONTEXT => Self::ActivationContext(Box::new(deserialize(bytes)?)),
            SECURITY => Self::Security(deserialize(bytes)?),
            LOCATION => Self::Location(deserialize(bytes)?),
            SCM_REQUEST => Self::ScmRequest(deserialize(bytes)?),
            PROPS_OUT => Self::PropsOut(deserialize(bytes)?),
            SCM_REPLY => Self::ScmReply(deserialize(bytes)?),
            clsid => Self::Other { clsid, bytes: bytes.to_vec() },
        })
    }
}

impl Properties {
    /// Properties for an object on another computer.
    pub fn new(list: Vec<Property>) -> Self {
        Self { destination: DIFFERENT_MACHINE, list }
    }

    /// Reads the list.
    ///
    /// # Errors
    /// Sizes that do not fit each other, properties that are not what their class says.
    pub fn decode(blob: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(blob, Limits::default());
        let size = reader.size("dwSize")?;
        reader.u32("dwReserved")?;
        let mut all = reader.sub(size, "dwSize")?;
        let header = Header::read(&mut all.clone())?;
        all.skip(header.size, "headerSize")?;
        let mut list = Vec::with_capacity(header.entries.len());
        for (clsid, size) in header.entries {
            list.push(Property::decode(clsid, all.take(size, "property")?)?);
        }
        Ok(Self { destination: header.destination, list })
    }

    /// Writes the list.
    ///
    /// # Errors
    /// Values longer than the wire can say.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut bodies = Vec::new();
        let mut entries = Vec::with_capacity(self.list.len());
        for property in &self.list {
            let body = property.encode()?;
            entries.push((property.clsid(), body.len()));
            bodies.extend(body);
        }
        let mut header = Header { destination: self.destination, size: 0, total: 0, entries };
        header.size = header.encode().len();
        header.total = header.size + bodies.len();
        let mut writer = Writer::new();
        writer.count(header.total);
        writer.u32(0);
        writer.bytes(&header.encode());
        writer.bytes(&bodies);
        Ok(writer.into_bytes())
    }
}

/// What stands before the properties: classes and sizes (CustomHeader).
struct Header {
    destination: u32,
    size: usize,
    total: usize,
    entries: Vec<(Uuid, usize)>,
}

impl Header {
    fn read(outer: &mut Reader<'_>) -> Result<Self, Error> {
        let available = outer.remaining();
        let mut reader = serialized::read(outer, "CustomHeader")?;
        let total = reader.size("totalSize")?;
        let size = reader.size("headerSize")?;
        reader.u32("dwReserved")?;
        let destination = reader.u32("destCtx")?;
        let count = reader.size("cIfs")?;
        reader.uuid("classInfoClsid")?;
        let ids = reader.unique_ptr("pclsid")?.is_some();
        let sizes = reader.unique_ptr("pSizes")?.is_some();
        let reserved = reader.unique_ptr("pdwReserved")?.is_some();
        if !ids || !sizes || reserved {
            return Err(Error::Missing("classes and sizes of the properties"));
        }
        if count > MOST_PROPERTIES {
            return Err(Error::Limit { what: "activation properties", limit: MOST_PROPERTIES });
        }
        if size < SERIAL_HEADERS || size > available {
            return Err(Error::value("headerSize", u64::try_from(size).unwrap_or(u64::MAX), "a size within"));
        }
        let id_count = reader.conformant_count(16, "pclsid")?;
        let ids: Result<Vec<Uuid>, _> = (0..id_count).map(|_| reader.uuid("pclsid")).collect();
        let ids = ids?;
        let size_count = reader.conformant_count(4, "pSizes")?;
        let sizes: Result<Vec<usize>, _> = (0..size_count).map(|_| reader.size("pSizes")).collect();
        let sizes = sizes?;
        if ids.len() != count || sizes.len() != count {
            return Err(Error::Missing("a class and a size for each property"));
        }
        Ok(Self { destination, size, total, entries: ids.into_iter().zip(sizes).collect() })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        serialized::write(&mut writer, |writer| {
            writer.count(self.total);
            writer.count(self.size);
            writer.u32(0);
            writer.u32(self.destination);
            writer.count(self.entries.len());
            writer.uuid(&Uuid::nil());
            writer.unique_ptr(true);
            writer.unique_ptr(true);
            writer.unique_ptr(false);
            writer.conformant_count(self.entries.len());
            for (id, _) in &self.entries {
                writer.uuid(id);
            }
            writer.conformant_count(self.entries.len());
            for (_, size) in &self.entries {
                writer.count(*size);
            }
        });
        writer.into_bytes()
    }
}

fn serialize<T: Stub>(property: &T) -> Result<Vec<u8>, Error> {
    let mut outcome = Ok(());
    let mut writer = Writer::new();
    serialized::write(&mut writer, |writer| outcome = property.write(writer));
    outcome.map(|()| writer.into_bytes())
}

fn deserialize<T: Stub>(bytes: &[u8]) -> Result<T, Error> {
    let mut outer = Reader::new(bytes, Limits::default());
    T::read(&mut serialized::read(&mut outer, "property")?)
}
